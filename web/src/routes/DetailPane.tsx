// What one row of a list is, beside the list or, where there is no room for both, in a dialog over it.
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import { Button, IconButton } from '../ui/controls';
import { Dialog } from '../ui/overlays';

type Props = { title: string; inDialog: boolean; onClose: () => void; children: ReactNode };

export function DetailPane({ title, inDialog, onClose, children }: Props): ReactNode {
  const t = useT();
  if (inDialog)
    return (
      <Dialog title={title} isOpen onClose={onClose} wide>
        <div className="dialog-body">{children}</div>
        <div className="dialog-actions">
          <Button onPress={onClose}>{t('act.close')}</Button>
        </div>
      </Dialog>
    );
  return (
    <section className="detail-pane" aria-label={title}>
      <header className="detail-pane-head">
        <h2>{title}</h2>
        <IconButton icon="close" label={t('act.close')} onPress={onClose} />
      </header>
      {children}
    </section>
  );
}
