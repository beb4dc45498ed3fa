// Hands a terminal from any room, already on its way in, to the terminal room, which loads on its own; and tells how many live.
// Knows no pane and no screen. What no room has taken yet waits here, shows in the count, and is never another person's.
import { onPersonChanged } from '../api/client';
import { type Entry, enter, type Target } from './entry';
import { lastSize } from './lastSize';
import type { Phase } from './session';

export type { Target } from './entry';

/** Each entry that nobody has taken yet, with what stops following it. */
const waiting = new Map<Entry, () => void>();
const listeners = new Set<() => void>();
let onDeck = 0;
let isLetGo = false;

const underWay: ReadonlySet<Phase> = new Set<Phase>(['minting', 'gate1', 'gate2', 'live']);
const waitingIn = (phases: (phase: Phase) => boolean): number =>
  [...waiting.keys()].filter(({ session }) => phases(session.state.phase)).length;

function tell(): void {
  for (const listener of listeners) listener();
}

/**
 * A room takes the page's whole attention while it is built, and what the gates answer would wait for it; afterwards the
 * hub is busy with the shell, and the room is built meanwhile. Not longer than a click may go without an answer.
 */
const headStartMs = 100;
const beforeUpgrade: ReadonlySet<Phase> = new Set<Phase>(['idle', 'minting', 'gate1']);

/** Wishes whose head start is not over: a second click on the same thing is no second wish. */
const heading = new Map<string, Promise<void>>();

/** Resolves when it is time to go to the terminal room. */
export function wishForTerminal(target: Target): Promise<void> {
  const key = JSON.stringify(target);
  const same = heading.get(key);
  if (same) return same;
  const entry = enter(target, lastSize());
  waiting.set(entry, entry.session.subscribe(tell));
  const started = headStart(entry).then(() => void heading.delete(key));
  heading.set(key, started);
  tell();
  return started;
}

function headStart(entry: Entry): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      window.clearTimeout(timer);
      unfollow();
      resolve();
    };
    const timer = window.setTimeout(go, headStartMs);
    const unfollow = entry.session.subscribe(() => {
      if (!beforeUpgrade.has(entry.session.state.phase)) go();
    });
  });
}

export function takeEntries(): Entry[] {
  const taken = [...waiting.keys()];
  for (const unfollow of waiting.values()) unfollow();
  waiting.clear();
  return taken;
}

// The page is about to be loaded anew, and nobody is there to be asked about another's terminals.
onPersonChanged(() => {
  for (const { session } of takeEntries()) session.close();
  tell();
});

export const liveTally = {
  get: (): number => onDeck + waitingIn((phase) => phase === 'live'),
  set(count: number): void {
    if (count === onDeck) return;
    onDeck = count;
    tell();
  },
};

/** How many shells leaving the page would end, with those on their way in that no room shows yet. */
export function shellsHeld(): number {
  return isLetGo ? 0 : onDeck + waitingIn((phase) => underWay.has(phase));
}

export function holdsShells(): boolean {
  return shellsHeld() > 0;
}

/** The person has signed out, and the hub ends every shell: the page asks nothing more on its way out. */
export function letShellsGo(): void {
  isLetGo = true;
  tell();
}

export function onHandover(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
