// The Terminal room: tabs over splits of panes, each a shell; takes links from the address bar and wishes of other rooms.
import '@xterm/xterm/css/xterm.css';
import { type ReactNode, useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useT } from '../i18n';
import { onSecret, takeSecret } from '../secrets';
import { deck, type Pane, type Tab } from '../terminal/deck';
import { onHandover, takeEntries } from '../terminal/handover';
import { paneIds } from '../terminal/layout';
import { IconButton } from '../ui/controls';
import { Icon } from '../ui/icons';
import { Dialog } from '../ui/overlays';
import { LeaveBar } from './LeaveBar';
import { useTitle } from './Room';
import { SplitView } from './SplitView';
import { TargetPicker } from './TargetPicker';

function takeEverything(): void {
  const link = takeSecret('link');
  if (link) deck.openLink(link);
  for (const entry of takeEntries()) deck.openEntry(entry);
}

export function paneName(pane: Pane, fallback: string): string {
  return pane.title || pane.target?.pod || fallback;
}

export function TerminalRoom(): ReactNode {
  const t = useT();
  const { tabs, activeTab } = useSyncExternalStore(deck.subscribe, () => deck.state);
  const [picking, setPicking] = useState(false);
  const [leaving, setLeaving] = useState<{ pane: Pane } | null>(null);
  const tab = tabs.find((each) => each.id === activeTab);
  const active = tab && deck.panes.get(tab.active);
  useTitle(active ? paneName(active, t('room.terminal')) : t('room.terminal'));

  useEffect(() => {
    takeEverything();
    const undo = [onSecret(takeEverything), onHandover(takeEverything)];
    return () => {
      for (const task of undo) task();
    };
  }, []);
  useEffect(() => {
    deck.onLeave = (pane) => setLeaving({ pane });
    return () => {
      deck.onLeave = () => undefined;
    };
  }, []);

  const back = useCallback(() => {
    setLeaving(null);
    deck.activePane()?.screen.focus();
  }, []);

  return (
    <section className="terminal-room" aria-label={t('room.terminal')}>
      <h1 className="hidden-visually">{t('room.terminal')}</h1>
      {tabs.length > 0 && <TabStrip tabs={tabs} activeTab={activeTab} onAdd={() => setPicking(true)} />}
      {tab ? (
        <div className="deck">
          <SplitView key={tab.id} tab={tab} layout={tab.layout} path={[]} />
        </div>
      ) : (
        <div className="room-body">
          <div className="block">
            <h2>{t('terminal.none')}</h2>
            <p className="muted">{t('terminal.noneTodo')}</p>
            <TargetPicker onPick={(target) => deck.openTarget(target)} />
          </div>
        </div>
      )}
      {leaving && (
        <LeaveBar
          asked={leaving}
          onBack={back}
          onLeft={() => setLeaving(null)}
          onNewTab={() => {
            setLeaving(null);
            setPicking(true);
          }}
        />
      )}
      <Dialog title={t('terminal.open')} isOpen={picking} onClose={() => setPicking(false)} wide>
        <div className="dialog-body">
          <TargetPicker
            onPick={(target) => {
              setPicking(false);
              deck.openTarget(target);
            }}
          />
        </div>
      </Dialog>
    </section>
  );
}

function TabStrip({
  tabs,
  activeTab,
  onAdd,
}: {
  tabs: readonly Tab[];
  activeTab: string | null;
  onAdd: () => void;
}): ReactNode {
  const t = useT();
  const current = useRef<HTMLLIElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the active tab is what scrolls it into view.
  useEffect(() => {
    current.current?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
  }, [activeTab]);
  return (
    <div className="tab-strip">
      <ul aria-label={t('terminal.tabs')}>
        {tabs.map((tab) => {
          const pane = deck.panes.get(tab.active);
          if (!pane) return null;
          const name = paneName(pane, t('room.terminal'));
          const isCurrent = tab.id === activeTab;
          const count = paneIds(tab.layout).length;
          return (
            <li
              key={tab.id}
              ref={isCurrent ? current : undefined}
              className={isCurrent ? 'strip-tab strip-tab-current' : 'strip-tab'}
            >
              <button
                type="button"
                aria-current={isCurrent ? 'true' : undefined}
                onClick={() => {
                  deck.activateTab(tab.id);
                  requestAnimationFrame(() => pane.screen.focus());
                }}
                onAuxClick={(event) => event.button === 1 && deck.closeTab(tab.id)}
              >
                <PhaseDot pane={pane} />
                <bdi className="clip">{name}</bdi>
                {count > 1 && <span className="faint">{count}</span>}
              </button>
              <button
                type="button"
                className="strip-close"
                aria-label={t('terminal.closeTab', { name })}
                onClick={() => deck.closeTab(tab.id)}
              >
                <Icon name="close" />
              </button>
            </li>
          );
        })}
      </ul>
      <IconButton icon="plus" label={t('terminal.open')} onPress={onAdd} />
    </div>
  );
}

export function PhaseDot({ pane }: { pane: Pane }): ReactNode {
  const { phase } = pane.session.state;
  const tone =
    phase === 'live'
      ? 'good'
      : phase === 'denied' || phase === 'lost'
        ? 'bad'
        : phase === 'exited' || phase === 'stopped'
          ? 'calm'
          : 'accent';
  return <span className={`phase-dot phase-dot-${tone}`} aria-hidden="true" />;
}
