// Somebody at a browser, without the browser: HTTP with a cookie jar of one, the CSRF token, and an Origin.
// What a real page always sends is sent by default, and everything can be left out or forged.
import { request } from 'node:https';
import { openTerminal } from './web_socket.mjs';

/** What hubs gave to these people or were shown by them, for nobody else's eyes: no hub's log may hold any of it. */
export const secretsGiven = new Set();

export class Person {
  constructor(hub) {
    this.hub = hub;
    this.cookie = undefined;
    this.csrf = undefined;
  }

  /** The same browser at another hub of the same store. */
  at(hub) {
    return Object.assign(new Person(hub), { cookie: this.cookie, csrf: this.csrf, me: this.me });
  }

  /** A header given as `null` is left out. */
  ask(method, path, body, headers = {}) {
    const isUnsafe = !['GET', 'HEAD'].includes(method);
    const all = {
      cookie: this.cookie,
      origin: isUnsafe ? this.hub.origin : undefined,
      'x-sallyport-csrf': isUnsafe ? this.csrf : undefined,
      'content-type': body === undefined ? undefined : 'application/json',
      ...headers,
    };
    for (const [name, value] of Object.entries(all)) if (value === undefined || value === null) delete all[name];
    const bytes =
      body === undefined
        ? undefined
        : Buffer.from(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: '127.0.0.1',
          port: this.hub.port,
          servername: 'localhost',
          ca: this.hub.ca,
          method,
          path,
          headers: {
            host: new URL(this.hub.origin).host,
            ...(bytes ? { 'content-length': bytes.length } : {}),
            ...all,
          },
          agent: false,
        },
        (response) => {
          const parts = [];
          response.on('data', (part) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(parts).toString();
            let json;
            try {
              json = JSON.parse(text);
            } catch {
              // Not every answer is JSON.
            }
            resolve({ status: response.statusCode, headers: response.headers, text, body: json });
          });
        },
      );
      asked.on('error', reject);
      asked.end(bytes);
    });
  }

  get(path, headers) {
    return this.ask('GET', path, undefined, headers);
  }
  post(path, body, headers) {
    return this.ask('POST', path, body, headers);
  }
  delete(path, headers) {
    return this.ask('DELETE', path, undefined, headers);
  }

  async signIn(username, password) {
    secretsGiven.add(password);
    const answer = await this.post('/api/v1/sign-in/password', { username, password });
    if (answer.status !== 200) throw new Error(`${username} cannot sign in: ${answer.status} ${answer.text}`);
    this.take(answer);
    return answer;
  }

  take(answer) {
    this.cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? this.cookie;
    this.csrf = answer.body.csrf;
    for (const secret of [this.cookie?.split('=')[1], this.csrf]) if (secret) secretsGiven.add(secret);
    this.me = answer.body;
  }

  /** Mints a link; `secret` is the part after the `#`. */
  async mint(wish) {
    const answer = await this.post('/api/v1/links', { tty: true, ...wish });
    if (answer.status !== 201) throw new Error(`no link: ${answer.status} ${answer.text}`);
    const secret = new URL(answer.body.url).hash.slice(1);
    secretsGiven.add(secret.split('.').at(-1));
    return { ...answer.body, secret };
  }

  /** First gate. */
  async validate(secret, headers) {
    const answer = await this.post('/presigned/validate', { link: secret }, headers);
    if (answer.body?.ticket) secretsGiven.add(answer.body.ticket);
    return answer;
  }

  /** Second gate. */
  connect(ticket, options = {}) {
    return openTerminal(this.hub, { cookie: this.cookie, origin: this.hub.origin, ticket, ...options });
  }

  /** All the way: a link, both gates, and a process that runs. */
  async enter(wish, options) {
    const link = await this.mint(wish);
    const passage = await this.validate(link.secret);
    if (passage.status !== 200) throw new Error(`first gate: ${passage.status} ${passage.text}`);
    const terminal = await this.connect(passage.body.ticket, options);
    await terminal.ready();
    return Object.assign(terminal, { link });
  }
}
