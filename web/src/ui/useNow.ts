// One ticking clock for every relative time on the page.
import { useSyncExternalStore } from 'react';

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const tick of listeners) tick();
  }, 5000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function read(): number {
  // With no ticker running the stored time may be old; a jump of a second is not worth a render.
  if (Date.now() - now > 6000) now = Date.now();
  return now;
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, read);
}
