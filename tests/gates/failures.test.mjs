// What breaks while terminals are open: containers, the API server, the database. Nothing is lost, nobody gets in, and
// what is said is clear.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  apply,
  context,
  entitle,
  kubeconfig,
  kubectl,
  makeNamespace,
  makePods,
  podManifest,
  root,
  strayProcesses,
} from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { noUpgrade, refusedAtSecondGate } from '../support/refusals.mjs';
import { until } from '../support/until.mjs';

const run = promisify(execFile);
const clusterName = context.replace(/^sallyport-/, '');
let namespace;
const pod = (name = 'web', more = {}) => ({ namespace: namespace.name, pod: name, ...more });

before(async () => {
  namespace = await makeNamespace('failures');
  await makePods(namespace.name, 'web');
  await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
});
after(() => namespace?.remove());

const entersAgain = async (person, name = 'web') => {
  const terminal = await until('a way in', () => person.enter(pod(name)), { seconds: 60, everyMs: 500 });
  assert.match(await terminal.run('echo back $((6 * 7))'), /back 42/);
  terminal.close();
};
const auditIsIntact = async (hub) => assert.match(await hub.admin(['admin', 'audit', 'verify']), /intact/);

describe('the cluster breaks', () => {
  let hubs;
  let bob;
  before(async () => {
    hubs = await startHubs();
    bob = await hubs.hub.signIn('bob');
  });
  after(() => hubs?.stop());

  test('a container that restarts ends its terminals, and the same Pod can be entered again', async () => {
    const restarts = podManifest(namespace.name, 'restarts');
    restarts.spec.restartPolicy = 'Always';
    await apply(restarts);
    await kubectl(['wait', '-n', namespace.name, '--for=condition=Ready', '--timeout=60s', 'pod/restarts']);
    const status = async () =>
      JSON.parse(await kubectl(['get', 'pod', 'restarts', '-n', namespace.name, '-o', 'json']));
    const first = await status();
    const terminal = await bob.enter(pod('restarts'));
    const id = first.status.containerStatuses[0].containerID.replace('containerd://', '');
    await run(`${root}cluster/cluster`, [
      'node',
      '--name',
      clusterName,
      'ctr',
      '-n',
      'k8s.io',
      'tasks',
      'kill',
      '-s',
      'KILL',
      id,
    ]);
    const closed = await terminal.ends();
    // The shell was killed with its container, or the connection broke first.
    assert.ok([1000, 4404, 4500].includes(closed.code), JSON.stringify(closed));
    assert.ok(terminal.message('exit') ?? terminal.message('denied'), 'it says what happened');
    const live = async () => (await bob.get('/api/v1/terminals')).body.items.filter((each) => !each.ended_at);
    await until('its row to end', async () => (await live()).length === 0);
    await until(
      'the container to run again',
      async () => (await status()).status.containerStatuses[0].restartCount > 0,
      { seconds: 60 },
    );
    assert.equal((await status()).metadata.uid, first.metadata.uid);
    await entersAgain(bob, 'restarts');
  });

  test('an API server that restarts ends terminals with a clear word, leaves no process, and all works again', async () => {
    const terminal = await bob.enter(pod());
    terminal.type('sleep 4711\n');
    await terminal.prints('sleep 4711');
    const link = await bob.mint(pod());
    const state = dirname(kubeconfig);
    process.kill(Number(readFileSync(join(state, 'run/pids/kube-apiserver'), 'utf8').split(' ')[0]), 'SIGKILL');
    try {
      const closed = await terminal.ends(15);
      assert.deepEqual(closed, { code: 4500, reason: 'cluster_unreachable' });
      const refused = await bob.validate(link.secret);
      assert.deepEqual([refused.status, refused.body.code], [502, 'cluster_unreachable']);
      assert.equal(refused.body.ticket, undefined);
    } finally {
      await run(`${root}cluster/cluster`, ['up', '--name', clusterName], { timeout: 120_000 });
    }
    await entersAgain(bob);
    await until('no process to be left', async () => (await strayProcesses(namespace.name, 'web')).length === 0, {
      seconds: 30,
    });
    await auditIsIntact(hubs.hub);
  });
});

describe('the database breaks', () => {
  test('a locked SQLite: terminals go on, acts wait or fail clearly, nothing is lost', async () => {
    const hubs = await startHubs();
    try {
      const bob = await hubs.hub.signIn('bob');
      const terminal = await bob.enter(pod());
      const lock = spawn('sqlite3', [join(hubs.hub.directory, 'sallyport.db')], { stdio: ['pipe', 'pipe', 'inherit'] });
      lock.stdin.write("BEGIN EXCLUSIVE;\nSELECT 'locked';\n");
      await new Promise((resolve) => lock.stdout.once('data', resolve));
      assert.match(await terminal.run('echo still $((6 * 7))'), /still 42/);
      const refused = await bob.post('/api/v1/links', { tty: true, ...pod() });
      assert.deepEqual([refused.status, refused.body.code], [503, 'store_unavailable']);
      assert.match(await terminal.run('echo yet $((6 * 7))'), /yet 42/);
      lock.stdin.end('COMMIT;\n');
      await new Promise((resolve) => lock.once('exit', resolve));
      await entersAgain(bob);
      terminal.close();
      await auditIsIntact(hubs.hub);
    } finally {
      await hubs.stop();
    }
  });

  test('a full disk: terminals go on, acts fail clearly and by halves never, and all works when there is room', async () => {
    const disk = mkdtempSync(join(tmpdir(), 'sallyport-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'sallyport-test', disk]);
    let hubs;
    try {
      hubs = await startHubs({ within: disk });
      const bob = await hubs.hub.signIn('bob');
      const terminal = await bob.enter(pod());
      const alice = await hubs.hub.signIn('alice');
      const filler = join(disk, 'filler');
      const free = () => {
        const { bavail, bsize } = statfsSync(disk);
        return bavail * bsize;
      };
      writeFileSync(filler, Buffer.alloc(free()));
      assert.equal(free(), 0);
      // The write-ahead log may hold room from before; when that is used up, each act is refused, and each alike.
      const mint = () => alice.post('/api/v1/links', { tty: true, ...pod() });
      await until('the disk to be felt', async () => (await mint()).status !== 201, { everyMs: 10 });
      for (let nth = 0; nth < 5; nth++) {
        const refused = await mint();
        assert.deepEqual([refused.status, refused.body.code], [503, 'store_unavailable']);
      }
      assert.match(await terminal.run('echo still $((6 * 7))'), /still 42/);
      rmSync(filler);
      await entersAgain(bob);
      assert.match(await terminal.run('echo yet $((6 * 7))'), /yet 42/);
      terminal.close();
      await auditIsIntact(hubs.hub);
    } finally {
      await hubs?.stop();
      await run('umount', [disk]);
      rmdirSync(disk);
    }
  });

  test('a locked PostgreSQL: the same', async () => {
    const hubs = await startHubs({ store: 'postgres' });
    try {
      const bob = await hubs.hub.signIn('bob');
      const terminal = await bob.enter(pod());
      const url = hubs.hub.settings['store.url'];
      const lock = spawn('psql', ['-qtA', url], { stdio: ['pipe', 'pipe', 'inherit'] });
      lock.stdin.write("BEGIN;\nLOCK TABLE audit IN ACCESS EXCLUSIVE MODE;\nSELECT 'locked';\n");
      await new Promise((resolve) => lock.stdout.once('data', resolve));
      const refused = await bob.post('/api/v1/links', { tty: true, ...pod() });
      assert.deepEqual([refused.status, refused.body.code], [503, 'store_unavailable']);
      assert.match(await terminal.run('echo still $((6 * 7))'), /still 42/);
      lock.stdin.end('COMMIT;\n');
      await new Promise((resolve) => lock.once('exit', resolve));
      await entersAgain(bob);
      terminal.close();
      await auditIsIntact(hubs.hub);
    } finally {
      await hubs.stop();
    }
  });

  /** What a PostgreSQL can come to under a live terminal, and how it is mended. */
  const troubles = [
    [
      'a full PostgreSQL',
      async ({ sql }, disk) => {
        // The audit log alone lies on the small disk: the server's own log of writes would end the server.
        await sql(`CREATE TABLESPACE small LOCATION '${disk}/data'`);
        await sql('ALTER TABLE audit SET TABLESPACE small');
        for (const index of (await sql("SELECT indexname FROM pg_indexes WHERE tablename = 'audit'")).split('\n')) {
          await sql(`ALTER INDEX ${index} SET TABLESPACE small`);
        }
        const { bavail, bsize } = statfsSync(disk);
        writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
      },
      async (_, disk) => rmSync(join(disk, 'filler')),
      'the database is full: free space on its disk',
    ],
    [
      'a PostgreSQL that takes no writes',
      async ({ sql }) => {
        await sql('ALTER SYSTEM SET default_transaction_read_only = on');
        await sql('SELECT pg_reload_conf()');
      },
      async ({ sql }) => {
        await sql('ALTER SYSTEM RESET default_transaction_read_only');
        await sql('SELECT pg_reload_conf()');
      },
      'it is read-only; point the URL at the primary',
    ],
    [
      'a PostgreSQL that was killed',
      ({ cut }) => cut(),
      ({ resume }) => resume(),
      'check that the database runs and can be reached',
      { answersNobody: true },
    ],
  ];
  for (const [what, spoil, mend, hint, { answersNobody = false } = {}] of troubles) {
    test(`${what}: terminals go on, nobody gets in, acts fail clearly and by halves never, and no end is lost`, async () => {
      const disk = mkdtempSync(join(tmpdir(), 'sallyport-disk-'));
      await run('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=755', 'sallyport-test', disk]);
      await run('install', ['-d', '-o', 'postgres', join(disk, 'data')]);
      let hubs;
      try {
        hubs = await startHubs({ store: 'postgres', settings: { 'terminals.recheck_s': '1' } });
        const { postgres } = hubs;
        const bob = await hubs.hub.signIn('bob');
        const alice = await hubs.hub.signIn('alice');
        const [staying, leaving] = [await bob.enter(pod()), await bob.enter(pod())];
        const [unopened, passed] = [await bob.mint(pod()), await bob.mint(pod())];
        const { ticket } = (await bob.validate(passed.secret)).body;
        const records = async () => (await alice.get('/api/v1/audit?limit=500')).body.items;
        const before = await records();

        await spoil(postgres, disk);
        const minted = [];
        const mint = async () => {
          const answer = await alice.post('/api/v1/links', { tty: true, ...pod() });
          if (answer.status === 201) minted.push(answer.body.id);
          return answer;
        };
        // A page may still have room; when the shortest record has none, each act is refused, and each alike.
        await until('the trouble to be felt', async () => (await mint()).status !== 201, { everyMs: 10 });
        await until('no room to be left', async () => (await bob.validate('x')).status !== 400, { everyMs: 10 });
        const unavailable = [503, 'store_unavailable'];
        for (let nth = 0; nth < 5; nth++) {
          const refused = await mint();
          assert.deepEqual([refused.status, refused.body.code], unavailable);
          assert.doesNotMatch(refused.text, /postgres|tablespace|host=|\/tmp/i, 'a client learns nothing of the store');
        }
        const first = await bob.validate(unopened.secret);
        assert.deepEqual([first.status, first.body.code, first.body.ticket], [...unavailable, undefined]);
        const second = await bob.connect(ticket);
        if (answersNobody) noUpgrade(second, ...unavailable);
        else await refusedAtSecondGate(second, 4500, 'store_unavailable');
        assert.match(await staying.run('echo still $((6 * 7))'), /still 42/);
        // The operator is told what to do.
        const logged = (words) => () => readFileSync(hubs.hub.logFile, 'utf8').includes(words);
        await until('the cause in the log', logged(hint));
        if (answersNobody) {
          await until('the live right to be asked in vain', logged("a live terminal's right could not be asked"));
        }
        const { terminal_id: left } = leaving.message('ready');
        leaving.type('exit 7\n');
        assert.equal((await leaving.ends()).code, 1000);
        assert.equal(leaving.message('exit').code, 7);
        assert.match(await staying.run('echo yet $((6 * 7))'), /yet 42/);

        await mend(postgres, disk);
        await until('the hub to be ready again', async () => (await alice.get('/readyz')).status === 200, {
          seconds: 30,
        });
        const end = await until('the end of what ended meanwhile', async () =>
          (await records()).find((each) => each.action === 'terminal.leave' && each.detail.terminal === left),
        );
        assert.deepEqual([end.detail.reason, end.detail.end.code], ['exit', 7]);
        const live = (await bob.get('/api/v1/terminals')).body.items.map((each) => each.id);
        assert.deepEqual(live, [staying.message('ready').terminal_id]);
        assert.match(await staying.run('echo ever $((6 * 7))'), /ever 42/);
        // What was told as done is there, and what was refused is not.
        const { items } = (await alice.get('/api/v1/links?limit=500')).body;
        assert.deepEqual(items.map((each) => each.id).sort(), minted.sort());
        const after = new Map((await records()).map((each) => [each.seq, each]));
        for (const each of before) assert.deepEqual(after.get(each.seq), each);
        // Nothing was spent by the refusals.
        const passage = await bob.validate(unopened.secret);
        assert.equal(passage.status, 200, passage.text);
        const terminal = await bob.connect(passage.body.ticket);
        await terminal.ready();
        for (const each of [terminal, staying]) each.close();
        await auditIsIntact(hubs.hub);
        assert.equal((await alice.get('/api/v1/audit/verify')).body.intact, true);
      } finally {
        await hubs?.stop();
        await run('umount', [disk]);
        rmdirSync(disk);
      }
    });
  }
});
