// The page where a person lets a machine in that runs `sallyport login`: finds its request by the code, compares, decides.
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { WaitingMachine } from '../api/contract';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Field } from '../ui/controls';
import { Notice, Time } from '../ui/show';
import { ProblemNotice } from './ProblemView';
import { Room } from './Room';

/** Only the loopback of the person's own machine, where the hub leads the browser back to. */
export const isLoopback = (address: string): boolean => /^http:\/\/127\.0\.0\.1:\d{1,5}\/signed-in\?/.test(address);

export function Machine(): ReactNode {
  const t = useT();
  const { code } = useSearch({ from: '/inside/machine' });
  const [decided, setDecided] = useState<'allowed' | 'denied' | null>(null);
  return (
    <Room title={t('machine.title')}>
      {decided && (
        <Notice tone={decided === 'allowed' ? 'good' : 'warn'} live="polite" title={t(`machine.${decided}`)}>
          {t(`machine.${decided}Todo`)}
        </Notice>
      )}
      {!decided && !code && <AskForCode />}
      {!decided && code && <Decision key={code} code={code} onDecided={setDecided} />}
    </Room>
  );
}

function AskForCode(): ReactNode {
  const t = useT();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim()) void navigate({ to: '/machine', search: { code: typed.trim() } });
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field
        label={t('machine.code')}
        name="code"
        autoComplete="off"
        mono
        value={typed}
        onChange={setTyped}
        hint={t('machine.codeHint')}
        isRequired
        autoFocus
      />
      <Button type="submit" kind="primary">
        {t('machine.find')}
      </Button>
    </form>
  );
}

function Decision({ code, onDecided }: { code: string; onDecided: (how: 'allowed' | 'denied') => void }): ReactNode {
  const t = useT();
  const navigate = useNavigate();
  const { data: machine, error } = useQuery(queries.machine(code));
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const decide = async (allow: boolean) => {
    setBusy(true);
    setFailure(null);
    try {
      const { return_to } = await acts.decideMachine(code, allow);
      if (return_to && isLoopback(return_to)) window.location.assign(return_to);
      onDecided(allow ? 'allowed' : 'denied');
    } catch (problem) {
      setFailure(problem);
      setBusy(false);
    }
  };
  if (error)
    return (
      <>
        <ProblemNotice error={error} />
        <Button onPress={() => void navigate({ to: '/machine', search: {} })}>{t('machine.other')}</Button>
      </>
    );
  if (!machine) return <p className="muted">{t('act.loading')}</p>;
  return (
    <div className="form">
      {failure !== null && <ProblemNotice error={failure} />}
      <Notice tone="warn" title={t('machine.ask')}>
        {t('machine.warning')}
      </Notice>
      <Facts machine={machine} />
      <div className="problem-actions">
        <Button kind="primary" isDisabled={busy} onPress={() => void decide(true)}>
          {t('machine.allow')}
        </Button>
        <Button isDisabled={busy} onPress={() => void decide(false)}>
          {t('machine.deny')}
        </Button>
      </div>
    </div>
  );
}

function Facts({ machine }: { machine: WaitingMachine }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <dl className="facts">
      <dt>{t('machine.code')}</dt>
      <dd className="mono">{machine.code}</dd>
      <dt>{t('machine.name')}</dt>
      <dd>{machine.machine}</dd>
      <dt>{t('machine.source')}</dt>
      <dd className="mono">{machine.source}</dd>
      <dt>{t('machine.askedAt')}</dt>
      <dd>
        <Time at={machine.asked_at} lang={lang} />
      </dd>
    </dl>
  );
}
