// A window on what the API server is asked: a listener before it, with the same certificate, that hands on all it gets
// and notes who asked for what, and as whom. It decides nothing and forges nothing; that is the tests' part.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { dirname, join } from 'node:path';
import { kubeconfig, kubectl } from './cluster.mjs';

const identityHeader = /^(impersonate-|x-remote-)/i;

const pairs = (rawHeaders) => rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1]]] : []));
const lines = ({ rawHeaders }) =>
  pairs(rawHeaders)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n');

/** The headers of a request by which the API server would take it for somebody's, in their order. */
const identityOf = (rawHeaders) =>
  pairs(rawHeaders)
    .filter(([name]) => identityHeader.test(name))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`);

/** Listens until `stop`; `access` is how a hub gets there, by a kubeconfig that lies in `folder`. */
export async function openWindowOnApiServer(folder) {
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '-o', 'json']));
  const [{ cluster }, { user }] = [config.clusters[0], config.users[0]];
  const upstream = new URL(cluster.server);
  const tls = {
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    cert: Buffer.from(user['client-certificate-data'], 'base64'),
    key: Buffer.from(user['client-key-data'], 'base64'),
  };
  const asked = [];
  const handOn = (incoming) => {
    const { pathname } = new URL(incoming.url, cluster.server);
    const note = { method: incoming.method, path: pathname, identity: identityOf(incoming.rawHeaders), body: '' };
    asked.push(note);
    incoming.on('data', (part) => {
      note.body += part;
    });
    return request({
      ...tls,
      host: upstream.hostname,
      port: upstream.port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.rawHeaders,
      agent: false,
    });
  };
  const answer = (response, outgoing) => {
    outgoing.writeHead(response.statusCode, response.rawHeaders);
    response.pipe(outgoing);
  };

  const pki = join(dirname(kubeconfig), 'pki');
  const server = createServer({
    cert: readFileSync(join(pki, 'apiserver.crt')),
    key: readFileSync(join(pki, 'apiserver.key')),
  });
  server.on('request', (incoming, outgoing) => {
    const onward = handOn(incoming);
    onward.on('response', (response) => answer(response, outgoing));
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on('upgrade', (incoming, socket, head) => {
    const onward = handOn(incoming);
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
    // No upgrade: what the server said instead is handed on, and with it the connection ends.
    onward.on('response', (response) => {
      socket.write(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\n${lines(response)}\r\n\r\n`);
      response.pipe(socket);
    });
    onward.on('upgrade', (response, behind, first) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines(response)}\r\n\r\n`);
      socket.write(first);
      behind.write(head);
      behind.on('error', () => socket.destroy());
      socket.on('error', () => behind.destroy());
      behind.pipe(socket);
      socket.pipe(behind);
    });
    onward.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  cluster.server = `https://127.0.0.1:${server.address().port}`;
  const file = join(folder, 'kubeconfig');
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return {
    access: { kubeconfig: file, context: config.contexts[0].name },
    /** What was asked since the last look. */
    look: () => asked.splice(0),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
