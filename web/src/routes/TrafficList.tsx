// The list of units: live while one looks at its top, held while one reads; a unit opens below it.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { TrafficUnit } from '../api/contract';
import { problemOf } from '../api/problem';
import { acts, queries } from '../api/queries';
import { type Translate, useLanguage, useT } from '../i18n';
import { Button, IconButton } from '../ui/controls';
import { FilterInput } from '../ui/FilterInput';
import { Badge, Empty, Notice, SkeletonRows, type Tone } from '../ui/show';
import { absoluteTime } from '../ui/time';
import { useNarrow } from '../ui/useMedia';
import { useRowHeight } from '../ui/useRowHeight';
import { type Column, VirtualGrid } from '../ui/VirtualGrid';
import { ProblemNotice } from './ProblemView';
import { HowToBegin } from './TrafficAgents';
import { TrafficDetail } from './TrafficDetail';
import { TrafficFigures } from './TrafficFigures';
import { TrafficFeed } from './trafficFeed';
import { about, latency, microTime, statusTone } from './trafficView';
import type { TrafficSearch } from './urlState';

const examples = ['status >= 400', 'verb == watch', 'resource == secrets', 'user ~ system:node', 'latency_ms > 1000'];

const feedTones = { live: 'good', held: 'calm', stale: 'warn', refused: 'bad', starting: 'accent' } as const satisfies {
  [word: string]: Tone;
};

export function TrafficList({
  search,
  change,
  onUpload,
  onMark,
}: {
  search: TrafficSearch;
  change: (part: Partial<TrafficSearch>) => void;
  onUpload: () => void;
  onMark: (mark: ReactNode) => void;
}): ReactNode {
  const t = useT();
  const filter = search.q?.trim() || undefined;
  // A filter that the hub does not understand is told with its fault, and nothing is followed.
  const check = useQuery({ ...queries.trafficFilter(filter ?? ''), enabled: filter !== undefined });
  const understood = filter === undefined || check.data === true;
  return (
    <>
      <div className="filters">
        <FilterInput
          label={t('traffic.filter')}
          placeholder="verb == list and status >= 400"
          value={search.q ?? ''}
          onChange={(q) => change({ q: q || undefined })}
        />
        {filter && (
          <Button kind="quiet" onPress={() => change({ q: undefined })}>
            {t('act.clear')}
          </Button>
        )}
        <details className="more filter-help">
          <summary>{t('traffic.help')}</summary>
          <p className="muted">{t('traffic.helpLead', { signs: '== != < <= > >= ~', words: 'and, or, not' })}</p>
          <div className="badges">
            {examples.map((example) => (
              <Button key={example} size="small" onPress={() => change({ q: example })}>
                {example}
              </Button>
            ))}
          </div>
          <p className="muted">
            {t('traffic.helpFields')}{' '}
            <span className="mono">
              user, verb, resource, subresource, namespace, name, group, status, latency_ms, method, path, header,
              source, destination, port, protocol, length, info, connection, stream, side, number
            </span>
          </p>
        </details>
      </div>
      {check.error && <FilterFault error={check.error} />}
      {understood && <Units key={filter ?? ''} {...{ filter, search, change, onUpload, onMark }} />}
      {!understood && !check.error && <SkeletonRows rows={14} label={t('act.loading')} />}
    </>
  );
}

/** The hub's own words point at the place by a second line and a caret. */
function FilterFault({ error }: { error: unknown }): ReactNode {
  const t = useT();
  const problem = problemOf(error);
  if (problem.code !== 'bad_request') return <ProblemNotice error={error} />;
  return (
    <Notice tone="bad" live="polite" title={t('traffic.filterFault')}>
      <pre className="json" lang="en">
        {problem.detail.replace(/^`filter`: /, '')}
      </pre>
    </Notice>
  );
}

function Units({
  filter,
  search,
  change,
  onUpload,
  onMark,
}: {
  filter: string | undefined;
  search: TrafficSearch;
  change: (part: Partial<TrafficSearch>) => void;
  onUpload: () => void;
  onMark: (mark: ReactNode) => void;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const narrow = useNarrow();
  const rowHeight = useRowHeight();
  const [feed] = useState(() => new TrafficFeed(filter));
  const { units, state, trouble, nextBefore } = useSyncExternalStore(feed.subscribe, feed.get);
  const [paused, setPaused] = useState(false);
  const [atTop, setAtTop] = useState(true);
  const [toTop, setToTop] = useState(0);
  const following = !paused && atTop;
  const { shown, fresh } = useHeld(units, following);

  useEffect(() => {
    const word = state === 'live' ? (following ? 'live' : 'held') : trouble?.kind === 'refused' ? 'refused' : state;
    onMark(
      <span role="status">
        <Badge tone={feedTones[word]}>{t(`traffic.feed.${word}`)}</Badge>
      </span>,
    );
    return () => onMark(null);
  }, [state, trouble, following, onMark, t]);

  const open = useCallback(
    (unit: { number: number }) => {
      setPaused(true);
      change({ unit: unit.number });
    },
    [change],
  );
  const follow = () => {
    setPaused(false);
    // A list that was left scrolled down and came back does not tell that it is at its top.
    setAtTop(true);
    setToTop((old) => old + 1);
  };
  const fetching = useRef(false);
  const [pageError, setPageError] = useState<unknown>(null);
  const more = useCallback(() => {
    if (nextBefore === undefined || fetching.current || pageError !== null) return;
    fetching.current = true;
    acts
      .trafficPage(filter, nextBefore)
      .then((page) => feed.older(nextBefore, page), setPageError)
      .finally(() => {
        fetching.current = false;
      });
  }, [feed, filter, nextBefore, pageError]);
  // Rare units lie far back: a page that found none is no end.
  useEffect(() => {
    if (state !== 'starting' && shown.length < 50) more();
  }, [state, shown.length, more]);

  const columns = useMemo(() => columnsOf(t, lang, narrow, open), [t, lang, narrow, open]);
  const looking = nextBefore !== undefined && shown.length === 0;
  return (
    <>
      {/* An open unit needs the room. */}
      {search.unit === undefined && <TrafficFigures filter={filter} span={search.span ?? 15} change={change} />}
      <div className="traffic-bar">
        {following ? (
          <Button size="small" onPress={() => setPaused(true)}>
            {t('traffic.pause')}
          </Button>
        ) : (
          <Button size="small" kind="primary" icon="up" onPress={follow}>
            {fresh > 0 ? t('traffic.followNew', { n: fresh }) : t('traffic.follow')}
          </Button>
        )}
        <span className="muted" role="status">
          {state !== 'starting' && t('traffic.shown', { n: shown.length })}
          {nextBefore !== undefined && state !== 'starting' && ` ${t('traffic.andOlder')}`}
        </span>
      </div>
      {pageError !== null && <ProblemNotice error={pageError} onRetry={() => setPageError(null)} />}
      {trouble?.kind === 'refused' && <ProblemNotice error={trouble.error} />}
      {trouble?.kind === 'store' && (
        <Notice tone="warn" live="polite" title={t('traffic.stale.store')}>
          {t('traffic.stale.storeTodo')}
        </Notice>
      )}
      <div className={search.unit === undefined || narrow ? 'traffic-split' : 'traffic-split traffic-split-open'}>
        {((state === 'starting' && !trouble) || looking) && <SkeletonRows rows={12} label={t('act.loading')} />}
        {state !== 'starting' && !looking && shown.length === 0 && (
          <NoUnits filtered={filter !== undefined} onUpload={onUpload} />
        )}
        {shown.length > 0 && (
          <VirtualGrid
            label={t('traffic.view.units')}
            columns={columns}
            rows={shown}
            rowKey={(unit) => String(unit.number)}
            rowHeight={rowHeight}
            onOpen={open}
            onEndReached={more}
            onAtTop={setAtTop}
            toTop={toTop}
          />
        )}
        {/* A unit may be open that the list does not show: its address was handed over, or the filter changed. */}
        {search.unit !== undefined && (
          <TrafficDetail
            number={search.unit}
            filter={filter}
            onOpen={open}
            onFilter={(q) => change({ q, unit: undefined })}
            onClose={() => change({ unit: undefined })}
            inDialog={narrow}
          />
        )}
      </div>
    </>
  );
}

/** What is shown: everything while following, and else what there was when it was held; and how many came since. */
function useHeld(units: readonly TrafficUnit[], following: boolean): { shown: readonly TrafficUnit[]; fresh: number } {
  const held = useRef(0);
  if (following) held.current = units[0]?.number ?? 0;
  const mark = held.current;
  return useMemo(() => {
    const fresh = units.findIndex((unit) => unit.number <= mark);
    // Nothing was there to hold, or a new snapshot took its place.
    if (fresh <= 0) return { shown: units, fresh: 0 };
    return { shown: units.slice(fresh), fresh };
  }, [units, mark]);
}

function NoUnits({ filtered, onUpload }: { filtered: boolean; onUpload: () => void }): ReactNode {
  const t = useT();
  if (filtered)
    return (
      <Empty icon="traffic" title={t('traffic.noneFiltered')}>
        {t('audit.noneFiltered')}
      </Empty>
    );
  return (
    <Empty
      icon="traffic"
      title={t('traffic.none')}
      action={
        <>
          <HowToBegin />
          <p>{t('traffic.noneTodo')}</p>
          <pre className="json">{"tcpdump -i any -s 0 -w api.pcap 'tcp port 6443'"}</pre>
          <Button kind="primary" icon="plus" onPress={onUpload}>
            {t('traffic.upload')}
          </Button>
        </>
      }
    >
      {t('traffic.noneLead')}
    </Empty>
  );
}

function columnsOf(
  t: Translate,
  lang: string,
  narrow: boolean,
  open: (unit: TrafficUnit) => void,
): Column<TrafficUnit>[] {
  const mono = (text: string) => (
    <span className="mono clip" title={text}>
      {text}
    </span>
  );
  const all: Column<TrafficUnit>[] = [
    { id: 'number', head: t('traffic.number'), track: '56px', extra: true, cell: (unit) => unit.number },
    {
      id: 'time',
      head: t('audit.at'),
      track: narrow ? '92px' : '118px',
      cell: (unit) => (
        <time className="mono clip" dateTime={unit.time} title={absoluteTime(unit.time, lang)}>
          {narrow ? microTime(unit.time).slice(0, 12) : microTime(unit.time)}
        </time>
      ),
    },
    {
      id: 'source',
      head: t('traffic.source'),
      track: 'minmax(108px, 1.2fr)',
      extra: true,
      cell: (unit) => mono(unit.source),
    },
    {
      id: 'destination',
      head: t('traffic.destination'),
      track: 'minmax(108px, 1.2fr)',
      extra: true,
      cell: (unit) => mono(unit.destination),
    },
    { id: 'protocol', head: t('traffic.protocol'), track: '68px', extra: true, cell: (unit) => unit.protocol },
    {
      id: 'length',
      head: t('traffic.length'),
      track: '62px',
      extra: true,
      align: 'end',
      cell: (unit) => unit.length.toLocaleString(lang),
    },
    {
      id: 'info',
      head: t('traffic.info'),
      track: narrow ? 'minmax(0, 1fr)' : 'minmax(180px, 4fr)',
      cell: (unit) => <Info unit={unit} />,
    },
    {
      id: 'user',
      head: t('traffic.user'),
      track: 'minmax(60px, 1fr)',
      extra: true,
      cell: (unit) => mono(unit.user ?? ''),
    },
    {
      id: 'latency',
      head: t('traffic.latency'),
      track: '76px',
      extra: true,
      align: 'end',
      cell: (unit) => (unit.latency_us === undefined ? '' : latency(unit.latency_us, lang)),
    },
    {
      id: 'open',
      head: t('audit.details'),
      track: '44px',
      align: 'end',
      cell: (unit) => (
        <IconButton icon="info" label={t('traffic.detailsOf', { number: unit.number })} onPress={() => open(unit)} />
      ),
    },
  ];
  return all.filter((column) => !narrow || !column.extra);
}

function Info({ unit }: { unit: TrafficUnit }): ReactNode {
  const text = about(unit);
  const isAnswer = unit.side === 'server';
  return (
    <span className="clip" title={`${unit.info}${isAnswer && text ? `  ← ${text}` : ''}`}>
      {unit.status === undefined ? unit.info : <Badge tone={statusTone(unit.status)}>{unit.info}</Badge>}
      {isAnswer && text && <span className="muted"> ← {text}</span>}
    </span>
  );
}
