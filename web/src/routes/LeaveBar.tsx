// What the one chord opens: the console's keys for terminals, until a key chooses one or Escape gives the shell back.
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import { useT } from '../i18n';
import { deck } from '../terminal/deck';
import { isLeaveChord } from '../terminal/screen';

export function LeaveBar({ onBack, onNewTab }: { onBack: () => void; onNewTab: () => void }): ReactNode {
  const t = useT();
  const navigate = useNavigate();
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    bar.current?.focus();
  }, []);
  const pane = deck.activePane();
  const acts: Record<string, { label: string; run: () => void }> = {
    KeyV: { label: t('leave.right'), run: () => pane && deck.split(pane.id, 'row') },
    KeyS: { label: t('leave.down'), run: () => pane && deck.split(pane.id, 'column') },
    KeyT: { label: t('leave.tab'), run: onNewTab },
    KeyN: { label: t('leave.next'), run: () => void deck.step(1) },
    BracketRight: { label: t('leave.nextTab'), run: () => deck.stepTab(1) },
    KeyF: { label: t('leave.search'), run: () => pane && deck.setSearching(pane.id, true) },
    KeyX: { label: t('leave.close'), run: () => pane && deck.closePane(pane.id) },
    KeyH: { label: t('leave.home'), run: () => void navigate({ to: '/' }) },
  };
  const onKey = (event: KeyboardEvent) => {
    const chosen = acts[event.code];
    if (event.key === 'Tab' || event.key === 'Shift' || event.key === 'Control') return;
    event.preventDefault();
    event.stopPropagation();
    if (chosen && !event.ctrlKey && !event.metaKey && !event.altKey) {
      onBack();
      chosen.run();
    } else if (event.key === 'Escape' || isLeaveChord(event.nativeEvent)) onBack();
  };
  return (
    <div className="leave-bar" role="toolbar" aria-label={t('leave.title')} tabIndex={-1} ref={bar} onKeyDown={onKey}>
      <strong>{t('leave.title')}</strong>
      {Object.entries(acts).map(([code, act]) => (
        <button
          type="button"
          key={code}
          onClick={() => {
            onBack();
            act.run();
          }}
        >
          <kbd>{code === 'BracketRight' ? ']' : code.slice(3).toLowerCase()}</kbd> {act.label}
        </button>
      ))}
      <button type="button" onClick={onBack}>
        <kbd>Esc</kbd> {t('leave.back')}
      </button>
    </div>
  );
}
