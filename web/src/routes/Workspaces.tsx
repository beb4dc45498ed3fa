// The Workspaces room: a shell of one's own in two clicks, its start in words, its end by name.
import { useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Radio, RadioGroup } from 'react-aria-components';
import type { Quota, Template, Workspace } from '../api/contract';
import { problemOf } from '../api/problem';
import { acts, queries } from '../api/queries';
import { pick, useLanguage, useT } from '../i18n';
import { Button, Field, IconButton, Select } from '../ui/controls';
import { Empty, SkeletonRows, Time } from '../ui/show';
import { span } from '../ui/time';
import { type NameRefused, nameRefused } from './nameRefused';
import { ProblemNotice } from './ProblemView';
import { Room } from './Room';
import { useTerminalOpener } from './useTerminalOpener';
import { DeleteWorkspace, isMoving, Lifetime, Steps, useWorkspaceWatch, WorkspaceBadge } from './WorkspaceParts';

export function Workspaces(): ReactNode {
  const t = useT();
  const { data, error, refetch } = useQuery(queries.workspaces);
  return (
    <Room title={t('room.workspaces')} aside={data && <QuotaLeft quota={data.quota} />}>
      <NewWorkspace quota={data?.quota} />
      <section className="block" aria-labelledby="my-workspaces">
        <h2 id="my-workspaces">{t('workspace.mine')}</h2>
        {error && !data && <ProblemNotice error={error} onRetry={() => void refetch()} />}
        {!data && !error && <SkeletonRows rows={3} label={t('act.loading')} />}
        {data?.items.length === 0 && (
          <Empty icon="workspaces" title={t('workspace.none')}>
            {t('workspace.noneTodo')}
          </Empty>
        )}
        {data && data.items.length > 0 && (
          <ul className="rows">
            {data.items.map((workspace) => (
              <WorkspaceRow key={workspace.id} workspace={workspace} />
            ))}
          </ul>
        )}
      </section>
    </Room>
  );
}

function QuotaLeft({ quota }: { quota: Quota }): ReactNode {
  const t = useT();
  return (
    <span title={t('workspace.quotaTotal', { used: quota.total_used, limit: quota.total_limit })}>
      {t('workspace.quota', { used: quota.used, limit: quota.limit })}
    </span>
  );
}

function NewWorkspace({ quota }: { quota?: Quota }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const queryClient = useQueryClient();
  const { data: me } = useSuspenseQuery(queries.me);
  const templates = useQuery(queries.templates);
  const [chosen, setChosen] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [cluster, setCluster] = useState(me.cluster ?? me.clusters[0] ?? '');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  /** What the hub said of the name, and stands at its field. */
  const [refused, setRefused] = useState<NameRefused | null>(null);
  const items = templates.data?.items ?? [];
  const template = chosen ?? items.find((each) => each.default)?.name ?? items[0]?.name ?? '';
  const full = quota !== undefined && quota.used >= quota.limit;

  const create = (event: FormEvent) => {
    event.preventDefault();
    if (!template || busy) return;
    setBusy(true);
    setError(null);
    setRefused(null);
    const wished = name.trim();
    acts
      .createWorkspace(template, wished || undefined, me.clusters.length > 1 ? cluster : undefined)
      .then(
        (made) => {
          setName('');
          queryClient.setQueryData(queries.workspaces.queryKey, (old) =>
            old
              ? {
                  quota: { ...old.quota, used: old.quota.used + 1 },
                  items: [made, ...old.items.filter((each) => each.id !== made.id)],
                }
              : old,
          );
          void queryClient.invalidateQueries({ queryKey: queries.workspaces.queryKey });
        },
        (failure: unknown) => {
          const found = nameRefused(problemOf(failure), wished);
          setRefused(found);
          if (!found) setError(failure);
        },
      )
      .finally(() => setBusy(false));
  };
  return (
    <section className="block" aria-labelledby="new-workspace">
      <h2 id="new-workspace">{t('workspace.new')}</h2>
      {templates.error && <ProblemNotice error={templates.error} onRetry={() => void templates.refetch()} />}
      {templates.isPending && <SkeletonRows rows={2} label={t('act.loading')} />}
      {templates.data && (
        <form onSubmit={create} className="new-workspace">
          <RadioGroup className="cards" aria-labelledby="new-workspace" value={template} onChange={setChosen}>
            {items.map((each) => (
              <TemplateCard key={each.name} template={each} lang={lang} />
            ))}
          </RadioGroup>
          {error !== null && <ProblemNotice error={error} />}
          <div className="form-line">
            <Field
              label={t('workspace.name')}
              value={name}
              onChange={(text) => {
                setName(text);
                setRefused(null);
              }}
              placeholder={t('workspace.namePlaceholder')}
              hint={t('workspace.nameHint')}
              error={
                refused
                  ? 'said' in refused
                    ? refused.said
                    : t('workspace.nameTaken', { name: refused.taken })
                  : undefined
              }
              mono
            />
            {me.clusters.length > 1 && (
              <Select
                label={t('pod.cluster')}
                value={cluster}
                onChange={setCluster}
                choices={me.clusters.map((id) => ({ id, label: id }))}
              />
            )}
            <Button type="submit" kind="primary" icon="plus" isDisabled={busy || full || !template}>
              {busy ? t('workspace.creating') : t('workspace.create')}
            </Button>
            {full && <p className="muted">{t('workspace.quotaFull')}</p>}
          </div>
        </form>
      )}
    </section>
  );
}

function TemplateCard({ template, lang }: { template: Template; lang: 'en' | 'ko' }): ReactNode {
  const t = useT();
  return (
    <Radio value={template.name} className="card" aria-label={pick(template.title, lang)}>
      <span className="card-mark" aria-hidden="true" />
      <span className="card-text">
        <strong>{pick(template.title, lang)}</strong>
        <span className="muted">{pick(template.description, lang)}</span>
        <span className="card-facts">
          <span className="mono">{template.image}</span>
          <span>
            {t('workspace.resources', { cpu: template.cpu, memory: template.memory })} ·{' '}
            {span(template.lifetime_s, lang)}
          </span>
        </span>
      </span>
    </Radio>
  );
}

export function WorkspaceRow({ workspace, brief }: { workspace: Workspace; brief?: boolean }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const openTerminal = useTerminalOpener();
  const [deleting, setDeleting] = useState(false);
  const [shown, setShown] = useState(false);
  const moving = isMoving(workspace.state);
  useWorkspaceWatch(workspace.id, moving);
  const { cluster, namespace, pod, container } = workspace;
  const withSteps = workspace.steps.length > 0 && (moving || workspace.state === 'failed' || shown);
  return (
    <li className="row" aria-label={workspace.name}>
      <div className="row-main">
        <span className="row-title">
          <strong className="mono">{workspace.name}</strong>
          <WorkspaceBadge state={workspace.state} />
        </span>
        <span className="row-facts faint">
          <span className="mono">{`${cluster} / ${namespace}`}</span>
          <Time at={workspace.created_at} lang={lang} />
          {!moving && workspace.state !== 'finished' && <Lifetime workspace={workspace} />}
        </span>
      </div>
      <div className="row-actions">
        {!brief && !moving && workspace.state !== 'failed' && workspace.steps.length > 0 && (
          <Button kind="quiet" size="small" onPress={() => setShown(!shown)} aria-expanded={shown}>
            {t('workspace.steps')}
          </Button>
        )}
        {!brief && workspace.state !== 'deleting' && (
          <IconButton
            icon="trash"
            label={t('workspace.deleteOf', { name: workspace.name })}
            onPress={() => setDeleting(true)}
          />
        )}
        <Button
          kind="primary"
          size="small"
          icon="terminal"
          isDisabled={workspace.state !== 'running'}
          aria-label={t('workspace.enterOf', { name: workspace.name })}
          onPress={() => openTerminal({ cluster, namespace, pod, container, tty: true, command: [] })}
        >
          {t('workspace.enter')}
        </Button>
      </div>
      {withSteps && (
        <div className="row-more" aria-live="polite">
          <Steps workspace={workspace} />
        </div>
      )}
      {deleting && <DeleteWorkspace workspace={workspace} onClose={() => setDeleting(false)} />}
    </li>
  );
}
