import { describe, expect, test, vi } from 'vitest';
import type { Passage } from '../api/contract';
import { ApiProblem, ownProblem } from '../api/problem';
import { ackEveryBytes } from './ack';
import { pingEveryMs, type SessionDeps, TerminalSession } from './session';
import { FakeSocket, HandClock } from './testing';

const passage: Passage = {
  link_id: 'lnk_1',
  ticket: 'tick-et',
  ticket_expires_at: '2026-01-01T00:00:30Z',
  cluster: 'demo',
  namespace: 'shop',
  pod: 'web-0',
  pod_uid: 'uid',
  container: 'web',
  image: 'web:1',
  node: null,
  tty: true,
  command: [],
  user: 'mina',
  link_expires_at: '2026-01-01T00:05:00Z',
};
const ready = {
  type: 'ready',
  terminal_id: 't1',
  user: 'mina',
  cluster: 'demo',
  namespace: 'shop',
  pod: 'web-0',
  container: 'web',
  tty: true,
};

type Drawn = { what: 'write' | 'reset'; text?: string; stream?: string; consumed?: () => void };

function setUp(change: Partial<SessionDeps> = {}) {
  const clock = new HandClock();
  const sockets: FakeSocket[] = [];
  const drawn: Drawn[] = [];
  const size = { cols: 120, rows: 40 };
  const session = new TerminalSession({
    passGate1: async () => passage,
    connect: (url, protocols) => {
      const socket = new FakeSocket(url, protocols);
      sockets.push(socket);
      return socket;
    },
    whyRefused: async () => undefined,
    sized: async () => undefined,
    size: () => size,
    sink: {
      write: (bytes, stream, consumed) =>
        drawn.push({ what: 'write', text: new TextDecoder().decode(bytes), stream, consumed }),
      reset: () => drawn.push({ what: 'reset' }),
    },
    clock,
    ...change,
  });
  const live = async (): Promise<FakeSocket> => {
    await session.openLink('sp1.x');
    const socket = sockets.at(-1) as FakeSocket;
    socket.accept();
    socket.tell(ready);
    return socket;
  };
  return { session, clock, sockets, drawn, size, live };
}

describe('the gates', () => {
  test('are passed in order, with the first size and the ticket in the upgrade', async () => {
    const { session, sockets } = setUp();
    const phases: string[] = [];
    session.subscribe(() => phases.at(-1) !== session.state.phase && phases.push(session.state.phase));
    await session.openMinted(async () => 'sp1.x');
    const [socket] = sockets;
    expect(socket?.url).toBe('/presigned/connect?cols=120&rows=40');
    expect(socket?.protocols).toEqual(['sallyport.terminal.v1', 'sallyport.ticket.tick-et']);
    expect(socket?.binaryType).toBe('arraybuffer');
    socket?.accept();
    expect(session.state.phase).toBe('gate2');
    socket?.tell(ready);
    expect(phases).toEqual(['minting', 'gate1', 'gate2', 'live']);
  });

  test('the ticket is not kept', async () => {
    const { session, live } = setUp();
    await live();
    expect(JSON.stringify(session.state)).not.toContain('tick-et');
  });

  test('a refusal at gate 1 opens no socket', async () => {
    const problem = ownProblem('link_expired', 'expired');
    const { session, sockets } = setUp({ passGate1: () => Promise.reject(new ApiProblem(problem)) });
    await session.openLink('sp1.x');
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: 'link_expired' } });
    expect(sockets).toEqual([]);
  });

  test('a refusal to mint is a denial', async () => {
    const { session } = setUp();
    await session.openMinted(() => Promise.reject(new ApiProblem(ownProblem('forbidden', 'no'))));
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: 'forbidden' } });
  });

  test('a denial at gate 2 keeps its Problem although the close comes after', async () => {
    const { session, sockets } = setUp();
    await session.openLink('sp1.x');
    sockets[0]?.accept();
    sockets[0]?.tell({ type: 'denied', problem: { code: 'ticket_used', detail: 'once', request_id: 'r9' } });
    sockets[0]?.end(4409, 'ticket_used');
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: 'ticket_used', request_id: 'r9' } });
  });

  test('an upgrade refused without a word is explained by who we are', async () => {
    const { session, sockets } = setUp({
      whyRefused: () => Promise.reject(new ApiProblem(ownProblem('session_expired', ''))),
    });
    await session.openLink('sp1.x');
    sockets[0]?.end(1006);
    expect(session.state.phase).toBe('lost');
    await Promise.resolve();
    await Promise.resolve();
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: 'session_expired' } });
  });

  test('an answer to an abandoned opening changes nothing', async () => {
    let answer: (passed: Passage) => void = () => undefined;
    const { session, sockets } = setUp({ passGate1: () => new Promise((resolve) => (answer = resolve)) });
    const opening = session.openLink('sp1.x');
    session.close();
    answer(passage);
    await opening;
    expect(sockets).toEqual([]);
  });
});

describe('a live terminal', () => {
  test('acks what was drawn, when it was drawn', async () => {
    const { clock, drawn, live } = setUp();
    const socket = await live();
    socket.output(1, 'hello');
    socket.output(2, 'oh');
    clock.advance(50);
    expect(socket.frames(6)).toEqual([]);
    for (const each of drawn) each.consumed?.();
    clock.advance(10);
    expect([...(socket.frames(6)[0] ?? [])]).toEqual([6, 0, 0, 0, 0, 0, 0, 0, 7]);
    expect(drawn.map((each) => each.stream)).toEqual(['stdout', 'stderr']);
  });

  test('a skip tells how much, then resets before the snapshot, whose bytes are acked too', async () => {
    const { session, clock, drawn, live } = setUp();
    const socket = await live();
    socket.output(1, 'old');
    socket.tell({ type: 'skipped', bytes: 5_000_000 });
    socket.output(3, 'now');
    expect(session.state.skipped).toEqual({ bytes: 5_000_000, nth: 1 });
    expect(drawn.map((each) => each.text ?? each.what)).toEqual(['old', 'reset', 'now']);
    for (const each of drawn) each.consumed?.();
    clock.advance(10);
    expect(socket.frames(6).at(-1)?.at(-1)).toBe(6);
    socket.tell({ type: 'skipped', bytes: 5_000_000 });
    expect(session.state.skipped?.nth).toBe(2);
    session.skipSeen(1);
    expect(session.state.skipped?.nth).toBe(2);
    session.skipSeen(2);
    expect(session.state.skipped).toBeNull();
    socket.tell({ type: 'skipped', bytes: 5_000_000 });
    expect(session.state.skipped?.nth).toBe(3);
  });

  test('a skip of nothing is not told', async () => {
    const { session, live } = setUp();
    (await live()).tell({ type: 'skipped', bytes: 0 });
    expect(session.state.skipped).toBeNull();
  });

  test('input goes up only while live', async () => {
    const { session, sockets, live } = setUp();
    session.input(Uint8Array.of(1));
    const socket = await live();
    session.input(Uint8Array.of(2));
    socket.tell({ type: 'exit', code: 0, reason: '' });
    session.input(Uint8Array.of(3));
    expect(sockets[0]?.frames(0).map((frame) => [...frame])).toEqual([[0, 2]]);
  });

  test('a size that changed while the gates were passed is sent once ready', async () => {
    const { session, size, sockets } = setUp();
    await session.openLink('sp1.x');
    size.cols = 90;
    sockets[0]?.accept();
    session.resize(90, 40);
    expect(sockets[0]?.frames(4)).toEqual([]);
    size.rows = 30;
    sockets[0]?.tell(ready);
    expect(sockets[0]?.frames(4).map((frame) => [...frame])).toEqual([[4, 0, 90, 0, 30]]);
    session.resize(90, 30);
    expect(sockets[0]?.frames(4).length).toBe(1);
  });

  test('a size that came while the second gate was passed is sent once ready', async () => {
    const { session, size, sockets } = setUp();
    await session.openLink('sp1.x');
    const [socket] = sockets;
    socket?.accept();
    Object.assign(size, { cols: 90, rows: 30 });
    session.resize(90, 30);
    expect(session.state).toMatchObject({ phase: 'gate2', size: { cols: 90, rows: 30 } });
    expect(socket?.frames(4)).toEqual([]);
    socket?.tell(ready);
    expect(socket?.frames(4).map((frame) => [...frame])).toEqual([[4, 0, 90, 0, 30]]);
  });

  test('a size that came and went while the second gate was passed is not sent', async () => {
    const { session, sockets } = setUp();
    await session.openLink('sp1.x');
    session.resize(90, 30);
    session.resize(120, 40);
    sockets[0]?.accept();
    sockets[0]?.tell(ready);
    expect(sockets[0]?.frames(4)).toEqual([]);
    session.resize(90, 30);
    expect(sockets[0]?.frames(4).length).toBe(1);
  });

  test('latency is the way of a ping and its pong', async () => {
    const { session, clock, live } = setUp();
    const socket = await live();
    const pings = () => socket.sent.filter((each) => typeof each === 'string');
    expect(pings()).toEqual(['{"type":"ping","n":1}']);
    clock.advance(12);
    socket.tell({ type: 'pong', n: 1 });
    expect(session.state.latencyMs).toBe(12);
    socket.tell({ type: 'pong', n: 99 });
    expect(session.state.latencyMs).toBe(12);
    clock.advance(pingEveryMs);
    expect(pings().length).toBe(2);
  });

  test('draining is told and does not end it', async () => {
    const { session, live } = setUp();
    (await live()).tell({ type: 'draining', in_s: 20 });
    expect(session.state).toMatchObject({ phase: 'live', draining: { inSeconds: 20 } });
  });
});

describe('the end', () => {
  test.each([
    [4420, 'right_withdrawn', 'right_withdrawn', 'kubernetes'],
    [4410, '', 'link_revoked', 'hub'],
    [4421, '', 'terminal_ended', 'hub'],
    [4401, 'session_ended', 'session_ended', 'hub'],
    [4404, 'not a code', 'pod_gone', 'kubernetes'],
  ])('close %d «%s» is a denial with %s by %s', async (code, reason, expected, decided_by) => {
    const { session, live } = setUp();
    (await live()).end(code, reason);
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: expected, decided_by } });
  });

  test('a terminal that somebody ended is told as that', async () => {
    const whyRefused = vi.fn(async () => undefined);
    const { session, live } = setUp({ whyRefused });
    const socket = await live();
    socket.tell({ type: 'denied', problem: { code: 'terminal_ended', detail: '`mina` ended this terminal' } });
    socket.end(4421, 'terminal_ended');
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: 'terminal_ended' } });
    expect(whyRefused).not.toHaveBeenCalled();
  });

  test('a terminal that ended with its sign-in is told as that, and the hub is asked who we are', async () => {
    const whyRefused = vi.fn(() => Promise.reject(new ApiProblem(ownProblem('session_ended', 'ended'))));
    const { session, live } = setUp({ whyRefused });
    (await live()).end(4401, 'session_ended');
    expect(whyRefused).toHaveBeenCalledOnce();
    expect(session.state).toMatchObject({ phase: 'denied', problem: { code: 'session_ended' } });
  });

  test.each([
    [4503, 'hub_draining'],
    [1001, ''],
  ])('close %d «%s» is a hub that stopped, not a denial', async (code, reason) => {
    const { session, live } = setUp();
    (await live()).end(code, reason);
    expect(session.state).toMatchObject({ phase: 'stopped', problem: { code: 'hub_draining' } });
  });

  test('a hub that says it stops, in a notice or by falling silent after it, denies nothing', async () => {
    const told = setUp();
    const socket = await told.live();
    socket.tell({ type: 'denied', problem: { code: 'hub_draining', detail: '' } });
    socket.end(4503, 'hub_draining');
    expect(told.session.state.phase).toBe('stopped');
    const silent = setUp();
    const cut = await silent.live();
    cut.tell({ type: 'draining', in_s: 3 });
    cut.end(1006);
    expect(silent.session.state).toMatchObject({ phase: 'stopped', problem: { code: 'hub_draining' } });
  });

  test('an exit stays an exit', async () => {
    const { session, clock, live } = setUp();
    const socket = await live();
    socket.tell({ type: 'exit', code: 130, reason: 'Error' });
    socket.end(1000);
    expect(session.state).toMatchObject({ phase: 'exited', exit: { code: 130, reason: 'Error' } });
    expect(clock.waiting).toBe(0);
  });

  test('a cut is told as lost', async () => {
    const { session, live } = setUp();
    (await live()).end(1006);
    expect(session.state).toMatchObject({ phase: 'lost', problem: { code: 'connection_lost' } });
  });

  test.each([
    ['an unknown frame', (socket: FakeSocket) => socket.output(77, 'x')],
    ['text that is no notice', (socket: FakeSocket) => socket.onmessage?.({ data: 'nonsense' })],
  ])('%s closes as malformed', async (_, misbehave) => {
    const { session, live } = setUp();
    const socket = await live();
    misbehave(socket);
    expect(socket.closedWith).toBe(4400);
    expect(session.state.phase).toBe('denied');
  });

  test('what the old socket said and the screen drew late is not acked to the new one', async () => {
    const { clock, drawn, live } = setUp();
    (await live()).output(1, 'x'.repeat(ackEveryBytes));
    const socket = await live();
    drawn[0]?.consumed?.();
    clock.advance(100);
    expect(socket.frames(6)).toEqual([]);
    socket.output(1, 'new');
    drawn[1]?.consumed?.();
    clock.advance(100);
    expect(socket.frames(6).map((frame) => frame.at(-1))).toEqual([3]);
  });

  test('opened again it starts afresh', async () => {
    const { session, sockets, live } = setUp();
    (await live()).tell({ type: 'exit', code: 1, reason: '' });
    await live();
    expect(sockets.length).toBe(2);
    expect(session.state).toMatchObject({ phase: 'live', exit: null, problem: null });
  });
});
