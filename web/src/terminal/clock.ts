// Time as the terminal's state machines take it, so that tests can turn the hands.
export type Clock = {
  now: () => number;
  setTimeout: (task: () => void, delayMs: number) => number;
  clearTimeout: (id: number) => void;
};

export const realClock: Clock = {
  now: () => performance.now(),
  setTimeout: (task, delayMs) => window.setTimeout(task, delayMs),
  clearTimeout: (id) => window.clearTimeout(id),
};
