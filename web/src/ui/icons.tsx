// The console's own line icons, drawn on a 16-pixel grid; always beside or under a text that names them.
import type { ReactNode } from 'react';

const paths = {
  home: 'M2.5 7.5 8 2.75l5.5 4.75M4 6.5v7h8v-7M6.75 13.5v-3.75h2.5v3.75',
  workspaces: 'M2.5 3.5h5v4h-5zM9.5 3.5h4v9h-4zM2.5 9.5h5v3h-5z',
  pods: 'M8 1.75 13.5 4.9v6.2L8 14.25 2.5 11.1V4.9zM2.5 4.9 8 8l5.5-3.1M8 8v6.25',
  terminal: 'M1.75 2.75h12.5v10.5H1.75zM4.25 6l2.25 2-2.25 2M8 10.5h3.5',
  traffic: 'M1.75 5.25h9.5M8.5 2.5l2.75 2.75L8.5 8M14.25 10.75h-9.5M7.5 8l-2.75 2.75L7.5 13.5',
  posture: 'M8 1.75l5.25 2v4.5c0 2.9-2.1 5-5.25 6-3.15-1-5.25-3.1-5.25-6v-4.5zM5.5 8l1.9 1.9 3.3-3.7',
  access: 'M3.5 13.75V7a4.5 4.5 0 0 1 9 0v6.75zM8 8.5v2.25',
  people:
    'M6 7.25a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5zM1.75 13.5c.2-2.6 1.9-4 4.25-4s4.05 1.4 4.25 4M10.5 3a2.2 2.2 0 0 1 0 4.1M12 9.9c1.4.5 2.1 1.8 2.25 3.6',
  link: 'M6.75 9.25a2.5 2.5 0 0 0 3.6 0l2.4-2.4a2.55 2.55 0 0 0-3.6-3.6l-1 1M9.25 6.75a2.5 2.5 0 0 0-3.6 0l-2.4 2.4a2.55 2.55 0 0 0 3.6 3.6l1-1',
  audit: 'M3.5 1.75h9v12.5h-9zM5.75 5h4.5M5.75 8h4.5M5.75 11h2.5',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  paste: 'M5.75 3.25H3.5v10.5h9V3.25h-2.25M5.75 2h4.5v2.75h-4.5z',
  close: 'M3.75 3.75l8.5 8.5M12.25 3.75l-8.5 8.5',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.25 10.25l3.5 3.5',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  check: 'M2.75 8.5l3.5 3.5 7-8',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4L6 8l4 4',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  trash: 'M2.75 4.25h10.5M6 4V2.5h4V4M4.25 4.25l.5 9.25h6.5l.5-9.25M6.75 7v3.75M9.25 7v3.75',
  splitRight: 'M1.75 2.75h12.5v10.5H1.75zM8 2.75v10.5',
  splitDown: 'M1.75 2.75h12.5v10.5H1.75zM1.75 8h12.5',
  sun: 'M8 10.75a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5zM8 1.25v1.5M8 13.25v1.5M1.25 8h1.5M13.25 8h1.5M3.25 3.25l1 1M11.75 11.75l1 1M12.75 3.25l-1 1M4.25 11.75l-1 1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  screen: 'M1.75 2.75h12.5v8.5H1.75zM5.5 13.75h5M8 11.25v2.5',
  globe:
    'M8 14.25a6.25 6.25 0 1 0 0-12.5 6.25 6.25 0 0 0 0 12.5zM1.75 8h12.5M8 1.75c2 2 2.5 4 2.5 6.25S10 12.25 8 14.25C6 12.25 5.5 10.25 5.5 8S6 3.75 8 1.75z',
  warning: 'M8 2.25l6.25 11.25H1.75zM8 6.5v3.25M8 11.75h.01',
  denied: 'M8 14.25a6.25 6.25 0 1 0 0-12.5 6.25 6.25 0 0 0 0 12.5zM3.6 3.6l8.8 8.8',
  info: 'M8 14.25a6.25 6.25 0 1 0 0-12.5 6.25 6.25 0 0 0 0 12.5zM8 7.25v4M8 4.75h.01',
  clock: 'M8 14.25a6.25 6.25 0 1 0 0-12.5 6.25 6.25 0 0 0 0 12.5zM8 4.5V8l2.5 1.75',
  download: 'M8 2v8.25M4.5 7.25L8 10.5l3.5-3.25M2.5 13.5h11',
  external: 'M6.5 3.5h-3.75v9.75h9.75V9.5M9.25 2.5h4.25v4.25M13.25 2.75L7.5 8.5',
  command:
    'M5.75 5.75h4.5v4.5h-4.5zM5.75 5.75H4a1.75 1.75 0 1 1 1.75-1.75zM10.25 5.75V4A1.75 1.75 0 1 1 12 5.75zM10.25 10.25H12A1.75 1.75 0 1 1 10.25 12zM5.75 10.25V12A1.75 1.75 0 1 1 4 10.25z',
  user: 'M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8zM2.75 13.75c.3-2.75 2.4-4.25 5.25-4.25s4.95 1.5 5.25 4.25',
  again: 'M13.25 3v3.5h-3.5M13 6.5A5.25 5.25 0 1 0 13.25 8.5',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path
        d={paths[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth={name === 'more' ? 2.2 : 1.25}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

/** The mark: a gate with a prompt in it. */
export function Mark(): ReactNode {
  return (
    <svg className="mark" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d="M4 18V9a6 6 0 0 1 12 0v9" fill="none" stroke="var(--accent)" strokeWidth="1.8" />
      <path d="M7.5 9.5l2.5 2.5-2.5 2.5M11 15h2.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
    </svg>
  );
}
