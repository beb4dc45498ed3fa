// Explains a Problem: what happened, who decided, what to do, and the small print that an administrator may ask for.
import type { ReactNode } from 'react';
import type { Problem } from '../api/contract';
import { decidedBy, isKnownCode, problemOf } from '../api/problem';
import { problemText, useLanguage, useT } from '../i18n';
import { Button } from '../ui/controls';
import { Icon } from '../ui/icons';
import { CopyId, Notice } from '../ui/show';
import { span } from '../ui/time';

/** The whole page or pane: used where nothing else can be shown. */
export function ProblemPage({
  problem,
  title,
  actions,
  calm = false,
}: {
  problem: Problem;
  title?: string;
  actions?: ReactNode;
  /** Nobody decided anything: neither the red sign nor a decider is shown. */
  calm?: boolean;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const text = problemText(problem.code, lang);
  return (
    <section className={calm ? 'problem problem-calm' : 'problem'} role="alert">
      <div className="problem-head">
        <Icon name={calm ? 'info' : 'denied'} />
        <h2>{title ?? t('problem.title')}</h2>
      </div>
      <p className="problem-what">{text.what}</p>
      <dl className="facts">
        {!calm && (
          <>
            <dt>{t('problem.decidedBy')}</dt>
            <dd>{t(`problem.by.${problem.decided_by ?? decidedBy(problem.code)}`)}</dd>
          </>
        )}
        <dt>{t('problem.todo')}</dt>
        <dd>
          {text.todo}
          {problem.retry_after_s ? ` ${t('problem.retryAfter', { span: span(problem.retry_after_s, lang) })}` : ''}
        </dd>
        <dt>{t('problem.code')}</dt>
        <dd className="mono">{problem.code}</dd>
        {problem.request_id && (
          <>
            <dt>{t('problem.requestId')}</dt>
            <dd>
              <CopyId value={problem.request_id} label={t('copy.requestId')} copied={t('copy.done')} chars={24} />
            </dd>
          </>
        )}
      </dl>
      <HubsWords problem={problem} />
      {actions && <div className="problem-actions">{actions}</div>}
    </section>
  );
}

/** One paragraph, for a part of a room or a form. */
export function ProblemNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const problem = problemOf(error);
  const text = problemText(problem.code, lang);
  return (
    <Notice
      tone="bad"
      title={text.what}
      live="assertive"
      action={onRetry && <Button onPress={onRetry}>{t('act.retry')}</Button>}
    >
      {text.todo}
      {problem.retry_after_s ? ` ${t('problem.retryAfter', { span: span(problem.retry_after_s, lang) })}` : ''}
      <HubsWords problem={problem} withRequest />
    </Notice>
  );
}

/** The hub's own words are English and say the above once more: folded away, unless only they say what was wrong. */
function HubsWords({ problem, withRequest = false }: { problem: Problem; withRequest?: boolean }): ReactNode {
  const t = useT();
  const { code, detail, fix, request_id } = problem;
  if (!detail && !fix && !(withRequest && request_id)) return null;
  return (
    <details className="more" open={!isKnownCode(code) || code === 'bad_request'}>
      <summary>{t('problem.more')}</summary>
      <dl className="facts">
        {detail && (
          <>
            <dt>{t('problem.detail')}</dt>
            <dd className="mono" lang="en">
              {detail}
            </dd>
          </>
        )}
        {fix && (
          <>
            <dt>{t('problem.fix')}</dt>
            <dd lang="en">{fix}</dd>
          </>
        )}
        {withRequest && request_id && (
          <>
            <dt>{t('problem.requestId')}</dt>
            <dd className="mono">{request_id}</dd>
          </>
        )}
      </dl>
    </details>
  );
}
