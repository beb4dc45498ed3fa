// The frame around every room for a signed-in person: the rail, the keys, the palette, and the connection's state.
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react';
import { connection } from '../api/connection';
import { queries } from '../api/queries';
import { useT } from '../i18n';
import { holdsShells, liveTally, onHandover } from '../terminal/handover';
import { Button, IconButton } from '../ui/controls';
import { Icon, Mark } from '../ui/icons';
import { Dialog, Menu } from '../ui/overlays';
import { Toaster } from '../ui/Toaster';
import { toaster } from '../ui/toast';
import { Palette } from './Palette';
import { type RoomOfConsole, roomsOf } from './rooms';
import { useSignOut } from './SignOut';
import { LanguageSwitch, ThemeSwitch } from './switches';
import { useRoomKeys } from './useRoomKeys';

export function Shell(): ReactNode {
  const t = useT();
  const queryClient = useQueryClient();
  const { up } = useSyncExternalStore(connection.subscribe, connection.get);
  const [palette, setPalette] = useState(false);
  const [keys, setKeys] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { data: me } = useSuspenseQuery(queries.me);
  const { signOut, dialog: signingOut } = useSignOut();
  useRoomKeys({ onPalette: () => setPalette(true), onHelp: () => setKeys(true) });

  // What was asked while the hub was away is asked again as soon as it answers.
  useEffect(() => {
    if (up) void queryClient.invalidateQueries();
  }, [up, queryClient]);

  // The terminal's code and faces are fetched while nothing else is to do, so that the first shell opens at once.
  useEffect(() => {
    const fetchAhead = () => {
      void import('../terminal/screen').then(({ loadTerminalFonts }) => loadTerminalFonts());
      void import('./TerminalRoom');
    };
    const timer = setTimeout(fetchAhead, 400);
    return () => clearTimeout(timer);
  }, []);

  // Leaving the page ends its shells, whichever room shows: the browser asks first. Heard only while there are any,
  // because a page that listens is not kept for the way back.
  const atStake = useSyncExternalStore(onHandover, holdsShells);
  useEffect(() => {
    if (!atStake) return;
    const ask = (event: BeforeUnloadEvent) => {
      if (holdsShells()) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [atStake]);

  return (
    <div className="shell">
      <a className="skip" href="#room">
        {t('nav.skip')}
      </a>
      <nav className="rail" aria-label={t('nav.rooms')}>
        <Link to="/" className="brand" aria-label="Sallyport">
          <Mark />
          <span className="rail-label">Sallyport</span>
        </Link>
        <ul className="rail-rooms">
          {roomsOf(me).map((room) => (
            <li key={room.path}>
              <RoomLink room={room} current={room.path === '/' ? path === '/' : path.startsWith(room.path)} />
            </li>
          ))}
        </ul>
        <div className="rail-foot">
          <button type="button" className="rail-item" aria-label={t('palette.open')} onClick={() => setPalette(true)}>
            <Icon name="search" />
            <span className="rail-label">{t('palette.open')}</span>
            <kbd className="rail-label">Ctrl K</kbd>
          </button>
          <ConnectionMark up={up} />
          <div className="rail-switches">
            <LanguageSwitch />
            <ThemeSwitch />
            <AccountMenu onKeys={() => setKeys(true)} onSignOut={signOut} />
          </div>
        </div>
      </nav>
      <main className="room" id="room" tabIndex={-1}>
        {!up && (
          <div className="away" role="status">
            <Icon name="warning" />
            {t('connection.away')}
          </div>
        )}
        <Outlet />
      </main>
      {palette && <Palette onClose={() => setPalette(false)} onSignOut={signOut} />}
      {signingOut}
      <KeysDialog isOpen={keys} onClose={() => setKeys(false)} />
      <Toaster />
    </div>
  );
}

function RoomLink({ room, current }: { room: RoomOfConsole; current: boolean }): ReactNode {
  const t = useT();
  const live = useSyncExternalStore(onHandover, liveTally.get);
  const count = room.path === '/terminal' ? live : 0;
  return (
    <Link
      to={room.path}
      className={current ? 'rail-item rail-item-current' : 'rail-item'}
      aria-current={current ? 'page' : undefined}
      title={`${t(room.name)} (g ${room.letter})`}
    >
      <Icon name={room.icon} />
      <span className="rail-label">{t(room.name)}</span>
      {count > 0 && (
        <span className="rail-count">
          {count}
          <span className="hidden-visually"> {t('nav.liveTerminals')}</span>
        </span>
      )}
    </Link>
  );
}

function ConnectionMark({ up }: { up: boolean }): ReactNode {
  const t = useT();
  const text = up ? t('connection.up') : t('connection.down');
  return (
    <div className={up ? 'connection connection-up' : 'connection connection-down'} title={text}>
      <span className="connection-dot" aria-hidden="true" />
      <span className="rail-label" role="status">
        {text}
      </span>
    </div>
  );
}

function AccountMenu({
  onKeys,
  onSignOut,
}: {
  onKeys: () => void;
  onSignOut: (everywhere: boolean) => void;
}): ReactNode {
  const t = useT();
  const navigate = useNavigate();
  const { data: me } = useSuspenseQuery(queries.me);
  const act = (id: string) => {
    if (id === 'keys') onKeys();
    if (id === 'out') onSignOut(false);
    if (id === 'everywhere') onSignOut(true);
    if (id === 'access') void navigate({ to: '/access/links' });
  };
  return (
    <Menu
      label={t('account.menu')}
      trigger={<IconButton icon="user" label={t('account.of', { name: me.display_name })} />}
      header={
        <div className="menu-head">
          <strong>{me.display_name}</strong>
          <span className="mono">{me.user}</span>
          {me.groups.length > 0 && <span className="faint">{me.groups.join(', ')}</span>}
          <span className="faint">{t('account.version', { version: me.version })}</span>
        </div>
      }
      entries={[
        { id: 'access', label: t('account.links'), icon: 'link' },
        { id: 'keys', label: t('keys.title'), icon: 'command' },
        { id: 'out', label: t('account.signOut'), icon: 'close' },
        { id: 'everywhere', label: t('account.signOutEverywhere'), icon: 'denied', danger: true },
      ]}
      onAction={act}
    />
  );
}

function KeysDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  const t = useT();
  const { data: me } = useSuspenseQuery(queries.me);
  const rows: [string, string][] = [
    ['Ctrl K · ⌘K', t('keys.palette')],
    ...roomsOf(me).map((room): [string, string] => [`g ${room.letter}`, t(room.name)]),
    ['/', t('keys.filter')],
    ['j · k', t('keys.rows')],
    ['Enter', t('keys.open')],
    ['Ctrl Shift Space', t('keys.leave')],
    ['Ctrl Shift C · V', t('keys.clipboard')],
    ['Ctrl Shift F', t('keys.search')],
    ['?', t('keys.title')],
  ];
  return (
    <Dialog title={t('keys.title')} isOpen={isOpen} onClose={onClose}>
      <dl className="keys">
        {rows.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div className="dialog-actions">
        <Button onPress={onClose}>{t('act.close')}</Button>
      </div>
    </Dialog>
  );
}

/** Tells of an act that failed, wherever it was started. */
export function tellFailure(text: string): void {
  toaster.show('bad', text);
}
