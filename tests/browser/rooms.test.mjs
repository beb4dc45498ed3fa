// Every room, in both languages, both themes and on a telephone's width: it works, axe finds nothing serious,
// and a picture of it is left for people to look at.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { apply, entitle, makeNamespace, makePods, podManifest } from '../support/cluster.mjs';
import { launch, openWindow, Pane, picture, signedIn } from '../support/console.mjs';
import { startHubs } from '../support/hub.mjs';
import { until } from '../support/until.mjs';

let namespace;
let hubs;
let browser;
before(async () => {
  namespace = await makeNamespace('rooms');
  await makePods(namespace.name, 'web-1', 'web-2', 'db-1');
  await apply({
    ...podManifest(namespace.name, 'broken'),
    spec: { containers: [{ name: 'x', image: 'sallyport.test/none:1', imagePullPolicy: 'Never' }] },
  });
  await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
  hubs = await startHubs();
  browser = await launch(hubs.hub);
  const alice = await hubs.hub.signIn('alice');
  await alice.mint({ namespace: namespace.name, pod: 'web-1' });
  assert.equal((await alice.post('/api/v1/workspaces', { template: 'debian', name: 'lecture' })).status, 201);
  await until(
    'the workspace to run',
    async () => (await alice.get('/api/v1/workspaces')).body.items[0].state === 'running',
    { seconds: 60 },
  );
});
after(async () => {
  const alice = await hubs?.hub.signIn('alice');
  for (const each of (await alice?.get('/api/v1/workspaces'))?.body.items ?? [])
    await alice.delete(`/api/v1/workspaces/${each.id}`);
  await browser?.close();
  await hubs?.stop();
  await namespace?.remove();
});

describe('the Pods room', () => {
  let page;
  before(async () => {
    page = await openWindow(browser, hubs.hub);
    await signedIn(page, hubs.hub, 'alice');
  });
  after(() => page?.context().close());

  test('lists the Pods one may see, and no others', async () => {
    await page.goto('/pods');
    await page.getByRole('grid').getByText('web-1').waitFor();
    assert.ok(!(await page.getByRole('grid').innerText()).includes('coredns'));
    await page.getByText(/You see the Pods of \d+ namespace/).waitFor();
  });

  test('says to whom nothing is shown what to do, and counts no namespaces for them', async () => {
    // Nobody whom another suite gave a workspace, whose namespace stays.
    const stranger = `stranger-${randomBytes(4).toString('hex')}`;
    await hubs.hub.addAccount(stranger);
    for (const [lang, none, banner] of [
      ['en', 'There are no Pods you may see', /You see the Pods of/],
      ['ko', '볼 수 있는 파드가 없습니다', /네임스페이스 0개/],
    ]) {
      const theirs = await openWindow(browser, hubs.hub, { lang });
      await signedIn(theirs, hubs.hub, stranger);
      await theirs.goto('/pods');
      await theirs.getByText(none).first().waitFor();
      assert.equal(await theirs.getByText(banner).count(), 0);
      await theirs.context().close();
    }
  });

  test('a filter is in the address, survives a reload, and can be given to others', async () => {
    await page.getByLabel('Filter Pods').fill('web');
    await until('the filter in the address', () => new URL(page.url()).searchParams.get('q') === 'web');
    await until('only what matches', async () => !(await page.getByRole('grid').innerText()).includes('db-1'));
    await page.reload();
    await page.getByRole('grid').getByText('web-2').waitFor();
    assert.equal(await page.getByLabel('Filter Pods').inputValue(), 'web');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByRole('grid').getByText('db-1').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('q'), null);
  });

  test('`/` goes to the filter, and a filter that nothing matches says what to do', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('no-such-pod');
    await page.getByText('No Pod matches').waitFor();
    await page.goto('/pods');
  });

  test('a Pod that comes and goes is seen without a reload', async () => {
    await page.getByRole('grid').getByText('web-1').waitFor();
    await makePods(namespace.name, 'newcomer');
    await page.getByRole('grid').getByText('newcomer').waitFor();
    const { kubectl } = await import('../support/cluster.mjs');
    await kubectl(['delete', 'pod', 'newcomer', '-n', namespace.name, '--wait=true']);
    await page.getByRole('grid').getByText('newcomer').waitFor({ state: 'detached' });
  });

  test('a Pod that cannot start shows the cluster’s reason', async () => {
    await page.getByRole('grid').getByText('ErrImageNeverPull').waitFor();
  });

  test('a row opens by its button, and by Enter after a click on it', async () => {
    const dialog = page.getByRole('dialog', { name: 'db-1' });
    await page.getByRole('button', { name: /^Details of db-1/ }).click();
    await dialog.getByText('link').first().waitFor();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('gridcell', { name: 'db-1', exact: true }).click();
    await page.keyboard.press('Enter');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });

  test('a shell opens from its row', async () => {
    await page.getByRole('button', { name: 'Shell in db-1' }).click();
    const pane = await new Pane(page).live();
    assert.match(await pane.run('hostname'), /db-1/);
    await pane.line('exit');
    await pane.region.getByText('exit code 0').waitFor();
  });
  test('and no page reported an error', () => assert.deepEqual(page.faults, []));
});

describe('the Access room', () => {
  let page;
  before(async () => {
    page = await openWindow(browser, hubs.hub);
    await signedIn(page, hubs.hub, 'alice');
  });
  after(() => page?.context().close());

  test('invites a person, who sets a password and is in', async () => {
    await page.goto('/access/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('User name').fill('minji');
    await dialog.getByRole('button', { name: 'Add and invite' }).click();
    const url = await until('the invitation', async () => {
      const text =
        (await page
          .getByRole('dialog')
          .locator('input')
          .evaluateAll((all) => all.map((each) => each.value).join(' '))) +
        ' ' +
        (await page.getByRole('dialog').innerText());
      return /https:\/\/\S+\/invitation#inv_\S+/.exec(text)?.[0];
    });
    const guest = await openWindow(browser, hubs.hub, { lang: 'ko' });
    await guest.goto(url);
    await guest.getByLabel('새 비밀번호', { exact: true }).fill('paper boat under a lamp');
    await guest.getByLabel('새 비밀번호 확인').fill('paper boat under a lamp');
    await guest.getByRole('button', { name: '비밀번호 설정 후 로그인' }).click();
    await guest.getByRole('heading', { name: '홈' }).waitFor();
    await guest.goto('about:blank');
    await guest.goto(url);
    await guest.getByLabel('새 비밀번호', { exact: true }).fill('paper boat under a lamp');
    await guest.getByLabel('새 비밀번호 확인').fill('paper boat under a lamp');
    await guest.getByRole('button', { name: '비밀번호 설정 후 로그인' }).click();
    await guest.getByText(/사용할 수 없는 초대입니다/).waitFor();
    await guest.context().close();
  });

  test('lists links, and revokes one', async () => {
    await page.goto('/access/links');
    await page.getByRole('button', { name: 'Revoke the link to web-1' }).first().click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('The link is revoked').waitFor();
  });

  test("shows an administrator other people's links and terminals, and others only their own", async () => {
    const bob = await hubs.hub.signIn('bob');
    const pod = { namespace: namespace.name, pod: 'web-2' };
    await until('bob’s right to count', async () => (await bob.post('/api/v1/links', pod)).status === 201);
    const terminal = await bob.enter(pod);
    const bobs = await openWindow(browser, hubs.hub);
    await signedIn(bobs, hubs.hub, 'bob');
    try {
      await page.goto('/access/links');
      await page.getByRole('cell', { name: 'sallyport:bob' }).first().waitFor();
      await page.getByRole('cell', { name: 'sallyport:alice' }).first().waitFor();
      await page.getByLabel('Filter by Kubernetes user').fill('sallyport:bob');
      await page.getByRole('cell', { name: 'sallyport:alice' }).first().waitFor({ state: 'detached' });
      await page.getByRole('cell', { name: 'sallyport:bob' }).first().waitFor();

      await bobs.goto('/access/links');
      await bobs.getByRole('cell', { name: 'sallyport:bob' }).first().waitFor();
      assert.equal(await bobs.getByRole('cell', { name: 'sallyport:alice' }).count(), 0);

      await page.goto('/access/terminals');
      await page.getByRole('row').filter({ hasText: 'sallyport:bob' }).first().waitFor();
      await page.getByRole('button', { name: 'End the terminal in web-2' }).click();
      await page.getByRole('alertdialog').getByRole('button', { name: 'End' }).click();
      await page.getByText('The terminal in web-2 is ended').waitFor();
    } finally {
      terminal.close();
      await bobs.context().close();
    }
  });

  test('shows the audit log and proves its chain', async () => {
    await page.goto('/access/audit');
    await page.getByText('link.mint').first().waitFor();
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/Intact: \d+ records/).waitFor();
  });

  test('is smaller for those who do not administer', async () => {
    const bobs = await openWindow(browser, hubs.hub);
    await signedIn(bobs, hubs.hub, 'bob');
    await bobs.goto('/access/people');
    await bobs.getByText('Only administrators of the hub may do this.').first().waitFor();
    await bobs.context().close();
  });
  test('and no page reported an error', () => assert.deepEqual(page.faults, []));
});

test('language and theme switch, and stay', async () => {
  const page = await openWindow(browser, hubs.hub, { theme: 'light' });
  await signedIn(page, hubs.hub, 'alice');
  await page.goto('/');
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  await page.getByRole('button', { name: 'Language' }).click();
  await page
    .getByRole('menuitemradio', { name: '한국어' })
    .or(page.getByRole('menuitem', { name: '한국어' }))
    .click();
  await page.getByRole('heading', { name: '홈' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'ko');
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole('button', { name: '테마' }).click();
  await page
    .getByRole('menuitemradio', { name: '어둡게' })
    .or(page.getByRole('menuitem', { name: '어둡게' }))
    .click();
  await until('the dark ground', async () => (await ground()) !== light);
  await page.reload();
  await page.getByRole('heading', { name: '홈' }).waitFor();
  assert.notEqual(await ground(), light);
  await page.context().close();
});

const looks = [
  { lang: 'en', theme: 'dark', width: 1280 },
  { lang: 'ko', theme: 'light', width: 1280 },
  { lang: 'ko', theme: 'dark', width: 390 },
  { lang: 'en', theme: 'light', width: 390 },
];
const rooms = [
  { name: 'home', path: '/', heading: { en: 'Home', ko: '홈' } },
  { name: 'workspaces', path: '/workspaces', heading: { en: 'Workspaces', ko: '워크스페이스' } },
  { name: 'pods', path: '/pods', heading: { en: 'Pods', ko: '파드' }, grid: true },
  { name: 'terminal', path: '/terminal', heading: { en: 'Terminal', ko: '터미널' } },
  { name: 'people', path: '/access/people', text: 'minji' },
  { name: 'links', path: '/access/links', text: 'web-1' },
  { name: 'audit', path: '/access/audit', text: 'link.mint' },
  { name: 'denied', path: '/denied?code=forbidden', heading: { en: 'Access denied', ko: '접근할 수 없습니다' } },
];
for (const look of looks) {
  describe(`${look.lang}, ${look.theme}, ${look.width} px`, () => {
    let page;
    before(async () => {
      page = await openWindow(browser, hubs.hub, { ...look, height: look.width < 500 ? 844 : 800, reader: false });
      await signedIn(page, hubs.hub, 'alice');
    });
    after(() => page?.context().close());

    const looksRight = async (name) => {
      await picture(page, `${name}-${look.lang}-${look.theme}-${look.width}`);
      const { violations } = await new AxeBuilder({ page }).exclude('.xterm').analyze();
      const grave = violations.filter((each) => ['serious', 'critical'].includes(each.impact));
      assert.deepEqual(
        grave.map(
          (each) =>
            `${each.id}: ${each.nodes
              .map((node) => node.target.join(' '))
              .slice(0, 3)
              .join(' | ')}`,
        ),
        [],
      );
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(excess <= 0, `the page is ${excess} px wider than the window`);
    };

    test('sign-in', async () => {
      const stranger = await openWindow(browser, hubs.hub, { ...look, height: 844 });
      await stranger.goto('/sign-in');
      await stranger.getByRole('heading', { level: 1 }).waitFor();
      const mine = page;
      page = stranger;
      try {
        await looksRight('sign-in');
      } finally {
        page = mine;
        await stranger.context().close();
      }
    });
    for (const room of rooms) {
      test(room.name, async () => {
        await page.goto(room.path);
        if (room.heading)
          await page
            .getByRole('heading', { name: room.heading[look.lang], exact: true })
            .first()
            .waitFor({ state: 'attached' });
        if (room.text) await page.getByText(room.text).first().waitFor();
        if (room.grid) await page.getByRole('grid').getByText('web-1').waitFor();
        await looksRight(room.name);
      });
    }
    test('a live terminal', async () => {
      await page.goto('/workspaces');
      await page
        .getByRole('button', { name: look.lang === 'en' ? /^Enter/ : /들어가기$/ })
        .first()
        .click();
      await page.locator('section[data-phase=live]').waitFor();
      await looksRight('shell');
      assert.deepEqual(page.faults, []);
    });
  });
}
