// Dialogs and menus that stand over the room; they know nothing of routes or the API.
import type { ReactNode } from 'react';
import {
  Dialog as AriaDialog,
  Menu as AriaMenu,
  Heading,
  MenuItem,
  MenuTrigger,
  Modal,
  ModalOverlay,
  Popover,
} from 'react-aria-components';
import { Button } from './controls';
import { Icon, type IconName } from './icons';

export function Dialog({
  title,
  isOpen,
  onClose,
  children,
  wide,
  alert,
}: {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
  alert?: boolean;
}): ReactNode {
  return (
    <ModalOverlay className="scrim" isOpen={isOpen} onOpenChange={(open) => !open && onClose()} isDismissable={!alert}>
      <Modal className={wide ? 'modal modal-wide' : 'modal'}>
        <AriaDialog className="dialog" role={alert ? 'alertdialog' : 'dialog'}>
          <Heading slot="title" className="dialog-title">
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** Asks before an act that destroys; `children` names what it destroys. */
export function Confirm({
  title,
  isOpen,
  onClose,
  onConfirm,
  confirmLabel,
  cancelLabel,
  isBusy,
  children,
  harmless,
}: {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  onConfirm: () => void;
  confirmLabel: string;
  cancelLabel: string;
  isBusy?: boolean;
  children: ReactNode;
  harmless?: boolean;
}): ReactNode {
  return (
    <Dialog title={title} isOpen={isOpen} onClose={onClose} alert>
      <div className="dialog-body">{children}</div>
      <div className="dialog-actions">
        <Button onPress={onClose} kind="quiet" autoFocus={!harmless}>
          {cancelLabel}
        </Button>
        <Button onPress={onConfirm} kind={harmless ? 'primary' : 'danger'} isDisabled={isBusy} autoFocus={harmless}>
          {confirmLabel}
        </Button>
      </div>
    </Dialog>
  );
}

export type MenuEntry = { id: string; label: string; icon?: IconName; checked?: boolean; danger?: boolean };

export function Menu({
  label,
  trigger,
  entries,
  onAction,
  header,
}: {
  label: string;
  trigger: ReactNode;
  entries: readonly MenuEntry[];
  onAction: (id: string) => void;
  header?: ReactNode;
}): ReactNode {
  return (
    <MenuTrigger>
      {trigger}
      <Popover className="popover" offset={4}>
        {header}
        <AriaMenu className="listbox" aria-label={label} onAction={(key) => onAction(String(key))} items={entries}>
          {(entry) => (
            <MenuItem
              id={entry.id}
              textValue={entry.label}
              className={entry.danger ? 'option option-danger' : 'option'}
            >
              {entry.icon && <Icon name={entry.icon} />}
              <span>{entry.label}</span>
              {entry.checked && (
                <span className="option-check">
                  <Icon name="check" />
                </span>
              )}
            </MenuItem>
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
