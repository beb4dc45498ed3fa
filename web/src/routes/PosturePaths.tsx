// Paths from the internet, or from a workload, to a node's root and the cluster's administrator: each step, what it
// rests on, and whether it is certain. The drawing is an ordered list, so that it reads the same without eyes.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { PostureHop, PosturePath } from '../api/contract';
import { queries } from '../api/queries';
import { type Translate, useLanguage, useT } from '../i18n';
import { Select } from '../ui/controls';
import { Icon } from '../ui/icons';
import { Badge, Notice, SkeletonRows } from '../ui/show';
import { ProblemNotice } from './ProblemView';
import type { PostureView } from './postureView';

export function PosturePaths({ cluster, search, change }: PostureView): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data, error, refetch } = useQuery(queries.posturePaths(cluster, search.from, lang));
  const starts = useQuery(queries.posturePaths(cluster, undefined, lang)).data?.starts ?? [];
  const offered = search.from === undefined || starts.includes(search.from) ? starts : [search.from, ...starts];
  return (
    <div className="room-body posture-paths">
      <p className="muted">{t('posture.pathsLead')}</p>
      <Select
        label={t('posture.from')}
        value={search.from ?? '*'}
        choices={[
          { id: '*', label: t('posture.place.internet') },
          ...offered.map((name) => ({ id: name, label: name })),
        ]}
        onChange={(id) => change({ from: id === '*' ? undefined : id })}
      />
      {data && data.starts_left > 0 && <p className="muted">{t('posture.startsLeft', { n: data.starts_left })}</p>}
      {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={6} label={t('act.loading')} />}
      {data?.paths.map((path) => (
        <Path
          key={path.to}
          path={path}
          isWhole={data.unseen.length === 0}
          onObject={(object) => change({ view: 'findings', object, finding: undefined })}
        />
      ))}
    </div>
  );
}

/** A place as people call it; workloads and accounts by their names. */
function placeName(t: Translate, place: string): string {
  if (place === 'internet') return t('posture.place.internet');
  if (place === 'node-root') return t('posture.place.node');
  if (place === 'cluster-admin') return t('posture.place.admin');
  if (place === 'system:anonymous') return t('posture.place.anonymous');
  return place;
}

function Path({
  path,
  isWhole,
  onObject,
}: {
  path: PosturePath;
  isWhole: boolean;
  onObject: (object: string) => void;
}): ReactNode {
  const t = useT();
  const title = t('posture.pathTo', { from: placeName(t, path.from), to: placeName(t, path.to) });
  const id = `path-${path.to}`;
  return (
    <section className="block" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {path.hops.length === 0 ? (
        <Notice tone={isWhole ? 'good' : 'warn'}>{isWhole ? t('posture.noPath') : t('posture.noPathSeen')}</Notice>
      ) : (
        <ol className="path">
          <li className="path-step">
            <Spot place={path.from} end="start" />
          </li>
          {path.hops.map((hop) => (
            <Hop key={`${hop.from} ${hop.to}`} hop={hop} isLast={hop.to === path.to} onObject={onObject} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Hop({
  hop,
  isLast,
  onObject,
}: {
  hop: PostureHop;
  isLast: boolean;
  onObject: (object: string) => void;
}): ReactNode {
  const t = useT();
  return (
    <li className="path-step">
      <div className={hop.certain ? 'path-way' : 'path-way path-way-possible'}>
        <Icon name="down" />
        <span>{hop.text}</span>
        {!hop.certain && <Badge tone="calm">{t('posture.possible')}</Badge>}
        {hop.proofs.map((proof) => (
          <span key={`${proof.object} ${proof.path}`} className="path-proof">
            <button type="button" className="link mono" onClick={() => onObject(proof.object)}>
              {proof.object}
            </button>{' '}
            <span className="mono">
              {proof.path} = {proof.value ?? t('posture.unset')}
            </span>
          </span>
        ))}
      </div>
      <Spot place={hop.to} end={isLast ? 'goal' : undefined} />
    </li>
  );
}

function Spot({ place, end }: { place: string; end?: 'start' | 'goal' }): ReactNode {
  const t = useT();
  return <span className={end ? `path-spot path-${end}` : 'path-spot'}>{placeName(t, place)}</span>;
}
