import { expect, test } from 'vitest';
import { isCutShort, whoseRows } from './queries';

test.each([
  [{ admin: true }, undefined, '*'],
  [{ admin: true }, 'joon', 'joon'],
  [{ admin: false }, undefined, undefined],
])('the rows asked for by %j who chose %s are those of %s', (me, chosen, asked) =>
  expect(whoseRows(me, chosen)).toBe(asked),
);

test.each([
  ['links', 499, false],
  ['links', 500, true],
  ['terminals', 999, false],
  ['terminals', 1000, true],
] as const)('whether %s, %i of them, are cut short: %s', (list, count, cut) =>
  expect(isCutShort(list, count)).toBe(cut),
);
