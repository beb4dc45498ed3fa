// Waiting on states: nothing in these suites sleeps for a time and hopes.
import { setTimeout as pause } from 'node:timers/promises';

/** Asks until the answer is truthy and returns it; fails with the last answer or error after `seconds`. */
export async function until(what, ask, { seconds = 20, everyMs = 50 } = {}) {
  const deadline = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const shown = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`waited ${seconds} s in vain for: ${what}; last seen: ${String(shown).slice(0, 2000)}`);
    }
    await pause(everyMs);
  }
}

/** How long something took, in milliseconds. */
export async function timed(act) {
  const started = performance.now();
  await act();
  return performance.now() - started;
}
