// The one way to the hub's HTTP API: adds the CSRF token, turns failures into ApiProblem, and tells when the sign-in ended.
import createClient from 'openapi-fetch';
import { reportReachable, reportUnreachable } from './connection';
import type { paths } from './contract';
import { isSomebodyHere } from './presence';
import { ApiProblem, isSignedOut, ownProblem, parseProblem } from './problem';

let csrf = '';
/** `/me` hands out the token; it lives in memory only. */
export function setCsrf(token: string): void {
  csrf = token;
}

export const csrfHeader = (): Record<string, string> => ({ 'X-Sallyport-CSRF': csrf });

/** A bell: who listens, and how it is rung. */
function signal(): [listen: (listener: () => void) => () => void, ring: () => void] {
  const listeners = new Set<() => void>();
  const listen = (listener: () => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const ring = () => {
    for (const listener of listeners) listener();
  };
  return [listen, ring];
}

export const [onSignedOut, reportSignedOut] = signal();
/** Before the page is loaded anew for another person: what the one before left is to be put away. */
export const [onPersonChanged, reportPersonChanged] = signal();

const client = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });

client.use({
  onRequest({ request }) {
    if (request.method !== 'GET' && csrf) request.headers.set('X-Sallyport-CSRF', csrf);
    if (!isSomebodyHere()) request.headers.set('X-Sallyport-Background', '1');
    return request;
  },
});

export const api = client;

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** Awaits a call of `api` and gives its data, or throws an ApiProblem. */
export async function take<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    reportUnreachable();
    throw new ApiProblem(ownProblem('hub_unreachable', cause instanceof Error ? cause.message : String(cause)));
  }
  reportReachable();
  const { response } = answer;
  if (response.ok) return answer.data as T;
  const problem = parseProblem(answer.error, response.status, response.headers.get('x-request-id') ?? '');
  if (isSignedOut(problem.code)) reportSignedOut();
  throw new ApiProblem(problem);
}
