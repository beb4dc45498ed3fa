// A WebSocket client that can misbehave: every byte of the upgrade and of each frame can be chosen (RFC 6455).
// Node's own client sends neither cookies nor a foreign Origin, and masks always; attacks need both.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { until } from './until.mjs';

export const kinds = { stdin: 0, stdout: 1, stderr: 2, snapshot: 3, resize: 4, ack: 6, endOfStdin: 255 };
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One frame as bytes. `mask: false` breaks the rule for clients. */
export function frame(opcode, payload, { mask = true, fin = true, rsv = 0, length = payload.length } = {}) {
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | (opcodes[opcode] ?? opcode)];
  const masked = mask ? 0x80 : 0;
  if (length < 126) head.push(masked | length);
  else if (length < 65_536) head.push(masked | 126, length >> 8, length & 255);
  else {
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64BE(BigInt(length));
    head.push(masked | 127, ...eight);
  }
  if (!mask) return Buffer.concat([Buffer.from(head), payload]);
  const key = randomBytes(4);
  const body = Buffer.from(payload);
  for (let at = 0; at < body.length; at++) body[at] ^= key[at % 4];
  return Buffer.concat([Buffer.from(head), key, body]);
}

/**
 * Asks for the upgrade. Resolves to a Terminal after a 101, else to `{ status, headers, body }`.
 * `protocols` and `headers` replace what a page would send; a header given as null is left out.
 */
export function openTerminal(hub, options = {}) {
  const { cookie, origin, ticket, cols = 80, rows = 24, path, protocols, headers = {}, autoAck = true } = options;
  const key = randomBytes(16).toString('base64');
  const offered = protocols ?? ['sallyport.terminal.v1', ...(ticket ? [`sallyport.ticket.${ticket}`] : [])];
  const all = {
    Host: new URL(hub.origin).host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Protocol': offered.length > 0 ? offered.join(', ') : null,
    Origin: origin,
    Cookie: cookie,
    ...headers,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined && value !== null)
    .flatMap(([name, value]) =>
      Array.isArray(value) ? value.map((each) => `${name}: ${each}`) : [`${name}: ${value}`],
    );
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: hub.port,
      servername: 'localhost',
      ca: hub.ca,
      ALPNProtocols: ['http/1.1'],
    });
    let held = Buffer.alloc(0);
    const fail = (error) => reject(error ?? new Error('the hub closed the connection without an answer'));
    socket.once('error', fail);
    socket.once('close', () => fail());
    socket.once('secureConnect', () => {
      socket.setNoDelay(true);
      socket.write(
        `GET ${path ?? `/presigned/connect?cols=${cols}&rows=${rows}`} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`,
      );
    });
    socket.on('data', function onHead(data) {
      held = Buffer.concat([held, data]);
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [first, ...rest] = held.subarray(0, end).toString('latin1').split('\r\n');
      const status = Number(first.split(' ')[1]);
      const answered = Object.fromEntries(
        rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const left = held.subarray(end + 4);
      if (status !== 101) {
        // The refusal's body is small and its length is told.
        if (left.length < Number(answered['content-length'] ?? 0)) return;
        socket.off('data', onHead);
        socket.removeAllListeners('close');
        socket.destroy();
        const text = left.toString();
        resolve({ status, headers: answered, text, body: text.startsWith('{') ? JSON.parse(text) : undefined });
        return;
      }
      socket.off('data', onHead);
      socket.removeAllListeners('close');
      socket.off('error', fail);
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      if (answered['sec-websocket-accept'] !== accept) reject(new Error('the accept key is wrong'));
      else resolve(new Terminal(socket, { status, headers: answered, autoAck }, left));
    });
  });
}

export class Terminal {
  status = 101;
  messages = [];
  output = Buffer.alloc(0);
  errors = Buffer.alloc(0);
  closed = null;
  gone = false;
  received = 0n;
  #held = Buffer.alloc(0);

  constructor(socket, { headers, autoAck }, first) {
    this.socket = socket;
    this.headers = headers;
    this.autoAck = autoAck;
    socket.on('data', (data) => this.#take(data));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.gone = true;
    });
    this.#take(first);
  }

  #take(data) {
    this.#held = Buffer.concat([this.#held, data]);
    for (;;) {
      const held = this.#held;
      if (held.length < 2) return;
      let length = held[1] & 127;
      let at = 2;
      if (length === 126) {
        if (held.length < 4) return;
        length = held.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (held.length < 10) return;
        length = Number(held.readBigUInt64BE(2));
        at = 10;
      }
      if (held.length < at + length) return;
      this.#one(held[0] & 15, held.subarray(at, at + length));
      this.#held = held.subarray(at + length);
    }
  }

  #one(opcode, payload) {
    if (opcode === opcodes.ping) this.raw(frame('pong', payload));
    else if (opcode === opcodes.text) this.messages.push(JSON.parse(payload.toString()));
    else if (opcode === opcodes.close) {
      this.closed =
        payload.length >= 2
          ? { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() }
          : { code: 1005, reason: '' };
      this.socket.end();
    } else if (opcode === opcodes.binary) {
      const body = payload.subarray(1);
      if (payload[0] === kinds.stderr) this.errors = Buffer.concat([this.errors, body]);
      else this.output = payload[0] === kinds.snapshot ? Buffer.from(body) : Buffer.concat([this.output, body]);
      this.received += BigInt(body.length);
      if (this.autoAck) this.ack();
    }
  }

  raw(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }
  send(kind, data = Buffer.alloc(0)) {
    this.raw(frame('binary', Buffer.concat([Buffer.from([kind]), Buffer.from(data)])));
  }
  type(text) {
    this.send(kinds.stdin, text);
  }
  resize(cols, rows) {
    this.send(kinds.resize, Buffer.from([cols >> 8, cols & 255, rows >> 8, rows & 255]));
  }
  ack() {
    const total = Buffer.alloc(8);
    total.writeBigUInt64BE(this.received);
    this.send(kinds.ack, total);
  }
  endInput() {
    this.send(kinds.endOfStdin);
  }

  get text() {
    return this.output.toString();
  }
  message(type) {
    return this.messages.find((each) => each.type === type);
  }

  async ready() {
    const end = await until(
      'the process to run',
      () => this.message('ready') ?? this.message('denied') ?? this.closed ?? this.gone,
    );
    if (end.type !== 'ready') throw new Error(`the terminal did not open: ${JSON.stringify(end)}`);
    return end;
  }
  prints(what) {
    return until(
      `output with ${what}`,
      () =>
        (what instanceof RegExp ? what.exec(this.text) : this.text.includes(what) || undefined) ??
        rejectWith(this.text.slice(-400)),
    );
  }
  ends(seconds = 20) {
    return until('the socket to close', () => this.closed ?? (this.gone ? { code: 1006, reason: '' } : undefined), {
      seconds,
      everyMs: 10,
    });
  }
  /** Runs a line in the shell and waits for its mark, which the echo of the line does not contain. */
  async run(line) {
    const mark = randomBytes(4).toString('hex');
    const from = this.output.length;
    this.type(`${line}; printf '%s%s\\n' ${mark.slice(0, 4)} ${mark.slice(4)}\n`);
    return until(`the end of ${line}`, () => {
      const said = this.output.subarray(from).toString();
      return said.includes(mark) ? said : rejectWith(said.slice(-400));
    });
  }
  /** Cuts the connection as a pulled cable would. */
  cut() {
    this.socket.destroy();
  }
  close(code = 1000) {
    this.raw(frame('close', Buffer.from([code >> 8, code & 255])));
  }
}

function rejectWith(seen) {
  throw new Error(`so far: ${seen}`);
}
