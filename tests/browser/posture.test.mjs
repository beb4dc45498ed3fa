// The Posture room before a real API server: the hub scans the cluster by itself and when asked, what is open is seen
// with its evidence, somebody answers for it, what was mended is gone; and who may not see it does not.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { apply, cluster, context, kubeconfig, kubectl, makeNamespace, shellImage } from '../support/cluster.mjs';
import { launch, openWindow, picture, signedIn } from '../support/console.mjs';
import { startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

const of = `/api/v1/posture/clusters/${cluster}`;
let folder;
let namespace;
let hubs;
let browser;
let alice;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-posture-'));
  namespace = await makeNamespace('posture');
  await apply(workload({ hostPID: true, privileged: true }));
  // Two hubs on one PostgreSQL, which must behave as one.
  hubs = await startHubs({ store: 'postgres', count: 2 });
  browser = await launch(...hubs.hubs);
  alice = await hubs.hub.signIn('alice');
  await until('the first scan, which nobody asked for', async () => (await alice.get(of)).status === 200, {
    seconds: 60,
  });
});
after(async () => {
  await browser?.close();
  await hubs?.stop();
  await namespace?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A workload that is as open as it is told to be; none of its Pods needs to run. */
const workload = ({ name = 'wide', hostPID, privileged }) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: namespace.name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { hostPID, containers: [{ name: 'app', image: shellImage, securityContext: { privileged } }] },
    },
  },
});
const object = () => `Deployment/${namespace.name}/wide`;
const findings = async (query) => (await alice.get(`${of}/findings?${query}`)).body.items;

test('of two hubs one has scanned the cluster', async () => {
  const { items } = (await alice.get(`${of}/scans`)).body;
  assert.deepEqual(
    items.map(({ state, asked_by }) => [state, asked_by]),
    [['done', undefined]],
  );
  const other = await hubs.hubs[1].signIn('alice');
  assert.deepEqual((await other.get(of)).body.score, (await alice.get(of)).body.score);
});

describe('the Posture room', () => {
  let page;
  before(async () => {
    page = await openWindow(browser, hubs.hub);
    await signedIn(page, hubs.hub, 'alice');
  });
  after(() => page?.context().close());
  const grid = () => page.getByRole('grid', { name: 'Findings' });

  test('shows the score, with each term, and the ten threats', async () => {
    await page.goto('/posture');
    await page.getByRole('heading', { name: 'Score' }).waitFor();
    await page.getByText('How the score is made').click();
    const { terms, score } = (await alice.get(of)).body;
    const sum = (part) => terms.reduce((all, term) => all + term.weight * term[part], 0);
    assert.equal(score.value, Math.floor((100 * sum('passed')) / (sum('passed') + sum('open'))));
    await page.getByText(`100 × ${sum('passed').toLocaleString('en')}`).waitFor();
    await page.getByRole('button', { name: /^E6 Container escape/ }).click();
    await grid().waitFor();
    assert.equal(new URL(page.url()).searchParams.get('threat'), 'E6');
  });

  test('finds the workload by text, and a reload keeps the filter', async () => {
    await page.goto('/posture?view=findings');
    await grid().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(namespace.name);
    await until('the filter in the address', () => new URL(page.url()).searchParams.get('q') === namespace.name);
    await grid().getByText(object()).first().waitFor();
    await page.getByRole('button', { name: 'Critical', exact: true }).click();
    await until('the severity in the address', () => new URL(page.url()).searchParams.get('severity') === 'critical');
    await page.reload();
    await grid().getByText('spec.template.spec.containers[0].securityContext.privileged = true').waitFor();
    assert.equal(await page.getByLabel('Filter findings').inputValue(), namespace.name);
  });

  test('opens a finding by the keyboard: evidence, why, what to do, mappings, and what else is open', async () => {
    await page.goto(`/posture?view=findings&check=host-pid&object=${encodeURIComponent(object())}`);
    await grid().getByText(object()).waitFor();
    await grid().focus();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    const finding = page.getByRole('region', { name: /^Finding \d+$/ });
    await finding.getByText('spec.template.spec.hostPID = true').waitFor();
    await finding.getByRole('heading', { name: 'Why it matters' }).waitFor();
    await finding.getByRole('heading', { name: 'What to do' }).waitFor();
    await finding.getByRole('button', { name: /CKV_K8S_17/ }).waitFor();
    await finding.getByText(/^Also open at this object/).waitFor();
    assert.match(new URL(page.url()).searchParams.get('finding'), /^\d+$/);
  });

  test('somebody answers for it with reason, owner and day; it is audited, and taken back', async () => {
    const finding = page.getByRole('region', { name: /^Finding \d+$/ });
    await finding.getByRole('button', { name: 'Answer for it…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make an exception' });
    const make = dialog.getByRole('button', { name: 'Make an exception' });
    assert.ok(await make.isDisabled(), 'without reason, owner and day there is none');
    await dialog.getByLabel('Reason').fill('reads the processes of the node');
    await dialog.getByLabel('Who answers for it').fill('ops@example.com');
    const day = new Date(Date.now() + 30 * 86.4e6).toISOString().slice(0, 10);
    await dialog.getByLabel('Last day (UTC)').fill(day);
    await make.click();
    await page.getByText('Exception made; it answers for 1 finding').first().waitFor();
    await finding.getByText(`Excepted until ${day}`).waitFor();
    const [record] = (await alice.get('/api/v1/audit?action=posture.except')).body.items;
    assert.equal(record.object, `${cluster}/${object()}`);
    assert.equal(record.detail.owner, 'ops@example.com');
    await page.getByRole('navigation', { name: 'Posture' }).getByRole('button', { name: 'Exceptions' }).click();
    await page.getByText('reads the processes of the node').waitFor();
    await page.getByRole('button', { name: /^Take back exception/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Take it back' }).click();
    await page.getByText('There are no exceptions').waitFor();
    assert.equal((await findings('standing=excepted')).length, 0);
    assert.equal((await alice.get('/api/v1/audit?action=posture.unexcept')).body.items.length, 1);
  });

  test('what was mended is gone after a scan that is asked for, and what came is new', async () => {
    await apply(
      workload({ hostPID: false, privileged: true }),
      workload({ name: 'later', hostPID: true, privileged: false }),
    );
    await page.goto('/posture');
    await page.getByRole('button', { name: 'Scan now' }).click();
    await until('the second scan', async () => (await alice.get(of)).body.previous !== undefined, { seconds: 60 });
    const gone = await findings('change=gone&check=host-pid');
    assert.deepEqual(
      gone.map((each) => each.object),
      [object()],
    );
    await page.goto('/posture?view=findings&change=gone');
    await grid().getByText(object()).waitFor();
    await grid().getByText('Gone', { exact: true }).first().waitFor();
    assert.deepEqual(
      (await findings('change=new&check=host-pid')).map((each) => each.object),
      [`Deployment/${namespace.name}/later`],
    );
    await page.goto('/posture?view=history');
    await page.getByRole('row', { name: /^2 / }).getByText('sallyport:alice').waitFor();
    await page.getByRole('row', { name: /^1 / }).getByText('schedule').waitFor();
  });

  test('draws the path from the workload to the node, each step with its evidence', async () => {
    await page.goto(`/posture?view=paths&from=${encodeURIComponent(object())}`);
    const path = page.getByRole('region', { name: `From ${object()} to root on a node` });
    await path.getByText('root on a node', { exact: true }).waitFor();
    await path.getByText('spec.template.spec.containers[0].securityContext.privileged = true').waitFor();
    assert.ok((await path.getByRole('listitem').count()) >= 2);
  });

  test('gives the scan as a file', async () => {
    for (const [name, ending] of [
      ['HTML, one page', 'html'],
      ['JSON', 'json'],
      ['SARIF', 'sarif'],
    ]) {
      await page.goto('/posture');
      await page.getByRole('button', { name: 'Export' }).click();
      const waiting = page.waitForEvent('download');
      await page.getByRole('menuitem', { name }).click();
      const file = await waiting;
      assert.ok(file.suggestedFilename().endsWith(`.${ending}`));
      const text = readFileSync(await file.path(), 'utf8');
      assert.ok(text.includes(object()), `${ending} names the workload`);
      if (ending !== 'html') JSON.parse(text);
    }
    assert.equal((await alice.get('/api/v1/audit?action=posture.export')).body.items.length, 3);
  });

  test('and no page reported an error', () => assert.deepEqual(page.faults, []));
});

test('who does not administer the hub sees none of it, and is told why', async () => {
  const page = await openWindow(browser, hubs.hub);
  const bob = await signedIn(page, hubs.hub, 'bob');
  await page.goto('/');
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Posture' }).count(), 0);
  await page.goto('/posture');
  await page.getByText('Only administrators of the hub may do this.').first().waitFor();
  const [{ number }] = await findings('limit=1');
  for (const path of ['', '/scans', '/findings', `/findings/${number}`, '/paths', '/exceptions', '/report?format=json'])
    assert.equal((await bob.get(`${of}${path}`)).status, 403, path);
  for (const path of ['/api/v1/posture/clusters', '/api/v1/posture/checks'])
    assert.equal((await bob.get(path)).status, 403, path);
  assert.equal((await bob.ask('POST', `${of}/scans`)).status, 403);
  const body = { check: 'host-pid', object: '*', reason: 'r', owner: 'o', expires: '2027-01-01' };
  assert.equal((await bob.ask('POST', `${of}/exceptions`, body)).status, 403);
  assert.equal((await bob.ask('DELETE', `${of}/exceptions/1`)).status, 403);
  assert.equal((await alice.get(`${of}/scans`)).body.items.length, 2);
  await page.context().close();
});

test('a hub that may read nothing says so, and what it would need', async () => {
  const account = { name: 'blind', namespace: namespace.name };
  await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
  const token = (await kubectl(['create', 'token', 'blind', '-n', namespace.name])).trim();
  const blind = await startHubs({ access: await blindAccess(token) });
  try {
    const person = await blind.hub.signIn('alice');
    await until(
      'a scan that failed',
      async () => (await person.get(`${of}/scans`)).body.items[0]?.fault === 'all_refused',
      { seconds: 60 },
    );
    const window = await launch(blind.hub);
    const page = await openWindow(window, blind.hub);
    await signedIn(page, blind.hub, 'alice');
    await page.goto('/posture');
    await page.getByText('sallyport scan rbac | kubectl apply -f -').waitFor();
    await page.getByText('This cluster was not scanned yet').waitFor();
    assert.deepEqual(page.faults, []);
    await window.close();
  } finally {
    await blind.stop();
  }
});

/** A kubeconfig of an account that has no right. */
async function blindAccess(token) {
  const flags = ['--kubeconfig', kubeconfig, '--context', context, 'config', 'view', '--raw', '--minify', '-o', 'json'];
  const view = JSON.parse(await kubectl(flags));
  view.users[0].user = { token };
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, JSON.stringify(view), { mode: 0o600 });
  return { kubeconfig: file, context: view['current-context'] };
}

const looks = [
  { lang: 'en', theme: 'dark', width: 1280 },
  { lang: 'ko', theme: 'light', width: 1280 },
  { lang: 'ko', theme: 'dark', width: 390 },
  { lang: 'en', theme: 'light', width: 390 },
];
for (const look of looks) {
  test(`it looks right in ${look.lang}, ${look.theme}, ${look.width} px`, async () => {
    const page = await openWindow(browser, hubs.hub, { ...look, height: look.width < 500 ? 844 : 800, reader: false });
    await signedIn(page, hubs.hub, 'alice');
    const en = look.lang === 'en';
    const [{ number }] = await findings('limit=1');
    for (const [name, query, wait] of [
      ['overview', '', page.getByRole('heading', { name: en ? 'The ten threats' : '열 가지 위협' })],
      ['findings', '?view=findings', page.getByRole('grid')],
      [
        'finding',
        `?view=findings&finding=${number}`,
        page.getByRole('heading', { name: en ? 'Why it matters' : '중요한 이유' }),
      ],
      [
        'none',
        '?view=findings&q=nothing-like-this',
        page.getByText(en ? 'No finding matches' : '일치하는 점검 결과가 없습니다'),
      ],
      ['paths', '?view=paths', page.getByRole('heading', { level: 2 }).first()],
      ['exceptions', '?view=exceptions', page.getByText(en ? 'There are no exceptions' : '예외가 없습니다')],
      ['history', '?view=history', page.getByText(en ? 'Done' : '완료', { exact: true }).first()],
    ]) {
      await page.goto(`/posture${query}`);
      await wait.waitFor();
      await picture(page, `posture-${name}-${look.lang}-${look.theme}-${look.width}`);
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
