import { describe, expect, test } from 'vitest';
import {
  clampSize,
  decodeNotice,
  decodeOutput,
  encodeAck,
  encodePing,
  encodeResize,
  encodeStdin,
  encodeStdinEnd,
  ticketProtocol,
} from './protocol';

describe('frames to the hub', () => {
  test.each([
    ['stdin', encodeStdin(Uint8Array.of(0x6c, 0x73, 0x0d)), [0, 0x6c, 0x73, 0x0d]],
    ['stdin of any bytes', encodeStdin(Uint8Array.of(0xff, 0x00)), [0, 0xff, 0x00]],
    ['end of stdin', encodeStdinEnd(), [255]],
    ['resize, big-endian', encodeResize(300, 24), [4, 1, 44, 0, 24]],
    ['resize held within bounds', encodeResize(65_535, 0), [4, 3, 232, 0, 1]],
    ['ack, 64 bits big-endian', encodeAck(258), [6, 0, 0, 0, 0, 0, 0, 1, 2]],
    ['ack past 32 bits', encodeAck(2 ** 40), [6, 0, 0, 1, 0, 0, 0, 0, 0]],
  ])('%s', (_, frame, bytes) => expect([...frame]).toEqual(bytes));

  test('ping is text', () => expect(encodePing(7)).toBe('{"type":"ping","n":7}'));
  test('the ticket travels as a subprotocol', () => expect(ticketProtocol('a-b_c')).toBe('sallyport.ticket.a-b_c'));
  test.each([
    [Number.NaN, 1],
    [-4, 1],
    [80.9, 80],
    [1000, 1000],
    [1001, 1000],
  ])('side %d becomes %d', (given, held) => expect(clampSize(given, 1)).toEqual({ cols: held, rows: 1 }));
  test('rows make room for columns', () => expect(clampSize(1000, 1000)).toEqual({ cols: 1000, rows: 200 }));
});

describe('frames from the hub', () => {
  const frame = (...bytes: number[]) => Uint8Array.from(bytes).buffer;
  test.each([
    ['stdout', frame(1, 65), { kind: 'stdout', bytes: Uint8Array.of(65) }],
    ['stderr', frame(2, 66), { kind: 'stderr', bytes: Uint8Array.of(66) }],
    ['snapshot', frame(3, 67), { kind: 'snapshot', bytes: Uint8Array.of(67) }],
    ['stdout without bytes', frame(1), { kind: 'stdout', bytes: new Uint8Array() }],
    ['a split character stays bytes', frame(1, 0xea, 0xb0), { kind: 'stdout', bytes: Uint8Array.of(0xea, 0xb0) }],
    ['empty', frame(), null],
    ['stdin, which only goes up', frame(0, 65), null],
    ['unknown', frame(9, 65), null],
  ])('%s', (_, data, decoded) => expect(decodeOutput(data)).toEqual(decoded));
});

describe('notices from the hub', () => {
  test.each([
    ['{"type":"skipped","bytes":12}', { type: 'skipped', bytes: 12 }],
    ['{"type":"skipped","bytes":"12"}', { type: 'skipped', bytes: 0 }],
    ['{"type":"skipped","bytes":-1}', { type: 'skipped', bytes: 0 }],
    ['{"type":"exit","code":0,"reason":"Completed"}', { type: 'exit', code: 0, reason: 'Completed' }],
    ['{"type":"exit","code":null,"reason":""}', { type: 'exit', code: null, reason: '' }],
    ['{"type":"exit"}', { type: 'exit', code: null, reason: '' }],
    ['{"type":"draining","in_s":30}', { type: 'draining', in_s: 30 }],
    ['{"type":"pong","n":3}', { type: 'pong', n: 3 }],
    ['{"type":"of a newer hub"}', { type: 'unknown' }],
    ['{}', { type: 'unknown' }],
    ['[]', null],
    ['null', null],
    ['"ready"', null],
    ['{"type":', null],
    ['', null],
  ])('%s', (data, decoded) => expect(decodeNotice(data)).toEqual(decoded));

  test('a denial without a Problem is still a denial', () => {
    expect(decodeNotice('{"type":"denied"}')).toMatchObject({ type: 'denied', problem: { code: 'unexpected_answer' } });
  });
  test('a denial carries its Problem', () => {
    const problem = { code: 'link_used', detail: 'used at 10:02', request_id: 'r1', decided_by: 'hub' };
    expect(decodeNotice(JSON.stringify({ type: 'denied', problem }))).toMatchObject({ type: 'denied', problem });
  });
});
