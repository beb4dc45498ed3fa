// Bytes as offsets, hexadecimal digits and the characters that print, sixteen to a line.
export const hexBytesMax = 64 * 1024;

/** The bytes of a text in UTF-8, and whether there are more than are shown. */
export function hexOf(text: string): { dump: string; isCut: boolean } {
  // No character takes less than a byte, so no more of the text has to be encoded.
  const bytes = new TextEncoder().encode(text.slice(0, hexBytesMax + 1));
  return { dump: hexDump(bytes), isCut: bytes.length > hexBytesMax };
}

export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  const end = Math.min(bytes.length, hexBytesMax);
  for (let at = 0; at < end; at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, end));
    const digits = Array.from(row, (byte) => byte.toString(16).padStart(2, '0'));
    const left = digits.slice(0, 8).join(' ').padEnd(23);
    const right = digits.slice(8).join(' ').padEnd(23);
    const text = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${left}  ${right}  ${text}`);
  }
  return lines.join('\n');
}
