// A table of any length that draws only the rows in sight: sortable heads, rows by j/k and arrows, Enter to open.
// biome-ignore-all lint/a11y/useSemanticElements: rows that come and go as one scrolls stand free, which a <table>'s cannot.
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid keeps the focus and names its row by aria-activedescendant.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Icon } from './icons';

export type Column<Row> = {
  id: string;
  head: string;
  /** A CSS grid track. */
  track: string;
  cell: (row: Row) => ReactNode;
  sortable?: boolean;
  /** Leaves at narrow widths. */
  extra?: boolean;
  align?: 'end';
};

type Props<Row> = {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  rowHeight: number;
  sort?: { by: string; desc: boolean };
  onSort?: (by: string) => void;
  onOpen: (row: Row) => void;
  onEndReached?: () => void;
  /** Whether the first row is in sight, told when that changes. */
  onAtTop?: (atTop: boolean) => void;
  /** Another number scrolls to the first row. */
  toTop?: number;
  sortLabel?: (head: string) => string;
};

export function VirtualGrid<Row>(props: Props<Row>): ReactNode {
  const { label, columns, rows, rowKey, rowHeight, sort, onSort, onOpen, onEndReached, onAtTop, toTop } = props;
  const gridId = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [currentKey, setCurrentKey] = useState<string | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
  });
  const found = rows.findIndex((row) => rowKey(row) === currentKey);
  const current = Math.max(found, 0);
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - 20) onEndReached?.();
  }, [lastShown, rows.length, onEndReached]);

  const atTop = useRef(true);
  const onScroll = () => {
    const now = (scroller.current?.scrollTop ?? 0) < rowHeight;
    if (now === atTop.current) return;
    atTop.current = now;
    onAtTop?.(now);
  };
  useEffect(() => {
    if (toTop) scroller.current?.scrollTo({ top: 0 });
  }, [toTop]);

  const moveTo = (index: number) => {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    const row = rows[to];
    if (row === undefined) return;
    setCurrentKey(rowKey(row));
    virtual.scrollToIndex(to, { align: 'auto' });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // Enter on a button or a link within a row is its own; on a cell, where a click leaves the focus, it is the row's.
    if (event.key === 'Enter' && (event.target as Element).closest('button, a')) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight) / rowHeight) - 2);
    // By the key's place, so that j and k work while the Korean layout is on.
    if (event.key === 'ArrowDown' || event.code === 'KeyJ') moveTo(found < 0 ? 0 : current + 1);
    else if (event.key === 'ArrowUp' || event.code === 'KeyK') moveTo(current - 1);
    else if (event.key === 'PageDown') moveTo(current + page);
    else if (event.key === 'PageUp') moveTo(current - page);
    else if (event.key === 'Home') moveTo(0);
    else if (event.key === 'End') moveTo(rows.length - 1);
    else if (event.key === 'Enter') {
      const row = rows[current];
      if (row !== undefined) onOpen(row);
    } else return;
    event.preventDefault();
  };
  const template = { gridTemplateColumns: columns.map((column) => column.track).join(' ') };
  return (
    <div
      className="grid"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={
        found >= 0 && items.some((item) => item.index === found) ? `${gridId}-${found}` : undefined
      }
      onKeyDown={onKey}
      onScroll={onAtTop && onScroll}
      ref={scroller}
    >
      <div className="grid-head" role="row" aria-rowindex={1} style={template}>
        {columns.map((column) => {
          const sorted = sort?.by === column.id;
          return (
            <div
              key={column.id}
              role="columnheader"
              tabIndex={-1}
              aria-sort={sorted ? (sort.desc ? 'descending' : 'ascending') : undefined}
              className={cellClass(column)}
            >
              {column.sortable && onSort ? (
                <button type="button" onClick={() => onSort(column.id)}>
                  <span className="clip">{column.head}</span>
                  {sorted && <Icon name={sort.desc ? 'down' : 'up'} />}
                </button>
              ) : (
                <span className="clip">{column.head}</span>
              )}
            </div>
          );
        })}
      </div>
      <div className="grid-rows" role="rowgroup" style={{ blockSize: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const isCurrent = item.index === found;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys and names the row by aria-activedescendant.
            <div
              key={item.key}
              id={`${gridId}-${item.index}`}
              role="row"
              tabIndex={-1}
              aria-rowindex={item.index + 2}
              aria-selected={isCurrent}
              className={isCurrent ? 'grid-row grid-row-current' : 'grid-row'}
              style={{ ...template, blockSize: rowHeight, transform: `translateY(${item.start}px)` }}
              onClick={() => setCurrentKey(rowKey(row))}
              onDoubleClick={() => onOpen(row)}
            >
              {columns.map((column) => (
                <div key={column.id} role="gridcell" tabIndex={-1} className={cellClass(column)}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function cellClass(column: { extra?: boolean; align?: 'end' }): string {
  return `grid-cell${column.extra ? ' grid-extra' : ''}${column.align ? ' grid-end' : ''}`;
}
