// What a terminal offers besides the shell: search, copy, text size, pastes that are told to be pastes, the palette's
// way in, and what a second tab is told.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { entitle, inPod, makeNamespace, makePods } from '../support/cluster.mjs';
import { launch, openWindow, Pane, picture, signedIn } from '../support/console.mjs';
import { startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

let namespace;
let hubs;
let browser;
const pod = (more = {}) => ({ namespace: namespace.name, pod: 'web', ...more });

before(async () => {
  namespace = await makeNamespace('terminal');
  await makePods(namespace.name, 'web');
  await entitle(namespace.name, 'sallyport:bob');
  hubs = await startHubs();
  browser = await launch(hubs.hub);
});
after(async () => {
  await browser?.close();
  await hubs?.stop();
  await namespace?.remove();
});

/** A terminal that bob opens by a link, in a window of its own. */
async function opened(terminal) {
  const page = await openWindow(browser, hubs.hub, { terminal });
  const bob = await signedIn(page, hubs.hub, 'bob');
  const link = await until('the right to count', () => bob.mint(pod()));
  await page.goto(link.url);
  return { page, bob, link, pane: await new Pane(page).live() };
}

describe('in a terminal', () => {
  let page;
  let pane;
  before(async () => {
    ({ page, pane } = await opened());
  });
  after(() => page?.context().close());

  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const setClipboard = (text) => page.evaluate((it) => navigator.clipboard.writeText(it), text);
  const fromMenu = async (name) => {
    await pane.status.getByRole('button', { name: 'More for this terminal' }).click();
    await page.getByRole('menu').getByText(name, { exact: true }).click();
  };
  /** Double-clicks the word at the beginning of the row that holds just this text. */
  const selectRow = async (text) => {
    const [, cols, rows] = /(\d+)×(\d+)/.exec(await pane.size());
    await pane.shows(new RegExp(`^${text}$`, 'm'));
    const row = (await pane.rows()).indexOf(text);
    const box = await pane.region.locator('.xterm-screen').boundingBox();
    await page.mouse.dblclick(box.x + (1.5 * box.width) / cols, box.y + ((row + 0.5) * box.height) / rows);
  };

  test('finds words in what has scrolled away, forwards and backwards, and says when there are none', async () => {
    await pane.run('clear');
    // The lines that make them do not hold the word itself.
    await pane.run("for n in 1 2 3; do echo nee''dle-$n; seq 60; done");
    assert.ok(!(await pane.text()).includes('needle-1'), 'it has not scrolled away');
    await pane.status.getByRole('button', { name: 'Search the terminal' }).click();
    const field = page.getByRole('textbox', { name: 'Search the terminal' });
    const count = page.locator('search').getByRole('status');
    await field.fill('needle-');
    await count.getByText('3 / 3').waitFor();
    await pane.shows('needle-3');
    await page.keyboard.press('Enter');
    await count.getByText('2 / 3').waitFor();
    await page.keyboard.press('Enter');
    await count.getByText('1 / 3').waitFor();
    await pane.shows('needle-1');
    await picture(page, 'terminal-search');
    await page.getByRole('button', { name: 'Next match' }).click();
    await count.getByText('2 / 3').waitFor();
    await field.fill('haystack');
    await count.getByText('No match').waitFor();
    await field.press('Escape');
    await field.waitFor({ state: 'detached' });
    await pane.press('Control+Shift+F');
    await field.waitFor();
    await field.press('Escape');
    // What was looked for went to no shell.
    assert.doesNotMatch(await pane.run('clear; echo "[$_]"'), /haystack/);
  });

  test('copies a selection by key and by menu, Korean whole', async () => {
    await pane.run("clear; printf 'by-key-\\xed\\x95\\x9c\\xea\\xb8\\x80\\nby-menu-\\xf0\\x9f\\x98\\x80\\n'");
    await selectRow('by-key-한글');
    await page.keyboard.press('Control+Shift+C');
    await until('the copy', async () => (await clipboard()) === 'by-key-한글');
    await selectRow('by-menu-😀');
    await fromMenu('Copy selection');
    await until('the copy', async () => (await clipboard()) === 'by-menu-😀');
  });

  test('lets no program write to the clipboard, and Ctrl-C is the shell’s also over a selection', async () => {
    await setClipboard('mine');
    await pane.run(`clear; printf '\\033]52;c;${Buffer.from('theirs').toString('base64')}\\007'; echo selected`);
    await selectRow('selected');
    await pane.line('sleep 1000');
    await pane.shows('sleep 1000');
    await selectRow('selected');
    await page.keyboard.press('Control+c');
    await pane.shows('^C');
    assert.equal(await clipboard(), 'mine');
  });

  test('has larger and smaller text, the shell follows, and the choice is kept', async () => {
    const cols = async () => Number(/(\d+)×/.exec(await pane.size())[1]);
    const agreed = () =>
      until('shell and console to agree on the size', async () => {
        const [, wide, high] = /(\d+)×(\d+)/.exec(await pane.size());
        return new RegExp(`^${high} ${wide}$`, 'm').test(await pane.run('clear; stty size'));
      });
    const normal = await cols();
    await fromMenu('Larger text');
    await until('fewer columns', async () => (await cols()) < normal);
    await agreed();
    const larger = await cols();
    await fromMenu('Smaller text');
    await fromMenu('Smaller text');
    await until('more columns', async () => (await cols()) > normal);
    await agreed();
    await fromMenu('Normal text');
    await until('the columns of before', async () => (await cols()) === normal);
    await fromMenu('Larger text');
    await until('fewer columns', async () => (await cols()) === larger);
    const stored = await page.evaluate(() => JSON.parse(localStorage.getItem('sallyport.terminal')).fontSize);
    assert.ok(stored > 14, String(stored));
    await fromMenu('Normal text');
  });

  test('a paste of several lines is told to the shell as one, and nothing of it runs by itself', async () => {
    await pane.run('clear');
    await pane.paste('echo first-$((1 + 1))\necho second-$((2 + 2))\n');
    const question = page.getByRole('alertdialog');
    await question.getByText('The program in the terminal is told that this is a paste.').waitFor();
    await question.getByRole('button', { name: 'Paste' }).click();
    await pane.shows(/echo second-\$\(\(2 \+ 2\)\)/);
    assert.doesNotMatch(await pane.text(), /^(first|second)-\d/m);
    await pane.press('Enter');
    await pane.shows(/^first-2$/m);
    await pane.shows(/^second-4$/m);
  });

  test('megabytes of it arrive whole between the marks, and a mark within it ends nothing', async () => {
    const line = 'the quick brown fox, 다람쥐 헌 쳇바퀴에 타고파 😀 0123456789';
    const text = `begin \x1b[201~ rm -rf / \x1b[200~\n${`${line}\n`.repeat(Math.ceil((2 * 1024 * 1024) / Buffer.byteLength(`${line}\n`)))}`;
    // Line ends as the Enter key sends them; what could be taken for the mark is made harmless.
    const whole = `\x1b[200~${text.replaceAll('\n', '\r').replaceAll('\x1b', '␛')}\x1b[201~`;
    const bytes = Buffer.byteLength(whole);
    await pane.run('clear');
    await pane.line(
      `stty raw -echo; printf '\\033[?2004hrea''dy'; head -c ${bytes} >/tmp/bracketed; stty sane; printf '\\033[?2004l'; echo all-''here`,
    );
    try {
      await pane.shows('ready');
      await pane.paste(text);
      const question = page.getByRole('alertdialog');
      await question.getByText('Its escape characters are pasted as the sign ␛').waitFor();
      await question.getByRole('button', { name: 'Paste' }).click();
      await pane.shows('all-here', 90);
    } finally {
      await pane.press('Control+c');
    }
    const sum = (await inPod(namespace.name, 'web', 'sha256sum', '/tmp/bracketed')).split(' ')[0];
    assert.equal(sum, createHash('sha256').update(whole).digest('hex'));
  });

  test('and no page reported an error', () => assert.deepEqual(page.faults, []));
});

describe('what a program draws and asks for', () => {
  /** Where the first of this text stands, in pixels of the page. */
  const placeOf = async (pane, text) => {
    const [, cols, rows] = /(\d+)×(\d+)/.exec(await pane.size());
    const all = await pane.rows();
    const row = all.findIndex((each) => each.startsWith(text));
    assert.ok(row >= 0, `${text} begins no row`);
    const box = await pane.region.locator('.xterm-screen').boundingBox();
    return [box.x + (2.5 * box.width) / cols, box.y + ((row + 0.5) * box.height) / rows];
  };

  test('sixteen million colours', async () => {
    const { page, pane } = await opened({ renderer: 'dom' });
    await pane.run("clear; printf '\\033[38;2;200;121;62mtrue''colour\\033[0m\\n'");
    const drawn = page.locator('.xterm-rows span', { hasText: 'truecolour' }).last();
    assert.equal(await drawn.evaluate((span) => getComputedStyle(span).color), 'rgb(200, 121, 62)');
    await page.context().close();
  });

  test('the mouse is the program’s while it asks for it', async () => {
    const { page, pane } = await opened();
    await pane.line(
      "stty raw -echo; printf '\\033[?1000h\\033[?1006hmouse''-here\\r\\n'; head -c 9 >/tmp/mouse; stty sane",
    );
    await pane.shows('mouse-here');
    await page.mouse.click(...(await placeOf(pane, 'mouse-here')));
    const got = () => inPod(namespace.name, 'web', 'cat', '/tmp/mouse');
    await until('the click', async () => (await got()).startsWith('\x1b[<0;3;'));
    await pane.run("printf '\\033[?1000l\\033[?1006l'; clear");
    await page.context().close();
  });

  test('a link opens on Ctrl-click alone, knows nothing of the console, and runs no script', async () => {
    const { page, pane } = await opened();
    await page
      .context()
      .route('https://example.test/**', (route) =>
        route.fulfill({ contentType: 'text/html', body: '<title>there</title>' }),
      );
    await pane.run(
      "clear; echo 'https:'//example.test/page; printf '\\033]8;;javascript:alert(1)\\033\\\\script-link\\033]8;;\\033\\\\\\n'",
    );
    const others = () => page.context().pages().length - 1;
    const click = async (text, ...keys) => {
      const place = await placeOf(pane, text);
      await page.mouse.move(place[0] + 1, place[1]);
      await page.mouse.move(...place);
      for (const key of keys) await page.keyboard.down(key);
      await page.mouse.click(...place);
      for (const key of keys) await page.keyboard.up(key);
    };
    await click('https://example.test');
    await click('script-link');
    await click('script-link', 'Control');
    assert.equal(others(), 0);
    const opening = page.context().waitForEvent('page');
    await click('https://example.test', 'Control');
    const there = await opening;
    await there.waitForURL('https://example.test/page');
    assert.equal(await there.evaluate(() => globalThis.opener), null);
    assert.equal(await there.evaluate(() => document.referrer), '');
    assert.equal(others(), 1);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });

  test('goes on without WebGL when the browser takes it away', async () => {
    const { page, pane } = await opened({ renderer: 'webgl' });
    const renderer = () => pane.region.locator('.screen').getAttribute('data-renderer');
    assert.equal(await renderer(), 'webgl');
    await pane.region.locator('.xterm-screen canvas').evaluateAll((canvases) => {
      for (const canvas of canvases) canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext();
    });
    await until('the other renderer', async () => (await renderer()) === 'dom');
    assert.match(await pane.run('echo drawn-$((40 + 2))'), /drawn-42/);
    await page.locator('.xterm-rows span', { hasText: 'drawn-42' }).last().waitFor();
    await page.context().close();
  });
});

describe('a second tab', () => {
  test('on the same link is refused in words, and the first goes on', async () => {
    const { page, pane, link } = await opened();
    const second = await page.context().newPage();
    await second.goto(link.url);
    await second.getByRole('alert').getByText('This link has already been used. Each opens one terminal.').waitFor();
    assert.match(await pane.run('echo still-$((40 + 2))'), /still-42/);
    await page.context().close();
  });

  test('that opens it at the same moment gets no terminal: of five, one does', async () => {
    const page = await openWindow(browser, hubs.hub);
    const bob = await signedIn(page, hubs.hub, 'bob');
    const link = await bob.mint(pod());
    const tabs = await Promise.all(Array.from({ length: 5 }, () => page.context().newPage()));
    await Promise.all(tabs.map((tab) => tab.goto(link.url)));
    const phases = () =>
      Promise.all(tabs.map((tab) => tab.locator('section[data-phase]').first().getAttribute('data-phase')));
    const settled = await until('each to know', async () => {
      const all = await phases();
      return all.every((phase) => phase === 'live' || phase === 'denied') && all;
    });
    assert.deepEqual(settled.sort(), ['denied', 'denied', 'denied', 'denied', 'live']);
    await page.context().close();
  });

  test('of the same room holds no terminal of the first, and takes none from it', async () => {
    const { page, pane } = await opened();
    const second = await page.context().newPage();
    await second.goto(page.url());
    await second.getByText('No terminal is open').waitFor();
    assert.equal(await second.locator('section[data-phase]').count(), 0);
    assert.match(await pane.run('echo mine-$((40 + 2))'), /mine-42/);
    await page.context().close();
  });
});

test('the palette finds one’s workspace by name and leads into its shell', async () => {
  const page = await openWindow(browser, hubs.hub);
  const bob = await signedIn(page, hubs.hub, 'bob');
  const made = await bob.post('/api/v1/workspaces', { template: 'debian', name: 'notebook' });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  try {
    await until(
      'the workspace to run',
      async () => (await bob.get(`/api/v1/workspaces/${made.body.id}`)).body.state === 'running',
      { seconds: 60 },
    );
    await page.goto('/');
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor();
    await page.getByText('notebook').first().waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('no such thing');
    await page.getByText('Nothing matches.').waitFor();
    await page.getByRole('combobox').fill('note');
    await page.getByRole('listbox').getByRole('option').filter({ hasText: 'notebook' }).waitFor();
    await picture(page, 'palette');
    await page.keyboard.press('Enter');
    const pane = await new Pane(page).live();
    assert.match(await pane.run('hostname'), /notebook/);
    assert.deepEqual(page.faults, []);
  } finally {
    await bob.delete(`/api/v1/workspaces/${made.body.id}`);
    await page.context().close();
  }
});
