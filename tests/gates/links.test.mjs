// Every wrong link and ticket that we could think of, tried on a real cluster: on SQLite, and on two hubs over
// one PostgreSQL, where the first gate is passed at one hub and the second at the other.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  apply,
  entitle,
  entitleTo,
  kubectl,
  makeNamespace,
  makePods,
  podManifest,
  withdraw,
} from '../support/cluster.mjs';
import { password, startHubs } from '../support/hub.mjs';
import { Person } from '../support/person.mjs';
import { endedWith, noUpgrade, refusedAtFirstGate, refusedAtSecondGate } from '../support/refusals.mjs';
import { timed, until } from '../support/until.mjs';

let namespace;
before(async () => {
  namespace = await makeNamespace('gates');
  await makePods(namespace.name, 'web', 'other', 'shortlived');
  await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
});
after(() => namespace?.remove());

for (const [store, count] of [
  ['sqlite', 1],
  ['postgres', 2],
]) {
  describe(`${count === 1 ? 'one hub on SQLite' : 'two hubs on PostgreSQL'}`, () => {
    let hubs;
    let alice;
    let bob;
    let aliceThere;
    const pod = (name = 'web', more = {}) => ({ namespace: namespace.name, pod: name, container: 'shell', ...more });
    const passed = async (person = alice, wish = pod()) => {
      const link = await person.mint(wish);
      const passage = await person.validate(link.secret);
      assert.equal(passage.status, 200, passage.text);
      return { link, ...passage.body };
    };

    before(async () => {
      // Room for all 100 racers, so that it is the ticket that refuses them and not the limit of terminals.
      const settings = { 'terminals.recheck_s': '1', 'terminals.per_person_max': '200' };
      hubs = await startHubs({ store, count, settings });
      const first = hubs.hubs[0];
      const last = hubs.hubs.at(-1);
      alice = await first.signIn('alice');
      bob = await first.signIn('bob');
      aliceThere = alice.at(last);
    });
    after(() => hubs?.stop());

    test('both gates in order lead into the Pod', async () => {
      const { ticket, pod_uid: uid, image, command, tty, user } = await passed();
      assert.match(uid, /^[0-9a-f-]{36}$/);
      assert.deepEqual([image, command, tty, user], ['sallyport.test/shell:1', [], true, 'sallyport:alice']);
      const terminal = await aliceThere.connect(ticket);
      await terminal.ready();
      assert.match(await terminal.run('hostname'), /web/);
      terminal.close();
      await terminal.ends();
    });

    test('the exit code of the shell comes back', async () => {
      const terminal = await alice.enter(pod());
      await terminal.run('true');
      terminal.type('exit 7\n');
      assert.deepEqual(await terminal.ends(), { code: 1000, reason: terminal.closed.reason });
      assert.equal(terminal.message('exit').code, 7);
    });

    test('a link that was shortened, lengthened or has a bit flipped', async () => {
      const { secret } = await alice.mint(pod());
      for (const cut of [0, 1, 4, 10, Math.floor(secret.length / 2), secret.length - 1]) {
        const answer = await alice.validate(secret.slice(0, cut));
        assert.ok([400, 403].includes(answer.status), `${cut} letters: ${answer.status} ${answer.text}`);
        assert.ok(
          ['link_malformed', 'link_signature', 'link_key_unknown', 'bad_request'].includes(answer.body.code),
          answer.text,
        );
      }
      for (const more of ['x', '=', '.', ' ', '%00']) {
        assert.ok([400, 403].includes((await alice.validate(secret + more)).status), `with ${more}`);
      }
      // Each letter once, by the one bit that keeps it a letter of the alphabet in most cases.
      for (let at = 0; at < secret.length; at += 7) {
        const flipped = secret.slice(0, at) + String.fromCharCode(secret.charCodeAt(at) ^ 1) + secret.slice(at + 1);
        const answer = await alice.validate(flipped);
        assert.ok([400, 403].includes(answer.status), `letter ${at}: ${answer.status} ${answer.text}`);
        assert.equal(answer.body.ticket, undefined);
      }
      assert.equal((await alice.validate(secret)).status, 200, 'the link itself still holds');
    });

    test('a link re-signed by somebody else', async () => {
      const { secret } = await alice.mint(pod());
      const parts = secret.split('.');
      parts[parts.length - 1] = Buffer.alloc(Buffer.from(parts.at(-1), 'base64url').length, 7).toString('base64url');
      refusedAtFirstGate(await alice.validate(parts.join('.')), 403, 'link_signature');
    });

    test('a link that has expired, at either gate', async () => {
      // A slow machine may miss the first gate of a link of two seconds; the next one then.
      const { link, ticket } = await until('a first gate in time', async () => {
        const made = await alice.mint(pod('web', { expires_in_s: 2 }));
        const passage = await alice.validate(made.secret);
        return passage.status === 200 && { link: made, ticket: passage.body.ticket };
      });
      await until('the link to expire', async () => {
        const { items } = (await alice.get('/api/v1/links?limit=500')).body;
        return items.find((each) => each.id === link.id).state === 'expired';
      });
      refusedAtFirstGate(await alice.validate(link.secret), 410, 'link_expired');
      // A ticket lives no longer than its link, so it is the ticket that is told.
      await refusedAtSecondGate(await aliceThere.connect(ticket), 4408, 'ticket_expired');
    });

    test('a link that was revoked, at either gate', async () => {
      const { link, ticket } = await passed();
      assert.equal((await alice.delete(`/api/v1/links/${link.id}`)).status, 204);
      refusedAtFirstGate(await alice.validate(link.secret), 410, 'link_revoked');
      await refusedAtSecondGate(await aliceThere.connect(ticket), 4410, 'link_revoked');
    });

    test('a link that was used', async () => {
      const terminal = await alice.enter(pod());
      refusedAtFirstGate(await alice.validate(terminal.link.secret), 409, 'link_used');
      terminal.close();
      await terminal.ends();
      refusedAtFirstGate(await alice.validate(terminal.link.secret), 409, 'link_used');
    });

    test("another person's link", async () => {
      const { secret } = await alice.mint(pod());
      refusedAtFirstGate(await bob.validate(secret), 403, 'link_other_user');
    });

    test('a link to a Pod that one may not enter is not even made', async () => {
      const carol = await hubs.hub.signIn('carol');
      const answer = await carol.post('/api/v1/links', pod());
      assert.equal(answer.status, 403);
      assert.equal(answer.body.code, 'forbidden');
      assert.equal(answer.body.decided_by, 'kubernetes');
      const nowhere = await carol.post('/api/v1/links', pod('no-such-pod'));
      assert.equal(nowhere.body.code, 'forbidden', 'a stranger does not learn which Pods exist');
    });

    test('only administrators make links for others, and those hold for the other alone', async () => {
      const refused = await bob.post('/api/v1/links', pod('web', { for_user: 'sallyport:alice' }));
      assert.equal(refused.body.code, 'not_admin');
      const link = await alice.mint(pod('web', { for_user: 'sallyport:bob' }));
      refusedAtFirstGate(await alice.validate(link.secret), 403, 'link_other_user');
      assert.equal((await bob.validate(link.secret)).status, 200);
    });

    test('a link to a Pod that is gone, and to one that was made again, at either gate', async () => {
      const old = await alice.mint(pod('shortlived'));
      const [gone, replaced] = [await passed(alice, pod('shortlived')), await passed(alice, pod('shortlived'))];
      await kubectl(['delete', 'pod', 'shortlived', '-n', namespace.name, '--wait=true']);
      refusedAtFirstGate(await alice.validate(old.secret), 404, 'pod_gone');
      await refusedAtSecondGate(await aliceThere.connect(gone.ticket), 4404, 'pod_gone');
      // The same name within the ticket's 30 s, and it runs: only its UID tells that it is another one.
      await apply(podManifest(namespace.name, 'shortlived'));
      await kubectl(['wait', '-n', namespace.name, 'pod/shortlived', '--for=condition=Ready', '--timeout=60s']);
      await refusedAtSecondGate(await aliceThere.connect(replaced.ticket), 4404, 'pod_replaced');
      refusedAtFirstGate(await alice.validate(old.secret), 409, 'pod_replaced');
    });

    test("another Pod's link: seal, ticket and terminal are of one Pod, whatever is asked beside them", async () => {
      const [web, other] = [await alice.mint(pod()), await alice.mint(pod('other'))];
      const seal = (link) => link.secret.slice(link.secret.lastIndexOf('.'));
      const spliced = other.secret.replace(seal(other), seal(web));
      refusedAtFirstGate(await alice.validate(spliced), 403, 'link_signature');
      const { ticket } = (await alice.validate(web.secret)).body;
      const { ticket: otherTicket } = (await alice.validate(other.secret)).body;
      for (const wish of ['pod=other', `link=${other.id}`, `ticket=${otherTicket}`]) {
        noUpgrade(await aliceThere.connect(ticket, { path: `/presigned/connect?cols=80&rows=24&${wish}` }), 400);
      }
      const [entered, enteredOther] = [await aliceThere.connect(ticket), await aliceThere.connect(otherTicket)];
      assert.equal((await entered.ready()).pod, 'web');
      assert.match(await entered.run('hostname'), /web/);
      assert.equal((await enteredOther.ready()).pod, 'other');
      assert.match(await enteredOther.run('hostname'), /other/);
      for (const each of [entered, enteredOther]) each.close();
    });

    test('a link gives no right: whoever may enter one Pod of a namespace enters no other by it', async () => {
      await hubs.hub.addAccount('erin');
      await entitleTo(namespace.name, 'web', 'sallyport:erin');
      const erin = await hubs.hub.signIn('erin');
      const { secret } = await alice.mint(pod('web', { for_user: 'sallyport:erin' }));
      const allowed = await until('the new right to count', async () => {
        const answer = await erin.validate(secret);
        return answer.status === 200 && answer.body;
      });
      const link = await alice.mint(pod('other', { for_user: 'sallyport:erin' }));
      refusedAtFirstGate(await erin.validate(link.secret), 403, 'forbidden');
      const terminal = await erin.at(aliceThere.hub).connect(allowed.ticket);
      assert.equal((await terminal.ready()).pod, 'web');
      terminal.close();
    });

    test('a right that Kubernetes withdraws before the first gate, or between the two, opens neither', async () => {
      const link = await bob.mint(pod());
      const between = await passed(bob);
      await withdraw(namespace.name);
      try {
        await until('the right to be gone', async () => (await bob.post('/api/v1/links', pod())).status === 403);
        refusedAtFirstGate(await bob.validate(link.secret), 403, 'forbidden');
        await refusedAtSecondGate(await bob.at(aliceThere.hub).connect(between.ticket), 4403, 'forbidden');
      } finally {
        await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
      }
      const records = (await alice.get('/api/v1/audit?outcome=denied&limit=50')).body.items;
      for (const [action, of] of [
        ['terminal.validate', link],
        ['terminal.enter', between.link],
      ]) {
        const record = records.find((each) => each.action === action && each.object.endsWith(of.id));
        assert.deepEqual([record?.actor, record?.reason], ['sallyport:bob', 'forbidden'], `${action} of ${of.id}`);
      }
      // No refusal spent anything: with the right the link opens again.
      const { ticket } = await until('the right to count again', async () => {
        const answer = await bob.validate(link.secret);
        return answer.status === 200 && answer.body;
      });
      const terminal = await bob.at(aliceThere.hub).connect(ticket);
      await terminal.ready();
      terminal.close();
    });

    test('a link opened in two browsers of one person holds in the first', async () => {
      const elsewhere = await hubs.hub.signIn('alice');
      const { secret } = await alice.mint(pod());
      assert.equal((await alice.validate(secret)).status, 200);
      refusedAtFirstGate(await elsewhere.validate(secret), 403, 'link_other_browser');
    });

    test('a stolen ticket in another browser', async () => {
      const { ticket } = await passed();
      const elsewhere = (await hubs.hub.signIn('alice')).at(aliceThere.hub);
      await refusedAtSecondGate(await elsewhere.connect(ticket), 4403, 'link_other_browser');
      await refusedAtSecondGate(await bob.at(aliceThere.hub).connect(ticket), 4403, 'link_other_browser');
      const terminal = await aliceThere.connect(ticket);
      await terminal.ready();
      terminal.close();
    });

    test('the second gate without the first', async () => {
      await refusedAtSecondGate(await alice.connect(undefined), 4403, 'ticket_missing');
      for (const made of ['x', 'A'.repeat(43), Buffer.alloc(32).toString('base64url'), 'ü', 'A'.repeat(5000)]) {
        const terminal = await alice.connect(encodeURIComponent(made));
        if (terminal.status === 101) await refusedAtSecondGate(terminal, 4403, 'ticket_invalid');
        else assert.ok([400, 431].includes(terminal.status), `${made.slice(0, 10)}: ${terminal.status}`);
      }
      const { secret } = await alice.mint(pod());
      const terminal = await alice.connect(secret);
      if (terminal.status === 101) await refusedAtSecondGate(terminal, 4403, 'ticket_invalid');
      const two = await passed();
      const both = await alice.connect(undefined, {
        protocols: ['sallyport.terminal.v1', `sallyport.ticket.${two.ticket}`, 'sallyport.ticket.other'],
      });
      await refusedAtSecondGate(both, 4403, 'ticket_missing');
    });

    test('a ticket used twice, one after the other', async () => {
      const { ticket } = await passed();
      const terminal = await alice.connect(ticket);
      await terminal.ready();
      await refusedAtSecondGate(await aliceThere.connect(ticket), 4409, 'ticket_used');
      assert.match(await terminal.run('echo still $((40 + 2))'), /still 42/);
      terminal.close();
    });

    test('one ticket, 100 racers: exactly one wins', async () => {
      const { ticket } = await passed();
      const racers = await Promise.all(
        Array.from({ length: 100 }, (_, nth) => alice.at(hubs.hubs[nth % hubs.hubs.length]).connect(ticket)),
      );
      const ends = await Promise.all(
        racers.map((each) =>
          until('a decision', () => each.message('ready') ?? each.message('denied'), { seconds: 60 }),
        ),
      );
      const winners = ends.filter((each) => each.type === 'ready');
      assert.equal(winners.length, 1);
      for (const loser of ends.filter((each) => each.type === 'denied')) {
        assert.match(loser.problem.code, /^(ticket_used|link_used)$/);
      }
      const terminals = (await alice.get('/api/v1/terminals')).body.items;
      assert.equal(terminals.filter((each) => each.id === winners[0].terminal_id).length, 1);
      for (const each of racers) each.cut();
    });

    test('one link, 20 racers at the first gate from two browsers: one browser has it', async () => {
      const elsewhere = await hubs.hub.signIn('alice');
      const { secret } = await alice.mint(pod());
      const answers = await Promise.all(
        Array.from({ length: 20 }, async (_, nth) => {
          const who = nth % 2 === 0 ? alice : elsewhere;
          return { who, answer: await who.at(hubs.hubs[nth % hubs.hubs.length]).validate(secret) };
        }),
      );
      const inside = new Set(answers.filter((each) => each.answer.status === 200).map((each) => each.who));
      assert.equal(inside.size, 1);
    });

    test('a foreign, missing or null Origin gets no socket and does not spend the ticket', async () => {
      const { ticket } = await passed();
      const { origin } = alice.hub;
      const wrong = [
        'https://evil.example',
        'null',
        undefined,
        `${origin}.evil.example`,
        origin.replace('https', 'http'),
        `${origin}/`,
        origin.replace('localhost', '127.0.0.1'),
        '',
      ];
      for (const each of wrong) noUpgrade(await alice.connect(ticket, { origin: each }), 403, 'origin_refused');
      noUpgrade(
        await alice.connect(ticket, { origin: undefined, headers: { Origin: [origin, 'https://evil.example'] } }),
        403,
      );
      const terminal = await alice.connect(ticket);
      await terminal.ready();
      terminal.close();
    });

    test('no session, or one that has ended, gets no socket', async () => {
      const { ticket } = await passed();
      noUpgrade(await alice.connect(ticket, { cookie: undefined }), 401, 'not_signed_in');
      noUpgrade(await alice.connect(ticket, { cookie: '__Host-sallyport=forged' }), 401);
      const leaving = await hubs.hub.signIn('alice');
      const theirs = await passed(leaving);
      assert.equal((await leaving.post('/api/v1/sign-out', { everywhere: false })).status, 204);
      noUpgrade(await leaving.connect(theirs.ticket), 401);
    });

    test('revoking the link ends its terminal within 2 s', async () => {
      const terminal = await aliceThere.enter(pod());
      const took = await timed(async () => {
        assert.equal((await alice.delete(`/api/v1/links/${terminal.link.id}`)).status, 204);
        await endedWith(terminal, 4410, 'link_revoked');
      });
      assert.ok(took < 2000, `${took} ms`);
    });

    test('ending one terminal on the other hub is told as that, in its row too, and the sign-in goes on', async () => {
      const terminal = await bob.at(aliceThere.hub).enter(pod());
      const { terminal_id: id } = terminal.message('ready');
      assert.equal((await alice.delete(`/api/v1/terminals/${id}`)).status, 204);
      await endedWith(terminal, 4421, 'terminal_ended');
      assert.equal((await bob.get('/api/v1/me')).status, 200);
      const ends = (await alice.get('/api/v1/audit?limit=200')).body.items.filter(
        (each) => each.detail.terminal === id,
      );
      const left = ends.find((each) => each.action === 'terminal.leave');
      assert.equal(left?.detail.reason, 'terminal_ended', JSON.stringify(ends));
    });

    test('revoking all links of a person ends all of their terminals within 2 s', async () => {
      const terminals = await Promise.all([bob.enter(pod()), bob.at(aliceThere.hub).enter(pod('other'))]);
      const answer = await alice.post('/api/v1/links/revoke-all', { user: 'sallyport:bob' });
      assert.equal(answer.status, 200);
      assert.ok(answer.body.revoked >= 2, answer.text);
      await Promise.all(terminals.map((each) => endedWith(each, 4410, 'link_revoked')));
    });

    test('disabling a person ends sign-ins and terminals within 2 s', async () => {
      await hubs.hub.addAccount('dora');
      await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob', 'sallyport:dora');
      const dora = await hubs.hub.signIn('dora');
      const terminal = await until('the new right to count', () => dora.at(aliceThere.hub).enter(pod()));
      assert.equal((await alice.post('/api/v1/accounts/dora/disable')).status, 200);
      await endedWith(terminal, 4401, 'account_disabled');
      assert.equal((await dora.get('/api/v1/me')).status, 401);
      const again = await dora.post('/api/v1/sign-in/password', { username: 'dora', password });
      assert.deepEqual([again.status, again.body.code], [403, 'account_disabled']);
    });

    test('signing out everywhere ends the terminals of all browsers', async () => {
      const here = await hubs.hub.signIn('bob');
      const there = (await hubs.hub.signIn('bob')).at(aliceThere.hub);
      const terminals = [await here.enter(pod()), await there.enter(pod())];
      assert.equal((await here.post('/api/v1/sign-out', { everywhere: true })).status, 204);
      await Promise.all(terminals.map((each) => each.ends(2)));
      for (const each of terminals) assert.equal(each.closed.code, 4401);
      assert.equal((await there.get('/api/v1/me')).status, 401);
      bob = await hubs.hub.signIn('bob');
    });

    test('a right that Kubernetes withdraws ends the terminal at the next check', async () => {
      const terminal = await alice.enter(pod());
      await withdraw(namespace.name);
      try {
        await endedWith(terminal, 4420, 'right_withdrawn', 20);
      } finally {
        await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
      }
      await until('the right to count again', async () => (await alice.post('/api/v1/links', pod())).status === 201);
    });

    test('a token whose ServiceAccount is deleted makes no link, passes no gate and keeps no terminal', async () => {
      const user = `system:serviceaccount:${namespace.name}:robot`;
      await kubectl(['create', 'serviceaccount', 'robot', '-n', namespace.name]);
      await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob', user);
      const token = (await kubectl(['create', 'token', 'robot', '-n', namespace.name])).trim();
      const signIn = async () => {
        const person = new Person(hubs.hub);
        const answer = await person.post('/api/v1/sign-in/token', { token });
        assert.equal(answer.status, 200, answer.text);
        person.take(answer);
        return person;
      };
      try {
        // Four browsers, because the first refusal ends the sign-in.
        const [minting, opening, entering, staying] = [await signIn(), await signIn(), await signIn(), await signIn()];
        const terminal = await until('the new right to count', () => staying.at(aliceThere.hub).enter(pod()));
        const link = await opening.mint(pod());
        const { ticket } = await passed(entering);
        await kubectl(['delete', 'serviceaccount', 'robot', '-n', namespace.name]);
        // The API server itself takes a token that it knows for ten seconds more.
        await endedWith(terminal, 4401, 'session_ended', 30);
        refusedAtFirstGate(await minting.post('/api/v1/links', pod()), 401, 'session_ended');
        refusedAtFirstGate(await opening.validate(link.secret), 401, 'session_ended');
        await refusedAtSecondGate(await entering.at(aliceThere.hub).connect(ticket), 4401, 'session_ended');
        for (const each of [minting, opening, entering, staying]) {
          assert.equal((await each.get('/api/v1/me')).status, 401);
        }
      } finally {
        await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
        await kubectl(['delete', 'serviceaccount', 'robot', '-n', namespace.name, '--ignore-not-found']);
      }
    });

    test('a Pod deleted under a terminal closes it and says so', async () => {
      await makePods(namespace.name, 'doomed');
      const terminal = await alice.enter(pod('doomed'));
      await kubectl(['delete', 'pod', 'doomed', '-n', namespace.name, '--wait=true', '--force']);
      const closed = await terminal.ends(20);
      // Killed with its Pod the shell exits by a signal; if the Pod is gone first, that is said.
      const [exit, denied] = [terminal.message('exit'), terminal.message('denied')];
      if (exit) assert.deepEqual([closed.code, exit.code === 0], [1000, false], JSON.stringify(exit));
      else {
        const expected = { pod_gone: 4404, pod_not_running: 4404, cluster_unreachable: 4500 }[denied?.problem.code];
        assert.deepEqual(closed, { code: expected, reason: denied?.problem.code });
        assert.match(denied.problem.detail, /doomed/);
      }
    });

    test('every decision is in the audit log, whose chain is intact, and no secret is', async () => {
      const { link, ticket } = await passed();
      await alice.validate(`${link.secret.slice(0, -2)}AA`);
      const page = (await alice.get('/api/v1/audit?limit=200')).body.items;
      const actions = new Set(page.map((each) => `${each.action} ${each.outcome}`));
      for (const each of [
        'terminal.validate allowed',
        'terminal.validate denied',
        'terminal.enter allowed',
        'terminal.enter denied',
      ]) {
        assert.ok(actions.has(each), `${each} is missing among ${[...actions].join(', ')}`);
      }
      const all = JSON.stringify(page);
      assert.ok(!all.includes(ticket) && !all.includes(link.secret.split('.').at(-1)), 'a secret is in the audit log');
      assert.equal((await alice.get('/api/v1/audit/verify')).body.intact, true);
      assert.match(await hubs.hub.admin(['admin', 'audit', 'verify']), /^intact: \d+ records/);
    });

    test('no secret is in a log', async () => {
      const { readFileSync } = await import('node:fs');
      const { link, ticket } = await passed();
      const terminal = await aliceThere.connect(ticket);
      await terminal.ready();
      terminal.close();
      await terminal.ends();
      for (const hub of hubs.hubs) {
        const log = readFileSync(hub.logFile, 'utf8');
        for (const secret of [link.secret, ticket, alice.cookie.split('=')[1], alice.csrf]) {
          assert.ok(!log.includes(secret), `a secret is in ${hub.logFile}`);
        }
      }
    });
  });
}
