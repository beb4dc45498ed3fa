// What a person does in the console and must then see, in a real Chromium against a mock hub of its own. Needs a build.
// What the hub decides is not looked at here but in tests/, before a real one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const mocks = [];
let hub;
let browser;
let page;

async function startMock(pods) {
  const mock = spawn(process.execPath, [fileURLToPath(new URL('hub.mjs', import.meta.url))], {
    env: { ...process.env, PORT: '0', PODS: String(pods) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  mocks.push(mock);
  const [said] = await once(mock.stdout, 'data');
  return /http:\/\/localhost:\d+/.exec(said.toString())[0];
}

before(async () => {
  hub = await startMock(60);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
});
after(async () => {
  await browser?.close();
  for (const mock of mocks) mock.kill();
});
beforeEach(async () => {
  await page?.context().close();
  page = await openPage();
});

async function openPage({ lang = 'en', name = 'mina', baseURL = hub } = {}) {
  const context = await browser.newContext({
    baseURL,
    viewport: { width: 1280, height: 800 },
    locale: lang === 'ko' ? 'ko-KR' : 'en-US',
    reducedMotion: 'reduce',
    timezoneId: 'Asia/Seoul',
  });
  await context.addInitScript(() =>
    localStorage.setItem('sallyport.terminal', JSON.stringify({ renderer: 'dom', fontSize: 14 })),
  );
  if (name) await context.request.post('/api/v1/sign-in/password', { data: { username: name, password: 'mock' } });
  const opened = await context.newPage();
  opened.setDefaultTimeout(8000);
  return opened;
}

async function enter() {
  await page.goto('/workspaces');
  await page
    .getByRole('button', { name: /Enter quiet-otter/ })
    .last()
    .click();
  await page.locator('[data-phase="live"]').waitFor();
  await page.getByText('true colour').waitFor();
}
async function run(command) {
  await page.locator('.xterm-helper-textarea').focus();
  await page.keyboard.type(command);
  await page.keyboard.press('Enter');
}
const paste = (text) =>
  page.evaluate((pasted) => {
    const data = new DataTransfer();
    data.setData('text/plain', pasted);
    document.activeElement.dispatchEvent(
      new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
    );
  }, text);
const rows = () => page.locator('.status-size').innerText();

describe('notices of a terminal', () => {
  test('what was passed over is told in one line that takes no row and goes at the next key', async () => {
    await enter();
    const before = await rows();
    await run('skip');
    const told = page.getByText('18 MB passed over');
    await told.waitFor();
    const { height } = await page.locator('.skipped').boundingBox();
    assert.ok(height <= 22, `${height} px high`);
    assert.equal(await rows(), before);
    await page.keyboard.press('a');
    await told.waitFor({ state: 'detached' });
  });

  test('what was passed over is told for four seconds', async () => {
    await enter();
    await run('skip');
    await page.getByText('18 MB passed over').waitFor();
    await page.getByText('18 MB passed over').waitFor({ state: 'detached', timeout: 5000 });
  });

  test('what was passed over is not told again in a room that is come back to, nor over a denial', async () => {
    await enter();
    await run('skip');
    const told = page.locator('.skipped');
    await told.waitFor();
    await told.waitFor({ state: 'detached', timeout: 5000 });
    await toPods();
    const back = () =>
      page
        .getByRole('navigation', { name: 'Rooms' })
        .getByRole('link', { name: /Terminal/ })
        .click();
    await back();
    await page.locator('[data-phase="live"]').waitFor();
    assert.equal(await told.count(), 0);
    await run('skip');
    await told.waitFor();
    await run('withdraw');
    await page.getByRole('heading', { name: 'Access denied' }).waitFor();
    assert.equal(await told.count(), 0);
  });

  test('a hub about to stop says so above the screen, not over it', async () => {
    await enter();
    const before = await rows();
    await run('drain');
    const notice = await page.getByRole('alert').boundingBox();
    const screen = await page.locator('.pane-screen').boundingBox();
    assert.ok(notice.y + notice.height <= screen.y);
    await page.waitForFunction((old) => document.querySelector('.status-size').textContent !== old, before);
  });
});

describe('the console keys', () => {
  const bar = () => page.getByRole('toolbar', { name: 'Console keys' });

  test('close when the focus goes to the shell, and the chord opens them with the keys in them', async () => {
    await enter();
    await page.keyboard.press('Control+Shift+Space');
    await bar().waitFor();
    await page.locator('.xterm-screen').click();
    await bar().waitFor({ state: 'detached' });
    await page.keyboard.type('here');
    await page.getByText('$ here').waitFor();
    await page.keyboard.press('Control+Shift+Space');
    await bar().waitFor();
    await page.keyboard.press('t');
    await page.getByRole('dialog', { name: 'Open a terminal' }).waitFor();
    assert.equal(await bar().count(), 0);
  });

  test('close at the first Escape, also while a tooltip shows', async () => {
    await enter();
    await page.keyboard.press('Control+Shift+Space');
    await bar().waitFor();
    const acts = await page.locator('.pane-acts button').first().boundingBox();
    await page.mouse.move(acts.x + 40, acts.y - 200);
    await page.mouse.move(acts.x + 8, acts.y + 8);
    await page.mouse.move(acts.x + 10, acts.y + 10);
    await page.getByRole('tooltip').waitFor();
    await page.keyboard.press('Escape');
    await bar().waitFor({ state: 'detached' });
    await page.keyboard.type('back');
    await page.getByText('$ back').waitFor();
  });
});

describe('a paste', () => {
  const question = () => page.getByRole('alertdialog');
  const shown = () => question().getByRole('region', { name: 'What will be pasted' }).innerText();
  beforeEach(async () => {
    await enter();
    await page.locator('.xterm-helper-textarea').focus();
  });

  test('of one line goes in unasked, unless it hides a control character, of seven bits or of eight', async () => {
    await paste('echo plain 한글');
    await page.getByText('$ echo plain 한글').waitFor();
    for (const [hidden, sign] of [
      ['\u000f', '␏'],
      ['\u009b31m', '␛[31m'],
    ]) {
      await paste(`; rm x${hidden}`);
      await question().getByRole('heading', { name: 'Paste 1 line?' }).waitFor();
      await question().getByText('without a line break.').waitFor();
      await question().getByText('It contains control characters').waitFor();
      assert.equal(await question().getByText('The shell runs each line').count(), 0);
      assert.equal(await shown(), `; rm x${sign}`);
      await question().getByRole('button', { name: 'Cancel' }).click();
      await question().waitFor({ state: 'detached' });
    }
    await page.keyboard.type('; true');
    await page.getByText('$ echo plain 한글; true').waitFor();
  });
});

test('what was seen in a terminal is saved under the name of its Pod', async () => {
  await enter();
  await run('seq');
  await page.getByText('line 200 of the scrollback').waitFor();
  await page.getByRole('button', { name: 'More for this terminal' }).click();
  const saved = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Save what was seen' }).click();
  const download = await saved;
  assert.equal(download.suggestedFilename(), 'ws-quiet-otter.txt');
  assert.match(await readFile(await download.path(), 'utf8'), /line 1 of the scrollback\n/);
});

const toPods = async () => {
  await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Pods' }).click();
  await page.getByRole('grid').waitFor();
};
describe('leaving the page', () => {
  const asked = async (leave) => {
    const dialog = page.waitForEvent('dialog');
    await leave();
    const question = await dialog;
    assert.equal(question.type(), 'beforeunload');
    await question.dismiss();
  };
  // Not `page.reload`, which waits for the page that does not come.
  const reload = () => page.evaluate(() => void setTimeout(() => location.reload()));

  test('is asked about in any room while a shell lives, and no more when it has ended', async () => {
    await enter();
    await toPods();
    await asked(reload);
    assert.equal(new URL(page.url()).pathname, '/pods');
    await page
      .getByRole('navigation', { name: 'Rooms' })
      .getByRole('link', { name: /Terminal/ })
      .click();
    await page.locator('[data-phase="live"]').waitFor();
    await run('exit');
    await page.locator('[data-phase="exited"]').waitFor();
    await toPods();
    page.on('dialog', (dialog) => assert.fail(`asked ${dialog.type()}`));
    await page.reload();
    await page.getByRole('grid').waitFor();
  });

  test('by signing out is asked about once, with the terminals that end, and tells what failed as its own', async () => {
    await enter();
    await toPods();
    page.on('dialog', (dialog) => assert.fail(`asked ${dialog.type()}`));
    const question = page.getByRole('dialog', { name: 'Sign out', exact: true });
    const signOut = async () => {
      await page.getByRole('button', { name: /^Account/ }).click();
      await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
      await question.getByText('1 live terminal of this page will end').waitFor();
    };
    await signOut();
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'detached' });
    assert.equal(new URL(page.url()).pathname, '/pods');
    await page.route('**/api/v1/sign-out', (route) => route.abort(), { times: 1 });
    await signOut();
    await question.getByRole('button', { name: 'Sign out', exact: true }).click();
    await question.getByRole('alert').waitFor();
    assert.equal(await page.getByRole('dialog', { name: 'Sign out everywhere' }).count(), 0);
    await question.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.waitForURL(/sign-in/);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});

test('a page whose person has changed is loaded anew without a question', async () => {
  await enter();
  await toPods();
  page.on('dialog', (dialog) => assert.fail(`asked ${dialog.type()}`));
  await page.context().request.post('/api/v1/sign-in/password', { data: { username: 'joon', password: 'mock' } });
  const loaded = page.waitForEvent('load');
  // A hub that answers again after a while is asked again for everything, and so for who is signed in.
  await page.route(/\/api\/v1\/(accounts|links)\b/, (route) => route.abort(), { times: 1 });
  await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Access' }).click();
  await loaded;
  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByText('joon', { exact: true }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Terminal', exact: true }).count(), 1);
});

test('a refused link is told where its terminal would be: what happened, who decided and what to do', async () => {
  for (const [lang, title, ...words] of [
    ['en', 'Access denied', 'This link has expired.', 'Decided by', 'Sallyport hub', 'What to do'],
    ['ko', '접근할 수 없습니다', '링크가 만료되었습니다.', '결정한 곳', 'Sallyport 허브', '해결 방법'],
  ]) {
    await page.context().close();
    page = await openPage({ lang });
    await page.goto('/terminal#sp1.expired');
    const told = page.getByRole('alert');
    await told.getByRole('heading', { name: title }).waitFor();
    for (const text of words) await told.getByText(text, { exact: true }).waitFor();
  }
});

test('a link that was revoked sends nobody to themselves, and does not urge to open its Pod again', async () => {
  await enter();
  await run('revoke');
  const told = page.getByRole('alert');
  await told.getByText(/ask an administrator of the hub/).waitFor();
  assert.equal(await told.getByText(/who made it/).count(), 0);
  const again = told.getByRole('button', { name: 'Open again' });
  assert.match(await again.getAttribute('class'), /button-plain/);
  await again.click();
  await page.locator('[data-phase="live"]').waitFor();
});

describe('a workspace whose name is refused', () => {
  for (const [lang, label, create, hint, taken] of [
    [
      'en',
      'Name (optional)',
      'Create',
      /^Lower-case letters, digits and hyphens/,
      /^You already have a workspace called web\./,
    ],
    [
      'ko',
      '이름 (선택)',
      '만들기',
      /^영문 소문자, 숫자, 하이픈으로 40자까지/,
      /^web: 이미 쓰고 있는 워크스페이스 이름입니다/,
    ],
  ])
    test(`says so in ${lang} at the field, with the rule in sight`, async () => {
      await page.context().close();
      page = await openPage({ lang });
      await page.route('**/api/v1/workspaces', async (route) => {
        if (route.request().method() !== 'POST') return route.continue();
        const { name } = route.request().postDataJSON();
        const said =
          name === 'web'
            ? { status: 409, code: 'conflict', detail: 'you have a workspace called `web`' }
            : { status: 400, code: 'bad_request', detail: '`name`: use a-z, 0-9 and `-`' };
        await route.fulfill({ status: said.status, json: { ...said, request_id: 'r' } });
      });
      await page.goto('/workspaces');
      await page.getByText(hint).waitFor();
      const field = page.getByRole('textbox', { name: label });
      await field.fill('Bad Name!');
      await page.getByRole('button', { name: create, exact: true }).click();
      await page.locator('.field-error').getByText('`name`: use a-z, 0-9 and `-`').waitFor();
      assert.equal(await page.getByRole('alert').count(), 0);
      await field.fill('web');
      assert.equal(await page.locator('.field-error').filter({ hasText: 'use a-z' }).count(), 0);
      await page.getByRole('button', { name: create, exact: true }).click();
      await page.locator('.field-error').getByText(taken).waitFor();
    });
});

describe('the denied page at its own address', () => {
  for (const [lang, ...decided] of [
    [
      'en',
      ['forbidden', 'Kubernetes (the cluster)'],
      ['pod_gone', 'Kubernetes (the cluster)'],
      ['link_revoked', 'Sallyport hub'],
      ['hub_unreachable', 'This browser'],
    ],
    ['ko', ['right_withdrawn', 'Kubernetes(클러스터)'], ['link_used', 'Sallyport 허브']],
  ])
    test(`says in ${lang} who decided, by the code`, async () => {
      await page.context().close();
      page = await openPage({ lang });
      for (const [code, who] of decided) {
        await page.goto(`/denied?code=${code}&request=req_1`);
        const told = page.getByRole('alert');
        for (const text of [code, who, 'req_1']) await told.getByText(text, { exact: true }).waitFor();
      }
    });

  test('shows nothing else that an address says', async () => {
    await page.goto('/denied?code=made-up&request=%3Cb%3Ecall%20me%3C/b%3E');
    await page.getByRole('alert').getByText('internal', { exact: true }).waitFor();
    assert.doesNotMatch(await page.locator('body').innerText(), /made-up|call me/);
  });
});

describe('three thousand Pods', () => {
  test('are counted, drawn only where they are seen, and reached by keys to the last', async () => {
    const baseURL = await startMock(3000);
    await page.context().close();
    page = await openPage({ baseURL });
    await page.goto('/pods');
    const grid = page.getByRole('grid');
    await page.waitForFunction(() => document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') === '3001');
    const drawn = async () => {
      const count = await grid.getByRole('row').count();
      assert.ok(count > 10 && count < 100, `${count} rows are drawn`);
    };
    const current = () => grid.getByRole('row', { selected: true }).getAttribute('aria-rowindex');
    await drawn();
    await grid.focus();
    await page.keyboard.press('End');
    assert.equal(await current(), '3001');
    await drawn();
    await page.keyboard.press('k');
    assert.equal(await current(), '3000');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    assert.equal(await current(), '3001');
    assert.equal(
      await grid.getAttribute('aria-activedescendant'),
      await grid.getByRole('row', { selected: true }).getAttribute('id'),
    );
    await page.keyboard.press('Home');
    assert.equal(await current(), '2');
    await drawn();
  });
});

describe('the list of links', () => {
  const isList = (url) => url.pathname === '/api/v1/links';
  const refuse = (route) => route.fulfill({ status: 403, json: { code: 'forbidden', detail: 'x', request_id: 'r' } });
  const told = () => page.getByRole('alert');

  test('says that it cannot be had, and can be asked for again', async () => {
    await page.route(isList, refuse);
    await page.goto('/access/links');
    await told().waitFor();
    assert.equal(await page.getByText('No links').count(), 0);
    await page.unroute(isList);
    await told().getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('table').waitFor();
    assert.equal(await told().count(), 0);
  });

  test('says that it may have changed since, over the rows as they were', async () => {
    await page.goto('/access/links');
    await page.getByRole('table').waitFor();
    const count = await page.getByRole('row').count();
    await page.route(isList, refuse);
    await told().waitFor({ timeout: 15_000 });
    assert.equal(await page.getByRole('row').count(), count);
    await page.unroute(isList);
    await told().getByRole('button', { name: 'Try again' }).click();
    await told().waitFor({ state: 'detached' });
  });

  test('tells of a next page that does not come once, under the rows', async () => {
    await page.route(isList, async (route) => {
      if (new URL(route.request().url()).searchParams.has('after')) return refuse(route);
      const answer = await (await route.fetch()).json();
      await route.fulfill({ json: { ...answer, next: 'more' } });
    });
    await page.goto('/access/links');
    await page.getByRole('button', { name: 'Show more' }).click();
    await told().waitFor();
    assert.equal(await told().count(), 1);
    const [table, notice] = await Promise.all([page.getByRole('table').boundingBox(), told().boundingBox()]);
    assert.ok(notice.y >= table.y + table.height);
  });

  test('tells of a revocation that failed only where it was asked for', async () => {
    await page.route('**/api/v1/links/revoke-all', (route) =>
      route.fulfill({ status: 503, json: { code: 'store_unavailable', detail: 'x', request_id: 'r' } }),
    );
    await page.goto('/access/links');
    const all = page.getByRole('button', { name: /^Revoke all/ });
    const question = page.getByRole('alertdialog');
    await all.click();
    await question.getByRole('button', { name: 'Revoke' }).click();
    await question.getByRole('alert').waitFor();
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'detached' });
    await all.click();
    await question.waitFor();
    assert.equal(await question.getByRole('alert').count(), 0);
  });
});

describe('the links of one person', () => {
  for (const [lang, filterName, revokeAll, revoke, nothing, none] of [
    [
      'en',
      'Filter by Kubernetes user',
      'Revoke all of sallyport:bob',
      'Revoke',
      'There was nothing to revoke',
      'No link matches',
    ],
    [
      'ko',
      'Kubernetes 사용자로 필터',
      'sallyport:bob: 모든 링크 폐기',
      '폐기',
      '폐기할 링크가 없었습니다',
      '일치하는 링크가 없습니다',
    ],
  ])
    test(`are found in ${lang} by the account, revoked of a user that is there, and zero is no success`, async () => {
      await page.context().close();
      page = await openPage({ lang });
      await page.route('**/api/v1/accounts', async (route) => {
        const answer = await (await route.fetch()).json();
        const bob = { ...answer.items[0], id: 'acc_bob', name: 'bob', kubernetes_user: 'sallyport:bob' };
        await route.fulfill({ json: { items: [...answer.items, bob] } });
      });
      await page.route(
        (url) => url.pathname === '/api/v1/links',
        async (route) => {
          const url = new URL(route.request().url());
          if (url.searchParams.get('user') !== 'sallyport:bob') return route.continue();
          url.searchParams.set('user', 'joon');
          const answer = await (await route.fetch({ url: String(url) })).json();
          const items = answer.items.map((each) => ({ ...each, user: 'sallyport:bob' }));
          await route.fulfill({ json: { ...answer, items } });
        },
      );
      let revokedOf;
      await page.route('**/api/v1/links/revoke-all', (route) => {
        revokedOf = route.request().postDataJSON().user;
        return route.fulfill({ json: { revoked: 0 } });
      });
      await page.goto('/access/links');
      const filter = page.getByRole('searchbox', { name: filterName });
      await filter.fill('bob');
      await page.getByRole('cell', { name: 'sallyport:bob' }).first().waitFor();
      await page.getByRole('button', { name: revokeAll }).click();
      await page.getByRole('alertdialog').getByRole('button', { name: revoke, exact: true }).click();
      await page.locator('.toast-calm').getByText(nothing).waitFor();
      assert.equal(revokedOf, 'sallyport:bob');
      await filter.fill('bo');
      await page.getByText(none).waitFor();
      assert.equal(
        await page.getByRole('button', { name: lang === 'en' ? /^Revoke all/ : /모든 링크 폐기/ }).count(),
        0,
      );
    });
});

describe('a hub that went away', () => {
  for (const [command, title] of [
    ['stop', 'The hub has stopped'],
    ['cut', 'Connection lost'],
  ])
    test(`«${command}» is told as «${title}», not as a denial`, async () => {
      await enter();
      if (command === 'stop') {
        await run('drain');
        await page.getByText('The hub stops within 30 sec').waitFor();
      }
      await run(command);
      await page.getByRole('heading', { name: title }).waitFor();
      assert.equal(await page.getByText('Access denied').count(), 0);
      assert.equal(await page.getByText('Decided by').count(), 0);
      assert.equal(await page.getByText('The hub stops within').count(), 0);
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.locator('[data-phase="live"]').waitFor();
    });
});

test('the audit log gives each record its local time to the second', async () => {
  await page.goto('/access/audit');
  const time = page.getByRole('grid').locator('time').first();
  await time.waitFor();
  assert.match(await time.innerText(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  assert.ok(!Number.isNaN(Date.parse(await time.getAttribute('datetime'))));
  const { scrollWidth, clientWidth } = await time.evaluate(({ parentElement }) => ({
    scrollWidth: parentElement.scrollWidth,
    clientWidth: parentElement.clientWidth,
  }));
  assert.equal(scrollWidth, clientWidth);
});

test('where a new terminal goes can be chosen by arrows and Enter', async () => {
  await enter();
  await page.getByRole('button', { name: 'Open a terminal' }).click();
  const filter = page.getByRole('textbox', { name: 'Filter workspaces and Pods' });
  await filter.waitFor();
  const options = page.getByRole('list', { name: 'Where to open a shell' }).getByRole('button');
  await options.nth(1).waitFor();
  const focused = (locator) => locator.evaluate((node) => node === document.activeElement);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.ok(await focused(options.nth(1)));
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  assert.ok(await focused(filter));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Open a terminal' }).click();
  await options.first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await page.getByRole('list', { name: 'Open terminals' }).getByRole('listitem').count(), 3);
});

describe('an upload', () => {
  const dialog = () => page.getByRole('dialog', { name: 'Upload a capture' });
  const choose = async () => {
    await page.goto('/');
    await page.getByRole('link', { name: 'Traffic' }).click();
    await page.getByRole('button', { name: 'Upload a capture' }).click();
    await dialog()
      .getByLabel('Capture (pcap or pcapng)')
      .setInputFiles({ name: 'api.pcap', mimeType: 'application/octet-stream', buffer: Buffer.from('x') });
  };

  test('that failed leaves the fields with the files that would be sent again', async () => {
    let refusing = true;
    await page.route('**/api/v1/traffic/captures**', (route) =>
      refusing
        ? route.fulfill({ status: 413, json: { code: 'body_too_large', detail: '', request_id: 'r' } })
        : route.continue(),
    );
    await choose();
    await dialog().getByRole('button', { name: 'Upload and decode' }).click();
    await dialog().getByRole('alert').waitFor();
    const named = await dialog()
      .getByLabel('Capture (pcap or pcapng)')
      .evaluate((input) => [...input.files].map((file) => file.name));
    assert.deepEqual(named, ['api.pcap']);
    refusing = false;
    await dialog().getByRole('button', { name: 'Upload and decode' }).click();
    await dialog().getByText('900 units stored').waitFor();
  });

  test('ends when the room is left', async () => {
    await page.route('**/api/v1/traffic/captures**', () => undefined);
    await choose();
    const failed = page.waitForEvent('requestfailed', (request) => request.url().includes('/captures'));
    await dialog().getByRole('button', { name: 'Upload and decode' }).click();
    await page.getByRole('alertdialog', { name: 'Upload a capture' }).waitFor();
    await page.evaluate(() => history.back());
    await failed;
  });
});

describe('the list of units', () => {
  test('shows an open unit also where the filter finds nothing', async () => {
    await page.goto('/traffic?q=nothing-like-this&unit=42');
    await page.getByText('No unit matches').waitFor();
    await page.getByRole('region', { name: 'Unit 42' }).getByText('Request and answers').waitFor();
    await page.getByRole('region', { name: 'Unit 42' }).getByRole('button', { name: 'Close' }).click();
    await page.getByRole('region', { name: 'Summary' }).waitFor();
  });

  for (const [lang, badge, words] of [
    ['en', 'Refused', 'As many lists are being watched as may be.'],
    ['ko', '거부됨', '실시간으로 볼 수 있는 목록의 수를 모두 사용하고 있습니다.'],
  ])
    test(`says in ${lang} why it is refused, and loads for ever for nobody`, async () => {
      await page.context().close();
      page = await openPage({ lang });
      await page.route('**/api/v1/traffic/live**', (route) =>
        route.fulfill({ status: 429, json: { code: 'too_many_watches', detail: 'x', request_id: 'r' } }),
      );
      await page.goto('/traffic');
      await page.getByText(words).waitFor();
      await page.getByText(badge, { exact: true }).waitFor();
      assert.equal(await page.locator('.skeleton').count(), 0);
      await page.unroute('**/api/v1/traffic/live**');
      await page.getByRole('grid').waitFor({ timeout: 15_000 });
      assert.equal(await page.getByText(words).count(), 0);
    });

  test('says in the person’s language that the store does not answer', async () => {
    await page.context().close();
    page = await openPage({ lang: 'ko' });
    await page.route('**/api/v1/traffic/live**', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: 'event: stale\ndata: {}\n\n' }),
    );
    await page.goto('/traffic');
    await page.getByText('허브가 저장된 트래픽을 읽지 못하고 있습니다').waitFor();
    assert.equal(await page.getByText('아직 저장된 트래픽이 없습니다').count(), 0);
  });
});

describe('a request that failed', () => {
  test('says why, and leads to the role of who made it', async () => {
    await page.goto('/traffic?unit=11');
    const why = page.getByRole('region', { name: 'Why it failed' });
    await why.getByText('No role gives this user this right.').waitFor();
    await why.getByText(/kubectl auth can-i list secrets/).waitFor();
    await why.getByRole('link', { name: /Role from use/ }).click();
    await page.waitForURL(/view=role/);
    await page.getByText('kind: Role').waitFor();
  });

  test('says so in Korean', async () => {
    await page.context().close();
    page = await openPage({ lang: 'ko' });
    await page.goto('/traffic?unit=11');
    await page.getByText('이 사용자에게 이 권한을 주는 롤이 없습니다.').waitFor();
  });

  test('and one that went well says nothing', async () => {
    await page.goto('/traffic?unit=2');
    await page.getByRole('region', { name: 'Unit 2' }).getByText('Request and answers').waitFor();
    assert.equal(await page.getByRole('region', { name: 'Why it failed' }).count(), 0);
  });
});

describe('a role from use', () => {
  test('is asked for by name, keeps it in the address, and tells what it rests on', async () => {
    await page.goto('/traffic?view=role');
    await page.getByText('Whose role?').waitFor();
    await page.getByRole('textbox', { name: 'User' }).fill('mina');
    await page.getByRole('button', { name: 'Make the role' }).click();
    await page.waitForURL(/user=mina/);
    await page.getByText('73 requests among 1,200 units', { exact: false }).waitFor();
    await page.getByText('1 connection was not read whole, whoever’s.').waitFor();
    await page.getByRole('heading', { name: 'Refused (403)' }).waitFor();
  });

  test('is saved as a file', async () => {
    await page.goto('/traffic?view=role&user=mina');
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the YAML' }).click();
    assert.equal((await saved).suggestedFilename(), 'role-mina.yaml');
  });

  test('is compared with what is held, and says what is no role', async () => {
    await page.goto('/traffic?view=role&user=mina');
    await page.getByText('Compare with what the user holds').click();
    const held = page.getByRole('textbox', { name: 'Roles and bindings as JSON' });
    await held.fill('{"kind":"Pod"}');
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await page.getByRole('alert').waitFor();
    await held.fill('{"kind":"Role"}');
    await page.getByRole('button', { name: 'Compare', exact: true }).click();
    await page.getByText('− shop: get secrets').waitFor();
    await page.getByText('+ shop: list pods').waitFor();
  });
});

describe('the list of connections', () => {
  test('keeps the open connection in the address, also one that the list does not show', async () => {
    await page.goto('/traffic?view=connections');
    await page.getByRole('button', { name: 'Connection 3' }).click();
    await page.waitForURL(/connection=3/);
    await page.goto('/traffic?view=connections&state=decrypted&connection=2');
    const dialog = page.getByRole('dialog', { name: 'Connection 2' });
    await dialog.getByText('Decoded: 812 kB · No key: 64 kB').waitFor();
    await dialog.getByRole('button', { name: 'Show its units' }).click();
    await page.waitForURL((url) => !url.searchParams.has('connection') && url.searchParams.get('q') !== null);
    await page.goto('/traffic?view=connections&connection=999');
    await page.getByRole('dialog', { name: 'Connection 999' }).getByRole('alert').waitFor();
  });

  test('says in Korean what became of the bytes', async () => {
    await page.context().close();
    page = await openPage({ lang: 'ko' });
    await page.goto('/traffic?view=connections&connection=2');
    await page.getByText('해석됨: 812kB · 키 없음: 64kB').waitFor();
  });

  test('of a state that none is in says so, and does not ask for a capture', async () => {
    await page.goto('/traffic?view=connections&state=silent');
    await page.getByText('No connection is in this state').waitFor();
    await page.getByText('Nothing was said (0)').first().waitFor({ state: 'attached' });
    assert.equal(await page.getByText('No connection is over yet').count(), 0);
  });
});

for (const [name, address, path] of [
  ['connections', '/traffic?view=connections', '**/api/v1/traffic/connections**'],
  ['audit records', '/access/audit', '**/api/v1/audit?**'],
])
  test(`an older page of ${name} that fails is told, and asked for again only by the button`, async () => {
    let asked = 0;
    await page.route(path, async (route) => {
      if (new URL(route.request().url()).searchParams.has('before')) {
        asked += 1;
        await route.fulfill({ status: 400, json: { code: 'bad_request', detail: 'x', request_id: 'r' } });
        return;
      }
      const answer = await (await route.fetch()).json();
      const items = answer.items.slice(0, 3);
      await route.fulfill({ json: { ...answer, items, next_before: items.at(-1).number ?? items.at(-1).seq } });
    });
    await page.goto(address);
    await page.getByRole('alert').waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    assert.equal(asked, 1);
    const again = page.waitForResponse((response) => response.status() === 400);
    await page.getByRole('button', { name: 'Try again' }).click();
    await again;
    await page.getByRole('alert').waitFor();
    assert.equal(asked, 2);
  });

test('figures that cannot be had are told, and can be asked for again', async () => {
  await page.route('**/api/v1/traffic/summary**', (route) =>
    route.fulfill({ status: 403, json: { code: 'forbidden', detail: 'x', request_id: 'r' } }),
  );
  await page.goto('/traffic');
  await page.getByRole('alert').waitFor();
  await page.unroute('**/api/v1/traffic/summary**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('region', { name: 'Summary' }).waitFor();
});

describe('the Posture room', () => {
  const grid = () => page.getByRole('grid', { name: 'Findings' });

  test('leads from a number to what it counts', async () => {
    await page.goto('/posture');
    await page.getByText('1 kind could not be read; what depends on them is unknown').waitFor();
    await page.getByRole('button', { name: /^E6 Container escape/ }).click();
    await page.waitForURL(/view=findings/);
    await grid().getByText('The container is privileged').first().waitFor();
    assert.equal(await grid().getByText('An account’s token is mounted').count(), 0);
  });

  test('narrows by what a finding says, and keeps it in the address', async () => {
    await page.goto('/posture?view=findings&finding=2000000');
    const finding = page.getByRole('region', { name: 'Finding 2000000' });
    await finding.getByText('privileged = true').waitFor();
    await finding.getByRole('button', { name: 'shop', exact: true }).click();
    await page.waitForURL(/namespace=shop/);
    await grid().waitFor();
    assert.equal(await grid().getByText('Deployment/payments/ledger').count(), 0);
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await grid().getByText('Deployment/payments/ledger').first().waitFor();
  });

  test('a finding that is gone for good is told, and so is a filter that nothing matches', async () => {
    await page.goto('/posture?view=findings&finding=42');
    await page.getByRole('alert').waitFor();
    await page.goto('/posture?view=findings&q=nothing-like-this');
    await page.getByText('No finding matches').waitFor();
  });

  test('shows how far a scan is, lets nobody ask twice, and then what it found', async () => {
    await page.goto('/posture?view=history');
    await page.getByRole('button', { name: 'Scan now' }).click();
    await page.getByText('Reading pods: 42').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Scan now' }).isDisabled());
    await page.getByRole('row', { name: /^4 / }).getByText('Done').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Scan now' }).isEnabled());
  });

  test('an exception needs reason, owner and day, and can be taken back', async () => {
    await page.goto('/posture?view=exceptions');
    await page.getByText('There are no exceptions').waitFor();
    await page.getByRole('button', { name: 'Make an exception' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make an exception' });
    const make = dialog.getByRole('button', { name: 'Make an exception' });
    await dialog.getByLabel('Check').fill('no-such');
    await dialog.getByRole('textbox', { name: 'Object' }).fill('*');
    await dialog.getByLabel('Reason').fill('it is meant to be so');
    await dialog.getByLabel('Who answers for it').fill('ops');
    assert.ok(await make.isDisabled());
    await dialog.getByLabel('Last day (UTC)').fill('2030-01-31');
    await make.click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Check').fill('host-pid');
    await make.click();
    await page.getByText('it is meant to be so').waitFor();
    await page.getByRole('button', { name: /^Take back exception 1/ }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Take it back' }).click();
    await page.getByText('There are no exceptions').waitFor();
  });

  test('speaks Korean, findings and steps included', async () => {
    await page.context().close();
    page = await openPage({ lang: 'ko' });
    await page.goto('/posture?view=findings');
    await page.getByText('컨테이너가 특권 모드입니다').first().waitFor();
    await page.goto('/posture?view=paths');
    await page.getByText('컨테이너가 노드를 막아 주지 못합니다').waitFor();
    await page.getByRole('heading', { name: '인터넷 → 노드 루트' }).waitFor();
  });
});

describe('the list of live terminals', () => {
  test('keeps whose they are in the address, and says when that person has none', async () => {
    await page.goto('/access/terminals?user=nobody');
    await page.getByText('No terminal of nobody is live').waitFor();
    const filter = page.getByRole('searchbox', { name: 'Filter by Kubernetes user' });
    assert.equal(await filter.inputValue(), 'nobody');
    await filter.fill('');
    await page.waitForURL((url) => !url.searchParams.has('user'));
    await filter.fill('somebody');
    await page.waitForURL(/user=somebody/);
  });

  test('is read on to its end, page by page, and only then says nothing of more', async () => {
    const all = Array.from({ length: 450 }, (_, nth) => ({
      ...{ id: `t${nth}`, user: 'mina', cluster: 'c', namespace: 'n', pod: `p${nth}`, container: 'a', hub: 'h' },
      // What has ended since the hub answered is not shown, but the list goes on behind it.
      ...{ started_at: new Date().toISOString(), ended_at: nth === 199 ? new Date().toISOString() : undefined },
    }));
    await page.route('**/api/v1/terminals**', (route) => {
      const query = new URL(route.request().url()).searchParams;
      const [from, limit] = [Number(query.get('after') ?? 0), Number(query.get('limit'))];
      const next = from + limit < all.length ? String(from + limit) : undefined;
      return route.fulfill({ json: { items: all.slice(from, from + limit), next } });
    });
    await page.goto('/access/terminals');
    const ends = page.getByRole('button', { name: /^End the terminal in p/ });
    const more = page.getByRole('button', { name: 'Show more' });
    await page.getByText('The newest 200 are shown.').waitFor();
    assert.equal(await ends.count(), 199);
    await more.click();
    await page.getByText('The newest 400 are shown.').waitFor();
    await more.click();
    await page.getByRole('button', { name: 'End the terminal in p449' }).waitFor();
    assert.equal(await ends.count(), 449);
    assert.equal(await more.count(), 0);
  });
});

describe('the command palette', () => {
  const find = async (words) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill(words);
    return page.getByRole('listbox').getByRole('option');
  };

  for (const [lang, words, label, path] of [
    ['en', 'audit', 'Go to Access / Audit log', '/access/audit'],
    ['en', 'live terminals', 'Go to Access / Live terminals', '/access/terminals'],
    ['en', '사용자', 'Go to Access / People', '/access/people'],
    ['en', 'new workspace', 'New workspace', '/workspaces'],
    ['ko', '감사', '이동: 접근 관리 / 감사 로그', '/access/audit'],
    ['ko', '새 워크', '새 워크스페이스', '/workspaces'],
    ['ko', 'access / links', '이동: 접근 관리 / 링크', '/access/links'],
  ])
    test(`in ${lang} finds «${label}» by «${words}»`, async () => {
      await page.context().close();
      page = await openPage({ lang });
      await page.goto('/');
      await page.locator('.rail').waitFor();
      await (await find(words)).filter({ hasText: label }).first().click();
      await page.waitForURL((url) => url.pathname === path);
    });

  for (const lang of ['en', 'ko'])
    for (const words of ['sign out', '로그아웃'])
      test(`in ${lang} signs out by «${words}», and everywhere only after a question`, async () => {
        await page.context().close();
        page = await openPage({ lang });
        await page.goto('/');
        await page.locator('.rail').waitFor();
        const everywhere = lang === 'en' ? 'Sign out everywhere' : '모든 곳에서 로그아웃';
        await (await find(words)).filter({ hasText: everywhere }).click();
        await page
          .getByRole('dialog', { name: everywhere })
          .getByRole('button', { name: lang === 'en' ? 'Cancel' : '취소' })
          .click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(new URL(page.url()).pathname, '/');
        const out = lang === 'en' ? /^Sign out$/ : /^로그아웃$/;
        await (await find(words)).filter({ hasText: out }).click();
        await page.waitForURL(/sign-in/);
      });

  test('finds nothing of administrators for who is none', async () => {
    await page.context().close();
    page = await openPage({ name: 'guest' });
    await page.goto('/');
    await page.locator('.rail').waitFor();
    const found = await find('access');
    await found.filter({ hasText: 'Links' }).waitFor();
    assert.deepEqual(await found.filter({ hasText: /Audit log|People/ }).allInnerTexts(), []);
  });
});

test('an address that leads nowhere keeps the rooms at hand, and a signed-out person at the sign-in', async () => {
  await page.goto('/access/no-such-tab');
  await page.getByRole('heading', { name: 'Not found' }).first().waitFor();
  await page.goto('/no-such-room');
  await page.getByRole('heading', { name: 'Not found' }).first().waitFor();
  assert.equal(await page.getByRole('main').count(), 1);
  await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'Pods' }).click();
  await page.waitForURL(/\/pods$/);
  await page.context().close();
  page = await openPage({ name: null });
  await page.goto('/no-such-room');
  await page.waitForURL(/sign-in\?return=%2Fno-such-room/);
});

describe('in dark and in light, axe finds nothing in the dialog', () => {
  const press = (name) => page.getByRole('button', { name }).first().click();
  const choose = async (menu, name) => {
    await press(menu);
    await page.getByRole('menuitem', { name, exact: true }).click();
  };
  const narrow = () => page.setViewportSize({ width: 390, height: 844 });
  const exception = {
    ...{ number: 7, check: 'host-pid', object: '*', reason: 'it is meant to be so', owner: 'ops' },
    ...{ expires: '2030-01-31', expired: false, made_by: 'mina', made_at: '2026-01-31T10:00:00Z' },
  };
  const dialogs = [
    ['of the keys', '/', () => page.keyboard.press('?')],
    ['of the palette', '/', () => page.keyboard.press('Control+k')],
    ['that asks before signing out everywhere', '/', () => choose(/^Account/, 'Sign out everywhere')],
    ['that asks before a workspace is deleted', '/workspaces', () => press('Delete late-train')],
    [
      'of a Pod',
      '/pods?q=sidecar&sort=name',
      async () => {
        await page.getByRole('grid').focus();
        await page.keyboard.press('j');
        await page.keyboard.press('Enter');
      },
    ],
    [
      'that asks where to open a terminal',
      '/',
      async () => {
        await enter();
        await press('Open a terminal');
      },
    ],
    [
      'that asks before a paste',
      '/',
      async () => {
        await enter();
        await page.locator('.xterm-helper-textarea').focus();
        await paste('make\u009b31m\nmake install\n');
      },
    ],
    ['of an agent', '/traffic', () => press(/control-2/)],
    ['that takes a capture', '/traffic', () => press('Upload a capture')],
    ['of a connection', '/traffic?view=connections&connection=2'],
    ['of a unit where there is no room beside the list', '/traffic?unit=42', narrow],
    ['of a finding where there is no room beside the list', '/posture?view=findings&finding=2000000', narrow],
    ['that makes an exception', '/posture?view=exceptions', () => press('Make an exception')],
    [
      'that asks before an exception is taken back',
      '/posture?view=exceptions',
      async () => {
        await page.route('**/exceptions', (route) => route.fulfill({ json: { items: [exception] } }));
        await page.reload();
        await press(/^Take back exception 7/);
      },
    ],
    ['that adds a person', '/access/people', () => press('Add a person')],
    ['of an invitation', '/access/people', () => choose('Actions for seoyeon', 'New invitation')],
    ['that asks before a person is disabled', '/access/people', () => choose('Actions for joon', 'Disable')],
    ['that asks before a link is revoked', '/access/links', () => press(/^Revoke the link/)],
    ['that asks before a terminal is ended', '/access/terminals', () => press(/^End the terminal/)],
    ['of an audit record', '/access/audit', () => press(/^Details of record/)],
  ];
  for (const [name, path, open] of dialogs)
    test(name, async () => {
      await page.goto(path);
      await page.locator('.rail').waitFor();
      await open?.();
      await page.getByRole('dialog').or(page.getByRole('alertdialog')).waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      for (const colorScheme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme });
        // Colours change over a frame or two, in which text may have one scheme's and its ground the other's.
        await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== 'running'));
        const axe = new AxeBuilder({ page }).exclude('.xterm');
        // All but the colours is the same in both.
        const { violations } = await (colorScheme === 'dark' ? axe : axe.withRules('color-contrast')).analyze();
        const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(' | ')}`);
        assert.deepEqual(found, [], colorScheme);
      }
    });
});

test('a password that was repeated wrongly is corrected, and the invitation is not lost', async () => {
  await page.context().close();
  page = await openPage({ name: null });
  await page.goto('/invitation#inv_mock2K8v1');
  await page.getByLabel('New password').fill('a long pass phrase');
  await page.getByLabel('Once more').fill('a long pass phrase, not');
  await page.keyboard.press('Enter');
  await page.getByText('The two are not alike.').waitFor();
  assert.equal(new URL(page.url()).pathname, '/invitation');
  await page.getByLabel('Once more').press('End');
  for (let nth = 0; nth < ', not'.length; nth++) await page.keyboard.press('Backspace');
  await page.getByText('The two are not alike.').waitFor({ state: 'detached' });
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.pathname === '/');
});

describe('a console whose script does not run', () => {
  test('says so in both languages', async () => {
    await page.route('**/assets/*.js', (route) => route.abort());
    await page.goto('/');
    await page.getByText('console did not start').waitFor({ timeout: 15_000 });
    await page.getByText('콘솔이 시작되지 않았습니다').waitFor();
  });
  test('says so to nobody for whom it runs', async () => {
    const seen = page.waitForSelector('.not-started', { state: 'attached' });
    let visible;
    await page.route('**/assets/index-*.js', async (route) => {
      await seen;
      visible = await page.getByText('console did not start').isVisible();
      await route.continue();
    });
    await page.goto('/');
    await page.locator('.rail').waitFor();
    assert.equal(visible, false);
    assert.equal(await page.locator('.not-started').count(), 0);
  });
});
