// Chooses where a new terminal goes: one's running workspaces first, then any running Pod by name.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useMemo, useState, useSyncExternalStore } from 'react';
import type { Pod } from '../api/contract';
import { queries } from '../api/queries';
import { useT } from '../i18n';
import type { Target } from '../terminal/handover';
import { Field } from '../ui/controls';
import { Icon } from '../ui/icons';
import { matches } from './Palette';
import { podFeed } from './podFeed';

const shownMax = 30;

export function targetOf(pod: Pod, container?: string): Target {
  const { cluster, namespace, name } = pod;
  return { cluster, namespace, pod: name, container, tty: true, command: [] };
}

/** Arrows go from the filter down the list and back up; Enter in the filter opens the first, on an option that one. */
function onPickerKey(event: KeyboardEvent<HTMLDivElement>): void {
  // Enter that ends a Hangul syllable is not an answer.
  if (event.nativeEvent.isComposing) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('input, .option')];
  const at = stops.indexOf(event.target as HTMLElement);
  if (at < 0) return;
  if (event.key === 'ArrowDown') stops[Math.min(at + 1, stops.length - 1)]?.focus();
  else if (event.key === 'ArrowUp') stops[Math.max(at - 1, 0)]?.focus();
  else if (event.key === 'Enter' && at === 0) stops[1]?.click();
  else return;
  event.preventDefault();
}

export function TargetPicker({ onPick }: { onPick: (target: Target) => void }): ReactNode {
  const t = useT();
  const [query, setQuery] = useState('');
  const { data } = useQuery(queries.workspaces);
  const { pods } = useSyncExternalStore(podFeed.subscribe, podFeed.get);
  const workspaces = (data?.items ?? []).filter(
    (each) => each.state === 'running' && matches(`${each.name} ${each.namespace}`, query.trim()),
  );
  const found = useMemo(() => {
    const taken = new Set((data?.items ?? []).map((each) => `${each.cluster} ${each.namespace} ${each.pod}`));
    const wanted = query.trim();
    return pods
      .filter(
        (pod) =>
          pod.phase === 'Running' &&
          !taken.has(`${pod.cluster} ${pod.namespace} ${pod.name}`) &&
          matches(`${pod.name} ${pod.namespace} ${pod.cluster}`, wanted),
      )
      .slice(0, shownMax);
  }, [pods, data, query]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the filter and the options within have the focus; this only hears their arrows.
    <div className="picker" onKeyDown={onPickerKey}>
      <Field label={t('picker.filter')} value={query} onChange={setQuery} mono autoFocus />
      <ul className="picker-list" aria-label={t('picker.list')}>
        {workspaces.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              className="option"
              onClick={() =>
                onPick({
                  cluster: each.cluster,
                  namespace: each.namespace,
                  pod: each.pod,
                  container: each.container,
                  tty: true,
                  command: [],
                })
              }
            >
              <Icon name="workspaces" />
              <span className="mono clip">{each.name}</span>
              <span className="option-hint mono clip">{`${each.cluster} / ${each.namespace}`}</span>
            </button>
          </li>
        ))}
        {found.map((pod) => (
          <li key={pod.uid}>
            <button type="button" className="option" onClick={() => onPick(targetOf(pod))}>
              <Icon name="pods" />
              <span className="mono clip">{pod.name}</span>
              <span className="option-hint mono clip">{`${pod.cluster} / ${pod.namespace}`}</span>
            </button>
          </li>
        ))}
      </ul>
      {workspaces.length === 0 && found.length === 0 && (
        <p className="muted" role="status">
          {t('picker.none')} <Link to="/workspaces">{t('home.create')}</Link>
        </p>
      )}
    </div>
  );
}
