// Who a person is to the API server: whatever a signed-in browser says of identities beside its cookie, each request
// that reaches the cluster is the one that an honest browser's would have been, or there is none.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openWindowOnApiServer } from '../support/api_server.mjs';
import { entitle, makeNamespace, makePods, withdraw } from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { refusedAtFirstGate, refusedAtSecondGate } from '../support/refusals.mjs';
import { until } from '../support/until.mjs';

let namespace;
let folder;
let apiServer;
let hubs;
let bob;
const pod = () => ({ namespace: namespace.name, pod: 'web' });

before(async () => {
  namespace = await makeNamespace('identity');
  await makePods(namespace.name, 'web');
  await entitle(namespace.name, 'sallyport:bob');
  folder = mkdtempSync(join(tmpdir(), 'sallyport-identity-'));
  apiServer = await openWindowOnApiServer(folder);
  hubs = await startHubs({ access: apiServer.access });
  bob = await hubs.hub.signIn('bob');
});
after(async () => {
  await hubs?.stop();
  await apiServer?.stop();
  if (folder) rmSync(folder, { recursive: true });
  await namespace?.remove();
});

const administrator = { 'Impersonate-User': 'kubernetes-admin', 'Impersonate-Group': 'system:masters' };
const remote = {
  'X-Remote-User': 'kubernetes-admin',
  'X-Remote-Group': 'system:masters',
  'X-Remote-Extra-Scopes': 'all',
};
// `Connection` is what it is about: a proxy that heeds it drops the headers named there, which may be its own.
const forgeries = [
  ['Impersonate-User', { 'Impersonate-User': 'kubernetes-admin' }],
  ['Impersonate-Group', { 'Impersonate-Group': 'system:masters' }],
  [
    'Impersonate-User, -Group, -Uid and -Extra',
    { ...administrator, 'Impersonate-Uid': '0', 'Impersonate-Extra-A': 'b' },
  ],
  ['the own name twice', { 'Impersonate-User': ['sallyport:bob', 'kubernetes-admin'] }],
  ['Impersonate-User, named in Connection', administrator, 'Impersonate-User, Impersonate-Group'],
  ['Connection that names what the hub itself sends', {}, 'Impersonate-User, Impersonate-Group, Authorization, Cookie'],
  ['X-Remote-User', remote],
  ['X-Remote-User, named in Connection', remote, 'X-Remote-User, X-Remote-Group'],
  ['a bearer token', { Authorization: 'Bearer kubernetes-admin' }],
  ['all of it', { ...administrator, ...remote }, 'Impersonate-User, Impersonate-Group, X-Remote-User'],
];

/** Each identity of some requests once: how many there are is the hub's affair. */
const named = (requests) => [...new Set(requests.map((each) => each.identity.join(', ')))];

/** What the API server was asked on account of one act, as far as it tells who asked. */
function seen() {
  const requests = apiServer.look();
  const reviews = requests.filter((each) => each.path.endsWith('/subjectaccessreviews'));
  const entered = requests.filter((each) => each.path.endsWith('/exec'));
  const read = requests.filter((each) => each.path.includes(`/namespaces/${namespace.name}/pods/`));
  return {
    reviewed: [...new Set(reviews.map((each) => JSON.stringify(JSON.parse(each.body).spec)))].sort(),
    entered: named(entered),
    read: named(read),
    all: requests.flatMap((each) => each.identity),
  };
}

/** Both gates with what is forged in each request, and the terminal behind them. */
async function through(headers, inConnection) {
  const link = await bob.mint(pod());
  apiServer.look();
  const connection = (usual) => ({ ...headers, Connection: inConnection ? `${usual}, ${inConnection}` : usual });
  const passage = await bob.validate(link.secret, connection('close'));
  assert.equal(passage.status, 200, passage.text);
  const terminal = await bob.connect(passage.body.ticket, { headers: connection('Upgrade') });
  assert.equal(terminal.status, 101, terminal.text);
  const { user } = await terminal.ready();
  assert.match(await terminal.run('echo inside $((6 * 7))'), /inside 42/);
  terminal.close();
  await terminal.ends();
  return { user, link, passage, ...seen() };
}

let honest;
test('an honest browser is to the API server the person who signed in, and nobody else', async () => {
  honest = await through({});
  assert.equal(honest.user, 'sallyport:bob');
  // The shell, and the guardian that stands by it, are entered as one; and so is the Pod read.
  assert.equal(honest.entered.length, 1, honest.entered.join('; '));
  assert.match(honest.entered[0], /^impersonate-user: sallyport:bob(, impersonate-(group|uid|extra-[^:]*): [^,]+)*$/);
  assert.doesNotMatch(honest.entered[0], /masters/);
  assert.deepEqual(honest.read, honest.entered);
  assert.ok(honest.reviewed.length > 0);
  for (const each of honest.reviewed) assert.equal(JSON.parse(each).user, 'sallyport:bob');
});

for (const [what, headers, inConnection] of forgeries) {
  test(`a signed-in upgrade with ${what} runs as the one who signed in`, async () => {
    const forged = await through(headers, inConnection);
    assert.equal(forged.user, 'sallyport:bob');
    assert.equal(forged.passage.body.user, 'sallyport:bob');
    for (const each of ['entered', 'read', 'reviewed']) assert.deepEqual(forged[each], honest[each], each);
    const strange = forged.all.filter((each) => !honest.all.includes(each));
    assert.deepEqual(strange, [], 'the API server heard of an identity that no honest browser has');
    const alice = await hubs.hub.signIn('alice');
    const records = (await alice.get('/api/v1/audit?action=terminal.enter&limit=10')).body.items;
    const record = records.find((each) => each.detail.link === forged.link.id);
    assert.deepEqual([record?.actor, record?.outcome], ['sallyport:bob', 'allowed']);
  });
}

test('whom RBAC lets in nowhere, no forgery lets in: no link, and at neither gate', async () => {
  const carol = await hubs.hub.signIn('carol');
  for (const [what, headers, inConnection] of forgeries) {
    const connection = inConnection ? { Connection: `close, ${inConnection}` } : {};
    const answer = await carol.post('/api/v1/links', { tty: true, ...pod() }, { ...headers, ...connection });
    assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden'], what);
  }
  const [link, entering] = [await bob.mint(pod()), await bob.mint(pod())];
  const { ticket } = (await bob.validate(entering.secret)).body;
  await withdraw(namespace.name);
  try {
    await until('the right to be gone', async () => (await bob.post('/api/v1/links', pod())).status === 403);
    apiServer.look();
    const [, headers, inConnection] = forgeries.at(-1);
    const first = await bob.validate(link.secret, { ...headers, Connection: `close, ${inConnection}` });
    refusedAtFirstGate(first, 403, 'forbidden');
    const second = await bob.connect(ticket, { headers: { ...headers, Connection: `Upgrade, ${inConnection}` } });
    await refusedAtSecondGate(second, 4403, 'forbidden');
    assert.deepEqual(seen().entered, []);
  } finally {
    await entitle(namespace.name, 'sallyport:bob');
  }
});
