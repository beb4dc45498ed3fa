// Shows the toasts and has screen readers say them.
import { type ReactNode, useSyncExternalStore } from 'react';
import { Icon } from './icons';
import { toaster } from './toast';

export function Toaster(): ReactNode {
  const toasts = useSyncExternalStore(toaster.subscribe, toaster.get);
  return (
    <div className="toaster" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast toast-${toast.tone}`}>
          <Icon name={toast.tone === 'good' ? 'check' : 'denied'} />
          <span>{toast.text}</span>
        </div>
      ))}
    </div>
  );
}
