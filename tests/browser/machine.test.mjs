// Letting a machine in that runs `sallyport login`: by a code that is typed, by the page that it opens, and not at all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from '../support/cluster.mjs';
import { launch, openWindow, picture, signedIn } from '../support/console.mjs';
import { password, startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

const binary = process.env.SALLYPORT_TEST_BINARY ?? `${root}target/x86_64-unknown-linux-gnu/debug/sallyport`;
const words = {
  en: {
    title: 'Let a machine in',
    find: 'Find the machine',
    allow: 'Allow',
    deny: 'Do not allow',
    allowed: 'Allowed',
    gone: 'No machine asks with this code',
  },
  ko: {
    title: '기기 허용',
    find: '기기 찾기',
    allow: '허용',
    deny: '허용 안 함',
    allowed: '허용했습니다',
    gone: '이 코드로 요청한 기기가 없습니다',
  },
};

let hubs;
let browser;
let home;

before(async () => {
  hubs = await startHubs();
  browser = await launch(hubs.hub);
  home = mkdtempSync(join(tmpdir(), 'sallyport-machine-'));
});
after(async () => {
  await browser?.close();
  await hubs?.stop();
  if (home) rmSync(home, { recursive: true });
});

/** A login on a machine: what it has said so far, and how it ends. */
function login(environment, ...flags) {
  const child = spawn(
    binary,
    [
      'login',
      '--hub',
      hubs.hub.origin,
      '--ca',
      join(hubs.hub.directory, 'demo-ca.pem'),
      '--name',
      'a laptop',
      ...flags,
    ],
    { env: { PATH: process.env.PATH, HOME: home, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = { text: '', code: () => said.text.match(/\b[A-Z]{4}-[A-Z]{4}\b/)?.[0] };
  child.stdout.on('data', (data) => (said.text += data));
  child.stderr.on('data', (data) => (said.text += data));
  said.ended = new Promise((resolve) => child.once('exit', resolve));
  return said;
}

for (const lang of ['en', 'ko']) {
  describe(`in ${lang === 'en' ? 'English' : 'Korean'}`, () => {
    const w = words[lang];
    let page;
    before(async () => {
      page = await openWindow(browser, hubs.hub, { lang, theme: lang === 'en' ? 'dark' : 'light' });
      await signedIn(page, hubs.hub, 'bob');
    });
    after(() => page?.context().close());

    test('a typed code lets the machine in', async () => {
      const machine = login({}, '--no-browser');
      const code = await until('a code', () => machine.code());
      await page.goto('/machine');
      await page.getByRole('heading', { name: w.title }).waitFor();
      await page.getByRole('textbox').fill(code.toLowerCase().replace('-', ''));
      await page.getByRole('button', { name: w.find }).click();
      await page.getByText('a laptop').waitFor();
      await page.getByText(code).waitFor();
      await picture(page, `machine-${lang}`);
      await page.getByRole('button', { name: w.allow, exact: true }).click();
      await page.getByText(w.allowed, { exact: true }).waitFor();
      assert.equal(await machine.ended, 0, machine.text);
      assert.match(machine.text, /sallyport:bob/);
    });

    test('no is no', async () => {
      const machine = login({}, '--no-browser');
      const code = await until('a code', () => machine.code());
      await page.goto(`/machine?code=${code}`);
      await page.getByRole('button', { name: w.deny, exact: true }).click();
      assert.notEqual(await machine.ended, 0);
      await page.goto(`/machine?code=${code}`);
      await page.getByText(w.gone).waitFor();
    });
  });
}

test('the page that the machine opens leads through the sign-in and back to the machine', async () => {
  const opened = join(home, 'opened');
  const program = join(home, 'browser');
  writeFileSync(program, `#!/bin/sh\necho "$1" >${opened}\n`);
  chmodSync(program, 0o755);
  const machine = login({ BROWSER: program });
  const address = await until('a page', () => {
    try {
      return readFileSync(opened, 'utf8').trim();
    } catch {
      return '';
    }
  });
  const page = await openWindow(browser, hubs.hub);
  await page.goto(address);
  await page.getByLabel('User name').fill('bob');
  await page.getByLabel('Password', { exact: true }).last().fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.getByText('You can close this page').waitFor();
  assert.equal(await machine.ended, 0, machine.text);
  await page.context().close();
});
