// How traffic reads: times to the microsecond, a unit in one line, filters made from values, states in words.
import { everyOf, type TrafficEvidenceName, type TrafficRight, type TrafficUnit } from '../api/contract';
import type { PlainKey } from '../i18n';
import type { Tone } from '../ui/show';

/** The local time of day to the microsecond; the hub's text holds more digits than a Date. */
export function microTime(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${fraction(time)}`;
}

/** Microseconds since 1970, to tell how long something took. */
export function micros(time: string): number {
  return Math.floor(Date.parse(time) / 1000) * 1_000_000 + Number(fraction(time));
}

function fraction(time: string): string {
  return (/\.(\d+)/.exec(time)?.[1] ?? '').padEnd(6, '0').slice(0, 6);
}

export function statusTone(status: number): Tone {
  if (status >= 500) return 'bad';
  return status >= 400 ? 'warn' : 'good';
}

/** What a request is about: `list pods in shop`, `get pods/log shop/web-1`. */
export function about(unit: TrafficUnit): string {
  if (!unit.verb) return '';
  const kind = unit.resource ? `${unit.resource}${unit.subresource ? `/${unit.subresource}` : ''}` : (unit.path ?? '');
  const place = [unit.namespace, unit.name].filter(Boolean).join('/');
  return [unit.verb, kind, place].filter(Boolean).join(' ');
}

/** "0.24 ms", "1,204 ms", "31.2 s". */
export function latency(us: number, lang: string): string {
  const [value, unit] = us < 10_000_000 ? [us / 1000, 'millisecond'] : [us / 1_000_000, 'second'];
  return new Intl.NumberFormat(lang, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0,
  }).format(value);
}

/** A comparison with a value, quoted as the filter language takes it; none for a value with both kinds of quotes. */
export function comparison(field: string, value: string): string | undefined {
  if (/^[\w./:@-]+$/.test(value)) return `${field} == ${value}`;
  if (!value.includes('"')) return `${field} == "${value}"`;
  return value.includes("'") ? undefined : `${field} == '${value}'`;
}

/** A filter that asks for this too. */
export function narrowed(filter: string | undefined, more: string): string {
  if (!filter?.trim()) return more;
  return /\bor\b|\|\|/.test(filter) ? `(${filter}) and ${more}` : `${filter} and ${more}`;
}

export const decryptions = [
  'decrypted',
  'clear',
  'partly',
  'no_key',
  'key_mismatch',
  'joined_late',
  'handshake_incomplete',
  'suite_unsupported',
  'not_recognised',
  'silent',
] as const;
export type Decryption = (typeof decryptions)[number];
export const decryptionOf = (state: string): Decryption | undefined => decryptions.find((each) => each === state);

export function decryptionTone(state: string): Tone {
  if (state === 'decrypted') return 'good';
  return state === 'clear' || state === 'silent' ? 'calm' : state === 'partly' ? 'warn' : 'bad';
}

const omissions = ['undecoded', 'secret', 'gap', 'over_bound', 'malformed', 'input'] as const;
export function omissionKey(reason: string | undefined): PlainKey {
  const known = omissions.find((each) => each === reason);
  return known ? `traffic.omitted.${known}` : 'traffic.omitted.undecoded';
}

/** What became of bytes, as the hub accounts for each. */
const accounts = [
  'decoded',
  'no_key',
  'key_mismatch',
  'joined_late',
  'gap',
  'over_bound',
  'suite_unsupported',
  'not_understood',
  'not_recognised',
  'repeated',
  'outside_window',
  'after_close',
  'fragment_incomplete',
  'not_tcp',
  'not_ip',
  'link_unknown',
  'malformed',
  'padding',
] as const;
/** The word for it; none for one that a newer hub knows. */
export function accountKey(code: string): PlainKey | undefined {
  const known = accounts.find((each) => each === code);
  return known && `traffic.account.${known}`;
}

const evidenceNames = everyOf<TrafficEvidenceName>()([
  'user',
  'claimed_user',
  'verb',
  'resource',
  'api_group',
  'namespace',
  'object',
  'path',
  'act_as',
  'authorizer',
  'credential',
  'webhook',
  'address',
  'policy',
  'binding',
  'quota',
  'requested',
  'used',
  'limited',
  'level',
  'field',
  'manager',
  'resource_version',
  'flow_schema',
  'priority_level',
  'status_cause',
  'media_type',
  'message',
  'reason',
  'retry_after_s',
  'latency_ms',
  'missing_bytes',
  'unseen',
  'audit_id',
]);
/** The word for a piece of evidence; one that a newer hub knows is called evidence. */
export function evidenceKey(name: string): PlainKey {
  const known = evidenceNames.find((each) => each === name);
  return known ? `traffic.evidence.${known}` : 'posture.evidence';
}

/** Usual for controllers that look before they make: no reason for alarm. */
const usual = ['object_not_found', 'already_exists', 'version_expired', 'version_conflict', 'unanswered'];
const ofServers = /^(webhook_(?!denied)|etcd_|kubelet_unreachable|upstream_|server_error|unavailable|timed_out)/;
export function causeTone(cause: string): Tone {
  if (usual.includes(cause)) return 'calm';
  return ofServers.test(cause) ? 'bad' : 'warn';
}

/** `get pods/log`, `update leases.coordination.k8s.io web`, `get /metrics`. */
export function rightText({ verb, resource, group, name }: TrafficRight): string {
  return [verb, group ? `${resource}.${group}` : resource, name].filter(Boolean).join(' ');
}

/** What a role's file is called: letters and digits of the user, as the role itself. */
export function roleFile(user: string): string {
  const slug = user.replace(/^system:serviceaccount:/, '').toLowerCase();
  return `role-${slug.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'observed'}.yaml`;
}
