// One unit whole: what it is, why it failed, its request and answers, its connection, and its content as tree, text or bytes.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import type { TrafficDetail as Detail, TrafficContent, TrafficUnit } from '../api/contract';
import { queries } from '../api/queries';
import { useLanguage, useT } from '../i18n';
import { hexOf } from '../ui/hex';
import { JsonTree } from '../ui/JsonTree';
import { Badge, Notice, SkeletonRows } from '../ui/show';
import { absoluteTime, bytes } from '../ui/time';
import { DetailPane } from './DetailPane';
import { ProblemNotice } from './ProblemView';
import { ConnectionFacts } from './TrafficConnections';
import { TrafficExplanation } from './TrafficExplanation';
import { about, comparison, latency, micros, microTime, narrowed, omissionKey, statusTone } from './trafficView';

type Props = {
  number: number;
  filter: string | undefined;
  onOpen: (unit: { number: number }) => void;
  onFilter: (filter: string) => void;
  onClose: () => void;
};

export function TrafficDetail({ inDialog, ...props }: Props & { inDialog: boolean }): ReactNode {
  const t = useT();
  const title = t('traffic.unit', { number: props.number });
  return (
    <DetailPane title={title} inDialog={inDialog} onClose={props.onClose}>
      <Unit {...props} />
    </DetailPane>
  );
}

function Unit(props: Props): ReactNode {
  const t = useT();
  const { data, error, refetch } = useQuery(queries.trafficUnit(props.number));
  if (error) return <ProblemNotice error={error} onRetry={() => void refetch()} />;
  if (!data) return <SkeletonRows rows={6} label={t('act.loading')} />;
  return (
    <div className="traffic-unit">
      <div className="traffic-unit-side">
        {data.explanation && <TrafficExplanation explanation={data.explanation} user={data.unit.user} />}
        <Exchange detail={data} onOpen={props.onOpen} />
        <Facts unit={data.unit} {...props} />
      </div>
      <Carried key={data.unit.number} detail={data} />
    </div>
  );
}

function Facts({ unit, filter, onFilter }: { unit: TrafficUnit } & Props): ReactNode {
  const t = useT();
  const lang = useLanguage();
  /** A value that narrows the list to what has the same. */
  const value = (field: string, text: string | undefined) => {
    if (!text) return null;
    const more = comparison(field, text);
    if (!more) return <span className="mono">{text}</span>;
    return (
      <button
        type="button"
        className="link mono"
        title={t('traffic.narrow', { filter: more })}
        onClick={() => onFilter(narrowed(filter, more))}
      >
        {text}
      </button>
    );
  };
  const facts: [string, ReactNode][] = [
    [t('audit.at'), `${microTime(unit.time)} · ${absoluteTime(unit.time, lang)}`],
    [
      t('traffic.info'),
      unit.status === undefined ? (
        unit.info
      ) : (
        <Badge key="i" tone={statusTone(unit.status)}>
          {unit.info}
        </Badge>
      ),
    ],
    [
      t('traffic.from'),
      <span key="f" className="mono">
        {unit.source} → {unit.destination}
      </span>,
    ],
    [t('traffic.user'), value('user', unit.user)],
    [t('traffic.verb'), value('verb', unit.verb)],
    [t('traffic.resource'), value('resource', unit.resource)],
    [t('pod.namespace'), value('namespace', unit.namespace)],
    [t('pod.name'), value('name', unit.name)],
    [
      t('traffic.path'),
      unit.path && (
        <span key="p" className="mono">
          {unit.method} {unit.path}
        </span>
      ),
    ],
    [t('traffic.latency'), unit.latency_us === undefined ? null : latency(unit.latency_us, lang)],
    [t('traffic.length'), bytes(unit.length, lang)],
    [t('traffic.connection'), value('connection', String(unit.connection))],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, fact]) => fact)
        .map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
    </dl>
  );
}

/** The request and all that belongs to it, in order, with the time that passed. */
function Exchange({ detail, onOpen }: { detail: Detail; onOpen: (unit: { number: number }) => void }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const [first] = detail.exchange;
  if (!first || detail.exchange.length < 2) return null;
  const began = micros(first.time);
  return (
    <section>
      <h3>{t('traffic.exchange')}</h3>
      <ol className="exchange">
        {detail.exchange.map((unit) => {
          const current = unit.number === detail.unit.number;
          return (
            <li key={unit.number}>
              <button
                type="button"
                className={current ? 'option option-current' : 'option'}
                aria-current={current ? 'true' : undefined}
                onClick={() => onOpen(unit)}
              >
                <span className="faint">{unit.side === 'client' ? '→' : '←'}</span>
                <span className="clip" title={unit.info}>
                  {unit.info} <span className="muted">{unit === first ? about(unit) : ''}</span>
                </span>
                <span className="option-hint">+{latency(micros(unit.time) - began, lang)}</span>
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Carried({ detail }: { detail: Detail }): ReactNode {
  const t = useT();
  const { content, headers, connection } = detail;
  const text = content?.text;
  const parsed = useMemo(
    () => (content?.form === 'json' && text !== undefined ? parse(text) : undefined),
    [content, text],
  );
  const hex = useMemo(() => hexOf(text ?? ''), [text]);
  const first =
    parsed !== undefined ? 'tree' : text !== undefined ? 'text' : headers.length > 0 ? 'headers' : 'connection';
  return (
    <Tabs className="tabs traffic-carried" defaultSelectedKey={first}>
      <TabList className="tab-list" aria-label={t('traffic.carried')}>
        {parsed !== undefined && (
          <Tab className="tab" id="tree">
            {t('traffic.tree')}
          </Tab>
        )}
        {text !== undefined && (
          <Tab className="tab" id="text">
            {t('traffic.text')}
          </Tab>
        )}
        {text !== undefined && (
          <Tab className="tab" id="hex">
            {t('traffic.hex')}
          </Tab>
        )}
        {headers.length > 0 && (
          <Tab className="tab" id="headers">
            {t('traffic.headers')}
          </Tab>
        )}
        <Tab className="tab" id="connection">
          {t('traffic.connection')}
        </Tab>
      </TabList>
      <ContentNotice content={content} hasHeaders={headers.length > 0} />
      <TabPanel className="tab-panel" id="tree">
        <JsonTree value={parsed} moreLabel={(left) => t('traffic.more', { n: left })} />
      </TabPanel>
      <TabPanel className="tab-panel" id="text">
        <pre className="json mono">{text}</pre>
      </TabPanel>
      <TabPanel className="tab-panel" id="hex">
        <pre className="json hex">{hex.dump}</pre>
        {hex.isCut && <p className="muted">{t('traffic.hexCut')}</p>}
      </TabPanel>
      <TabPanel className="tab-panel" id="headers">
        <dl className="facts mono">
          {headers.map(([name, value], index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: fields keep their order, and may repeat.
            <div key={index}>
              <dt>{name ?? t('traffic.unknown')}</dt>
              <dd>{value ?? t('traffic.unknown')}</dd>
            </div>
          ))}
        </dl>
      </TabPanel>
      <TabPanel className="tab-panel" id="connection">
        {connection ? <ConnectionFacts connection={connection} /> : <p className="muted">{t('traffic.open')}</p>}
      </TabPanel>
    </Tabs>
  );
}

function ContentNotice({
  content,
  hasHeaders,
}: {
  content: TrafficContent | undefined;
  hasHeaders: boolean;
}): ReactNode {
  const t = useT();
  const lang = useLanguage();
  if (!content) return hasHeaders ? null : <p className="muted traffic-note">{t('traffic.noContent')}</p>;
  const size = bytes(content.length, lang);
  if (content.form === 'omitted')
    return (
      <Notice tone="calm" title={t('traffic.notShown', { size })}>
        {t(omissionKey(content.omitted))}
        {content.fingerprint && (
          <>
            {' '}
            {t('traffic.fingerprint')} <span className="mono">{content.fingerprint}</span>
          </>
        )}
      </Notice>
    );
  return (
    <p className="muted traffic-note">
      <span className="mono">{content.media_type}</span> {size}
      {content.cut && ` · ${t('traffic.cut')}`}
    </p>
  );
}

/** A content that was cut is no JSON any more; its text still shows. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
