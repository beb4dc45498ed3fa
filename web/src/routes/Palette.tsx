// The command palette: rooms, acts, one's own workspaces and Pods by name, in either language, all from the keyboard.
import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useId, useMemo, useState } from 'react';
import { Dialog, Modal, ModalOverlay } from 'react-aria-components';
import { queries } from '../api/queries';
import { language, type Translate, translator, useLanguage, useT } from '../i18n';
import { prefs } from '../prefs';
import { wishForTerminal } from '../terminal/handover';
import { Icon, type IconName } from '../ui/icons';
import { podFeed } from './podFeed';
import { accessTabsOf, roomsOf } from './rooms';

type Command = {
  id: string;
  label: string;
  /** The label in the other language, by which it is found too. */
  also?: string;
  hint?: string;
  icon: IconName;
  run: () => void;
};
const shownMax = 40;

export function matches(label: string, query: string): boolean {
  const text = label.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function useCommands(onClose: () => void, onSignOut: (everywhere: boolean) => void): Command[] {
  const t = useT();
  const lang = useLanguage();
  const navigate = useNavigate();
  const { data } = useQuery(queries.workspaces);
  const { data: me } = useSuspenseQuery(queries.me);
  return useMemo(() => {
    const done = (run: () => void) => () => {
      onClose();
      run();
    };
    const shell = (target: Parameters<typeof wishForTerminal>[0]) =>
      done(() => {
        void wishForTerminal(target).then(() => navigate({ to: '/terminal' }));
      });
    const other = translator(lang === 'en' ? 'ko' : 'en');
    const named = (name: (words: Translate) => string) => ({ label: name(t), also: name(other) });
    const commands: Command[] = roomsOf(me).map((room) => ({
      id: room.path,
      ...named((words) => words('palette.go', { room: words(room.name) })),
      hint: `g ${room.letter}`,
      icon: room.icon,
      run: done(() => void navigate({ to: room.path })),
    }));
    for (const tab of accessTabsOf(me))
      commands.push({
        id: tab.to,
        ...named((words) => words('palette.go', { room: `${words('room.access')} / ${words(tab.name)}` })),
        icon: tab.icon,
        run: done(() => void navigate({ to: tab.to })),
      });
    commands.push(
      {
        id: 'workspace-new',
        ...named((words) => words('workspace.new')),
        icon: 'plus',
        run: done(() => void navigate({ to: '/workspaces' })),
      },
      {
        id: 'sign-out',
        ...named((words) => words('account.signOut')),
        icon: 'close',
        run: done(() => onSignOut(false)),
      },
      {
        id: 'sign-out-everywhere',
        ...named((words) => words('account.signOutEverywhere')),
        icon: 'denied',
        run: done(() => onSignOut(true)),
      },
      {
        id: 'theme-dark',
        ...named((words) => words('palette.theme', { theme: words('prefs.theme.dark') })),
        icon: 'moon',
        run: done(() => prefs.set({ theme: 'dark' })),
      },
      {
        id: 'theme-light',
        ...named((words) => words('palette.theme', { theme: words('prefs.theme.light') })),
        icon: 'sun',
        run: done(() => prefs.set({ theme: 'light' })),
      },
      {
        id: 'language',
        label: lang === 'en' ? '한국어로 보기' : 'Show in English',
        icon: 'globe',
        run: done(() => language.set(lang === 'en' ? 'ko' : 'en')),
      },
    );
    for (const workspace of data?.items ?? [])
      if (workspace.state === 'running')
        commands.push({
          id: `workspace ${workspace.id}`,
          label: t('palette.enter', { name: workspace.name }),
          hint: workspace.namespace,
          icon: 'terminal',
          run: shell({
            cluster: workspace.cluster,
            namespace: workspace.namespace,
            pod: workspace.pod,
            container: workspace.container,
            tty: true,
            command: [],
          }),
        });
    for (const pod of podFeed.peek())
      if (pod.phase === 'Running')
        commands.push({
          id: pod.uid,
          label: t('palette.shell', { pod: pod.name }),
          hint: `${pod.cluster} / ${pod.namespace}`,
          icon: 'pods',
          run: shell({ cluster: pod.cluster, namespace: pod.namespace, pod: pod.name, tty: true, command: [] }),
        });
    return commands;
  }, [t, lang, navigate, data, onClose, onSignOut, me]);
}

export function Palette({
  onClose,
  onSignOut,
}: {
  onClose: () => void;
  onSignOut: (everywhere: boolean) => void;
}): ReactNode {
  const t = useT();
  const listId = useId();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const commands = useCommands(onClose, onSignOut);
  const found = useMemo(
    () =>
      commands
        .filter((each) => matches(`${each.label} ${each.also ?? ''} ${each.hint ?? ''}`, query.trim()))
        .slice(0, shownMax),
    [commands, query],
  );
  const current = found[Math.min(at, found.length - 1)];
  const onKey = (event: KeyboardEvent) => {
    // Enter that ends a Hangul syllable is not an answer.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown') setAt((n) => Math.min(n + 1, found.length - 1));
    else if (event.key === 'ArrowUp') setAt((n) => Math.max(n - 1, 0));
    else if (event.key === 'Enter') current?.run();
    else return;
    event.preventDefault();
  };
  return (
    <ModalOverlay className="scrim scrim-top" isOpen onOpenChange={(open) => !open && onClose()} isDismissable>
      <Modal className="modal modal-palette">
        <Dialog className="palette" aria-label={t('palette.title')}>
          <input
            className="palette-input"
            role="combobox"
            aria-expanded="true"
            aria-controls={listId}
            aria-activedescendant={current ? `${listId}-${found.indexOf(current)}` : undefined}
            aria-label={t('palette.title')}
            placeholder={t('palette.placeholder')}
            value={query}
            autoFocus
            onChange={(event) => {
              setQuery(event.target.value);
              setAt(0);
            }}
            onKeyDown={onKey}
          />
          <div className="palette-list" role="listbox" id={listId} aria-label={t('palette.title')}>
            {found.map((each, index) => (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox above has the keys.
              <div
                key={each.id}
                id={`${listId}-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={each === current}
                className={each === current ? 'option option-current' : 'option'}
                onClick={each.run}
                onMouseMove={() => setAt(index)}
                ref={(node) => {
                  if (each === current) node?.scrollIntoView({ block: 'nearest' });
                }}
              >
                <Icon name={each.icon} />
                <span className="clip">{each.label}</span>
                {each.hint && <span className="option-hint mono clip">{each.hint}</span>}
              </div>
            ))}
          </div>
          {found.length === 0 && (
            <p className="palette-none muted" role="status">
              {t('palette.none')}
            </p>
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
