// What the last scan found, the heaviest first, filtered by the URL; a finding opens below the list.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useMemo } from 'react';
import type { PostureFinding } from '../api/contract';
import { acts, queries } from '../api/queries';
import { type Translate, useLanguage, useT } from '../i18n';
import { Button, type Choice, IconButton, Select } from '../ui/controls';
import { FilterInput } from '../ui/FilterInput';
import { Badge, Empty, SkeletonRows } from '../ui/show';
import { useNarrow } from '../ui/useMedia';
import { useRowHeight } from '../ui/useRowHeight';
import { type Column, VirtualGrid } from '../ui/VirtualGrid';
import { FindingBadge, FindingState } from './PostureBadges';
import { PostureFindingDetail } from './PostureFinding';
import { ProblemNotice } from './ProblemView';
import { type PostureView, severities, severitiesOf, severityTone, threats, toggled } from './postureView';
import { postureChanges, postureStandings, postureVerdicts } from './urlState';

const filters = [
  ...(['q', 'severity', 'verdict', 'standing', 'change', 'check', 'threat', 'framework', 'control'] as const),
  ...(['namespace', 'kind', 'object'] as const),
];

export function PostureFindings({ cluster, search, change }: PostureView): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const narrow = useNarrow();
  const rowHeight = useRowHeight();
  const filter = Object.fromEntries(filters.map((key) => [key, search[key]]));
  const pages = useInfiniteQuery({
    queryKey: ['posture', 'of', cluster, 'findings', filter, lang],
    queryFn: ({ pageParam }) => acts.postureFindings(cluster, { ...filter, language: lang }, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_after,
    staleTime: 10_000,
  });
  const { data, error, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = pages;
  const findings = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  const open = useCallback((finding: { number: number }) => change({ finding: finding.number }), [change]);
  const columns = useMemo(() => columnsOf(t, narrow, open), [t, narrow, open]);
  const filtered = filters.some((key) => search[key] !== undefined);
  const clear = () => change(Object.fromEntries(filters.map((key) => [key, undefined])));
  return (
    <>
      <Filters cluster={cluster} search={search} change={change} />
      <div className="traffic-bar">
        {filtered && (
          <Button size="small" kind="quiet" onPress={clear}>
            {t('act.clear')}
          </Button>
        )}
        <Narrowed search={search} change={change} />
        <span className="muted" role="status">
          {data && t('posture.shown', { n: findings.length })}
          {hasNextPage && ` ${t('posture.andMore')}`}
        </span>
      </div>
      {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
      {isFetchNextPageError && <ProblemNotice error={error} onRetry={() => void fetchNextPage()} />}
      <div className={search.finding === undefined || narrow ? 'traffic-split' : 'traffic-split traffic-split-open'}>
        {!data && !error && <SkeletonRows rows={12} label={t('act.loading')} />}
        {data && findings.length === 0 && (
          <Empty icon="posture" title={filtered ? t('posture.noneFiltered') : t('posture.noFindings')}>
            {filtered ? t('audit.noneFiltered') : t('posture.noFindingsTodo')}
          </Empty>
        )}
        {findings.length > 0 && (
          <VirtualGrid
            label={t('posture.view.findings')}
            columns={columns}
            rows={findings}
            rowKey={(finding) => String(finding.number)}
            rowHeight={rowHeight}
            onOpen={open}
            onEndReached={more}
          />
        )}
        {search.finding !== undefined && (
          <PostureFindingDetail
            cluster={cluster}
            number={search.finding}
            onOpen={open}
            onFilter={(part) => change({ finding: undefined, ...part })}
            onClose={() => change({ finding: undefined })}
            inDialog={narrow}
          />
        )}
      </div>
    </>
  );
}

function Filters({ cluster, search, change }: PostureView): ReactNode {
  const t = useT();
  const narrow = useNarrow();
  const { data } = useQuery(queries.postureOverview(cluster));
  const chosen = new Set(severitiesOf(search.severity));
  /** Choices with one for all; one that is chosen and not offered stays visible. */
  const choices = (all: string, some: Choice[], value: string | undefined): Choice[] => [
    { id: '*', label: all },
    ...some,
    ...(value === undefined || some.some(({ id }) => id === value) ? [] : [{ id: value, label: value }]),
  ];
  const select = (
    label: string,
    all: string,
    some: Choice[],
    value: string | undefined,
    onChange: (value: string | undefined) => void,
  ) => (
    <Select
      label={label}
      labelHidden
      value={value ?? '*'}
      choices={choices(all, some, value)}
      onChange={(id) => onChange(id === '*' ? undefined : id)}
    />
  );
  const selects = (
    <>
      {select(
        t('posture.verdict'),
        t('posture.allVerdicts'),
        postureVerdicts.map((id) => ({ id, label: t(`posture.verdict.${id}`) })),
        search.verdict,
        (id) => change({ verdict: postureVerdicts.find((each) => each === id) }),
      )}
      {select(
        t('posture.standing'),
        t('posture.allStandings'),
        postureStandings.map((id) => ({ id, label: t(`posture.standing.${id}`) })),
        search.standing,
        (id) => change({ standing: postureStandings.find((each) => each === id) }),
      )}
      {select(
        t('posture.change'),
        t('posture.allChanges'),
        postureChanges.map((id) => ({ id, label: t(`posture.change.${id}`) })),
        search.change,
        (id) => change({ change: postureChanges.find((each) => each === id) }),
      )}
      {select(
        t('posture.threat'),
        t('posture.allThreats'),
        threats.map((id) => ({ id, label: `${id} ${t(`posture.threat.${id}`)}` })),
        search.threat,
        (id) => change({ threat: threats.find((each) => each === id) }),
      )}
      {select(
        t('posture.guide'),
        t('posture.allGuides'),
        data?.frameworks.map(({ id, name }) => ({ id, label: name })) ?? [],
        search.framework,
        (framework) => change({ framework, control: undefined }),
      )}
      {select(
        t('pod.namespace'),
        t('posture.allNamespaces'),
        data?.namespaces.map(({ name, findings }) => ({ id: name, label: `${name} (${findings})` })) ?? [],
        search.namespace,
        (namespace) => change({ namespace }),
      )}
      {select(
        t('posture.kind'),
        t('posture.allKinds'),
        data?.kinds.map(({ name, findings }) => ({ id: name, label: `${name} (${findings})` })) ?? [],
        search.kind,
        (kind) => change({ kind }),
      )}
    </>
  );
  return (
    <div className="filters">
      <FilterInput label={t('posture.filter')} value={search.q ?? ''} onChange={(q) => change({ q: q || undefined })} />
      <fieldset className="posture-severities">
        <legend className="hidden-visually">{t('posture.severity')}</legend>
        {severities
          .filter((severity) => severity !== 'info')
          .map((severity) => (
            <button
              key={severity}
              type="button"
              className={chosen.has(severity) ? 'posture-chip posture-chip-on' : 'posture-chip'}
              aria-pressed={chosen.has(severity)}
              onClick={() => change({ severity: toggled(search.severity, severity) })}
            >
              <Badge tone={severityTone(severity)}>{t(`posture.severity.${severity}`)}</Badge>
            </button>
          ))}
      </fieldset>
      {narrow ? (
        <details className="more filter-help">
          <summary>{t('posture.moreFilters')}</summary>
          <div className="filters posture-filters">{selects}</div>
        </details>
      ) : (
        selects
      )}
    </div>
  );
}

/** What the list is narrowed to that has no field of its own above it. */
function Narrowed({ search, change }: Pick<PostureView, 'search' | 'change'>): ReactNode {
  const t = useT();
  const keys = ['check', 'control', 'object'] as const;
  return keys.map((key) =>
    search[key] === undefined ? null : (
      <Button key={key} size="small" icon="close" onPress={() => change({ [key]: undefined })}>
        {t(`posture.only.${key}`, { value: search[key] })}
      </Button>
    ),
  );
}

function columnsOf(t: Translate, narrow: boolean, open: (finding: PostureFinding) => void): Column<PostureFinding>[] {
  const mono = (text: string) => (
    <span className="mono clip" title={text}>
      {text}
    </span>
  );
  const all: Column<PostureFinding>[] = [
    {
      id: 'severity',
      head: t('posture.severity'),
      track: '104px',
      cell: (finding) => <FindingBadge finding={finding} />,
    },
    {
      id: 'title',
      head: t('posture.what'),
      track: 'minmax(140px, 3fr)',
      cell: (finding) => (
        <span className="clip" title={`${finding.title} (${finding.check})`}>
          {finding.title}
        </span>
      ),
    },
    {
      id: 'object',
      head: t('posture.object'),
      track: 'minmax(120px, 2fr)',
      extra: true,
      cell: (finding) => mono(finding.object),
    },
    {
      id: 'path',
      head: t('posture.evidence'),
      track: 'minmax(120px, 2.4fr)',
      extra: true,
      cell: (finding) =>
        finding.verdict === 'unknown' ? (
          <span className="clip muted" title={finding.reason}>
            {finding.reason}
          </span>
        ) : (
          mono(finding.value === undefined ? finding.path : `${finding.path} = ${finding.value}`)
        ),
    },
    {
      id: 'weight',
      head: t('posture.weight'),
      track: '64px',
      extra: true,
      align: 'end',
      cell: (finding) => finding.weight,
    },
    {
      id: 'state',
      head: t('posture.state'),
      track: '118px',
      extra: true,
      cell: (finding) => <FindingState finding={finding} />,
    },
    {
      id: 'open',
      head: t('audit.details'),
      track: '44px',
      align: 'end',
      cell: (finding) => (
        <IconButton
          icon="info"
          label={t('posture.detailsOf', { title: finding.title, object: finding.object })}
          onPress={() => open(finding)}
        />
      ),
    },
  ];
  return all.filter((column) => !narrow || !column.extra);
}
