import { defaultParseSearch, defaultStringifySearch } from '@tanstack/react-router';
import { describe, expect, test } from 'vitest';
import type { Pod, Workspace } from '../api/contract';
import { translator } from '../i18n';
import { isAccountName } from './accountName';
import { nameRefused } from './nameRefused';
import { PodFeed } from './podFeed';
import { statusWord } from './podStatus';
import { filterPods, sortPods, valuesOf } from './podsView';
import { safeReturn } from './safeReturn';
import { parseAuditSearch, parseLinkSearch, parsePodSearch } from './urlState';
import { userMeant } from './userMeant';
import { shownSteps } from './workspaceSteps';

describe('URL state', () => {
  const through = (search: object) => defaultParseSearch(defaultStringifySearch(search));
  test.each([
    {
      q: 'web app=shop',
      cluster: 'demo',
      namespace: 'kube-system',
      phase: 'Running',
      sort: 'age' as const,
      desc: true,
    },
    { q: '12345' },
    { q: 'true' },
    { q: '한글 & =?#' },
    {},
  ])('Pods: %j comes back as it went', (search) =>
    expect(parsePodSearch(through(search))).toEqual(parsePodSearch(search)),
  );
  test('audit and links come back as they went', () => {
    const audit = { actor: 'mina', action: 'link.mint', outcome: 'denied' as const, q: 'x' };
    expect(parseAuditSearch(through(audit))).toEqual(audit);
    const links = { user: 'joon', state: 'revoked' as const };
    expect(parseLinkSearch(through(links))).toEqual(links);
  });
  test('what a URL may not say falls back', () => {
    expect(parsePodSearch({ sort: '__proto__', desc: 'yes', q: { a: 1 }, phase: [] })).toEqual({});
    expect(parseAuditSearch({ outcome: 'maybe' })).toEqual({});
    expect(parseLinkSearch({ state: 7 })).toEqual({});
    expect(parsePodSearch({ q: 'x'.repeat(10_000) }).q?.length).toBe(200);
  });
});

describe('whose links a filter means', () => {
  const accounts = [{ name: 'bob', kubernetes_user: 'sallyport:bob' }];
  test.each([
    ['bob', [], 'sallyport:bob', true],
    [' bob ', [], 'sallyport:bob', true],
    ['sallyport:bob', [], 'sallyport:bob', true],
    // Came in with a token of that very name: another person than the account's.
    ['bob', ['bob'], 'bob', true],
    ['oidc:kim', ['oidc:kim'], 'oidc:kim', true],
    ['bo', ['bob'], 'bo', false],
    ['Bob', [], 'Bob', false],
    ['*', ['bob'], '*', false],
  ])('%j among %j is %j, known: %j', (typed, users, user, isKnown) =>
    expect(userMeant(typed, accounts, users)).toEqual({ user, isKnown }),
  );
});

describe('a workspace refused for its name', () => {
  test.each([
    ['bad_request', '`name`: use at most 40 characters', { said: '`name`: use at most 40 characters' }],
    ['bad_request', '`cluster`: no', null],
    ['conflict', 'you have a workspace called `web`', { taken: 'web' }],
    ['conflict', 'namespace `ws-a` in cluster `c` is being deleted', null],
    ['quota_person', 'you have 5 of 5', null],
  ])('%s, %j', (code, detail, told) => expect(nameRefused({ code, detail }, 'web')).toEqual(told));
});

describe('the way back', () => {
  test.each(['/', '/pods?q=web', '/terminal?x=//evil.com', '/pods?q=a\\b', '/한글?q=밥#여기', '/%09/evil.com'])(
    '%j is one',
    (path) => expect(safeReturn(path)).toBe(path),
  );
  test.each([
    undefined,
    '',
    'pods',
    './pods',
    '//evil.com',
    '///evil.com',
    '/\\evil.com',
    '/\\/evil.com',
    '\\\\evil.com',
    // Browsers take tabs and line breaks out of an address, and blanks and control characters off its ends.
    '/\t/evil.com',
    '/\n/evil.com',
    '/\r\\evil.com',
    '\t//evil.com',
    ' //evil.com',
    '\u0000//evil.com',
    '/\u0000/evil.com',
    '/\u0085/evil.com',
    '/pods\n',
    'https://evil.com',
    'https:evil.com',
    'evil.com',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    'blob:https://hub.example/x',
    '/sign-in',
    '/sign-in?return=/x',
    '/invitation#inv_x',
  ])('%j is none', (path) => expect(safeReturn(path)).toBe('/'));
  test.each(['/.//evil.com', '/..//evil.com', '/@evil.com', '/:80', '/pods/../..//evil.com', '/%2f/evil.com'])(
    '%j stays with the hub',
    (path) => expect(new URL(safeReturn(path), 'https://hub.example').origin).toBe('https://hub.example'),
  );
});

test.each([
  ['a', true],
  ['bob-2', true],
  ['0'.repeat(63), true],
  ['0'.repeat(64), false],
  ['kim.bob', false],
  ['-bob', false],
  ['bob-', false],
  ['Bob', false],
  ['밥', false],
  ['', false],
])('the account name «%s» is allowed: %s', (name, allowed) => expect(isAccountName(name)).toBe(allowed));

test.each([
  ['en', 'Running', 'Running'],
  ['ko', 'Running', '실행 중'],
  ['ko', 'CrashLoopBackOff', 'CrashLoopBackOff'],
] as const)('in %s the status %s reads %s', (lang, status, word) =>
  expect(statusWord(translator(lang), status)).toBe(word),
);

describe('the steps of a workspace', () => {
  const steps = (...kinds: Workspace['steps'][number]['kind'][]) =>
    kinds.map((kind) => ({ kind, at: '', message: { en: kind, ko: kind }, detail: '' }));
  const kinds = (state: Workspace['state'], ...given: Workspace['steps'][number]['kind'][]) =>
    shownSteps({ state, steps: steps(...given) }).map((step) => step.kind);
  test('the end of a process that was told to stop is no failure', () =>
    expect(kinds('deleting', 'started', 'deleting', 'failed')).toEqual(['started', 'deleting']));
  test('a failure before the deletion stays, and so does one without any', () => {
    expect(kinds('deleting', 'failed', 'deleting')).toEqual(['failed', 'deleting']);
    expect(kinds('failed', 'deleting', 'failed')).toEqual(['deleting', 'failed']);
  });
});

const pod = (name: string, change: Partial<Pod> = {}): Pod => ({
  cluster: 'demo',
  namespace: 'shop',
  name,
  uid: name,
  phase: 'Running',
  reason: 'Running',
  ready: '1/1',
  restarts: 0,
  created_at: '2026-03-01T12:00:00Z',
  labels: { app: name },
  containers: [{ name: 'main', image: 'nginx:1', state: 'running', ready: true, tty: false, kind: 'container' }],
  ...change,
});

describe('the Pods shown', () => {
  const pods = [
    pod('web-10', { restarts: 3, created_at: '2026-03-01T10:00:00Z' }),
    pod('web-9', { namespace: 'batch', reason: 'CrashLoopBackOff' }),
    pod('api-1', { cluster: 'other', phase: 'Pending', node: 'node-7' }),
  ];
  const names = (list: readonly Pod[]) => list.map((each) => each.name);
  test.each([
    [{ q: 'web' }, ['web-10', 'web-9']],
    [{ q: 'NODE-7' }, ['api-1']],
    [{ q: 'app=web-9 crash' }, ['web-9']],
    [{ q: 'nginx', namespace: 'shop' }, ['web-10', 'api-1']],
    [{ phase: 'Pending', cluster: 'other' }, ['api-1']],
    [{ q: 'nobody' }, []],
  ])('%j', (search, shown) => expect(names(filterPods(pods, search))).toEqual(shown));
  test('sort by name reads numbers as numbers', () =>
    expect(names(sortPods(pods, 'name'))).toEqual(['api-1', 'web-9', 'web-10']));
  test('the youngest first by age, the other way round on demand', () => {
    expect(names(sortPods(pods, 'age')).at(-1)).toBe('web-10');
    expect(names(sortPods(pods, 'age', true))[0]).toBe('web-10');
  });
  test('filters offer what is there', () => expect(valuesOf(pods, 'namespace')).toEqual(['batch', 'shop']));
});

describe('the Pod feed', () => {
  test('a snapshot replaces, changes gather, a stale one stays readable', async () => {
    const feed = new PodFeed(() => () => undefined);
    const stop = feed.subscribe(() => undefined);
    expect(feed.get().state).toBe('starting');
    feed.hear('snapshot', { items: [pod('a'), pod('b')] });
    expect(feed.get()).toMatchObject({ state: 'live' });
    feed.hear('change', { kind: 'deleted', pod: pod('a') });
    feed.hear('change', { kind: 'applied', pod: pod('c') });
    expect(feed.get().pods.length).toBe(2);
    await expect.poll(() => feed.get().pods.map((each) => each.name)).toEqual(['b', 'c']);
    const why = { reason: 'cluster_silent', cluster: 'two', detail: 'cluster `two` does not answer' };
    feed.hear('stale', why);
    expect(feed.get()).toMatchObject({ state: 'stale', why });
    expect(feed.get().pods.length).toBe(2);
    feed.hear('snapshot', { items: [pod('d')] });
    expect(feed.get().pods.map((each) => each.name)).toEqual(['d']);
    stop();
    feed.stop();
  });
});
