// What the console asks of the hub, as queries with their keys, and the acts that change something.
import { queryOptions } from '@tanstack/react-query';
import { api, reportPersonChanged, setCsrf, take } from './client';
import type { AuditFilter, LinkFilter, Me, MintLink, NewAccount, NewPostureException, PostureFilter } from './contract';

const lively = { refetchInterval: 10_000, staleTime: 2_000 } as const;

let lastPerson: string | null = null;
/** Whether somebody else was signed in on this page before, whose terminals must not be left to this person. */
let personChanged = false;
export const hasPersonChanged = (): boolean => personChanged;

function remember(me: Me): Me {
  // One name in two clusters is two people.
  const person = JSON.stringify([me.user, me.cluster ?? null]);
  if (lastPerson !== null && lastPerson !== person && !personChanged) {
    personChanged = true;
    reportPersonChanged();
  }
  lastPerson = person;
  setCsrf(me.csrf);
  return me;
}

/** Whose rows a list asks for: the hub gives one's own unless told, and everybody's to an administrator who says so. */
export const whoseRows = (me: Pick<Me, 'admin'>, chosen?: string): string | undefined =>
  chosen ?? (me.admin ? '*' : undefined);

export const queries = {
  me: queryOptions({
    queryKey: ['me'],
    queryFn: async () => remember(await take(api.GET('/api/v1/me'))),
    staleTime: 60_000,
    refetchInterval: 120_000,
    retry: false,
  }),
  templates: queryOptions({
    queryKey: ['templates'],
    queryFn: () => take(api.GET('/api/v1/workspace-templates')),
    staleTime: 300_000,
  }),
  workspaces: queryOptions({
    queryKey: ['workspaces'],
    queryFn: () => take(api.GET('/api/v1/workspaces')),
    ...lively,
  }),
  links: (filter: LinkFilter) =>
    queryOptions({
      queryKey: ['links', filter],
      // As many as one page holds: Home looks among them for those that still open a door.
      queryFn: () => take(api.GET('/api/v1/links', { params: { query: { ...filter, limit: 500 } } })),
      ...lively,
    }),
  terminals: (user?: string) =>
    queryOptions({
      queryKey: ['terminals', user],
      queryFn: () => take(api.GET('/api/v1/terminals', { params: { query: { user } } })),
      ...lively,
      refetchInterval: 5_000,
    }),
  pod: (cluster: string, namespace: string, name: string) =>
    queryOptions({
      queryKey: ['pod', cluster, namespace, name],
      queryFn: () =>
        take(api.GET('/api/v1/pods/{cluster}/{namespace}/{name}', { params: { path: { cluster, namespace, name } } })),
    }),
  trafficSummary: (filter: string | undefined, minutes: number) =>
    queryOptions({
      queryKey: ['traffic', 'summary', filter, minutes],
      queryFn: () => take(api.GET('/api/v1/traffic/summary', { params: { query: { filter, minutes } } })),
      ...lively,
      refetchInterval: 5_000,
    }),
  trafficAgents: queryOptions({
    queryKey: ['traffic', 'agents'],
    queryFn: () => take(api.GET('/api/v1/traffic/agents')),
    ...lively,
    refetchInterval: 5_000,
  }),
  trafficUnit: (number: number) =>
    queryOptions({
      queryKey: ['traffic', 'unit', number],
      queryFn: () => take(api.GET('/api/v1/traffic/units/{number}', { params: { path: { number } } })),
      // Each opening is audited: coming back to the window is none.
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      retry: false,
    }),
  trafficRole: (user: string, names: boolean) =>
    queryOptions({
      queryKey: ['traffic', 'role', user, names],
      queryFn: () => take(api.GET('/api/v1/traffic/role', { params: { query: { user, names } } })),
      // Each look is audited: coming back to the window is none.
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 0,
      refetchOnWindowFocus: false,
      retry: false,
    }),
  /** The connection of this number, or null if the hub has none. */
  trafficConnection: (number: number) =>
    queryOptions({
      queryKey: ['traffic', 'connection', number],
      queryFn: async () => {
        const query = { before: number + 1, limit: 1 };
        const { items } = await take(api.GET('/api/v1/traffic/connections', { params: { query } }));
        return items.find((each) => each.number === number) ?? null;
      },
      staleTime: 2_000,
    }),
  /** Whether the hub takes a filter; its refusal points at the fault. */
  trafficFilter: (filter: string) =>
    queryOptions({
      queryKey: ['traffic', 'filter', filter],
      queryFn: () =>
        take(api.GET('/api/v1/traffic/units', { params: { query: { filter, limit: 1 } } })).then(() => true),
      staleTime: Number.POSITIVE_INFINITY,
      retry: false,
    }),
  machine: (code: string) =>
    queryOptions({
      queryKey: ['machine', code],
      queryFn: () => take(api.GET('/api/v1/machine/requests/{code}', { params: { path: { code } } })),
      // Decided once: what is shown while the person reads stays.
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      retry: false,
    }),
  postureClusters: queryOptions({
    queryKey: ['posture', 'clusters'],
    queryFn: () => take(api.GET('/api/v1/posture/clusters')),
    staleTime: 1_000,
    // A scan that runs tells how far it is.
    refetchInterval: ({ state }) =>
      state.data?.items.some(({ newest }) => newest?.state === 'running') ? 1_000 : 10_000,
  }),
  postureOverview: (cluster: string) =>
    queryOptions({
      queryKey: ['posture', 'of', cluster, 'overview'],
      queryFn: () => take(api.GET('/api/v1/posture/clusters/{cluster}', { params: { path: { cluster } } })),
      staleTime: 10_000,
    }),
  postureFinding: (cluster: string, number: number, language: 'en' | 'ko') =>
    queryOptions({
      queryKey: ['posture', 'of', cluster, 'finding', number, language],
      queryFn: () =>
        take(
          api.GET('/api/v1/posture/clusters/{cluster}/findings/{number}', {
            params: { path: { cluster, number }, query: { language } },
          }),
        ),
      staleTime: 10_000,
      retry: false,
    }),
  posturePaths: (cluster: string, from: string | undefined, language: 'en' | 'ko') =>
    queryOptions({
      queryKey: ['posture', 'of', cluster, 'paths', from, language],
      queryFn: () =>
        take(
          api.GET('/api/v1/posture/clusters/{cluster}/paths', {
            params: { path: { cluster }, query: { from, language } },
          }),
        ),
      staleTime: 10_000,
      retry: false,
    }),
  postureExceptions: (cluster: string) =>
    queryOptions({
      queryKey: ['posture', 'of', cluster, 'exceptions'],
      queryFn: () => take(api.GET('/api/v1/posture/clusters/{cluster}/exceptions', { params: { path: { cluster } } })),
      ...lively,
    }),
  postureScans: (cluster: string) =>
    queryOptions({
      queryKey: ['posture', 'of', cluster, 'scans'],
      queryFn: () => take(api.GET('/api/v1/posture/clusters/{cluster}/scans', { params: { path: { cluster } } })),
      // Up to 500 of them: asked for anew when one begins or ends, and not by the clock.
      staleTime: 10_000,
    }),
  accounts: queryOptions({
    queryKey: ['accounts'],
    queryFn: () => take(api.GET('/api/v1/accounts')),
    staleTime: 2_000,
  }),
};

export const acts = {
  signInPassword: async (username: string, password: string) =>
    remember(await take(api.POST('/api/v1/sign-in/password', { body: { username, password } }))),
  signInToken: async (token: string, cluster?: string) =>
    remember(await take(api.POST('/api/v1/sign-in/token', { body: { token, cluster } }))),
  signInInvitation: async (invitation: string, password: string) =>
    remember(await take(api.POST('/api/v1/sign-in/invitation', { body: { invitation, password } }))),
  signOut: (everywhere: boolean) => take(api.POST('/api/v1/sign-out', { body: { everywhere } })),
  createWorkspace: (template: string, name?: string, cluster?: string) =>
    take(api.POST('/api/v1/workspaces', { body: { template, name, cluster } })),
  deleteWorkspace: (id: string) => take(api.DELETE('/api/v1/workspaces/{id}', { params: { path: { id } } })),
  mintLink: (body: MintLink) => take(api.POST('/api/v1/links', { body })),
  revokeLink: (id: string) => take(api.DELETE('/api/v1/links/{id}', { params: { path: { id } } })),
  revokeAllLinks: (user: string) => take(api.POST('/api/v1/links/revoke-all', { body: { user } })),
  passGate1: (link: string) => take(api.POST('/presigned/validate', { body: { link } })),
  endTerminal: (id: string) => take(api.DELETE('/api/v1/terminals/{id}', { params: { path: { id } } })),
  addAccount: (body: NewAccount) => take(api.POST('/api/v1/accounts', { body })),
  disableAccount: (name: string) => take(api.POST('/api/v1/accounts/{name}/disable', { params: { path: { name } } })),
  enableAccount: (name: string) => take(api.POST('/api/v1/accounts/{name}/enable', { params: { path: { name } } })),
  inviteAccount: (name: string) => take(api.POST('/api/v1/accounts/{name}/invite', { params: { path: { name } } })),
  signOutAccount: (name: string) => take(api.POST('/api/v1/accounts/{name}/sign-out', { params: { path: { name } } })),
  linkPage: (filter: LinkFilter, after?: string) =>
    take(api.GET('/api/v1/links', { params: { query: { ...filter, after, limit: 200 } } })),
  terminalPage: (user?: string, after?: string) =>
    take(api.GET('/api/v1/terminals', { params: { query: { user, after, limit: 200 } } })),
  auditPage: (filter: AuditFilter, before?: number) =>
    take(api.GET('/api/v1/audit', { params: { query: { ...filter, before, limit: 200 } } })),
  trafficPage: (filter: string | undefined, before: number | undefined) =>
    take(api.GET('/api/v1/traffic/units', { params: { query: { filter, before, limit: 500 } } })),
  trafficConnections: (decryption: string | undefined, before: number | undefined) =>
    take(api.GET('/api/v1/traffic/connections', { params: { query: { decryption, before, limit: 200 } } })),
  compareRole: (user: string, names: boolean, held: string) =>
    take(api.POST('/api/v1/traffic/role', { params: { query: { user, names } }, body: { held } })),
  decideMachine: (code: string, allow: boolean) =>
    take(api.POST('/api/v1/machine/requests/{code}', { params: { path: { code } }, body: { allow } })),
  scanPosture: (cluster: string) =>
    take(api.POST('/api/v1/posture/clusters/{cluster}/scans', { params: { path: { cluster } } })),
  postureFindings: (cluster: string, query: PostureFilter, after: string | undefined) =>
    take(
      api.GET('/api/v1/posture/clusters/{cluster}/findings', {
        params: { path: { cluster }, query: { ...query, after, limit: 200 } },
      }),
    ),
  addPostureException: (cluster: string, body: NewPostureException) =>
    take(api.POST('/api/v1/posture/clusters/{cluster}/exceptions', { params: { path: { cluster } }, body })),
  removePostureException: (cluster: string, number: number) =>
    take(
      api.DELETE('/api/v1/posture/clusters/{cluster}/exceptions/{number}', { params: { path: { cluster, number } } }),
    ),
  exportPosture: async (cluster: string, format: 'json' | 'sarif' | 'html', language: 'en' | 'ko') => {
    const call = api.GET('/api/v1/posture/clusters/{cluster}/report', {
      params: { path: { cluster }, query: { format, language } },
      parseAs: 'blob',
    });
    return { name: `posture-${cluster}.${format}`, file: (await take(call)) as Blob };
  },
  verifyAudit: () => take(api.GET('/api/v1/audit/verify')),
};
