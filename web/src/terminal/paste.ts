// Decides about text on its way from the clipboard into a shell; knows no clipboard and no dialog.
export type PasteFacts = {
  lines: number;
  chars: number;
  bytes: number;
  hasBreak: boolean;
  /** Control characters reach the shell, other than tabs and line breaks. */
  hasControl: boolean;
  /** Escapes are pasted as the signs that the preview shows. */
  isDefused: boolean;
  preview: string;
};

/**
 * The text as it goes between the marks of a bracketed paste. xterm.js puts them around any text as it is: the end mark
 * within it would end the paste, and the rest would run as if it were typed. Without ESC and its eight-bit form no mark
 * can be written; the signs in their place are what the question shows.
 */
export function withinMarks(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => (char === '\u001b' || char === '\u009b' ? sign(char) : char));
}

const previewLinesMax = 6;
const previewCharsMax = 120;

/** A newline runs a command in most shells, and so do other control characters in some: such a paste asks first. */
export function asksFirst(text: string): boolean {
  return /(?!\t)\p{Cc}/u.test(text);
}

/** What is to be known of a text before it is pasted, between the marks or without them. */
export function pasteFacts(text: string, isBracketed: boolean): PasteFacts {
  const pasted = isBracketed ? withinMarks(text) : text;
  const trimmed = pasted.replace(/\r\n?/g, '\n');
  const lines = trimmed.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const shown = lines
    .slice(0, previewLinesMax)
    .map((line) => visible(line.length > previewCharsMax ? `${line.slice(0, previewCharsMax)}…` : line));
  if (lines.length > previewLinesMax) shown.push('…');
  return {
    lines: lines.length,
    chars: trimmed.length,
    bytes: new TextEncoder().encode(pasted).length,
    hasBreak: trimmed.includes('\n'),
    hasControl: /(?![\t\r\n])\p{Cc}/u.test(pasted),
    isDefused: pasted !== text,
    preview: shown.join('\n'),
  };
}

/** A control character as its picture; an eight-bit one as the escape it stands for (ECMA-48, 5.3), as CSI for ESC [. */
function sign(control: string): string {
  const point = control.charCodeAt(0);
  if (point < 0x20) return String.fromCharCode(0x2400 + point);
  return point === 0x7f ? '\u2421' : `\u241b${String.fromCharCode(point - 0x40)}`;
}

/** A preview hides nothing and is in the text's own order; joiners stay, for emoji and scripts are written with them. */
function visible(line: string): string {
  return line.replace(/(?![\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    /\p{Cc}/u.test(char) ? sign(char) : `⟨U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}
