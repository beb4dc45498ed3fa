// Why a request failed and what to do about it, by cause, in English; the compiler asks for every cause.
import type { TrafficCause } from '../api/contract';

export type CauseText = { what: string; todo: string };

export const causesEn: Record<TrafficCause, CauseText> = {
  no_credential: {
    what: 'The request carries no token, and whichever client certificate there was, it was not accepted.',
    todo: 'Send a token, or a client certificate of an authority in the API server’s client CA file. Check which user and context the kubeconfig uses.',
  },
  token_refused: {
    what: 'The request carries a token, and no authenticator of the API server accepts it.',
    todo: 'Check that it has not expired and that issuer and audience are this cluster’s; “sallyport auth” explains a token. A Pod must read its token’s file again, for it changes.',
  },
  basic_refused: {
    what: 'The request signs in with a name and a password, and the API server has no such method.',
    todo: 'Use a token, a client certificate or OpenID Connect.',
  },
  unauthorized: {
    what: 'The API server does not know who asks. Neither the answer nor what is stored of the request says why.',
    todo: 'Look for the request in the API server’s log or, by its audit ID, in its audit log.',
  },
  anonymous_denied: {
    what: 'Nobody was signed in: the API server took the request for anonymous, which may not do this.',
    todo: 'Send a credential. If one was to be sent, check that the client reads it and that no proxy on the way removes it. Give anonymous no right.',
  },
  rbac_denied: {
    what: 'No role gives this user this right.',
    todo: 'If the user should have it, bind a role that allows this verb on this resource here, and not more. The command asks whether it is mended.',
  },
  path_denied: {
    what: 'No role gives this user this path, which is no resource.',
    todo: 'If the user should have it, allow the path by nonResourceURLs in a ClusterRole, bound by a ClusterRoleBinding.',
  },
  impersonation_denied: {
    what: 'The user wanted to act as somebody else, and no role gives the right to impersonate them.',
    todo: 'If it should, allow “impersonate” on these users, groups or extras, named one by one. Otherwise leave out --as.',
  },
  node_denied: {
    what: 'A kubelet may reach only what belongs to its own node, and this does not.',
    todo: 'Check that the object is used by a Pod on this node, and that the kubelet signs in as this node.',
  },
  kubelet_denied: {
    what: 'The kubelet asked the API server, which gives this user no right to this part of the node.',
    todo: 'Allow the subresource of “nodes” in a ClusterRole if this user should have it. For the API server’s own client, bind system:kubelet-api-admin to it.',
  },
  rbac_escalation: {
    what: 'The role would give more rights than its writer holds.',
    todo: 'Let somebody write it who holds these rights, or leave out the rights that the message lists.',
  },
  quota_exceeded: {
    what: 'A ResourceQuota of the namespace refuses it.',
    todo: 'Delete what is not needed, ask for less, or raise the quota. If the quota asks for requests or limits, set them.',
  },
  pod_security: {
    what: 'The Pod does not meet the Pod Security level that its namespace enforces.',
    todo: 'Set in the Pod what the message names. Lower the level of the namespace only if the Pod cannot do without.',
  },
  limit_range: {
    what: 'Requests or limits are outside a LimitRange of the namespace.',
    todo: 'Set them within its bounds.',
  },
  namespace_terminating: {
    what: 'The namespace is being deleted, and takes nothing new.',
    todo: 'Wait until it is gone, then make it anew. If it stays, its status names the finalizers that hold it.',
  },
  service_account_missing: {
    what: 'The Pod’s service account does not exist.',
    todo: 'Make it first, or correct its name in the Pod.',
  },
  webhook_denied: {
    what: 'An admission webhook said no. The reason is its own words.',
    todo: 'Change the object as the message asks, or ask whoever runs the webhook.',
  },
  policy_denied: {
    what: 'A ValidatingAdmissionPolicy said no.',
    todo: 'Change the object as the message asks, or look at the policy and what its binding chooses.',
  },
  admission_denied: {
    what: 'It was refused behind RBAC, by an admission plugin or a subresource of its own rules.',
    todo: 'Do what the message says; another role does not help.',
  },
  forbidden: {
    what: 'It is forbidden, and the answer does not say by what.',
    todo: 'Look for the request by its audit ID in the API server’s audit log: its annotations name the decision.',
  },
  object_not_found: {
    what: 'There is no object of this name.',
    todo: 'Check name and namespace. For controllers that read before they create, this is usual.',
  },
  namespace_not_found: {
    what: 'The namespace does not exist.',
    todo: 'Make it first, or correct its name.',
  },
  api_not_found: {
    what: 'The API server does not serve this resource in this version.',
    todo: 'Install the CustomResourceDefinition or aggregated API that brings it, or use a version that is served; older versions are removed over time.',
  },
  not_found: {
    what: 'There is nothing at this address, and the answer does not say more.',
    todo: 'Check the path.',
  },
  version_conflict: {
    what: 'Somebody wrote the object after this client had read it.',
    todo: 'Read it again, make the change to what it is now, and write. Clients do that by themselves (RetryOnConflict); if it goes on, two controllers write the same object.',
  },
  already_exists: {
    what: 'An object of this name exists already.',
    todo: 'Update or patch it, or choose another name. For controllers that create what may be there, this is usual.',
  },
  being_deleted: {
    what: 'The object exists and is being deleted.',
    todo: 'Wait until it is gone. If it stays, its finalizers hold it.',
  },
  field_manager_conflict: {
    what: 'Another manager owns these fields, and server-side apply does not take them away unasked.',
    todo: 'Leave the fields out, set them to the same value, or take them over with --force-conflicts if they should be yours.',
  },
  precondition_failed: {
    what: 'The object is not the one that the request meant: its UID or version is another.',
    todo: 'Read it again; it may have been deleted and made anew.',
  },
  conflict: {
    what: 'It conflicts with the present state.',
    todo: 'Read the object again and do what the message says.',
  },
  version_expired: {
    what: 'The resource version from which to go on is forgotten: the API server keeps some minutes.',
    todo: 'List anew and watch from there; clients do that by themselves. If it happens often, the client is slow or was paused, or etcd is compacted too often.',
  },
  continue_expired: {
    what: 'The list was read too slowly: its continuation is forgotten.',
    todo: 'Begin the list again, with larger pages or faster.',
  },
  gone: {
    what: 'What was asked for is no longer kept.',
    todo: 'List anew.',
  },
  immutable_field: {
    what: 'A field that cannot be changed was changed.',
    todo: 'Leave it as it is, or delete the object and make it anew.',
  },
  invalid: {
    what: 'The object is not valid.',
    todo: 'Correct the fields below.',
  },
  unknown_field: {
    what: 'The object has fields that its kind does not know, or the same field twice.',
    todo: 'Correct their names and indentation, or use the version that has them.',
  },
  bad_request: {
    what: 'The API server does not understand the request.',
    todo: 'Do what the message says.',
  },
  method_not_allowed: {
    what: 'This resource cannot do that.',
    todo: 'Use a verb that “kubectl api-resources -o wide” lists for it.',
  },
  too_large: {
    what: 'The request or the object is too large.',
    todo: 'Make it smaller: etcd takes some 1.5 MiB of an object. Put large data elsewhere.',
  },
  unsupported_media_type: {
    what: 'The content’s type is not taken here.',
    todo: 'Send JSON; of patches, name the kind. Custom resources take no strategic merge patch and no protobuf.',
  },
  disruption_budget: {
    what: 'A PodDisruptionBudget forbids to evict this Pod now.',
    todo: 'Wait until enough Pods are healthy; drains try again by themselves. If no Pod may ever go, change the budget or run more Pods.',
  },
  flow_control: {
    what: 'API Priority and Fairness had no seat for the request: too many of its priority level were under way or waiting.',
    todo: 'Find who floods this level (figures above the list, by user), and let clients watch instead of listing again and again. Clients wait as Retry-After says.',
  },
  storage_initializing: {
    what: 'The API server is filling its cache of this resource.',
    todo: 'Ask again as Retry-After says. If it stays, look at etcd and at the API server’s memory.',
  },
  too_many_requests: {
    what: 'There were too many requests, and the answer does not say of what.',
    todo: 'Wait as Retry-After says. Look who asks most in the figures above the list.',
  },
  webhook_timeout: {
    what: 'A webhook did not answer in the time that its configuration gives it.',
    todo: 'Look at its Pods and their load. Let it choose fewer objects, and decide by failurePolicy what happens when it is away.',
  },
  webhook_unreachable: {
    what: 'A webhook could not be reached.',
    todo: 'Check that its Service has ready endpoints and that the control plane can reach them through network policies and firewalls. A configuration whose webhook was uninstalled should be deleted.',
  },
  webhook_certificate: {
    what: 'A webhook’s TLS was not accepted: its certificate or the handshake.',
    todo: 'Check that caBundle is the authority of the certificate that the webhook shows, that it has not expired, and that it names SERVICE.NAMESPACE.svc.',
  },
  webhook_failed: {
    what: 'Calling a webhook failed.',
    todo: 'Look at the message and the webhook’s log.',
  },
  etcd_slow: {
    what: 'etcd did not answer in time, or had no leader.',
    todo: 'Look at etcd’s disk latency (etcd_disk_wal_fsync_duration_seconds), its members and the network between them.',
  },
  etcd_full: {
    what: 'etcd’s database is full and takes no writes.',
    todo: 'Compact and defragment it, disarm the alarm, and raise --quota-backend-bytes if need be. Find what was written so much, such as Events or Secrets.',
  },
  kubelet_unreachable: {
    what: 'The API server could not reach the kubelet.',
    todo: 'Check that the node is up, and that the control plane may reach port 10250 on it.',
  },
  upstream_unreachable: {
    what: 'The API server stands here for another server, which could not be reached.',
    todo: 'Check the Pods and endpoints of the Service behind it; of an aggregated API its APIService says which.',
  },
  shutting_down: {
    what: 'The API server is being stopped.',
    todo: 'Ask again: another one, or the same after its start, answers.',
  },
  version_too_large: {
    what: 'The resource version that was asked for is newer than what this API server knows.',
    todo: 'Ask again after a moment. If it stays, one API server is behind, or the database was restored from a backup: start the clients anew.',
  },
  timed_out: {
    what: 'The request was not done in its time.',
    todo: 'It may have been carried out: look before repeating a write. Look at etcd, webhooks and the size of what was asked.',
  },
  unanswered: {
    what: 'The connection ended before an answer.',
    todo: 'The client gave up, the server was stopped, or something between ended it (a load balancer’s idle time). What was asked may have been carried out.',
  },
  answer_missing: {
    what: 'No answer was seen, and parts of the connection are missing from the capture.',
    todo: 'The answer may be among them: nothing can be told. Capture with a larger buffer.',
  },
  unavailable: {
    what: 'The server, or one that it stands for, does not answer now. The answer does not say which.',
    todo: 'Ask again. For an aggregated API, look at its APIService; otherwise at the API server’s readiness (/readyz?verbose).',
  },
  server_error: {
    what: 'The server failed.',
    todo: 'Do what the message says, or look for the audit ID in the API server’s log.',
  },
  other: {
    what: 'The request was refused.',
    todo: 'Do what the message says.',
  },
};
