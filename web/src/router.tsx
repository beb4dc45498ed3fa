// The console's map of URLs to rooms, and who may see them: all but sign-in and invitation need a session.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { onPersonChanged, onSignedOut } from './api/client';
import { ApiProblem, isSignedOut } from './api/problem';
import { queries } from './api/queries';
import { queryClient } from './queryClient';
import { LoadFailed, NotFound, NotFoundRoom } from './routes/Faults';
import { Home } from './routes/Home';
import { Shell } from './routes/Shell';
import { InvitationPage, SignIn } from './routes/SignIn';
import {
  parseAuditSearch,
  parseLinkSearch,
  parsePodSearch,
  parsePostureSearch,
  parseTerminalSearch,
  parseTrafficSearch,
} from './routes/urlState';
import { Workspaces } from './routes/Workspaces';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: SignIn,
  validateSearch: (search: Record<string, unknown>): { return?: string; ended?: boolean } => ({
    return: text(search.return),
    ended: search.ended === true ? true : undefined,
  }),
});
const invitation = createRoute({ getParentRoute: () => root, path: '/invitation', component: InvitationPage });

const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  component: Shell,
  errorComponent: LoadFailed,
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(queries.me);
    } catch (error) {
      if (error instanceof ApiProblem && isSignedOut(error.problem.code))
        throw redirect({
          to: '/sign-in',
          search: { return: location.pathname === '/' ? undefined : location.pathname + location.searchStr },
        });
      throw error;
    }
  },
});

const home = createRoute({ getParentRoute: () => inside, path: '/', component: Home });
const workspaces = createRoute({ getParentRoute: () => inside, path: '/workspaces', component: Workspaces });
const pods = createRoute({
  getParentRoute: () => inside,
  path: '/pods',
  component: lazyRouteComponent(() => import('./routes/Pods'), 'Pods'),
  validateSearch: parsePodSearch,
});
const terminal = createRoute({
  getParentRoute: () => inside,
  path: '/terminal',
  component: lazyRouteComponent(() => import('./routes/TerminalRoom'), 'TerminalRoom'),
});
const traffic = createRoute({
  getParentRoute: () => inside,
  path: '/traffic',
  component: lazyRouteComponent(() => import('./routes/Traffic'), 'Traffic'),
  validateSearch: parseTrafficSearch,
});
const posture = createRoute({
  getParentRoute: () => inside,
  path: '/posture',
  component: lazyRouteComponent(() => import('./routes/Posture'), 'Posture'),
  validateSearch: parsePostureSearch,
});
const denied = createRoute({
  getParentRoute: () => inside,
  path: '/denied',
  component: lazyRouteComponent(() => import('./routes/Denied'), 'Denied'),
  validateSearch: (search: Record<string, unknown>): { code?: string; request?: string } => ({
    code: text(search.code),
    request: text(search.request),
  }),
});
const machine = createRoute({
  getParentRoute: () => inside,
  path: '/machine',
  component: lazyRouteComponent(() => import('./routes/Machine'), 'Machine'),
  validateSearch: (search: Record<string, unknown>): { code?: string } => ({ code: text(search.code) }),
});
const access = createRoute({
  getParentRoute: () => inside,
  path: '/access',
  component: lazyRouteComponent(() => import('./routes/Access'), 'Access'),
});
const accessIndex = createRoute({
  getParentRoute: () => access,
  path: '/',
  beforeLoad: () => {
    throw redirect({
      to: queryClient.getQueryData(queries.me.queryKey)?.admin ? '/access/people' : '/access/links',
      replace: true,
    });
  },
});
const people = createRoute({
  getParentRoute: () => access,
  path: '/people',
  component: lazyRouteComponent(() => import('./routes/People'), 'People'),
});
const links = createRoute({
  getParentRoute: () => access,
  path: '/links',
  component: lazyRouteComponent(() => import('./routes/Links'), 'Links'),
  validateSearch: parseLinkSearch,
});
const terminals = createRoute({
  getParentRoute: () => access,
  path: '/terminals',
  component: lazyRouteComponent(() => import('./routes/LiveTerminals'), 'LiveTerminals'),
  validateSearch: parseTerminalSearch,
});
const audit = createRoute({
  getParentRoute: () => access,
  path: '/audit',
  component: lazyRouteComponent(() => import('./routes/Audit'), 'Audit'),
  validateSearch: parseAuditSearch,
});

/** Any other address, in the frame of the rooms for who is signed in. */
const nowhere = createRoute({ getParentRoute: () => inside, path: '$', component: NotFoundRoom });

const routeTree = root.addChildren([
  signIn,
  invitation,
  inside.addChildren([
    home,
    workspaces,
    pods,
    terminal,
    traffic,
    posture,
    denied,
    machine,
    access.addChildren([accessIndex, people, links, terminals, audit]),
    nowhere,
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultNotFoundComponent: NotFound,
  defaultErrorComponent: LoadFailed,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

/** A sign-in that ended anywhere leads to the sign-in page and back; the fragment is never part of the way back. */
onSignedOut(() => {
  const { pathname, searchStr } = router.state.location;
  if (pathname === '/sign-in' || pathname === '/invitation') return;
  // Only a sign-in that was there can end: the first visit is the guard's to lead.
  if (!queryClient.getQueryData(queries.me.queryKey)) return;
  queryClient.clear();
  void router.navigate({
    to: '/sign-in',
    search: { return: pathname === '/' ? undefined : pathname + searchStr, ended: true },
  });
});

// After all others have heard it: whoever asks to leave the page by another way asks later, and is obeyed.
onPersonChanged(() => queueMicrotask(() => window.location.reload()));
