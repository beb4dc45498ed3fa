// A terminal on its way in: passes both gates while its room and its screen are still being built; knows no xterm.
// What the shell says before there is a screen waits here, which the hub's window of unacknowledged bytes bounds.
import { api, take } from '../api/client';
import { acts } from '../api/queries';
import { realClock } from './clock';
import type { Size } from './lastSize';
import { type Sink, type SocketLike, TerminalSession } from './session';

export type Target = {
  cluster: string;
  namespace: string;
  pod: string;
  container?: string;
  tty: boolean;
  command: string[];
};

/** What of a screen a session needs. */
export type Surface = { readonly sink: Sink; size: () => Size };

const untold: Size = { cols: 80, rows: 24 };

export class Entry {
  readonly session: TerminalSession;
  private surface: Surface | null = null;
  private isMeasured = false;
  private readonly waiting: ((sink: Sink) => void)[] = [];
  private tellMeasured: () => void = () => undefined;
  private readonly measuring = new Promise<void>((resolve) => {
    this.tellMeasured = resolve;
  });

  /** With a guess of the size the shell starts at it; without one it waits for the screen. */
  constructor(
    readonly target: Target | null,
    private readonly guess: Size | null,
  ) {
    this.session = new TerminalSession({
      passGate1: acts.passGate1,
      connect: openSocket,
      whyRefused: () => take(api.GET('/api/v1/me')),
      size: () => (this.isMeasured && this.surface ? this.surface.size() : (this.guess ?? untold)),
      sized: () => (this.guess ? Promise.resolve() : this.measuring),
      sink: {
        write: (bytes, stream, consumed) => this.draw((sink) => sink.write(bytes, stream, consumed)),
        reset: () => this.draw((sink) => sink.reset()),
      },
      clock: realClock,
    });
  }

  /** From now on what comes is drawn there; first of all what came before. */
  drawOn(surface: Surface): void {
    this.surface = surface;
    for (const task of this.waiting.splice(0)) task(surface.sink);
  }

  /** The screen stands in the page and has the size that it shows. */
  measured(): void {
    if (!this.surface || this.isMeasured) return;
    this.isMeasured = true;
    const { cols, rows } = this.surface.size();
    this.session.resize(cols, rows);
    this.tellMeasured();
  }

  private draw(task: (sink: Sink) => void): void {
    if (this.surface) task(this.surface.sink);
    else this.waiting.push(task);
  }
}

/** Starts on the way to a shell in a Pod at once. */
export function enter(target: Target, guess: Size | null): Entry {
  const entry = new Entry(target, guess);
  void entry.session.openMinted(() => mint(target));
  return entry;
}

/** Only the fragment of the link is used here: it is the secret, and the rest is this hub's own address. */
export async function mint(target: Target): Promise<string> {
  const link = await acts.mintLink(target);
  return new URL(link.url).hash.slice(1);
}

function openSocket(pathAndQuery: string, protocols: string[]): SocketLike {
  const url = new URL(pathAndQuery, window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new WebSocket(url, protocols) as SocketLike;
}
