// What the one chord opens: the console's keys for terminals, until a key chooses one or Escape gives the shell back.
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import { useT } from '../i18n';
import { deck } from '../terminal/deck';
import { isLeaveChord } from '../terminal/screen';

/** `asked` is new each time the chord is pressed: then the bar takes the keys, also when it is open already. */
export function LeaveBar({
  asked,
  onBack,
  onLeft,
  onNewTab,
}: {
  asked: object;
  onBack: () => void;
  onLeft: () => void;
  onNewTab: () => void;
}): ReactNode {
  const t = useT();
  const navigate = useNavigate();
  const bar = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: being asked again is what focuses it again.
  useEffect(() => {
    bar.current?.focus();
  }, [asked]);
  // Heard at the window, because a tooltip in sight keeps the first Escape to itself.
  useEffect(() => {
    const hear = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'Escape' || !bar.current?.contains(document.activeElement)) return;
      event.preventDefault();
      onBack();
    };
    window.addEventListener('keydown', hear, { capture: true });
    return () => window.removeEventListener('keydown', hear, { capture: true });
  }, [onBack]);
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
    } else if (isLeaveChord(event.nativeEvent)) onBack();
  };
  return (
    <div
      className="leave-bar"
      role="toolbar"
      aria-label={t('leave.title')}
      tabIndex={-1}
      ref={bar}
      onKeyDown={onKey}
      onBlur={(event) => {
        // A window that is left takes the focus along and brings it back: only a focus gone elsewhere in the page counts.
        if (document.hasFocus() && !event.currentTarget.contains(event.relatedTarget)) onLeft();
      }}
    >
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
