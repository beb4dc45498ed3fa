// A pane's status line: gates, Pod facts, latency and size, and the pane's acts.
import type { ReactNode } from 'react';
import { useLanguage, useT } from '../i18n';
import { clampFont, fontSizes, prefs } from '../prefs';
import { deck, type Pane } from '../terminal/deck';
import { type GateMark, gateMarks } from '../terminal/gateMarks';
import type { Phase, SessionState } from '../terminal/session';
import { IconButton } from '../ui/controls';
import { download } from '../ui/download';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/overlays';
import { Badge, copyText, type Tone } from '../ui/show';
import { bytes } from '../ui/time';
import { toaster } from '../ui/toast';

const tones: Record<Phase, Tone> = {
  idle: 'calm',
  minting: 'accent',
  gate1: 'accent',
  gate2: 'accent',
  live: 'good',
  exited: 'calm',
  denied: 'bad',
  lost: 'warn',
  stopped: 'calm',
};

export function StatusLine({ pane, state }: { pane: Pane; state: SessionState }): ReactNode {
  const t = useT();
  const lang = useLanguage();
  const { passage, ready } = state;
  const target = passage ?? pane.target;
  return (
    <footer className="status-line">
      <Badge tone={tones[state.phase]}>{t(`terminal.state.${state.phase}`)}</Badge>
      <GateMarks state={state} />
      {target && (
        <span className="status-pod mono clip" title={passage ? `${passage.image}\n${passage.pod_uid}` : undefined}>
          {[target.cluster, target.namespace, target.pod, target.container].filter(Boolean).join(' / ')}
        </span>
      )}
      {(ready ?? passage) && (
        <span className="status-fact status-user mono clip" title={t('terminal.as')}>
          {ready?.user ?? passage?.user}
        </span>
      )}
      {passage && !passage.tty && <span className="status-fact">{t('terminal.plain')}</span>}
      {state.pasteWaitingBytes > 0 && (
        <span className="status-fact" role="status">
          {t('terminal.pasting', { size: bytes(state.pasteWaitingBytes, lang) })}
        </span>
      )}
      <span className="status-space" />
      {state.phase === 'live' && state.latencyMs !== null && (
        <span className="status-fact" title={t('terminal.latency')}>
          {state.latencyMs < 10 ? state.latencyMs.toFixed(1) : Math.round(state.latencyMs)} ms
        </span>
      )}
      <span className="status-fact status-size" title={t('terminal.size')}>
        {state.size.cols}×{state.size.rows}
      </span>
      <PaneActs pane={pane} />
    </footer>
  );
}

/** Both gates: passed, refused, or not yet come to. */
function GateMarks({ state }: { state: SessionState }): ReactNode {
  const t = useT();
  const { first, second } = gateMarks(state);
  const words: Record<GateMark, string> = {
    done: t('terminal.gate.done'),
    now: t('terminal.gate.now'),
    refused: t('terminal.gate.refused'),
    later: t('terminal.gate.later'),
  };
  return (
    <span className="gate-marks">
      <span className={`gate-mark gate-${first}`} title={`${t('terminal.gate.1')}: ${words[first]}`}>
        {first === 'done' && <Icon name="check" />}
        {first === 'refused' && <Icon name="denied" />}
        {t('terminal.gate.short1')}
        <span className="hidden-visually">: {words[first]}</span>
      </span>
      <span className={`gate-mark gate-${second}`} title={`${t('terminal.gate.2')}: ${words[second]}`}>
        {second === 'done' && <Icon name="check" />}
        {second === 'refused' && <Icon name="denied" />}
        {t('terminal.gate.short2')}
        <span className="hidden-visually">: {words[second]}</span>
      </span>
    </span>
  );
}

function saveText(pane: Pane): void {
  download(`${pane.target?.pod ?? 'terminal'}.txt`, new Blob([pane.screen.text()], { type: 'text/plain' }));
}

function PaneActs({ pane }: { pane: Pane }): ReactNode {
  const t = useT();
  const act = (id: string) => {
    const { fontSize, screenReader } = prefs.get();
    switch (id) {
      case 'copy': {
        const text = pane.screen.selection();
        if (text) void copyText(text).then((ok) => ok && toaster.show('good', t('copy.done')));
        break;
      }
      case 'paste':
        navigator.clipboard.readText().then(
          (text) => text && deck.offerPaste(pane.id, text),
          () => toaster.show('bad', t('terminal.pasteRefused')),
        );
        break;
      case 'larger':
        prefs.set({ fontSize: clampFont(fontSize + fontSizes.step) });
        break;
      case 'smaller':
        prefs.set({ fontSize: clampFont(fontSize - fontSizes.step) });
        break;
      case 'normal':
        prefs.set({ fontSize: fontSizes.normal });
        break;
      case 'save':
        saveText(pane);
        break;
      case 'reader':
        prefs.set({ screenReader: !screenReader });
        break;
      case 'close':
        deck.closePane(pane.id);
        break;
      default:
        break;
    }
  };
  return (
    <span className="pane-acts">
      <IconButton
        icon="search"
        label={t('terminal.search')}
        onPress={() => deck.setSearching(pane.id, !pane.searching)}
      />
      <IconButton
        icon="splitRight"
        label={t('terminal.splitRight')}
        isDisabled={!pane.target}
        onPress={() => deck.split(pane.id, 'row')}
      />
      <IconButton
        icon="splitDown"
        label={t('terminal.splitDown')}
        isDisabled={!pane.target}
        onPress={() => deck.split(pane.id, 'column')}
      />
      <Menu
        label={t('terminal.acts')}
        trigger={<IconButton icon="more" label={t('terminal.acts')} />}
        onAction={act}
        entries={[
          { id: 'copy', label: t('terminal.copy'), icon: 'copy' },
          { id: 'paste', label: t('terminal.paste'), icon: 'paste' },
          { id: 'larger', label: t('terminal.larger'), icon: 'plus' },
          { id: 'smaller', label: t('terminal.smaller'), icon: 'minus' },
          { id: 'normal', label: t('terminal.normal'), icon: 'again' },
          { id: 'save', label: t('terminal.save'), icon: 'download' },
          { id: 'reader', label: t('terminal.reader'), icon: 'info', checked: prefs.get().screenReader },
          { id: 'close', label: t('terminal.close'), icon: 'close', danger: true },
        ]}
      />
    </span>
  );
}
