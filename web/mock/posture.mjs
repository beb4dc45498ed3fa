// The mock hub's posture: one cluster, some checks, findings made of them, exceptions that are kept, and scans that run.
// It decides nothing: what a real scan finds is looked at in tests/, before a real hub.
const hoursAgo = (hours) => new Date(Date.now() - hours * 3.6e6).toISOString();

const checks = [
  [
    ...['privileged-container', 'critical', 'E6', 'The container is privileged', '컨테이너가 특권 모드입니다'],
    ...['It may do on the node whatever root may.', '노드에서 루트가 할 수 있는 모든 일을 할 수 있습니다.'],
    ...['Set securityContext.privileged to false.', 'securityContext.privileged를 false로 설정하세요.'],
    ...['spec.template.spec.containers[0].securityContext.privileged', 'true', true],
  ],
  [
    ...['host-pid', 'high', 'E6', 'The Pod sees the node’s processes', '파드가 노드의 프로세스를 봅니다'],
    ...['Their environment holds secrets.', '프로세스의 환경 변수에 비밀 정보가 있습니다.'],
    ...['Remove hostPID.', 'hostPID를 제거하세요.', 'spec.template.spec.hostPID', 'true', true],
  ],
  [
    ...['token-mounted', 'medium', 'E7', 'An account’s token is mounted', '계정의 토큰이 마운트되어 있습니다'],
    ...['Whoever takes the Pod has the account.', '파드를 빼앗은 사람이 계정도 갖게 됩니다.'],
    ...['Set automountServiceAccountToken to false.', 'automountServiceAccountToken을 false로 설정하세요.'],
    ...['spec.template.spec.serviceAccountName', undefined, false],
  ],
  [
    ...[
      'network-policy-none',
      'medium',
      'E4',
      'No NetworkPolicy selects the Pod',
      '파드를 선택하는 NetworkPolicy가 없습니다',
    ],
    ...['Every Pod reaches it.', '모든 파드가 접근할 수 있습니다.'],
    ...['Write a policy that denies by default.', '기본 거부 정책을 작성하세요.', 'metadata.labels', undefined, false],
  ],
];
const workloads = ['shop/web', 'shop/cart', 'shop/api', 'payments/ledger', 'payments/gate', 'kube-system/proxy'];
const factors = { critical: 10, high: 6, medium: 3, low: 1 };

const findings = workloads.flatMap((workload, nth) =>
  checks.map(([check, severity, threat, , , , , , , path, value], at) => {
    const [namespace, name] = workload.split('/');
    const unknown = check === 'network-policy-none' && namespace === 'kube-system';
    const onPath = workload === 'shop/web';
    return {
      number: 2_000_000 + nth * 10 + at,
      ...{ check, severity, threat, verdict: unknown ? 'unknown' : 'fail' },
      reach: onPath ? 'internet' : 'inside',
      on_path: onPath,
      weight: factors[severity] * (onPath ? 9 : 1),
      object: `Deployment/${workload}`,
      ...{ api_version: 'apps/v1', kind: 'Deployment', namespace, name },
      path: unknown ? '' : path,
      value,
      opened_scan: nth === 2 ? 3 : 2,
      opened_at: hoursAgo(nth === 2 ? 1 : 13),
      returned: false,
    };
  }),
);
findings.sort((a, b) => b.weight - a.weight || a.number - b.number);
const gone = { ...findings[5], number: 1_000_000, closed_scan: 3, closed_at: hoursAgo(1) };
const exceptions = [];
let scans = [
  scanOf(3, 'done', 1, { value: 71, least: 69 }),
  scanOf(2, 'done', 13, { value: 68, least: 66 }),
  scanOf(1, 'failed', 14, undefined, { fault: 'cluster_unreachable', detail: 'connection refused' }),
];

function scanOf(number, state, hours, score, more = {}) {
  return {
    ...{ number, state, began_at: hoursAgo(hours), progress: '', progress_count: 0 },
    ended_at: state === 'running' ? undefined : hoursAgo(hours - 0.001),
    ...{ score, open: { critical: 6, high: 6, medium: 11, low: 0, info: 0 }, unknown: 1, objects: 180 },
    ...{ opened: 4, closed: 1, unconfirmed: 0 },
    ...more,
  };
}

const standing = (finding) => ({
  ...finding,
  exception: exceptions.find(
    (each) => each.check === finding.check && (each.object === finding.object || each.object === '*'),
  )?.number,
});
const words = (url) => (url.searchParams.get('language') === 'ko' ? 1 : 0);
function shown(finding, url) {
  const { threat, ...rest } = standing(finding);
  const of = checks.find(([id]) => id === finding.check);
  return {
    ...rest,
    title: of[3 + words(url)],
    reason:
      finding.verdict === 'unknown'
        ? ['the API server refused the list of NetworkPolicies', 'API 서버가 NetworkPolicy 목록을 거부했습니다'][
            words(url)
          ]
        : undefined,
  };
}
function described(id, url) {
  const [, severity, threat, , , whyEn, whyKo, fixEn, fixKo, , , fixable] = checks.find((each) => each[0] === id);
  const title = checks.find((each) => each[0] === id)[3 + words(url)];
  return {
    ...{ id, severity, title, why: [whyEn, whyKo][words(url)], fix: [fixEn, fixKo][words(url)], fixable },
    mappings: [
      { framework: 'threat', name: 'ten threats', version: '1', control: threat },
      { framework: 'cis', name: 'CIS Kubernetes Benchmark', version: '1.12', control: '5.2.2' },
    ],
  };
}

function wanted(url) {
  const asked = (name) => url.searchParams.get(name);
  const list = asked('change') === 'gone' ? [gone] : findings;
  return list.filter((finding) => {
    const { exception } = standing(finding);
    return (
      (!asked('severity') || asked('severity').split(',').includes(finding.severity)) &&
      ['verdict', 'check', 'threat', 'namespace', 'kind', 'object'].every(
        (field) => !asked(field) || finding[field] === asked(field),
      ) &&
      (asked('change') !== 'new' || finding.opened_scan === 3) &&
      (!asked('standing') || (asked('standing') === 'excepted') === (exception !== undefined)) &&
      (!asked('q') || JSON.stringify(shown(finding, url)).toLowerCase().includes(asked('q').toLowerCase()))
    );
  });
}

function tally(id, field) {
  const own = findings.filter((each) => each[field] === id).map(standing);
  const open = own.filter((each) => each.verdict === 'fail' && each.exception === undefined);
  return {
    ...{ id, open: open.length, unknown: own.filter((each) => each.verdict === 'unknown').length },
    excepted: own.filter((each) => each.exception !== undefined).length,
    passed: own.length > 0 || ['E3', 'E9'].includes(id) ? 4 : 0,
    fresh: open.filter((each) => each.opened_scan === 3).length,
    worst: ['critical', 'high', 'medium', 'low'].find((severity) => open.some((each) => each.severity === severity)),
  };
}

function overview() {
  const now = findings.map(standing);
  const open = now.filter((each) => each.verdict === 'fail' && each.exception === undefined);
  const count = (severity) => open.filter((each) => each.severity === severity).length;
  const facet = (field) =>
    [...new Set(findings.map((each) => each[field]))].map((name) => ({
      name,
      findings: findings.filter((each) => each[field] === name).length,
    }));
  return {
    scan: scans.find(({ state }) => state === 'done'),
    previous: scans.filter(({ state }) => state === 'done')[1],
    score: { value: 71, least: 69 },
    terms: ['critical', 'high', 'medium'].flatMap((severity) => [
      {
        ...{ severity, impact: factors[severity], reach: 'internet', reach_factor: 3, on_path: true, path_factor: 3 },
        ...{ weight: factors[severity] * 9, passed: 2, open: 1, unknown: 0, excepted: 0 },
      },
      {
        ...{ severity, impact: factors[severity], reach: 'inside', reach_factor: 1, on_path: false, path_factor: 1 },
        ...{ weight: factors[severity], passed: 40, open: count(severity), unknown: 0, excepted: exceptions.length },
      },
    ]),
    open: { critical: count('critical'), high: count('high'), medium: count('medium'), low: 0, info: 0 },
    unknown: now.filter((each) => each.verdict === 'unknown').length,
    excepted: now.filter((each) => each.exception !== undefined).length,
    ...{ fresh: 4, gone: 1 },
    threats: Array.from({ length: 10 }, (_, nth) => tally(`E${nth + 1}`, 'threat')),
    frameworks: [
      { id: 'cis', name: 'CIS Kubernetes Benchmark', version: '1.12', controls: 3, open: open.length },
      { id: 'nsa', name: 'NSA/CISA Kubernetes Hardening Guide', version: '1.2', controls: 2, open: 9 },
    ],
    checks: checks.map(([id]) => tally(id, 'check')),
    ...{ namespaces: facet('namespace'), kinds: facet('kind') },
    unseen: ['NetworkPolicy'],
    ...{ failures: [], failures_left: 0, findings_left: 0 },
  };
}

const ways = {
  network: ['a Service publishes it', 'Service가 공개합니다'],
  escape: ['its container is no wall before the node', '컨테이너가 노드를 막아 주지 못합니다'],
};
function paths(url) {
  const from = url.searchParams.get('from') ?? 'internet';
  const web = 'Deployment/shop/web';
  const breakOut = {
    ...{ from: web, to: 'node-root', text: ways.escape[words(url)], certain: true },
    proofs: [{ object: web, path: 'spec.template.spec.containers[0].securityContext.privileged', value: 'true' }],
  };
  const publish = {
    ...{ from: 'internet', to: web, text: ways.network[words(url)], certain: false },
    proofs: [{ object: 'Service/shop/web', path: 'spec.type', value: 'LoadBalancer' }],
  };
  return {
    paths: [
      { from, to: 'node-root', hops: from === 'internet' ? [publish, breakOut] : [breakOut] },
      { from, to: 'cluster-admin', hops: [] },
    ],
    ...{ starts: [web], starts_left: 0, unseen: ['NetworkPolicy'] },
  };
}

/** Routes of the mock hub; `Refusal` is its own. */
export function postureRoutes(Refusal) {
  const of = '/api/v1/posture/clusters/kind';
  const at = (path) => new RegExp(`^${of}${path}$`);
  const finding = (number) => [gone, ...findings].find((each) => each.number === Number(number));
  return [
    [
      'GET',
      /^\/api\/v1\/posture\/clusters$/,
      () => ({
        items: [
          {
            cluster: 'kind',
            scan: scans.find(({ state }) => state === 'done'),
            newest: scans[0].state === 'done' ? undefined : scans[0],
            free: scans[0].state !== 'running',
            next_at: new Date(Date.now() + 11 * 3.6e6).toISOString(),
          },
        ],
      }),
    ],
    ['GET', at(''), overview],
    ['GET', at('/scans'), () => ({ items: scans })],
    [
      'POST',
      at('/scans'),
      () => {
        if (scans[0].state === 'running') throw new Refusal(409, 'conflict', 'cluster `kind` is being scanned already');
        const number = scans[0].number + 1;
        const running = scanOf(number, 'running', 0, undefined, {
          asked_by: 'mina',
          progress: 'pods',
          progress_count: 42,
        });
        scans = [running, ...scans];
        setTimeout(() => {
          scans = [scanOf(number, 'done', 0, { value: 74, least: 72 }, { asked_by: 'mina' }), ...scans.slice(1)];
        }, 1500);
        return { number };
      },
    ],
    ['GET', at('/findings'), ({ url }) => ({ items: wanted(url).map((each) => shown(each, url)) })],
    [
      'GET',
      at('/findings/(\\d+)'),
      ({ url, args }) => {
        const found = finding(args[0]);
        if (!found) throw new Refusal(404, 'not_found', `there is no finding ${args[0]} (any more)`);
        const own = standing(found);
        return {
          finding: shown(found, url),
          check: described(found.check, url),
          exception: exceptions.find((each) => each.number === own.exception),
          others: findings
            .filter((each) => each.object === found.object && each !== found)
            .map((each) => shown(each, url)),
        };
      },
    ],
    ['GET', at('/paths'), ({ url }) => paths(url)],
    ['GET', at('/exceptions'), () => ({ items: exceptions })],
    [
      'POST',
      at('/exceptions'),
      ({ body, name }) => {
        if (!checks.some(([id]) => id === body.check))
          throw new Refusal(400, 'bad_request', '`check`: there is no such check');
        const number = (exceptions[0]?.number ?? 0) + 1;
        exceptions.unshift({ number, ...body, expired: false, made_by: name, made_at: new Date().toISOString() });
        return { number, findings: findings.map(standing).filter((each) => each.exception === number).length };
      },
    ],
    [
      'DELETE',
      at('/exceptions/(\\d+)'),
      ({ args }) =>
        void exceptions.splice(
          exceptions.findIndex((each) => each.number === Number(args[0])),
          1,
        ),
    ],
    ['GET', at('/report'), ({ url }) => ({ format: url.searchParams.get('format'), findings })],
    ['GET', /^\/api\/v1\/posture\/checks$/, ({ url }) => ({ items: checks.map(([id]) => described(id, url)) })],
  ];
}
