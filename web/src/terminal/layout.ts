// The arrangement of panes within a tab: a tree of splits, as pure functions.
export type Direction = 'row' | 'column';
export type Layout =
  | { kind: 'pane'; id: string }
  | { kind: 'split'; direction: Direction; share: number; first: Layout; second: Layout };

export const pane = (id: string): Layout => ({ kind: 'pane', id });

export function paneIds(layout: Layout): string[] {
  return layout.kind === 'pane' ? [layout.id] : [...paneIds(layout.first), ...paneIds(layout.second)];
}

/** Puts `added` after `beside`; a `row` split stands side by side, a `column` split one above the other. */
export function split(layout: Layout, beside: string, added: string, direction: Direction): Layout {
  if (layout.kind === 'pane')
    return layout.id === beside ? { kind: 'split', direction, share: 0.5, first: layout, second: pane(added) } : layout;
  return {
    ...layout,
    first: split(layout.first, beside, added, direction),
    second: split(layout.second, beside, added, direction),
  };
}

/** Takes a pane out and gives its room to its neighbour; null when it was the last. */
export function remove(layout: Layout, id: string): Layout | null {
  if (layout.kind === 'pane') return layout.id === id ? null : layout;
  const first = remove(layout.first, id);
  const second = remove(layout.second, id);
  if (!first) return second;
  if (!second) return first;
  return { ...layout, first, second };
}

/** `path` leads to a split: 0 for its first part, 1 for its second. */
export function setShare(layout: Layout, path: readonly number[], share: number): Layout {
  if (layout.kind === 'pane') return layout;
  const [step, ...rest] = path;
  if (step === undefined) return { ...layout, share: Math.max(0.1, Math.min(0.9, share)) };
  return step === 0
    ? { ...layout, first: setShare(layout.first, rest, share) }
    : { ...layout, second: setShare(layout.second, rest, share) };
}

/** The pane `by` steps further in reading order, around the end. */
export function neighbour(layout: Layout, id: string, by: number): string {
  const ids = paneIds(layout);
  const at = ids.indexOf(id);
  if (at < 0) return ids[0] ?? id;
  return ids[(((at + by) % ids.length) + ids.length) % ids.length] ?? id;
}
