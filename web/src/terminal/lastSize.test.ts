import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepSize, lastSize } from './lastSize';

const chosen = vi.hoisted(() => ({ fontSize: 14 }));
vi.mock('../prefs', () => ({ prefs: { get: () => chosen } }));

const key = 'sallyport.terminal.size';
let kept: Map<string, string>;
let window: { innerWidth: number; innerHeight: number; devicePixelRatio: number };

beforeEach(() => {
  kept = new Map();
  window = { innerWidth: 1280, innerHeight: 800, devicePixelRatio: 2 };
  chosen.fontSize = 14;
  vi.stubGlobal('window', window);
  vi.stubGlobal('localStorage', {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
  });
});
afterEach(() => vi.unstubAllGlobals());

test('no terminal has been open yet', () => expect(lastSize()).toBeNull());

test('the last one is kept, and only what is asked for of it', () => {
  keepSize({ cols: 80, rows: 24 });
  keepSize({ cols: 120, rows: 40, title: 'secret' } as { cols: number; rows: number });
  expect(lastSize()).toEqual({ cols: 120, rows: 40 });
  expect([...kept.values()].join()).not.toContain('secret');
});

test.each([
  ['a wider window', () => (window.innerWidth = 1281)],
  ['a lower window', () => (window.innerHeight = 799)],
  ['another zoom', () => (window.devicePixelRatio = 1)],
  ['another text size', () => (chosen.fontSize = 16)],
])('%s would not come out the same', (_, change) => {
  keepSize({ cols: 120, rows: 40 });
  change();
  expect(lastSize()).toBeNull();
});

test.each([0, -1, 1.5, '120', null, undefined])('a width of %j is none', (cols) => {
  keepSize({ cols: 120, rows: 40 });
  const whole = JSON.parse(kept.get(key) ?? '') as object;
  expect(lastSize()).not.toBeNull();
  kept.set(key, JSON.stringify({ ...whole, cols }));
  expect(lastSize()).toBeNull();
});

test.each(['', 'null', '7', '[]', '{"cols":', '{"cols":120,"rows":40}'])('«%s» in its place is none', (value) => {
  kept.set(key, value);
  expect(lastSize()).toBeNull();
});

test('a storage that is forbidden is as none', () => {
  const forbidden = () => {
    throw new DOMException('no', 'SecurityError');
  };
  vi.stubGlobal('localStorage', { getItem: forbidden, setItem: forbidden });
  expect(() => keepSize({ cols: 120, rows: 40 })).not.toThrow();
  expect(lastSize()).toBeNull();
});
