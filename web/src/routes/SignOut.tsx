// Signing out, from wherever it is asked for: here at once unless terminals end with it, everywhere after a question.
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useState } from 'react';
import { acts, queries } from '../api/queries';
import { useT } from '../i18n';
import { letShellsGo, shellsHeld } from '../terminal/handover';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/overlays';
import { ProblemNotice } from './ProblemView';

/** What is asked about; `shells` are those that a sign-out here ends. */
type Asking = { everywhere: boolean; shells: number };

export function useSignOut(): { signOut: (everywhere: boolean) => void; dialog: ReactNode } {
  const t = useT();
  const queryClient = useQueryClient();
  const { data: me } = useSuspenseQuery(queries.me);
  const [asking, setAsking] = useState<Asking | null>(null);
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
        setAsking({ everywhere, shells: shellsHeld() });
      }
    },
    [queryClient],
  );
  const signOut = useCallback(
    (everywhere: boolean) => {
      setFailure(null);
      const shells = shellsHeld();
      if (everywhere || shells > 0) setAsking({ everywhere, shells });
      else void leave(false);
    },
    [leave],
  );
  const close = () => setAsking(null);
  const title = t(asking?.everywhere ? 'account.signOutEverywhere' : 'account.signOut');
  const dialog = asking && (
    <Dialog title={title} isOpen onClose={close}>
      <div className="dialog-body">
        {failure !== null && <ProblemNotice error={failure} />}
        {asking.everywhere ? (
          <p>{t('account.everywhereLead', { name: me.display_name })}</p>
        ) : (
          asking.shells > 0 && <p>{t('account.signOutLead', { n: asking.shells })}</p>
        )}
      </div>
      <div className="dialog-actions">
        <Button kind="quiet" onPress={close}>
          {t('act.cancel')}
        </Button>
        <Button kind="danger" onPress={() => void leave(asking.everywhere)}>
          {title}
        </Button>
      </div>
    </Dialog>
  );
  return { signOut, dialog };
}
