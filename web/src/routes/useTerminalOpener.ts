// Opens a terminal from any room: leaves the wish with the terminal room and goes there.
import { useNavigate } from '@tanstack/react-router';
import { useCallback } from 'react';
import { type Target, wishForTerminal } from '../terminal/handover';

export function useTerminalOpener(): (target: Target) => void {
  const navigate = useNavigate();
  return useCallback(
    (target: Target) => {
      void wishForTerminal(target).then(() => navigate({ to: '/terminal' }));
    },
    [navigate],
  );
}
