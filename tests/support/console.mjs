// Debian's Chromium at a hub's console, used as a person would: by roles, texts and keys.
// Terminals are read through xterm's screen reader mode, which says in the page what the canvas shows.
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { root } from './cluster.mjs';
import { password } from './hub.mjs';
import { until } from './until.mjs';

export const pictures = `${root}artifacts/pictures`;

/** Trusts the certificate of these hubs and no other. */
export function launch(...hubs) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      `--ignore-certificate-errors-spki-list=${hubs.map((hub) => hub.spki).join(',')}`,
    ],
  });
}

/**
 * A window of its own, with its own cookies; `terminal` are its terminals' preferences. `faults` collects what a page
 * should never say.
 */
export async function openWindow(
  browser,
  hub,
  { lang = 'en', theme = 'dark', width = 1280, height = 800, reader = true, terminal = {} } = {},
) {
  const context = await browser.newContext({
    baseURL: hub.origin,
    viewport: { width, height },
    locale: lang === 'ko' ? 'ko-KR' : 'en-US',
    colorScheme: theme,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  if (reader) {
    await context.addInitScript(
      (chosen) => {
        if (location.protocol === 'https:') localStorage.setItem('sallyport.terminal', JSON.stringify(chosen));
      },
      { fontSize: 14, screenReader: true, ...terminal },
    );
  }
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    );
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // A refusal is an answer like any other to the console, but the browser tells of it as an error.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection to/.test(message.text()))
      faults.push(message.text());
  });
  // Leaving a page with live terminals asks first; these tests mean it.
  page.on('dialog', (dialog) => dialog.accept().catch(() => undefined));
  return Object.assign(page, { faults });
}

/** Signs in by the form. */
export async function signIn(page, name, secret = password) {
  await page.goto('/sign-in');
  await page.getByLabel('User name').fill(name);
  await page.getByRole('textbox', { name: 'Password' }).fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Signs in without the form, for tests that are about something else. */
export async function signedIn(page, hub, name) {
  const person = await hub.signIn(name);
  const [cookie, value] = person.cookie.split('=');
  await page
    .context()
    .addCookies([{ name: cookie, value, url: hub.origin, secure: true, httpOnly: true, sameSite: 'Strict' }]);
  return person;
}

export async function picture(page, name) {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}/${name}.png` });
}

/** One pane of the Terminal room. */
export class Pane {
  constructor(page, nth = 0) {
    this.page = page;
    this.region = page.locator('section[data-phase]').nth(nth);
    this.status = this.region.locator('footer');
  }

  /** What stands on the screen, row by row. */
  async rows() {
    const rows = await this.region.locator('.xterm-accessibility-tree [role=listitem]').allInnerTexts();
    return rows.map((row) => row.replace(/\u00a0/g, ' ').trimEnd());
  }
  async text() {
    return (await this.rows()).join('\n');
  }

  async live() {
    await this.status.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
    await until('the prompt', async () => /[#$] ?$/m.test((await this.text()).trimEnd()));
    return this;
  }

  focus() {
    return this.region.locator('textarea').focus();
  }
  async type(text) {
    await this.focus();
    await this.page.keyboard.type(text);
  }
  press(...keys) {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), this.focus());
  }
  async line(text) {
    await this.type(text);
    await this.page.keyboard.press('Enter');
  }
  shows(what, seconds = 20) {
    return until(
      `the screen to show ${what}`,
      async () => {
        const text = await this.text();
        const found = what instanceof RegExp ? what.exec(text) : text.includes(what);
        if (!found) throw new Error(`the screen:\n${text.trimEnd()}`);
        return found;
      },
      { seconds },
    );
  }
  /** Runs a line and waits for its end, by a mark that the echo of the line does not contain. */
  async run(line, seconds = 20) {
    this.serial = (this.serial ?? 0) + 1;
    const mark = `done-${this.serial}-${Math.random().toString(36).slice(2, 7)}`;
    await this.line(`${line}; echo ${mark.slice(0, 5)}''${mark.slice(5)}`);
    await this.shows(mark, seconds);
    return this.text();
  }
  /** Pastes as the browser does: by a paste event with the clipboard's text. */
  async paste(text) {
    await this.focus();
    await this.page.evaluate((data) => {
      const clipboard = new DataTransfer();
      clipboard.setData('text/plain', data);
      document.activeElement?.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData: clipboard, bubbles: true, cancelable: true }),
      );
    }, text);
  }
  size() {
    return this.status.getByTitle('Columns × rows').innerText();
  }
}
