// What a cluster comes to: the score with each of its terms, the ten threats, what changed, and what could not be read.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { PostureOverview as Overview } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Badge, Notice, SkeletonRows } from '../ui/show';
import { absoluteTime } from '../ui/time';
import { Grant } from './PostureGrant';
import { ProblemNotice } from './ProblemView';
import { type PostureView, type ShowFindings, scoreTone, severities, severityTone, threatOf } from './postureView';

export function PostureOverview({ cluster, change }: PostureView): ReactNode {
  const t = useT();
  const { data, error, refetch } = useQuery(queries.postureOverview(cluster));
  if (error && !data) return <ProblemNotice error={error} onRetry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={10} label={t('act.loading')} />;
  /** Leads to what a number counts. */
  const show: ShowFindings = (part) =>
    change({
      ...{ severity: undefined, verdict: undefined, standing: undefined, change: undefined, check: undefined },
      ...{ threat: undefined, framework: undefined, control: undefined, namespace: undefined, kind: undefined },
      ...{ object: undefined, q: undefined, finding: undefined },
      view: 'findings',
      ...part,
    });
  return (
    <div className="room-body posture-overview">
      <Unread of={data} />
      <section className="block" aria-labelledby="posture-score">
        <div className="posture-summary">
          <Score of={data} />
          <Counts of={data} show={show} />
        </div>
        <Terms of={data} />
      </section>
      <Threats of={data} show={show} />
      <Frameworks of={data} show={show} />
    </div>
  );
}

type Part = { of: Overview; show: ShowFindings };

function Score({ of: { score, previous } }: { of: Overview }): ReactNode {
  const t = useT();
  return (
    <div className="posture-score">
      <h2 id="posture-score">{t('posture.score')}</h2>
      {score ? (
        <>
          <p className={`posture-number figure-${scoreTone(score.value)}`}>
            {score.value} <span className="muted">/ 100</span>
          </p>
          <meter
            min={0}
            max={100}
            low={70}
            high={90}
            optimum={100}
            value={score.value}
            aria-labelledby="posture-score"
          />
          <p className="muted">
            {score.least < score.value && t('posture.least', { least: score.least })}{' '}
            {previous?.score && t('posture.before', { score: previous.score.value })}
          </p>
        </>
      ) : (
        <p className="muted">{t('posture.noScore')}</p>
      )}
    </div>
  );
}

function Counts({ of: data, show }: Part): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const lead = (count: number, part: Parameters<ShowFindings>[0]) => (
    <button type="button" className="link" onClick={() => show(part)}>
      {count.toLocaleString(lang)}
    </button>
  );
  return (
    <dl className="figures-row posture-counts">
      {severities
        .filter((severity) => severity !== 'info' || data.open.info > 0)
        .map((severity) => (
          <div key={severity}>
            <dt>
              <Badge tone={severityTone(severity)}>{t(`posture.severity.${severity}`)}</Badge>
            </dt>
            <dd>{lead(data.open[severity], { severity, verdict: 'fail', standing: 'open' })}</dd>
          </div>
        ))}
      <div>
        <dt>{t('posture.unknown')}</dt>
        <dd>{lead(data.unknown, { verdict: 'unknown' })}</dd>
      </div>
      <div>
        <dt>{t('posture.excepted')}</dt>
        <dd>{lead(data.excepted, { standing: 'excepted' })}</dd>
      </div>
      {data.previous && (
        <>
          <div>
            <dt>{t('posture.new')}</dt>
            <dd>{lead(data.fresh, { change: 'new', verdict: 'fail' })}</dd>
          </div>
          <div>
            <dt>{t('posture.gone')}</dt>
            <dd>{lead(data.gone, { change: 'gone', verdict: 'fail' })}</dd>
          </div>
        </>
      )}
      <div>
        <dt>{t('posture.objects')}</dt>
        <dd>{data.scan.objects.toLocaleString(lang)}</dd>
      </div>
    </dl>
  );
}

/** Each term of the score, so that the number can be reckoned again. */
function Terms({ of: { terms, previous, scan } }: { of: Overview }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const n = (count: number) => count.toLocaleString(lang);
  const passed = terms.reduce((sum, term) => sum + term.weight * term.passed, 0);
  const open = terms.reduce((sum, term) => sum + term.weight * term.open, 0);
  return (
    <details className="more">
      <summary>{t('posture.terms')}</summary>
      <p className="muted">{t('posture.termsLead')}</p>
      <p className="mono">{t('posture.formula', { passed: n(passed), open: n(open) })}</p>
      <div className="table-wrap">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('posture.impact')}</th>
              <th scope="col">{t('posture.reach')}</th>
              <th scope="col">{t('posture.escalation')}</th>
              <th scope="col">{t('posture.weight')}</th>
              <th scope="col">{t('posture.passed')}</th>
              <th scope="col">{t('posture.open')}</th>
              <th scope="col">{t('posture.unknown')}</th>
              <th scope="col">{t('posture.excepted')}</th>
            </tr>
          </thead>
          <tbody>
            {terms.map((term) => (
              <tr key={`${term.severity} ${term.reach} ${term.on_path}`}>
                <th scope="row">
                  {t(`posture.severity.${term.severity}`)} {term.impact}
                </th>
                <td data-head={t('posture.reach')}>
                  {t(`posture.reach.${term.reach}`)} × {term.reach_factor}
                </td>
                <td data-head={t('posture.escalation')}>
                  {term.on_path ? t('posture.onPath') : t('posture.offPath')} × {term.path_factor}
                </td>
                <td data-head={t('posture.weight')}>{term.weight}</td>
                <td data-head={t('posture.passed')}>{n(term.passed)}</td>
                <td data-head={t('posture.open')}>{n(term.open)}</td>
                <td data-head={t('posture.unknown')}>{n(term.unknown)}</td>
                <td data-head={t('posture.excepted')}>{n(term.excepted)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">
        {t('posture.scan.of', { number: scan.number, time: absoluteTime(scan.began_at, lang) })}{' '}
        {previous &&
          t('posture.comparedWith', { number: previous.number, time: absoluteTime(previous.began_at, lang) })}
      </p>
    </details>
  );
}

function Threats({ of: data, show }: Part): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <section className="block" aria-labelledby="posture-threats">
      <h2 id="posture-threats">{t('posture.threats')}</h2>
      <ul className="posture-threats">
        {data.threats.map((each) => {
          const threat = threatOf(each.id);
          if (!threat) return null;
          return (
            <li key={threat}>
              <button type="button" className="posture-threat" onClick={() => show({ threat })}>
                <span className="posture-threat-name">
                  <span className="mono faint">{threat}</span> {t(`posture.threat.${threat}`)}
                </span>
                <span className="badges">
                  {each.worst && (
                    <Badge tone={severityTone(each.worst)}>
                      {t('posture.openWorst', {
                        n: each.open.toLocaleString(lang),
                        severity: t(`posture.severity.${each.worst}`),
                      })}
                    </Badge>
                  )}
                  {each.open === 0 && each.unknown === 0 && (
                    // Where nothing could be looked at, nothing found is no good news.
                    <Badge tone={each.passed > 0 ? 'good' : 'calm'}>
                      {each.passed > 0 ? t('posture.nothingFound') : t('posture.notSeen')}
                    </Badge>
                  )}
                  {each.unknown > 0 && <Badge tone="calm">{t('posture.unknownN', { n: each.unknown })}</Badge>}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      <p className="muted">{t('posture.threatsNote')}</p>
    </section>
  );
}

function Frameworks({ of: data, show }: Part): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <section className="block" aria-labelledby="posture-guides">
      <h2 id="posture-guides">{t('posture.guides')}</h2>
      <div className="table-wrap">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('posture.guide')}</th>
              <th scope="col">{t('posture.version')}</th>
              <th scope="col">{t('posture.rulesOpen')}</th>
              <th scope="col">{t('posture.findings')}</th>
            </tr>
          </thead>
          <tbody>
            {data.frameworks.map((each) => (
              <tr key={each.id}>
                <th scope="row">
                  <button
                    type="button"
                    className="link"
                    onClick={() => show({ framework: each.id, standing: 'open', verdict: 'fail' })}
                  >
                    {each.name}
                  </button>
                </th>
                <td data-head={t('posture.version')}>{each.version}</td>
                <td data-head={t('posture.rulesOpen')}>{each.controls.toLocaleString(lang)}</td>
                <td data-head={t('posture.findings')}>{each.open.toLocaleString(lang)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** What could not be read is told before what was found: it is no pass. */
function Unread({ of: data }: { of: Overview }): ReactNode {
  const t = useT();
  return (
    <>
      {data.unseen.length > 0 && (
        <Notice tone="warn" title={t('posture.unseen', { n: data.unseen.length })}>
          <p>
            <span className="mono">{data.unseen.join(', ')}</span>. {t('posture.unseenTodo')}
          </p>
          <Grant />
        </Notice>
      )}
      {data.failures.length > 0 && (
        <Notice tone="warn" title={t('posture.failures', { n: data.failures.length + data.failures_left })}>
          <ul>
            {data.failures.slice(0, 20).map((each) => (
              <li key={`${each.source} ${each.reason}`}>
                <span className="mono">{each.source}</span> <span lang="en">{each.reason}</span>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {data.findings_left > 0 && <Notice tone="warn">{t('posture.findingsLeft', { n: data.findings_left })}</Notice>}
    </>
  );
}
