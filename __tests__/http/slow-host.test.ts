import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { client, get, serve } from './server.ts';

const slowHosts = { grace: 100, most: 300 };
const patience = 5_000;
const tooSlow = {
  code: 'network',
  message: expect.stringContaining(
    'is too slow: beyond 0.1 s for each answer this step has waited 0.3 s',
  ),
};

/** Answers with 20 bytes, one every so many milliseconds. */
function drip(response: ServerResponse, every: number): void {
  let left = 20;
  const timer = setInterval(() => {
    response.write('x');
    if (--left > 0 && !response.destroyed) return;
    clearInterval(timer);
    response.end();
  }, every);
}

async function spent(work: Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work;
  return performance.now() - begin;
}

describe('a host that keeps the run waiting', () => {
  it('is given up when it never answers, however patient the request is', async () => {
    await using server = await serve(() => {});
    const { http } = client({ slowHosts });
    const milliseconds = await spent(
      expect(http(get(server.origin, { patience }))).rejects.toMatchObject(tooSlow),
    );
    expect(milliseconds).toBeGreaterThan(395);
    expect(milliseconds).toBeLessThan(1_500);
    expect(server.requests.length).toBe(1);
  });

  it('is given up when an answer drips', async () => {
    await using server = await serve((_, response) => drip(response, 100));
    await expect(
      client({ slowHosts }).http(get(server.origin, { patience })),
    ).rejects.toMatchObject(tooSlow);
  });

  it('is given up when each answer is a little late, and is then asked nothing any more', async () => {
    await using server = await serve(
      (_, response) => void setTimeout(() => response.end('x'), 200),
    );
    const { http } = client({ slowHosts });
    const inTurn = async () => {
      for (let times = 0; times < 20; times++) await http(get(server.origin, { patience }));
    };
    await expect(inTurn()).rejects.toMatchObject(tooSlow);
    const asked = server.requests.length;
    expect(asked).toBeLessThan(5);
    await expect(http(get(server.origin, { patience }))).rejects.toMatchObject(tooSlow);
    expect(server.requests.length).toBe(asked);
  });

  it('fails everything that still waits for it, and no other host', async () => {
    await using slow = await serve(() => {});
    await using fast = await serve((_, response) => void setTimeout(() => response.end('x'), 50));
    const { http } = client({ slowHosts });
    const waiting = Array.from({ length: 5 }, () => http(get(slow.origin, { patience })));
    const answers = await Promise.allSettled([...waiting, http(get(fast.origin))]);
    expect(answers.map(({ status }) => status)).toEqual([
      ...waiting.map(() => 'rejected'),
      'fulfilled',
    ]);
    expect(await http(get(fast.origin))).toMatchObject({ status: 200 });
  });

  it('pays for where it redirects to: a chain of slow hosts costs no more than one', async () => {
    await using last = await serve((_, response) => void setTimeout(() => response.end('x'), 250));
    await using middle = await serve(
      (_, response) =>
        void setTimeout(() => response.writeHead(307, { location: last.origin }).end(), 250),
    );
    await using first = await serve(
      (_, response) =>
        void setTimeout(() => response.writeHead(307, { location: middle.origin }).end(), 250),
    );
    const { http } = client({ slowHosts });
    await expect(http(get(first.origin, { patience }))).rejects.toMatchObject(tooSlow);
    expect(await http(get(last.origin))).toMatchObject({ status: 200 });
  });
});

describe('what an answer may take for nothing', () => {
  it('is less where the request says so', async () => {
    await using server = await serve((_, response) => void setTimeout(() => response.end('x'), 60));
    const { http } = client({ slowHosts });
    const inTurn = async (grace?: number) => {
      for (let times = 0; times < 10; times++)
        await http(get(server.origin, grace === undefined ? { patience } : { patience, grace }));
    };
    await inTurn();
    await expect(inTurn(0)).rejects.toMatchObject(tooSlow);
    expect(server.requests.length).toBeLessThan(17);
  });

  it('is counted from a request that waits beside patient ones', async () => {
    await using server = await serve(() => {});
    const { http } = client({ slowHosts: { grace: 2_000, most: 300 } });
    const patient = http(get(server.origin, { patience }));
    const strict = http(get(server.origin, { patience, grace: 0 }));
    const milliseconds = await spent(Promise.allSettled([patient, strict]));
    expect(milliseconds).toBeGreaterThan(295);
    expect(milliseconds).toBeLessThan(1_500);
  });

  it('is on the account of the host that named this one', async () => {
    await using service = await serve(
      (_, response) => void setTimeout(() => response.end('x'), 250),
    );
    await using registry = await serve((_, response) => response.end('x'));
    const { http } = client({ slowHosts });
    const asked = () =>
      http(get(service.origin, { patience, chargedTo: new URL(registry.origin) }));
    const inTurn = async () => {
      for (let times = 0; times < 5; times++) await asked();
    };
    await expect(inTurn()).rejects.toMatchObject(tooSlow);
    await expect(http(get(registry.origin))).rejects.toMatchObject({
      message: expect.stringContaining(new URL(registry.origin).host),
    });
    expect(await http(get(service.origin))).toMatchObject({ status: 200 });
  });
});

describe('a host that is honest', () => {
  it('may be slow for many at the same time: their common time counts once', async () => {
    await using server = await serve(
      (_, response) => void setTimeout(() => response.end('x'), 250),
    );
    const { http } = client({ slowHosts });
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => http(get(server.origin, { atOnce: 40 }))),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  it('may take any number of answers that are in time', async () => {
    await using server = await serve((_, response) => void setTimeout(() => response.end('x'), 30));
    const { http } = client({ slowHosts });
    for (let times = 0; times < 25; times++)
      expect(await http(get(server.origin))).toMatchObject({ status: 200 });
  });

  it('may ask to wait: the time between tries does not count', async () => {
    await using server = await serve((_, response, count) => {
      if (count > 1) response.end('x');
      else response.writeHead(429, { 'retry-after': '1' }).end();
    });
    const { http } = client({ slowHosts });
    expect(
      await http(get(server.origin, { patience: { failing: 100, asked: 5_000 } })),
    ).toMatchObject({ status: 200, attempts: 2 });
  });
});
