import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { client, fakeWorld, get, serve } from './server.ts';

describe('an answer', () => {
  it('is given whatever its status, with lower-case headers, repeated ones joined', async () => {
    await using server = await serve((_, response) => {
      response.setHeader('WWW-Authenticate', ['Basic realm="a"', 'Bearer realm="b"']);
      response.writeHead(404).end('no');
    });
    const { http, events } = client();
    const answer = await http(get(`${server.origin}/x?secret=1`));
    expect(answer).toMatchObject({ status: 404, body: Buffer.from('no'), attempts: 1 });
    expect(answer.headers['www-authenticate']).toBe('Basic realm="a", Bearer realm="b"');
    expect(events).toEqual([
      {
        method: 'GET',
        host: server.host,
        path: '/x',
        status: 404,
        milliseconds: expect.any(Number),
        attempt: 1,
      },
    ]);
  });

  it('comes over one kept connection, which close ends', async () => {
    await using server = await serve((_, response) => void response.end('x'));
    const { http } = client();
    for (let i = 0; i < 5; i++) await http(get(server.origin));
    expect(server.connections()).toBe(1);
    http.close();
  });

  it('opens at most 16 connections to a host, or as many as the request allows, and serves all the others in turn', async () => {
    await using server = await serve((_, response) => void setTimeout(() => response.end('x'), 10));
    const { http } = client();
    await Promise.all(Array.from({ length: 50 }, () => http(get(server.origin))));
    expect([server.requests.length, server.connections()]).toEqual([50, 16]);
    await Promise.all(Array.from({ length: 50 }, () => http(get(server.origin, { atOnce: 20 }))));
    expect([server.requests.length, server.connections()]).toEqual([100, 20]);
  });

  it('carries the body that was given and asks for no compression', async () => {
    await using server = await serve((_, response) => void response.end());
    const { http } = client();
    await http(get(server.origin, { method: 'PUT', body: Buffer.from('grüße') }));
    await http(get(server.origin, { method: 'POST' }));
    expect(
      server.requests.map(({ method, body, headers }) => [
        method,
        body,
        headers['content-length'],
        headers['accept-encoding'],
      ]),
    ).toEqual([
      ['PUT', 'grüße', '7', 'identity'],
      ['POST', '', '0', 'identity'],
    ]);
  });
});

describe('bounds', () => {
  it.each([
    ['declared', true],
    ['undeclared', false],
  ])('refuses a body that is larger than allowed: %s', async (_, declared) => {
    await using server = await serve((_, response) => {
      if (declared) response.setHeader('content-length', 1e9);
      const more = (): void =>
        void response.write(Buffer.alloc(500), () => !response.destroyed && setImmediate(more));
      more();
    });
    await expect(client().http(get(server.origin, { retryBudget: 5000 }))).rejects.toMatchObject({
      code: 'too-large',
    });
    expect(server.requests.length).toBe(1);
  });

  it('takes a body of exactly the size allowed', async () => {
    await using server = await serve((_, response) => void response.end(Buffer.alloc(1000)));
    expect((await client().http(get(server.origin))).body.length).toBe(1000);
  });

  it('refuses compressed bodies (a small bomb becomes gigabytes)', async () => {
    await using server = await serve(
      (_, response) =>
        void response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(1e6))),
    );
    await expect(client().http(get(server.origin, { maxBytes: 1e6 }))).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('"gzip"'),
    });
  });

  it('refuses endless headers', async () => {
    await using server = await serve(
      (_, response) => void response.setHeader('x', 'y'.repeat(70_000)).end(),
    );
    await expect(client().http(get(server.origin))).rejects.toMatchObject({
      code: 'network',
      cause: { code: 'HPE_HEADER_OVERFLOW' },
    });
  });

  it.each<[string, number, (response: ServerResponse, clock: FakeClock) => void]>([
    ['a server that never answers', 30_000, () => {}],
    ['a body that stops', 10_000, (response) => void response.write('x')],
    [
      'a body that drips',
      30_000,
      (response, clock) => {
        const drip = () => {
          response.write('x');
          clock.timer(9_000, drip);
        };
        drip();
      },
    ],
  ])('does not wait for %s', async (_, milliseconds, behave) => {
    const { clock, serve, client } = fakeWorld();
    await using server = await serve((_request, response) => behave(response, clock));
    await expect(clock.run(() => client().http(get(server.origin)))).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/did not answer completely in time/),
    });
    expect([clock.now(), server.requests.length]).toEqual([milliseconds, 1]);
  });

  it('waits for a body that comes slowly and arrives in time', async () => {
    const { clock, serve, client } = fakeWorld();
    await using server = await serve((_request, response) => {
      response.write('slow');
      clock.timer(9_000, () => response.write('er'));
      clock.timer(18_000, () => response.end('ver'));
    });
    const { http } = client();
    expect(String((await clock.run(() => http(get(server.origin)))).body)).toBe('slowerver');
  });

  it('does not wait for a connection that is neither accepted nor refused', async () => {
    const { clock, network, client } = fakeWorld();
    network.mute(9);
    const asked = clock.run(() => client().http(get('http://127.0.0.1:9/')));
    await expect(asked).rejects.toMatchObject({ cause: { code: 'CONNECT_TIMEOUT' } });
    expect(clock.now()).toBe(10_000);
  });

  it('ends with `timeout` when the step is over, however patient the request', async () => {
    const { clock, serve, client } = fakeWorld();
    await using server = await serve(() => {});
    const { http } = client({ milliseconds: 45_000 });
    const asked = () => http(get(server.origin, { retryBudget: 600_000 }));
    await expect(clock.run(asked)).rejects.toMatchObject({ code: 'timeout' });
    // 30 s for the first try, a pause, and what is left for the second.
    expect([clock.now(), server.requests.length]).toEqual([45_000, 2]);
    await expect(asked()).rejects.toMatchObject({ code: 'timeout' });
    expect(server.requests.length).toBe(2);
  });
});

describe('retries', () => {
  it.each([429, 500, 503])('asks again after %i', async (status) => {
    await using server = await serve(
      (_, response, count) => void response.writeHead(count < 3 ? status : 200).end(),
    );
    const { http, events } = client({ random: () => 0 });
    expect(await http(get(server.origin, { retryBudget: 60_000 }))).toMatchObject({
      status: 200,
      attempts: 3,
    });
    expect(events.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('asks again after a reset, also of a PUT, and after an answer that breaks off', async () => {
    await using server = await serve((_, response, count) => {
      if (count === 1) response.destroy();
      else if (count === 2)
        response.writeHead(200, { 'content-length': 5 }).write('ab', () => response.destroy());
      else response.end('hello');
    });
    const answer = await client({ random: () => 0 }).http(
      get(server.origin, { method: 'PUT', body: Buffer.from('x'), retryBudget: 60_000 }),
    );
    expect([answer.body.toString(), server.requests.length]).toEqual(['hello', 3]);
  });

  it('does not ask again without a retry budget, nor for an answer that stays', async () => {
    await using server = await serve(
      (request, response) => void response.writeHead(request.url === '/busy' ? 503 : 404).end(),
    );
    const { http } = client();
    expect((await http(get(`${server.origin}/busy`))).status).toBe(503);
    expect((await http(get(`${server.origin}/no`, { retryBudget: 60_000 }))).status).toBe(404);
    expect(server.requests.length).toBe(2);
  });

  it('gives up at once when Retry-After asks for more than the retry budget', async () => {
    const { clock, serve, client } = fakeWorld();
    await using server = await serve(
      (_, response) => void response.writeHead(429, { 'retry-after': '3600' }).end(),
    );
    const asked = () => client().http(get(server.origin, { retryBudget: 5000 }));
    expect(await clock.run(asked)).toMatchObject({ status: 429, attempts: 1 });
    expect(clock.now()).toBe(0);
  });

  it('a kept connection that the server has closed costs nothing of the retry budget', async () => {
    const { clock, serve, client } = fakeWorld();
    await using server = await serve((request, response, count) =>
      count === 2 ? request.socket.destroy() : void response.end('x'),
    );
    const { http } = client();
    const twice = async () => {
      await http(get(server.origin));
      return http(get(server.origin));
    };
    expect((await clock.run(twice)).status).toBe(200);
    expect(clock.now()).toBe(0);
    expect(server.requests.length).toBe(3);
  });

  it('says who refused, how often and for how long', async () => {
    const { clock, client } = fakeWorld();
    const asked = () => client().http(get('http://127.0.0.1:9/', { retryBudget: 30_000 }));
    await expect(clock.run(asked)).rejects.toMatchObject({
      code: 'network',
      // Half of 250 ms, 500 ms and so on to 5 s, while they end within 30 s.
      message: '127.0.0.1:9 refused the connection (16 tries in 28.9 s).',
      cause: { code: 'ECONNREFUSED' },
    });
  });
});

describe('redirects', () => {
  it('are followed five times, and not for ever', async () => {
    await using server = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const { http } = client();
    expect(await http(get(`${server.origin}/5`))).toMatchObject({
      status: 200,
      url: new URL(`${server.origin}/0`),
    });
    await expect(http(get(`${server.origin}/6`))).rejects.toMatchObject({ code: 'network' });
  });

  it('take no credentials to another origin', async () => {
    await using other = await serve((_, response) => void response.end('blob'));
    await using server = await serve(
      (_, response) => void response.writeHead(307, { location: `${other.origin}/b` }).end(),
    );
    await client().http(
      get(server.origin, { headers: { authorization: 'Bearer secret', accept: 'a/b' } }),
    );
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.headers.authorization).toBe('Bearer secret');
  });
});

describe('proxies', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])('%s is honoured, but never for loopback', async (name) => {
    await using proxy = await serve((_, response) => void response.end('from the proxy'));
    await using server = await serve((_, response) => void response.end('direct'));
    const { http } = client({ env: { [name]: proxy.origin } });
    expect((await http(get('http://registry.test/x'))).body.toString()).toBe('from the proxy');
    expect((await http(get(server.origin))).body.toString()).toBe('direct');
  });

  it('does not wait for a proxy that never opens its tunnel', async () => {
    const clock = new FakeClock();
    const reached = Promise.withResolvers<void>();
    const held: { destroy(): void }[] = [];
    const mute = createServer((socket) => {
      held.push(socket.on('error', () => {}));
      reached.resolve();
    });
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
    const { http } = client({ env, clock, milliseconds: 60_000 });
    const asked = http(get('https://registry.test/x'));
    asked.catch(() => {}); // awaited below
    await reached.promise;
    await clock.advance(9_999);
    expect(clock.timers).toBeGreaterThan(1);
    await clock.advance(1);
    await expect(asked).rejects.toMatchObject({
      code: 'network',
      cause: { code: 'CONNECT_TIMEOUT' },
    });
    for (const socket of held) socket.destroy();
    mute.close();
  });
});
