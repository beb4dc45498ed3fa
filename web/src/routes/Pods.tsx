// The Pods room: every Pod one may see, live, filtered and sorted by the URL, each a shell away.
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useState, useSyncExternalStore } from 'react';
import { api, take } from '../api/client';
import type { Pod, PodsStale } from '../api/contract';
import { type Translate, useLanguage, useT } from '../i18n';
import { Button, IconButton, Select } from '../ui/controls';
import { FilterInput } from '../ui/FilterInput';
import { Dialog, Menu } from '../ui/overlays';
import { Badge, Empty, Notice, SkeletonRows, type Tone } from '../ui/show';
import { absoluteTime, age } from '../ui/time';
import { useNarrow } from '../ui/useMedia';
import { useNow } from '../ui/useNow';
import { useRowHeight } from '../ui/useRowHeight';
import { type Column, VirtualGrid } from '../ui/VirtualGrid';
import { PodFacts } from './PodFacts';
import { type PodFeedState, podFeed } from './podFeed';
import { statusWord } from './podStatus';
import { enterable, filterPods, sortPods, valuesOf } from './podsView';
import { Room } from './Room';
import { targetOf } from './TargetPicker';
import { type PodSearch, type PodSortKey, podSortKeys } from './urlState';
import { useTerminalOpener } from './useTerminalOpener';

export function podTone(pod: Pod): Tone {
  if (pod.phase === 'Failed' || /error|backoff|oom|invalid/i.test(pod.reason)) return 'bad';
  if (pod.phase === 'Succeeded') return 'calm';
  if (pod.phase === 'Running') return pod.reason === 'Running' ? 'good' : 'warn';
  return 'warn';
}

/** What part of the cluster the list covers is the list call's to say; the watch does not repeat it. */
function usePodScope() {
  return useQuery({
    queryKey: ['pods', 'scope'],
    queryFn: async () => {
      const { scope, namespaces, clusters_unreachable } = await take(api.GET('/api/v1/pods', {}));
      return { scope, namespaces, clusters_unreachable };
    },
    staleTime: 60_000,
  });
}

function columnsOf(
  t: Translate,
  lang: string,
  now: number,
  shell: (pod: Pod, container?: string) => void,
  open: (pod: Pod) => void,
  many: boolean,
): Column<Pod>[] {
  return [
    {
      id: 'name',
      head: t('pod.name'),
      track: 'minmax(120px, 3fr)',
      sortable: true,
      cell: (pod) => (
        <span className="mono clip" title={pod.name}>
          {pod.name}
        </span>
      ),
    },
    {
      id: 'namespace',
      head: t('pod.namespace'),
      track: 'minmax(90px, 1.4fr)',
      sortable: true,
      extra: true,
      cell: (pod) => (
        <span className="mono clip" title={pod.namespace}>
          {pod.namespace}
        </span>
      ),
    },
    ...(many
      ? [
          {
            id: 'cluster',
            head: t('pod.cluster'),
            track: 'minmax(80px, 1fr)',
            sortable: true,
            extra: true,
            cell: (pod: Pod) => <span className="mono clip">{pod.cluster}</span>,
          },
        ]
      : []),
    {
      id: 'status',
      head: t('pod.status'),
      track: 'minmax(96px, 1.3fr)',
      sortable: true,
      cell: (pod) => (
        <Badge tone={podTone(pod)}>
          <span className="clip" title={pod.reason}>
            {statusWord(t, pod.reason)}
          </span>
        </Badge>
      ),
    },
    { id: 'ready', head: t('pod.ready'), track: '64px', extra: true, cell: (pod) => pod.ready },
    {
      id: 'restarts',
      head: t('pod.restarts'),
      track: '84px',
      sortable: true,
      extra: true,
      cell: (pod) => pod.restarts,
    },
    {
      id: 'age',
      head: t('pod.age'),
      track: '84px',
      sortable: true,
      extra: true,
      cell: (pod) => <span title={absoluteTime(pod.created_at, lang)}>{age(pod.created_at, now, lang)}</span>,
    },
    {
      id: 'node',
      head: t('pod.node'),
      track: 'minmax(90px, 1.2fr)',
      extra: true,
      cell: (pod) => (
        <span className="mono clip" title={pod.node ?? undefined}>
          {pod.node}
        </span>
      ),
    },
    {
      id: 'shell',
      head: t('pod.acts'),
      track: '112px',
      align: 'end',
      cell: (pod) => (
        <>
          <IconButton icon="info" label={t('pod.detailsOf', { pod: pod.name })} onPress={() => open(pod)} />
          <ShellButton pod={pod} onShell={shell} />
        </>
      ),
    },
  ];
}

export function Pods(): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const now = useNow();
  const narrow = useNarrow();
  const rowHeight = useRowHeight();
  const search = useSearch({ from: '/inside/pods' });
  const navigate = useNavigate({ from: '/pods' });
  const openTerminal = useTerminalOpener();
  const feed = useSyncExternalStore(podFeed.subscribe, podFeed.get);
  const scope = usePodScope();
  const [opened, setOpened] = useState<Pod | null>(null);
  const { pods } = feed;

  const choices = useMemo(
    () => ({
      cluster: valuesOf(pods, 'cluster'),
      namespace: valuesOf(search.cluster ? pods.filter((pod) => pod.cluster === search.cluster) : pods, 'namespace'),
      phase: valuesOf(pods, 'phase'),
    }),
    [pods, search.cluster],
  );
  const shown = useMemo(() => sortPods(filterPods(pods, search), search.sort, search.desc), [pods, search]);
  const change = useCallback(
    (part: Partial<PodSearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true }),
    [navigate],
  );
  const shell = useCallback((pod: Pod, container?: string) => openTerminal(targetOf(pod, container)), [openTerminal]);
  const many = choices.cluster.length > 1;
  const columns = useMemo(
    () => columnsOf(t, lang, now, shell, setOpened, many).filter((column) => !narrow || !column.extra),
    [t, lang, now, shell, many, narrow],
  );
  const onSort = (by: string) => {
    const key = podSortKeys.find((each) => each === by);
    if (key) change({ sort: key, desc: sortedBy(search) === key && !search.desc ? true : undefined });
  };
  const filter = (field: 'cluster' | 'namespace' | 'phase', all: string) => (
    <Select
      label={t(`pod.${field}`)}
      labelHidden
      value={search[field] ?? '*'}
      choices={[
        { id: '*', label: all },
        ...withChosen(choices[field], search[field]).map((id) => ({
          id,
          label: field === 'phase' ? statusWord(t, id) : id,
        })),
      ]}
      onChange={(id) =>
        change({ [field]: id === '*' ? undefined : id, ...(field === 'cluster' ? { namespace: undefined } : {}) })
      }
    />
  );
  const filtered = Boolean(search.q || search.cluster || search.namespace || search.phase);
  return (
    <Room
      title={t('room.pods')}
      flush
      aside={
        <>
          <FeedMark state={feed.state} why={feed.why} />
          {feed.state !== 'starting' && (
            <span>
              {filtered ? t('pod.countOf', { n: shown.length, all: pods.length }) : t('pod.count', { n: pods.length })}
            </span>
          )}
        </>
      }
    >
      <div className="filters">
        <FilterInput
          label={t('pod.filter')}
          value={search.q ?? ''}
          onChange={(q) => change({ q: q || undefined })}
          placeholder={t('pod.filterHint')}
        />
        {many && filter('cluster', t('pod.allClusters'))}
        {filter('namespace', t('pod.allNamespaces'))}
        {filter('phase', t('pod.allPhases'))}
        {filtered && (
          <Button
            kind="quiet"
            onPress={() => change({ q: undefined, cluster: undefined, namespace: undefined, phase: undefined })}
          >
            {t('act.clear')}
          </Button>
        )}
      </div>
      {scope.data?.scope === 'namespaces' && scope.data.namespaces.length > 0 && (
        <Notice tone="calm">
          {t('pod.scope', { n: scope.data.namespaces.length })}{' '}
          <span className="mono">{scope.data.namespaces.join(', ')}</span>
        </Notice>
      )}
      {scope.data && scope.data.clusters_unreachable.length > 0 && (
        <Notice tone="warn" live="polite">
          {t('pod.unreachable')} <span className="mono">{scope.data.clusters_unreachable.join(', ')}</span>
        </Notice>
      )}
      {feed.state === 'starting' && <SkeletonRows rows={14} label={t('act.loading')} />}
      {feed.state !== 'starting' && shown.length === 0 && (
        <Empty icon="pods" title={filtered ? t('pod.noneFiltered') : t('pod.none')}>
          {filtered ? t('pod.noneFilteredTodo') : t('pod.noneTodo')}
        </Empty>
      )}
      {shown.length > 0 && (
        <VirtualGrid
          label={t('room.pods')}
          columns={columns}
          rows={shown}
          rowKey={(pod) => pod.uid}
          rowHeight={rowHeight}
          sort={{ by: sortedBy(search), desc: search.desc === true }}
          onSort={onSort}
          onOpen={setOpened}
        />
      )}
      <Dialog title={opened?.name ?? ''} isOpen={opened !== null} onClose={() => setOpened(null)} wide>
        {opened && (
          <PodFacts
            pod={pods.find((pod) => pod.uid === opened.uid) ?? opened}
            onShell={shell}
            onClose={() => setOpened(null)}
          />
        )}
      </Dialog>
    </Room>
  );
}

const sortedBy = (search: PodSearch): PodSortKey => search.sort ?? 'namespace';

/** A value chosen by the URL stays among the choices although no Pod has it now. */
function withChosen(values: readonly string[], chosen: string | undefined): readonly string[] {
  return chosen && !values.includes(chosen) ? [chosen, ...values] : values;
}

/** Nothing for a reason that a newer hub knows. */
function staleWords(t: Translate, why: PodsStale): string | undefined {
  switch (why.reason) {
    case 'cluster_silent':
      return t('pod.stale.cluster_silent', { cluster: why.cluster ?? '' });
    case 'cluster_slow':
    case 'right_withdrawn':
    case 'not_all_followed':
      return t(`pod.stale.${why.reason}`);
    default:
      return undefined;
  }
}

function FeedMark({ state, why }: Pick<PodFeedState, 'state' | 'why'>): ReactNode {
  const t = useT();
  const tone = { starting: 'accent', live: 'good', stale: 'warn' } as const;
  return (
    <span role="status" title={why ? staleWords(t, why) : undefined}>
      <Badge tone={tone[state]}>{t(`pod.feed.${state}`)}</Badge>
    </span>
  );
}

export function ShellButton({
  pod,
  onShell,
}: {
  pod: Pod;
  onShell: (pod: Pod, container?: string) => void;
}): ReactNode {
  const t = useT();
  const containers = enterable(pod);
  const label = t('pod.shellOf', { pod: pod.name });
  const [only] = containers;
  if (containers.length > 1)
    return (
      <Menu
        label={t('pod.container')}
        trigger={
          <Button size="small" aria-label={label}>
            {t('pod.shell')}
          </Button>
        }
        entries={containers.map((each) => ({ id: each.name, label: each.name, icon: 'terminal' }))}
        onAction={(container) => onShell(pod, container)}
      />
    );
  return (
    <Button size="small" aria-label={label} isDisabled={!only} onPress={() => onShell(pod, only?.name)}>
      {t('pod.shell')}
    </Button>
  );
}
