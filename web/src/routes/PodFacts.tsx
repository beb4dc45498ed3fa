// One Pod, opened from its row: where it runs, its containers and a shell for each.
import { useSuspenseQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Container, Pod } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { Button } from '../ui/controls';
import { Badge, CopyId, Time, type Tone } from '../ui/show';
import { MakeLink } from './MakeLink';
import { statusWord } from './podStatus';

const tones: Record<Container['state'], Tone> = { running: 'good', waiting: 'warn', terminated: 'calm' };

export function PodFacts({
  pod,
  onShell,
  onClose,
}: {
  pod: Pod;
  onShell: (pod: Pod, container?: string) => void;
  onClose: () => void;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { data: me } = useSuspenseQuery(queries.me);
  const facts: [string, ReactNode][] = [
    [t('pod.status'), `${statusWord(t, pod.reason)} (${pod.ready})`],
    [t('pod.cluster'), <code key="c">{pod.cluster}</code>],
    [t('pod.namespace'), <code key="n">{pod.namespace}</code>],
    [t('pod.owner'), pod.owner ? <code key="o">{pod.owner}</code> : '–'],
    [t('pod.node'), pod.node ? <code key="d">{pod.node}</code> : '–'],
    ['IP', pod.ip ? <code key="i">{pod.ip}</code> : '–'],
    ['UID', <CopyId key="u" value={pod.uid} label={t('copy.id')} copied={t('copy.done')} chars={24} />],
    [t('pod.created'), <Time key="t" at={pod.created_at} lang={lang} />],
    [t('pod.restarts'), String(pod.restarts)],
  ];
  return (
    <>
      <div className="dialog-body">
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <h3>{t('pod.containers')}</h3>
        <ul className="rows rows-tight">
          {pod.containers.map((each) => (
            <li className="row" key={`${each.kind} ${each.name}`}>
              <div className="row-main">
                <span className="row-title">
                  <span className="mono">{each.name}</span>
                  <Badge tone={tones[each.state]}>{t(`pod.container.${each.state}`)}</Badge>
                  {each.kind !== 'container' && <span className="faint">{t(`pod.kind.${each.kind}`)}</span>}
                </span>
                <span className="mono faint">{each.image}</span>
              </div>
              <Button
                size="small"
                icon="terminal"
                isDisabled={each.state !== 'running'}
                aria-label={t('pod.shellOf', { pod: each.name })}
                onPress={() => onShell(pod, each.name)}
              >
                {t('pod.shell')}
              </Button>
            </li>
          ))}
        </ul>
        <details className="more">
          <summary>{me.admin ? t('make.title') : t('make.titleOwn')}</summary>
          <MakeLink pod={pod} />
        </details>
        {Object.keys(pod.labels).length > 0 && (
          <>
            <h3>{t('pod.labels')}</h3>
            <ul className="labels">
              {Object.entries(pod.labels).map(([key, value]) => (
                <li key={key} className="mono">
                  {key}={value}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      <div className="dialog-actions">
        <Button onPress={onClose}>{t('act.close')}</Button>
      </div>
    </>
  );
}
