// Knows whether the hub answers, and finds out by itself when it answers again.
export type Connection = { up: boolean; since: number };

let state: Connection = { up: true, since: Date.now() };
const listeners = new Set<() => void>();
let probe: ReturnType<typeof setTimeout> | undefined;
const probeDelaysMs = [1000, 2000, 4000, 8000, 15000] as const;

function set(up: boolean): void {
  if (state.up === up) return;
  state = { up, since: Date.now() };
  for (const listener of listeners) listener();
}

async function ask(attempt: number): Promise<void> {
  try {
    const answer = await fetch('/livez', { cache: 'no-store' });
    if (answer.ok) return reportReachable();
  } catch {
    // Still away: ask again below.
  }
  schedule(attempt + 1);
}

function schedule(attempt: number): void {
  const delay = probeDelaysMs[Math.min(attempt, probeDelaysMs.length - 1)] ?? 15000;
  probe = setTimeout(() => void ask(attempt), delay);
}

export function reportReachable(): void {
  clearTimeout(probe);
  probe = undefined;
  set(true);
}

export function reportUnreachable(): void {
  set(false);
  if (probe === undefined) schedule(0);
}

export const connection = {
  get: (): Connection => state,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
