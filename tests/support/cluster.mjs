// The real cluster, as its administrator: namespaces, Pods, rights, and what runs inside a Pod.
// The hub is not known here; these are the means to arrange a case and to check what it left behind.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { until } from './until.mjs';

const run = promisify(execFile);
export const root = new URL('../../', import.meta.url).pathname;

export const kubeconfig =
  process.env.SALLYPORT_TEST_KUBECONFIG ??
  (() => {
    throw new Error(
      'SALLYPORT_TEST_KUBECONFIG is not set: run `make test`, or cluster/cluster up --name test and ' +
        'SALLYPORT_TEST_KUBECONFIG=$(cluster/cluster kubeconfig --name test)',
    );
  })();
export const context = process.env.SALLYPORT_TEST_CONTEXT ?? 'sallyport-test';
const clusterName = context.replace(/^sallyport-/, '');
/** What the hubs of these tests call the cluster. */
export const cluster = 'real';
export const shellImage = 'sallyport.test/shell:1';

/** kubectl's standard output; an error holds what it said. */
export async function kubectl(args, { input, timeout = 60_000 } = {}) {
  const child = run(`${root}cluster/cluster`, ['kubectl', '--name', clusterName, ...args], {
    timeout,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (input !== undefined) child.child.stdin.end(input);
  return (await child).stdout;
}

export const apply = (...objects) =>
  kubectl(['apply', '-f', '-'], { input: objects.map((each) => JSON.stringify(each)).join('\n---\n') });

/** A namespace of the test's own; `remove` takes it away without waiting. */
export async function makeNamespace(prefix) {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await until('the default service account', () => kubectl(['get', 'serviceaccount', 'default', '-n', name]));
  return { name, remove: () => kubectl(['delete', 'namespace', name, '--wait=false']) };
}

export const podManifest = (namespace, name, { command = ['sleep', 'infinity'], labels } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'shell',
        image: shellImage,
        imagePullPolicy: 'IfNotPresent',
        command,
        env: [{ name: 'LANG', value: 'C.UTF-8' }],
      },
    ],
  },
});

/** Makes Pods with a shell and waits until they run. */
export async function makePods(namespace, ...names) {
  await apply(...names.map((name) => podManifest(namespace, name)));
  await kubectl([
    'wait',
    '-n',
    namespace,
    '--for=condition=Ready',
    '--timeout=60s',
    ...names.map((name) => `pod/${name}`),
  ]);
}

/** A Role of a namespace, and users who have it. */
const grant = (namespace, name, rules, users) =>
  apply(
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name, namespace }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: users.map((user) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user })),
    },
  );

/** Lets users see and enter the Pods of a namespace. */
export const entitle = (namespace, ...users) =>
  grant(
    namespace,
    'enter',
    [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
    ],
    users,
  );
/** Lets users see and enter one Pod of a namespace. */
export const entitleTo = (namespace, pod, ...users) =>
  grant(
    namespace,
    `enter-${pod}`,
    [
      { apiGroups: [''], resources: ['pods'], resourceNames: [pod], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods/exec'], resourceNames: [pod], verbs: ['get', 'create'] },
    ],
    users,
  );
export const withdraw = (namespace) => kubectl(['delete', 'rolebinding', 'enter', '-n', namespace]);

/** Runs a command in a Pod without the hub. */
export const inPod = (namespace, pod, ...command) => kubectl(['exec', '-n', namespace, pod, '--', ...command]);

/** The command lines of every process in a Pod that mention `mark`, but not of the look itself. */
export async function processesWith(namespace, pod, mark) {
  const listing = await inPod(namespace, pod, 'ps', '-eo', 'pid=,args=');
  return listing
    .split('\n')
    .filter((line) => line.includes(mark) && !line.includes('<defunct>'))
    .map((line) => line.trim());
}

/** Every process in a Pod but process 1 and the look itself. The dead that process 1 never buries do not count. */
export async function strayProcesses(namespace, pod) {
  const listing = await inPod(namespace, pod, 'ps', '-eo', 'pid=,stat=,args=');
  return listing
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^1\s/.test(line) && !/^\d+\s+Z/.test(line) && !/\bps -eo\b/.test(line));
}
