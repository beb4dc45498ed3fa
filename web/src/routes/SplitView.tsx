// Lays out a tab's panes side by side and one above the other, with dividers that move by pointer and by key.
import { type PointerEvent, type ReactNode, useRef } from 'react';
import { useT } from '../i18n';
import { deck, type Tab } from '../terminal/deck';
import type { Layout } from '../terminal/layout';
import { PaneView } from './PaneView';

const keyStep = 0.02;

export function SplitView({ tab, layout, path }: { tab: Tab; layout: Layout; path: readonly number[] }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  if (layout.kind === 'pane') {
    const pane = deck.panes.get(layout.id);
    return pane ? (
      <PaneView key={pane.id} pane={pane} isActive={tab.active === pane.id} alone={tab.layout.kind === 'pane'} />
    ) : null;
  }
  const share = (at: number) => ({ flexGrow: at, flexBasis: 0 });
  return (
    <div ref={host} className={`split split-${layout.direction}`}>
      <div className="split-part" style={share(layout.share)}>
        <SplitView tab={tab} layout={layout.first} path={[...path, 0]} />
      </div>
      <Divider
        direction={layout.direction}
        share={layout.share}
        onShare={(next) => deck.setShare(tab.id, path, next)}
        host={host}
      />
      <div className="split-part" style={share(1 - layout.share)}>
        <SplitView tab={tab} layout={layout.second} path={[...path, 1]} />
      </div>
    </div>
  );
}

function Divider({
  direction,
  share,
  onShare,
  host,
}: {
  direction: 'row' | 'column';
  share: number;
  onShare: (share: number) => void;
  host: React.RefObject<HTMLDivElement | null>;
}): ReactNode {
  const t = useT();
  const drag = (event: PointerEvent<HTMLElement>) => {
    if (!host.current || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = host.current.getBoundingClientRect();
    onShare(direction === 'row' ? (event.clientX - box.left) / box.width : (event.clientY - box.top) / box.height);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator that moves is a widget, which <hr> is not.
    <div
      className="divider"
      role="separator"
      tabIndex={0}
      aria-label={t('terminal.divider')}
      aria-orientation={direction === 'row' ? 'vertical' : 'horizontal'}
      aria-valuenow={Math.round(share * 100)}
      aria-valuemin={10}
      aria-valuemax={90}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') onShare(share - keyStep);
        else if (event.key === 'ArrowRight' || event.key === 'ArrowDown') onShare(share + keyStep);
        else return;
        event.preventDefault();
      }}
    />
  );
}
