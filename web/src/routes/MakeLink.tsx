// Makes a presigned link to a Pod to hand over, for oneself or, by an administrator, for somebody else; shown once.
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { MintedLink, Pod } from '../api/contract';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Field, Select } from '../ui/controls';
import { ShownOnce, Time } from '../ui/show';
import { span } from '../ui/time';
import { ProblemNotice } from './ProblemView';
import { enterable } from './podsView';

const lifetimesSeconds = [300, 900, 3600] as const;

export function MakeLink({ pod }: { pod: Pod }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const queryClient = useQueryClient();
  const { data: me } = useSuspenseQuery(queries.me);
  const containers = enterable(pod);
  const [container, setContainer] = useState(containers[0]?.name ?? '');
  const [person, setPerson] = useState('');
  const [command, setCommand] = useState('');
  const [lifetime, setLifetime] = useState<string>(String(lifetimesSeconds[0]));
  const [made, setMade] = useState<MintedLink | null>(null);
  const [error, setError] = useState<unknown>(null);
  const words = command.trim().split(/\s+/).filter(Boolean);

  const make = (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    acts
      .mintLink({
        cluster: pod.cluster,
        namespace: pod.namespace,
        pod: pod.name,
        container,
        tty: words.length === 0,
        command: words,
        for_user: person.trim() || undefined,
        expires_in_s: Number(lifetime),
      })
      .then((link) => {
        setMade(link);
        void queryClient.invalidateQueries({ queryKey: ['links'] });
      }, setError);
  };
  if (made)
    return (
      <div className="stack">
        <p>{t('make.lead', { user: made.user })}</p>
        <ShownOnce value={made.url} label={t('make.url')} copyLabel={t('copy.link')} copiedLabel={t('copy.done')} />
        <p className="muted">
          {t('link.expiresLabel')} <Time at={made.expires_at} lang={lang} />
        </p>
      </div>
    );
  return (
    <form className="form" onSubmit={make}>
      {error !== null && <ProblemNotice error={error} />}
      {!me.admin && <p className="muted">{t('make.ownLead', { user: me.user })}</p>}
      <div className="form-line">
        <Select
          label={t('pod.container')}
          value={container}
          onChange={setContainer}
          choices={containers.map(({ name }) => ({ id: name, label: name }))}
        />
        <Select
          label={t('make.lifetime')}
          value={lifetime}
          onChange={setLifetime}
          choices={lifetimesSeconds.map((seconds) => ({ id: String(seconds), label: span(seconds, lang) }))}
        />
        {me.admin && (
          <Field
            label={t('make.person')}
            value={person}
            onChange={setPerson}
            placeholder={me.user}
            mono
            autoComplete="off"
          />
        )}
        <Field
          label={t('make.command')}
          hint={t('make.commandHint')}
          value={command}
          onChange={setCommand}
          mono
          autoComplete="off"
        />
      </div>
      <div>
        <Button type="submit" icon="link" isDisabled={!container}>
          {t('make.act')}
        </Button>
      </div>
    </form>
  );
}
