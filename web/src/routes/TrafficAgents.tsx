// Where live traffic comes from: the agents on the nodes, whether each is there, what it dropped and how far behind it is.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { TrafficAgent, TrafficAgentState } from '../api/contract';
import { queries } from '../api/queries';
import { type Translate, useLanguage, useT } from '../i18n';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/overlays';
import { Badge, Notice, Time, type Tone } from '../ui/show';
import { bytes } from '../ui/time';
import { latency } from './trafficView';

const tones: { [state in TrafficAgentState]: Tone } = {
  connected: 'good',
  stopped: 'calm',
  silent: 'warn',
  revoked: 'bad',
};

const keyOf = (agent: TrafficAgent) => `${agent.cluster}/${agent.node}`;

/** Whether an agent lost something that nobody will see. */
export const lostSome = ({ status }: TrafficAgent): boolean =>
  status !== undefined && status.dropped + status.units_lost + status.secrets_lost > 0;

export function TrafficAgents(): ReactNode {
  const t = useT();
  const { data } = useQuery(queries.trafficAgents);
  const [open, setOpen] = useState<string>();
  const agents = data?.items ?? [];
  if (agents.length === 0) return null;
  const shown = agents.find((agent) => keyOf(agent) === open);
  return (
    <section className="traffic-bar" aria-label={t('traffic.agents')}>
      <span className="muted">{t('traffic.agents')}</span>
      {agents.map((agent) => (
        <Button key={keyOf(agent)} size="small" onPress={() => setOpen(keyOf(agent))}>
          <span className="badges">
            <span className="mono">{keyOf(agent)}</span>
            <Badge tone={tones[agent.state]}>{t(`traffic.agent.${agent.state}`)}</Badge>
            {lostSome(agent) && <Badge tone="warn">{t('traffic.agent.lossy')}</Badge>}
          </span>
        </Button>
      ))}
      {shown && <AgentDialog agent={shown} onClose={() => setOpen(undefined)} />}
    </section>
  );
}

function AgentDialog({ agent, onClose }: { agent: TrafficAgent; onClose: () => void }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <Dialog title={t('traffic.agentOf', { name: keyOf(agent) })} isOpen onClose={onClose} wide>
      <div className="dialog-body">
        {agent.state !== 'connected' && (
          <Notice tone={tones[agent.state]}>{t(`traffic.agent.${agent.state}Todo`)}</Notice>
        )}
        {lostSome(agent) && <Notice tone="warn">{t('traffic.agent.lossyTodo')}</Notice>}
        <dl className="facts">
          {factsOf(agent, t, lang).map(([name, fact]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{fact}</dd>
            </div>
          ))}
        </dl>
      </div>
      <div className="dialog-actions">
        <Button onPress={onClose}>{t('act.close')}</Button>
      </div>
    </Dialog>
  );
}

function factsOf({ heard_at, status }: TrafficAgent, t: Translate, lang: string): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [];
  if (heard_at) facts.push([t('traffic.agent.heard'), <Time key="h" at={heard_at} lang={lang} />]);
  if (!status) return facts;
  const count = (n: number) => n.toLocaleString(lang);
  facts.push(
    [t('live.since'), <Time key="b" at={status.began_at} lang={lang} />],
    [
      t('traffic.agent.sources'),
      <span key="s" className="mono">
        {status.sources.join(', ') || t('traffic.agent.noSources')}
      </span>,
    ],
    [t('traffic.agent.ports'), status.ports.join(', ')],
    [t('traffic.agent.packets'), count(status.packets)],
    [t('traffic.agent.dropped'), count(status.dropped)],
    [t('traffic.agent.secrets'), count(status.secrets)],
    [t('traffic.agent.secretsLost'), count(status.secrets_lost)],
    [t('traffic.view.units'), count(status.units)],
    [t('traffic.agent.unitsLost'), count(status.units_lost)],
    [
      t('traffic.agent.waiting'),
      t('traffic.sent', {
        sent: bytes(status.waiting_bytes, lang),
        total: bytes(status.waiting_bytes_max, lang),
      }),
    ],
    [t('traffic.agent.lag'), latency(status.lag_ms * 1000, lang)],
  );
  return facts;
}

const setUp = `sallyport admin agent issue NODE --cluster NAME --out .
sallyport agent --hub https://HUB:PORT --hub-ca hub-ca.pem \\
  --certificate agent.pem --key agent.key --process kube-apiserver`;

/** What to do while nothing is stored: wait for clients, start an agent, or let the hub listen to one. */
export function HowToBegin(): ReactNode {
  const t = useT();
  const { data } = useQuery(queries.trafficAgents);
  if (!data) return null;
  if (data.items.some(({ state }) => state === 'connected')) return <p>{t('traffic.agent.waits')}</p>;
  return (
    <>
      <p>{t(data.listens ? 'traffic.agent.startOne' : 'traffic.agent.listenFirst')}</p>
      <pre className="json">{data.listens ? setUp : '[traffic]\nagents_listen = "0.0.0.0:8444"'}</pre>
    </>
  );
}
