// Makes a title that a program in the Pod set fit to stand on a tab.
const charsMax = 80;
// Control characters, bidirectional overrides and isolates, zero-width characters, line separators, tags, and the BOM:
// all that could break the tab or make it read as something else.
const unfit = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;

/** Hostile input: anything that can write to the terminal can send a title. */
export function sanitiseTitle(title: string): string {
  const clean = title
    .slice(0, charsMax * 4)
    .replace(unfit, '')
    .replace(/\s+/g, ' ')
    .trim();
  const chars = Array.from(clean);
  return chars.length > charsMax ? `${chars.slice(0, charsMax - 1).join('')}…` : clean;
}
