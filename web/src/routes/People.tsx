// Who may come in: accounts, invitations, and the acts that shut somebody out.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Account, Invitation } from '../api/contract';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Checkbox, Field, IconButton } from '../ui/controls';
import { Confirm, Dialog, Menu } from '../ui/overlays';
import { Badge, Empty, ShownOnce, Time } from '../ui/show';
import { toaster } from '../ui/toast';
import { AdminOnly } from './Access';
import { isAccountName } from './accountName';
import { Listing } from './Listing';
import { ProblemNotice } from './ProblemView';

type Pending = { kind: 'disable' | 'signOut' | 'revoke'; account: Account };

export function People(): ReactNode {
  return (
    <AdminOnly>
      <PeopleTable />
    </AdminOnly>
  );
}

function PeopleTable(): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const queryClient = useQueryClient();
  const { data, error, refetch } = useQuery(queries.accounts);
  const [adding, setAdding] = useState(false);
  const [invitation, setInvitation] = useState<{ name: string; made: Invitation } | null>(null);
  const [pending, setPending] = useState<Pending | null>(null);
  const [failure, setFailure] = useState<unknown>(null);

  const run = (work: Promise<unknown>, said: string) =>
    work.then(
      () => {
        setPending(null);
        setFailure(null);
        toaster.show('good', said);
        void queryClient.invalidateQueries({ queryKey: queries.accounts.queryKey });
      },
      (cause: unknown) => setFailure(cause),
    );
  const act = (id: string, account: Account) => {
    setFailure(null);
    if (id === 'enable') void run(acts.enableAccount(account.name), t('people.enabled', { name: account.name }));
    else if (id === 'invite')
      acts.inviteAccount(account.name).then((made) => setInvitation({ name: account.name, made }), setFailure);
    else if (id === 'disable' || id === 'signOut' || id === 'revoke') setPending({ kind: id, account });
  };
  const confirm = () => {
    if (!pending) return;
    const { name, kubernetes_user } = pending.account;
    if (pending.kind === 'disable') void run(acts.disableAccount(name), t('people.disabled', { name }));
    if (pending.kind === 'signOut') void run(acts.signOutAccount(name), t('people.signedOut', { name }));
    if (pending.kind === 'revoke') void run(acts.revokeAllLinks(kubernetes_user), t('people.revoked', { name }));
  };
  return (
    <div className="room-body">
      <div className="block-head">
        <h2>{t('access.people')}</h2>
        <Button kind="primary" icon="plus" onPress={() => setAdding(true)}>
          {t('people.add')}
        </Button>
      </div>
      {failure !== null && !pending && <ProblemNotice error={failure} />}
      <Listing
        rows={data?.items}
        error={error}
        onRetry={() => void refetch()}
        empty={
          <Empty icon="people" title={t('people.none')}>
            {t('people.noneTodo')}
          </Empty>
        }
        heads={[
          t('people.name'),
          t('people.kubernetesUser'),
          t('people.groups'),
          t('people.state'),
          t('people.lastSignIn'),
        ]}
      >
        {(account) => (
          <tr key={account.id}>
            <th scope="row">
              <span className="mono">{account.name}</span>
              {account.display_name !== account.name && <span className="faint"> {account.display_name}</span>}
            </th>
            <td className="mono" data-head={t('people.kubernetesUser')}>
              {account.kubernetes_user}
            </td>
            <td className="mono" data-head={t('people.groups')}>
              {account.groups.join(', ') || '–'}
            </td>
            <td data-head={t('people.state')}>
              <AccountState account={account} />
            </td>
            <td data-head={t('people.lastSignIn')}>
              {account.last_sign_in_at ? <Time at={account.last_sign_in_at} lang={lang} /> : t('people.never')}
            </td>
            <td className="table-acts">
              <Menu
                label={t('people.actsOf', { name: account.name })}
                trigger={<IconButton icon="more" label={t('people.actsOf', { name: account.name })} />}
                onAction={(id) => act(id, account)}
                entries={[
                  { id: 'invite', label: t('people.invite'), icon: 'link' },
                  { id: 'signOut', label: t('people.signOut'), icon: 'close' },
                  { id: 'revoke', label: t('people.revoke'), icon: 'denied', danger: true },
                  account.disabled
                    ? { id: 'enable', label: t('people.enable'), icon: 'check' }
                    : { id: 'disable', label: t('people.disable'), icon: 'denied', danger: true },
                ]}
              />
            </td>
          </tr>
        )}
      </Listing>
      {adding && (
        <AddAccount
          onClose={() => setAdding(false)}
          onAdded={(name, made) => {
            setAdding(false);
            setInvitation({ name, made });
            void queryClient.invalidateQueries({ queryKey: queries.accounts.queryKey });
          }}
        />
      )}
      {invitation && <InvitationShown {...invitation} onClose={() => setInvitation(null)} />}
      {pending && (
        <Confirm
          title={t(`people.confirm.${pending.kind}`, { name: pending.account.name })}
          isOpen
          onClose={() => setPending(null)}
          onConfirm={confirm}
          confirmLabel={t(`people.${pending.kind}`)}
          cancelLabel={t('act.cancel')}
        >
          {failure !== null && <ProblemNotice error={failure} />}
          <p>{t(`people.lead.${pending.kind}`)}</p>
        </Confirm>
      )}
    </div>
  );
}

function AccountState({ account }: { account: Account }): ReactNode {
  const t = useT();
  return (
    <span className="badges">
      {account.disabled ? (
        <Badge tone="bad">{t('people.isDisabled')}</Badge>
      ) : account.has_password ? (
        <Badge tone="good">{t('people.isActive')}</Badge>
      ) : (
        <Badge tone="warn">{t('people.isInvited')}</Badge>
      )}
      {account.admin && <span className="tag">{t('people.isAdmin')}</span>}
    </span>
  );
}

function AddAccount({
  onClose,
  onAdded,
}: {
  onClose: () => void;
  onAdded: (name: string, made: Invitation) => void;
}): ReactNode {
  const t = useT();
  const [name, setName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [groups, setGroups] = useState('');
  const [admin, setAdmin] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const isWrong = !isAccountName(name.trim());
    setWrong(isWrong);
    if (isWrong) return;
    setBusy(true);
    setError(null);
    acts
      .addAccount({
        name: name.trim(),
        display_name: displayName.trim() || undefined,
        groups: groups.split(/[\s,]+/).filter(Boolean),
        admin,
      })
      .then(
        ({ account, invitation_url, invitation_expires_at }) =>
          onAdded(account.name, { invitation_url, invitation_expires_at }),
        (failure: unknown) => {
          setError(failure);
          setBusy(false);
        },
      );
  };
  return (
    <Dialog title={t('people.add')} isOpen onClose={onClose}>
      <form className="dialog-form" onSubmit={submit}>
        <div className="dialog-body form">
          {error !== null && <ProblemNotice error={error} />}
          <Field
            label={t('people.name')}
            hint={t('people.nameHint')}
            value={name}
            onChange={(text) => {
              setName(text);
              if (wrong) setWrong(!isAccountName(text.trim()));
            }}
            error={wrong ? t('people.nameWrong') : undefined}
            mono
            isRequired
            autoFocus
            autoComplete="off"
          />
          <Field label={t('people.displayName')} value={displayName} onChange={setDisplayName} autoComplete="off" />
          <Field
            label={t('people.groups')}
            hint={t('people.groupsHint')}
            value={groups}
            onChange={setGroups}
            mono
            autoComplete="off"
          />
          <Checkbox isSelected={admin} onChange={setAdmin}>
            {t('people.adminHint')}
          </Checkbox>
        </div>
        <div className="dialog-actions">
          <Button kind="quiet" onPress={onClose}>
            {t('act.cancel')}
          </Button>
          <Button type="submit" kind="primary" isDisabled={busy}>
            {t('people.addAct')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function InvitationShown({ name, made, onClose }: { name: string; made: Invitation; onClose: () => void }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <Dialog title={t('people.invitationOf', { name })} isOpen onClose={onClose}>
      <div className="dialog-body">
        <p>{t('people.invitationLead')}</p>
        <ShownOnce
          value={made.invitation_url}
          label={t('people.invitationUrl')}
          copyLabel={t('copy.link')}
          copiedLabel={t('copy.done')}
        />
        <p className="muted">
          {t('link.expiresLabel')} <Time at={made.invitation_expires_at} lang={lang} />
        </p>
      </div>
      <div className="dialog-actions">
        <Button onPress={onClose}>{t('act.close')}</Button>
      </div>
    </Dialog>
  );
}
