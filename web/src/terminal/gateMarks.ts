// What became of each gate, told from where a terminal's opening stands or stopped.
import type { SessionState } from './session';

export type GateMark = 'done' | 'now' | 'refused' | 'later';

/** The first gate that was not passed is the one that refused, if anything did; a refused mint counts for the first. */
export function gateMarks({ phase, passage, ready }: Pick<SessionState, 'phase' | 'passage' | 'ready'>): {
  first: GateMark;
  second: GateMark;
} {
  const ended = phase === 'denied' || phase === 'lost';
  const first = passage ? 'done' : phase === 'gate1' ? 'now' : ended ? 'refused' : 'later';
  const second = ready ? 'done' : phase === 'gate2' ? 'now' : ended && passage ? 'refused' : 'later';
  return { first, second };
}
