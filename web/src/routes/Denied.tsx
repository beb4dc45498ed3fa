// The denied page at an address of its own, for a Problem code that something outside the console points to.
import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { isKnownCode, ownProblem } from '../api/problem';
import { useT } from '../i18n';
import { ProblemPage } from './ProblemView';
import { Room } from './Room';

export function Denied(): ReactNode {
  const t = useT();
  const { code = 'forbidden', request } = useSearch({ from: '/inside/denied' });
  // Hostile input: an address may say anything, so only a known code and a plain id are shown.
  const problem = ownProblem(isKnownCode(code) ? code : 'internal', '', 403);
  const requestId = request && /^[\w-]{1,64}$/.test(request) ? request : '';
  return (
    <Room title={t('problem.title')}>
      <ProblemPage
        problem={{ ...problem, request_id: requestId }}
        actions={
          <>
            <Link className="button button-primary button-normal" to="/pods">
              {t('room.pods')}
            </Link>
            <Link className="button button-plain button-normal" to="/">
              {t('fault.home')}
            </Link>
          </>
        }
      />
    </Room>
  );
}
