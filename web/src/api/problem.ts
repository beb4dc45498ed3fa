// Turns whatever went wrong with a request into one error that carries a Problem the console can explain.
import { type Problem, type ProblemCode, problemCodes } from './contract';

/** Codes of the console's own, for what the hub cannot report: it did not answer, or answered what it should not. */
export const consoleCodes = ['hub_unreachable', 'unexpected_answer', 'connection_lost'] as const;
export type ConsoleCode = (typeof consoleCodes)[number];
export type KnownCode = ProblemCode | ConsoleCode;

const known: ReadonlySet<string> = new Set<string>([...problemCodes, ...consoleCodes]);

export function isKnownCode(code: string): code is KnownCode {
  return known.has(code);
}

const signedOutCodes: ReadonlySet<string> = new Set<KnownCode>(['not_signed_in', 'session_expired', 'session_ended']);

/** Whether only a new sign-in helps. */
export function isSignedOut(code: string): boolean {
  return signedOutCodes.has(code);
}

/** What no longer lets a terminal be, or never did, although the hub had no objection. */
const byKubernetes: ReadonlySet<string> = new Set<KnownCode>([
  'token_refused',
  'forbidden',
  'cluster_unreachable',
  'exec_unsupported',
  'pod_gone',
  'pod_replaced',
  'pod_not_running',
  'container_unknown',
  'no_shell',
  'right_withdrawn',
]);

/** Who decides where a code comes from, for when nobody is there to say so; what a Problem itself says goes before. */
export function decidedBy(code: string): NonNullable<Problem['decided_by']> {
  if (consoleCodes.some((each) => each === code)) return 'browser';
  return byKubernetes.has(code) ? 'kubernetes' : 'hub';
}

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

export function ownProblem(code: KnownCode, detail: string, status = 0): Problem {
  return {
    type: `https://sallyport.dev/problems/${code}`,
    title: code,
    status,
    detail,
    code,
    decided_by: decidedBy(code),
    request_id: '',
  };
}

/** Reads a body that claims to be a Problem; an HTML page of some proxy becomes `unexpected_answer`. */
export function parseProblem(body: unknown, status: number, requestId: string): Problem {
  if (typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string') {
    const { decided_by, detail, fix, request_id, retry_after_s, title, type } = body as Partial<Problem>;
    return {
      code: body.code,
      type: type ?? '',
      title: title ?? body.code,
      status,
      detail: detail ?? '',
      decided_by,
      fix,
      retry_after_s,
      request_id: request_id ?? requestId,
    };
  }
  return { ...ownProblem('unexpected_answer', `HTTP ${status}`, status), request_id: requestId };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem;
  return ownProblem('unexpected_answer', error instanceof Error ? error.message : String(error));
}
