import { describe, expect, test } from 'vitest';
import { AckLedger, ackDelayMs, ackEveryBytes } from './ack';
import { stdinFrameBytesMax } from './protocol';
import { bufferedBytesMax, StdinQueue } from './stdin';
import { HandClock } from './testing';

describe('acks', () => {
  const setUp = () => {
    const clock = new HandClock();
    const sent: number[] = [];
    return { clock, sent, ledger: new AckLedger((total) => sent.push(total), clock) };
  };

  test('a little output is acked once, soon after', () => {
    const { clock, sent, ledger } = setUp();
    ledger.consumed(10);
    ledger.consumed(20);
    expect(sent).toEqual([]);
    clock.advance(ackDelayMs);
    expect(sent).toEqual([30]);
    clock.advance(1000);
    expect(sent).toEqual([30]);
    expect(ackDelayMs).toBeLessThanOrEqual(10);
  });

  test('much output is acked at once, cumulatively, and leaves no timer behind', () => {
    const { clock, sent, ledger } = setUp();
    ledger.consumed(100);
    ledger.consumed(ackEveryBytes);
    expect(sent).toEqual([100 + ackEveryBytes]);
    expect(clock.waiting).toBe(0);
    ledger.consumed(1);
    clock.advance(ackDelayMs);
    expect(sent).toEqual([100 + ackEveryBytes, 101 + ackEveryBytes]);
  });

  test('nothing consumed, nothing sent', () => {
    const { clock, sent, ledger } = setUp();
    ledger.consumed(0);
    clock.advance(100);
    expect(sent).toEqual([]);
  });

  test('a stopped ledger stays silent', () => {
    const { clock, sent, ledger } = setUp();
    ledger.consumed(5);
    ledger.stop();
    clock.advance(100);
    expect(sent).toEqual([]);
  });

  test('a stopped ledger counts nothing that is drawn later, be it little or much', () => {
    const { clock, sent, ledger } = setUp();
    ledger.stop();
    ledger.consumed(5);
    expect(clock.waiting).toBe(0);
    ledger.consumed(ackEveryBytes);
    clock.advance(100);
    expect(sent).toEqual([]);
  });
});

describe('stdin', () => {
  const setUp = () => {
    const clock = new HandClock();
    const frames: Uint8Array[] = [];
    const outlet = {
      bufferedAmount: 0,
      send(frame: Uint8Array<ArrayBuffer>) {
        frames.push(frame);
        outlet.bufferedAmount += frame.length;
      },
    };
    return { clock, frames, outlet, queue: new StdinQueue(outlet, clock) };
  };
  const whole = (frames: Uint8Array[]) => Buffer.concat(frames.map((frame) => frame.subarray(1)));

  test('a key goes at once', () => {
    const { frames, queue } = setUp();
    queue.push(Uint8Array.of(3));
    expect(frames.map((frame) => [...frame])).toEqual([[0, 3]]);
  });

  test('three megabytes arrive whole, in order, in small frames, no faster than the socket drains', () => {
    const { clock, frames, outlet, queue } = setUp();
    const paste = Uint8Array.from({ length: 3_000_001 }, (_, n) => n % 251);
    queue.push(paste);
    queue.push(Uint8Array.of(13));
    for (let turn = 0; turn < 1000 && queue.waitingBytes > 0; turn++) {
      expect(outlet.bufferedAmount).toBeLessThanOrEqual(bufferedBytesMax + stdinFrameBytesMax + 1);
      outlet.bufferedAmount = 0;
      clock.advance(5);
    }
    expect(Math.max(...frames.map((frame) => frame.length))).toBe(stdinFrameBytesMax + 1);
    const arrived = whole(frames);
    expect(arrived.length).toBe(paste.length + 1);
    expect(arrived.every((byte, n) => byte === (n < paste.length ? n % 251 : 13))).toBe(true);
  });

  test('what is typed during a paste comes after it', () => {
    const { clock, frames, outlet, queue } = setUp();
    outlet.bufferedAmount = bufferedBytesMax + 1;
    queue.push(new Uint8Array(10).fill(1));
    queue.push(Uint8Array.of(2));
    expect(frames).toEqual([]);
    outlet.bufferedAmount = 0;
    clock.advance(5);
    expect([...whole(frames)]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  });

  test('a stopped queue drops the rest', () => {
    const { clock, frames, outlet, queue } = setUp();
    outlet.bufferedAmount = bufferedBytesMax + 1;
    queue.push(Uint8Array.of(1));
    queue.stop();
    outlet.bufferedAmount = 0;
    clock.advance(100);
    queue.push(Uint8Array.of(2));
    expect(frames).toEqual([]);
  });
});
