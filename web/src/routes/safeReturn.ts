// Decides where a sign-in leads back to.

/** Only a path of this console is a way back; anything else would be an open redirect. */
export function safeReturn(path: string | undefined): string {
  const back = path ?? '';
  const own = /^\/(?![/\\])\P{Cc}*$/u.test(back);
  return own && !back.startsWith('/sign-in') && !back.startsWith('/invitation') ? back : '/';
}
