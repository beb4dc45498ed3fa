// A hub with the rights of deploy/hub-role.yaml and no others, as docs/operating.md describes it: everything works,
// and its credential by itself opens no Pod.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { entitle, inPod, kubectl, makeNamespace, makePods, podManifest, root } from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

const account = 'system:serviceaccount:sallyport:hub';
let namespace;
let hubs;
let bob;
let folder;
before(async () => {
  namespace = await makeNamespace('least');
  await makePods(namespace.name, 'web');
  await entitle(namespace.name, 'sallyport:bob');
  await kubectl(['apply', '-f', `${root}deploy/hub-role.yaml`]);
  const token = (await kubectl(['create', 'token', 'hub', '-n', 'sallyport', '--duration=1h'])).trim();
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '-o', 'json']));
  config.users = [{ name: 'hub', user: { token } }];
  config.contexts = [{ name: 'hub', context: { cluster: config.clusters[0].name, user: 'hub' } }];
  config['current-context'] = '';
  folder = mkdtempSync(join(tmpdir(), 'sallyport-least-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });
  hubs = await startHubs({ access: { kubeconfig, context: 'hub' } });
  bob = await hubs.hub.signIn('bob');
});
after(async () => {
  await hubs?.stop();
  if (folder) rmSync(folder, { recursive: true });
  await kubectl([
    'delete',
    'clusterrolebinding/sallyport-hub',
    'clusterrole/sallyport-hub',
    'namespace/sallyport',
    '--wait=false',
    '--ignore-not-found',
  ]);
  await namespace?.remove();
});

test('a person enters the Pod they are entitled to', async () => {
  const terminal = await bob.enter({ namespace: namespace.name, pod: 'web' });
  assert.match(await terminal.run('hostname'), /web/);
  terminal.close();
  await terminal.ends();
});

test('sees the Pods they may see', async () => {
  const names = await until('the Pod in the list', async () => {
    const { items } = (await bob.get('/api/v1/pods')).body;
    return items.length > 0 && items.map((each) => `${each.namespace}/${each.name}`);
  });
  assert.ok(names.includes(`${namespace.name}/web`), names.join(', '));
});

test('makes a workspace, enters it and deletes it', async () => {
  const made = await bob.post('/api/v1/workspaces', { template: 'debian' });
  assert.equal(made.status, 201, made.text);
  const own = () => bob.get(`/api/v1/workspaces/${made.body.id}`);
  const { namespace: space, pod } = await until(
    'the workspace to run',
    async () => {
      const { body } = await own();
      return body.state === 'running' && body;
    },
    { seconds: 60 },
  );
  const terminal = await until('to get in', () => bob.enter({ namespace: space, pod }));
  assert.match(await terminal.run('id -u'), /\b0\b/);
  assert.equal((await bob.delete(`/api/v1/workspaces/${made.body.id}`)).status, 202);
  await terminal.ends(60);
  await until('it to be gone', async () => (await bob.get('/api/v1/workspaces')).body.items.length === 0, {
    seconds: 60,
  });
});

test('the service account of a workspace is no second person', async () => {
  const made = await bob.post('/api/v1/workspaces', { template: 'debian' });
  assert.equal(made.status, 201, made.text);
  const { namespace: own } = made.body;
  try {
    // By kubectl, where no policy keeps one from it.
    const pod = podManifest(own, 'second');
    pod.spec.automountServiceAccountToken = true;
    await kubectl(['create', '-f', '-', '--as=sallyport:bob'], { input: JSON.stringify(pod) });
    await kubectl(['wait', '-n', own, '--for=condition=Ready', '--timeout=60s', 'pod/second']);
    const token = await inPod(own, 'second', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/token');
    const answer = await bob.post('/api/v1/sign-in/token', { token: token.trim() });
    assert.equal(answer.status, 401, answer.text);
    assert.equal(answer.body.code, 'token_refused');
    assert.equal(answer.body.decided_by, 'hub');
    assert.match(answer.body.detail, /service account of somebody's workspace/);
  } finally {
    await kubectl(['delete', 'pod/second', '-n', own, '--ignore-not-found']);
    await bob.delete(`/api/v1/workspaces/${made.body.id}`);
    await until('it to be gone', async () => (await bob.get('/api/v1/workspaces')).body.items.length === 0, {
      seconds: 60,
    });
  }
});

test('nobody chooses the node of a Pod in their own namespace, or puts a token in it, by kubectl or else', async () => {
  const policy = `${root}deploy/workspace-policy.yaml`;
  const made = await bob.post('/api/v1/workspaces', { template: 'debian' });
  assert.equal(made.status, 201, made.text);
  const { namespace: own } = made.body;
  const create = (spec, { where = own, as = ['--as=sallyport:bob'] } = {}) => {
    const pod = podManifest(where, 'placed');
    Object.assign(pod.spec, { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }, spec);
    return kubectl(['create', '-f', '-', '--dry-run=server', ...as], { input: JSON.stringify(pod) });
  };
  const node = { nodeName: 'node1' };
  const toleration = (more) => ({ tolerations: [{ operator: 'Exists', ...more }] });
  try {
    await kubectl(['apply', '-f', policy]);
    await until('the policy to hold', () =>
      create(node).then(
        () => false,
        (error) => /names no node/.test(error.message),
      ),
    );
    await assert.rejects(create(node), /names no node/);
    for (const each of [
      {},
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
      { key: 'node-role.kubernetes.io/control-plane' },
      { key: 'node.kubernetes.io/unschedulable' },
      { key: 'node.kubernetes.io/not-ready' },
      { key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' },
      { key: 'node.kubernetes.io/memory-pressure' },
      { key: 'node.kubernetes.io/memory-pressure', effect: 'NoExecute' },
    ]) {
      await assert.rejects(create(toleration(each)), /tolerates no taint/, JSON.stringify(each));
    }
    for (const key of ['kubernetes.io/hostname', 'node-role.kubernetes.io/control-plane']) {
      await assert.rejects(create({ nodeSelector: { [key]: 'node1' } }), /chooses among nodes by/, key);
    }
    for (const term of [
      { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node1'] }] },
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node1'] }] },
    ]) {
      const required = { nodeSelectorTerms: [term] };
      const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
      await assert.rejects(create({ affinity: { nodeAffinity } }), /no affinity to nodes/, JSON.stringify(term));
    }
    const projected = (source) => ({ volumes: [{ name: 'some', projected: { sources: [source] } }] });
    await assert.rejects(create({ automountServiceAccountToken: true }), /mounts no token/);
    await assert.rejects(create(projected({ serviceAccountToken: { path: 'token' } })), /no token/);
    const [shell] = podManifest(own, 'placed').spec.containers;
    const confined = { ...shell, securityContext: { seccompProfile: { type: 'RuntimeDefault' } } };
    for (const each of [
      { securityContext: {} },
      { securityContext: {}, containers: [confined, { ...shell, name: 'other' }] },
      { securityContext: {}, containers: [confined], initContainers: [{ ...shell, name: 'other' }] },
    ]) {
      await assert.rejects(create(each), /runs under seccomp/, JSON.stringify(each));
    }
    // What the API server adds by itself, and Pods that ask for nothing of it.
    for (const [key, effect] of [
      ['node.kubernetes.io/not-ready', 'NoExecute'],
      ['node.kubernetes.io/unreachable', 'NoExecute'],
      ['node.kubernetes.io/memory-pressure', 'NoSchedule'],
    ]) {
      await create(toleration({ key, effect }));
    }
    for (const each of [
      {},
      { automountServiceAccountToken: undefined },
      { nodeSelector: { 'kubernetes.io/arch': 'amd64' } },
      { affinity: { podAntiAffinity: {} } },
      projected({ downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }),
      { securityContext: {}, containers: [confined] },
    ]) {
      await create(each);
    }
    // Everywhere else it says nothing.
    await create(
      { ...node, ...toleration({}), automountServiceAccountToken: true, securityContext: {} },
      { where: namespace.name, as: [] },
    );
    // And a workspace still comes to be.
    await until(
      'the workspace to run',
      async () => (await bob.get(`/api/v1/workspaces/${made.body.id}`)).body.state === 'running',
      { seconds: 60 },
    );
    const second = await bob.post('/api/v1/workspaces', { template: 'debian' });
    assert.equal(second.status, 201, second.text);
    await bob.delete(`/api/v1/workspaces/${second.body.id}`);
  } finally {
    await kubectl(['delete', '-f', policy, '--ignore-not-found']);
    await bob.delete(`/api/v1/workspaces/${made.body.id}`);
  }
});

test('a token of the cluster is checked by the cluster', async () => {
  const token = (await kubectl(['create', 'token', 'default', '-n', 'default'])).trim();
  const answer = await bob.post('/api/v1/sign-in/token', { token });
  assert.equal(answer.status, 200, answer.text);
});

test('the hub’s own credential reads, makes and enters no Pod', async () => {
  for (const [verb, resource, ...more] of [
    ['get', 'pods'],
    ['list', 'pods'],
    ['create', 'pods'],
    ['delete', 'pods'],
    ['create', 'pods', '--subresource=exec'],
    ['get', 'pods', '--subresource=exec'],
    ['get', 'secrets'],
    ['create', 'clusterrolebindings'],
    ['escalate', 'clusterroles'],
    ['delete', 'namespaces'],
  ]) {
    const said = await kubectl([
      'auth',
      'can-i',
      verb,
      resource,
      ...more,
      '-n',
      namespace.name,
      `--as=${account}`,
    ]).catch((error) => error.stdout);
    assert.match(said, /^no/, `${verb} ${resource} ${more}`);
  }
});
