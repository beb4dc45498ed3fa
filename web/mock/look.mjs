// Walks every room in a real Chromium against the mock hub: screenshots in shots/, axe findings and CSP violations printed.
// `npm run look -- terminal` walks only what matches. Needs a build and the mock hub running.
import { mkdirSync } from 'node:fs';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const hub = process.env.HUB ?? 'http://localhost:8686';
const only = process.argv[2] ?? '';
// LOOK=390 keeps the looks whose name holds it, such as «ko dark 390».
const wanted = process.env.LOOK ?? '';
mkdirSync('shots', { recursive: true });
const browser = await chromium.launch({
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
  ],
});
const looks = [
  { lang: 'en', theme: 'dark', width: 1280 },
  { lang: 'ko', theme: 'light', width: 1280 },
  { lang: 'ko', theme: 'dark', width: 390 },
  { lang: 'en', theme: 'light', width: 390 },
];
let faults = 0;

const typed = async (page, text) => {
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
};
const enter = async (page) => {
  await page.goto(`${hub}/workspaces`);
  await page
    .getByRole('button', { name: /quiet-otter/ })
    .last()
    .click();
  await page.locator('[data-phase="live"]').waitFor();
  await page.waitForTimeout(500);
};
const rooms = [
  { name: 'sign-in', signedOut: true, go: (page) => page.goto(`${hub}/sign-in`) },
  {
    name: 'sign-in-refused',
    signedOut: true,
    go: async (page) => {
      await page.goto(`${hub}/sign-in`);
      await page.locator('input[name=username]').fill('mina');
      await page.locator('input[name=password]').fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'sign-in-link',
    signedOut: true,
    go: async (page) => {
      await page.goto(`${hub}/terminal#sp1.waiting`);
      await page.getByRole('heading', { level: 1 }).waitFor();
    },
  },
  { name: 'invitation', signedOut: true, go: (page) => page.goto(`${hub}/invitation#inv_abc`) },
  { name: 'home', go: (page) => page.goto(`${hub}/`) },
  { name: 'workspaces', go: (page) => page.goto(`${hub}/workspaces`) },
  {
    name: 'workspaces-delete',
    go: async (page) => {
      await page.goto(`${hub}/workspaces`);
      await page.getByRole('button', { name: /Delete late-train|late-train 삭제/ }).click();
    },
  },
  { name: 'pods', go: (page) => page.goto(`${hub}/pods?q=web`) },
  {
    name: 'pod',
    go: async (page) => {
      await page.goto(`${hub}/pods?q=sidecar&sort=name`);
      await page.getByRole('grid').waitFor();
      await page.getByRole('grid').focus();
      await page.keyboard.press('j');
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'pods-empty', go: (page) => page.goto(`${hub}/pods?q=nothing-like-this`) },
  { name: 'terminal-none', go: (page) => page.goto(`${hub}/terminal`) },
  { name: 'terminal', go: enter },
  {
    name: 'terminal-splits',
    go: async (page) => {
      await enter(page);
      await page.getByRole('button', { name: /Split right|오른쪽으로 나누기/ }).click();
      await page.waitForTimeout(500);
      await page
        .getByRole('button', { name: /Split down|아래로 나누기/ })
        .last()
        .click();
      await page.waitForTimeout(700);
      await typed(page, 'seq');
      await page.keyboard.press('Control+Shift+Space');
      await page.waitForTimeout(200);
    },
  },
  {
    name: 'terminal-exit',
    go: async (page) => {
      await enter(page);
      await typed(page, 'skip');
      await typed(page, 'drain');
      await typed(page, 'fail');
      await page.locator('[data-phase="exited"]').waitFor();
    },
  },
  {
    name: 'terminal-withdrawn',
    go: async (page) => {
      await enter(page);
      await typed(page, 'withdraw');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'terminal-link-expired',
    go: async (page) => {
      await page.goto(`${hub}/terminal#sp1.expired`);
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'terminal-paste',
    go: async (page) => {
      await enter(page);
      await page.evaluate(() => {
        const data = new DataTransfer();
        data.setData('text/plain', 'cd /tmp\nrm -r build\nmake 한글\n');
        document.activeElement?.dispatchEvent(
          new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
        );
      });
      await page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'terminal-search',
    go: async (page) => {
      await enter(page);
      await typed(page, 'seq');
      await page.keyboard.press('Control+Shift+F');
      await page.keyboard.type('line 19');
      await page.waitForTimeout(300);
    },
  },
  { name: 'traffic', go: (page) => page.goto(`${hub}/traffic`) },
  {
    name: 'traffic-unit',
    go: async (page) => {
      await page.goto(`${hub}/traffic?q=DATA`);
      await page.getByRole('grid').focus();
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.getByRole('tab').first().waitFor();
    },
  },
  { name: 'traffic-none', go: (page) => page.goto(`${hub}/traffic?q=nothing-like-this`) },
  {
    name: 'traffic-upload',
    go: async (page) => {
      await page.goto(`${hub}/traffic`);
      await page.getByRole('button', { name: /Upload a capture|캡처 업로드/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'traffic-why', go: (page) => page.goto(`${hub}/traffic?unit=11`) },
  { name: 'traffic-role', go: (page) => page.goto(`${hub}/traffic?view=role&user=mina`) },
  { name: 'traffic-connections', go: (page) => page.goto(`${hub}/traffic?view=connections`) },
  { name: 'posture', go: (page) => page.goto(`${hub}/posture`) },
  { name: 'posture-findings', go: (page) => page.goto(`${hub}/posture?view=findings`) },
  {
    name: 'posture-finding',
    go: async (page) => {
      await page.goto(`${hub}/posture?view=findings&finding=2000000`);
      await page.getByRole('heading', { name: /Why it matters|중요한 이유/ }).waitFor();
    },
  },
  { name: 'posture-none', go: (page) => page.goto(`${hub}/posture?view=findings&q=nothing-like-this`) },
  { name: 'posture-paths', go: (page) => page.goto(`${hub}/posture?view=paths`) },
  { name: 'posture-exceptions', go: (page) => page.goto(`${hub}/posture?view=exceptions`) },
  {
    name: 'posture-except',
    go: async (page) => {
      await page.goto(`${hub}/posture?view=exceptions`);
      await page.getByRole('button', { name: /Make an exception|예외 등록/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'posture-history', go: (page) => page.goto(`${hub}/posture?view=history`) },
  { name: 'people', go: (page) => page.goto(`${hub}/access/people`) },
  {
    name: 'people-invited',
    go: async (page) => {
      await page.goto(`${hub}/access/people`);
      await page.getByRole('button', { name: /seoyeon/ }).click();
      await page.getByRole('menuitem').first().click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'links', go: (page) => page.goto(`${hub}/access/links`) },
  { name: 'terminals', go: (page) => page.goto(`${hub}/access/terminals`) },
  { name: 'audit', go: (page) => page.goto(`${hub}/access/audit?outcome=denied`) },
  { name: 'denied', go: (page) => page.goto(`${hub}/denied?code=forbidden&request=req_abc`) },
  {
    name: 'palette',
    go: async (page) => {
      await page.goto(`${hub}/pods`);
      await page.getByRole('grid').waitFor();
      await page.keyboard.press('Control+k');
      await page.keyboard.type('web');
    },
  },
  { name: 'not-found', go: (page) => page.goto(`${hub}/nowhere`) },
];

for (const look of looks.filter(({ lang, theme, width }) => `${lang} ${theme} ${width}`.includes(wanted))) {
  for (const signedOut of [true, false]) {
    const context = await browser.newContext({
      viewport: { width: look.width, height: look.width < 500 ? 844 : 800 },
      locale: look.lang === 'ko' ? 'ko-KR' : 'en-US',
      colorScheme: look.theme,
      reducedMotion: 'reduce',
    });
    await context.addInitScript(
      (renderer) => {
        localStorage.setItem('sallyport.terminal', JSON.stringify({ renderer }));
        document.addEventListener('securitypolicyviolation', (event) =>
          console.error(
            `CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`,
          ),
        );
      },
      look.width < 500 ? 'dom' : 'webgl',
    );
    if (!signedOut)
      await context.request.post(`${hub}/api/v1/sign-in/password`, { data: { username: 'mina', password: 'mock' } });
    for (const room of rooms.filter((each) => (each.signedOut ?? false) === signedOut && each.name.includes(only))) {
      const page = await context.newPage();
      page.setDefaultTimeout(8000);
      const where = `${room.name} ${look.lang} ${look.theme} ${look.width}`;
      const tell = (text) => {
        faults++;
        console.log(`${where}: ${text}`);
      };
      page.on('console', (message) => {
        if (
          ['error', 'warning'].includes(message.type()) &&
          !/Failed to load resource|GPU stall|GL Driver|task queue exceeded/.test(message.text())
        )
          tell(message.text());
      });
      page.on('pageerror', (error) => tell(error.message));
      try {
        await room.go(page);
        await page.waitForTimeout(500);
        await page.screenshot({ path: `shots/${room.name}-${look.lang}-${look.theme}-${look.width}.png` });
        const { violations } = await new AxeBuilder({ page })
          .exclude('.xterm')
          .exclude('[data-overlay-container]:has([role=tooltip])')
          .analyze();
        for (const each of violations)
          tell(
            `axe ${each.id}: ${each.nodes
              .map((node) => `${node.target} ${node.any[0]?.message ?? ''}`)
              .slice(0, 3)
              .join(' | ')}`,
          );
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) tell(`${wide} px wider than the window`);
      } catch (error) {
        tell(String(error).split('\n').slice(0, 3).join(' '));
      }
      await page.close({ runBeforeUnload: false });
    }
    await context.close();
  }
}
await browser.close();
console.log(`${faults} faults`);
process.exit(faults ? 1 : 0);
