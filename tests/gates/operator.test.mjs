// `sallyport admin user` at the hub's machine, and what a hub that runs makes of it: another process changes the store,
// and whoever is signed in, or sits at a terminal, feels it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { entitle, makeNamespace, makePods } from '../support/cluster.mjs';
import { password, startHubs } from '../support/hub.mjs';
import { Person, secretsGiven } from '../support/person.mjs';
import { refusedAtFirstGate } from '../support/refusals.mjs';
import { until } from '../support/until.mjs';

let namespace;
before(async () => {
  namespace = await makeNamespace('operator');
  await makePods(namespace.name, 'web');
  await entitle(namespace.name, 'sallyport:bob', 'sallyport:carol');
});
after(() => namespace?.remove());

for (const [store, count] of [
  ['sqlite', 1],
  ['postgres', 2],
]) {
  describe(count === 1 ? 'one hub on SQLite' : 'two hubs on PostgreSQL', () => {
    let hubs;
    let carol;
    let witness;
    const pod = () => ({ namespace: namespace.name, pod: 'web' });
    const tell = (...words) => hubs.hub.admin(['admin', 'user', ...words]);
    const trySignIn = (username, secret) =>
      new Person(hubs.hub).post('/api/v1/sign-in/password', { username, password: secret });
    /** Bob in two browsers, at a terminal of the last hub in each. */
    const bobTwice = async (secret = password) => {
      const browsers = [await hubs.hub.signIn('bob', secret), await hubs.hub.signIn('bob', secret)];
      const terminals = await Promise.all(browsers.map((each) => each.at(hubs.hubs.at(-1)).enter(pod())));
      return { browsers, terminals };
    };
    /** Neither browser is signed in, and both terminals ended within two seconds; others felt nothing. */
    const isOut = async ({ browsers, terminals }) => {
      for (const each of terminals) assert.equal((await each.ends(2)).code, 4401);
      for (const each of browsers) {
        for (const hub of hubs.hubs) assert.equal((await each.at(hub).get('/api/v1/me')).status, 401);
        assert.equal((await each.post('/api/v1/links', { tty: true, ...pod() })).status, 401);
      }
      assert.equal((await carol.get('/api/v1/me')).status, 200);
      assert.match(await witness.run('echo here $((6 * 7))'), /here 42/);
    };

    before(async () => {
      hubs = await startHubs({ store, count });
      carol = await hubs.hub.signIn('carol');
      witness = await carol.at(hubs.hubs.at(-1)).enter(pod());
    });
    after(async () => {
      witness?.close();
      await hubs?.stop();
    });

    test('disable ends everything of a person and lets nobody in by the name, enable lets in again', async () => {
      const inside = await bobTwice();
      const link = await inside.browsers[0].mint(pod());
      assert.match(await tell('disable', 'bob'), /`bob` is disabled/);
      await isOut(inside);
      // The reason, and not merely that the sign-in or the link was ended with it.
      for (const each of inside.terminals) assert.equal(each.message('denied').problem.code, 'account_disabled');
      const refused = await trySignIn('bob', password);
      assert.deepEqual([refused.status, refused.body.code], [403, 'account_disabled']);
      assert.equal(refused.headers['set-cookie'], undefined);
      // To whoever does not have the password the account is like any other.
      const guessed = await trySignIn('bob', 'not the password 12');
      assert.deepEqual([guessed.status, guessed.body.code], [401, 'wrong_credentials']);

      assert.match(await tell('enable', 'bob'), /`bob` is enabled/);
      // What was ended stays ended.
      await isOut(inside);
      const bob = await hubs.hub.signIn('bob');
      refusedAtFirstGate(await bob.validate(link.secret), 410, 'link_revoked');
      const terminal = await bob.at(hubs.hubs.at(-1)).enter(pod());
      terminal.close();
      await terminal.ends();
    });

    test('passwd ends the sign-ins of before, takes the new password and refuses the old', async () => {
      const inside = await bobTwice();
      const other = 'quite another pass phrase 4410';
      secretsGiven.add(other);
      const said = await hubs.hub.admin(['admin', 'user', 'passwd', 'bob'], `${other}\n`);
      assert.match(said, /password of `bob` is set/);
      assert.ok(!said.includes(other), said);
      await isOut(inside);
      const { terminals } = await bobTwice(other);
      const refused = await trySignIn('bob', password);
      assert.deepEqual([refused.status, refused.body.code], [401, 'wrong_credentials']);
      for (const each of terminals) assert.match(await each.run('echo still $((6 * 7))'), /still 42/);
      for (const each of terminals) each.close();

      // One that is too weak changes nothing.
      await assert.rejects(hubs.hub.admin(['admin', 'user', 'passwd', 'bob'], 'bob\n'), /password/);
      await hubs.hub.signIn('bob', other);
      await hubs.hub.admin(['admin', 'user', 'passwd', 'bob'], `${password}\n`);
    });

    test('sign-out ends all browsers and terminals of a person, who may sign in again', async () => {
      const inside = await bobTwice();
      assert.match(await tell('sign-out', 'bob'), /^[2-9]\d* sign-in\(s\) of `bob` ended/);
      await isOut(inside);
      const bob = await hubs.hub.signIn('bob');
      assert.equal((await bob.get('/api/v1/me')).status, 200);
      assert.match(await tell('sign-out', 'bob'), /^1 sign-in\(s\) of `bob` ended/);
      assert.match(await tell('sign-out', 'bob'), /^0 sign-in\(s\) of `bob` ended/);
      assert.equal((await bob.get('/api/v1/me')).status, 401);
    });

    test('a name that nobody has is told, and each act is on record as the operator’s', async () => {
      for (const words of [['disable'], ['enable'], ['sign-out']]) {
        await assert.rejects(tell(...words, 'nobody'), /there is no account `nobody`/);
      }
      await assert.rejects(
        hubs.hub.admin(['admin', 'user', 'passwd', 'nobody'], `${password}\n`),
        /there is no account `nobody`/,
      );
      const alice = await hubs.hub.signIn('alice');
      for (const action of ['account.disable', 'account.enable', 'account.password', 'account.sign_out']) {
        const { items } = (await alice.get(`/api/v1/audit?action=${action}&limit=50`)).body;
        for (const [object, outcome] of [
          ['bob', 'allowed'],
          ['nobody', 'denied'],
        ]) {
          const record = items.find((each) => each.object === object && each.outcome === outcome);
          assert.match(record?.actor ?? '', /^operator:/, `${action} of ${object}`);
          assert.equal(record.source, 'command line');
        }
      }
      await until('the whole log to be read', async () => (await alice.get('/api/v1/audit/verify')).body.intact);
    });
  });
}
