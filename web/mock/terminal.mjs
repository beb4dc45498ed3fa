// The mock hub's side of the terminal WebSocket: a toy shell that echoes, floods, skips, ends and is withdrawn on command.
const send = (socket, kind, bytes) => socket.send(Buffer.concat([Buffer.of(kind), bytes]));
const prompt = '\x1b[32mmina@ws-quiet-otter\x1b[0m:\x1b[34m~\x1b[0m$ ';

export function serveTerminal(socket, passage) {
  if (!passage) {
    deny(socket, 'ticket_invalid', 4403);
    return;
  }
  let line = '';
  let received = 0;
  let frames = 0;
  let acked = 0n;
  let flood;
  const out = (text) => send(socket, 1, Buffer.from(text));
  socket.send(JSON.stringify({ type: 'ready', terminal_id: 'trm_mock', ...pick(passage) }));
  if (!passage.tty) {
    send(socket, 1, Buffer.from('one line to stdout\n'));
    send(socket, 2, Buffer.from('and one to stderr\n'));
    setTimeout(() => end(0), 300);
  } else {
    out(
      'Linux ws-quiet-otter 6.1.0 x86_64\r\n안녕하세요. 한글과 이모지 👩‍💻 🇰🇷 폭 시험입니다.\r\n│가나다라마바사│\r\n│ABCDEFGHIJKLMN│\r\n',
    );
    for (let n = 0; n < 16; n++) out(`\x1b[4${n % 8}m  \x1b[10${n % 8}m  \x1b[0m`);
    out(
      '\r\n\x1b[38;2;255;140;0mtrue colour\x1b[0m  \x1b[1mbold 굵게\x1b[0m  \x1b[4munderline\x1b[0m  https://sallyport.dev/docs  \x1b[30;42mtmp\x1b[0m\r\n',
    );
    out(`\x1b]0;\u202emina@ws\u0007${prompt}`);
  }
  const end = (code) => {
    clearInterval(flood);
    socket.send(JSON.stringify({ type: 'exit', code, reason: 'Completed' }));
    socket.close(1000, '');
  };
  const run = (command) => {
    if (command === 'exit') return end(0);
    if (command === 'fail') return end(127);
    if (command === 'withdraw') return deny(socket, 'right_withdrawn', 4420, 'kubernetes');
    if (command === 'revoke') return deny(socket, 'link_revoked', 4410);
    if (command === 'drain') socket.send(JSON.stringify({ type: 'draining', in_s: 30 }));
    if (command === 'stop') return deny(socket, 'hub_draining', 4503);
    if (command === 'cut') return socket.terminate();
    if (command === 'skip') {
      socket.send(JSON.stringify({ type: 'skipped', bytes: 18_400_000 }));
      send(socket, 3, Buffer.from(`after the skip, the screen as it is now\r\n`));
    }
    if (command === 'flood') {
      let n = 0;
      flood = setInterval(() => {
        out(`${String(n++).padStart(8, '0')} ${'x'.repeat(60)}\r\n`.repeat(200));
        if (n > 100) clearInterval(flood);
      }, 10);
    }
    if (command === 'stats') out(`received ${received} frames ${frames} acked ${acked}\r\n`);
    if (command === 'seq') for (let n = 1; n <= 200; n++) out(`line ${n} of the scrollback\r\n`);
    out(prompt);
  };
  socket.on('message', (data, isBinary) => {
    if (!isBinary) {
      const message = JSON.parse(data.toString());
      if (message.type === 'ping') socket.send(JSON.stringify({ type: 'pong', n: message.n }));
      return;
    }
    if (data[0] === 6) acked = data.readBigUInt64BE(1);
    if (data[0] !== 0) return;
    frames++;
    received += data.length - 1;
    let echo = '';
    const flush = () => {
      if (echo) out(echo);
      echo = '';
    };
    for (const char of data.subarray(1).toString()) {
      if (char === '\r') {
        echo += '\r\n';
        flush();
        run(line.trim());
        line = '';
      } else if (char === '\x7f') {
        line = line.slice(0, -1);
        echo += '\b \b';
      } else if (char === '\x03') {
        clearInterval(flood);
        line = '';
        echo += `^C\r\n${prompt}`;
      } else {
        line += char;
        echo += char;
      }
    }
    flush();
  });
  socket.on('close', () => clearInterval(flood));
}

function pick({ user, cluster, namespace, pod, container, tty }) {
  return { user, cluster, namespace, pod, container, tty };
}

function deny(socket, code, close, decided_by = 'hub') {
  const problem = {
    type: `https://sallyport.dev/problems/${code}`,
    title: code,
    status: 403,
    detail: `the right pods/exec on demo/sallyport-mina/ws-quiet-otter was withdrawn`,
    code,
    decided_by,
    request_id: 'req_8f2k1mock0001',
  };
  socket.send(JSON.stringify({ type: 'denied', problem }));
  socket.close(close, code);
}
