// A Role from use: what a user did in the stored traffic, as YAML to read and to take away, what was refused apart, and
// how it differs from the roles that the user holds. Whose it is stands in the URL.
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Label, TextArea, TextField } from 'react-aria-components';
import type { TrafficRole as Role, TrafficRight, TrafficRightUse } from '../api/contract';
import { acts, queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button, Checkbox, Field } from '../ui/controls';
import { download } from '../ui/download';
import { copyText, Empty, Notice, SkeletonRows } from '../ui/show';
import { absoluteTime, bytes } from '../ui/time';
import { ProblemNotice } from './ProblemView';
import { rightText, roleFile } from './trafficView';
import type { TrafficSearch } from './urlState';

/** A day: as far as the summary looks. */
const daysMinutes = 1440;

export function TrafficRole({
  search,
  change,
}: {
  search: TrafficSearch;
  change: (part: Partial<TrafficSearch>) => void;
}): ReactNode {
  const t = useT();
  const { user } = search;
  const names = search.names !== false;
  const busiest = useQuery(queries.trafficSummary(undefined, daysMinutes)).data?.users ?? [];
  return (
    <div className="stack role-view">
      <p className="muted">{t('traffic.role.lead')}</p>
      <Whose key={user ?? ''} user={user} onChoose={(chosen) => change({ user: chosen })} />
      {busiest.some(({ name }) => name) && (
        <div className="badges">
          {busiest
            .filter(({ name }) => name && name !== user)
            .map(({ name }) => (
              <Button key={name} size="small" onPress={() => change({ user: name })}>
                {name}
              </Button>
            ))}
        </div>
      )}
      <Checkbox isSelected={names} onChange={(on) => change({ names: on ? undefined : false })}>
        {t('traffic.role.names')}
      </Checkbox>
      {user ? (
        <Proposal key={`${user} ${names}`} user={user} names={names} />
      ) : (
        <Empty icon="traffic" title={t('traffic.role.whose')}>
          {t('traffic.role.whoseTodo')}
        </Empty>
      )}
    </div>
  );
}

/** Each look is audited, so that a name is asked for when it is whole. */
function Whose({ user, onChoose }: { user: string | undefined; onChoose: (user: string | undefined) => void }) {
  const t = useT();
  const [typed, setTyped] = useState(user ?? '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onChoose(typed.trim() || undefined);
  };
  return (
    <form className="role-whose" onSubmit={submit}>
      <Field
        label={t('traffic.user')}
        mono
        value={typed}
        onChange={setTyped}
        placeholder="system:serviceaccount:shop:web"
      />
      <Button type="submit" kind="primary">
        {t('traffic.role.show')}
      </Button>
    </form>
  );
}

function Proposal({ user, names }: { user: string; names: boolean }): ReactNode {
  const t = useT();
  const asked = useQuery(queries.trafficRole(user, names));
  const comparing = useMutation({ mutationFn: (held: string) => acts.compareRole(user, names, held) });
  const role = comparing.data ?? asked.data;
  if (asked.error && !role) return <ProblemNotice error={asked.error} onRetry={() => void asked.refetch()} />;
  if (!role) return <SkeletonRows rows={8} label={t('act.loading')} />;
  return (
    <>
      <Basis role={role} />
      {role.yaml ? (
        <Yaml role={role} />
      ) : (
        <Notice tone="calm" title={t('traffic.role.none')}>
          {t('traffic.role.noneTodo')}
        </Notice>
      )}
      <div className="columns">
        <Rights head={t('traffic.role.granted')} rights={role.granted} />
        <Rights head={t('traffic.role.denied')} rights={role.denied} lead={t('traffic.role.deniedLead')} />
      </div>
      <Compare isPending={comparing.isPending} onCompare={(held) => comparing.mutate(held)} />
      {comparing.error && <ProblemNotice error={comparing.error} />}
      {role.diff && <Differences diff={role.diff} />}
    </>
  );
}

/** How much it rests on: it is only what was seen. */
function Basis({ role }: { role: Role }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { basis } = role;
  if (!basis.from || !basis.to) return null;
  const unread = basis.by_decryption
    .filter(({ state }) => !['decrypted', 'clear', 'silent'].includes(state))
    .reduce((sum, { connections }) => sum + connections, 0);
  const losses = [
    basis.unknown > 0 && t('traffic.role.unknown', { n: basis.unknown }),
    unread > 0 && t('traffic.role.unread', { n: unread }),
    basis.missing > 0 && t('traffic.role.missing', { size: bytes(basis.missing, lang) }),
    role.unproven > 0 && t('traffic.role.unproven', { n: role.unproven }),
    (basis.partial || role.cut) && t('traffic.role.partial'),
  ].filter((loss) => loss !== false);
  return (
    <Notice
      tone={losses.length > 0 ? 'warn' : 'calm'}
      title={t('traffic.role.basis', {
        requests: basis.requests,
        units: basis.units,
        from: absoluteTime(basis.from, lang),
        to: absoluteTime(basis.to, lang),
      })}
    >
      <p>{t('traffic.role.onlySeen')}</p>
      {losses.length > 0 && (
        <ul>
          {losses.map((loss) => (
            <li key={loss}>{loss}</li>
          ))}
        </ul>
      )}
      {role.of_everybody > 0 && <p>{t('traffic.role.everybody', { n: role.of_everybody })}</p>}
    </Notice>
  );
}

function Yaml({ role }: { role: Role }): ReactNode {
  const t = useT();
  const [done, setDone] = useState(false);
  const save = () => download(roleFile(role.user), new Blob([role.yaml], { type: 'application/yaml' }));
  return (
    <section aria-label="YAML">
      <div className="badges">
        <Button icon={done ? 'check' : 'copy'} onPress={() => void copyText(role.yaml).then(setDone)}>
          {done ? t('traffic.copied') : t('traffic.role.copy')}
        </Button>
        <Button icon="download" onPress={save}>
          {t('traffic.role.save')}
        </Button>
      </div>
      <pre className="json mono role-yaml" lang="en">
        {role.yaml}
      </pre>
    </section>
  );
}

function Rights({
  head,
  rights,
  lead,
}: {
  head: string;
  rights: readonly TrafficRightUse[];
  lead?: string;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  if (rights.length === 0) return null;
  return (
    <section>
      <h2>{head}</h2>
      {lead && <p className="muted">{lead}</p>}
      <div className="table-wrap">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('traffic.role.right')}</th>
              <th scope="col">{t('pod.namespace')}</th>
              <th scope="col">{t('traffic.requests')}</th>
            </tr>
          </thead>
          <tbody>
            {rights.map((right) => (
              <tr key={`${right.namespace ?? ''} ${rightText(right)}`}>
                <th scope="row" className="mono">
                  {rightText(right)}
                </th>
                <td data-head={t('pod.namespace')}>{right.namespace ?? t('traffic.role.everywhere')}</td>
                <td data-head={t('traffic.requests')}>{right.requests.toLocaleString(lang)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Compare({ isPending, onCompare }: { isPending: boolean; onCompare: (held: string) => void }): ReactNode {
  const t = useT();
  const [held, setHeld] = useState('');
  return (
    <details className="more">
      <summary>{t('traffic.role.compare')}</summary>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onCompare(held);
        }}
      >
        <TextField className="field" value={held} onChange={setHeld}>
          <Label className="field-label">{t('traffic.role.held')}</Label>
          <TextArea className="input mono role-held" rows={6} spellCheck={false} />
        </TextField>
        <p className="muted">
          {t('traffic.role.heldHint')} <code>kubectl get roles,rolebindings -n NAMESPACE -o json</code>
        </p>
        <div>
          <Button type="submit" isDisabled={isPending || !held.trim()}>
            {t('traffic.role.compareAct')}
          </Button>
        </div>
      </form>
    </details>
  );
}

function Differences({ diff }: { diff: NonNullable<Role['diff']> }): ReactNode {
  const t = useT();
  const parts: ['missing' | 'unused' | 'wider', string, readonly TrafficRight[]][] = [
    ['missing', '+', diff.missing],
    ['unused', '−', diff.unused],
    ['wider', '~', diff.wider],
  ];
  const isSame = parts.every(([, , rights]) => rights.length === 0);
  return (
    <section aria-label={t('traffic.role.diff')}>
      <h2>{t('traffic.role.diff')}</h2>
      {isSame && <Notice tone="good">{t('traffic.role.same')}</Notice>}
      {parts
        .filter(([, , rights]) => rights.length > 0)
        .map(([name, sign, rights]) => (
          <div key={name}>
            <p>{t(`traffic.role.diff.${name}`)}</p>
            <pre className={`json mono role-${name}`} lang="en">
              {rights.map((right) => `${sign} ${right.namespace ?? '*'}: ${rightText(right)}`).join('\n')}
            </pre>
          </div>
        ))}
      {diff.cut && <p className="muted">{t('traffic.role.diffCut')}</p>}
    </section>
  );
}
