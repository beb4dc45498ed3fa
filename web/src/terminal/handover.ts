// Hands a terminal from any room, already on its way in, to the terminal room, which loads on its own; and tells how many live.
import { type Entry, enter, type Target } from './entry';
import { lastSize } from './lastSize';

export type { Target } from './entry';

const entries: Entry[] = [];
const listeners = new Set<() => void>();
let live = 0;

export function wishForTerminal(target: Target): void {
  entries.push(enter(target, lastSize()));
  for (const listener of listeners) listener();
}

export function takeEntries(): Entry[] {
  return entries.splice(0);
}

export const liveTally = {
  get: (): number => live,
  set(count: number): void {
    if (count === live) return;
    live = count;
    for (const listener of listeners) listener();
  },
};

export function onHandover(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
