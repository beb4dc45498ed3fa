// Decides about text on its way from the clipboard into a shell; knows no clipboard and no dialog.
export type PasteFacts = { lines: number; chars: number; bytes: number; hasControl: boolean; preview: string };

/**
 * The text as it goes between the marks of a bracketed paste. xterm.js puts them around any text as it is: the end mark
 * within it would end the paste, and the rest would run as if it were typed. Without ESC and its eight-bit form no mark
 * can be written; the pictures in their place are what the question showed.
 */
export function withinMarks(text: string): string {
  return text.replaceAll('\u001b', '\u241b').replaceAll('\u009b', '\u241b[');
}

const previewLinesMax = 6;
const previewCharsMax = 120;

/** A newline runs a command in most shells, so such a paste asks first. */
export function asksFirst(text: string): boolean {
  return /[\r\n]/.test(text);
}

export function pasteFacts(text: string): PasteFacts {
  const trimmed = text.replace(/\r\n?/g, '\n');
  const lines = trimmed.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const shown = lines
    .slice(0, previewLinesMax)
    .map((line) => visible(line.length > previewCharsMax ? `${line.slice(0, previewCharsMax)}…` : line));
  if (lines.length > previewLinesMax) shown.push('…');
  return {
    lines: lines.length,
    chars: trimmed.length,
    bytes: new TextEncoder().encode(text).length,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    hasControl: /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text),
    preview: shown.join('\n'),
  };
}

/** Shows control characters as their pictures, so that a preview hides nothing. */
function visible(line: string): string {
  return line.replace(/\p{Cc}/gu, (char) => {
    if (char === '\t') return char;
    const point = char.charCodeAt(0);
    return point < 0x20 ? String.fromCharCode(0x2400 + point) : '\u2421';
  });
}
