// Starts real hubs from target/x86_64-unknown-linux-gnu/debug/sallyport on free ports, on SQLite or several on one PostgreSQL, with accounts.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cluster, context, kubeconfig, kubectl, root, shellImage } from './cluster.mjs';
import { Person, secretsGiven } from './person.mjs';
import { startPostgres } from './postgres.mjs';
import { until } from './until.mjs';

export const binary = process.env.SALLYPORT_TEST_BINARY ?? `${root}target/x86_64-unknown-linux-gnu/debug/sallyport`;
const logs = `${root}artifacts/hubs`;
export const password = 'a long pass phrase for tests 7301';

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// The hub refuses SALLYPORT_* variables it does not know, and must not see a kubeconfig that nobody gave it.
export const environment = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('SALLYPORT_') && name !== 'KUBECONFIG'),
  );

/** The API's description, as this very binary has it. */
export const describeApi = () => JSON.parse(execFileSync(binary, ['openapi'], { env: environment() }));

/** What no log may hold: that a part of the hub panicked, or a secret, of which only the end is told again. */
export function faultsIn(log, secrets) {
  const panics = log.split('\n').filter((line) => line.includes('panicked at'));
  const told = [...secrets].filter((secret) => log.includes(secret));
  return [...panics, ...told.map((secret) => `a secret that ends with ${secret.slice(-4)}`)];
}

export class Hub {
  constructor({ directory, port, settings, access = { kubeconfig, context } }) {
    this.access = access;
    this.directory = directory;
    this.port = port;
    this.origin = `https://localhost:${port}`;
    this.settings = { 'server.origins': `["${this.origin}"]`, ...settings };
  }

  flags() {
    return Object.entries(this.settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  }

  /** Runs a command of the binary on this hub's store; `input` goes to its standard input. */
  admin(args, input) {
    return new Promise((resolve, reject) => {
      const child = execFile(
        binary,
        ['--data-dir', this.directory, ...this.flags(), ...args],
        { env: environment() },
        (error, stdout, stderr) =>
          error ? reject(new Error(`${args.join(' ')}: ${stderr || error}`)) : resolve(stdout),
      );
      child.stdin.end(input ?? '');
    });
  }

  addAccount(name, ...flags) {
    return this.admin(['admin', 'user', 'add', name, '--password-stdin', ...flags], `${password}\n`);
  }

  async start() {
    mkdirSync(logs, { recursive: true });
    this.logFile = join(logs, `${process.argv[1]?.split('/').pop() ?? 'hub'}-${this.port}.log`);
    // A port may have been another hub's in an earlier run.
    this.logStart ??= existsSync(this.logFile) ? statSync(this.logFile).size : 0;
    const log = createWriteStream(this.logFile, { flags: 'a' });
    this.child = spawn(
      binary,
      [
        'serve',
        ...['--data-dir', this.directory, '--listen', `127.0.0.1:${this.port}`, '--self-signed'],
        ...['--kubeconfig', this.access.kubeconfig, '--context', this.access.context, '--cluster-name', cluster],
        ...this.flags(),
      ],
      { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.child.stdout, this.child.stderr]) stream.pipe(log, { end: false });
    // With its last words, which are a panic's.
    this.ended = new Promise((resolve) => this.child.once('close', () => log.end(resolve)));
    await until(
      `the hub on port ${this.port} to be ready`,
      async () => {
        if (this.child.exitCode !== null)
          throw new Error(`the hub has ended:\n${readFileSync(this.logFile, 'utf8').slice(-2000)}`);
        if (!existsSync(join(this.directory, 'demo-ca.pem'))) return false;
        this.ca = readFileSync(join(this.directory, 'demo-ca.pem'), 'utf8');
        return (await new Person(this).get('/readyz')).status === 200;
      },
      { seconds: 30 },
    );
    return this;
  }

  /** The digest by which Chromium is told to trust this hub's certificate and no other. */
  get spki() {
    const certificate = new X509Certificate(readFileSync(join(this.directory, 'demo-cert.pem')));
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
    return createHash('sha256').update(key).digest('base64');
  }

  async signIn(name, secret = password) {
    const person = new Person(this);
    await person.signIn(name, secret);
    return person;
  }

  /** Stops in good order, and fails if its log holds what no log may. */
  async stop() {
    if (!this.child) return;
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    await this.ended;
    clearTimeout(late);
    const said = readFileSync(this.logFile).subarray(this.logStart).toString();
    const faults = faultsIn(said, secretsGiven);
    if (faults.length > 0) throw new Error(`${this.logFile} has:\n${faults.join('\n')}`);
  }

  /** As a power cut would. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/**
 * Puts up `count` hubs on one store, with the accounts alice (administrator), bob and carol. Their data lies under
 * `within`, and is removed at the end.
 */
export async function startHubs({ store = 'sqlite', count = 1, settings = {}, access, within = tmpdir() } = {}) {
  const folder = mkdtempSync(join(within, 'sallyport-hub-'));
  let postgres;
  const common = {
    'workspaces.image': shellImage,
    // The namespaces of these people outlive each test's store.
    'workspaces.adopt_namespaces': 'true',
    'server.drain_grace_s': '1',
    'log.filter': 'info',
    ...settings,
  };
  if (store === 'postgres') {
    postgres = await startPostgres();
    const vault = join(folder, 'vault.key');
    writeFileSync(vault, randomBytes(32).toString('hex'), { mode: 0o600 });
    Object.assign(common, { 'store.url': postgres.url, 'store.vault_key_file': vault });
  }
  const hubs = [];
  const stop = async () => {
    const stopped = await Promise.allSettled(hubs.map((hub) => hub.stop()));
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
    const faults = stopped.filter((each) => each.status === 'rejected').map((each) => each.reason.message);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  };
  try {
    // A store of before is gone with its hub, but its people's workspaces count in their namespaces' quotas.
    await kubectl([
      'delete',
      'pods',
      '-A',
      '-l',
      'sallyport.dev/workspace',
      '--grace-period=0',
      '--force',
      '--ignore-not-found',
    ]);
    for (let nth = 0; nth < count; nth++) {
      hubs.push(new Hub({ directory: join(folder, `hub-${nth}`), port: await freePort(), settings: common, access }));
    }
    await hubs[0].addAccount('alice', '--admin');
    await hubs[0].addAccount('bob');
    await hubs[0].addAccount('carol');
    for (const hub of hubs) await hub.start();
  } catch (error) {
    await stop().catch((fault) => {
      error.message += `\n${fault.message}`;
    });
    throw error;
  }
  return { hubs, hub: hubs[0], postgres, stop };
}
