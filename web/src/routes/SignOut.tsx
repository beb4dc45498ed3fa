// Signing out, here at once and everywhere after a question, from wherever it is asked for.
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useState } from 'react';
import { acts, queries } from '../api/queries';
import { useT } from '../i18n';
import { letShellsGo } from '../terminal/handover';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/overlays';
import { ProblemNotice } from './ProblemView';

export function useSignOut(): { signOut: (everywhere: boolean) => void; dialog: ReactNode } {
  const t = useT();
  const queryClient = useQueryClient();
  const { data: me } = useSuspenseQuery(queries.me);
  const [asking, setAsking] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const leave = useCallback(
    async (everywhere: boolean) => {
      try {
        await acts.signOut(everywhere);
        // A whole new page: nothing of this person stays in its memory.
        queryClient.clear();
        letShellsGo();
        window.location.assign('/sign-in');
      } catch (error) {
        setFailure(error);
        setAsking(true);
      }
    },
    [queryClient],
  );
  const signOut = useCallback(
    (everywhere: boolean) => {
      setFailure(null);
      if (everywhere) setAsking(true);
      else void leave(false);
    },
    [leave],
  );
  const dialog = (
    <Dialog title={t('account.signOutEverywhere')} isOpen={asking} onClose={() => setAsking(false)}>
      <div className="dialog-body">
        {failure !== null && <ProblemNotice error={failure} />}
        <p>{t('account.everywhereLead', { name: me.display_name })}</p>
      </div>
      <div className="dialog-actions">
        <Button kind="quiet" onPress={() => setAsking(false)}>
          {t('act.cancel')}
        </Button>
        <Button kind="danger" onPress={() => void leave(true)}>
          {t('account.signOutEverywhere')}
        </Button>
      </div>
    </Dialog>
  );
  return { signOut, dialog };
}
