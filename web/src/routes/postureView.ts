// How posture reads: tones of severities, the ten threats, how a finding narrows the list.
import type { PostureSeverity } from '../api/contract';
import { everyOf } from '../api/contract';
import type { PlainKey } from '../i18n';
import type { Tone } from '../ui/show';
import type { PostureSearch } from './urlState';

/** What each part of the room is given. */
export type PostureView = { cluster: string; search: PostureSearch; change: (part: Partial<PostureSearch>) => void };
export type ShowFindings = (part: Partial<PostureSearch>) => void;

/** The worst first. */
export const severities = everyOf<PostureSeverity>()(['critical', 'high', 'medium', 'low', 'info']);

export function severityTone(severity: PostureSeverity): Tone {
  if (severity === 'critical' || severity === 'high') return 'bad';
  return severity === 'medium' ? 'warn' : 'calm';
}

export function scoreTone(score: number): 'good' | 'warn' | 'bad' {
  if (score >= 90) return 'good';
  return score >= 70 ? 'warn' : 'bad';
}

export const threats = ['E1', 'E2', 'E3', 'E4', 'E5', 'E6', 'E7', 'E8', 'E9', 'E10'] as const;
export type Threat = (typeof threats)[number];
export const threatOf = (id: string): Threat | undefined => threats.find((each) => each === id);

/** Why a scan was not made, in words; one that a newer hub knows is told as any other. */
export function faultKey(fault: string | undefined): PlainKey {
  const known = [
    'cluster_unreachable',
    'hub_refused',
    'all_refused',
    'took_too_long',
    'hub_stopped',
    'interrupted',
  ] as const;
  const found = known.find((each) => each === fault);
  return found ? `posture.fault.${found}` : 'posture.fault.internal';
}

/** The severities of a filter's text, in their order; what is none is left out. */
export function severitiesOf(text: string | undefined): PostureSeverity[] {
  const wanted = new Set(text?.split(','));
  return severities.filter((each) => wanted.has(each));
}

/** The text with one severity added or taken away; nothing, if all or none are left. */
export function toggled(text: string | undefined, severity: PostureSeverity): string | undefined {
  const now = severitiesOf(text);
  const next = now.includes(severity) ? now.filter((each) => each !== severity) : [...now, severity];
  if (next.length === 0 || next.length === severities.length) return undefined;
  return severities.filter((each) => next.includes(each)).join(',');
}
