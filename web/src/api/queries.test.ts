import { expect, test } from 'vitest';
import { whoseRows } from './queries';

test.each([
  [{ admin: true }, undefined, '*'],
  [{ admin: true }, 'joon', 'joon'],
  [{ admin: false }, undefined, undefined],
])('the rows asked for by %j who chose %s are those of %s', (me, chosen, asked) =>
  expect(whoseRows(me, chosen)).toBe(asked),
);
