// Choices kept in this browser: theme, and how terminals look. Nothing secret is ever kept here.
import { useSyncExternalStore } from 'react';

export type Theme = 'dark' | 'light' | 'system';
export type Renderer = 'auto' | 'webgl' | 'dom';
export type Prefs = { theme: Theme; fontSize: number; screenReader: boolean; renderer: Renderer };

const keys = { theme: 'sallyport.theme', terminal: 'sallyport.terminal' } as const;
/** D2Coding's cell is half as wide as high: at even sizes it is whole pixels, and Korean fills two cells exactly. */
export const fontSizes = { min: 10, max: 28, normal: 14, step: 2 } as const;

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}

function load(): Prefs {
  const theme = read(keys.theme);
  let terminal: Partial<Prefs> = {};
  try {
    terminal = JSON.parse(read(keys.terminal) ?? '{}') as Partial<Prefs>;
  } catch {
    // A value that does not parse counts as none.
  }
  return {
    theme: theme === 'dark' || theme === 'light' ? theme : 'system',
    fontSize: typeof terminal.fontSize === 'number' ? clampFont(terminal.fontSize) : fontSizes.normal,
    screenReader: terminal.screenReader === true,
    renderer: terminal.renderer === 'webgl' || terminal.renderer === 'dom' ? terminal.renderer : 'auto',
  };
}

export function clampFont(size: number): number {
  return Math.max(fontSizes.min, Math.min(fontSizes.max, Math.round(size / fontSizes.step) * fontSizes.step));
}

let current: Prefs = load();
const listeners = new Set<() => void>();

export const prefs = {
  get: (): Prefs => current,
  set(change: Partial<Prefs>): void {
    current = { ...current, ...change };
    if (current.theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = current.theme;
    write(keys.theme, current.theme === 'system' ? null : current.theme);
    const { fontSize, screenReader, renderer } = current;
    write(keys.terminal, JSON.stringify({ fontSize, screenReader, renderer }));
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function usePrefs(): Prefs {
  return useSyncExternalStore(prefs.subscribe, prefs.get);
}

export function isDark(): boolean {
  const { theme } = current;
  return theme === 'system' ? !window.matchMedia('(prefers-color-scheme: light)').matches : theme === 'dark';
}
