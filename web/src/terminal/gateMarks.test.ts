import { expect, test } from 'vitest';
import { gateMarks } from './gateMarks';
import type { Phase, SessionState } from './session';

const passage = {} as NonNullable<SessionState['passage']>;
const ready = {} as NonNullable<SessionState['ready']>;

test.each<[Phase, boolean, boolean, string, string]>([
  ['minting', false, false, 'later', 'later'],
  ['gate1', false, false, 'now', 'later'],
  ['gate2', true, false, 'done', 'now'],
  ['live', true, true, 'done', 'done'],
  ['denied', false, false, 'refused', 'later'],
  ['denied', true, false, 'done', 'refused'],
  ['denied', true, true, 'done', 'done'],
  ['lost', true, true, 'done', 'done'],
  ['stopped', true, false, 'done', 'later'],
  ['exited', false, false, 'later', 'later'],
])('%s, with gate 1 passed %s and gate 2 passed %s: %s, %s', (phase, passed, entered, first, second) =>
  expect(gateMarks({ phase, passage: passed ? passage : null, ready: entered ? ready : null })).toEqual({
    first,
    second,
  }),
);
