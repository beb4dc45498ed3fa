// What each Problem means and what to do about it, in English; the compiler asks for every code.
import type { KnownCode } from '../api/problem';

export type ProblemText = { what: string; todo: string };

export const problemsEn: Record<KnownCode, ProblemText> = {
  not_signed_in: { what: 'You are not signed in.', todo: 'Sign in; you will come back here.' },
  session_expired: { what: 'Your sign-in has expired.', todo: 'Sign in again; you will come back here.' },
  csrf: {
    what: 'The request did not carry this page’s token.',
    todo: 'Reload the page and try again. If it happens again, sign out and in.',
  },
  origin_refused: {
    what: 'The request came from a page the hub does not accept.',
    todo: 'Open the console at the hub’s own address. If a proxy stands before it, ask its administrator to keep the Host and Origin headers.',
  },
  wrong_credentials: {
    what: 'The name or the password is wrong.',
    todo: 'Check both and try again. An administrator can send you a new invitation.',
  },
  too_many_attempts: { what: 'Too many attempts.', todo: 'Wait a little, then try again.' },
  account_disabled: { what: 'This account is disabled.', todo: 'Ask an administrator of the hub to enable it.' },
  invitation_invalid: {
    what: 'This invitation is not valid: it was used, withdrawn, or has expired.',
    todo: 'Ask an administrator for a new one.',
  },
  password_weak: {
    what: 'This password is too weak.',
    todo: 'Choose a longer one, such as a few unrelated words.',
  },
  token_refused: {
    what: 'This token was refused.',
    todo: 'Check that it is whole, not expired, and meant for this cluster. “kubectl create token” makes a new one. The service account of a workspace cannot sign in; sign in as yourself.',
  },
  forbidden: {
    what: 'Kubernetes does not grant you this right.',
    todo: 'Ask an administrator of the cluster for a role that allows it in this namespace.',
  },
  needs_account: {
    what: 'You signed in with a token, and this needs an account of the hub.',
    todo: 'Sign in with an account. For kubectl, the token itself can stand in the kubeconfig.',
  },
  machine_request_gone: {
    what: 'No machine asks with this code: it was decided, has expired, or never was.',
    todo: 'Check the code, or run “sallyport login” again on the machine.',
  },
  not_admin: { what: 'Only administrators of the hub may do this.', todo: 'Ask an administrator of the hub.' },
  not_found: { what: 'There is nothing here.', todo: 'Check the address. What you look for may have been deleted.' },
  conflict: {
    what: 'Something else was changed at the same time, or the name is taken.',
    todo: 'Look at the present state and try again.',
  },
  bad_request: {
    what: 'The hub could not accept this request.',
    todo: 'Check what you entered; the details name the field.',
  },
  body_too_large: { what: 'Too much was sent at once.', todo: 'Send it in smaller parts.' },
  quota_person: {
    what: 'Your quota of workspaces is used up.',
    todo: 'Delete a workspace you no longer need, or ask an administrator for more.',
  },
  quota_total: {
    what: 'All workspaces of this hub are in use.',
    todo: 'Try again later, or ask an administrator to raise the limit.',
  },
  too_many_links: {
    what: 'Too many of your presigned links are still open.',
    todo: 'Use some, or revoke them under Access. Links also expire by themselves.',
  },
  too_many_terminals: {
    what: 'As many terminals are open as may be.',
    todo: 'Close one that is not needed any more, under Access too, then open this one again.',
  },
  too_many_watches: {
    what: 'As many lists are being watched as may be.',
    todo: 'Close other tabs of the console, or sign out elsewhere.',
  },
  cluster_unreachable: {
    what: 'The cluster does not answer.',
    todo: 'Try again in a moment. If it stays so, tell the administrator of the cluster.',
  },
  exec_unsupported: {
    what: 'The cluster cannot carry this terminal: it lacks the newer way of opening one.',
    todo: 'Ask the administrator of the cluster to update it to Kubernetes 1.30 or newer, or to let the proxy before it pass WebSocket upgrades.',
  },
  cluster_unknown: { what: 'The hub does not know this cluster.', todo: 'Choose one of the clusters offered.' },
  store_unavailable: {
    what: 'The hub’s database does not answer.',
    todo: 'Nothing was changed. Try again in a moment, and tell an administrator if it stays so.',
  },
  internal: {
    what: 'Something went wrong in the hub.',
    todo: 'Try again. If it happens again, give the request id to an administrator.',
  },
  link_malformed: {
    what: 'This link is not whole.',
    todo: 'Copy it again, from its start to its very end, or ask for a new one.',
  },
  link_signature: { what: 'This link was not made by this hub, or it was altered.', todo: 'Ask for a new link.' },
  link_key_unknown: {
    what: 'This link was signed with a key the hub no longer accepts.',
    todo: 'Ask for a new link.',
  },
  link_expired: { what: 'This link has expired.', todo: 'Open the terminal again from Pods, or ask for a new link.' },
  link_revoked: {
    what: 'This link has been revoked.',
    todo: 'If it was not you who revoked it, ask an administrator of the hub. If you still may, open the Pod anew from Pods.',
  },
  link_used: {
    what: 'This link has already been used. Each opens one terminal.',
    todo: 'Open another terminal from Pods, or ask for a new link. If it was not you who used it, tell an administrator.',
  },
  link_other_user: {
    what: 'This link was made for another person.',
    todo: 'Sign in as that person, or ask for a link of your own.',
  },
  link_other_browser: {
    what: 'This link has been opened in another browser.',
    todo: 'Go on there, or ask for a new link. If it was not you, tell an administrator.',
  },
  pod_gone: { what: 'The Pod is gone.', todo: 'Look in Pods for its successor.' },
  pod_replaced: {
    what: 'The Pod was replaced by another one of the same name.',
    todo: 'Open the new one from Pods; the link held for the old one only.',
  },
  pod_not_running: { what: 'The Pod is not running.', todo: 'Wait until it runs, or look at its state in Pods.' },
  container_unknown: {
    what: 'The Pod has no such container, or it is not running.',
    todo: 'Choose another container of the Pod.',
  },
  no_shell: {
    what: 'There is no shell in this container.',
    todo: 'Choose another container. Images without a shell can be looked into with an ephemeral container.',
  },
  ticket_missing: {
    what: 'The first gate was not passed.',
    todo: 'Open the terminal again; both gates are passed in order.',
  },
  ticket_invalid: {
    what: 'The ticket of the first gate is not valid in this browser.',
    todo: 'Open the terminal again in this browser.',
  },
  ticket_expired: {
    what: 'Too much time passed between the two gates.',
    todo: 'Open the terminal again; a ticket holds for seconds only.',
  },
  ticket_used: {
    what: 'This ticket has already been used.',
    todo: 'Open the terminal again. If it was not you, tell an administrator.',
  },
  right_withdrawn: {
    what: 'Your right to this terminal was withdrawn while you were in it.',
    todo: 'Ask an administrator of the cluster if you still need it.',
  },
  terminal_ended: { what: 'This terminal was ended.', todo: 'Open a new one if you still need it.' },
  session_ended: { what: 'Your sign-in was ended.', todo: 'Sign in again; you will come back here.' },
  hub_draining: {
    what: 'The hub is stopping or has stopped; its terminals end with it. Nobody was denied anything.',
    todo: 'Try again in a moment. If it stays away, ask whoever runs the hub.',
  },
  hub_unreachable: {
    what: 'The hub does not answer.',
    todo: 'Check your network. The console goes on by itself as soon as the hub answers.',
  },
  unexpected_answer: {
    what: 'The answer did not come from the hub, or this page is older than the hub.',
    todo: 'Reload the page. If it stays so, look at the proxy between.',
  },
  connection_lost: {
    what: 'The connection to the terminal broke off. Its shell has been ended in the Pod.',
    todo: 'Check your network, then open the terminal again.',
  },
};
