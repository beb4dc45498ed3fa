// What shows a value or a state: badges, times, ids, empty rooms, skeletons and notices.
import { type ReactNode, useEffect, useState } from 'react';
import { Button, IconButton } from './controls';
import { Icon, type IconName } from './icons';
import { absoluteTime, middle, relativeTime, timeStamp } from './time';
import { useNow } from './useNow';

export type Tone = 'good' | 'warn' | 'bad' | 'calm' | 'accent';

/** A state is never told by colour alone: the mark's shape differs by tone and the word stands beside it. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode {
  return (
    <span className={`badge badge-${tone}`}>
      <svg viewBox="0 0 8 8" width="8" height="8" aria-hidden="true" focusable="false">
        {tone === 'good' && <circle cx="4" cy="4" r="3.4" fill="currentColor" />}
        {tone === 'warn' && <path d="M4 .6 7.7 7.3H.3z" fill="currentColor" />}
        {tone === 'bad' && <path d="M4 .2 7.8 4 4 7.8.2 4z" fill="currentColor" />}
        {tone === 'calm' && <circle cx="4" cy="4" r="2.8" fill="none" stroke="currentColor" strokeWidth="1.3" />}
        {tone === 'accent' && (
          <path d="M4 .6a3.4 3.4 0 1 0 3.4 3.4" fill="none" stroke="currentColor" strokeWidth="1.4" />
        )}
      </svg>
      {children}
    </span>
  );
}

/** Relative, with the absolute on hover. */
export function Time({ at, lang }: { at: string; lang: string }): ReactNode {
  const now = useNow();
  return (
    <time dateTime={at} title={absoluteTime(at, lang)}>
      {relativeTime(at, now, lang)}
    </time>
  );
}

/** To the second, with the relative on hover: for records that are read in order, beside others. */
export function Stamp({ at, lang }: { at: string; lang: string }): ReactNode {
  const now = useNow();
  return (
    <time dateTime={at} title={`${relativeTime(at, now, lang)} · ${absoluteTime(at, lang)}`}>
      {timeStamp(at)}
    </time>
  );
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A long id shortened in its middle; one click copies the whole. */
export function CopyId({
  value,
  label,
  copied,
  chars = 16,
}: {
  value: string;
  label: string;
  copied: string;
  chars?: number;
}): ReactNode {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <span className="copy-id">
      <span className="mono" title={value}>
        {middle(value, chars)}
      </span>
      <IconButton
        icon={done ? 'check' : 'copy'}
        label={done ? copied : label}
        onPress={() => void copyText(value).then(setDone)}
      />
    </span>
  );
}

export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}): ReactNode {
  return (
    <div className="empty">
      <Icon name={icon} />
      <p className="empty-title">{title}</p>
      {children && <p className="muted">{children}</p>}
      {action}
    </div>
  );
}

export function SkeletonRows({ rows = 6, label }: { rows?: number; label: string }): ReactNode {
  return (
    <div className="skeleton-rows" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move.
        <div className="skeleton" key={row} />
      ))}
    </div>
  );
}

export function Notice({
  tone,
  title,
  children,
  action,
  live,
}: {
  tone: Tone;
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
  live?: 'polite' | 'assertive';
}): ReactNode {
  const icon = { good: 'check', warn: 'warning', bad: 'denied', calm: 'info', accent: 'info' } as const;
  return (
    <div className={`notice notice-${tone}`} role={live === 'assertive' ? 'alert' : live ? 'status' : undefined}>
      <Icon name={icon[tone]} />
      <div className="notice-text">
        {title && <strong>{title}</strong>}
        {children && <div>{children}</div>}
      </div>
      {action}
    </div>
  );
}

/** A secret that is shown once, with its copy button. */
export function ShownOnce({
  value,
  label,
  copyLabel,
  copiedLabel,
}: {
  value: string;
  label: string;
  copyLabel: string;
  copiedLabel: string;
}): ReactNode {
  const [done, setDone] = useState(false);
  return (
    <div className="shown-once">
      <input
        className="input mono"
        readOnly
        value={value}
        aria-label={label}
        onFocus={(event) => event.target.select()}
      />
      <Button kind="primary" icon={done ? 'check' : 'copy'} onPress={() => void copyText(value).then(setDone)}>
        {done ? copiedLabel : copyLabel}
      </Button>
    </div>
  );
}
