// Reads a terminal's buffer as plain text, joining the lines that were only wrapped.
type Line = { readonly isWrapped: boolean; translateToString: (trimRight?: boolean) => string };
type Buffer = { readonly length: number; getLine: (y: number) => Line | undefined };

export function bufferText(buffer: Buffer): string {
  const lines: string[] = [];
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y);
    if (!line) continue;
    const continues = buffer.getLine(y + 1)?.isWrapped === true;
    const text = line.translateToString(!continues);
    if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  while (lines.at(-1) === '') lines.pop();
  return lines.join('\n');
}
