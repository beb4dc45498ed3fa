// One finding: the evidence, why it matters, what to do, the rules that say the same, its object, and what answers for it.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { PostureFindingDetail as Detail, PostureFinding } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button } from '../ui/controls';
import { Notice, SkeletonRows } from '../ui/show';
import { absoluteTime } from '../ui/time';
import { DetailPane } from './DetailPane';
import { FindingBadge, FindingState } from './PostureBadges';
import { ExceptionDialog } from './PostureExceptions';
import { ProblemNotice } from './ProblemView';
import { type ShowFindings, threatOf } from './postureView';

type Props = {
  cluster: string;
  number: number;
  onOpen: (finding: { number: number }) => void;
  onFilter: ShowFindings;
  onClose: () => void;
};

export function PostureFindingDetail({ inDialog, ...props }: Props & { inDialog: boolean }): ReactNode {
  const t = useT();
  const title = t('posture.finding', { number: String(props.number) });
  return (
    <DetailPane title={title} inDialog={inDialog} onClose={props.onClose}>
      <Finding {...props} />
    </DetailPane>
  );
}

function Finding(props: Props): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data, error, refetch } = useQuery(queries.postureFinding(props.cluster, props.number, lang));
  if (error && !data) return <ProblemNotice error={error} onRetry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={6} label={t('act.loading')} />;
  return (
    <div className="posture-finding">
      <div className="posture-finding-main">
        <p className="posture-finding-title">
          <FindingBadge finding={data.finding} /> <strong>{data.finding.title}</strong>{' '}
          <button type="button" className="link mono" onClick={() => props.onFilter({ check: data.finding.check })}>
            {data.finding.check}
          </button>
        </p>
        <Evidence finding={data.finding} />
        <Words detail={data} />
        <Excuse detail={data} cluster={props.cluster} />
      </div>
      <div className="posture-finding-side">
        <Facts finding={data.finding} onFilter={props.onFilter} />
        <Mappings detail={data} onFilter={props.onFilter} />
        <Others detail={data} onOpen={props.onOpen} />
      </div>
    </div>
  );
}

function Evidence({ finding }: { finding: PostureFinding }): ReactNode {
  const t = useT();
  return (
    <section aria-label={t('posture.evidence')}>
      <h3>{t('posture.evidence')}</h3>
      {finding.verdict === 'unknown' ? (
        <Notice tone="calm">{finding.reason}</Notice>
      ) : (
        <pre className="json mono">
          {finding.object}
          {'\n'}
          {finding.path || '.'} = {finding.value ?? t('posture.unset')}
        </pre>
      )}
      {finding.unconfirmed_scan !== undefined && <Notice tone="warn">{t('posture.unconfirmedWhy')}</Notice>}
    </section>
  );
}

function Words({ detail: { check } }: { detail: Detail }): ReactNode {
  const t = useT();
  if (!check) return null;
  return (
    <>
      <section>
        <h3>{t('posture.why')}</h3>
        <p>{check.why}</p>
      </section>
      <section>
        <h3>{t('problem.todo')}</h3>
        <p>{check.fix}</p>
        {check.fixable && (
          <p className="muted">
            {t('posture.fixable')}{' '}
            <code>
              sallyport scan manifests --fix --dry-run --check {check.id} {t('posture.folder')}
            </code>
          </p>
        )}
      </section>
    </>
  );
}

function Excuse({ detail, cluster }: { detail: Detail; cluster: string }): ReactNode {
  const t = useT();
  const [making, setMaking] = useState(false);
  const { finding, exception } = detail;
  if (exception)
    return (
      <Notice tone="calm" title={t('posture.exceptedUntil', { date: exception.expires })}>
        {exception.owner}: {exception.reason}
      </Notice>
    );
  if (finding.verdict !== 'fail' || finding.closed_scan !== undefined) return null;
  return (
    <p>
      <Button size="small" onPress={() => setMaking(true)}>
        {t('posture.except')}
      </Button>
      <ExceptionDialog
        cluster={cluster}
        isOpen={making}
        onClose={() => setMaking(false)}
        of={{ check: finding.check, object: finding.object, path: finding.path }}
      />
    </p>
  );
}

function Facts({ finding, onFilter }: { finding: PostureFinding; onFilter: ShowFindings }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const narrow = (text: string, part: Parameters<ShowFindings>[0]) => (
    <button type="button" className="link mono" onClick={() => onFilter(part)}>
      {text}
    </button>
  );
  const facts: [string, ReactNode][] = [
    [t('posture.state'), <FindingState key="s" finding={finding} />],
    [t('posture.object'), narrow(finding.object, { object: finding.object })],
    [t('posture.kind'), narrow(`${finding.kind} (${finding.api_version})`, { kind: finding.kind })],
    [t('pod.namespace'), finding.namespace && narrow(finding.namespace, { namespace: finding.namespace })],
    [
      t('posture.weight'),
      `${finding.weight} · ${t(`posture.reach.${finding.reach}`)}${finding.on_path ? ` · ${t('posture.onPath')}` : ''}`,
    ],
    [t('posture.since'), absoluteTime(finding.opened_at, lang)],
    [t('posture.gone'), finding.closed_at && absoluteTime(finding.closed_at, lang)],
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

function Mappings({ detail: { check }, onFilter }: { detail: Detail; onFilter: ShowFindings }): ReactNode {
  const t = useT();
  if (!check || check.mappings.length === 0) return null;
  return (
    <section>
      <h3>{t('posture.mappings')}</h3>
      <ul className="posture-mappings">
        {check.mappings.map((each) => {
          const threat = each.framework === 'threat' ? threatOf(each.control) : undefined;
          return (
            <li key={`${each.framework} ${each.control}`}>
              <button
                type="button"
                className="link"
                onClick={() => onFilter(threat ? { threat } : { framework: each.framework, control: each.control })}
              >
                {threat ? (
                  `${threat} ${t(`posture.threat.${threat}`)}`
                ) : (
                  <>
                    {each.name} {each.version}: <span className="mono">{each.control}</span>
                  </>
                )}
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Others({ detail: { others }, onOpen }: { detail: Detail; onOpen: Props['onOpen'] }): ReactNode {
  const t = useT();
  if (others.length === 0) return null;
  return (
    <section>
      <h3>{t('posture.others', { n: others.length })}</h3>
      <ul className="exchange">
        {others.map((each) => (
          <li key={each.number}>
            <button type="button" className="option" onClick={() => onOpen(each)}>
              <FindingBadge finding={each} />
              <span className="clip" title={each.title}>
                {each.title}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
