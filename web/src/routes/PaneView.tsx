// One pane: a shell's screen, what stands over it while the gates are passed or after its end, and its status line.
import { type ReactNode, useEffect, useRef, useSyncExternalStore } from 'react';
import { useLanguage, useT } from '../i18n';
import { deck, type Pane } from '../terminal/deck';
import type { SessionState } from '../terminal/session';
import { Button } from '../ui/controls';
import { Icon } from '../ui/icons';
import { Notice } from '../ui/show';
import { bytes, span } from '../ui/time';
import { PasteDialog } from './PasteDialog';
import { ProblemPage } from './ProblemView';
import { SearchBar } from './SearchBar';
import { StatusLine } from './StatusLine';

const skippedShownMs = 4000;

export function PaneView({ pane, isActive, alone }: { pane: Pane; isActive: boolean; alone: boolean }): ReactNode {
  const t = useT();
  const host = useRef<HTMLDivElement>(null);
  const state = useSyncExternalStore(pane.session.subscribe, () => pane.session.state);
  const { phase } = state;

  useEffect(() => {
    if (host.current) pane.screen.attach(host.current);
    return () => pane.screen.detach();
  }, [pane]);
  useEffect(() => {
    if (isActive && (phase === 'live' || phase === 'gate1')) pane.screen.focus();
  }, [isActive, phase, pane]);

  const label = t('terminal.pane', {
    nth: pane.nth,
    pod: state.passage?.pod ?? pane.target?.pod ?? '…',
    container: state.passage?.container ?? pane.target?.container ?? '…',
  });
  const away = phase === 'lost' || phase === 'stopped';
  const covered = phase === 'denied' || away;
  return (
    <section
      className={isActive && !alone ? 'pane pane-active' : 'pane'}
      aria-label={label}
      data-phase={phase}
      onPointerDown={() => deck.activatePane(pane.id)}
    >
      {pane.searching && <SearchBar pane={pane} />}
      {phase === 'live' && state.draining && <Draining inSeconds={state.draining.inSeconds} />}
      <div className="pane-body">
        {state.skipped && !covered && <Skipped key={state.skipped.nth} pane={pane} skipped={state.skipped} />}
        <div className="pane-screen" ref={host} inert={covered} />
        {(phase === 'minting' || phase === 'gate1' || phase === 'gate2') && <Gates state={state} pane={pane} />}
        {covered && state.problem && (
          <div className="pane-cover">
            <ProblemPage
              title={phase === 'lost' ? t('terminal.lost') : phase === 'stopped' ? t('terminal.stopped') : undefined}
              calm={away}
              problem={state.problem}
              actions={<EndActions pane={pane} retry={away} />}
            />
          </div>
        )}
      </div>
      {phase === 'exited' && <Exited pane={pane} state={state} />}
      <StatusLine pane={pane} state={state} />
      {pane.paste !== null && <PasteDialog pane={pane} text={pane.paste} />}
    </section>
  );
}

function Gates({ state, pane }: { state: SessionState; pane: Pane }): ReactNode {
  const t = useT();
  const order = ['minting', 'gate1', 'gate2'] as const;
  const at = order.indexOf(state.phase as (typeof order)[number]);
  const step = (index: number) => (index < at ? 'done' : index === at ? 'now' : 'later');
  return (
    <div className="gates" role="status">
      <strong className="mono">{state.passage?.pod ?? pane.target?.pod ?? ''}</strong>
      <ol className="steps">
        {pane.target && at >= 0 && (
          <li className={`step step-${step(0)}`}>
            <span className="step-mark" aria-hidden="true" />
            {t('terminal.gate.link')}
          </li>
        )}
        <li className={`step step-${step(1)}`}>
          <span className="step-mark" aria-hidden="true" />
          {t('terminal.gate.1')}
        </li>
        <li className={`step step-${step(2)}`}>
          <span className="step-mark" aria-hidden="true" />
          {t('terminal.gate.2')}
        </li>
      </ol>
    </div>
  );
}

/** Above the screen, not over it: it stands until the end, and what it would cover could not be read until then. */
function Draining({ inSeconds }: { inSeconds: number }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  return (
    <Notice tone="warn" title={t('terminal.draining', { span: span(inSeconds, lang) })} live="assertive">
      {t('terminal.drainingTodo')}
    </Notice>
  );
}

/** Over the screen, not above it: a row taken for seconds would resize the shell twice. Small, and gone at the next key. */
function Skipped({ pane, skipped }: { pane: Pane; skipped: { bytes: number; nth: number } }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { nth } = skipped;
  useEffect(() => {
    const hide = () => pane.session.skipSeen(nth);
    // Not stopped when the room is left: its time runs from when it was first shown, and only once.
    setTimeout(hide, skippedShownMs);
    const { element } = pane.screen;
    element.addEventListener('keydown', hide, { capture: true });
    return () => element.removeEventListener('keydown', hide, { capture: true });
  }, [pane, nth]);
  return (
    <div className="skipped" role="status">
      <Icon name="info" />
      <span className="clip">{t('terminal.skipped', { size: bytes(skipped.bytes, lang) })}</span>
    </div>
  );
}

function Exited({ pane, state }: { pane: Pane; state: SessionState }): ReactNode {
  const t = useT();
  const code = state.exit?.code ?? null;
  return (
    <div className="exited" role="status">
      <Icon name={code === 0 || code === null ? 'check' : 'warning'} />
      <span>
        {code === null ? t('terminal.ended') : t('terminal.exited', { code })}
        {state.exit?.reason && (
          <span className="faint mono" lang="en">
            {' '}
            {state.exit.reason}
          </span>
        )}
      </span>
      <EndActions pane={pane} />
    </div>
  );
}

/** Signed out, 'Open again' leads to the sign-in page; and after it, back in. */
function EndActions({ pane, retry = false }: { pane: Pane; retry?: boolean }): ReactNode {
  const t = useT();
  // What somebody ended on purpose is not offered anew first of all.
  const isRevoked = pane.session.state.problem?.code === 'link_revoked';
  return (
    <span className="end-actions">
      {pane.target && (
        <Button kind={isRevoked ? 'plain' : 'primary'} size="small" icon="again" onPress={() => deck.again(pane.id)}>
          {retry ? t('act.retry') : t('terminal.again')}
        </Button>
      )}
      <Button size="small" onPress={() => deck.closePane(pane.id)}>
        {t('act.close')}
      </Button>
    </span>
  );
}
