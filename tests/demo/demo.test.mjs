// `make demo` as a person meets it: typed at a terminal, used in a browser, ended with Ctrl-C; then nothing of it is
// left on the machine. Its cluster and its port are its own, so that whatever else runs here is in nobody's way.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { root } from '../support/cluster.mjs';
import { launch, openWindow, Pane, picture, signIn } from '../support/console.mjs';
import { until } from '../support/until.mjs';

const name = 'trial';
/** What a usable console may take when nothing has to be built. */
const quickSeconds = 20;

// As typed into a shell of one's own, not as a part of another make; without colours, to be read here.
const environment = Object.fromEntries(
  Object.entries({ ...process.env, NO_COLOR: '1' }).filter(
    ([key]) => !/^(MAKE|MFLAGS|KEEP$|ONLY$|KUBECONFIG$|SALLYPORT_TEST_)/.test(key),
  ),
);

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** `make demo` at a terminal: `said` is what stands there, `press` types. */
class Demo {
  constructor(port) {
    this.port = port;
    this.said = '';
    this.child = spawn(
      'script',
      ['--quiet', '--return', '--command', `make --no-print-directory demo CLUSTER=${name} PORT=${port}`, '/dev/null'],
      { cwd: root, env: environment, stdio: ['pipe', 'pipe', 'pipe'] },
    );
    // Keys that come too late are nobody's.
    this.child.stdin.on('error', () => undefined);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => {
        this.said += data;
      });
    }
    this.ended = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  async ready() {
    const ending = this.ended.then(() => {
      throw new Error(`it has ended:\n${this.said}`);
    });
    const told = until('the address and the way to end it', () => /Ctrl-C ends it/.test(this.said), { seconds: 240 });
    await Promise.race([told, ending]);
    const [, origin, took] = /(https:\/\/localhost:\d+)\S*\s+ready after (?:\S* )?(\d+ (?:s|min \d+ s))/.exec(
      this.said,
    );
    const credentials = Object.fromEntries(
      [...this.said.matchAll(/^ {2}(alice|bob) +(\S+) {3}/gm)].map((each) => each.slice(1)),
    );
    return { origin, took, credentials };
  }

  press(keys) {
    this.child.stdin.write(keys);
  }
}

const read = (path) => readFileSync(path, 'utf8');
/** A process as no later one with its number repeats it; nothing if there is none. */
function born(pid) {
  try {
    const stat = read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${pid}:${fields[19]}`;
  } catch {
    return undefined;
  }
}
const pids = () => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
function namespaceOf(pid, kind) {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}
const lines = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8' }).split('\n');
/** The demo's cgroups, in every hierarchy; what goes while one looks is no fault. */
const cgroups = (...which) =>
  lines('sh', '-c', 'find /sys/fs/cgroup -path "*/sallyport/$0-*" "$@" 2>/dev/null; true', name, ...which).filter(
    Boolean,
  );

/** Everything that a demo has on the machine while it runs, by which it can be looked for afterwards. */
function belongings(port) {
  const kubeconfig = lines(`${root}cluster/cluster`, 'kubeconfig', '--name', name)[0];
  const state = dirname(kubeconfig);
  const index = read(join(state, 'index')).trim();
  const components = readdirSync(join(state, 'run/pids'))
    .filter((file) => !file.includes('.'))
    .map((file) => read(join(state, 'run/pids', file)).split(' ')[0]);
  const inCgroups = cgroups('-name', 'cgroup.procs').flatMap((file) => read(file).split('\n').filter(Boolean));
  const hub = pids().filter((pid) => {
    try {
      return read(`/proc/${pid}/cmdline`).includes(`127.0.0.1:${port}`);
    } catch {
      return false;
    }
  });
  const ours = namespaceOf('self', 'net');
  const node = ['net', 'mnt'].map((kind) => namespaceOf(components[0], kind));
  assert.notEqual(node[0], ours, 'the node has a network of its own');
  assert.ok(hub.length >= 1, 'the search sees the hub');
  const inPods = inCgroups.filter((pid) => !components.includes(pid)).length;
  return {
    state,
    index,
    port,
    node,
    inPods,
    processes: [...components, ...inCgroups, ...hub].map(born).filter(Boolean),
  };
}

/** What of it is still there. */
function left({ state, index, node, processes }) {
  const data = join(dirname(dirname(state)), 'hubs', name);
  const namespaces = new Set(node);
  return [
    ...processes.filter((each) => born(each.split(':')[0]) === each).map((each) => `process ${each}`),
    ...pids()
      .filter((pid) => namespaces.has(namespaceOf(pid, 'net')) || namespaces.has(namespaceOf(pid, 'mnt')))
      .map((pid) => `process ${pid} in the node's namespaces`),
    ...lines('cat', '/proc/mounts').filter((line) => line.includes(`/clusters/${name}/`)),
    ...lines('ip', '-br', 'link').filter((line) => new RegExp(`^sallyport${index}\\b`).test(line)),
    ...lines('ip', 'route').filter(
      (line) => line.includes(`10.88.${index}.`) || line.includes(`10.${100 + Number(index)}.`),
    ),
    ...cgroups('-type', 'd'),
    ...[state, data, `${data}.pid`].filter((path) => existsSync(path)),
  ];
}

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket.destroy() && true));
    socket.once('error', () => resolve(false));
  });

describe('make demo', () => {
  let demo;
  // Also after a failure, so that the next one finds the place free.
  afterEach(async () => {
    if (demo.child.exitCode === null) {
      demo.press('\x03');
      await demo.ended;
    }
  });
  after(() => {
    execFileSync(`${root}cluster/cluster`, ['down', '--name', name], { stdio: 'ignore' });
  });

  test('leads from a terminal to a shell in the browser, and Ctrl-C takes all of it away', async () => {
    demo = new Demo(await freePort());
    const { origin, credentials } = await demo.ready();
    assert.equal(origin, `https://localhost:${demo.port}`);
    assert.deepEqual(Object.keys(credentials), ['alice', 'bob']);
    const { state } = belongings(demo.port);
    const certificate = new X509Certificate(read(join(dirname(dirname(state)), 'hubs', name, 'hub/demo-cert.pem')));
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
    const hub = { origin, spki: createHash('sha256').update(key).digest('base64') };
    const browser = await launch(hub);
    let there;
    try {
      const page = await openWindow(browser, hub);
      await signIn(page, 'bob', credentials.bob);
      await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Workspaces' }).click();
      await page.getByRole('button', { name: 'Create', exact: true }).click();
      await page.getByRole('main').getByText('Running', { exact: true }).waitFor({ timeout: 60_000 });
      await page
        .getByRole('button', { name: /^Enter/ })
        .first()
        .click();
      const pane = await new Pane(page).live();
      assert.match(await pane.run('echo a-shell-$((6 * 7))'), /^a-shell-42$/m);
      await picture(page, 'demo');
      there = belongings(demo.port);
      assert.ok(there.inPods > 0 && left(there).length > 10, 'the search finds what is there, the shell too');
      demo.press('\x03');
      // Who is inside is told, and is not simply cut off.
      await page.getByText('The hub has stopped').waitFor();
      assert.deepEqual(page.faults, []);
    } finally {
      await browser.close();
    }
    const { code, signal } = await demo.ended;
    assert.equal(signal ?? code, 0, demo.said);
    assert.doesNotMatch(demo.said, /\*\*\*/, 'make calls it an error');
    await until('everything to be gone', () => {
      const still = left(there);
      if (still.length > 0) throw new Error(still.join('\n'));
      return true;
    });
    assert.equal(await answers(demo.port), false);
  });

  test(`is ready within ${quickSeconds} s when nothing has to be built, and after Ctrl-C at any time leaves nothing`, async () => {
    demo = new Demo(await freePort());
    const { took } = await demo.ready();
    console.log(`ready after ${took}`);
    assert.match(took, /^\d+ s$/);
    assert.ok(Number.parseInt(took, 10) <= quickSeconds, took);
    const there = belongings(demo.port);
    demo.press('\x03');
    // Impatience changes nothing.
    demo.press('\x03');
    const { code, signal } = await demo.ended;
    assert.equal(signal ?? code, 0, demo.said);
    await until('everything to be gone', () => left(there).length === 0);
  });
});
