// The console's own keys: Ctrl/Cmd-K, `g` and a letter, `?`. In a shell none of them is heard.
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { rooms } from './rooms';

const chordMs = 1500;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable="true"]');
}

export function useRoomKeys({ onPalette, onHelp }: { onPalette: () => void; onHelp: () => void }): void {
  const navigate = useNavigate();
  const acts = useRef({ onPalette, onHelp });
  acts.current = { onPalette, onHelp };
  useEffect(() => {
    let goUntil = 0;
    const hear = (event: KeyboardEvent) => {
      const { target } = event;
      // Every key in a shell belongs to the shell.
      if (target instanceof Element && target.closest('.screen')) return;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        acts.current.onPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target)) return;
      if (
        target instanceof Element &&
        target.closest('[role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]')
      )
        return;
      if (goUntil > event.timeStamp) {
        goUntil = 0;
        // By the key's place too, so that it works while the Korean layout is on.
        const room = rooms.find(
          (each) => each.letter === event.key || event.code === `Key${each.letter.toUpperCase()}`,
        );
        if (room) {
          event.preventDefault();
          event.stopPropagation();
          void navigate({ to: room.path });
        }
        return;
      }
      if (event.code === 'KeyG' && !event.shiftKey) goUntil = event.timeStamp + chordMs;
      else if (event.key === '?') acts.current.onHelp();
    };
    window.addEventListener('keydown', hear, { capture: true });
    return () => window.removeEventListener('keydown', hear, { capture: true });
  }, [navigate]);
}
