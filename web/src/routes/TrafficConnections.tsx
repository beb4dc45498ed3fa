// The connections that are over: how far each could be read, and what to do about the rest.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useMemo } from 'react';
import type { TrafficConnection } from '../api/contract';
import { freshWhileFirst } from '../api/pages';
import { ApiProblem, ownProblem } from '../api/problem';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, IconButton, Select } from '../ui/controls';
import { Dialog } from '../ui/overlays';
import { Badge, Empty, SkeletonRows } from '../ui/show';
import { absoluteTime, bytes } from '../ui/time';
import { useNarrow } from '../ui/useMedia';
import { useRowHeight } from '../ui/useRowHeight';
import { type Column, VirtualGrid } from '../ui/VirtualGrid';
import { ProblemNotice } from './ProblemView';
import { accountKey, decryptionOf, decryptionTone, microTime } from './trafficView';
import type { TrafficSearch } from './urlState';

export function TrafficConnections({
  search,
  change,
  onUpload,
}: {
  search: TrafficSearch;
  change: (part: Partial<TrafficSearch>) => void;
  onUpload: () => void;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const narrow = useNarrow();
  const rowHeight = useRowHeight();
  const pages = useInfiniteQuery({
    queryKey: ['traffic', 'connections', search.state],
    queryFn: ({ pageParam }) => acts.trafficConnections(search.state, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next_before,
    refetchInterval: (query) => freshWhileFirst(query, 10_000),
  });
  const { data, error, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = pages;
  const connections = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const states = data?.pages[0]?.by_decryption ?? [];
  // A select shows nothing for a value that is no choice.
  const gone = states.some(({ state }) => state === search.state) ? undefined : search.state;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  const open = useCallback((each: { number: number }) => change({ connection: each.number }), [change]);
  const columns = useMemo(() => {
    const mono = (text: string) => (
      <span className="mono clip" title={text}>
        {text}
      </span>
    );
    const all: Column<TrafficConnection>[] = [
      { id: 'number', head: t('traffic.number'), track: '64px', extra: true, cell: (each) => each.number },
      {
        id: 'began',
        head: t('live.since'),
        track: '118px',
        extra: true,
        cell: (each) => mono(microTime(each.began_at)),
      },
      { id: 'client', head: t('traffic.client'), track: 'minmax(100px, 1.2fr)', cell: (each) => mono(each.client) },
      {
        id: 'server',
        head: t('traffic.server'),
        track: 'minmax(100px, 1.2fr)',
        extra: true,
        cell: (each) => mono(each.server),
      },
      {
        id: 'decryption',
        head: t('traffic.decryption'),
        track: 'minmax(120px, 1fr)',
        cell: (each) => <DecryptionBadge state={each.decryption} />,
      },
      {
        id: 'tls',
        head: 'TLS',
        track: 'minmax(100px, 2fr)',
        extra: true,
        cell: (each) => mono([each.tls?.version, each.tls?.suite].filter(Boolean).join(' · ')),
      },
      {
        id: 'requests',
        head: t('traffic.requests'),
        track: '72px',
        extra: true,
        align: 'end',
        cell: (each) => each.requests.toLocaleString(lang),
      },
      {
        id: 'open',
        head: t('audit.details'),
        track: '44px',
        align: 'end',
        cell: (each) => (
          <IconButton
            icon="info"
            label={t('traffic.connectionOf', { number: each.number })}
            onPress={() => open(each)}
          />
        ),
      },
    ];
    return all.filter((column) => !narrow || !column.extra);
  }, [t, lang, narrow, open]);
  return (
    <>
      <div className="filters">
        <Select
          label={t('traffic.decryption')}
          labelHidden
          value={search.state ?? '*'}
          choices={[
            { id: '*', label: t('traffic.allStates') },
            ...states.map(({ state, connections: n }) => ({
              id: state,
              label: `${decryptionWord(t, state)} (${n.toLocaleString(lang)})`,
            })),
            ...(gone ? [{ id: gone, label: `${decryptionWord(t, gone)} (0)` }] : []),
          ]}
          onChange={(id) => change({ state: id === '*' ? undefined : id })}
        />
        <span className="badges" role="status">
          {states.map(({ state, connections: n }) => (
            <Badge key={state} tone={decryptionTone(state)}>
              {decryptionWord(t, state)}: {n.toLocaleString(lang)}
            </Badge>
          ))}
        </span>
      </div>
      {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={14} label={t('act.loading')} />}
      {isFetchNextPageError && <ProblemNotice error={error} onRetry={() => void fetchNextPage()} />}
      {data && connections.length === 0 && search.state !== undefined && (
        <Empty icon="traffic" title={t('traffic.noConnectionsFiltered')}>
          {t('audit.noneFiltered')}
        </Empty>
      )}
      {data && connections.length === 0 && search.state === undefined && (
        <Empty
          icon="traffic"
          title={t('traffic.noConnections')}
          action={
            <Button icon="plus" onPress={onUpload}>
              {t('traffic.upload')}
            </Button>
          }
        >
          {t('traffic.noConnectionsTodo')}
        </Empty>
      )}
      {connections.length > 0 && (
        <VirtualGrid
          label={t('traffic.view.connections')}
          columns={columns}
          rows={connections}
          rowKey={(each) => String(each.number)}
          rowHeight={rowHeight}
          onOpen={open}
          onEndReached={more}
        />
      )}
      {search.connection !== undefined && (
        <ConnectionDialog
          number={search.connection}
          listed={connections.find((each) => each.number === search.connection)}
          onUnits={(q) => change({ view: undefined, q, unit: undefined, connection: undefined })}
          onClose={() => change({ connection: undefined })}
        />
      )}
    </>
  );
}

/** One connection, also if the list has not come as far, or is filtered otherwise. */
function ConnectionDialog({
  number,
  listed,
  onUnits,
  onClose,
}: {
  number: number;
  listed: TrafficConnection | undefined;
  onUnits: (filter: string) => void;
  onClose: () => void;
}): ReactNode {
  const t = useT();
  const fetched = useQuery({ ...queries.trafficConnection(number), enabled: listed === undefined });
  const connection = listed ?? fetched.data;
  const error = fetched.data === null ? new ApiProblem(ownProblem('not_found', '', 404)) : fetched.error;
  return (
    <Dialog title={t('traffic.connectionOf', { number })} isOpen onClose={onClose} wide>
      <div className="dialog-body">
        {connection && <ConnectionFacts connection={connection} />}
        {!connection && error && <ProblemNotice error={error} />}
        {!connection && !error && <SkeletonRows rows={6} label={t('act.loading')} />}
      </div>
      <div className="dialog-actions">
        {connection && (
          <Button kind="primary" onPress={() => onUnits(`connection == ${number}`)}>
            {t('traffic.showUnits')}
          </Button>
        )}
        <Button onPress={onClose}>{t('act.close')}</Button>
      </div>
    </Dialog>
  );
}

function decryptionWord(t: ReturnType<typeof useT>, state: string): string {
  const known = decryptionOf(state);
  return known ? t(`traffic.decryption.${known}`) : state;
}

export function DecryptionBadge({ state }: { state: string }): ReactNode {
  const t = useT();
  return <Badge tone={decryptionTone(state)}>{decryptionWord(t, state)}</Badge>;
}

export function ConnectionFacts({ connection }: { connection: TrafficConnection }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const known = decryptionOf(connection.decryption);
  const { tls } = connection;
  const account = (bytesBy: Record<string, number>) =>
    Object.entries(bytesBy)
      .map(([code, count]) => {
        const key = accountKey(code);
        return `${key ? t(key) : code}: ${bytes(count, lang)}`;
      })
      .join(' · ');
  const facts: [string, ReactNode][] = [
    [t('traffic.decryption'), <DecryptionBadge key="d" state={connection.decryption} />],
    [
      t('problem.todo'),
      known && known !== 'decrypted' && known !== 'clear' && known !== 'silent' && t(`traffic.advice.${known}`),
    ],
    [
      t('traffic.from'),
      <span key="f" className="mono">
        {connection.client} → {connection.server}
      </span>,
    ],
    [t('live.since'), absoluteTime(connection.began_at, lang)],
    [t('traffic.ended'), absoluteTime(connection.ended_at, lang)],
    [
      'TLS',
      tls && (
        <span key="t" className="mono">
          {[tls.version, tls.suite, tls.protocol, tls.server_name].filter(Boolean).join(' · ')}
        </span>
      ),
    ],
    [t('traffic.resumed'), tls?.resumed && t('traffic.yes')],
    [t('traffic.requests'), connection.requests.toLocaleString(lang)],
    [t('traffic.wire'), account(connection.wire)],
    [t('traffic.content'), account(connection.content)],
    [t('traffic.missing'), connection.missing > 0 && bytes(connection.missing, lang)],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, fact]) => fact)
        .map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
    </dl>
  );
}
