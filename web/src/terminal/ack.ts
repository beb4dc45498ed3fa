// Counts the output bytes the screen has consumed and tells the hub, at least every 16 KiB and always soon after the last.
import type { Clock } from './clock';

export const ackEveryBytes = 16 * 1024;
/** A trailing ack waits this long for company; the hub's window follows the rate it sees. */
export const ackDelayMs = 8;

export class AckLedger {
  private consumedBytes = 0;
  private ackedBytes = 0;
  private timer: number | undefined;
  private stopped = false;

  constructor(
    private readonly send: (totalBytes: number) => void,
    private readonly clock: Clock,
  ) {}

  /** Called by the screen when it has drawn so many bytes more. */
  consumed(bytes: number): void {
    // What was still being drawn when its socket went is nothing to the next one.
    if (this.stopped) return;
    this.consumedBytes += bytes;
    if (this.consumedBytes - this.ackedBytes >= ackEveryBytes) this.flush();
    else if (this.timer === undefined && this.consumedBytes > this.ackedBytes)
      this.timer = this.clock.setTimeout(() => this.flush(), ackDelayMs);
  }

  stop(): void {
    this.stopped = true;
    this.unwind();
  }

  private unwind(): void {
    if (this.timer !== undefined) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
  }

  private flush(): void {
    this.unwind();
    if (this.consumedBytes === this.ackedBytes) return;
    this.ackedBytes = this.consumedBytes;
    this.send(this.ackedBytes);
  }
}
