// The rooms of the console and the tabs of Access: where each is, what it is called, the letter that goes there after `g`.
import type { PlainKey } from '../i18n';
import type { IconName } from '../ui/icons';

export const rooms = [
  { path: '/', name: 'room.home', icon: 'home', letter: 'h' },
  { path: '/workspaces', name: 'room.workspaces', icon: 'workspaces', letter: 'w' },
  { path: '/pods', name: 'room.pods', icon: 'pods', letter: 'p' },
  { path: '/terminal', name: 'room.terminal', icon: 'terminal', letter: 't' },
  { path: '/traffic', name: 'room.traffic', icon: 'traffic', letter: 'f', admin: true },
  { path: '/posture', name: 'room.posture', icon: 'posture', letter: 'o', admin: true },
  { path: '/access', name: 'room.access', icon: 'access', letter: 'a' },
] as const satisfies readonly { path: string; name: PlainKey; icon: IconName; letter: string; admin?: true }[];

export type RoomOfConsole = (typeof rooms)[number];

/** The rooms a person has; whoever opens another by its address is told why not. */
export const roomsOf = (me: { admin: boolean }): readonly RoomOfConsole[] =>
  rooms.filter((room) => me.admin || !('admin' in room));

export const accessTabs = [
  { to: '/access/people', name: 'access.people', icon: 'people', admin: true },
  { to: '/access/links', name: 'access.links', icon: 'link', admin: false },
  { to: '/access/terminals', name: 'access.terminals', icon: 'terminal', admin: false },
  { to: '/access/audit', name: 'access.audit', icon: 'audit', admin: true },
] as const satisfies readonly { to: string; name: PlainKey; icon: IconName; admin: boolean }[];

export const accessTabsOf = (me: { admin: boolean }): readonly (typeof accessTabs)[number][] =>
  accessTabs.filter((tab) => me.admin || !tab.admin);
