// The scans of a cluster, newest first: how they ended, the score then, and what changed with each.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { PostureScan } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Badge, Empty, SkeletonRows } from '../ui/show';
import { absoluteTime } from '../ui/time';
import { ProblemNotice } from './ProblemView';
import { faultKey, type PostureView } from './postureView';

const tones = { running: 'accent', done: 'good', failed: 'bad' } as const;

export function PostureHistory({ cluster, change }: PostureView): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data, error, refetch } = useQuery(queries.postureScans(cluster));
  if (error && !data) return <ProblemNotice error={error} onRetry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={8} label={t('act.loading')} />;
  if (data.items.length === 0)
    return (
      <Empty icon="posture" title={t('posture.none')}>
        {t('posture.noneTodo')}
      </Empty>
    );
  const n = (count: number) => count.toLocaleString(lang);
  const newest = data.items.find(({ state }) => state === 'done');
  /** What changed with the newest scan can be opened; of older ones only the number is told. */
  const changed = (scan: PostureScan, count: number, kind: 'new' | 'gone') => {
    if (scan.state !== 'done') return '–';
    if (scan !== newest) return n(count);
    return (
      <button
        type="button"
        className="link"
        onClick={() => change({ view: 'findings', change: kind, verdict: 'fail' })}
      >
        {n(count)}
      </button>
    );
  };
  return (
    <div className="room-body">
      <Trend scans={data.items} />
      <div className="table-wrap">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('traffic.number')}</th>
              <th scope="col">{t('posture.began')}</th>
              <th scope="col">{t('posture.state')}</th>
              <th scope="col">{t('posture.score')}</th>
              <th scope="col">{t('posture.openBySeverity')}</th>
              <th scope="col">{t('posture.new')}</th>
              <th scope="col">{t('posture.gone')}</th>
              <th scope="col">{t('posture.askedBy')}</th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((scan) => (
              <tr key={scan.number}>
                <th scope="row">{scan.number}</th>
                <td data-head={t('posture.began')}>{absoluteTime(scan.began_at, lang)}</td>
                <td data-head={t('posture.state')}>
                  <Badge tone={tones[scan.state]}>{t(`posture.scan.${scan.state}`)}</Badge>
                  {scan.state === 'failed' && <span className="muted"> {t(faultKey(scan.fault))}</span>}
                </td>
                <td data-head={t('posture.score')}>{scan.score?.value ?? '–'}</td>
                <td data-head={t('posture.openBySeverity')}>
                  {scan.state === 'done'
                    ? [scan.open.critical, scan.open.high, scan.open.medium, scan.open.low].map(n).join(' / ')
                    : '–'}
                </td>
                <td data-head={t('posture.new')}>{changed(scan, scan.opened, 'new')}</td>
                <td data-head={t('posture.gone')}>{changed(scan, scan.closed, 'gone')}</td>
                <td data-head={t('posture.askedBy')}>
                  {scan.asked_by ? <span className="mono">{scan.asked_by}</span> : t('posture.schedule')}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** The scores over time; the table below says each in words. */
function Trend({ scans }: { scans: readonly PostureScan[] }): ReactNode {
  const t = useT();
  const scores = scans.flatMap(({ score }) => (score ? [score.value] : [])).reverse();
  if (scores.length < 2) return null;
  const step = 400 / (scores.length - 1);
  const points = scores.map((score, index) => `${(index * step).toFixed(1)},${(100 - score).toFixed(1)}`).join(' ');
  return (
    <svg
      className="posture-trend"
      viewBox="0 -4 400 108"
      preserveAspectRatio="none"
      role="img"
      aria-label={t('posture.trend')}
    >
      <polyline points={points} fill="none" stroke="var(--accent)" strokeWidth="2" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
