// The Posture room: what a cluster's last scan found, its score and paths, and what somebody answers for; for
// administrators.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import type { PostureCluster, PostureScan } from '../api/contract';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Select } from '../ui/controls';
import { download } from '../ui/download';
import { Menu } from '../ui/overlays';
import { Badge, Empty, Notice, SkeletonRows, Time } from '../ui/show';
import { absoluteTime } from '../ui/time';
import { AdminOnly } from './Access';
import { PostureExceptions } from './PostureExceptions';
import { PostureFindings } from './PostureFindings';
import { Grant } from './PostureGrant';
import { PostureHistory } from './PostureHistory';
import { PostureOverview } from './PostureOverview';
import { PosturePaths } from './PosturePaths';
import { ProblemNotice } from './ProblemView';
import { faultKey, type PostureView } from './postureView';
import { Room } from './Room';
import { type PostureSearch, postureViews } from './urlState';

export function Posture(): ReactNode {
  const t = useT();
  return (
    <AdminOnly
      instead={(problem) => (
        <Room title={t('room.posture')}>
          <div className="stack">{problem}</div>
        </Room>
      )}
    >
      <PostureRoom />
    </AdminOnly>
  );
}

function PostureRoom(): ReactNode {
  const t = useT();
  const search = useSearch({ from: '/inside/posture' });
  const navigate = useNavigate({ from: '/posture' });
  const change = useCallback(
    (part: Partial<PostureSearch>) => void navigate({ search: (old) => ({ ...old, ...part }), replace: true }),
    [navigate],
  );
  const { data, error, refetch } = useQuery(queries.postureClusters);
  const chosen = data?.items.find((each) => each.cluster === search.cluster) ?? data?.items[0];
  useFreshScan(chosen);
  if (!data || !chosen)
    return (
      <Room title={t('room.posture')}>
        {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
        {!data && !error && <SkeletonRows label={t('act.loading')} />}
        {data && (
          <Empty icon="posture" title={t('posture.noCluster')}>
            {t('posture.noClusterTodo')}
          </Empty>
        )}
      </Room>
    );
  const view = search.view ?? 'overview';
  const props: PostureView = { cluster: chosen.cluster, search, change };
  return (
    <Room
      title={t('room.posture')}
      flush
      aside={<Standing of={chosen} />}
      actions={
        <>
          {data.items.length > 1 && (
            <Select
              label={t('pod.cluster')}
              labelHidden
              value={chosen.cluster}
              choices={data.items.map(({ cluster }) => ({ id: cluster, label: cluster }))}
              onChange={(cluster) => change({ cluster, finding: undefined, from: undefined })}
            />
          )}
          {chosen.scan && <ExportMenu cluster={chosen.cluster} />}
          <ScanButton of={chosen} />
        </>
      }
    >
      <nav className="tab-list tab-links" aria-label={t('room.posture')}>
        {postureViews.map((each) => (
          <button
            key={each}
            type="button"
            className={each === view ? 'tab tab-current' : 'tab'}
            aria-current={each === view ? 'page' : undefined}
            onClick={() => change({ view: each === 'overview' ? undefined : each, finding: undefined })}
          >
            {t(`posture.view.${each}`)}
          </button>
        ))}
      </nav>
      <Trouble of={chosen} />
      {chosen.scan || view === 'history' || view === 'exceptions' ? <View key={chosen.cluster} {...props} /> : null}
      {!chosen.scan && view !== 'history' && view !== 'exceptions' && <NotYet of={chosen} />}
    </Room>
  );
}

function View(props: PostureView): ReactNode {
  switch (props.search.view) {
    case 'findings':
      return <PostureFindings {...props} />;
    case 'paths':
      return <PosturePaths {...props} />;
    case 'exceptions':
      return <PostureExceptions {...props} />;
    case 'history':
      return <PostureHistory {...props} />;
    default:
      return <PostureOverview {...props} />;
  }
}

/** What was read is asked for anew when a scan begins, is done, or has failed. */
function useFreshScan(cluster: PostureCluster | undefined): void {
  const queryClient = useQueryClient();
  const seen = useRef<string | undefined>(undefined);
  const mark =
    cluster && [cluster.cluster, cluster.scan?.number, cluster.newest?.number, cluster.newest?.state].join(' ');
  useEffect(() => {
    if (seen.current !== undefined && mark !== undefined && seen.current !== mark)
      void queryClient.invalidateQueries({ queryKey: ['posture', 'of'] });
    seen.current = mark;
  }, [mark, queryClient]);
}

const isRunning = (cluster: PostureCluster): boolean => cluster.newest?.state === 'running';

function Standing({ of: { scan, newest, next_at } }: { of: PostureCluster }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  if (newest?.state === 'running')
    return (
      <span role="status">
        <Badge tone="accent">{progress(t, newest)}</Badge>
      </span>
    );
  return (
    <span className="muted" role="status">
      {scan?.ended_at && (
        <>
          {t('posture.scanned')} <Time at={scan.ended_at} lang={lang} />
        </>
      )}
      {next_at && (
        <span title={absoluteTime(next_at, lang)}>
          {scan?.ended_at && ' · '}
          {t('posture.next', { time: absoluteTime(next_at, lang) })}
        </span>
      )}
    </span>
  );
}

function progress(t: ReturnType<typeof useT>, scan: PostureScan): string {
  if (scan.progress === '') return t('posture.starting');
  if (scan.progress === '*') return t('posture.looking', { n: scan.progress_count });
  return t('posture.reading', { what: scan.progress, n: scan.progress_count });
}

function ScanButton({ of: cluster }: { of: PostureCluster }): ReactNode {
  const t = useT();
  const queryClient = useQueryClient();
  const [failure, setFailure] = useState<unknown>(null);
  const scan = () => {
    setFailure(null);
    acts
      .scanPosture(cluster.cluster)
      .catch(setFailure)
      .finally(() => void queryClient.invalidateQueries({ queryKey: queries.postureClusters.queryKey }));
  };
  return (
    <>
      {failure !== null && <ProblemNotice error={failure} />}
      <Button kind="primary" icon="again" onPress={scan} isDisabled={!cluster.free}>
        {t('posture.scan')}
      </Button>
    </>
  );
}

function ExportMenu({ cluster }: { cluster: string }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const [failure, setFailure] = useState<unknown>(null);
  const save = (format: string) => {
    if (format !== 'json' && format !== 'sarif' && format !== 'html') return;
    setFailure(null);
    acts.exportPosture(cluster, format, lang).then(({ name, file }) => download(name, file), setFailure);
  };
  return (
    <>
      {failure !== null && <ProblemNotice error={failure} />}
      <Menu
        label={t('posture.export')}
        trigger={<Button icon="download">{t('posture.export')}</Button>}
        entries={[
          { id: 'html', label: t('posture.export.html') },
          { id: 'json', label: 'JSON' },
          { id: 'sarif', label: 'SARIF' },
        ]}
        onAction={save}
      />
    </>
  );
}

/** The newest scan failed: what is shown is older than it could be. */
function Trouble({ of: { newest } }: { of: PostureCluster }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  if (newest?.state !== 'failed') return null;
  return (
    <div className="posture-notices">
      <Notice
        tone="warn"
        live="polite"
        title={t('posture.failed', { time: absoluteTime(newest.ended_at ?? newest.began_at, lang) })}
      >
        {t(faultKey(newest.fault))} {newest.fault === 'all_refused' && <Grant />}
        {newest.detail && (
          <pre className="json" lang="en">
            {newest.detail}
          </pre>
        )}
      </Notice>
    </div>
  );
}

function NotYet({ of: cluster }: { of: PostureCluster }): ReactNode {
  const t = useT();
  if (isRunning(cluster))
    return (
      <>
        <p className="muted posture-notices">{t('posture.firstRuns')}</p>
        <SkeletonRows rows={10} label={t('posture.firstRuns')} />
      </>
    );
  return (
    <Empty icon="posture" title={t('posture.none')}>
      {t('posture.noneTodo')}
    </Empty>
  );
}
