// What somebody answers for: each exception with its reason, owner and last day; made and taken back here.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { PostureException } from '../api/contract';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Field, IconButton } from '../ui/controls';
import { Confirm, Dialog } from '../ui/overlays';
import { Badge, Empty, Time } from '../ui/show';
import { toaster } from '../ui/toast';
import { Listing } from './Listing';
import { ProblemNotice } from './ProblemView';
import type { PostureView } from './postureView';

export function PostureExceptions({ cluster, change }: PostureView): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const queryClient = useQueryClient();
  const { data, error, refetch } = useQuery(queries.postureExceptions(cluster));
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<PostureException | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const remove = (exception: PostureException) => {
    setBusy(true);
    acts
      .removePostureException(cluster, exception.number)
      .then(() => {
        setRemoving(null);
        setFailure(null);
        toaster.show('good', t('posture.exceptionRemoved', { number: exception.number }));
        void queryClient.invalidateQueries({ queryKey: ['posture'] });
      }, setFailure)
      .finally(() => setBusy(false));
  };
  return (
    <div className="room-body">
      <div className="block-head">
        <h2>{t('posture.view.exceptions')}</h2>
        <Button kind="primary" icon="plus" onPress={() => setAdding(true)}>
          {t('posture.addException')}
        </Button>
      </div>
      <Listing
        rows={data?.items}
        error={error}
        onRetry={() => void refetch()}
        empty={
          <Empty icon="posture" title={t('posture.noExceptions')}>
            {t('posture.noExceptionsTodo')}
          </Empty>
        }
        heads={[
          t('posture.check'),
          t('posture.object'),
          t('posture.reason'),
          t('posture.owner'),
          t('posture.expires'),
          t('posture.madeBy'),
        ]}
      >
        {(each) => (
          <tr key={each.number}>
            <th scope="row">
              <button
                type="button"
                className="link mono"
                onClick={() => change({ view: 'findings', check: each.check, standing: 'excepted' })}
              >
                {each.check}
              </button>
            </th>
            <td className="mono" data-head={t('posture.object')}>
              {each.object}
              {each.path && <span className="faint"> {each.path}</span>}
            </td>
            <td data-head={t('posture.reason')}>{each.reason}</td>
            <td data-head={t('posture.owner')}>{each.owner}</td>
            <td data-head={t('posture.expires')}>
              {each.expires} <ExpiredBadge expired={each.expired} />
            </td>
            <td data-head={t('posture.madeBy')}>
              <span className="mono">{each.made_by}</span> <Time at={each.made_at} lang={lang} />
            </td>
            <td>
              <IconButton
                icon="trash"
                label={t('posture.removeException', { number: each.number, check: each.check })}
                onPress={() => {
                  setFailure(null);
                  setRemoving(each);
                }}
              />
            </td>
          </tr>
        )}
      </Listing>
      <ExceptionDialog cluster={cluster} isOpen={adding} onClose={() => setAdding(false)} />
      <Confirm
        title={t('posture.removeException', { number: removing?.number ?? 0, check: removing?.check ?? '' })}
        isOpen={removing !== null}
        onClose={() => setRemoving(null)}
        onConfirm={() => removing && remove(removing)}
        confirmLabel={t('posture.remove')}
        cancelLabel={t('act.keep')}
        isBusy={busy}
      >
        {t('posture.removeLead')}
        {failure !== null && <ProblemNotice error={failure} />}
      </Confirm>
    </div>
  );
}

type Draft = { check: string; object: string; path: string; reason: string; owner: string; expires: string };

/** Asks who answers for what, why and until when. */
export function ExceptionDialog({
  cluster,
  isOpen,
  onClose,
  of,
}: {
  cluster: string;
  isOpen: boolean;
  onClose: () => void;
  of?: Pick<Draft, 'check' | 'object' | 'path'>;
}): ReactNode {
  const t = useT();
  return (
    <Dialog title={t('posture.addException')} isOpen={isOpen} onClose={onClose}>
      {isOpen && <ExceptionForm cluster={cluster} onClose={onClose} of={of} />}
    </Dialog>
  );
}

function ExceptionForm({
  cluster,
  onClose,
  of,
}: {
  cluster: string;
  onClose: () => void;
  of: Pick<Draft, 'check' | 'object' | 'path'> | undefined;
}): ReactNode {
  const t = useT();
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState<Draft>({
    check: of?.check ?? '',
    object: of?.object ?? '',
    path: of?.path ?? '',
    reason: '',
    owner: '',
    expires: '',
  });
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const field = (key: keyof Draft) => ({
    value: draft[key],
    onChange: (value: string) => setDraft((old) => ({ ...old, [key]: value })),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const { path, ...body } = draft;
    acts
      .addPostureException(cluster, { ...body, path: path || undefined })
      .then(({ findings }) => {
        toaster.show('good', t('posture.exceptionMade', { n: findings }));
        void queryClient.invalidateQueries({ queryKey: ['posture'] });
        onClose();
      }, setFailure)
      .finally(() => setBusy(false));
  };
  const mayMake = draft.check && draft.object && draft.reason.trim() && draft.owner.trim() && draft.expires;
  return (
    <form onSubmit={submit}>
      <div className="dialog-body stack">
        <p className="muted">{t('posture.exceptionLead')}</p>
        <Field label={t('posture.check')} mono isRequired {...field('check')} placeholder="host-pid" />
        <Field
          label={t('posture.object')}
          mono
          isRequired
          {...field('object')}
          hint={t('posture.patternHint')}
          placeholder="DaemonSet/monitoring/*"
        />
        <Field label={t('posture.field')} mono {...field('path')} hint={t('posture.fieldHint')} />
        <Field label={t('posture.reason')} isRequired autoFocus={of !== undefined} {...field('reason')} />
        <Field label={t('posture.owner')} isRequired {...field('owner')} placeholder="ops@example.com" />
        <Field
          label={t('posture.expires')}
          type="date"
          isRequired
          {...field('expires')}
          hint={t('posture.expiresHint')}
        />
        {failure !== null && <ProblemNotice error={failure} />}
      </div>
      <div className="dialog-actions">
        <Button kind="quiet" onPress={onClose}>
          {t('act.cancel')}
        </Button>
        <Button kind="primary" type="submit" isDisabled={busy || !mayMake}>
          {t('posture.addException')}
        </Button>
      </div>
    </form>
  );
}

function ExpiredBadge({ expired }: { expired: boolean }): ReactNode {
  const t = useT();
  return <Badge tone={expired ? 'warn' : 'good'}>{expired ? t('posture.ranOut') : t('posture.holds')}</Badge>;
}
