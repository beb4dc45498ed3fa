// What Home and Workspaces both show of a workspace: its state, its steps in words, its lifetime, its end.
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { Workspace, WorkspaceState } from '../api/contract';
import { openFeed } from '../api/events';
import { acts, queries } from '../api/queries';
import { pick, useLanguage, useT } from '../i18n';
import { Confirm } from '../ui/overlays';
import { Badge, Time, type Tone } from '../ui/show';
import { absoluteTime, clockTime, span } from '../ui/time';
import { toaster } from '../ui/toast';
import { useNow } from '../ui/useNow';
import { ProblemNotice } from './ProblemView';
import { shownSteps } from './workspaceSteps';

const tones: Record<WorkspaceState, Tone> = {
  creating: 'accent',
  starting: 'accent',
  running: 'good',
  failed: 'bad',
  finished: 'calm',
  deleting: 'warn',
};

export function WorkspaceBadge({ state }: { state: WorkspaceState }): ReactNode {
  const t = useT();
  return <Badge tone={tones[state]}>{t(`workspace.state.${state}`)}</Badge>;
}

export const isMoving = (state: WorkspaceState): boolean =>
  state === 'creating' || state === 'starting' || state === 'deleting';

/** Follows a workspace that is on its way by the hub's event stream and writes each state into the cache. */
export function useWorkspaceWatch(id: string, moving: boolean): void {
  const queryClient = useQueryClient();
  useEffect(() => {
    if (!moving) return;
    return openFeed(`/api/v1/workspaces/${encodeURIComponent(id)}/watch`, ['workspace'], {
      onEvent: (_, data) => {
        const next = data as Workspace;
        queryClient.setQueryData(queries.workspaces.queryKey, (old) =>
          old ? { ...old, items: old.items.map((each) => (each.id === next.id ? next : each)) } : old,
        );
      },
      onState: () => undefined,
      // Refused when the workspace is gone: the list says so.
      onRefused: () => void queryClient.invalidateQueries({ queryKey: queries.workspaces.queryKey }),
    });
  }, [id, moving, queryClient]);
}

export function Steps({ workspace }: { workspace: Workspace }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const steps = shownSteps(workspace);
  const last = steps.length - 1;
  return (
    <ol className="steps" aria-label={t('workspace.steps')}>
      {steps.map((step, index) => {
        const state = step.kind === 'failed' ? 'failed' : index < last || step.kind === 'ready' ? 'done' : 'now';
        return (
          <li key={`${step.at} ${step.kind}`} className={`step step-${state}`}>
            <span className="step-mark" aria-hidden="true" />
            <span title={step.detail}>{pick(step.message, lang)}</span>
            <time className="faint" dateTime={step.at} title={absoluteTime(step.at, lang)}>
              {clockTime(step.at, lang)}
            </time>
            {step.kind === 'failed' || step.kind === 'waiting' ? (
              <span className="step-detail mono" lang="en">
                {step.detail}
              </span>
            ) : null}
          </li>
        );
      })}
    </ol>
  );
}

export function Lifetime({ workspace }: { workspace: Workspace }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const now = useNow();
  const whole = Date.parse(workspace.expires_at) - Date.parse(workspace.created_at);
  const left = Date.parse(workspace.expires_at) - now;
  const share = whole > 0 ? Math.max(0, Math.min(1, left / whole)) : 0;
  return (
    <span className="lifetime" title={absoluteTime(workspace.expires_at, lang)}>
      <span className={share < 0.15 ? 'meter meter-low' : 'meter'} aria-hidden="true">
        <span style={{ inlineSize: `${share * 100}%` }} />
      </span>
      {left > 0 ? (
        t('workspace.left', { span: span(left / 1000, lang) })
      ) : (
        <Time at={workspace.expires_at} lang={lang} />
      )}
    </span>
  );
}

/** Asks before a workspace is deleted, and names what goes with it. */
export function DeleteWorkspace({ workspace, onClose }: { workspace: Workspace; onClose: () => void }): ReactNode {
  const t = useT();
  const queryClient = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const confirm = () => {
    setBusy(true);
    acts.deleteWorkspace(workspace.id).then(
      () => {
        toaster.show('good', t('workspace.deleted', { name: workspace.name }));
        void queryClient.invalidateQueries({ queryKey: queries.workspaces.queryKey });
        onClose();
      },
      (failure: unknown) => {
        setError(failure);
        setBusy(false);
      },
    );
  };
  return (
    <Confirm
      title={t('workspace.deleteTitle', { name: workspace.name })}
      isOpen
      onClose={onClose}
      onConfirm={confirm}
      confirmLabel={t('workspace.delete')}
      cancelLabel={t('act.keep')}
      isBusy={busy}
    >
      {error !== null && <ProblemNotice error={error} />}
      <p>{t('workspace.deleteLead')}</p>
      <ul className="bullets">
        <li>
          {t('workspace.deletePod')} <code>{`${workspace.cluster} / ${workspace.namespace} / ${workspace.pod}`}</code>
        </li>
        <li>{t('workspace.deleteFiles')}</li>
        <li>{t('workspace.deleteTerminals')}</li>
      </ul>
    </Confirm>
  );
}
