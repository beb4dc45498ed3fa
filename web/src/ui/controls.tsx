// Buttons, fields and choices, over react-aria's behaviour; they know nothing of routes or the API.
import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
  Checkbox as AriaCheckbox,
  Select as AriaSelect,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  SelectValue,
  Text,
  TextField,
  type TextFieldProps,
  Tooltip,
  TooltipTrigger,
} from 'react-aria-components';
import { Icon, type IconName } from './icons';

type ButtonProps = Omit<AriaButtonProps, 'className' | 'children'> & {
  kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  size?: 'small' | 'normal' | 'large';
  icon?: IconName;
  children: ReactNode;
};

export function Button({ kind = 'plain', size = 'normal', icon, children, ...rest }: ButtonProps): ReactNode {
  return (
    <AriaButton {...rest} className={`button button-${kind} button-${size}`}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </AriaButton>
  );
}

/** A button that shows its icon only; its name is read out and stands in a tooltip. */
export function IconButton({
  icon,
  label,
  pressed,
  ...rest
}: Omit<AriaButtonProps, 'className' | 'children'> & { icon: IconName; label: string; pressed?: boolean }): ReactNode {
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      <AriaButton {...rest} aria-label={label} className={pressed ? 'icon-button icon-button-pressed' : 'icon-button'}>
        <Icon name={icon} />
      </AriaButton>
      <Tooltip className="tooltip" offset={6}>
        {label}
      </Tooltip>
    </TooltipTrigger>
  );
}

export function Field({
  label,
  hint,
  error,
  mono,
  placeholder,
  ...rest
}: Omit<TextFieldProps, 'className' | 'children'> & {
  label: string;
  hint?: string;
  error?: string;
  mono?: boolean;
  placeholder?: string;
}): ReactNode {
  return (
    <TextField {...rest} isInvalid={error !== undefined} className="field">
      <Label className="field-label">{label}</Label>
      <Input className={mono ? 'input mono' : 'input'} placeholder={placeholder} />
      {hint && (
        <Text slot="description" className="field-hint">
          {hint}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
    </TextField>
  );
}

export type Choice = { id: string; label: string };

export function Select({
  label,
  value,
  choices,
  onChange,
  labelHidden,
}: {
  label: string;
  value: string;
  choices: readonly Choice[];
  onChange: (id: string) => void;
  labelHidden?: boolean;
}): ReactNode {
  return (
    <AriaSelect
      className="field select"
      selectedKey={value}
      onSelectionChange={(key) => key !== null && onChange(String(key))}
      aria-label={labelHidden ? label : undefined}
    >
      {!labelHidden && <Label className="field-label">{label}</Label>}
      <AriaButton className="input select-button">
        <SelectValue className="clip" />
        <Icon name="down" />
      </AriaButton>
      <Popover className="popover" offset={4}>
        <ListBox className="listbox" items={choices}>
          {(choice) => (
            <ListBoxItem id={choice.id} textValue={choice.label} className="option">
              {choice.label}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

export function Checkbox({
  children,
  isSelected,
  onChange,
}: {
  children: ReactNode;
  isSelected: boolean;
  onChange: (on: boolean) => void;
}): ReactNode {
  return (
    <AriaCheckbox className="checkbox" isSelected={isSelected} onChange={onChange}>
      <span className="checkbox-box" aria-hidden="true">
        <Icon name="check" />
      </span>
      <span>{children}</span>
    </AriaCheckbox>
  );
}
