// Which Pods a search shows and in which order; pure, so that thousands of rows can be tested without a browser.
import type { Pod } from '../api/contract';
import type { PodSearch, PodSortKey } from './urlState';

/** Words that all must occur, each in the name, namespace, node, owner, image, IP, status or a `key=value` label. */
export function filterPods(pods: readonly Pod[], search: PodSearch): Pod[] {
  const words = (search.q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return pods.filter(
    (pod) =>
      (!search.cluster || pod.cluster === search.cluster) &&
      (!search.namespace || pod.namespace === search.namespace) &&
      (!search.phase || pod.phase === search.phase) &&
      words.every((word) => haystack(pod).includes(word)),
  );
}

const haystacks = new WeakMap<Pod, string>();
function haystack(pod: Pod): string {
  let text = haystacks.get(pod);
  if (text === undefined) {
    text = [
      pod.name,
      pod.namespace,
      pod.cluster,
      pod.reason,
      pod.node ?? '',
      pod.ip ?? '',
      pod.owner ?? '',
      ...pod.containers.map((container) => `${container.name} ${container.image}`),
      ...Object.entries(pod.labels).map(([key, value]) => `${key}=${value}`),
    ]
      .join('\n')
      .toLowerCase();
    haystacks.set(pod, text);
  }
  return text;
}

const collator = new Intl.Collator('en', { numeric: true });
const byText = (a: string, b: string): number => collator.compare(a, b);
const orders: Record<PodSortKey, (a: Pod, b: Pod) => number> = {
  name: (a, b) => byText(a.name, b.name),
  namespace: (a, b) => byText(a.namespace, b.namespace),
  cluster: (a, b) => byText(a.cluster, b.cluster),
  status: (a, b) => byText(a.reason, b.reason),
  restarts: (a, b) => a.restarts - b.restarts,
  // Young first: an age grows as its birth lies further back.
  age: (a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0),
};

export function sortPods(pods: readonly Pod[], sort: PodSortKey = 'namespace', desc = false): Pod[] {
  const order = orders[sort];
  const sign = desc ? -1 : 1;
  return [...pods].sort(
    (a, b) => sign * order(a, b) || byText(a.namespace, b.namespace) || byText(a.name, b.name) || byText(a.uid, b.uid),
  );
}

/** The distinct values of a field, for a filter's choices. */
export function valuesOf(pods: readonly Pod[], field: 'cluster' | 'namespace' | 'phase'): string[] {
  return [...new Set(pods.map((pod) => pod[field]))].sort(byText);
}

/** Containers a shell can be opened in. */
export function enterable(pod: Pod): Pod['containers'] {
  return pod.containers.filter((container) => container.state === 'running');
}
