// The figures above the list: how many answers, how many of them errors, how long they took, and whose they were.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { TrafficCount, TrafficSummary } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Select } from '../ui/controls';
import { absoluteTime, span as spanOf } from '../ui/time';
import { ProblemNotice } from './ProblemView';
import { comparison, latency, narrowed } from './trafficView';
import { type TrafficSearch, type TrafficSpan, trafficSpans } from './urlState';

export function TrafficFigures({
  filter,
  span,
  change,
}: {
  filter: string | undefined;
  span: TrafficSpan;
  change: (part: Partial<TrafficSearch>) => void;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data, error, refetch } = useQuery(queries.trafficSummary(filter, span));
  if (error && !data) return <ProblemNotice error={error} onRetry={() => void refetch()} />;
  // Without units there is nothing to sum up; the list says what to do.
  if (!data?.to) return null;
  const percent = new Intl.NumberFormat(lang, { style: 'percent', maximumFractionDigits: 1 });
  const errors = data.client_errors + data.server_errors;
  const share = (count: number) => (data.answers ? percent.format(count / data.answers) : '–');
  const figures: [string, string, string?][] = [
    [t('traffic.answers'), data.answers.toLocaleString(lang)],
    [t('traffic.rate'), rate(data.answers / span, lang)],
    [t('traffic.errors'), `${errors.toLocaleString(lang)} (${share(errors)})`, errors ? 'warn' : undefined],
    [t('traffic.serverErrors'), data.server_errors.toLocaleString(lang), data.server_errors ? 'bad' : undefined],
    [t('traffic.p50'), data.latency_us ? latency(data.latency_us.p50, lang) : '–'],
    [t('traffic.p99'), data.latency_us ? latency(data.latency_us.p99, lang) : '–'],
  ];
  const narrow = (field: string) => (name: string) => {
    const more = comparison(field, name);
    if (more) change({ q: narrowed(filter, more) });
  };
  return (
    <section className="figures" aria-label={t('traffic.figures')}>
      <dl className="figures-row">
        {figures.map(([name, value, tone]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className={tone ? `figure-${tone}` : undefined}>{value}</dd>
          </div>
        ))}
      </dl>
      <Bars summary={data} />
      <Select
        label={t('traffic.span')}
        labelHidden
        value={String(span)}
        choices={trafficSpans.map((minutes) => ({
          id: String(minutes),
          label: t('traffic.lastSpan', { span: spanOf(minutes * 60, lang) }),
        }))}
        onChange={(id) => change({ span: trafficSpans.find((each) => String(each) === id) })}
      />
      <details className="more figures-who">
        <summary>{t('traffic.who')}</summary>
        <p className="muted">
          {t('traffic.until', { time: absoluteTime(data.to, lang) })} {data.partial && t('traffic.partial')}
        </p>
        <div className="columns">
          <Counts head={t('traffic.byUser')} counts={data.users} onChoose={narrow('user')} />
          <Counts head={t('traffic.byRequest')} counts={data.resources} />
        </div>
      </details>
    </section>
  );
}

function rate(perMinute: number, lang: string): string {
  const digits = perMinute < 10 ? 1 : 0;
  return new Intl.NumberFormat(lang, { maximumFractionDigits: digits }).format(perMinute);
}

/** Sixty bars of answers, errors in their own colour at the foot. */
function Bars({ summary }: { summary: TrafficSummary }): ReactNode {
  const t = useT();
  const most = Math.max(1, ...summary.pieces.map((piece) => piece.answers));
  return (
    <svg className="bars" viewBox="0 0 240 32" role="img" aria-label={t('traffic.bars')} preserveAspectRatio="none">
      {summary.pieces.map((piece, index) => {
        const all = (piece.answers / most) * 32;
        const bad = (piece.errors / most) * 32;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a piece is its place.
          <g key={index}>
            <rect className="bar" x={index * 4} y={32 - all} width="3" height={all} />
            <rect className="bar-bad" x={index * 4} y={32 - bad} width="3" height={bad} />
          </g>
        );
      })}
    </svg>
  );
}

function Counts({
  head,
  counts,
  onChoose,
}: {
  head: string;
  counts: readonly TrafficCount[];
  onChoose?: (name: string) => void;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <div className="table-wrap">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col">{t('traffic.answers')}</th>
            <th scope="col">{t('traffic.errors')}</th>
            <th scope="col">{t('traffic.longest')}</th>
          </tr>
        </thead>
        <tbody>
          {counts.map((count) => (
            <tr key={count.name}>
              <th scope="row">
                {count.name && onChoose ? (
                  <button type="button" className="link mono" onClick={() => onChoose(count.name)}>
                    {count.name}
                  </button>
                ) : (
                  <span className={count.name ? 'mono' : 'muted'}>{count.name || t('traffic.unknown')}</span>
                )}
              </th>
              <td data-head={t('traffic.answers')}>{count.answers.toLocaleString(lang)}</td>
              <td data-head={t('traffic.errors')}>{count.errors.toLocaleString(lang)}</td>
              <td data-head={t('traffic.longest')}>{latency(count.longest_us, lang)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
