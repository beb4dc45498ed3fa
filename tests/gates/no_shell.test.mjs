// Containers without `sh`, as many images are: whoever asks for a shell is told so, and a command that is there runs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { apply, entitle, inPod, kubectl, makeNamespace, podManifest } from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { endedWith, refusedAtSecondGate } from '../support/refusals.mjs';
import { until } from '../support/until.mjs';
import { kinds } from '../support/web_socket.mjs';

let namespace;
let hubs;
let bob;
let alice;
const bare = (more = {}) => ({ namespace: namespace.name, pod: 'bare', container: 'bare', ...more });

/** A Pod of two containers: `shell` as everywhere, and `bare`, in which `cat`, `echo` and `sleep` are all there is. */
function bareManifest() {
  const pod = podManifest(namespace.name, 'bare');
  const image = { image: 'sallyport.test/busybox:1', imagePullPolicy: 'IfNotPresent' };
  pod.spec.volumes = [{ name: 'programs', emptyDir: {} }];
  pod.spec.initContainers = [
    {
      ...image,
      name: 'furnish',
      command: ['sh', '-c', 'for each in cat echo sleep; do cp /bin/busybox /programs/$each; done'],
      volumeMounts: [{ name: 'programs', mountPath: '/programs' }],
    },
  ];
  pod.spec.containers.push({
    ...image,
    name: 'bare',
    command: ['sleep', '86400'],
    volumeMounts: [{ name: 'programs', mountPath: '/bin' }],
  });
  return pod;
}

before(async () => {
  namespace = await makeNamespace('bare');
  await apply(bareManifest());
  await kubectl(['wait', '-n', namespace.name, '--for=condition=Ready', '--timeout=60s', 'pod/bare']);
  await entitle(namespace.name, 'sallyport:bob');
  hubs = await startHubs();
  bob = await hubs.hub.signIn('bob');
  alice = await hubs.hub.signIn('alice');
});
after(async () => {
  await hubs?.stop();
  await namespace?.remove();
});

for (const tty of [true, false]) {
  test(`a shell ${tty ? 'with' : 'without'} a terminal is refused in clear words, and written down`, async () => {
    const link = await bob.mint(bare({ tty }));
    const { ticket } = (await bob.validate(link.secret)).body;
    const terminal = await bob.connect(ticket);
    await refusedAtSecondGate(terminal, 4404, 'no_shell');
    const { problem } = terminal.message('denied');
    assert.match(problem.detail, /container `.*bare.*` has no shell/);
    assert.match(problem.fix, /link with a command/);
    assert.equal(problem.decided_by, 'kubernetes');
    const records = async (action) => (await alice.get(`/api/v1/audit?action=${action}&limit=20`)).body.items;
    const entered = (await records('terminal.enter')).find((each) => each.detail.link === link.id);
    const left = await until('the record of its end', async () =>
      (await records('terminal.leave')).find((each) => each.detail.terminal === entered.detail.terminal),
    );
    assert.deepEqual([left.actor, left.detail.reason], ['sallyport:bob', 'no_shell']);
    const live = (await bob.get('/api/v1/terminals')).body.items.filter((each) => !each.ended_at);
    assert.deepEqual(live, []);
  });

  test(`a command ${tty ? 'with' : 'without'} a terminal runs, and its exit code is told`, async () => {
    const terminal = await bob.enter(bare({ tty, command: ['echo', 'no shell needed'] }));
    await terminal.ends();
    assert.match(terminal.text, /^no shell needed\r?\n$/);
    assert.equal(terminal.message('exit').code, 0);
  });
}

test('a command that the container does not have ends with what the runtime says of it', async () => {
  const terminal = await bob.enter(bare({ command: ['sh-is-not-here'] }));
  await terminal.ends();
  const exit = terminal.message('exit');
  assert.notEqual(exit.code, 0);
  assert.match(exit.reason, /sh-is-not-here/);
});

test('revoking the link cuts the terminal of a command as any other, and its neighbour has a shell', async () => {
  const terminal = await bob.enter(bare({ tty: false, command: ['cat'] }));
  terminal.send(kinds.stdin, 'said back\n');
  await terminal.prints('said back');
  const neighbour = await bob.enter({ namespace: namespace.name, pod: 'bare', container: 'shell' });
  assert.equal((await bob.delete(`/api/v1/links/${terminal.link.id}`)).status, 204);
  await endedWith(terminal, 4410, 'link_revoked');
  assert.match(await neighbour.run('echo here $((6 * 7))'), /here 42/);
  neighbour.close();
  assert.match(await inPod(namespace.name, 'bare', 'hostname'), /bare/);
});
