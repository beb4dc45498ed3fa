// How often a list that comes in pages is asked for again.

type Pages = {
  state: { data?: { pages: unknown[] } | undefined; error: unknown; fetchMeta?: { fetchMore?: unknown } | null };
};

/**
 * Every page is asked for again, so only who looks at the newest alone is kept up to date; nor is a failed older page
 * asked for again by the way.
 */
export const freshWhileFirst = ({ state }: Pages, everyMs: number): number | false =>
  (state.data?.pages.length ?? 0) > 1 || (state.error && state.fetchMeta?.fetchMore) ? false : everyMs;
