// A list that the hub gives in pages: read on by a button, and kept fresh while only its newest page is read.
import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { freshWhileFirst } from '../api/pages';
import { useT } from '../i18n';
import { Button } from '../ui/controls';
import { ProblemNotice } from './ProblemView';

interface Page<Row> {
  items: Row[];
  next?: string | null;
}

/**
 * What has been read of a list; `undefined` before its first page came. Its error is that of what has been read, and
 * `MoreRows` tells of a next page that did not come.
 */
export function usePages<Row>(
  queryKey: QueryKey,
  page: (after: string | undefined) => Promise<Page<Row>>,
  everyMs: number,
) {
  const pages = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => page(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: 2_000,
    refetchInterval: (query) => freshWhileFirst(query, everyMs),
  });
  return {
    ...pages,
    rows: pages.data?.pages.flatMap((each) => each.items),
    error: pages.isFetchNextPageError ? null : pages.error,
    moreError: pages.isFetchNextPageError ? pages.error : null,
  };
}

/** Under the rows: how many they are as long as there are more, and the button that brings those. */
export function MoreRows({ pages }: { pages: ReturnType<typeof usePages> }): ReactNode {
  const t = useT();
  if (!pages.hasNextPage) return null;
  return (
    <div className="more-rows">
      <span className="faint" role="status">
        {t('list.shown', { n: pages.rows?.length ?? 0 })}
      </span>
      <Button onPress={() => void pages.fetchNextPage()} isDisabled={pages.isFetchingNextPage}>
        {pages.isFetchingNextPage ? t('act.loading') : t('list.more')}
      </Button>
      {pages.moreError && <ProblemNotice error={pages.moreError} onRetry={() => void pages.fetchNextPage()} />}
    </div>
  );
}
