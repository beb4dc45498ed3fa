// Leads one terminal through gate 1, gate 2, its life and its end; knows no React, no DOM and no xterm.
import type { Passage, Problem } from '../api/contract';
import { ApiProblem, isKnownCode, isSignedOut, ownProblem, problemOf } from '../api/problem';
import { AckLedger } from './ack';
import type { Clock } from './clock';
import {
  clampSize,
  decodeNotice,
  decodeOutput,
  encodeAck,
  encodePing,
  encodeResize,
  encodeStdinEnd,
  type Ready,
  subprotocol,
  ticketProtocol,
} from './protocol';
import { StdinQueue } from './stdin';

/** What draws. Calls happen in order: a `reset` takes effect after all earlier writes and before all later ones. */
export type Sink = {
  write: (bytes: Uint8Array, stream: 'stdout' | 'stderr', consumed: () => void) => void;
  reset: () => void;
};

export type SocketLike = {
  binaryType: BinaryType;
  readonly bufferedAmount: number;
  readonly readyState: number;
  send: (data: string | Uint8Array<ArrayBuffer>) => void;
  close: (code?: number) => void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
};

export type SessionDeps = {
  passGate1: (link: string) => Promise<Passage>;
  connect: (pathAndQuery: string, protocols: string[]) => SocketLike;
  /**
   * Asks the hub who we are, when an upgrade was refused without a word or a terminal ended with its sign-in;
   * throws the ApiProblem that explains it.
   */
  whyRefused: () => Promise<unknown>;
  /** Resolves when `size` has something to tell. */
  sized: () => Promise<void>;
  size: () => { cols: number; rows: number };
  sink: Sink;
  clock: Clock;
};

export type Phase = 'idle' | 'minting' | 'gate1' | 'gate2' | 'live' | 'exited' | 'denied' | 'lost' | 'stopped';

export type SessionState = {
  phase: Phase;
  passage: Passage | null;
  ready: Ready | null;
  size: { cols: number; rows: number };
  latencyMs: number | null;
  /** Set by the last `skipped` notice until the person has seen it; its number tells two notices of one size apart. */
  skipped: { bytes: number; nth: number } | null;
  pasteWaitingBytes: number;
  draining: { inSeconds: number } | null;
  exit: { code: number | null; reason: string } | null;
  problem: Problem | null;
};

/** Nobody said no: the hub, or the way to it, went away. */
const phaseByCode: Readonly<Record<string, Phase>> = { hub_draining: 'stopped', hub_unreachable: 'lost' };

export const pingEveryMs = 5000;
const malformed = 4400;
const openState = 1;

const codeByClose: Readonly<Record<number, string>> = {
  1001: 'hub_draining',
  4400: 'bad_request',
  4401: 'session_expired',
  4403: 'forbidden',
  4404: 'pod_gone',
  4408: 'link_expired',
  4409: 'link_used',
  4410: 'link_revoked',
  4413: 'body_too_large',
  4420: 'right_withdrawn',
  4421: 'terminal_ended',
  4500: 'cluster_unreachable',
  4503: 'hub_draining',
};

type Size = { cols: number; rows: number };
const isSame = (one: Size, two: Size): boolean => one.cols === two.cols && one.rows === two.rows;

export class TerminalSession {
  state: SessionState = {
    phase: 'idle',
    passage: null,
    ready: null,
    size: { cols: 80, rows: 24 },
    latencyMs: null,
    skipped: null,
    pasteWaitingBytes: 0,
    draining: null,
    exit: null,
    problem: null,
  };
  private socket: SocketLike | null = null;
  private acks: AckLedger | null = null;
  private stdin: StdinQueue | null = null;
  /** What the shell was told last. */
  private toldSize = { cols: 0, rows: 0 };
  private pingTimer: number | undefined;
  private pingsSent = 0;
  private skips = 0;
  private pingSentAt = new Map<number, number>();
  /** Grows with each opening, so that answers to an abandoned one are dropped. */
  private opening = 0;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly deps: SessionDeps) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Mints a link by `mint`, then passes both gates with it. */
  async openMinted(mint: () => Promise<string>): Promise<void> {
    const opening = this.start('minting');
    let link: string;
    try {
      link = await mint();
    } catch (error) {
      if (opening === this.opening) this.deny(problemOf(error));
      return;
    }
    if (opening === this.opening) await this.openLink(link);
  }

  /** Passes both gates with a link; the link is held no longer than the first gate needs it. */
  async openLink(link: string): Promise<void> {
    const opening = this.start('gate1');
    let passage: Passage;
    try {
      passage = await this.deps.passGate1(link);
    } catch (error) {
      if (opening === this.opening) this.deny(problemOf(error));
      return;
    }
    await this.deps.sized();
    if (opening === this.opening) this.passGate2(passage, opening);
  }

  input(bytes: Uint8Array): void {
    if (this.state.phase === 'live') this.stdin?.push(bytes);
  }

  endInput(): void {
    if (this.state.phase === 'live') this.sendNow(encodeStdinEnd());
  }

  resize(cols: number, rows: number): void {
    const size = clampSize(cols, rows);
    if (!isSame(size, this.state.size)) this.set({ size });
    if (this.state.phase !== 'live' || isSame(size, this.toldSize)) return;
    this.toldSize = size;
    this.sendNow(encodeResize(size.cols, size.rows));
  }

  /** The person has seen this notice: no view shows it again. */
  skipSeen(nth: number): void {
    if (this.state.skipped?.nth === nth) this.set({ skipped: null });
  }

  /** Leaves for good; the hub ends the shell in the Pod. */
  close(): void {
    this.opening++;
    this.release();
  }

  /** Leaves, and stays to say so. */
  end(): void {
    this.close();
    this.set({ phase: 'exited', exit: { code: null, reason: '' } });
  }

  private start(phase: 'minting' | 'gate1'): number {
    this.release();
    this.set({
      phase,
      passage: null,
      ready: null,
      latencyMs: null,
      skipped: null,
      pasteWaitingBytes: 0,
      draining: null,
      exit: null,
      problem: null,
    });
    return ++this.opening;
  }

  private passGate2(passage: Passage, opening: number): void {
    const wanted = this.deps.size();
    const { cols, rows } = clampSize(wanted.cols, wanted.rows);
    this.toldSize = { cols, rows };
    this.set({ phase: 'gate2', passage: { ...passage, ticket: '' }, size: { cols, rows } });
    let socket: SocketLike;
    try {
      socket = this.deps.connect(`/presigned/connect?cols=${cols}&rows=${rows}`, [
        subprotocol,
        ticketProtocol(passage.ticket),
      ]);
    } catch (error) {
      // A ticket that is no token cannot be offered as a subprotocol.
      this.deny(problemOf(error));
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.acks = new AckLedger((total) => this.sendAck(total), this.deps.clock);
    this.stdin = new StdinQueue(socket, this.deps.clock, (pasteWaitingBytes) => this.set({ pasteWaitingBytes }));
    let upgraded = false;
    socket.onopen = () => {
      upgraded = true;
    };
    socket.onmessage = ({ data }) => {
      if (opening !== this.opening) return;
      if (typeof data === 'string') this.notice(data);
      else if (data instanceof ArrayBuffer) this.output(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (opening === this.opening) this.closed(code, reason, upgraded, opening);
    };
  }

  private output(data: ArrayBuffer): void {
    const frame = decodeOutput(data);
    if (!frame) {
      this.deny(ownProblem('unexpected_answer', 'the hub sent a frame this console cannot read'));
      this.release(malformed);
      return;
    }
    const { acks } = this;
    const { length } = frame.bytes;
    if (frame.kind === 'snapshot') this.deps.sink.reset();
    this.deps.sink.write(frame.bytes, frame.kind === 'stderr' ? 'stderr' : 'stdout', () => acks?.consumed(length));
  }

  private notice(data: string): void {
    const notice = decodeNotice(data);
    switch (notice?.type) {
      case 'ready':
        this.set({ phase: 'live', ready: notice });
        this.afterReady();
        break;
      case 'skipped':
        // After Ctrl-C of a flood the hub may redraw with nothing passed over: then there is nothing to tell.
        if (notice.bytes > 0) this.set({ skipped: { bytes: notice.bytes, nth: ++this.skips } });
        break;
      case 'exit':
        this.set({ phase: 'exited', exit: { code: notice.code, reason: notice.reason } });
        break;
      case 'denied':
        this.denyAndAsk(notice.problem);
        break;
      case 'draining':
        this.set({ draining: { inSeconds: notice.in_s } });
        break;
      case 'pong': {
        const sentAt = this.pingSentAt.get(notice.n);
        this.pingSentAt.clear();
        if (sentAt !== undefined) this.set({ latencyMs: this.deps.clock.now() - sentAt });
        break;
      }
      case undefined:
        this.deny(ownProblem('unexpected_answer', 'the hub sent a notice this console cannot read'));
        this.release(malformed);
        break;
      default:
        break;
    }
  }

  private afterReady(): void {
    // The window may have changed its size while the gates were passed.
    const { cols, rows } = this.deps.size();
    this.resize(cols, rows);
    this.ping();
  }

  private ping(): void {
    const n = ++this.pingsSent;
    this.pingSentAt.set(n, this.deps.clock.now());
    this.sendNow(encodePing(n));
    this.pingTimer = this.deps.clock.setTimeout(() => this.ping(), pingEveryMs);
  }

  private closed(code: number, reason: string, upgraded: boolean, opening: number): void {
    const { phase, draining } = this.state;
    this.release();
    if (phase === 'exited' || phase === 'denied' || phase === 'stopped') return;
    // A hub that said it would stop and then fell silent has stopped.
    const named = isKnownCode(reason) ? reason : (codeByClose[code] ?? (draining ? 'hub_draining' : undefined));
    if (code === 1000) this.set({ phase: 'exited', exit: { code: null, reason } });
    else if (named && isKnownCode(named)) this.denyAndAsk(ownProblem(named, `close code ${code}`));
    else if (upgraded) this.lose(`close code ${code}`);
    else {
      // The upgrade was refused, and a browser never says with which status: ask the hub who we are.
      this.lose('the upgrade was refused');
      this.explain(opening);
    }
  }

  private explain(opening: number): void {
    this.deps.whyRefused().catch((error: unknown) => {
      if (opening === this.opening && error instanceof ApiProblem) this.deny(error.problem);
    });
  }

  /** A sign-in that has ended leads to the sign-in page, as the answer 401 to any request does. */
  private denyAndAsk(problem: Problem): void {
    this.deny(problem);
    if (isSignedOut(problem.code)) this.explain(this.opening);
  }

  private lose(detail: string): void {
    this.set({ phase: 'lost', problem: ownProblem('connection_lost', detail) });
  }

  private deny(problem: Problem): void {
    this.set({ phase: phaseByCode[problem.code] ?? 'denied', problem });
  }

  private sendAck(totalBytes: number): void {
    this.sendNow(encodeAck(totalBytes));
  }

  /** Control never waits behind a paste: it goes to the socket at once. */
  private sendNow(frame: string | Uint8Array<ArrayBuffer>): void {
    if (this.socket?.readyState === openState) this.socket.send(frame);
  }

  private release(code = 1000): void {
    if (this.pingTimer !== undefined) this.deps.clock.clearTimeout(this.pingTimer);
    this.pingTimer = undefined;
    this.pingSentAt.clear();
    this.acks?.stop();
    this.stdin?.stop();
    const { socket } = this;
    this.socket = null;
    this.acks = null;
    this.stdin = null;
    if (socket && socket.readyState <= openState) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close(code);
    }
  }

  private set(change: Partial<SessionState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
