import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const minutes = 60_000;
let page: EventTarget;
let asked: Request[];
let presence: typeof import('./presence');
let client: typeof import('./client');

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  page = new EventTarget();
  asked = [];
  vi.stubGlobal('window', page);
  // A page's own paths are enough for a browser's requests, and Node's want an origin.
  vi.stubGlobal(
    'Request',
    class extends Request {
      constructor(path: string, init?: RequestInit) {
        super(new URL(path, 'https://hub.example'), init);
      }
    },
  );
  vi.stubGlobal('fetch', async (request: Request) => {
    asked.push(request);
    return Response.json({});
  });
  vi.resetModules();
  presence = await import('./presence');
  client = await import('./client');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const goOn = (ms: number) => vi.setSystemTime(Date.now() + ms);

describe('whether somebody is at the page', () => {
  test('is assumed of a page just opened, for two minutes', () => {
    goOn(2 * minutes - 1);
    expect(presence.isSomebodyHere()).toBe(true);
    goOn(1);
    expect(presence.isSomebodyHere()).toBe(false);
  });

  test.each(['keydown', 'pointerdown', 'pointermove', 'wheel'])('is known by %s, for two minutes more', (sign) => {
    goOn(60 * minutes);
    expect(presence.isSomebodyHere()).toBe(false);
    page.dispatchEvent(new Event(sign));
    expect(presence.isSomebodyHere()).toBe(true);
    goOn(2 * minutes);
    expect(presence.isSomebodyHere()).toBe(false);
  });

  test.each(['focus', 'visibilitychange', 'load', 'message'])('is not known by %s, which needs nobody', (sign) => {
    goOn(60 * minutes);
    page.dispatchEvent(new Event(sign));
    expect(presence.isSomebodyHere()).toBe(false);
  });
});

describe('a request', () => {
  const ask = async (): Promise<string | null | undefined> => {
    await client.api.GET('/api/v1/me');
    return asked.at(-1)?.headers.get('X-Sallyport-Background');
  };

  test('says that the page asks by itself as long as nobody is there', async () => {
    expect(await ask()).toBeNull();
    goOn(2 * minutes);
    expect(await ask()).toBe('1');
    page.dispatchEvent(new Event('pointermove'));
    expect(await ask()).toBeNull();
    expect(asked.length).toBe(3);
  });

  test('that changes something says so too, beside its CSRF token', async () => {
    client.setCsrf('to-ken');
    goOn(2 * minutes);
    await client.api.POST('/api/v1/sign-out', { body: { everywhere: false } });
    const headers = asked[0]?.headers;
    expect([headers?.get('X-Sallyport-Background'), headers?.get('X-Sallyport-CSRF')]).toEqual(['1', 'to-ken']);
  });
});
