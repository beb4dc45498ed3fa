// Takes the README's picture of a real shell in a real workspace: `node tests/pictures.mjs`, with the variables of the suites.

import { root } from './support/cluster.mjs';
import { launch, openWindow, Pane, signedIn } from './support/console.mjs';
import { startHubs } from './support/hub.mjs';
import { until } from './support/until.mjs';

const hubs = await startHubs();
const browser = await launch(hubs.hub);
try {
  const page = await openWindow(browser, hubs.hub, { width: 1280, height: 720, reader: true });
  const bob = await signedIn(page, hubs.hub, 'bob');
  const made = await bob.post('/api/v1/workspaces', { template: 'debian', name: 'seoul' });
  await until(
    'the workspace to run',
    async () => (await bob.get(`/api/v1/workspaces/${made.body.id}`)).body.state === 'running',
    { seconds: 60 },
  );
  await page.goto('/workspaces');
  await page.getByRole('button', { name: 'Enter seoul' }).click();
  const left = await new Pane(page).live();
  await left.run(
    "export PS1='\\[\\e[32m\\]\\u@seoul\\[\\e[0m\\]:\\[\\e[34m\\]\\w\\[\\e[0m\\]# '; alias ls='ls --color=auto'; cd; stty -echo; stty echo; clear",
  );
  await left.run('apt-get -qq update && apt-get -qq install -y net-tools htop >/dev/null 2>&1', 60);
  await left.status.getByRole('button', { name: 'Split right' }).click();
  const right = await new Pane(page, 1).live();
  await right.line('htop');
  await right.shows(/Load average/);
  // Pasted, because an input method cannot be had here and the screen reader mode takes Hangul from one only.
  await left.paste(
    "clear; ls -l / | head -n 12; ifconfig eth0; printf '\\e[33m%s\\e[0m\\n' '두 개의 문을 지나 파드에 들어왔습니다'",
  );
  await left.press('Enter');
  await left.shows(/^두 개의 문을 지나 파드에 들어왔습니다/m);
  await page.mouse.move(640, 400);
  await page.screenshot({ path: `${root}docs/images/terminal.png` });
  await bob.delete(`/api/v1/workspaces/${made.body.id}`);
} finally {
  await browser.close();
  await hubs.stop();
}
