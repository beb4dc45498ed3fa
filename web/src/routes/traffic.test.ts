import { describe, expect, test, vi } from 'vitest';
import type { TrafficUnit } from '../api/contract';
import type { FeedHandlers } from '../api/events';
import { ApiProblem, ownProblem } from '../api/problem';
import { causeText } from '../i18n/causes';
import { causesEn } from '../i18n/causes-en';
import { causesKo } from '../i18n/causes-ko';
import { hexBytesMax, hexDump, hexOf } from '../ui/hex';
import { TrafficFeed } from './trafficFeed';
import {
  about,
  accountKey,
  causeTone,
  comparison,
  decryptionTone,
  evidenceKey,
  latency,
  micros,
  microTime,
  narrowed,
  omissionKey,
  rightText,
  roleFile,
} from './trafficView';
import { parseTrafficSearch } from './urlState';

const unit = (number: number, change: Partial<TrafficUnit> = {}): TrafficUnit => ({
  number,
  time: '2026-03-01T12:00:00.000042Z',
  connection: 1,
  side: 'server',
  source: '10.0.0.1:6443',
  destination: '10.0.0.9:40112',
  protocol: 'HTTP/2',
  length: 20,
  info: 'HEADERS[1]: 200 OK',
  ...change,
});
const units = (...numbers: number[]) => numbers.map((number) => unit(number));
const numbers = (feed: TrafficFeed) => feed.get().units.map((each) => each.number);

describe('the traffic feed', () => {
  const open = () => {
    const opened: string[] = [];
    const feed = new TrafficFeed('status >= 400', (url) => {
      opened.push(url);
      return () => opened.push('closed');
    });
    return { feed, opened };
  };
  test('follows with its filter while somebody listens', () => {
    const { feed, opened } = open();
    feed.subscribe(() => undefined)();
    expect(opened).toEqual(['/api/v1/traffic/live?filter=status+%3E%3D+400', 'closed']);
  });
  test('what is new comes on top, older pages below, and a snapshot replaces both', () => {
    const { feed } = open();
    feed.hear('snapshot', { items: units(9, 8), next_before: 8, newest: 9 });
    feed.hear('units', { items: units(11, 10), newest: 11 });
    feed.older(8, { items: units(7, 5), next_before: 5, newest: 11 });
    expect(numbers(feed)).toEqual([11, 10, 9, 8, 7, 5]);
    expect(feed.get()).toMatchObject({ state: 'live', nextBefore: 5 });
    feed.hear('stale', {});
    expect(feed.get()).toMatchObject({ state: 'stale', trouble: { kind: 'store' } });
    expect(numbers(feed).length).toBe(6);
    feed.hear('snapshot', { items: units(700), newest: 700 });
    expect(numbers(feed)).toEqual([700]);
    expect(feed.get().trouble).toBeUndefined();
    expect(feed.get().nextBefore).toBeUndefined();
  });
  test('a page that was asked for before the snapshot is not mixed into it', () => {
    const { feed } = open();
    feed.hear('snapshot', { items: units(9), next_before: 9, newest: 9 });
    feed.hear('snapshot', { items: units(99), next_before: 99, newest: 99 });
    feed.older(9, { items: units(8), next_before: 8, newest: 9 });
    expect(numbers(feed)).toEqual([99]);
  });
  test('a store that does not answer at first is told, and is no empty list', () => {
    const { feed } = open();
    feed.hear('stale', {});
    expect(feed.get()).toMatchObject({ state: 'starting', trouble: { kind: 'store' } });
  });
  test('a refused stream says why until it stands, and one that only broke does not', async () => {
    const problem = new ApiProblem({ ...ownProblem('unexpected_answer', '', 429), code: 'too_many_watches' });
    const answers = [problem, undefined];
    let handlers: FeedHandlers | undefined;
    const feed = new TrafficFeed(
      undefined,
      (_url, _names, given) => {
        handlers = given;
        return () => undefined;
      },
      async () => answers.shift(),
    );
    feed.subscribe(() => undefined);
    handlers?.onState('stale');
    handlers?.onRefused?.();
    await vi.waitFor(() => expect(feed.get().trouble).toEqual({ kind: 'refused', error: problem }));
    expect(feed.get().state).toBe('starting');
    feed.hear('snapshot', { items: units(1), newest: 1 });
    expect(feed.get()).toMatchObject({ state: 'live', trouble: undefined });
    handlers?.onState('stale');
    handlers?.onRefused?.();
    await vi.waitFor(() => expect(answers).toEqual([]));
    expect(feed.get()).toMatchObject({ state: 'stale', trouble: undefined });
  });
  test('does not grow for ever, and what fell off can be fetched again', () => {
    const { feed } = open();
    const many = Array.from({ length: 20_000 }, (_, index) => unit(20_000 - index));
    feed.hear('snapshot', { items: many, newest: 20_000 });
    feed.hear('units', { items: units(20_001), newest: 20_001 });
    expect(feed.get().units.length).toBe(20_000);
    expect(feed.get().nextBefore).toBe(2);
  });
});

test('a time keeps its microseconds', () => {
  expect(microTime('2026-03-01T12:34:56.000042Z')).toMatch(/:\d\d:56\.000042$/);
  expect(microTime('2026-03-01T12:34:56Z')).toMatch(/:56\.000000$/);
  expect(microTime('never')).toBe('never');
  expect(micros('2026-03-01T00:00:01.000042Z') - micros('2026-03-01T00:00:00.999Z')).toBe(1042);
});

test.each([
  [{ verb: 'list', resource: 'pods', namespace: 'shop' }, 'list pods shop'],
  [{ verb: 'get', resource: 'pods', subresource: 'log', namespace: 'shop', name: 'web-1' }, 'get pods/log shop/web-1'],
  [{ verb: 'get', path: '/readyz' }, 'get /readyz'],
  [{}, ''],
])('%j is about «%s»', (change, words) => expect(about(unit(1, change))).toBe(words));

test.each([
  ['alice', 'user == alice'],
  ['system:node:n-1', 'user == system:node:n-1'],
  ['two words', 'user == "two words"'],
  ['the "x"', `user == 'the "x"'`],
  [`'"`, undefined],
  ['', 'user == ""'],
])('the filter for %s is %s', (value, filter) => expect(comparison('user', value)).toBe(filter));

test.each([
  [undefined, 'a == 1', 'a == 1'],
  ['  ', 'a == 1', 'a == 1'],
  ['b == 2', 'a == 1', 'b == 2 and a == 1'],
  ['b == 2 or c == 3', 'a == 1', '(b == 2 or c == 3) and a == 1'],
])('%s and %s make %s', (filter, more, all) => expect(narrowed(filter, more)).toBe(all));

test.each([
  [240, '0.24 ms'],
  [31_200_000, '31.2 sec'],
])('%d µs are %s', (us, text) => expect(latency(us, 'en')).toBe(text));

test('states and reasons of a newer hub still read', () => {
  expect(decryptionTone('brand_new')).toBe('bad');
  expect(omissionKey('brand_new')).toBe('traffic.omitted.undecoded');
  expect(omissionKey('secret')).toBe('traffic.omitted.secret');
  expect(accountKey('brand_new')).toBeUndefined();
  expect(accountKey('no_key')).toBe('traffic.account.no_key');
});

test.each([
  [{ verb: 'get', group: '', resource: 'pods/log' }, 'get pods/log'],
  [
    { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', name: 'x' },
    'update leases.coordination.k8s.io x',
  ],
  [{ verb: 'get', group: '', resource: '/metrics' }, 'get /metrics'],
])('%j reads as «%s»', (right, words) => expect(rightText(right)).toBe(words));

test.each([
  ['system:serviceaccount:shop:web', 'role-shop-web.yaml'],
  ['../../etc/passwd', 'role-etc-passwd.yaml'],
  ['김철수', 'role-observed.yaml'],
])('the role of %s is saved as %s', (user, name) => expect(roleFile(user)).toBe(name));

test('causes and evidence of a newer hub still read', () => {
  expect(causeText('brand_new', 'ko')).toBe(causesKo.other);
  expect(causeText('toString', 'en')).toBe(causesEn.other);
  expect(causeText('rbac_denied', 'en')).toBe(causesEn.rbac_denied);
  expect(evidenceKey('brand_new')).toBe('posture.evidence');
  expect(evidenceKey('user')).toBe('traffic.evidence.user');
});

test.each([
  ['object_not_found', 'calm'],
  ['rbac_denied', 'warn'],
  ['webhook_denied', 'warn'],
  ['webhook_timeout', 'bad'],
  ['etcd_full', 'bad'],
])('%s is %s', (cause, tone) => expect(causeTone(cause)).toBe(tone));

test('bytes read as others write them', () =>
  expect(hexDump(new TextEncoder().encode('{"kind":"파드"}\n'))).toBe(
    '000000  7b 22 6b 69 6e 64 22 3a  22 ed 8c 8c eb 93 9c 22  {"kind":"......"\n' +
      '000010  7d 0a                                             }.',
  ));

test.each([
  ['a'.repeat(hexBytesMax), false],
  ['a'.repeat(hexBytesMax + 1), true],
  // Three bytes each: fewer characters than the bound, but more bytes.
  ['파'.repeat(hexBytesMax / 3 + 1), true],
  [`${'a'.repeat(hexBytesMax - 1)}😀`, true],
])('bytes are counted, not characters (%#)', (text, isCut) => {
  const { dump, isCut: told } = hexOf(text);
  expect(told).toBe(isCut);
  expect(dump.split('\n').length).toBe(hexBytesMax / 16);
  const last = new TextEncoder().encode(text)[hexBytesMax - 1]?.toString(16).padStart(2, '0');
  expect(dump.split('\n').at(-1)?.slice(8, 56).trimEnd().slice(-2)).toBe(last);
});

test('the URL of the Traffic room is read leniently', () => {
  const whole = { q: 'status >= 400', unit: 7, view: 'connections', span: 60, state: 'no_key', connection: 9 };
  expect(parseTrafficSearch(whole)).toEqual(whole);
  const role = { view: 'role', user: 'system:serviceaccount:shop:web', names: false };
  expect(parseTrafficSearch(role)).toEqual(role);
  expect(parseTrafficSearch({ view: 'role', user: '', names: true })).toEqual({ view: 'role' });
  expect(parseTrafficSearch({ unit: -1, view: 'x', span: 7, q: { a: 1 } })).toEqual({});
  expect(parseTrafficSearch({ unit: '7', connection: 0 })).toEqual({});
  expect(parseTrafficSearch({ q: 'x'.repeat(5000) }).q?.length).toBe(1000);
});
