// A server-sent event stream that reconnects by itself, also after answers on which EventSource gives up.
import { reportReachable, reportUnreachable } from './connection';
import { ApiProblem, parseProblem } from './problem';

export type FeedHandlers = {
  /** Called with the parsed `data` of each event, by the event's name. */
  onEvent: (name: string, data: unknown) => void;
  /** `live` when the stream stands, `stale` when it broke; a broken one is tried again. */
  onState: (state: 'live' | 'stale') => void;
  /** Called when the stream was refused rather than interrupted, to find out why (401 and the like). */
  onRefused?: () => void;
};

const retryDelaysMs = [500, 1000, 2000, 5000, 10000] as const;

/** Opens the stream; call what it returns to close it for good. */
export function openFeed(url: string, names: readonly string[], handlers: FeedHandlers): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let closed = false;

  const connect = () => {
    const opened = new EventSource(url);
    source = opened;
    opened.onopen = () => {
      attempt = 0;
      reportReachable();
      handlers.onState('live');
    };
    opened.onerror = () => {
      if (closed) return;
      handlers.onState('stale');
      // EventSource reconnects after a broken stream, but not after an answer other than 200.
      const refused = opened.readyState === EventSource.CLOSED;
      if (refused) {
        handlers.onRefused?.();
        const delay = retryDelaysMs[Math.min(attempt++, retryDelaysMs.length - 1)] ?? 10000;
        timer = setTimeout(connect, delay);
      } else {
        reportUnreachable();
      }
    };
    for (const name of names)
      opened.addEventListener(name, (event) => {
        if (!closed) handlers.onEvent(name, JSON.parse((event as MessageEvent<string>).data));
      });
  };
  connect();
  return () => {
    closed = true;
    clearTimeout(timer);
    source?.close();
  };
}

/** Why a stream is refused, which EventSource does not tell; nothing if it is not refused now, or nobody answers. */
export async function refusalOf(url: string): Promise<ApiProblem | undefined> {
  const asked = new AbortController();
  try {
    const answer = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: asked.signal });
    if (answer.ok) return undefined;
    const body: unknown = await answer.json().catch(() => undefined);
    return new ApiProblem(parseProblem(body, answer.status, answer.headers.get('x-request-id') ?? ''));
  } catch {
    return undefined;
  } finally {
    asked.abort();
  }
}
