// The Traffic room with an agent beside a real API server: what kubectl asks is seen, decrypted, while it happens; and
// an agent that goes is told. Needs root, as the clusters do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { cluster, context, kubeconfig, kubectl } from '../support/cluster.mjs';
import { launch, openWindow, picture, signedIn } from '../support/console.mjs';
import { binary, environment, freePort, startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

const name = `agent-${randomBytes(6).toString('hex')}`;
let folder;
let port;
let hubs;
let browser;
let agent;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-agent-'));
  port = await freePort();
  hubs = await startHubs({ settings: { 'traffic.agents_listen': `127.0.0.1:${port}` } });
  await hubs.hub.admin(['admin', 'agent', 'issue', 'node-1', '--cluster', cluster, '--out', folder]);
  browser = await launch(hubs.hub);
});
after(async () => {
  agent?.kill('SIGKILL');
  await browser?.close();
  await hubs?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

function startAgent() {
  const place = (file) => join(folder, file);
  agent = spawn(
    binary,
    [
      ...['agent', '--hub', `https://localhost:${port}`, '--hub-ca', join(hubs.hub.directory, 'demo-ca.pem')],
      ...['--certificate', place('agent.pem'), '--key', place('agent.key'), '--spool', place('spool')],
      ...['--process', 'kube-apiserver'],
    ],
    { env: environment(), stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

const ask = () =>
  kubectl(['--kubeconfig', kubeconfig, '--context', context, 'get', 'configmap', name]).catch(() => undefined);

describe('the Traffic room with an agent', () => {
  let page;
  before(async () => {
    page = await openWindow(browser, hubs.hub);
    await signedIn(page, hubs.hub, 'alice');
  });
  after(() => page?.context().close());
  const button = () => page.getByRole('button', { name: new RegExp(`${cluster}/node-1`) });

  test('says how to start one while nothing is there', async () => {
    await page.goto('/traffic');
    await page.getByText('No traffic is stored yet').waitFor();
    await page.getByText('sallyport admin agent issue').waitFor();
  });

  test('shows that it is connected, and what kubectl asks while it happens', async () => {
    startAgent();
    await button().getByText('Connected').waitFor();
    await page.goto(`/traffic?q=${encodeURIComponent(`name == ${name}`)}`);
    const asking = until('the request to be shown', async () => {
      await ask();
      return page.getByRole('grid', { name: 'Units' }).getByText('404 Not Found').first().isVisible();
    });
    await asking;
    await picture(page, 'traffic-live');
  });

  test('tells how it stands, and what became of it when it is stopped', async () => {
    await button().click();
    const dialog = page.getByRole('dialog', { name: `Agent ${cluster}/node-1` });
    await dialog.getByText('Packets dropped').waitFor();
    await dialog.getByText('6443').waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(
      violations.map(({ id }) => id),
      [],
    );
    agent.kill('SIGTERM');
    await dialog.getByText('It was told to stop, and said goodbye.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await button().getByText('Stopped').waitFor();
  });

  test('and no page reported an error', () => assert.deepEqual(page.faults, []));
});
