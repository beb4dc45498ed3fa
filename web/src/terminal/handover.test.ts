import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Target } from './entry';
import { FakeSocket } from './testing';

const acts = vi.hoisted(() => ({ mintLink: vi.fn(), passGate1: vi.fn() }));
const person = vi.hoisted(() => ({ changed: (): void => {} }));
vi.mock('../api/queries', () => ({ acts }));
vi.mock('../api/client', () => ({
  api: { GET: vi.fn() },
  take: vi.fn(),
  onPersonChanged: (listener: () => void) => {
    person.changed = listener;
  },
}));
vi.mock('./lastSize', () => ({ lastSize: () => ({ cols: 80, rows: 24 }) }));

const target: Target = { cluster: 'demo', namespace: 'shop', pod: 'web-0', tty: true, command: [] };
const passage = { ticket: 'tick-et', container: 'web', user: 'mina', ...target };
const later = () => new Promise((resolve) => setTimeout(resolve));

let timers: (() => void)[];
let sockets: FakeSocket[];
let handover: typeof import('./handover');

beforeEach(async () => {
  sockets = [];
  timers = [];
  acts.mintLink.mockReset().mockResolvedValue({ url: 'https://hub.example/terminal#sp1.x' });
  acts.passGate1.mockReset().mockResolvedValue(passage);
  vi.stubGlobal('window', {
    location: { href: 'https://hub.example/pods' },
    setTimeout: (fire: () => void) => timers.push(fire),
    clearTimeout: () => undefined,
  });
  vi.stubGlobal('WebSocket', function connect(url: URL, protocols: string[]) {
    const socket = new FakeSocket(String(url), protocols);
    sockets.push(socket);
    return socket;
  });
  vi.resetModules();
  handover = await import('./handover');
});

describe('a terminal that no room has taken yet', () => {
  test('is at stake from the wish on, and counts as soon as it lives', async () => {
    const told = vi.fn();
    handover.onHandover(told);
    expect(handover.holdsShells()).toBe(false);
    handover.wishForTerminal(target);
    expect([handover.holdsShells(), handover.liveTally.get()]).toEqual([true, 0]);
    await later();
    told.mockClear();
    sockets[0]?.accept();
    sockets[0]?.tell({ ...passage, type: 'ready', terminal_id: 't1' });
    expect([handover.holdsShells(), handover.liveTally.get()]).toEqual([true, 1]);
    expect(told).toHaveBeenCalled();
    expect(handover.takeEntries().length).toBe(1);
    expect([handover.holdsShells(), handover.liveTally.get()]).toEqual([false, 0]);
    expect(handover.takeEntries()).toEqual([]);
  });

  test('is left, and not asked about, when another person is signed in', async () => {
    handover.wishForTerminal(target);
    await later();
    sockets[0]?.accept();
    sockets[0]?.tell({ ...passage, type: 'ready', terminal_id: 't1' });
    expect(handover.holdsShells()).toBe(true);
    person.changed();
    expect(sockets[0]?.closedWith).toBe(1000);
    expect([handover.holdsShells(), handover.liveTally.get()]).toEqual([false, 0]);
    expect(handover.takeEntries()).toEqual([]);
  });

  test('is not at stake once it was refused', async () => {
    acts.mintLink.mockRejectedValue(new Error('no'));
    handover.wishForTerminal(target);
    await later();
    expect([handover.holdsShells(), handover.liveTally.get()]).toEqual([false, 0]);
    expect(handover.takeEntries()[0]?.session.state.phase).toBe('denied');
  });
});

describe('the way to the terminal room', () => {
  const follow = (wish: Promise<void>) => {
    const told = vi.fn();
    void wish.then(told);
    return told;
  };

  test('is gone when the upgrade is under way, not before', async () => {
    let pass: (passed: typeof passage) => void = () => undefined;
    acts.passGate1.mockReturnValue(new Promise((resolve) => (pass = resolve)));
    const told = follow(handover.wishForTerminal(target));
    await later();
    expect([sockets.length, told.mock.calls.length]).toEqual([0, 0]);
    pass(passage);
    await later();
    expect([sockets.length, told.mock.calls.length]).toEqual([1, 1]);
  });

  test('is gone when a gate has refused, which the room tells', async () => {
    acts.passGate1.mockRejectedValue(new Error('no'));
    const told = follow(handover.wishForTerminal(target));
    await later();
    expect(told).toHaveBeenCalledOnce();
  });

  test('is gone when a hub does not answer for too long to look at nothing', async () => {
    acts.mintLink.mockReturnValue(new Promise(() => undefined));
    const told = follow(handover.wishForTerminal(target));
    await later();
    expect(told).not.toHaveBeenCalled();
    for (const fire of timers) fire();
    await later();
    expect(told).toHaveBeenCalledOnce();
  });

  test('is one for two clicks on the same thing, and another for another', async () => {
    const [first, again] = [handover.wishForTerminal(target), handover.wishForTerminal({ ...target })];
    void handover.wishForTerminal({ ...target, pod: 'web-1' });
    expect(again).toBe(first);
    await first;
    expect(handover.takeEntries().length).toBe(2);
    void handover.wishForTerminal(target);
    expect(handover.takeEntries().length).toBe(1);
  });
});

test('what the terminal room holds is at stake until the person signs out', () => {
  handover.liveTally.set(2);
  expect([handover.shellsHeld(), handover.liveTally.get()]).toEqual([2, 2]);
  handover.letShellsGo();
  expect([handover.shellsHeld(), handover.holdsShells()]).toEqual([0, false]);
});
