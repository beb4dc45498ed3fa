// What stands where a room cannot: an address that leads nowhere, and a load that failed.
import { type ErrorComponentProps, Link, useRouter, useRouterState } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ownProblem, problemOf } from '../api/problem';
import { useT } from '../i18n';
import { Button } from '../ui/controls';
import { ProblemPage } from './ProblemView';
import { Room, useTitle } from './Room';

export function NotFound(): ReactNode {
  const t = useT();
  useTitle(t('fault.notFound'));
  return (
    <main className="fault">
      <h1 className="hidden-visually">{t('fault.notFound')}</h1>
      <Nowhere />
    </main>
  );
}

/** Within the frame of the rooms, so that all of them are a click away. */
export function NotFoundRoom(): ReactNode {
  const t = useT();
  return (
    <Room title={t('fault.notFound')}>
      <Nowhere />
    </Room>
  );
}

function Nowhere(): ReactNode {
  const t = useT();
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <ProblemPage
      title={t('fault.notFound')}
      problem={ownProblem('not_found', path, 404)}
      actions={<Link to="/">{t('fault.home')}</Link>}
      calm
    />
  );
}

export function LoadFailed({ error }: ErrorComponentProps): ReactNode {
  const t = useT();
  const router = useRouter();
  useTitle(t('fault.failed'));
  return (
    <main className="fault">
      <h1 className="hidden-visually">{t('fault.failed')}</h1>
      <ProblemPage
        title={t('fault.failed')}
        problem={problemOf(error)}
        actions={
          <Button kind="primary" onPress={() => void router.invalidate()}>
            {t('act.retry')}
          </Button>
        }
      />
    </main>
  );
}
