// Input for a stream without a terminal: nothing in the container echoes or edits lines, so this does it here.
const backspace = new Set([0x7f, 0x08]);

export type PlainInputHooks = {
  echo: (text: string) => void;
  send: (bytes: Uint8Array) => void;
  endInput: () => void;
  interrupt: () => void;
};

export class PlainInput {
  private line: number[] = [];

  constructor(private readonly hooks: PlainInputHooks) {}

  push(bytes: Uint8Array): void {
    for (const byte of bytes) this.key(byte);
  }

  private key(byte: number): void {
    if (byte === 0x0d || byte === 0x0a) {
      this.line.push(0x0a);
      this.hooks.echo('\r\n');
      this.flush();
    } else if (byte === 0x04) {
      this.flush();
      this.hooks.endInput();
    } else if (byte === 0x03) {
      this.hooks.interrupt();
    } else if (backspace.has(byte)) {
      this.erase();
    } else if (byte >= 0x20 || byte === 0x09) {
      this.line.push(byte);
      this.echoWhole();
    }
  }

  /** Echoes once a character's UTF-8 is complete. */
  private echoWhole(): void {
    const start = lastStart(this.line);
    const first = this.line[start] ?? 0;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (this.line.length - start === length)
      this.hooks.echo(new TextDecoder().decode(Uint8Array.from(this.line.slice(start))));
  }

  private erase(): void {
    if (this.line.length === 0) return;
    const start = lastStart(this.line);
    const char = new TextDecoder().decode(Uint8Array.from(this.line.slice(start)));
    this.line.length = start;
    // East Asian characters stand on two cells.
    const cells =
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u.test(
        char,
      )
        ? 2
        : 1;
    this.hooks.echo('\b \b'.repeat(cells));
  }

  private flush(): void {
    if (this.line.length > 0) this.hooks.send(Uint8Array.from(this.line));
    this.line = [];
  }
}

function lastStart(bytes: readonly number[]): number {
  let at = bytes.length - 1;
  while (at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  return Math.max(0, at);
}
