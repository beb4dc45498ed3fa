// The height of a table's row, larger where fingers point.
import { useSyncExternalStore } from 'react';

const coarse = typeof window === 'undefined' ? null : window.matchMedia('(pointer: coarse)');

export function useRowHeight(): number {
  const isCoarse = useSyncExternalStore(
    (listener) => {
      coarse?.addEventListener('change', listener);
      return () => coarse?.removeEventListener('change', listener);
    },
    () => coarse?.matches ?? false,
  );
  return isCoarse ? 44 : 32;
}
