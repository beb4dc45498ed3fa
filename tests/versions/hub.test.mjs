// A hub before a Kubernetes of another minor version than the one all other suites run on: a workspace, both gates, a
// shell with a size and an exit code, nothing left behind, and nobody let in who has no right.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { cluster, kubectl, makeNamespace, makePods, strayProcesses } from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

const version =
  process.env.SALLYPORT_TEST_VERSION ??
  (() => {
    throw new Error("SALLYPORT_TEST_VERSION is not set: run `make test ONLY='older Kubernetes'`");
  })();

describe(`Kubernetes ${version}`, () => {
  let hubs;
  let bob;
  let workspace;
  before(async () => {
    hubs = await startHubs();
    bob = await hubs.hub.signIn('bob');
  });
  after(async () => {
    if (workspace) await bob?.delete(`/api/v1/workspaces/${workspace.id}`);
    await hubs?.stop();
  });

  test('is what answers here', async () => {
    const { serverVersion } = JSON.parse(await kubectl(['version', '-o', 'json']));
    assert.equal(`${serverVersion.major}.${serverVersion.minor}`, version);
  });

  test('gives a person a workspace, which runs', async () => {
    const made = await bob.post('/api/v1/workspaces', { template: 'debian' });
    assert.equal(made.status, 201, made.text);
    workspace = await until(
      'the workspace to run',
      async () => {
        const { body } = await bob.get(`/api/v1/workspaces/${made.body.id}`);
        if (body.state !== 'running') throw new Error(JSON.stringify(body.steps));
        return body;
      },
      { seconds: 60 },
    );
  });

  test('lets its owner in through both gates: a shell with a size, and its exit code', async () => {
    const place = { cluster, namespace: workspace.namespace, pod: workspace.pod };
    const terminal = await bob.enter(place, { cols: 101, rows: 37 });
    assert.match(await terminal.run('echo shell-$((6 * 7)); stty size'), /shell-42\r?\n37 101/);
    terminal.resize(80, 24);
    await until('the new size', async () => /24 80/.test(await terminal.run('stty size')));
    terminal.type('exit 7\n');
    await terminal.ends();
    assert.equal(terminal.message('exit').code, 7);
    const plain = await bob.enter({ ...place, tty: false, command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
    await plain.ends();
    assert.equal(plain.message('exit').code, 3);
    assert.equal(plain.text, 'out\n');
    assert.equal(plain.errors.toString(), 'err\n');
  });

  test('keeps nothing of a connection that breaks', async () => {
    const { namespace, pod } = workspace;
    // What belongs to the workspace itself is there before and after.
    const before = (await strayProcesses(namespace, pod)).length;
    const terminal = await bob.enter({ cluster, namespace, pod });
    terminal.type('sleep 12345\n');
    await until('the program to run', async () => (await strayProcesses(namespace, pod)).length > before);
    terminal.cut();
    await until('no more than before', async () => (await strayProcesses(namespace, pod)).length === before, {
      seconds: 60,
    });
  });

  test('denies whoever RBAC gives no right', async () => {
    const other = await makeNamespace('versions');
    try {
      await makePods(other.name, 'web');
      const answer = await bob.post('/api/v1/links', { namespace: other.name, pod: 'web' });
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.body.decided_by, 'kubernetes');
    } finally {
      await other.remove();
    }
  });
});
