import { describe, expect, test } from 'vitest';
import { absoluteTime, age, bytes, middle, relativeTime, span, timeStamp } from './time';

const now = Date.parse('2026-03-01T12:00:00Z');
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

describe('relative times', () => {
  test.each([
    [-20, 'now', '지금'],
    [-180, '3 min. ago', '3분 전'],
    [-7200, '2 hr. ago', '2시간 전'],
    [-86_400, 'yesterday', '어제'],
    [3700, 'in 1 hr.', '1시간 후'],
  ])('%d s', (seconds, en, ko) => {
    expect(relativeTime(at(seconds), now, 'en')).toBe(en);
    expect(relativeTime(at(seconds), now, 'ko')).toBe(ko);
  });
  test('what is no time is shown as it is', () => {
    expect(relativeTime('soon', now, 'en')).toBe('soon');
    expect(absoluteTime('soon', 'en')).toBe('soon');
  });
});

test('a stamp is local and to the second', () => {
  expect(timeStamp('2026-03-01T15:04:05.678Z', 'Asia/Seoul')).toBe('2026-03-02 00:04:05');
  expect(timeStamp('soon')).toBe('soon');
});

test('absolute times name the zone', () => {
  expect(absoluteTime('2026-03-01T12:00:00Z', 'en', 'Asia/Seoul')).toMatch(/Mar 1, 2026.*9:00:00.*GMT\+9/);
  expect(absoluteTime('2026-03-01T12:00:00Z', 'ko', 'Asia/Seoul')).toMatch(/2026.*9시 0분 0초/);
});

test.each([
  [5, '5s'],
  [119, '119s'],
  [150, '2m30s'],
  [1800, '30m'],
  [3 * 3600 + 600, '3h10m'],
  [30 * 3600, '30h'],
  [3 * 86_400 + 7200, '3d2h'],
  [40 * 86_400, '40d'],
])('a Pod %d s old is %s', (seconds, text) => expect(age(at(-seconds), now, 'en')).toBe(text));

test.each([
  [143, '2분 23초'],
  [59, '59초'],
  [7 * 3600 + 60, '7시간 1분'],
  [3 * 86_400, '3일'],
])('a Pod %d s old is %s in Korean', (seconds, text) => expect(age(at(-seconds), now, 'ko')).toBe(text));

test.each([
  [28_800, '8 hr', '8시간'],
  [27_600, '7 hr 40 min', '7시간 40분'],
  [90, '1 min', '1분'],
  [-3, '0 sec', '0초'],
])('a span of %d s', (seconds, en, ko) => {
  expect(span(seconds, 'en')).toBe(en);
  expect(span(seconds, 'ko')).toBe(ko);
});

test('sizes and ids', () => {
  expect(bytes(18_400_000, 'en')).toBe('18 MB');
  expect(bytes(1500, 'en')).toBe('1.5 kB');
  expect(middle('abcdefghijklmnop', 9)).toBe('abcd…mnop');
  expect(middle('short', 9)).toBe('short');
});
