// The keys that sign links: one signs for a day, and checks for as long as its links may live. Two hubs share them, and
// are stopped and started as they grow old. No test waits for a day: it is the keys that are made older in the store.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { entitle, makeNamespace, makePods } from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { refusedAtFirstGate } from '../support/refusals.mjs';

const hours = (count) => `${count * 3600} * 1000000::bigint`;
let namespace;
let hubs;
let first;
let second;
let bob;
const pod = () => ({ namespace: namespace.name, pod: 'web', expires_in_s: 3600 });
const keyOf = (link) => link.secret.split('.')[1];
const restart = async (hub) => {
  await hub.stop();
  await hub.start();
};

before(async () => {
  namespace = await makeNamespace('keys');
  await makePods(namespace.name, 'web');
  await entitle(namespace.name, 'sallyport:bob');
  hubs = await startHubs({ store: 'postgres', count: 2 });
  [first, second] = hubs.hubs;
  bob = await first.signIn('bob');
});
after(async () => {
  await hubs?.stop();
  await namespace?.remove();
});

test('a new key signs after a day, and what the old one signed holds on; a retired one opens nothing', async () => {
  const old = [await bob.mint(pod()), await bob.mint(pod()), await bob.mint(pod())];
  assert.equal(new Set(old.map(keyOf)).size, 1, 'one key signs');
  await restart(first);
  assert.equal(keyOf(await bob.mint(pod())), keyOf(old[0]), 'a restart alone makes no new key');

  await hubs.postgres.sql(`UPDATE link_keys SET created_at = created_at - ${hours(24)}`);
  await restart(first);
  const fresh = await bob.mint(pod());
  assert.notEqual(keyOf(fresh), keyOf(old[0]), 'the next day has its own');
  assert.equal(await hubs.postgres.sql('SELECT count(*) FROM link_keys'), '2');
  // The hub that made the new key knows the old one, and the other, which has not read it yet, looks for it.
  const entered = await bob.validate(old[0].secret);
  assert.equal(entered.status, 200, entered.text);
  assert.equal((await bob.at(second).validate(fresh.secret)).status, 200);
  const terminal = await bob.at(second).connect(entered.body.ticket);
  await terminal.ready();
  terminal.close();

  // The name of one key over the seal of the other, and a key that nobody made.
  const renamed = (link, key) => link.secret.replace(`.${keyOf(link)}.`, `.${key}.`);
  for (const hub of [first, second]) {
    refusedAtFirstGate(await bob.at(hub).validate(renamed(old[1], keyOf(fresh))), 403, 'link_signature');
    refusedAtFirstGate(await bob.at(hub).validate(renamed(old[1], '00000000')), 403, 'link_key_unknown');
    assert.equal((await bob.at(hub).validate(old[1].secret)).status, 200);
  }

  await hubs.postgres.sql(`UPDATE link_keys SET created_at = created_at - ${hours(25)} WHERE kid = '${keyOf(old[0])}'`);
  await Promise.all([restart(first), restart(second)]);
  for (const hub of [first, second]) {
    refusedAtFirstGate(await bob.at(hub).validate(old[2].secret), 403, 'link_key_unknown');
    assert.equal((await bob.at(hub).validate((await bob.mint(pod())).secret)).status, 200);
  }
  const alice = await first.signIn('alice');
  const records = (await alice.get('/api/v1/audit?action=terminal.validate&outcome=denied&limit=50')).body.items;
  const reasons = records.map((each) => each.reason);
  assert.equal(reasons.filter((each) => each === 'link_key_unknown').length, 4, reasons.join(', '));
  assert.equal(reasons.filter((each) => each === 'link_signature').length, 2, reasons.join(', '));
});
