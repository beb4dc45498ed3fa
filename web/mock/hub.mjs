// A small stand-in for the hub, for development and screenshots only: it invents data, checks nothing and is never built in.
// Serves dist/ too when it exists, under the Content-Security-Policy the console is written for.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import * as world from './data.mjs';
import { postureRoutes } from './posture.mjs';
import { serveTerminal } from './terminal.mjs';

const port = Number(process.env.PORT ?? 8686);
const podCount = Number(process.env.PODS ?? 3000);
const dist = join(dirname(fileURLToPath(import.meta.url)), '../dist');
export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const pods = world.makePods(podCount);
const sessions = new Map();
const tickets = new Map();
const podWatchers = new Set();
const workspaceWatchers = new Map();
const trafficWatchers = new Set();
const traffic = Array.from({ length: 400 }, (_, nth) => world.exchange(nth)).flat();

class Refusal extends Error {
  constructor(status, code, detail = '', decided_by = 'hub') {
    super(code);
    Object.assign(this, { status, code, detail, decided_by });
  }
}

function signIn(reply, name) {
  const id = Math.random().toString(36).slice(2);
  sessions.set(id, name);
  reply.setHeader('Set-Cookie', `mock-session=${id}; HttpOnly; SameSite=Strict; Path=/`);
  return world.me(name);
}

function nameOf(request) {
  const id = /mock-session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  return sessions.get(id);
}

function feed(request, reply, set) {
  reply.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  set.add(reply);
  request.on('close', () => set.delete(reply));
  return (event, data) => reply.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function startWorkspace(made) {
  const steps = world.startSteps(made.pod);
  const next = () => {
    const found = steps.shift();
    if (!found) return;
    const [kind, en, ko, detail] = found;
    made.steps = [...made.steps, { at: new Date().toISOString(), kind, message: { en, ko }, detail }];
    made.state = kind === 'ready' ? 'running' : 'starting';
    for (const reply of workspaceWatchers.get(made.id) ?? [])
      reply.write(`event: workspace\ndata: ${JSON.stringify(made)}\n\n`);
    setTimeout(next, 500);
  };
  next();
}

const routes = [
  [
    'POST',
    /^\/api\/v1\/sign-in\/password$/,
    ({ body, reply }) => {
      if (body.password !== 'mock')
        throw new Refusal(401, 'wrong_credentials', `no account with this name and password`);
      return signIn(reply, body.username);
    },
  ],
  [
    'POST',
    /^\/api\/v1\/sign-in\/token$/,
    ({ body, reply }) => {
      if (body.token.length < 10)
        throw new Refusal(401, 'token_refused', 'TokenReview: not authenticated', 'kubernetes');
      return signIn(reply, 'joon');
    },
  ],
  [
    'POST',
    /^\/api\/v1\/sign-in\/invitation$/,
    ({ body, reply }) => {
      if (body.password.length < 8) throw new Refusal(400, 'password_weak', 'at least 12 characters');
      return signIn(reply, 'joon');
    },
  ],
  [
    'POST',
    /^\/api\/v1\/sign-out$/,
    ({ reply }) => void reply.setHeader('Set-Cookie', 'mock-session=; Max-Age=0; Path=/'),
  ],
  ['GET', /^\/api\/v1\/me$/, ({ name }) => world.me(name)],
  ['GET', /^\/api\/v1\/workspace-templates$/, () => ({ items: world.templates })],
  [
    'GET',
    /^\/api\/v1\/workspaces$/,
    () => ({
      items: world.workspaces,
      quota: { used: world.workspaces.length, limit: 5, total_used: 21, total_limit: 100 },
    }),
  ],
  [
    'POST',
    /^\/api\/v1\/workspaces$/,
    ({ body }) => {
      if (world.workspaces.length >= 5) throw new Refusal(409, 'quota_person', '5 of 5 used');
      const made = world.workspace(body.name ?? `calm-river-${world.workspaces.length}`, 'creating', {
        steps: [],
        created_at: new Date().toISOString(),
        expires_at: new Date(Date.now() + 8 * 3.6e6).toISOString(),
      });
      world.workspaces.unshift(made);
      setTimeout(() => startWorkspace(made), 100);
      return made;
    },
  ],
  [
    'DELETE',
    /^\/api\/v1\/workspaces\/([^/]+)$/,
    ({ args }) =>
      void world.workspaces.splice(
        world.workspaces.findIndex((each) => each.id === args[0]),
        1,
      ),
  ],
  [
    'GET',
    /^\/api\/v1\/pods$/,
    () => ({
      items: pods.slice(0, 50),
      scope: 'namespaces',
      namespaces: ['shop', 'payments'],
      clusters_unreachable: [],
    }),
  ],
  [
    'POST',
    /^\/api\/v1\/links$/,
    ({ body, request }) => {
      if (body.pod.startsWith('ledger'))
        throw new Refusal(
          403,
          'forbidden',
          `user "mina" cannot create resource "pods/exec" in namespace "${body.namespace}"`,
          'kubernetes',
        );
      // As strict as the hub.
      const known = 'cluster namespace pod container tty command for_user expires_in_s'.split(' ');
      const odd = Object.keys(body).find((key) => !known.includes(key));
      if (odd) throw new Refusal(400, 'bad_request', `unknown field \`${odd}\``);
      const made = world.link({ ...body, container: body.container ?? 'shell' });
      world.links.unshift(made);
      return {
        ...made,
        url: `http://${request.headers.host}/terminal#sp1.${Buffer.from(JSON.stringify(made.id)).toString('base64url')}`,
      };
    },
  ],
  [
    'GET',
    /^\/api\/v1\/links$/,
    ({ url, name }) =>
      pageOf(
        whose(world.links, url, name).filter((each) => matches(each, url, ['state'])),
        url,
      ),
  ],
  [
    'DELETE',
    /^\/api\/v1\/links\/([^/]+)$/,
    ({ args }) =>
      void Object.assign(
        world.links.find((each) => each.id === args[0]),
        { state: 'revoked' },
      ),
  ],
  ['POST', /^\/api\/v1\/links\/revoke-all$/, () => ({ revoked: 2 })],
  [
    'POST',
    /^\/presigned\/validate$/,
    ({ body, name }) => {
      if (!/^sp1\.[\w-]+$/.test(body.link)) throw new Refusal(400, 'link_malformed', 'the link ends early');
      if (body.link === 'sp1.expired') throw new Refusal(403, 'link_expired', 'expired 4 minutes ago');
      const id = JSON.parse(Buffer.from(body.link.slice(4), 'base64url').toString());
      const made = world.links.find((each) => each.id === id);
      if (made.state === 'used') throw new Refusal(409, 'link_used', 'used 2 minutes ago');
      made.state = 'used';
      const ticket = Math.random().toString(36).slice(2);
      const passage = {
        link_id: id,
        ticket,
        ticket_expires_at: new Date(Date.now() + 30000).toISOString(),
        cluster: made.cluster ?? 'demo',
        namespace: made.namespace,
        pod: made.pod,
        pod_uid: made.pod_uid,
        container: made.container,
        image: 'registry.sallyport.local/shell:bookworm',
        node: 'node-1',
        tty: made.tty,
        command: made.command ?? [],
        user: name,
        link_expires_at: made.expires_at,
      };
      tickets.set(ticket, passage);
      return passage;
    },
  ],
  ['GET', /^\/api\/v1\/terminals$/, ({ url, name }) => pageOf(whose(world.terminals, url, name), url)],
  [
    'DELETE',
    /^\/api\/v1\/terminals\/([^/]+)$/,
    ({ args }) =>
      void world.terminals.splice(
        world.terminals.findIndex((each) => each.id === args[0]),
        1,
      ),
  ],
  ['GET', /^\/api\/v1\/accounts$/, () => ({ items: world.accounts })],
  [
    'POST',
    /^\/api\/v1\/accounts$/,
    ({ body, request }) => {
      if (world.accounts.some((each) => each.name === body.name))
        throw new Refusal(409, 'conflict', `an account ${body.name} exists`);
      const made = world.account(body.name, { ...body, has_password: false, last_sign_in_at: undefined });
      world.accounts.push(made);
      return { account: made, ...invitation(request) };
    },
  ],
  [
    'POST',
    /^\/api\/v1\/accounts\/([^/]+)\/(disable|enable)$/,
    ({ args }) => {
      const found = world.accounts.find((each) => each.name === args[0]);
      found.disabled = args[1] === 'disable';
      return found;
    },
  ],
  ['POST', /^\/api\/v1\/accounts\/([^/]+)\/invite$/, ({ request }) => invitation(request)],
  ['POST', /^\/api\/v1\/accounts\/([^/]+)\/sign-out$/, () => undefined],
  [
    'GET',
    /^\/api\/v1\/audit$/,
    ({ url }) => {
      const before = Number(url.searchParams.get('before') ?? Number.POSITIVE_INFINITY);
      const limit = Number(url.searchParams.get('limit') ?? 100);
      const q = url.searchParams.get('q') ?? '';
      const items = world.audit
        .filter(
          (each) =>
            each.seq < before && matches(each, url, ['actor', 'action', 'outcome']) && JSON.stringify(each).includes(q),
        )
        .slice(0, limit);
      return { items, next_before: items.length === limit ? items.at(-1).seq : undefined };
    },
  ],
  [
    'GET',
    /^\/api\/v1\/traffic\/units$/,
    ({ url }) => {
      const before = Number(url.searchParams.get('before') ?? Number.POSITIVE_INFINITY);
      const limit = Number(url.searchParams.get('limit') ?? 200);
      const found = trafficOf(url).filter((each) => each.number < before);
      const items = found.slice(0, limit);
      return { items, next_before: found.length > limit ? items.at(-1).number : undefined, newest: traffic.length };
    },
  ],
  [
    'GET',
    /^\/api\/v1\/traffic\/units\/(\d+)$/,
    ({ args }) => {
      const unit = traffic[Number(args[0]) - 1];
      if (!unit) throw new Refusal(404, 'not_found', `there is no unit ${args[0]}`);
      const first = unit.request ?? unit.number;
      const isData = unit.info.startsWith('DATA');
      const object = {
        kind: 'PodList',
        apiVersion: 'v1',
        items: [
          { metadata: { name: 'web-1', labels: { app: '상점' } }, spec: { token: '[redacted:7aa880e62bc6f58b]' } },
        ],
      };
      return {
        unit,
        headers: isData
          ? []
          : [
              [':status', String(unit.status ?? '')],
              ['content-type', 'application/json'],
              [null, null],
            ],
        content: isData
          ? { media_type: 'application/json', length: 440, form: 'json', text: JSON.stringify(object), cut: false }
          : undefined,
        exchange: traffic.slice(first - 1, first + 2),
        connection: world.connections.find((each) => each.number === unit.connection),
        explanation: world.explanationOf(traffic[first]),
      };
    },
  ],
  ['GET', /^\/api\/v1\/traffic\/role$/, ({ url }) => world.roleOf(url.searchParams.get('user'))],
  [
    'POST',
    /^\/api\/v1\/traffic\/role$/,
    ({ url, body }) => {
      if (!body.held.includes('"Role"')) throw new Refusal(400, 'bad_request', '`held`: there is no Role in it');
      return world.roleOf(url.searchParams.get('user'), {
        missing: [{ namespace: 'shop', group: '', resource: 'pods', verb: 'list' }],
        unused: [{ namespace: 'shop', group: '', resource: 'secrets', verb: 'get' }],
        wider: [{ group: '', resource: '*', verb: '*' }],
        cut: false,
      });
    },
  ],
  [
    'GET',
    /^\/api\/v1\/traffic\/summary$/,
    ({ url }) => {
      const answers = trafficOf(url).filter((each) => each.status);
      const errors = answers.filter((each) => each.status >= 400);
      const counts = (keyOf) => {
        const kinds = new Map();
        for (const each of answers) kinds.set(keyOf(each), [...(kinds.get(keyOf(each)) ?? []), each]);
        return [...kinds].map(([name, all]) => ({
          name,
          answers: all.length,
          errors: all.filter((each) => each.status >= 400).length,
          longest_us: Math.max(...all.map((each) => each.latency_us)),
        }));
      };
      return {
        from: new Date(Date.now() - 9e5).toISOString(),
        to: new Date().toISOString(),
        partial: false,
        answers: answers.length,
        client_errors: errors.filter((each) => each.status < 500).length,
        server_errors: errors.filter((each) => each.status >= 500).length,
        latency_us: { p50: 1900, p90: 6200, p99: 9100, longest: 12000 },
        pieces: Array.from({ length: 60 }, (_, index) => ({
          answers: 4 + ((index * 37) % 11),
          errors: index % 9 === 0 ? 3 : 0,
        })),
        users: counts((each) => each.user),
        resources: counts((each) => `${each.verb} ${each.resource}`),
      };
    },
  ],
  [
    'GET',
    /^\/api\/v1\/traffic\/connections$/,
    ({ url }) => {
      const before = Number(url.searchParams.get('before') ?? Number.POSITIVE_INFINITY);
      const limit = Number(url.searchParams.get('limit') ?? 200);
      return {
        items: world.connections
          .filter((each) => each.number < before && matches(each, url, ['decryption']))
          .slice(0, limit),
        by_decryption: ['decrypted', 'partly', 'no_key', 'joined_late'].map((state) => ({
          state,
          connections: world.connections.filter((each) => each.decryption === state).length,
        })),
      };
    },
  ],
  [
    'GET',
    /^\/api\/v1\/traffic\/agents$/,
    () => {
      const heard_at = new Date().toISOString();
      const status = {
        began_at: new Date(Date.now() - 3_600_000).toISOString(),
        sources: ['/usr/local/bin/kube-apiserver'],
        ports: [6443],
        ...{ packets: 1_204_331, dropped: 0, secrets: 9600, secrets_lost: 0, units: 88_120, units_lost: 0 },
        ...{ waiting_bytes: 0, waiting_bytes_max: 268_435_456, lag_ms: 12 },
      };
      return {
        items: [
          { cluster: 'prod', node: 'control-1', state: 'connected', heard_at, status },
          { cluster: 'prod', node: 'control-2', state: 'silent', heard_at, status: { ...status, dropped: 412 } },
        ],
        listens: true,
      };
    },
  ],
  [
    'POST',
    /^\/api\/v1\/traffic\/captures$/,
    ({ url }) => ({
      name: url.searchParams.get('name'),
      ...{ bytes: 1_480_000, packets: 2100, units: 900, requests: 300, connections: 5, secrets: 25 },
      decryption: [
        { state: 'decrypted', connections: 4 },
        { state: 'no_key', connections: 1 },
      ],
      account: { decoded: 1_400_000, no_key: 80_000 },
    }),
  ],
  ...postureRoutes(Refusal),
  ['GET', /^\/api\/v1\/audit\/verify$/, () => ({ records: 1200, intact: true, detail: '' })],
];

const invitation = (request) => ({
  invitation_url: `http://${request.headers.host}/invitation#inv_mock2K8v1`,
  invitation_expires_at: new Date(Date.now() + 86.4e6).toISOString(),
});
/** One's own rows unless the query names a person, or `*` for everybody, as an administrator's may. */
function whose(items, url, name) {
  const user = url.searchParams.get('user') ?? name;
  if (user !== name && !world.me(name).admin) throw new Refusal(403, 'not_admin', 'only administrators may');
  return user === '*' ? items : items.filter((each) => each.user === user);
}
/** A page as the hub gives it: behind `after`, and `next` while there is more. */
function pageOf(items, url) {
  const from = items.findIndex((each) => each.id === url.searchParams.get('after')) + 1;
  const page = items.slice(from, from + Number(url.searchParams.get('limit') ?? 100));
  return { items: page, next: from + page.length < items.length ? page.at(-1)?.id : undefined };
}
const matches = (item, url, fields) =>
  fields.every((field) => !url.searchParams.get(field) || item[field] === url.searchParams.get(field));

/** The mock's filter knows comparisons with `status` and texts that are somewhere in a unit. */
function trafficOf(url) {
  const filter = url.searchParams.get('filter') ?? '';
  const [, sign, number] = /^status (>=|==) (\d+)$/.exec(filter) ?? [];
  if (filter.startsWith('status') && !sign)
    throw new Refusal(400, 'bad_request', `\`filter\`: expected a number\n  ${filter}\n  ^`);
  const wanted = (unit) =>
    sign === '>='
      ? unit.status >= Number(number)
      : sign
        ? unit.status === Number(number)
        : JSON.stringify(unit).includes(filter);
  return traffic.filter(wanted).reverse();
}

function events(request, reply, path, url) {
  if (path === '/api/v1/traffic/live') {
    const found = trafficOf(url);
    const watcher = { reply, url };
    trafficWatchers.add(watcher);
    request.on('close', () => trafficWatchers.delete(watcher));
    reply.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const items = found.slice(0, 200);
    const snapshot = {
      items,
      next_before: found.length > 200 ? items.at(-1).number : undefined,
      newest: traffic.length,
    };
    reply.write(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
    return true;
  }
  if (path === '/api/v1/pods/watch') {
    const say = feed(request, reply, podWatchers);
    say('snapshot', { items: pods });
    return true;
  }
  const id = /^\/api\/v1\/workspaces\/([^/]+)\/watch$/.exec(path)?.[1];
  if (!id) return false;
  const watchers = workspaceWatchers.get(id) ?? new Set();
  workspaceWatchers.set(id, watchers);
  const say = feed(request, reply, watchers);
  say(
    'workspace',
    world.workspaces.find((each) => each.id === id),
  );
  return true;
}

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
function asset(reply, path) {
  const file = normalize(join(dist, path));
  const found = file.startsWith(dist) && existsSync(file) && statSync(file).isFile() ? file : join(dist, 'index.html');
  if (!existsSync(found)) return reply.writeHead(404).end('build the console first');
  reply.writeHead(200, {
    'Content-Type': types[extname(found)] ?? 'application/octet-stream',
    'Content-Security-Policy': policy,
  });
  createReadStream(found).pipe(reply);
}

const server = createServer(async (request, reply) => {
  const url = new URL(request.url, 'http://mock');
  const path = url.pathname;
  if (path === '/livez') return reply.end('ok');
  if (!path.startsWith('/api/') && !path.startsWith('/presigned/')) return asset(reply, path);
  let text = '';
  for await (const chunk of request) text += chunk;
  try {
    const name = nameOf(request);
    if (!name && !path.includes('/sign-in/')) throw new Refusal(401, 'not_signed_in', 'no session');
    if (events(request, reply, path, url)) return;
    for (const [method, pattern, act] of routes) {
      const match = method === request.method && pattern.exec(path);
      if (!match) continue;
      const answer = act({
        body: text && /json/.test(request.headers['content-type'] ?? '') ? JSON.parse(text) : {},
        url,
        args: match.slice(1),
        request,
        reply,
        name,
      });
      if (answer === undefined) return reply.writeHead(204).end();
      reply.setHeader('Content-Type', 'application/json');
      return reply
        .writeHead(method === 'POST' && /workspaces$|links$|accounts$|captures$/.test(path) ? 201 : 200)
        .end(JSON.stringify(answer));
    }
    throw new Refusal(404, 'not_found', path);
  } catch (error) {
    const { status = 500, code = 'internal', detail = String(error), decided_by = 'hub' } = error;
    reply.writeHead(status, { 'Content-Type': 'application/problem+json' });
    reply.end(
      JSON.stringify({
        type: `https://sallyport.dev/problems/${code}`,
        title: code,
        status,
        detail,
        code,
        decided_by,
        request_id: world.newId('req'),
      }),
    );
  }
});

const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'sallyport.terminal.v1' });
server.on('upgrade', (request, socket, head) => {
  const ticket = /sallyport\.ticket\.([\w-]+)/.exec(request.headers['sec-websocket-protocol'] ?? '')?.[1];
  sockets.handleUpgrade(request, socket, head, (accepted) => {
    const passage = tickets.get(ticket);
    tickets.delete(ticket);
    serveTerminal(accepted, passage);
  });
});

setInterval(() => {
  const pod = pods[Math.floor(Math.random() * pods.length)];
  pod.restarts++;
  for (const reply of podWatchers) reply.write(`event: change\ndata: ${JSON.stringify({ kind: 'applied', pod })}\n\n`);
}, 2000).unref();

setInterval(() => {
  const fresh = world.exchange(traffic.length / 3);
  traffic.push(...fresh);
  for (const { reply, url } of trafficWatchers) {
    const items = trafficOf(url).filter((each) => each.number > traffic.length - 3);
    if (items.length > 0) reply.write(`event: units\ndata: ${JSON.stringify({ items, newest: traffic.length })}\n\n`);
  }
}, 1500).unref();

server.listen(port, '127.0.0.1', () =>
  console.log(`mock hub on http://localhost:${server.address().port} (sign in as mina or joon, password: mock)`),
);
