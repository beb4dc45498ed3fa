// Takes secrets out of the address bar before anything else sees them; they live in memory until their one use.
//
// The browser keeps no copy: the fragment is replaced in the history entry, never logged and never stored.

type Secrets = { link: string | null; invitation: string | null };
const held: Secrets = { link: null, invitation: null };
const listeners = new Set<() => void>();

export function takeFragment(): void {
  const fragment = window.location.hash.slice(1);
  if (fragment === '') return;
  if (fragment.startsWith('inv_')) held.invitation = fragment;
  else if (window.location.pathname === '/terminal') held.link = fragment;
  else return;
  window.history.replaceState(window.history.state, '', window.location.pathname + window.location.search);
  for (const listener of listeners) listener();
}

/** The fragment is also taken when a link is pasted into the address bar of an open console. */
export function watchFragment(): void {
  takeFragment();
  window.addEventListener('hashchange', takeFragment);
}

export function onSecret(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether a secret waits for its use, without giving it out. */
export function holdsSecret(kind: keyof Secrets): boolean {
  return held[kind] !== null;
}

/** Gives a secret out once. */
export function takeSecret(kind: keyof Secrets): string | null {
  const secret = held[kind];
  held[kind] = null;
  return secret;
}
