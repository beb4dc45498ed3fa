// The Traffic room before a real API server: what curl said to it is captured, uploaded in the browser, and seen
// there decrypted; a Secret and a token in it are nowhere in the hub's files.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import { apply, context, kubeconfig, kubectl, makeNamespace } from '../support/cluster.mjs';
import { launch, openWindow, picture, signedIn } from '../support/console.mjs';
import { startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

const run = promisify(execFile);
const canary = `canary-${randomBytes(9).toString('hex')}`;
let folder;
let namespace;
let hubs;
let browser;
let token;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-traffic-'));
  namespace = await makeNamespace('traffic');
  const metadata = { name: 'reader', namespace: namespace.name };
  const subjects = [{ kind: 'ServiceAccount', name: 'default', namespace: namespace.name }];
  await apply(
    { apiVersion: 'v1', kind: 'Secret', metadata: { ...metadata, name: 'db' }, stringData: { password: canary } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['pods', 'secrets', 'configmaps'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      subjects,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    },
  );
  token = (await kubectl(['create', 'token', 'default', '-n', namespace.name])).trim();
  hubs = await startHubs();
  browser = await launch(hubs.hub);
});
after(async () => {
  await browser?.close();
  await hubs?.stop();
  await namespace?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Captures what curl asks of the API server, and the secrets of its connection. */
async function capture(name, paths) {
  const view = JSON.parse(
    await kubectl([
      '--kubeconfig',
      kubeconfig,
      '--context',
      context,
      'config',
      'view',
      '--raw',
      '--minify',
      '-o',
      'json',
    ]),
  );
  const { server, 'certificate-authority-data': authority } = view.clusters[0].cluster;
  const files = { pcap: join(folder, `${name}.pcap`), keys: join(folder, `${name}.keys`), ca: join(folder, 'ca.pem') };
  writeFileSync(files.ca, Buffer.from(authority, 'base64'));
  const { port } = new URL(server);
  const dump = spawn('tcpdump', ['-U', '-i', 'any', '-s', '0', '-w', files.pcap, `tcp port ${port}`]);
  const ended = new Promise((resolve) => dump.once('exit', resolve));
  let said = '';
  dump.stderr.on('data', (data) => {
    said += data;
  });
  try {
    await until('tcpdump to listen', () => said.includes('listening on'));
    const urls = paths.flatMap((path) => ['-o', '/dev/null', `${server}${path}`]);
    const head = ['-H', `Authorization: Bearer ${token}`, '-H', 'Accept: application/json'];
    await run('curl', ['-s', '--http2', '--cacert', files.ca, ...head, ...urls], {
      env: { ...process.env, SSLKEYLOGFILE: files.keys },
    });
    await until('the connection’s end in the capture', () => readFileSync(files.pcap).length > 4000);
  } finally {
    // Whatever failed, nothing goes on capturing.
    dump.kill('SIGINT');
    await ended;
  }
  return files;
}

const paths = () => [
  `/api/v1/namespaces/${namespace.name}/pods?limit=500`,
  `/api/v1/namespaces/${namespace.name}/secrets/db`,
  '/api/v1/nodes',
  `/api/v1/namespaces/${namespace.name}/configmaps?watch=true&timeoutSeconds=1`,
];

describe('the Traffic room', () => {
  let page;
  let files;
  before(async () => {
    page = await openWindow(browser, hubs.hub);
    await signedIn(page, hubs.hub, 'alice');
    files = await capture('first', paths());
  });
  after(() => page?.context().close());
  const grid = () => page.getByRole('grid', { name: 'Units' });

  test('is empty at first and says what to do', async () => {
    await page.goto('/traffic');
    await page.getByText('No traffic is stored yet').waitFor();
    await page.getByText('tcpdump -i any').waitFor();
  });

  test('takes a capture with its key log, and says how far it could be read', async () => {
    await page.getByRole('button', { name: 'Upload a capture' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Upload a capture' });
    await dialog.getByLabel('Capture (pcap or pcapng)').setInputFiles(files.pcap);
    await dialog.getByLabel('Key log (optional)').setInputFiles(files.keys);
    await dialog.getByRole('button', { name: 'Upload and decode' }).click();
    await dialog.getByText(/\d+ units stored/).waitFor();
    await dialog.getByText('Decrypted', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  test('shows who asked for what, and the answer, beside what was refused', async () => {
    await page.goto(`/traffic?q=${encodeURIComponent('status >= 100')}`);
    await grid().getByText('403 Forbidden').first().waitFor();
    await grid().getByText(`list pods ${namespace.name}`).first().waitFor();
    const user = `system:serviceaccount:${namespace.name}:default`;
    await page.goto(`/traffic?q=${encodeURIComponent(`user == ${user} and resource == secrets`)}`);
    await grid().getByText(`get secrets ${namespace.name}/db`).first().waitFor();
    assert.ok(!(await grid().innerText()).includes('list pods'));
  });

  test('a filter is in the address, survives a reload, and its faults are pointed at', async () => {
    await page.goto('/traffic');
    await grid().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('status == 403');
    await until('the filter in the address', () => new URL(page.url()).searchParams.get('q') === 'status == 403');
    await page.reload();
    await grid().getByText('403 Forbidden').first().waitFor();
    assert.equal(await page.getByLabel('Filter traffic').inputValue(), 'status == 403');
    assert.ok(!(await grid().innerText()).includes('200 OK'));
    await page.getByLabel('Filter traffic').fill('status == abc');
    await page.getByText('The filter is not understood').waitFor();
    await page.getByText(/expected a number/).waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await grid().waitFor();
  });

  test('a unit opens by the keyboard, paired with its request, as tree, text and bytes; and that is audited', async () => {
    await page.goto(`/traffic?q=${encodeURIComponent('resource == secrets and info ~ DATA')}`);
    await grid().getByText('DATA').first().waitFor();
    await grid().focus();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    const unit = page.getByRole('region', { name: /^Unit / });
    await unit.getByRole('heading', { name: 'Request and answers' }).waitFor();
    await unit.getByRole('button', { name: /HEADERS.*GET .*\/secrets\/db/ }).waitFor();
    await unit.getByText('kind:').waitFor();
    await unit.getByText('"Secret"', { exact: true }).waitFor();
    await unit.getByRole('tab', { name: 'Text' }).click();
    await unit
      .getByText(/\[redacted:[0-9a-f]{16}\]/)
      .first()
      .waitFor();
    await unit.getByRole('tab', { name: 'Hex' }).click();
    await unit.getByText(/^000000 +7b/).waitFor();
    await unit.getByRole('tab', { name: 'Connection' }).click();
    await unit.getByText('Decrypted', { exact: true }).waitFor();
    await unit.getByRole('button', { name: /HEADERS.*GET .*\/secrets\/db/ }).click();
    await unit.getByText('authorization', { exact: true }).waitFor();
    const alice = await hubs.hub.signIn('alice');
    const read = (await alice.get('/api/v1/audit?action=traffic.read')).body.items;
    assert.ok(read.length >= 2, JSON.stringify(read));
    assert.match(read[0].object, /^unit\/\d+$/);
    await unit.getByRole('button', { name: 'Close' }).click();
    await unit.waitFor({ state: 'detached' });
  });

  test('what comes in is seen without a reload, and held while one reads', async () => {
    await page.goto('/traffic?q=configmaps');
    await page.getByText('Live', { exact: true }).waitFor();
    await grid().waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Held', { exact: true }).waitFor();
    const shown = await grid().getByRole('row').first().innerText();
    const alice = await hubs.hub.signIn('alice');
    const again = await capture('second', paths());
    const keys = readFileSync(again.keys);
    const answer = await upload(alice, Buffer.concat([keys, readFileSync(again.pcap)]), keys.length);
    assert.equal(answer.status, 201, answer.text);
    await page.getByRole('button', { name: /^Follow: \d+ new$/ }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    assert.equal(await grid().getByRole('row').first().innerText(), shown, 'the heads are the same');
    const newest = (await alice.get('/api/v1/traffic/units?filter=configmaps&limit=1')).body.items[0].number;
    await grid().getByText(String(newest), { exact: true }).waitFor();
  });

  test('says of each connection how far it could be read, and what to do', async () => {
    const alice = await hubs.hub.signIn('alice');
    const answer = await upload(alice, readFileSync(files.pcap), 0);
    assert.equal(answer.status, 201, answer.text);
    await page.goto('/traffic?view=connections&state=no_key');
    await page
      .getByRole('button', { name: /^Connection \d+$/ })
      .first()
      .click();
    await page
      .getByRole('dialog')
      .getByText(/upload the capture again with the key log/)
      .waitFor();
    await page.keyboard.press('Escape');
  });

  test('and no page reported an error', () => assert.deepEqual(page.faults, []));
});

const upload = (person, body, keysBytes) =>
  person.ask('POST', `/api/v1/traffic/captures?name=again&keys_bytes=${keysBytes}`, body, {
    'content-type': 'application/octet-stream',
  });

test('neither the Secret nor the token is in a file of the hub, nor in what it logged', async () => {
  const secrets = [canary, Buffer.from(canary).toString('base64'), token, token.split('.')[2]];
  const kept = readdirSync(hubs.hub.directory).map((name) => join(hubs.hub.directory, name));
  let found = false;
  for (const file of [...kept, hubs.hub.logFile]) {
    const bytes = readFileSync(file);
    found ||= bytes.includes('[redacted:');
    for (const secret of secrets) assert.ok(!bytes.includes(secret), `${file} holds ${secret.slice(0, 6)}…`);
  }
  assert.ok(found, 'what was redacted was looked at');
});

test('who does not administer the hub sees none of it, and is told why', async () => {
  const page = await openWindow(browser, hubs.hub);
  const bob = await signedIn(page, hubs.hub, 'bob');
  await page.goto('/');
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Traffic' }).count(), 0);
  await page.goto('/traffic');
  await page.getByText('Only administrators of the hub may do this.').first().waitFor();
  for (const path of ['units', 'units/1', 'live', 'summary', 'connections'])
    assert.equal((await bob.get(`/api/v1/traffic/${path}`)).status, 403, path);
  assert.equal((await upload(bob, 'x', 0)).status, 403);
  await page.context().close();
});

const looks = [
  { lang: 'en', theme: 'dark', width: 1280 },
  { lang: 'ko', theme: 'light', width: 1280 },
  { lang: 'ko', theme: 'dark', width: 390 },
  { lang: 'en', theme: 'light', width: 390 },
];
for (const look of looks) {
  test(`it looks right in ${look.lang}, ${look.theme}, ${look.width} px`, async () => {
    const page = await openWindow(browser, hubs.hub, { ...look, height: look.width < 500 ? 844 : 800, reader: false });
    const alice = await signedIn(page, hubs.hub, 'alice');
    const filter = 'resource == pods and info ~ DATA';
    const [unit] = (await alice.get(`/api/v1/traffic/units?filter=${encodeURIComponent(filter)}`)).body.items;
    for (const [name, query] of [
      ['list', ''],
      ['unit', `?q=${encodeURIComponent(filter)}&unit=${unit.number}`],
      ['none', '?q=nothing-like-this'],
      ['connections', '?view=connections'],
    ]) {
      await page.goto(`/traffic${query}`);
      await page
        .getByRole('heading', { name: look.lang === 'en' ? 'Traffic' : '트래픽', exact: true })
        .waitFor({ state: 'attached' });
      if (name === 'unit') await page.getByRole('tab').first().waitFor();
      else if (name === 'none')
        await page.getByText(look.lang === 'en' ? 'No unit matches' : '일치하는 항목이 없습니다').waitFor();
      else await page.getByRole('grid').waitFor();
      await picture(page, `traffic-${name}-${look.lang}-${look.theme}-${look.width}`);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const grave = violations.filter((each) => ['serious', 'critical'].includes(each.impact));
      assert.deepEqual(
        grave.map((each) => `${name} ${each.id}: ${each.nodes.map((node) => node.target.join(' ')).slice(0, 3)}`),
        [],
      );
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(excess <= 0, `${name} is ${excess} px wider than the window`);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}
