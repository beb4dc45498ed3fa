// Doubles for the terminal's tests: a clock whose hands tests turn, and a socket that records.
import type { Clock } from './clock';
import type { SocketLike } from './session';

export class HandClock implements Clock {
  private time = 0;
  private serial = 0;
  private tasks: { id: number; at: number; task: () => void }[] = [];

  now = (): number => this.time;
  setTimeout = (task: () => void, delayMs: number): number => {
    this.tasks.push({ id: ++this.serial, at: this.time + delayMs, task });
    return this.serial;
  };
  clearTimeout = (id: number): void => {
    this.tasks = this.tasks.filter((each) => each.id !== id);
  };
  get waiting(): number {
    return this.tasks.length;
  }
  advance(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const [next] = this.tasks.filter((each) => each.at <= until).sort((a, b) => a.at - b.at || a.id - b.id);
      if (!next) break;
      this.time = next.at;
      this.clearTimeout(next.id);
      next.task();
    }
    this.time = until;
  }
}

export class FakeSocket implements SocketLike {
  binaryType: BinaryType = 'blob';
  bufferedAmount = 0;
  readyState = 0;
  sent: (string | Uint8Array<ArrayBuffer>)[] = [];
  closedWith: number | undefined;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send = (data: string | Uint8Array<ArrayBuffer>): void => {
    this.sent.push(data);
  };
  close = (code?: number): void => {
    this.closedWith = code ?? 1005;
    this.readyState = 3;
  };
  /** What the hub does. */
  accept(): void {
    this.readyState = 1;
    this.onopen?.(undefined as never);
  }
  tell(notice: unknown): void {
    this.onmessage?.({ data: JSON.stringify(notice) });
  }
  output(kind: number, bytes: Uint8Array | string): void {
    const payload = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
    const frame = new Uint8Array(payload.length + 1);
    frame[0] = kind;
    frame.set(payload, 1);
    this.onmessage?.({ data: frame.buffer });
  }
  end(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  frames(kind: number): Uint8Array[] {
    return this.sent.filter((each): each is Uint8Array<ArrayBuffer> => typeof each !== 'string' && each[0] === kind);
  }
}
