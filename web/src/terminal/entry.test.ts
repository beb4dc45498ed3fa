import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Entry, enter, type Target } from './entry';
import type { Size } from './lastSize';
import { encodeResize } from './protocol';
import type { Sink } from './session';
import { FakeSocket } from './testing';

const acts = vi.hoisted(() => ({ mintLink: vi.fn(), passGate1: vi.fn() }));
vi.mock('../api/queries', () => ({ acts }));
vi.mock('../api/client', () => ({ api: { GET: vi.fn() }, take: vi.fn() }));

const target: Target = { cluster: 'demo', namespace: 'shop', pod: 'web-0', tty: true, command: [] };
const passage = { ticket: 'tick-et', container: 'web', user: 'mina', ...target };
const ready = { ...passage, type: 'ready', terminal_id: 't1' };
const guess: Size = { cols: 120, rows: 40 };
const [resizeKind = -1] = encodeResize(1, 1);
const later = () => new Promise((resolve) => setTimeout(resolve));

let sockets: FakeSocket[];

beforeEach(() => {
  sockets = [];
  acts.mintLink.mockReset().mockResolvedValue({ url: 'https://hub.example/presigned#sp1.x' });
  acts.passGate1.mockReset().mockResolvedValue(passage);
  vi.stubGlobal('window', {
    location: { href: 'https://hub.example/pods' },
    setTimeout: () => 1,
    clearTimeout: () => undefined,
  });
  vi.stubGlobal('WebSocket', function connect(url: URL, protocols: string[]) {
    const socket = new FakeSocket(String(url), protocols);
    sockets.push(socket);
    return socket;
  });
});

function surface(size: Size) {
  const drawn: string[] = [];
  const sink: Sink = {
    write: (bytes, stream, consumed) => {
      drawn.push(`${stream} ${new TextDecoder().decode(bytes)}`);
      consumed();
    },
    reset: () => drawn.push('reset'),
  };
  return { sink, size: () => size, drawn };
}

describe('a terminal on its way in', () => {
  test('passes both gates before there is a screen, and what the shell said is drawn in order', async () => {
    const entry = enter(target, guess);
    await later();
    expect(acts.passGate1).toHaveBeenCalledWith('sp1.x');
    const [socket] = sockets;
    expect(socket?.url).toBe('wss://hub.example/presigned/connect?cols=120&rows=40');
    socket?.accept();
    socket?.tell(ready);
    socket?.output(1, 'one');
    socket?.output(2, 'two');
    expect(entry.session.state.phase).toBe('live');
    const shown = surface(guess);
    entry.drawOn(shown);
    expect(shown.drawn).toEqual(['stdout one', 'stderr two']);
    socket?.output(1, 'three');
    expect(shown.drawn.at(-1)).toBe('stdout three');
  });

  test('tells the shell its size once the screen stands, if the guess was wrong', async () => {
    for (const size of [guess, { cols: 80, rows: 24 }]) {
      const entry = enter(target, guess);
      await later();
      const socket = sockets.at(-1);
      socket?.accept();
      socket?.tell(ready);
      entry.drawOn(surface(size));
      entry.measured();
      expect(socket?.frames(resizeKind)).toEqual(size === guess ? [] : [encodeResize(80, 24)]);
    }
  });

  test('waits for its screen when nobody knows the size', async () => {
    const entry = enter(target, null);
    await later();
    expect(acts.passGate1).toHaveBeenCalled();
    expect(sockets).toEqual([]);
    entry.drawOn(surface({ cols: 100, rows: 30 }));
    await later();
    expect(sockets).toEqual([]);
    entry.measured();
    await later();
    expect(sockets[0]?.url).toContain('cols=100&rows=30');
  });

  test('is refused before there is a screen, and says so when there is one', async () => {
    acts.passGate1.mockRejectedValue(new Error('no'));
    const entry = new Entry(null, guess);
    await entry.session.openLink('sp1.x');
    expect(entry.session.state.phase).toBe('denied');
    expect(sockets).toEqual([]);
  });

  test('is let go before its screen stands, and opens nothing afterwards', async () => {
    const entry = enter(target, null);
    await later();
    entry.session.close();
    entry.drawOn(surface(guess));
    entry.measured();
    await later();
    expect(sockets).toEqual([]);
  });
});
