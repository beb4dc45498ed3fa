// A browser that breaks the protocol, and what happens to processes when a connection breaks: on a real cluster.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { entitle, makeNamespace, makePods, processesWith, strayProcesses } from '../support/cluster.mjs';
import { startHubs } from '../support/hub.mjs';
import { endedWith } from '../support/refusals.mjs';
import { timed, until } from '../support/until.mjs';
import { frame, kinds } from '../support/web_socket.mjs';

let namespace;
let hubs;
let bob;
const pod = (name = 'web', more = {}) => ({ namespace: namespace.name, pod: name, ...more });

before(async () => {
  namespace = await makeNamespace('frames');
  await makePods(namespace.name, 'web', 'busy');
  await entitle(namespace.name, 'sallyport:alice', 'sallyport:bob');
  hubs = await startHubs();
  bob = await hubs.hub.signIn('bob');
});
after(async () => {
  await hubs?.stop();
  await namespace?.remove();
});

describe('frames that break the protocol end the terminal and nothing else', () => {
  let witness;
  before(async () => {
    witness = await bob.enter(pod());
  });
  after(() => witness?.close());

  const cases = [
    ['an unmasked frame', (t) => t.raw(frame('binary', Buffer.from('\0ls\n'), { mask: false })), [1002, 4400, 1006]],
    ['a frame above 256 KiB', (t) => t.raw(frame('binary', Buffer.alloc(256 * 1024 + 10))), [4413, 1009]],
    [
      'a frame that claims 2^62 bytes',
      (t) => t.raw(Buffer.from([0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4])),
      [4413, 1009, 1006],
    ],
    [
      'fragments that add up to more than 256 KiB',
      (t) => {
        t.raw(frame('binary', Buffer.alloc(200 * 1024), { fin: false }));
        t.raw(frame('continuation', Buffer.alloc(200 * 1024)));
      },
      [4413, 1009],
    ],
    ['a continuation of nothing', (t) => t.raw(frame('continuation', Buffer.from('x'))), [1002, 4400, 1006]],
    ['a fragmented control frame', (t) => t.raw(frame('ping', Buffer.from('x'), { fin: false })), [1002, 4400, 1006]],
    ['reserved bits', (t) => t.raw(frame('binary', Buffer.from('\0x'), { rsv: 7 })), [1002, 4400, 1006]],
    ['a reserved opcode', (t) => t.raw(frame(11, Buffer.from('x'))), [1002, 4400, 1006]],
    ['an empty binary frame', (t) => t.raw(frame('binary', Buffer.alloc(0))), [4400]],
    ['a frame of an unknown kind', (t) => t.send(9, Buffer.from('x')), [4400]],
    ['a frame of the hub’s own kind', (t) => t.send(kinds.stdout, Buffer.from('x')), [4400]],
    ['a resize of 0 columns', (t) => t.resize(0, 24), [4400]],
    ['a resize of 0 rows', (t) => t.resize(80, 0), [4400]],
    ['a resize of 65,535', (t) => t.resize(65_535, 65_535), [4400]],
    ['a resize of 3 bytes', (t) => t.send(kinds.resize, Buffer.from([0, 80, 0])), [4400]],
    ['an acknowledgement of 2 bytes', (t) => t.send(kinds.ack, Buffer.from([0, 1])), [4400]],
    ['text that is not JSON', (t) => t.raw(frame('text', Buffer.from('hello'))), [4400]],
    ['JSON of an unknown type', (t) => t.raw(frame('text', Buffer.from('{"type":"exit"}'))), [4400]],
    ['text that is not UTF-8', (t) => t.raw(frame('text', Buffer.from([0xff, 0xfe, 0xc0]))), [4400, 1007]],
    [
      'a ping of the protocol with words in it',
      (t) => t.raw(frame('text', Buffer.from('{"type":"ping","n":"x"}'))),
      [4400],
    ],
  ];
  for (const [what, misbehave, codes] of cases) {
    test(what, async () => {
      const terminal = await bob.enter(pod());
      misbehave(terminal);
      const closed = await terminal.ends();
      assert.ok(codes.includes(closed.code), `closed with ${JSON.stringify(closed)} instead of ${codes}`);
      assert.match(await witness.run('echo unharmed $((6 * 7))'), /unharmed 42/);
    });
  }

  test('an acknowledgement of more than was ever sent gains nothing', async () => {
    const terminal = await bob.enter(pod(), { autoAck: false });
    terminal.send(kinds.ack, Buffer.alloc(8, 0xff));
    assert.equal((await terminal.ends()).code, 4400);
    terminal.close();
    assert.match(await witness.run('echo unharmed $((6 * 7))'), /unharmed 42/);
  });

  test('a first size out of bounds gets no socket', async () => {
    for (const size of [
      'cols=0&rows=24',
      'cols=80&rows=65535',
      'cols=-1&rows=1',
      'cols=x&rows=1',
      'cols=80&rows=24&more=1',
    ]) {
      const answer = await bob.connect('A'.repeat(43), { path: `/presigned/connect?${size}` });
      assert.equal(answer.status, 400, size);
    }
  });

  test('a hub is not upset by any of it', async () => {
    assert.equal((await bob.get('/readyz')).status, 200);
    assert.equal(hubs.hub.child.exitCode, null);
  });
});

describe('what flows', () => {
  test('a fragmented paste arrives whole, between two pings', async () => {
    const terminal = await bob.enter(pod());
    terminal.raw(frame('binary', Buffer.from('\0echo one-'), { fin: false }));
    terminal.raw(frame('ping', Buffer.from('now')));
    terminal.raw(frame('continuation', Buffer.from('two\n')));
    await terminal.prints(/\none-two|\rone-two/);
    terminal.close();
  });

  test('the size follows, at the start and later', async () => {
    const terminal = await bob.enter(pod(), { cols: 101, rows: 33 });
    assert.match(await terminal.run('stty size'), /33 101/);
    terminal.resize(132, 50);
    await until('the new size', async () => /50 132/.test(await terminal.run('stty size')));
    terminal.resize(1000, 1);
    await until('the largest size', async () => /1 1000/.test(await terminal.run('stty size')));
    terminal.close();
  });

  test('bytes stay bytes, in both directions', async () => {
    const all = Buffer.from(Array.from({ length: 65_536 }, (_, at) => at & 255));
    const terminal = await bob.enter(pod('web', { tty: false, command: ['cat'] }));
    for (let at = 0; at < all.length; at += 4096) terminal.send(kinds.stdin, all.subarray(at, at + 4096));
    terminal.endInput();
    await terminal.ends();
    assert.ok(terminal.output.equals(all), `${terminal.output.length} bytes came back`);
    assert.equal(terminal.message('exit').code, 0);
  });

  test('without a terminal, output and errors are apart, and the exit code is told', async () => {
    const terminal = await bob.enter(
      pod('web', { tty: false, command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] }),
    );
    await terminal.ends();
    assert.deepEqual([terminal.text, terminal.errors.toString(), terminal.message('exit').code], ['out\n', 'err\n', 3]);
  });

  test('two terminals in one Pod know nothing of each other', async () => {
    const [one, other] = await Promise.all([bob.enter(pod()), bob.enter(pod())]);
    await one.run('secret=$((40 + 2)); cd /tmp');
    assert.match(await other.run('echo "[$secret] $PWD"'), /\[\] (?!\/tmp)/);
    assert.ok(!other.text.includes('42'));
    one.close();
    other.close();
  });

  test('Ctrl-C stops a flood that the browser does not take, within 5 s', async () => {
    // This browser acknowledges nothing, as one that hangs.
    const terminal = await bob.enter(pod('busy'), { autoAck: false });
    terminal.type('yes "$(head -c 4000 /dev/zero | tr "\\0" x)" | cat\n');
    await until('the flood', () => terminal.output.length > 8192);
    const mark = `m${randomBytes(4).toString('hex')}`;
    const took = await timed(async () => {
      terminal.type('\x03');
      // From now on it takes everything: what it gets first must be the screen as it is, not the backlog.
      terminal.autoAck = true;
      terminal.ack();
      terminal.type(`echo ${mark.slice(0, 3)}''${mark.slice(3)}\n`);
      await terminal.prints(mark);
    });
    assert.ok(took < 5000, `${took} ms`);
    terminal.close();
  });

  test('Ctrl-C is answered within 3 s though interpreting the output takes more than there is', async () => {
    // Resets of a large screen: what the hub's emulation of the terminal has most to do with.
    const terminal = await bob.enter(pod('busy'), { cols: 200, rows: 50 });
    terminal.type(`yes "$(printf '\\033c%.0s' $(seq 1 2000))" | tr -d '\\n' | cat\n`);
    await until('the flood', () => terminal.messages.some((each) => each.type === 'skipped'));
    const mark = `m${randomBytes(4).toString('hex')}`;
    const took = await timed(async () => {
      terminal.type('\x03');
      terminal.type(`echo ${mark.slice(0, 3)}''${mark.slice(3)}\n`);
      await terminal.prints(mark);
    });
    assert.ok(took < 3000, `${took} ms`);
    terminal.close();
  });

  test('pings that are not read end their terminal instead of filling memory', async () => {
    const terminal = await bob.enter(pod());
    for (let nth = 0; nth < 200; nth++) terminal.raw(frame('ping', Buffer.alloc(125)));
    const closed = await terminal.ends();
    assert.equal(closed.code, 4400);
  });

  test('pings are answered with their number', async () => {
    const terminal = await bob.enter(pod());
    terminal.raw(frame('text', Buffer.from('{"type":"ping","n":7}')));
    await until('the pong', () => terminal.messages.find((each) => each.type === 'pong' && each.n === 7));
    terminal.close();
  });
});

describe('no process stays behind', () => {
  const started = async (person, name, how) => {
    const mark = `${7000 + Math.floor(Math.random() * 2000)}.${Math.floor(Math.random() * 1e6)}`;
    const terminal = await person.enter(pod(name));
    // One in the foreground, one in the background, and one that ignores the hang-up.
    terminal.type(`(trap '' HUP; exec sleep ${mark}) & sleep ${mark} & ${how ?? ''} sleep ${mark}\n`);
    await until(
      'three processes',
      async () => (await processesWith(namespace.name, name, `sleep ${mark}`)).length >= 3,
    );
    return { terminal, mark };
  };
  const noneLeft = (name, mark, seconds = 15) =>
    until(
      'the processes to end',
      async () => {
        const left = await processesWith(namespace.name, name, mark);
        if (left.length > 0) throw new Error(left.join('\n'));
        return true;
      },
      { seconds, everyMs: 200 },
    );

  test('after the tab is closed', async () => {
    const { terminal, mark } = await started(bob, 'web');
    terminal.close();
    await noneLeft('web', mark);
  });

  test('after the socket is cut without a word', async () => {
    const { terminal, mark } = await started(bob, 'web');
    terminal.cut();
    await noneLeft('web', mark);
  });

  test('after its link is revoked', async () => {
    const { terminal, mark } = await started(bob, 'web');
    assert.equal((await bob.delete(`/api/v1/links/${terminal.link.id}`)).status, 204);
    await terminal.ends();
    await noneLeft('web', mark);
  });

  for (const [what, cut] of [
    ['its link is revoked', (terminal) => bob.delete(`/api/v1/links/${terminal.link.id}`)],
    ['it is ended by name', (terminal) => bob.delete(`/api/v1/terminals/${terminal.message('ready').terminal_id}`)],
    ['its socket is cut without a word', (terminal) => terminal.cut()],
  ]) {
    test(`a command without a terminal, after ${what}`, async () => {
      const mark = `${7000 + Math.floor(Math.random() * 2000)}.${Math.floor(Math.random() * 1e6)}`;
      const neighbour = await bob.enter(pod('web', { tty: false, command: ['cat'] }));
      const line = `(trap '' HUP; exec sleep ${mark}) & sleep ${mark} & sleep ${mark}`;
      const terminal = await bob.enter(pod('web', { tty: false, command: ['sh', '-c', line] }));
      // The shell itself too, whose line holds the mark.
      await until('four processes', async () => (await processesWith(namespace.name, 'web', mark)).length >= 4);
      await cut(terminal);
      await terminal.ends(2);
      await noneLeft('web', mark);
      neighbour.send(kinds.stdin, 'said back\n');
      await neighbour.prints('said back');
      neighbour.endInput();
      await neighbour.ends();
      assert.equal(neighbour.message('exit').code, 0);
    });
  }

  test('and a neighbour in the same Pod is left alone', async () => {
    const neighbour = await bob.enter(pod());
    const { terminal, mark } = await started(bob, 'web');
    terminal.cut();
    await noneLeft('web', mark);
    assert.match(await neighbour.run('echo here $((6 * 7))'), /here 42/);
    neighbour.close();
  });

  test('after the hub is drained', async () => {
    const other = await startHubs();
    const person = await other.hub.signIn('bob');
    const { terminal, mark } = await started(person, 'busy');
    const stopped = other.stop();
    const { in_s: seconds } = await until('the announcement', () => terminal.message('draining'));
    assert.ok(Number.isInteger(seconds) && seconds > 0, `${seconds}`);
    await endedWith(terminal, 4503, 'hub_draining', seconds + 15);
    assert.equal(terminal.message('denied').problem.code, 'hub_draining');
    await stopped;
    await noneLeft('busy', mark);
  });

  test('after the hub is killed', async () => {
    const other = await startHubs();
    try {
      const person = await other.hub.signIn('bob');
      const { mark } = await started(person, 'busy');
      await other.hub.kill();
      await noneLeft('busy', mark, 30);
    } finally {
      await other.stop();
    }
  });

  test('and in the end the Pods are as they were', async () => {
    for (const name of ['web', 'busy']) {
      await until(
        `nothing but process 1 in ${name}`,
        async () => {
          const left = await strayProcesses(namespace.name, name);
          if (left.length > 0) throw new Error(left.join('\n'));
          return true;
        },
        { seconds: 30, everyMs: 500 },
      );
    }
  });
});
