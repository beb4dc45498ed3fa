// Every Pod one may see, kept current by the hub's watch while somebody looks; hundreds of changes make one render.

import type { Pod, PodChange, PodSnapshot, PodsStale } from '../api/contract';
import { openFeed } from '../api/events';
import { queries } from '../api/queries';
import { queryClient } from '../queryClient';

export type PodFeedState = {
  pods: readonly Pod[];
  /** `starting` until the first snapshot; `stale` shows what was known last. */
  state: 'starting' | 'live' | 'stale';
  why: PodsStale | null;
  changedAt: number;
};

const gatherMs = 100;
/** After the last viewer left, the watch is kept this long, for the way between rooms. */
const lingerMs = 15_000;

export class PodFeed {
  private current: PodFeedState = { pods: [], state: 'starting', why: null, changedAt: 0 };
  private readonly byUid = new Map<string, Pod>();
  private readonly listeners = new Set<() => void>();
  private close: (() => void) | undefined;
  private gather: ReturnType<typeof setTimeout> | undefined;
  private linger: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly open: typeof openFeed) {}

  get = (): PodFeedState => this.current;
  peek(): readonly Pod[] {
    return this.current.pods;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    clearTimeout(this.linger);
    this.close ??= this.open('/api/v1/pods/watch', ['snapshot', 'change', 'stale', 'live'], {
      onEvent: (name, data) => this.hear(name, data),
      onState: (state) => {
        if (state === 'stale') this.set({ state: this.current.state === 'starting' ? 'starting' : 'stale', why: null });
      },
      // Whatever refused the stream, `/me` explains; a 401 leads to the sign-in.
      onRefused: () => void queryClient.invalidateQueries({ queryKey: queries.me.queryKey }),
    });
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.linger = setTimeout(() => this.stop(), lingerMs);
    };
  };

  stop(): void {
    clearTimeout(this.linger);
    clearTimeout(this.gather);
    this.gather = undefined;
    this.close?.();
    this.close = undefined;
    this.byUid.clear();
    this.current = { pods: [], state: 'starting', why: null, changedAt: 0 };
  }

  hear(name: string, data: unknown): void {
    if (name === 'snapshot') {
      this.byUid.clear();
      for (const pod of (data as PodSnapshot).items) this.byUid.set(pod.uid, pod);
      this.set({ pods: [...this.byUid.values()], state: 'live', why: null, changedAt: Date.now() });
    } else if (name === 'change') {
      const { kind, pod } = data as PodChange;
      if (kind === 'deleted') this.byUid.delete(pod.uid);
      else this.byUid.set(pod.uid, pod);
      this.gather ??= setTimeout(() => {
        this.gather = undefined;
        this.set({ pods: [...this.byUid.values()], changedAt: Date.now() });
      }, gatherMs);
    } else if (name === 'stale') {
      this.set({ state: 'stale', why: data as PodsStale });
    } else if (name === 'live') {
      this.set({ state: 'live', why: null });
    }
  }

  private set(change: Partial<PodFeedState>): void {
    this.current = { ...this.current, ...change };
    for (const listener of this.listeners) listener();
  }
}

export const podFeed = new PodFeed(openFeed);
