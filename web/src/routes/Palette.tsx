// The command palette: rooms, acts, one's own workspaces and Pods by name, all from the keyboard.
import { useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, type ReactNode, useId, useMemo, useState } from 'react';
import { Dialog, Modal, ModalOverlay } from 'react-aria-components';
import { queries } from '../api/queries';
import { language, useLanguage, useT } from '../i18n';
import { prefs } from '../prefs';
import { wishForTerminal } from '../terminal/handover';
import { Icon, type IconName } from '../ui/icons';
import { podFeed } from './podFeed';
import { roomsOf } from './rooms';

type Command = { id: string; label: string; hint?: string; icon: IconName; run: () => void };
const shownMax = 40;

export function matches(label: string, query: string): boolean {
  const text = label.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function useCommands(onClose: () => void): Command[] {
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
        wishForTerminal(target);
        void navigate({ to: '/terminal' });
      });
    const commands: Command[] = roomsOf(me).map((room) => ({
      id: room.path,
      label: t('palette.go', { room: t(room.name) }),
      hint: `g ${room.letter}`,
      icon: room.icon,
      run: done(() => void navigate({ to: room.path })),
    }));
    commands.push(
      {
        id: 'theme-dark',
        label: t('palette.theme', { theme: t('prefs.theme.dark') }),
        icon: 'moon',
        run: done(() => prefs.set({ theme: 'dark' })),
      },
      {
        id: 'theme-light',
        label: t('palette.theme', { theme: t('prefs.theme.light') }),
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
          run: shell({ ...workspace, tty: true, command: [] }),
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
  }, [t, lang, navigate, data, onClose, me]);
}

export function Palette({ onClose }: { onClose: () => void }): ReactNode {
  const t = useT();
  const listId = useId();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const commands = useCommands(onClose);
  const found = useMemo(
    () => commands.filter((each) => matches(`${each.label} ${each.hint ?? ''}`, query.trim())).slice(0, shownMax),
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
