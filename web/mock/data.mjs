// The mock hub's invented world: a person, templates, workspaces, thousands of Pods, links, accounts and an audit log.
const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
const ahead = (seconds) => ago(-seconds);
let serial = 0;
export const newId = (prefix) =>
  `${prefix}_${(++serial).toString(36).padStart(4, '0')}${Math.random().toString(36).slice(2, 14)}`;

export const people = {
  mina: { user: 'mina', display_name: 'Mina Park', admin: true, groups: ['platform', 'sallyport:admins'] },
  joon: { user: 'joon', display_name: '김준', admin: false, groups: ['developers'] },
};

export function me(name) {
  const person = people[name] ?? people.joon;
  return {
    ...person,
    account: name,
    method: 'password',
    clusters: ['demo', 'staging'],
    csrf: 'mock-csrf',
    idle_expires_at: ahead(1800),
    expires_at: ahead(9 * 3600),
    version: '0.1.0-mock',
  };
}

export const templates = [
  {
    name: 'debian-shell',
    title: { en: 'Debian shell', ko: 'Debian 셸' },
    description: {
      en: 'bash, coreutils, vim, apt; Korean locale.',
      ko: 'bash, coreutils, vim, apt와 한국어 로캘이 들어 있습니다.',
    },
    image: 'registry.sallyport.local/shell:bookworm',
    cpu: '500m',
    memory: '512Mi',
    lifetime_s: 8 * 3600,
    default: true,
  },
  {
    name: 'network-tools',
    title: { en: 'Network tools', ko: '네트워크 도구' },
    description: {
      en: 'tcpdump, dig, curl and openssl for looking at traffic.',
      ko: '트래픽을 살펴보는 tcpdump, dig, curl, openssl이 들어 있습니다.',
    },
    image: 'registry.sallyport.local/nettools:1.4',
    cpu: '250m',
    memory: '256Mi',
    lifetime_s: 2 * 3600,
    default: false,
  },
];

const step = (seconds, kind, en, ko, detail) => ({ at: ago(seconds), kind, message: { en, ko }, detail });
export const startSteps = (name) => [
  ['created', 'The Pod was created', '파드를 생성했습니다', `Pod sallyport-mina/${name} created`],
  [
    'scheduled',
    'A node was chosen: node-1',
    '노드를 정했습니다: node-1',
    `Successfully assigned sallyport-mina/${name} to node-1`,
  ],
  [
    'pulling',
    'The image is being fetched',
    '이미지를 가져오는 중입니다',
    'Pulling image "registry.sallyport.local/shell:bookworm"',
  ],
  ['pulled', 'The image is there', '이미지를 가져왔습니다', 'Successfully pulled image in 1.2s'],
  ['started', 'The container runs', '컨테이너를 시작했습니다', 'Started container shell'],
  ['ready', 'The shell is ready', '셸이 준비되었습니다', 'Pod is ready'],
];

export function workspace(name, state, extra = {}) {
  return {
    id: newId('ws'),
    name,
    template: 'debian-shell',
    owner: 'mina',
    cluster: 'demo',
    namespace: 'sallyport-mina',
    pod: `ws-${name}`,
    container: 'shell',
    state,
    steps: startSteps(name).map(([kind, en, ko, detail], index) => step(3600 - index, kind, en, ko, detail)),
    created_at: ago(3600),
    expires_at: ahead(7 * 3600),
    ...extra,
  };
}

export const workspaces = [
  workspace('quiet-otter', 'running'),
  workspace('late-train', 'running', { created_at: ago(7.7 * 3600), expires_at: ahead(17 * 60) }),
  workspace('broken-cup', 'failed', {
    steps: [
      step(320, 'created', 'The Pod was created', '파드를 생성했습니다', 'created'),
      step(318, 'scheduled', 'A node was chosen: node-2', '노드를 정했습니다: node-2', 'assigned to node-2'),
      step(
        300,
        'failed',
        'The image could not be fetched',
        '이미지를 가져오지 못했습니다',
        'Failed to pull image "registry.sallyport.local/shell:bookwrm": not found',
      ),
    ],
  }),
];

const apps = ['web', 'api', 'worker', 'billing', 'search', 'ledger', 'mailer', 'gateway'];
const namespaces = ['shop', 'payments', 'observability', 'kube-system', 'batch'];
export function makePods(count) {
  const made = [];
  for (let n = 0; n < count; n++) {
    const app = apps[n % apps.length];
    const cluster = n % 5 === 0 ? 'staging' : 'demo';
    const namespace = namespaces[(n * 7) % namespaces.length];
    const [phase, reason] =
      n % 41 === 0
        ? ['Running', 'CrashLoopBackOff']
        : n % 53 === 0
          ? ['Pending', 'ContainerCreating']
          : n % 37 === 0
            ? ['Succeeded', 'Completed']
            : ['Running', 'Running'];
    const running = phase === 'Running' && reason === 'Running';
    const containers = [
      {
        name: app,
        image: `registry.example/${app}:1.${n % 9}.${n % 4}`,
        state: running ? 'running' : 'waiting',
        ready: running,
        tty: false,
        kind: 'container',
      },
    ];
    if (n % 3 === 0)
      containers.push({
        name: 'sidecar',
        image: 'registry.example/proxy:2.1',
        state: running ? 'running' : 'waiting',
        ready: running,
        tty: false,
        kind: 'container',
      });
    made.push({
      cluster,
      namespace,
      name: `${app}-${((n * 2654435761) % 4294967296).toString(36)}-${((n * 40503) % 65536).toString(36).padStart(4, '0')}`,
      uid: `0c9f${n.toString(16).padStart(4, '0')}-7b1e-4c55-9a3d-${(n * 99991).toString(16).padStart(12, '0')}`,
      phase,
      reason,
      ready: running ? `${containers.length}/${containers.length}` : `0/${containers.length}`,
      restarts: n % 41 === 0 ? 17 : n % 11 === 0 ? 2 : 0,
      node: `node-${1 + (n % 3)}`,
      ip: `10.244.${n % 250}.${(n * 13) % 250}`,
      created_at: ago(60 + n * 977),
      owner: `Deployment/${app}`,
      labels: { app, tier: n % 2 ? 'front' : 'back', 'pod-template-hash': (n * 31).toString(36) },
      containers,
    });
  }
  return made;
}

export const link = (extra = {}) => ({
  id: newId('lnk'),
  user: 'mina',
  minted_by: 'mina',
  cluster: 'demo',
  namespace: 'sallyport-mina',
  pod: 'ws-quiet-otter',
  pod_uid: '0c9f0001-7b1e-4c55-9a3d-000000000001',
  container: 'shell',
  tty: true,
  command: [],
  created_at: ago(40),
  expires_at: ahead(260),
  state: 'minted',
  ...extra,
});
export const links = [
  link(),
  link({ state: 'used', used_at: ago(500), created_at: ago(600) }),
  link({
    user: 'joon',
    state: 'revoked',
    revoked_at: ago(60),
    revoked_by: 'mina',
    pod: 'api-x81kq-0f3a',
    namespace: 'shop',
  }),
  link({
    user: 'joon',
    state: 'expired',
    created_at: ago(9000),
    expires_at: ago(8700),
    pod: 'web-1z141z3-1op9',
    namespace: 'shop',
  }),
];

export const terminals = [
  {
    id: newId('trm'),
    user: 'mina',
    link_id: links[1].id,
    cluster: 'demo',
    namespace: 'sallyport-mina',
    pod: 'ws-quiet-otter',
    container: 'shell',
    tty: true,
    hub: 'hub-0',
    started_at: ago(480),
  },
  {
    id: newId('trm'),
    user: 'joon',
    link_id: 'lnk_x',
    cluster: 'demo',
    namespace: 'shop',
    pod: 'api-x81kq-0f3a',
    container: 'api',
    tty: true,
    hub: 'hub-1',
    started_at: ago(95),
  },
];

const account = (name, extra) => ({
  id: newId('acc'),
  name,
  display_name: people[name]?.display_name ?? name,
  kubernetes_user: name,
  groups: people[name]?.groups ?? [],
  admin: people[name]?.admin ?? false,
  disabled: false,
  has_password: true,
  created_at: ago(40 * 86400),
  last_sign_in_at: ago(700),
  ...extra,
});
export const accounts = [
  account('mina'),
  account('joon', { last_sign_in_at: ago(3 * 86400) }),
  account('seoyeon', {
    display_name: '이서연',
    has_password: false,
    last_sign_in_at: undefined,
    groups: ['developers'],
  }),
  account('old-contractor', { display_name: 'Alex Reed', disabled: true, last_sign_in_at: ago(90 * 86400) }),
];
export { account };

const kinds = [
  ['terminal.enter', 'allowed', ''],
  ['link.mint', 'allowed', ''],
  ['gate1.pass', 'allowed', ''],
  ['gate1.refuse', 'denied', 'link_expired'],
  ['sign-in.password', 'failed', 'wrong_credentials'],
  ['workspace.create', 'allowed', ''],
];
export const audit = Array.from({ length: 1200 }, (_, index) => {
  const seq = 1200 - index;
  const [action, outcome, reason] = kinds[seq % kinds.length];
  return {
    seq,
    at: ago(index * 47),
    actor: seq % 3 ? 'mina' : 'joon',
    action,
    object: `demo/sallyport-mina/ws-quiet-otter/shell`,
    outcome,
    reason,
    request_id: `req_${(seq * 7919).toString(36)}k3v9x2`,
    source: '10.0.0.7',
    detail: { link_id: `lnk_${seq.toString(36)}`, user_agent: 'Firefox' },
  };
});

const calls = [
  ['GET', '/api/v1/namespaces/shop/pods?limit=500', 'list', 'pods', 'shop', undefined, 'mina', 200],
  ['GET', '/api/v1/namespaces/shop/pods/web-1', 'get', 'pods', 'shop', 'web-1', 'system:node:node-1', 200],
  ['PATCH', '/api/v1/namespaces/shop/pods/web-1/status', 'patch', 'pods', 'shop', 'web-1', 'system:node:node-1', 200],
  ['GET', '/api/v1/secrets', 'list', 'secrets', undefined, undefined, 'system:serviceaccount:shop:crawler', 403],
  ['POST', '/api/v1/namespaces/shop/events', 'create', 'events', 'shop', undefined, 'system:kube-scheduler', 201],
  ['GET', '/apis/apps/v1/deployments?watch=true', 'watch', 'deployments', undefined, undefined, 'joon', 200],
  [
    'PUT',
    '/apis/coordination.k8s.io/v1/leases/x',
    'update',
    'leases',
    'kube-system',
    'x',
    'system:kube-scheduler',
    500,
  ],
];
/** Three units of a request: its head, the answer's head, the answer's content. */
export function exchange(nth) {
  const [method, path, verb, resource, namespace, name, user, status] = calls[nth % calls.length];
  const first = nth * 3 + 1;
  const stream = 2 * nth + 1;
  const at = Date.now() - 20;
  const part = (place, side, info, extra) => ({
    number: first + place,
    time: `${new Date(at + place * 3).toISOString().slice(0, -1)}${String(nth % 1000).padStart(3, '0')}Z`,
    connection: 1 + (nth % 5),
    side,
    source: side === 'client' ? '10.0.0.9:40112' : '10.0.0.1:6443',
    destination: side === 'client' ? '10.0.0.1:6443' : '10.0.0.9:40112',
    protocol: 'HTTP/2',
    length: 40 + place * 400,
    info,
    stream,
    ...{ user, method, path, verb, group: '', version: 'v1', resource, namespace, name },
    ...extra,
  });
  return [
    part(0, 'client', `HEADERS[${stream}]: ${method} ${path}`),
    part(1, 'server', `HEADERS[${stream}]: ${status} ${status < 300 ? 'OK' : 'Forbidden'}`, {
      request: first,
      status,
      latency_us: 200 + ((nth * 7919) % 9000),
    }),
    part(2, 'server', `DATA[${stream}] (application/json)`, { request: first }),
  ];
}

/** Why a request failed, by its answer; none for one that did not. */
export function explanationOf({ status, user }) {
  if (status < 400) return undefined;
  if (status === 403)
    return {
      cause: 'rbac_denied',
      evidence: [
        { name: 'user', value: user },
        { name: 'verb', value: 'list' },
        { name: 'resource', value: 'secrets' },
        {
          name: 'message',
          value: `secrets is forbidden: User "${user}" cannot list resource "secrets" in API group "" at the cluster scope`,
        },
        { name: 'reason', value: 'Forbidden' },
      ],
      commands: [`kubectl auth can-i list secrets --as ${user}`],
    };
  return {
    cause: 'webhook_timeout',
    evidence: [
      { name: 'webhook', value: 'leases.example.com' },
      { name: 'latency_ms', value: '10004' },
      { name: 'field', of: 'spec.holderIdentity', value: 'x' },
    ],
    commands: [],
  };
}

/** A Role from use. */
export const roleOf = (user, diff) => ({
  user,
  yaml: `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: observed
  namespace: "shop"
rules:
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["list"]
`,
  granted: [{ namespace: 'shop', group: '', resource: 'pods', verb: 'list', requests: 57 }],
  denied: [{ group: '', resource: 'secrets', verb: 'list', requests: 3 }],
  of_everybody: 12,
  unproven: 1,
  cut: false,
  basis: {
    from: ago(86_400),
    to: ago(20),
    units: 1200,
    requests: 73,
    unknown: 4,
    missing: 1448,
    by_decryption: [
      { state: 'decrypted', connections: 2 },
      { state: 'no_key', connections: 1 },
    ],
    partial: false,
  },
  diff,
});

export const connections = ['decrypted', 'decrypted', 'partly', 'no_key', 'joined_late'].map((decryption, index) => ({
  number: 5 - index,
  client: `10.0.0.${9 + index}:40112`,
  server: '10.0.0.1:6443',
  began_at: ago(300 + index),
  ended_at: ago(20),
  decryption,
  tls: { version: 'TLS 1.3', suite: 'TLS_AES_128_GCM_SHA256', protocol: 'h2', resumed: index === 1, early_data: false },
  requests: decryption === 'no_key' ? 0 : 214,
  late: decryption === 'joined_late',
  missing: decryption === 'partly' ? 1448 : 0,
  wire: { decoded: 812_000, ...(decryption === 'decrypted' ? {} : { [decryption]: 64_000 }) },
  content: { decoded: 640_000 },
}));
