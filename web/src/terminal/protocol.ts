// Encodes and decodes the frames of the subprotocol `sallyport.terminal.v1`; knows no socket and no terminal.
import type { Problem } from '../api/contract';
import { parseProblem } from '../api/problem';

export const subprotocol = 'sallyport.terminal.v1';
/** Offered beside the subprotocol, because a browser can send no header of its own with an upgrade. */
export const ticketProtocol = (ticket: string): string => `sallyport.ticket.${ticket}`;

/** The numbers of Kubernetes' own exec channels where one exists. */
const kind = { stdin: 0, stdout: 1, stderr: 2, snapshot: 3, resize: 4, ack: 6, stdinEnd: 255 } as const;

export const sideMax = 1000;
/** The hub refuses larger screens; only a wall of displays with tiny letters comes near. */
export const cellsMax = 200_000;
/** The hub refuses frames over 256 KiB; small ones keep a paste from delaying resize and acks. */
export const stdinFrameBytesMax = 16 * 1024;

export function encodeStdin(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(bytes.length + 1);
  frame[0] = kind.stdin;
  frame.set(bytes, 1);
  return frame;
}

export function encodeStdinEnd(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(kind.stdinEnd);
}

export function encodeResize(cols: number, rows: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(5);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kind.resize);
  const size = clampSize(cols, rows);
  view.setUint16(1, size.cols);
  view.setUint16(3, size.rows);
  return frame;
}

export function encodeAck(totalBytes: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(9);
  const view = new DataView(frame.buffer);
  view.setUint8(0, kind.ack);
  view.setBigUint64(1, BigInt(totalBytes));
  return frame;
}

export function encodePing(n: number): string {
  return JSON.stringify({ type: 'ping', n });
}

/** A size that the hub takes: columns go first, rows get what is left. */
export function clampSize(cols: number, rows: number): { cols: number; rows: number } {
  const width = clampSide(cols);
  return { cols: width, rows: Math.min(clampSide(rows), Math.floor(cellsMax / width)) };
}

function clampSide(cells: number): number {
  return Math.max(1, Math.min(sideMax, Math.trunc(cells) || 1));
}

export type OutputFrame = { kind: 'stdout' | 'stderr' | 'snapshot'; bytes: Uint8Array };

/** Hostile input: an empty frame or an unknown kind gives null, and the session ends as malformed. */
export function decodeOutput(data: ArrayBuffer): OutputFrame | null {
  if (data.byteLength === 0) return null;
  const first = new Uint8Array(data, 0, 1)[0];
  const bytes = new Uint8Array(data, 1);
  switch (first) {
    case kind.stdout:
      return { kind: 'stdout', bytes };
    case kind.stderr:
      return { kind: 'stderr', bytes };
    case kind.snapshot:
      return { kind: 'snapshot', bytes };
    default:
      return null;
  }
}

export type Ready = {
  type: 'ready';
  terminal_id: string;
  user: string;
  cluster: string;
  namespace: string;
  pod: string;
  container: string;
  tty: boolean;
};
export type Notice =
  | Ready
  | { type: 'skipped'; bytes: number }
  | { type: 'exit'; code: number | null; reason: string }
  | { type: 'denied'; problem: Problem }
  | { type: 'draining'; in_s: number }
  | { type: 'pong'; n: number }
  /** A type this console does not know: a newer hub's, passed over. */
  | { type: 'unknown' };

type Fields = Record<string, unknown>;
const text = (fields: Fields, name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
const count = (fields: Fields, name: string): number => {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
};

/** Hostile input: what is no JSON object gives null; a field of a wrong type gives its empty value. */
export function decodeNotice(data: string): Notice | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const fields = parsed as Fields;
  switch (fields.type) {
    case 'ready':
      return {
        type: 'ready',
        terminal_id: text(fields, 'terminal_id'),
        user: text(fields, 'user'),
        cluster: text(fields, 'cluster'),
        namespace: text(fields, 'namespace'),
        pod: text(fields, 'pod'),
        container: text(fields, 'container'),
        tty: fields.tty === true,
      };
    case 'skipped':
      return { type: 'skipped', bytes: count(fields, 'bytes') };
    case 'exit':
      return {
        type: 'exit',
        code: typeof fields.code === 'number' ? fields.code : null,
        reason: text(fields, 'reason'),
      };
    case 'denied':
      return { type: 'denied', problem: parseProblem(fields.problem, 403, '') };
    case 'draining':
      return { type: 'draining', in_s: count(fields, 'in_s') };
    case 'pong':
      return { type: 'pong', n: count(fields, 'n') };
    default:
      return { type: 'unknown' };
  }
}
