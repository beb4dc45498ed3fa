// The audit log: filtered by the URL, read backwards without end, each record whole, and its chain checked on demand.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import type { AuditOutcome, AuditRecord, AuditVerdict } from '../api/contract';
import { acts } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, IconButton, Select } from '../ui/controls';
import { FilterInput } from '../ui/FilterInput';
import { Dialog } from '../ui/overlays';
import { Badge, CopyId, Empty, Notice, SkeletonRows, Stamp, type Tone } from '../ui/show';
import { absoluteTime } from '../ui/time';
import { useNarrow } from '../ui/useMedia';
import { useRowHeight } from '../ui/useRowHeight';
import { type Column, VirtualGrid } from '../ui/VirtualGrid';
import { AdminOnly } from './Access';
import { ProblemNotice } from './ProblemView';
import { type AuditSearch, auditOutcomes } from './urlState';

const tones: Record<AuditOutcome, Tone> = { allowed: 'good', denied: 'bad', failed: 'warn' };

export function Audit(): ReactNode {
  return (
    <AdminOnly>
      <AuditLog />
    </AdminOnly>
  );
}

function AuditLog(): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const narrow = useNarrow();
  const rowHeight = useRowHeight();
  const search = useSearch({ from: '/inside/access/audit' });
  const navigate = useNavigate({ from: '/access/audit' });
  const [opened, setOpened] = useState<AuditRecord | null>(null);
  const pages = useInfiniteQuery({
    queryKey: ['audit', search],
    queryFn: ({ pageParam }) => acts.auditPage(search, pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next_before,
    staleTime: 2_000,
  });
  const { data, error, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage, refetch } = pages;
  const records = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const more = useCallback(() => {
    // A page that failed is asked for again when one says so.
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);
  const change = (part: Partial<AuditSearch>) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const columns = useMemo(() => {
    const all: Column<AuditRecord>[] = [
      {
        id: 'at',
        head: t('audit.at'),
        track: '148px',
        cell: (record) => <Stamp at={record.at} lang={lang} />,
      },
      {
        id: 'actor',
        head: t('audit.actor'),
        track: 'minmax(90px, 1.2fr)',
        cell: (record) => (
          <span className="mono clip" title={record.actor}>
            {record.actor}
          </span>
        ),
      },
      {
        id: 'action',
        head: t('audit.action'),
        track: 'minmax(110px, 1.2fr)',
        cell: (record) => (
          <span className="mono clip" title={record.action}>
            {record.action}
          </span>
        ),
      },
      {
        id: 'outcome',
        head: t('audit.outcome'),
        track: '104px',
        cell: (record) => <Badge tone={tones[record.outcome]}>{t(`audit.outcome.${record.outcome}`)}</Badge>,
      },
      {
        id: 'object',
        head: t('audit.object'),
        track: 'minmax(160px, 2.4fr)',
        extra: true,
        cell: (record) => (
          <span className="mono clip" title={record.object}>
            {record.object}
          </span>
        ),
      },
      {
        id: 'reason',
        head: t('audit.reason'),
        track: 'minmax(160px, 2fr)',
        extra: true,
        cell: (record) => (
          <span className="clip" title={record.reason}>
            {record.reason}
          </span>
        ),
      },
      { id: 'seq', head: t('audit.seq'), track: '76px', extra: true, align: 'end', cell: (record) => record.seq },
      {
        id: 'open',
        head: t('audit.details'),
        track: '56px',
        align: 'end',
        cell: (record) => (
          <IconButton icon="info" label={t('audit.detailsOf', { seq: record.seq })} onPress={() => setOpened(record)} />
        ),
      },
    ];
    return all.filter((column) => !narrow || !column.extra);
  }, [t, lang, narrow]);
  const filtered = Boolean(search.actor || search.action || search.outcome || search.q);
  return (
    <>
      <div className="filters">
        <FilterInput label={t('audit.filter')} value={search.q ?? ''} onChange={(q) => change({ q: q || undefined })} />
        <TextFilter
          label={t('audit.actor')}
          value={search.actor ?? ''}
          onChange={(actor) => change({ actor: actor || undefined })}
        />
        <TextFilter
          label={t('audit.action')}
          value={search.action ?? ''}
          onChange={(action) => change({ action: action || undefined })}
        />
        <Select
          label={t('audit.outcome')}
          labelHidden
          value={search.outcome ?? '*'}
          choices={[
            { id: '*', label: t('audit.allOutcomes') },
            ...auditOutcomes.map((id) => ({ id, label: t(`audit.outcome.${id}`) })),
          ]}
          onChange={(id) => change({ outcome: auditOutcomes.find((each) => each === id) })}
        />
        {filtered && (
          <Button
            kind="quiet"
            onPress={() => change({ q: undefined, actor: undefined, action: undefined, outcome: undefined })}
          >
            {t('act.clear')}
          </Button>
        )}
        <VerifyChain />
      </div>
      {error && !data && (
        <div className="room-body">
          <ProblemNotice error={error} onRetry={() => void refetch()} />
        </div>
      )}
      {isFetchNextPageError && <ProblemNotice error={error} onRetry={() => void fetchNextPage()} />}
      {!data && !error && <SkeletonRows rows={14} label={t('act.loading')} />}
      {data && records.length === 0 && (
        <Empty icon="audit" title={t('audit.none')}>
          {filtered ? t('audit.noneFiltered') : t('audit.noneTodo')}
        </Empty>
      )}
      {records.length > 0 && (
        <VirtualGrid
          label={t('access.audit')}
          columns={columns}
          rows={records}
          rowKey={(record) => String(record.seq)}
          rowHeight={rowHeight}
          onOpen={setOpened}
          onEndReached={more}
        />
      )}
      <Dialog
        title={t('audit.record', { seq: opened?.seq ?? 0 })}
        isOpen={opened !== null}
        onClose={() => setOpened(null)}
        wide
      >
        {opened && <RecordFacts record={opened} onClose={() => setOpened(null)} />}
      </Dialog>
    </>
  );
}

function TextFilter({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}): ReactNode {
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  if (value !== told) {
    setTold(value);
    setTyped(value);
  }
  const tell = () => typed !== value && onChange(typed.trim());
  return (
    <input
      className="input filter-text mono"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={tell}
      onKeyDown={(event) => event.key === 'Enter' && tell()}
    />
  );
}

function VerifyChain(): ReactNode {
  const t = useT();
  const [state, setState] = useState<{ verdict?: AuditVerdict; error?: unknown; busy?: boolean }>({});
  const verify = () => {
    setState({ busy: true });
    acts.verifyAudit().then(
      (verdict) => setState({ verdict }),
      (error: unknown) => setState({ error }),
    );
  };
  const { verdict } = state;
  return (
    <>
      <Button icon="check" onPress={verify} isDisabled={state.busy}>
        {state.busy ? t('audit.verifying') : t('audit.verify')}
      </Button>
      <span role="status" className="verdict">
        {verdict && (
          <Badge tone={verdict.intact ? 'good' : 'bad'}>
            {verdict.intact
              ? t('audit.intact', { n: verdict.records })
              : t('audit.broken', { seq: verdict.first_bad ?? 0 })}
          </Badge>
        )}
      </span>
      {verdict && !verdict.intact && (
        <Notice tone="bad" live="assertive" title={t('audit.broken', { seq: verdict.first_bad ?? 0 })}>
          {t('audit.brokenTodo')} <span className="mono">{verdict.detail}</span>
        </Notice>
      )}
      {state.error !== undefined && <ProblemNotice error={state.error} />}
    </>
  );
}

function RecordFacts({ record, onClose }: { record: AuditRecord; onClose: () => void }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const facts: [string, ReactNode][] = [
    [t('audit.at'), absoluteTime(record.at, lang)],
    [t('audit.actor'), <code key="a">{record.actor}</code>],
    [t('audit.action'), <code key="c">{record.action}</code>],
    [t('audit.object'), <code key="o">{record.object}</code>],
    [
      t('audit.outcome'),
      <Badge key="u" tone={tones[record.outcome]}>
        {t(`audit.outcome.${record.outcome}`)}
      </Badge>,
    ],
    [t('audit.reason'), record.reason || '–'],
    [t('audit.source'), <code key="s">{record.source || '–'}</code>],
    [
      t('problem.requestId'),
      <CopyId key="r" value={record.request_id} label={t('copy.requestId')} copied={t('copy.done')} chars={28} />,
    ],
  ];
  return (
    <>
      <div className="dialog-body">
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {Object.keys(record.detail).length > 0 && (
          <>
            <h3>{t('audit.details')}</h3>
            <pre className="json">{JSON.stringify(record.detail, null, 2)}</pre>
          </>
        )}
      </div>
      <div className="dialog-actions">
        <Button onPress={onClose}>{t('act.close')}</Button>
      </div>
    </>
  );
}
