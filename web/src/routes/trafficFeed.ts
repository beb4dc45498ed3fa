// The traffic list for one filter: a snapshot, what is new on top of it, and older pages below; bounded.

import type { TrafficNews, TrafficPage, TrafficSnapshot, TrafficUnit } from '../api/contract';
import { openFeed, refusalOf } from '../api/events';
import type { ApiProblem } from '../api/problem';
import { queries } from '../api/queries';
import { queryClient } from '../queryClient';

export type Trouble = { kind: 'store' } | { kind: 'refused'; error: ApiProblem };

export type TrafficFeedState = {
  /** Newest first. */
  units: readonly TrafficUnit[];
  /** `starting` until the first snapshot; `stale` shows what was known last. */
  state: 'starting' | 'live' | 'stale';
  /** Why nothing comes: the hub cannot read its store, or it refuses to tell. A line that broke is `stale` without one. */
  trouble: Trouble | undefined;
  /** `before` of the page below, while there may be one. */
  nextBefore: number | undefined;
};

/** Rows kept in the page, about 1 kB each; what falls off below can be fetched again. */
const unitsMax = 20_000;
const empty: TrafficFeedState = { units: [], state: 'starting', trouble: undefined, nextBefore: undefined };

export class TrafficFeed {
  private current = empty;
  private readonly listeners = new Set<() => void>();
  private close: (() => void) | undefined;

  constructor(
    private readonly filter: string | undefined,
    private readonly open: typeof openFeed = openFeed,
    private readonly ask: typeof refusalOf = refusalOf,
  ) {}

  get = (): TrafficFeedState => this.current;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    const query = this.filter ? `?${new URLSearchParams({ filter: this.filter })}` : '';
    const url = `/api/v1/traffic/live${query}`;
    this.close ??= this.open(url, ['snapshot', 'units', 'stale'], {
      onEvent: (name, data) => this.hear(name, data),
      onState: (state) => {
        if (state === 'stale' && this.current.state !== 'starting') this.set({ state, trouble: undefined });
      },
      onRefused: () => {
        // A sign-in that ended leads to the sign-in page.
        void queryClient.invalidateQueries({ queryKey: queries.me.queryKey });
        void this.ask(url).then((error) => {
          if (error && this.current.state !== 'live') this.set({ trouble: { kind: 'refused', error } });
        });
      },
    });
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.close?.();
      this.close = undefined;
    };
  };

  hear(name: string, data: unknown): void {
    if (name === 'snapshot') {
      const { items, next_before } = data as TrafficSnapshot;
      this.set({ units: items, nextBefore: next_before, state: 'live', trouble: undefined });
    } else if (name === 'units') {
      const { items } = data as TrafficNews;
      const units = [...items, ...this.current.units];
      const over = units.length > unitsMax;
      if (over) units.length = unitsMax;
      const nextBefore = over ? units.at(-1)?.number : this.current.nextBefore;
      this.set({ units, nextBefore, state: 'live', trouble: undefined });
    } else if (name === 'stale') {
      // Before the first snapshot nothing is known that could be out of date.
      const state = this.current.state === 'starting' ? 'starting' : 'stale';
      this.set({ state, trouble: { kind: 'store' } });
    }
  }

  /** Takes the page before `before`, unless a new snapshot came while it was fetched. */
  older(before: number, page: TrafficPage): void {
    if (before !== this.current.nextBefore) return;
    const units = [...this.current.units, ...page.items];
    // At the bound nothing older is shown; a filter leads further back.
    const full = units.length >= unitsMax;
    this.set({ units, nextBefore: full ? undefined : page.next_before });
  }

  private set(change: Partial<TrafficFeedState>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener();
  }
}
