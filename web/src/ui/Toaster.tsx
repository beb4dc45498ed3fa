// Shows the toasts and has screen readers say them.
import { type ReactNode, useSyncExternalStore } from 'react';
import { Icon, type IconName } from './icons';
import { type Toast, toaster } from './toast';

const icons: Record<Toast['tone'], IconName> = { good: 'check', bad: 'denied', calm: 'info' };

export function Toaster(): ReactNode {
  const toasts = useSyncExternalStore(toaster.subscribe, toaster.get);
  return (
    <div className="toaster" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={`toast toast-${toast.tone}`}>
          <Icon name={icons[toast.tone]} />
          <span>{toast.text}</span>
        </div>
      ))}
    </div>
  );
}
