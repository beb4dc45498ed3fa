// The frame every room shares: its heading, its actions, and the document's title.
import { type ReactNode, useEffect } from 'react';

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Sallyport`;
  }, [title]);
}

export function Room({
  title,
  documentTitle,
  aside,
  actions,
  children,
  flush,
}: {
  title: string;
  /** When a part of the room has a name of its own. */
  documentTitle?: string;
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Without padding, for tables that reach the edges. */
  flush?: boolean;
}): ReactNode {
  useTitle(documentTitle ?? title);
  return (
    <>
      <header className="room-head">
        <h1>{title}</h1>
        {aside && <div className="room-aside">{aside}</div>}
        <div className="room-actions">{actions}</div>
      </header>
      <div className={flush ? 'room-body room-flush' : 'room-body'}>{children}</div>
    </>
  );
}
