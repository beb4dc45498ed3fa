// The size of the last terminal that had a tab to itself: the next one's shell starts at it before its screen stands.
import { prefs } from '../prefs';

export type Size = { cols: number; rows: number };

const key = 'sallyport.terminal.size';

/** A size holds only where it would come out the same again. */
const place = (): string =>
  [window.innerWidth, window.innerHeight, window.devicePixelRatio, prefs.get().fontSize].join(' ');

export function keepSize({ cols, rows }: Size): void {
  try {
    localStorage.setItem(key, JSON.stringify({ cols, rows, place: place() }));
  } catch {
    // Storage may be forbidden: the next shell then waits for its screen.
  }
}

export function lastSize(): Size | null {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Size & { place: string }>;
    if (kept.place !== place() || !isCount(kept.cols) || !isCount(kept.rows)) return null;
    return { cols: kept.cols, rows: kept.rows };
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}
