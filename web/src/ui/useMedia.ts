// Follows a media query, for what CSS alone cannot leave out.
import { useMemo, useSyncExternalStore } from 'react';

export function useMedia(query: string): boolean {
  const list = useMemo(() => window.matchMedia(query), [query]);
  return useSyncExternalStore(
    (listener) => {
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    () => list.matches,
  );
}

/** Too narrow for a table's extra columns. */
export const useNarrow = (): boolean => useMedia('(max-width: 760px)');
