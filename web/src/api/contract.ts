// The hub's HTTP contract as types: names for what `npm run generate` makes from the hub's OpenAPI description, and
// the few lists of it that a running console needs.
import type { components, paths as DescribedPaths } from './schema';

type Schemas = components['schemas'];

export type Text = Schemas['Text'];

export type Me = Schemas['Me'];

export type Template = Schemas['WorkspaceTemplate'];
export type Quota = Schemas['WorkspaceQuota'];
export type Workspace = Schemas['Workspace'];
export type WorkspaceState = Schemas['WorkspaceState'];

export type Pod = Schemas['Pod'];
export type Container = Schemas['PodContainer'];
/** What the events `snapshot`, `change` and `stale` of a Pod watch carry. */
export type PodSnapshot = Schemas['PodSnapshot'];
export type PodChange = Schemas['PodChange'];
export type PodsStale = Schemas['PodsStale'];

export type Link = Schemas['Link'];
export type LinkState = Schemas['LinkState'];
export type MintLink = Schemas['Mint'];
export type MintedLink = Schemas['MintedLink'];
export type LinkFilter = Pick<QueryOf<'/api/v1/links'>, 'user' | 'state'>;
export type Passage = Schemas['Passage'];
export type Terminal = Schemas['Terminal'];

export type WaitingMachine = Schemas['WaitingMachine'];

export type Account = Schemas['Account'];
export type NewAccount = Schemas['CreateAccount'];
export type Invitation = Schemas['Invitation'];
export type AuditOutcome = Schemas['AuditOutcome'];
export type AuditRecord = Schemas['AuditRecord'];
export type AuditFilter = Pick<QueryOf<'/api/v1/audit'>, 'actor' | 'action' | 'outcome' | 'q'>;
export type AuditVerdict = Schemas['AuditVerification'];

export type TrafficUnit = Schemas['TrafficUnit'];
export type TrafficPage = Schemas['TrafficPage'];
export type TrafficDetail = Schemas['TrafficUnitDetail'];
export type TrafficContent = Schemas['TrafficContent'];
export type TrafficConnection = Schemas['TrafficConnection'];
export type TrafficSummary = Schemas['TrafficSummary'];
export type TrafficCount = Schemas['TrafficCount'];
export type TrafficExplanation = Schemas['TrafficExplanation'];
export type TrafficCause = Schemas['TrafficCause'];
export type TrafficEvidence = Schemas['TrafficEvidence'];
export type TrafficEvidenceName = Schemas['TrafficEvidenceName'];
export type TrafficRole = Schemas['TrafficRole'];
export type TrafficRight = Schemas['TrafficRight'];
export type TrafficRightUse = Schemas['TrafficRightUse'];
export type TrafficAgent = Schemas['TrafficAgent'];
export type TrafficAgentState = Schemas['TrafficAgentState'];
export type TrafficCapture = Schemas['TrafficCapture'];
/** What the events `snapshot` and `units` of the live traffic carry. */
export type TrafficSnapshot = Schemas['TrafficSnapshot'];
export type TrafficNews = Schemas['TrafficNews'];

export type PostureCluster = Schemas['PostureCluster'];
export type PostureScan = Schemas['PostureScan'];
export type PostureSeverity = Schemas['PostureSeverity'];
export type PostureOverview = Schemas['PostureOverview'];
export type PostureFinding = Schemas['PostureFinding'];
export type PostureFindings = Schemas['PostureFindings'];
export type PostureFindingDetail = Schemas['PostureFindingDetail'];
export type PosturePath = Schemas['PosturePath'];
export type PostureHop = Schemas['PostureHop'];
export type PostureException = Schemas['PostureException'];
export type NewPostureException = Schemas['NewPostureException'];
export type PostureFilter = NonNullable<
  DescribedPaths['/api/v1/posture/clusters/{cluster}/findings']['get']['parameters']['query']
>;

export type ProblemCode = Schemas['ProblemCode'];
/** `application/problem+json`. `code` stays a string: an older console must survive a newer hub. */
export type Problem = Omit<Schemas['Problem'], 'code'> & { code: string };

/** Makes a list that names each member of a union; one that is missing or unknown does not compile. */
export const everyOf =
  <Union extends string>() =>
  <const List extends readonly Union[]>(
    list: List & ([Union] extends [List[number]] ? unknown : { missing: Exclude<Union, List[number]> }),
  ): List =>
    list;

export const problemCodes = everyOf<ProblemCode>()([
  'not_signed_in',
  'session_expired',
  'csrf',
  'origin_refused',
  'wrong_credentials',
  'too_many_attempts',
  'account_disabled',
  'invitation_invalid',
  'password_weak',
  'token_refused',
  'forbidden',
  'needs_account',
  'machine_request_gone',
  'not_admin',
  'not_found',
  'conflict',
  'bad_request',
  'body_too_large',
  'quota_person',
  'quota_total',
  'too_many_links',
  'too_many_terminals',
  'too_many_watches',
  'cluster_unreachable',
  'exec_unsupported',
  'cluster_unknown',
  'store_unavailable',
  'internal',
  'link_malformed',
  'link_signature',
  'link_key_unknown',
  'link_expired',
  'link_revoked',
  'link_used',
  'link_other_user',
  'link_other_browser',
  'pod_gone',
  'pod_replaced',
  'pod_not_running',
  'container_unknown',
  'no_shell',
  'ticket_missing',
  'ticket_invalid',
  'ticket_expired',
  'ticket_used',
  'right_withdrawn',
  'terminal_ended',
  'session_ended',
  'hub_draining',
]);

/** The routes, less the CSRF header that the client adds by itself. */
export type paths = {
  [Path in keyof DescribedPaths]: { [Part in keyof DescribedPaths[Path]]: WithoutCsrf<DescribedPaths[Path][Part]> };
};
type WithoutCsrf<Operation> = Operation extends { parameters: { header: { 'x-sallyport-csrf': string } } }
  ? Omit<Operation, 'parameters'> & { parameters: Omit<Operation['parameters'], 'header'> & { header?: never } }
  : Operation;
type QueryOf<Path extends '/api/v1/links' | '/api/v1/audit'> = NonNullable<
  DescribedPaths[Path]['get']['parameters']['query']
>;
