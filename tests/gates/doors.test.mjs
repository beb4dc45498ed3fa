// Everything that a stranger can reach: each route of the API without a session, sign-in under attack, cookies,
// request forgery, smuggled headers, and other people's workspaces.
import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { kubectl } from '../support/cluster.mjs';
import { describeApi, password, startHubs } from '../support/hub.mjs';
import { Person } from '../support/person.mjs';
import { noUpgrade } from '../support/refusals.mjs';
import { until } from '../support/until.mjs';

let hubs;
let alice;
let bob;
before(async () => {
  hubs = await startHubs({ settings: { 'workspaces.per_person_max': '3', 'workspaces.total_max': '5' } });
  alice = await hubs.hub.signIn('alice');
  bob = await hubs.hub.signIn('bob');
});
after(() => hubs?.stop());

const operations = Object.entries(describeApi().paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([method]) => ['get', 'put', 'post', 'delete', 'patch', 'head'].includes(method))
    .map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{[^}]+\}/g, 'x'),
      isPublic: operation.security?.length === 0,
    })),
);

describe('without a session', () => {
  test('the description is worth walking', () => assert.ok(operations.length >= 25, `${operations.length} operations`));

  for (const { method, path, isPublic } of operations) {
    test(`${method} ${path} answers ${isPublic ? 'anybody' : '401'}`, async () => {
      const stranger = new Person(hubs.hub);
      const body = ['POST', 'PUT', 'PATCH'].includes(method) ? {} : undefined;
      const answer = await stranger.ask(method, path, body);
      if (isPublic) {
        assert.notEqual(answer.status, 200, 'not even sign-in says yes to nothing');
        return;
      }
      assert.equal(answer.status, 401, answer.text);
      assert.equal(answer.body.code, 'not_signed_in');
      assert.equal(answer.headers['set-cookie'], undefined);
      const forged = await stranger.ask(method, path, body, {
        cookie: '__Host-sallyport=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      });
      assert.equal(forged.status, 401);
      // What identity other systems take from a header is nobody's here.
      const claimed = await stranger.ask(method, path, body, {
        authorization: 'Bearer x',
        'x-remote-user': 'sallyport:alice',
        'x-forwarded-user': 'sallyport:alice',
        'impersonate-user': 'sallyport:alice',
      });
      assert.equal(claimed.status, 401);
    });
  }

  // A machine proves itself by its certificate, an API server by the reviewers' secret, and what the issuer publishes
  // is what any API server must be able to read.
  test('only sign-in, and what is proven otherwise or meant for all, is public', () => {
    const open = operations.filter((each) => each.isPublic).map((each) => each.path);
    assert.deepEqual(open.sort(), [
      '/api/v1/machine/ask',
      '/api/v1/machine/collect',
      '/api/v1/machine/end',
      '/api/v1/machine/renew',
      '/api/v1/machine/token',
      '/api/v1/sign-in/invitation',
      '/api/v1/sign-in/password',
      '/api/v1/sign-in/token',
      '/api/v1/token-reviews/x',
      '/issuer/.well-known/openid-configuration',
      '/issuer/keys',
    ]);
  });

  test('routes that do not exist do not tell so', async () => {
    const stranger = new Person(hubs.hub);
    for (const path of [
      '/api/v1/nothing',
      '/api/v2/me',
      '/api',
      '/presigned/other',
      '/api/v1/links/../me',
      '/api//v1/me',
      '/API/v1/me',
    ]) {
      const answer = await stranger.get(path, { accept: 'application/json' });
      assert.ok([401, 404].includes(answer.status), `${path}: ${answer.status}`);
      assert.ok(!/alice|bob/.test(answer.text));
    }
  });

  test('health tells nothing but itself', async () => {
    const stranger = new Person(hubs.hub);
    for (const path of ['/livez', '/readyz']) {
      const answer = await stranger.get(path);
      assert.deepEqual([answer.status, answer.text], [200, 'ok\n']);
    }
    assert.notEqual(
      (await stranger.get('/metrics', { accept: 'text/plain' })).status,
      200,
      'metrics have an address of their own',
    );
  });

  test('the page comes with headers that keep others out', async () => {
    const answer = await new Person(hubs.hub).get('/', { accept: 'text/html' });
    assert.equal(answer.status, 200);
    const policy = answer.headers['content-security-policy'];
    assert.match(policy, /default-src '(self|none)'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /script-src[^;]*unsafe/);
    assert.match(answer.headers['strict-transport-security'] ?? '', /max-age=\d+/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers['referrer-policy'], 'no-referrer');
  });

  test('files of the machine cannot be asked for', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/assets/../../../etc/passwd',
      '/..%2f..%2fetc%2fpasswd',
      '/assets/%00',
    ]) {
      const answer = await new Person(hubs.hub).get(path, { accept: '*/*' });
      assert.ok(!answer.text.includes('root:'), path);
    }
  });
});

describe('signing in', () => {
  test('the cookie is bound to the host, out of reach for scripts and other sites', async () => {
    const answer = await new Person(hubs.hub).post('/api/v1/sign-in/password', { username: 'bob', password });
    const cookie = answer.headers['set-cookie'][0];
    for (const part of [/^__Host-sallyport=/, /; ?Secure/i, /; ?HttpOnly/i, /; ?SameSite=Strict/i, /; ?Path=\/(;|$)/i])
      assert.match(cookie, part);
    assert.doesNotMatch(cookie, /Domain=/i);
  });

  test('a cookie that was there before is never taken over', async () => {
    const victim = new Person(hubs.hub);
    victim.cookie = '__Host-sallyport=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const answer = await victim.post('/api/v1/sign-in/password', { username: 'bob', password });
    const given = answer.headers['set-cookie'][0].split(';')[0];
    assert.notEqual(given, victim.cookie);
    assert.equal((await new Person(hubs.hub).get('/api/v1/me', { cookie: victim.cookie })).status, 401);
    // Somebody else's live session planted in a browser is replaced too, and not joined.
    const planted = new Person(hubs.hub);
    planted.cookie = alice.cookie;
    const fresh = await planted.post('/api/v1/sign-in/password', { username: 'bob', password });
    assert.notEqual(fresh.headers['set-cookie'][0].split(';')[0], alice.cookie);
    assert.equal(fresh.body.account, 'bob');
    alice = await hubs.hub.signIn('alice');
  });

  test('two cookies of the name are no session', async () => {
    const answer = await new Person(hubs.hub).get('/api/v1/me', { cookie: `${bob.cookie}; __Host-sallyport=other` });
    assert.equal(answer.status, 401);
  });

  test('a wrong password and an unknown name are answered alike', async () => {
    const ask = (username) =>
      new Person(hubs.hub).post('/api/v1/sign-in/password', { username, password: 'not the password 12' });
    const known = await ask('carol');
    const unknown = await ask('nobody-of-that-name');
    assert.deepEqual([known.status, known.body.code], [401, 'wrong_credentials']);
    assert.deepEqual([unknown.status, unknown.body.code], [401, 'wrong_credentials']);
    assert.equal(known.body.detail.replace('carol', '*'), unknown.body.detail.replace('nobody-of-that-name', '*'));
    assert.equal(known.headers['set-cookie'], undefined);
  });

  test('from a foreign, missing or null Origin nobody signs in', async () => {
    for (const origin of ['https://evil.example', 'null', null]) {
      const answer = await new Person(hubs.hub).post(
        '/api/v1/sign-in/password',
        { username: 'bob', password },
        { origin },
      );
      assert.deepEqual([answer.status, answer.body.code], [403, 'origin_refused'], String(origin));
    }
  });

  test('a token of the cluster signs in as who the cluster says, another is refused', async () => {
    const token = (await kubectl(['create', 'token', 'default', '-n', 'default'])).trim();
    const person = new Person(hubs.hub);
    const answer = await person.post('/api/v1/sign-in/token', { token });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.user, 'system:serviceaccount:default:default');
    assert.equal(answer.body.admin, false);
    const refused = await new Person(hubs.hub).post('/api/v1/sign-in/token', { token: `${token.slice(0, -3)}AAA` });
    assert.deepEqual([refused.status, refused.body.code], [401, 'token_refused']);
  });
});

describe('forged requests', () => {
  test('without the CSRF token or from another origin nothing changes', async () => {
    const wish = { name: 'mallory' };
    for (const headers of [
      { 'x-sallyport-csrf': null },
      { 'x-sallyport-csrf': 'wrong' },
      { 'x-sallyport-csrf': bob.csrf },
    ]) {
      const answer = await alice.post('/api/v1/accounts', wish, headers);
      assert.deepEqual([answer.status, answer.body.code], [403, 'csrf']);
    }
    for (const origin of ['https://evil.example', 'null', null]) {
      const answer = await alice.post('/api/v1/accounts', wish, { origin });
      assert.deepEqual([answer.status, answer.body.code], [403, 'origin_refused']);
    }
    const accounts = (await alice.get('/api/v1/accounts')).body.items.map((each) => each.name);
    assert.ok(!accounts.includes('mallory'));
  });

  test('a form of another site, which can send no JSON', async () => {
    const answer = await alice.post('/api/v1/sign-out', 'everywhere=true', {
      'content-type': 'text/plain',
      origin: 'https://evil.example',
    });
    assert.equal(answer.status, 403);
    assert.equal((await alice.get('/api/v1/me')).status, 200);
  });

  test('bodies that are too large, broken or odd are refused in words', async () => {
    const big = await alice.post('/api/v1/accounts', `{"name":"${'a'.repeat(3 * 1024 * 1024)}"}`);
    assert.ok([400, 413].includes(big.status), `${big.status}`);
    for (const body of ['{', '[]', 'null', '{"name":1}', '{"name":"x","unknown":1}', '"x"']) {
      const answer = await alice.post('/api/v1/accounts', body);
      assert.deepEqual([answer.status, answer.body?.code], [400, 'bad_request'], `${body}: ${answer.text}`);
    }
    for (const name of ['', '..', 'a/b', 'a b', 'A'.repeat(300), '한글', 'x\u0000y', '"; drop table accounts; --']) {
      assert.equal((await alice.post('/api/v1/accounts', { name })).status, 400, JSON.stringify(name));
    }
  });

  test('hostile names of clusters, namespaces, Pods and containers are refused in words', async () => {
    for (const wish of [
      { namespace: '../kube-system', pod: 'x' },
      { namespace: 'default', pod: 'x/exec?command=sh' },
      { namespace: 'default', pod: '파드' },
      { namespace: 'default', pod: 'x', container: 'a&command=sh' },
      { namespace: 'default', pod: 'x', container: '\u202e' },
      { namespace: 'default', pod: 'x', cluster: 'other' },
      { namespace: 'a'.repeat(300), pod: 'x' },
      { namespace: 'default', pod: 'x', command: ['a'.repeat(10_000)] },
    ]) {
      const answer = await alice.post('/api/v1/links', { tty: true, ...wish });
      assert.ok(
        answer.status >= 400 && answer.status < 500,
        `${JSON.stringify(wish)}: ${answer.status} ${answer.text}`,
      );
    }
  });

  // A client names a header in Connection so that a careless proxy drops it, or adds one that the API server believes.
  const smuggled = {
    connection: 'close, Impersonate-User, Impersonate-Group, Authorization',
    'impersonate-user': 'system:admin',
    'impersonate-group': 'system:masters',
    'x-remote-user': 'system:admin',
    'x-remote-group': 'system:masters',
  };
  test('smuggled impersonation changes nobody', async () => {
    const answer = await bob.get('/api/v1/me', smuggled);
    assert.equal(answer.body.user, 'sallyport:bob');
    const pods = await bob.get('/api/v1/pods', smuggled);
    assert.equal(pods.status, 200);
    assert.ok(
      !pods.body.items.some((each) => each.namespace === 'kube-system'),
      'bob sees what only an administrator may',
    );
    const link = await bob.post('/api/v1/links', { namespace: 'kube-system', pod: 'x', tty: true }, smuggled);
    assert.equal(link.body.code, 'forbidden');
    noUpgrade(
      await bob.connect(undefined, {
        cookie: undefined,
        headers: { Connection: 'Upgrade, Impersonate-User', 'Impersonate-User': 'system:admin' },
      }),
      401,
    );
  });

  test('HTTP/1.1 smuggling: two lengths, or a length and chunks', async () => {
    const raw = (headers) =>
      new Promise((resolve) => {
        const asked = request(
          {
            host: '127.0.0.1',
            port: hubs.hub.port,
            servername: 'localhost',
            ca: hubs.hub.ca,
            method: 'POST',
            path: '/api/v1/sign-out',
            headers,
            agent: false,
            insecureHTTPParser: true,
          },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode));
          },
        );
        asked.on('error', () => resolve('closed'));
        asked.end();
      });
    assert.ok(
      ['closed', 400].includes(
        await raw(
          [
            ['Host', 'localhost'],
            ['Content-Length', '3'],
            ['Content-Length', '30'],
          ].flat(),
        ),
      ),
    );
  });
});

describe("other people's workspaces", () => {
  test('quotas hold against parallel creations, and nobody sees, enters or deletes another’s', async () => {
    const wishes = await Promise.all(
      Array.from({ length: 40 }, () => bob.post('/api/v1/workspaces', { template: 'debian' })),
    );
    const made = wishes.filter((each) => each.status === 201).map((each) => each.body);
    assert.equal(made.length, 3, wishes.map((each) => `${each.status} ${each.body?.code ?? ''}`).join(', '));
    for (const each of wishes.filter((one) => one.status !== 201))
      assert.equal(each.body.code, 'quota_person', each.text);
    const [workspace] = made;

    const carol = await hubs.hub.signIn('carol');
    assert.deepEqual((await carol.get('/api/v1/workspaces')).body.items, []);
    assert.equal((await carol.get(`/api/v1/workspaces/${workspace.id}`)).status, 404);
    assert.equal((await carol.get(`/api/v1/workspaces/${workspace.id}/watch`)).status, 404);
    assert.equal((await carol.delete(`/api/v1/workspaces/${workspace.id}`)).status, 404);
    const { namespace, pod } = workspace;
    await until(
      'the workspace to run',
      async () => (await bob.get(`/api/v1/workspaces/${workspace.id}`)).body.state === 'running',
      { seconds: 60 },
    );
    const link = await carol.post('/api/v1/links', { namespace, pod, tty: true });
    assert.equal(link.body.code, 'forbidden');
    // The hub's administrator is none of the cluster: a right there is RBAC's to give.
    const admins = await alice.post('/api/v1/links', { namespace, pod, tty: true });
    assert.equal(admins.body.code, 'forbidden');
    // The same rule at the API server itself.
    const may = await kubectl([
      'auth',
      'can-i',
      'create',
      'pods',
      '--subresource=exec',
      '-n',
      namespace,
      '--as=sallyport:carol',
    ]).catch((error) => error.stdout);
    assert.match(may, /no/);
    assert.match(
      await kubectl(['auth', 'can-i', 'create', 'pods', '--subresource=exec', '-n', namespace, '--as=sallyport:bob']),
      /yes/,
    );

    const terminal = await bob.enter({ namespace, pod });
    assert.match(await terminal.run('ls /var/run/secrets 2>&1; id -u'), /No such file/);
    for (const each of made) assert.equal((await bob.delete(`/api/v1/workspaces/${each.id}`)).status, 202);
    await terminal.ends(60);
    await until('the quota to be free again', async () => (await bob.get('/api/v1/workspaces')).body.quota.used === 0, {
      seconds: 60,
    });
  });
});
