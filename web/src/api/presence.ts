// Whether somebody is at this page: what it asks by itself must not keep a forgotten sign-in alive.

/** Whoever reads for longer without a key or a pointer is taken to be away. */
const awayAfterMs = 2 * 60_000;

let lastSign = Date.now();
const noteSign = () => {
  lastSign = Date.now();
};
if (typeof window !== 'undefined')
  for (const sign of ['keydown', 'pointerdown', 'pointermove', 'wheel'])
    window.addEventListener(sign, noteSign, { capture: true, passive: true });

export const isSomebodyHere = (): boolean => Date.now() - lastSign < awayAfterMs;
