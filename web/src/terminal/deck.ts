// All terminals of this page: tabs, their splits, and each pane's session with its screen. They outlive the room's view.
import { onPersonChanged } from '../api/client';
import { Entry, enter, mint, type Target } from './entry';
import { liveTally } from './handover';
import { keepSize, lastSize } from './lastSize';
import { type Direction, type Layout, neighbour, paneIds, pane as paneLayout, remove, setShare, split } from './layout';
import { asksFirst } from './paste';
import { PlainInput } from './plainInput';
import { TerminalScreen } from './screen';
import type { TerminalSession } from './session';

export type Pane = {
  readonly id: string;
  /** Tells panes of one Pod apart. */
  readonly nth: number;
  readonly session: TerminalSession;
  readonly screen: TerminalScreen;
  target: Target | null;
  title: string;
  /** A paste that waits for a word. */
  paste: string | null;
  /** The person said not to ask again in this pane. */
  pasteUnasked: boolean;
  searching: boolean;
};
export type Tab = { readonly id: string; readonly layout: Layout; readonly active: string };
export type DeckState = { readonly tabs: readonly Tab[]; readonly activeTab: string | null };

let serial = 0;
const nextId = (prefix: string): string => `${prefix}${++serial}`;

export class Deck {
  state: DeckState = { tabs: [], activeTab: null };
  readonly panes = new Map<string, Pane>();
  /** Set by the view: what to do when the chord leaves a shell. */
  onLeave: (pane: Pane) => void = () => undefined;
  private readonly listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  openTarget(target: Target, beside?: { pane: string; direction: Direction }): Pane {
    return this.openEntry(enter(target, beside ? null : lastSize()), beside);
  }

  openEntry(entry: Entry, beside?: { pane: string; direction: Direction }): Pane {
    const added = this.addPane(entry);
    this.place(added, beside);
    return added;
  }

  openLink(link: string): Pane {
    const entry = new Entry(null, lastSize());
    void entry.session.openLink(link);
    return this.openEntry(entry);
  }

  /** Opens the pane's Pod again, through a new link and both gates. */
  again(id: string): void {
    const found = this.panes.get(id);
    const target = found?.target;
    if (target) void found.session.openMinted(() => mint(target));
  }

  split(id: string, direction: Direction): void {
    const target = this.panes.get(id)?.target;
    if (target) this.openTarget(target, { pane: id, direction });
  }

  closePane(id: string): void {
    const closed = this.panes.get(id);
    if (!closed) return;
    closed.session.close();
    closed.screen.dispose();
    this.panes.delete(id);
    const tabs: Tab[] = [];
    for (const tab of this.state.tabs) {
      const layout = remove(tab.layout, id);
      if (layout) tabs.push({ ...tab, layout, active: tab.active === id ? neighbour(layout, id, 0) : tab.active });
    }
    const at = this.state.tabs.findIndex((tab) => tab.id === this.state.activeTab);
    const stays = tabs.some((tab) => tab.id === this.state.activeTab);
    this.set({ tabs, activeTab: stays ? this.state.activeTab : (tabs[Math.min(at, tabs.length - 1)]?.id ?? null) });
  }

  closeTab(id: string): void {
    const tab = this.state.tabs.find((each) => each.id === id);
    if (tab) for (const each of paneIds(tab.layout)) this.closePane(each);
  }

  activateTab(id: string): void {
    this.set({ ...this.state, activeTab: id });
  }

  activatePane(id: string): void {
    const tab = this.tabOf(id);
    if (!tab || (tab.active === id && this.state.activeTab === tab.id)) return;
    this.set({
      tabs: this.state.tabs.map((each) => (each.id === tab.id ? { ...each, active: id } : each)),
      activeTab: tab.id,
    });
  }

  step(by: number): Pane | undefined {
    const tab = this.activeTab();
    if (!tab) return undefined;
    const id = neighbour(tab.layout, tab.active, by);
    this.activatePane(id);
    return this.panes.get(id);
  }

  stepTab(by: number): void {
    const { tabs, activeTab } = this.state;
    const at = tabs.findIndex((tab) => tab.id === activeTab);
    const next = tabs[(at + by + tabs.length) % tabs.length];
    if (next) this.activateTab(next.id);
  }

  setShare(tabId: string, path: readonly number[], share: number): void {
    this.set({
      ...this.state,
      tabs: this.state.tabs.map((tab) =>
        tab.id === tabId ? { ...tab, layout: setShare(tab.layout, path, share) } : tab,
      ),
    });
  }

  activeTab(): Tab | undefined {
    return this.state.tabs.find((tab) => tab.id === this.state.activeTab);
  }

  activePane(): Pane | undefined {
    const tab = this.activeTab();
    return tab && this.panes.get(tab.active);
  }

  answerPaste(id: string, paste: boolean, unasked: boolean): void {
    const found = this.panes.get(id);
    if (!found) return;
    const text = found.paste;
    found.paste = null;
    if (unasked) found.pasteUnasked = true;
    this.changed();
    if (paste && text !== null) found.screen.paste(text);
    found.screen.focus();
  }

  offerPaste(id: string, text: string): void {
    const found = this.panes.get(id);
    if (found?.session.state.phase !== 'live') return;
    if (asksFirst(text) && !found.pasteUnasked) {
      found.paste = text;
      this.changed();
    } else found.screen.paste(text);
  }

  setSearching(id: string, searching: boolean): void {
    const found = this.panes.get(id);
    if (!found) return;
    found.searching = searching;
    if (!searching) {
      found.screen.clearFind();
      found.screen.focus();
    }
    this.changed();
  }

  /** Another person must not see what the one before had open. */
  closeAll(): void {
    for (const id of [...this.panes.keys()]) this.closePane(id);
  }

  liveCount(): number {
    return [...this.panes.values()].filter((each) => each.session.state.phase === 'live').length;
  }

  private tabOf(paneId: string): Tab | undefined {
    return this.state.tabs.find((tab) => paneIds(tab.layout).includes(paneId));
  }

  private place(added: Pane, beside?: { pane: string; direction: Direction }): void {
    const tab = beside && this.tabOf(beside.pane);
    if (beside && tab) {
      const layout = split(tab.layout, beside.pane, added.id, beside.direction);
      const tabs = this.state.tabs.map((each) => (each.id === tab.id ? { ...each, layout, active: added.id } : each));
      this.set({ tabs, activeTab: tab.id });
      return;
    }
    const opened: Tab = { id: nextId('tab-'), layout: paneLayout(added.id), active: added.id };
    this.set({ tabs: [...this.state.tabs, opened], activeTab: opened.id });
  }

  private addPane(entry: Entry): Pane {
    const id = nextId('pane-');
    const nth = serial;
    const { session } = entry;
    const plain = new PlainInput({
      echo: (text) => screen.terminal.write(text),
      send: (bytes) => session.input(bytes),
      endInput: () => session.endInput(),
      interrupt: () => session.end(),
    });
    const screen: TerminalScreen = new TerminalScreen({
      onInput: (bytes) => (session.state.ready?.tty === false ? plain.push(bytes) : session.input(bytes)),
      onAttached: () => {
        entry.measured();
        this.keepSizeOf(id);
      },
      onResize: (cols, rows) => {
        session.resize(cols, rows);
        this.keepSizeOf(id);
      },
      onTitle: (title) => {
        added.title = title;
        this.changed();
      },
      onPaste: (text) => this.offerPaste(id, text),
      onLeave: () => this.onLeave(added),
      onSearch: () => this.setSearching(id, true),
      onFocus: () => this.activatePane(id),
    });
    const added: Pane = {
      id,
      nth,
      session,
      screen,
      target: entry.target,
      title: '',
      paste: null,
      pasteUnasked: false,
      searching: false,
    };
    const follow = () => {
      const { state } = session;
      if (state.passage) {
        const { cluster, namespace, pod, container, tty, command } = state.passage;
        added.target = { cluster, namespace, pod, container, tty, command };
        screen.plainStream = !tty;
      }
    };
    let { phase } = session.state;
    follow();
    entry.drawOn(screen);
    session.subscribe(() => {
      if (session.state.phase === phase) return;
      phase = session.state.phase;
      follow();
      if (phase === 'gate1') {
        added.title = '';
        screen.terminal.reset();
      }
      liveTally.set(this.liveCount());
      this.changed();
    });
    this.panes.set(id, added);
    return added;
  }

  /** Of panes that share a tab no size is kept: the next terminal has a tab to itself. */
  private keepSizeOf(paneId: string): void {
    const layout = this.tabOf(paneId)?.layout;
    const kept = this.panes.get(paneId);
    if (layout?.kind === 'pane' && kept?.screen.isAttached) keepSize(kept.screen.size());
  }

  private set(state: DeckState): void {
    this.state = state;
    liveTally.set(this.liveCount());
    this.changed();
  }

  private changed(): void {
    // A new object each time, so that views which compare by identity see titles and phases change too.
    this.state = { ...this.state };
    for (const listener of this.listeners) listener();
  }
}

export const deck = new Deck();
onPersonChanged(() => deck.closeAll());
