// The denied page, for each way of being refused, in both languages; and what ends a terminal while one is in it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { entitle, kubectl, makeNamespace, makePods } from '../support/cluster.mjs';
import { launch, openWindow, Pane, picture, signedIn } from '../support/console.mjs';
import { password, startHubs } from '../support/hub.mjs';
import { timed, until } from '../support/until.mjs';

const words = {
  en: {
    title: 'Access denied',
    hub: 'Sallyport hub',
    kubernetes: 'Kubernetes (the cluster)',
    todo: 'What to do',
    more: 'Details',
    link_expired: 'This link has expired.',
    link_revoked: 'This link has been revoked.',
    link_used: 'This link has already been used. Each opens one terminal.',
    link_other_user: 'This link was made for another person.',
    pod_gone: 'The Pod is gone.',
  },
  ko: {
    title: '접근할 수 없습니다',
    hub: 'Sallyport 허브',
    kubernetes: 'Kubernetes(클러스터)',
    todo: '해결 방법',
    more: '상세',
    link_expired: '링크가 만료되었습니다.',
    link_revoked: '폐기된 링크입니다.',
    link_used: '이미 사용된 링크입니다. 링크 하나로 터미널 하나만 열 수 있습니다.',
    link_other_user: '다른 사람에게 발급된 링크입니다.',
    pod_gone: '파드가 사라졌습니다.',
  },
};

let namespace;
let hubs;
let browser;
let alice;
const pod = (name = 'web', more = {}) => ({ namespace: namespace.name, pod: name, ...more });

before(async () => {
  namespace = await makeNamespace('denied');
  await makePods(namespace.name, 'web', 'doomed');
  await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
  hubs = await startHubs();
  alice = await hubs.hub.signIn('alice');
  browser = await launch(hubs.hub);
});
after(async () => {
  await browser?.close();
  await hubs?.stop();
  await namespace?.remove();
});

for (const lang of ['en', 'ko']) {
  describe(`refused at the gates, in ${lang === 'en' ? 'English' : 'Korean'}`, () => {
    let page;
    let bob;
    before(async () => {
      page = await openWindow(browser, hubs.hub, { lang, theme: lang === 'en' ? 'dark' : 'light' });
      bob = await signedIn(page, hubs.hub, 'bob');
    });
    after(() => page?.context().close());

    const refused = async (link, code, decider = 'hub') => {
      await page.goto('about:blank');
      await page.goto(link.url);
      const notice = page.getByRole('alert');
      await notice.getByRole('heading', { name: words[lang].title }).waitFor();
      await notice.getByText(words[lang][code]).first().waitFor();
      await notice.getByText(words[lang][decider]).waitFor();
      await notice.getByText(words[lang].todo).waitFor();
      await notice.getByText(code, { exact: true }).waitFor();
      // What the hub says in English is for whoever asks for it.
      const more = notice.getByText(words[lang].more, { exact: true });
      const english = notice.locator('dd[lang=en]').first();
      assert.equal(await english.isVisible(), false, 'the hub’s own words stand open');
      await more.click();
      await english.waitFor();
      await more.click();
      assert.ok(!page.url().includes(link.secret.slice(8)), 'the secret is still in the address bar');
      await picture(page, `denied-${code}-${lang}`);
    };

    test('an expired link', async () => {
      const link = await bob.mint(pod('web', { expires_in_s: 1 }));
      await until('the link to expire', () => Date.parse(link.expires_at) < Date.now());
      await refused(link, 'link_expired');
    });
    test('a revoked link', async () => {
      const link = await bob.mint(pod());
      await bob.delete(`/api/v1/links/${link.id}`);
      await refused(link, 'link_revoked');
    });
    test('a used link', async () => {
      const terminal = await bob.enter(pod());
      await refused(terminal.link, 'link_used');
      terminal.close();
    });
    test("another person's link", async () => refused(await alice.mint(pod()), 'link_other_user'));
    test('a link to a Pod that is gone', async () => {
      await makePods(namespace.name, 'doomed');
      const link = await bob.mint(pod('doomed'));
      await kubectl(['delete', 'pod', 'doomed', '-n', namespace.name, '--wait=true']);
      await refused(link, 'pod_gone', 'kubernetes');
    });
    test('the page says nothing wrong to the browser', () => assert.deepEqual(page.faults, []));
  });
}

describe('ended while one is inside', () => {
  let page;
  let pane;
  const enter = async (person) => {
    const link = await person.mint(pod());
    await page.goto('about:blank');
    await page.goto(link.url);
    pane = await new Pane(page).live();
    return link;
  };
  before(async () => {
    await hubs.hub.addAccount('eve');
    await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob', 'sallyport:eve');
    page = await openWindow(browser, hubs.hub);
  });
  after(() => page?.context().close());

  test('a link opens a terminal, and the address no longer holds its secret', async () => {
    const eve = await signedIn(page, hubs.hub, 'eve');
    const link = await until('the right to count', () => enter(eve));
    assert.ok(!page.url().includes('sp1.'), page.url());
    assert.ok(
      !(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes(link.secret),
    );
    assert.match(await pane.run('hostname'), /web/);
  });

  test('a link opened while signed out waits for the sign-in', async () => {
    const eve = await hubs.hub.signIn('eve');
    const link = await eve.mint(pod());
    const other = await openWindow(browser, hubs.hub);
    try {
      await other.goto(link.url);
      await other.getByText('You opened a link to a terminal').waitFor();
      await other.getByLabel('User name').fill('eve');
      await other.getByRole('textbox', { name: 'Password' }).fill(password);
      await other.getByRole('button', { name: 'Sign in' }).click();
      await new Pane(other).live();
    } finally {
      await other.context().close();
    }
  });

  test('revoking its link ends it within 2 s and says so', async () => {
    const eve = await signedIn(page, hubs.hub, 'eve');
    const link = await enter(eve);
    const took = await timed(async () => {
      assert.equal((await alice.delete(`/api/v1/links/${link.id}`)).status, 204);
      await page.getByRole('alert').getByText('This link has been revoked.').waitFor();
    });
    assert.ok(took < 2000, `${took} ms`);
    await picture(page, 'revoked-while-live');
  });

  test('a command without a terminal is a plain stream', async () => {
    const eve = await signedIn(page, hubs.hub, 'eve');
    const link = await eve.mint(
      pod('web', { tty: false, command: ['sh', '-c', 'for n in 1 2 3; do echo line $n of 3; done; echo oops >&2'] }),
    );
    await page.goto('about:blank');
    await page.goto(link.url);
    pane = new Pane(page);
    await pane.shows('line 3 of 3');
    await pane.shows('oops');
    await pane.status.getByText('Plain stream').waitFor();
    await pane.region.getByText('exit code 0').waitFor();
  });

  test('an administrator who ends it leaves the person signed in, and a new one opens', async () => {
    const eve = await signedIn(page, hubs.hub, 'eve');
    const link = await enter(eve);
    const { items } = (await alice.get('/api/v1/terminals?user=*')).body;
    const terminal = items.find((each) => each.link_id === link.id);
    assert.equal((await alice.delete(`/api/v1/terminals/${terminal.id}`)).status, 204);
    await page.getByRole('alert').getByText('This terminal was ended.').waitFor();
    await page.getByRole('alert').getByRole('button', { name: 'Open again' }).click();
    await new Pane(page).live();
  });

  test('disabling the account ends it within 2 s', async () => {
    const eve = await signedIn(page, hubs.hub, 'eve');
    await enter(eve);
    const took = await timed(async () => {
      assert.equal((await alice.post('/api/v1/accounts/eve/disable')).status, 200);
      await until(
        'the terminal to end',
        async () =>
          (await page.getByRole('heading', { name: 'Sign in' }).count()) + (await page.getByRole('alert').count()) > 0,
      );
    });
    assert.ok(took < 2000, `${took} ms`);
    await picture(page, 'disabled-while-live');
  });
});
