// The sign-in room: password or Kubernetes bearer token, and the page an invitation leads to.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import type { Me } from '../api/contract';
import { acts, hasPersonChanged, queries } from '../api/queries';
import { useT } from '../i18n';
import { holdsSecret, onSecret, takeSecret } from '../secrets';
import { Button, Field } from '../ui/controls';
import { Mark } from '../ui/icons';
import { Notice } from '../ui/show';
import { ProblemNotice } from './ProblemView';
import { useTitle } from './Room';
import { safeReturn } from './safeReturn';
import { LanguageSwitch, ThemeSwitch } from './switches';

function Gatehouse({ title, children }: { title: string; children: ReactNode }): ReactNode {
  useTitle(title);
  return (
    <div className="gatehouse">
      <header className="gatehouse-head">
        <span className="brand">
          <Mark />
          Sallyport
        </span>
        <span className="gatehouse-switches">
          <LanguageSwitch />
          <ThemeSwitch />
        </span>
      </header>
      <main className="gatehouse-main">
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  );
}

/** Runs a sign-in act and goes where the person wanted to go. */
function useEnter(to: string): { busy: boolean; error: unknown; run: (act: () => Promise<Me>) => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const run = (act: () => Promise<Me>) => {
    setBusy(true);
    setError(null);
    act().then(
      (me) => {
        // A whole new page for another person: nothing of the one before stays in its memory.
        if (hasPersonChanged()) return window.location.assign(to);
        queryClient.clear();
        queryClient.setQueryData(queries.me.queryKey, me);
        void navigate({ to, replace: true });
      },
      (failure: unknown) => {
        setError(failure);
        setBusy(false);
      },
    );
  };
  return { busy, error, run };
}

export function SignIn(): ReactNode {
  const t = useT();
  const search = useSearch({ from: '/sign-in' });
  const { busy, error, run } = useEnter(safeReturn(search.return));
  const withLink = useSyncExternalStore(onSecret, () => holdsSecret('link'));
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [token, setToken] = useState('');
  const [cluster, setCluster] = useState('');

  const byPassword = (event: FormEvent) => {
    event.preventDefault();
    run(() => acts.signInPassword(username.trim(), password));
  };
  const byToken = (event: FormEvent) => {
    event.preventDefault();
    run(() => acts.signInToken(token.trim(), cluster.trim() || undefined));
  };
  return (
    <Gatehouse title={t('signIn.title')}>
      {search.ended && !error && (
        <Notice tone="warn" live="polite">
          {t('signIn.ended')}
        </Notice>
      )}
      {withLink && (
        <Notice tone="accent" title={t('signIn.link')}>
          {t('signIn.linkTodo')}
        </Notice>
      )}
      {error !== null && <ProblemNotice error={error} />}
      <Tabs className="tabs">
        <TabList className="tab-list" aria-label={t('signIn.methods')}>
          <Tab className="tab" id="password">
            {t('signIn.password')}
          </Tab>
          <Tab className="tab" id="token">
            {t('signIn.token')}
          </Tab>
        </TabList>
        <TabPanel className="tab-panel" id="password">
          <form className="form" onSubmit={byPassword}>
            <Field
              label={t('signIn.name')}
              name="username"
              autoComplete="username"
              value={username}
              onChange={setUsername}
              isRequired
              autoFocus
            />
            <Field
              label={t('signIn.password')}
              name="password"
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={setPassword}
              isRequired
            />
            <Button type="submit" kind="primary" size="large" isDisabled={busy}>
              {busy ? t('signIn.busy') : t('signIn.act')}
            </Button>
          </form>
        </TabPanel>
        <TabPanel className="tab-panel" id="token">
          <form className="form" onSubmit={byToken}>
            <Field
              label={t('signIn.tokenField')}
              name="token"
              type="password"
              autoComplete="off"
              mono
              value={token}
              onChange={setToken}
              hint={t('signIn.tokenHint')}
              isRequired
            />
            <Field
              label={t('signIn.cluster')}
              name="cluster"
              autoComplete="off"
              mono
              value={cluster}
              onChange={setCluster}
              hint={t('signIn.clusterHint')}
            />
            <Button type="submit" kind="primary" size="large" isDisabled={busy}>
              {busy ? t('signIn.busy') : t('signIn.act')}
            </Button>
          </form>
        </TabPanel>
      </Tabs>
    </Gatehouse>
  );
}

// Held here rather than in the component, so that a second mount (StrictMode, a language switch) still has it.
let invitation: string | null = null;

export function InvitationPage(): ReactNode {
  const t = useT();
  const { busy, error, run } = useEnter('/');
  const [held, setHeld] = useState(() => {
    invitation = takeSecret('invitation') ?? invitation;
    return invitation !== null;
  });
  useEffect(
    () =>
      onSecret(() => {
        invitation = takeSecret('invitation') ?? invitation;
        setHeld(invitation !== null);
      }),
    [],
  );
  const [password, setPassword] = useState('');
  const [repeated, setRepeated] = useState('');
  const [compared, setCompared] = useState(false);
  // Looked at again with every key: a form whose field is marked as wrong is not submitted by the browser.
  const differs = compared && password !== repeated;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setCompared(true);
    if (password === repeated && invitation) {
      const secret = invitation;
      run(async () => {
        const me = await acts.signInInvitation(secret, password);
        invitation = null;
        return me;
      });
    }
  };
  return (
    <Gatehouse title={t('invitation.title')}>
      {!held && (
        <Notice tone="bad" title={t('invitation.missing')}>
          {t('invitation.missingTodo')}
        </Notice>
      )}
      {error !== null && <ProblemNotice error={error} />}
      {held && (
        <form className="form" onSubmit={submit}>
          <p className="muted">{t('invitation.lead')}</p>
          <Field
            label={t('invitation.password')}
            type="password"
            autoComplete="new-password"
            value={password}
            onChange={setPassword}
            hint={t('invitation.hint')}
            isRequired
            autoFocus
          />
          <Field
            label={t('invitation.repeat')}
            type="password"
            autoComplete="new-password"
            value={repeated}
            onChange={setRepeated}
            error={differs ? t('invitation.differs') : undefined}
            isRequired
          />
          <Button type="submit" kind="primary" size="large" isDisabled={busy}>
            {busy ? t('signIn.busy') : t('invitation.act')}
          </Button>
        </form>
      )}
    </Gatehouse>
  );
}
