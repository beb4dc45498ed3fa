// The Access room's frame: its tabs, each with a URL; people and the audit log are for administrators.
import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ownProblem } from '../api/problem';
import { queries } from '../api/queries';
import { useT } from '../i18n';
import { ProblemPage } from './ProblemView';
import { Room } from './Room';
import { accessTabs, accessTabsOf } from './rooms';

export function Access(): ReactNode {
  const t = useT();
  const { data: me } = useSuspenseQuery(queries.me);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const current = accessTabs.find((tab) => path.startsWith(tab.to));
  return (
    <Room title={t('room.access')} documentTitle={current && t(current.name)} flush>
      <nav className="tab-list tab-links" aria-label={t('room.access')}>
        {accessTabsOf(me).map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            className="tab"
            activeProps={{ className: 'tab tab-current', 'aria-current': 'page' }}
            activeOptions={{ includeSearch: false }}
          >
            {t(tab.name)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </Room>
  );
}

/** Stands in for what only administrators see, when its address is opened by somebody else. */
export function AdminOnly({
  children,
  instead,
}: {
  children: ReactNode;
  /** What stands around the explanation. */
  instead?: (problem: ReactNode) => ReactNode;
}): ReactNode {
  const { data: me } = useSuspenseQuery(queries.me);
  if (me.admin) return children;
  const problem = <ProblemPage problem={ownProblem('not_admin', '', 403)} />;
  return instead ? instead(problem) : problem;
}
