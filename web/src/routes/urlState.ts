// What a room keeps in the URL's search, read leniently: hostile or outdated values fall back to the default.
import { type AuditOutcome, everyOf, type LinkState } from '../api/contract';
import { severities, severitiesOf, type Threat, threats } from './postureView';

export const podSortKeys = ['name', 'namespace', 'cluster', 'status', 'restarts', 'age'] as const;
export type PodSortKey = (typeof podSortKeys)[number];
export type PodSearch = {
  q?: string;
  cluster?: string;
  namespace?: string;
  phase?: string;
  sort?: PodSortKey;
  desc?: boolean;
};
export type AuditSearch = { actor?: string; action?: string; outcome?: AuditOutcome; q?: string };
export type TerminalSearch = { user?: string };
export type LinkSearch = { user?: string; state?: LinkState };

export const trafficViews = ['units', 'connections', 'role'] as const;
export type TrafficView = (typeof trafficViews)[number];
export const trafficSpans = [5, 15, 60, 1440] as const;
export type TrafficSpan = (typeof trafficSpans)[number];
export type TrafficSearch = {
  q?: string;
  /** The unit that is open. */
  unit?: number;
  view?: TrafficView;
  /** Minutes that are summed up. */
  span?: TrafficSpan;
  /** Connections of this state only. */
  state?: string;
  /** The connection that is open. */
  connection?: number;
  /** Whose role is made from use. */
  user?: string;
  /** False: its rules name no objects. */
  names?: false;
};

export const postureViews = ['overview', 'findings', 'paths', 'exceptions', 'history'] as const;
export const postureVerdicts = ['fail', 'unknown'] as const;
export const postureStandings = ['open', 'excepted'] as const;
export const postureChanges = ['new', 'gone'] as const;
export type PostureSearch = {
  cluster?: string;
  view?: Exclude<(typeof postureViews)[number], 'overview'>;
  q?: string;
  /** Severities, with commas between them. */
  severity?: string;
  verdict?: (typeof postureVerdicts)[number];
  standing?: (typeof postureStandings)[number];
  change?: (typeof postureChanges)[number];
  check?: string;
  threat?: Threat;
  framework?: string;
  control?: string;
  namespace?: string;
  kind?: string;
  object?: string;
  /** The finding that is open. */
  finding?: number;
  /** Where paths begin; the internet, if left out. */
  from?: string;
};

type Search = Record<string, unknown>;
const charsMax = 200;

/** The router parses what looks like JSON, so a filter of digits arrives as a number. */
function text(value: unknown, longest = charsMax): string | undefined {
  const read = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  return typeof read === 'string' && read !== '' ? read.slice(0, longest) : undefined;
}

function oneOf<T extends string>(value: unknown, choices: readonly T[]): T | undefined {
  return choices.find((choice) => choice === value);
}

/** The number of a stored unit or connection; they begin at 1. */
function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

export function parsePodSearch(search: Search): PodSearch {
  return {
    q: text(search.q),
    cluster: text(search.cluster),
    namespace: text(search.namespace),
    phase: text(search.phase),
    sort: oneOf(search.sort, podSortKeys),
    desc: search.desc === true ? true : undefined,
  };
}

export const auditOutcomes = everyOf<AuditOutcome>()(['allowed', 'denied', 'failed']);
export function parseAuditSearch(search: Search): AuditSearch {
  return {
    actor: text(search.actor),
    action: text(search.action),
    outcome: oneOf(search.outcome, auditOutcomes),
    q: text(search.q),
  };
}

export const linkStates = everyOf<LinkState>()(['minted', 'bound', 'used', 'revoked', 'expired']);
export function parseLinkSearch(search: Search): LinkSearch {
  return { user: text(search.user), state: oneOf(search.state, linkStates) };
}

export function parseTerminalSearch(search: Search): TerminalSearch {
  return { user: text(search.user) };
}

/** As long as a filter may be for the hub. */
const filterCharsMax = 1000;
/** As long as a user's name may be for the hub. */
const userCharsMax = 512;
export function parseTrafficSearch(search: Search): TrafficSearch {
  return {
    q: text(search.q, filterCharsMax),
    unit: numberOf(search.unit),
    view: oneOf(search.view, ['connections', 'role']),
    span: trafficSpans.find((minutes) => minutes === search.span),
    state: text(search.state),
    connection: numberOf(search.connection),
    user: text(search.user, userCharsMax),
    names: search.names === false ? false : undefined,
  };
}

/** A reference of an object: kind, namespace and name. */
const referenceCharsMax = 600;
export function parsePostureSearch(search: Search): PostureSearch {
  const chosen = severitiesOf(text(search.severity));
  return {
    cluster: text(search.cluster),
    view: oneOf(search.view, ['findings', 'paths', 'exceptions', 'history']),
    q: text(search.q),
    severity: chosen.length > 0 && chosen.length < severities.length ? chosen.join(',') : undefined,
    verdict: oneOf(search.verdict, postureVerdicts),
    standing: oneOf(search.standing, postureStandings),
    change: oneOf(search.change, postureChanges),
    check: text(search.check),
    threat: oneOf(search.threat, threats),
    framework: text(search.framework),
    control: text(search.control),
    namespace: text(search.namespace),
    kind: text(search.kind),
    object: text(search.object, referenceCharsMax),
    finding: numberOf(search.finding),
    from: text(search.from, referenceCharsMax),
  };
}
