// Explains a Problem: what happened, who decided, what to do, and the small print that an administrator may ask for.
import type { ReactNode } from 'react';
import type { Problem } from '../api/contract';
import { problemOf } from '../api/problem';
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
}: {
  problem: Problem;
  title?: string;
  actions?: ReactNode;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const text = problemText(problem.code, lang);
  const decidedBy = problem.decided_by ?? 'hub';
  return (
    <section className="problem" role="alert">
      <div className="problem-head">
        <Icon name="denied" />
        <h2>{title ?? t('problem.title')}</h2>
      </div>
      <p className="problem-what">{text.what}</p>
      <dl className="facts">
        <dt>{t('problem.decidedBy')}</dt>
        <dd>{t(`problem.by.${decidedBy}`)}</dd>
        <dt>{t('problem.todo')}</dt>
        <dd>
          {text.todo}
          {problem.retry_after_s ? ` ${t('problem.retryAfter', { span: span(problem.retry_after_s, lang) })}` : ''}
        </dd>
        {problem.fix && (
          <>
            <dt>{t('problem.fix')}</dt>
            <dd>{problem.fix}</dd>
          </>
        )}
        {problem.detail && (
          <>
            <dt>{t('problem.detail')}</dt>
            <dd className="mono" lang="en">
              {problem.detail}
            </dd>
          </>
        )}
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
      {(problem.detail || problem.request_id) && (
        <p className="small-print mono" lang="en">
          {problem.detail} {problem.request_id && `(${problem.request_id})`}
        </p>
      )}
    </Notice>
  );
}
