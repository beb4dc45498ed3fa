// Sends what was typed and pasted in order and whole, in small frames, no faster than the socket takes them.
import type { Clock } from './clock';
import { encodeStdin, stdinFrameBytesMax } from './protocol';

/** So much may wait in the browser's socket: enough to keep it busy, little enough that resize and acks pass soon. */
export const bufferedBytesMax = 64 * 1024;
const retryMs = 5;

export type Outlet = { readonly bufferedAmount: number; send: (frame: Uint8Array<ArrayBuffer>) => void };

export class StdinQueue {
  private readonly waiting: Uint8Array[] = [];
  private offset = 0;
  private timer: number | undefined;
  private open = true;
  /** Progress was told and has not come to its end. */
  private told = false;
  /** Bytes not yet handed to the socket; shown while a large paste runs. */
  waitingBytes = 0;

  constructor(
    private readonly outlet: Outlet,
    private readonly clock: Clock,
    private readonly onProgress: (waitingBytes: number) => void = () => undefined,
  ) {}

  push(bytes: Uint8Array): void {
    if (!this.open || bytes.length === 0) return;
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    if (this.timer === undefined) this.pump();
  }

  stop(): void {
    this.open = false;
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.length = 0;
    this.waitingBytes = 0;
  }

  private pump(): void {
    this.timer = undefined;
    const before = this.waitingBytes;
    for (;;) {
      const head = this.waiting[0];
      if (!head) break;
      if (this.outlet.bufferedAmount > bufferedBytesMax) {
        this.timer = this.clock.setTimeout(() => this.pump(), retryMs);
        break;
      }
      const piece = head.subarray(this.offset, this.offset + stdinFrameBytesMax);
      this.outlet.send(encodeStdin(piece));
      this.offset += piece.length;
      this.waitingBytes -= piece.length;
      if (this.offset >= head.length) {
        this.waiting.shift();
        this.offset = 0;
      }
    }
    if (before > stdinFrameBytesMax || this.told) {
      this.told = this.waitingBytes > 0;
      this.onProgress(this.waitingBytes);
    }
  }
}
