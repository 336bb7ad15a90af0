import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { fakeWorld, get } from './server.ts';

const slowHosts = { grace: 2_000, most: 6_500 };
const retryBudget = 60_000;
const tooSlow = {
  code: 'network',
  message: expect.stringContaining(
    'is too slow: beyond 2 s for each answer this step has waited 6.5 s',
  ),
};

/** A world whose servers can be slow, and how to wait for what a client does in it. */
function openWorld(limits = slowHosts) {
  const world = fakeWorld();
  const { http } = world.client({ slowHosts: limits });
  return {
    ...world,
    http,
    /** a server that answers everything so late */
    late: (milliseconds: number, answer = (response: ServerResponse) => void response.end('x')) =>
      world.serve((_, response) => void world.clock.timer(milliseconds, () => answer(response))),
    /** one request after the other, so many times */
    inTurn: (times: number, origin: string, more: { grace?: number; chargedTo?: URL } = {}) =>
      world.clock.run(async () => {
        for (let time = 0; time < times; time++) await http(get(origin, { retryBudget, ...more }));
      }),
  };
}

describe('a host that keeps the run waiting', () => {
  it('is given up when it never answers, however patient the request is', async () => {
    const { clock, serve, http } = openWorld();
    await using server = await serve(() => {});
    const asked = clock.run(() => http(get(server.origin, { retryBudget })));
    await expect(asked).rejects.toMatchObject(tooSlow);
    expect([clock.now(), server.requests.length]).toEqual([8_500, 1]);
  });

  it('is given up when an answer drips', async () => {
    const { clock, serve, http } = openWorld();
    await using server = await serve((_, response) => {
      const drip = () => {
        response.write('x');
        clock.timer(1_000, drip);
      };
      drip();
    });
    const asked = clock.run(() => http(get(server.origin, { retryBudget })));
    await expect(asked).rejects.toMatchObject(tooSlow);
    expect(clock.now()).toBe(8_500);
  });

  it('is given up when each answer is a little late, and is then asked nothing any more', async () => {
    const { clock, late, http, inTurn } = openWorld();
    await using server = await late(4_000);
    await expect(inTurn(20, server.origin)).rejects.toMatchObject(tooSlow);
    // Each answer costs 2 of 6.5 s.
    expect(server.requests.length).toBe(4);
    await expect(clock.run(() => http(get(server.origin)))).rejects.toMatchObject(tooSlow);
    expect(server.requests.length).toBe(4);
  });

  it('fails everything that still waits for it, and no other host', async () => {
    const { clock, serve, late, http } = openWorld();
    await using slow = await serve(() => {});
    await using fast = await late(1_900);
    const answers = await clock.run(() => {
      const waiting = Array.from({ length: 5 }, () => http(get(slow.origin, { retryBudget })));
      return Promise.allSettled([...waiting, http(get(fast.origin))]);
    });
    expect(answers.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 5 }, () => 'rejected'),
      'fulfilled',
    ]);
    expect(await clock.run(() => http(get(fast.origin)))).toMatchObject({ status: 200 });
  });

  it('pays for where it redirects to: a chain of slow hosts costs no more than one', async () => {
    const { clock, late, http } = openWorld();
    const redirect = (location: string) => (response: ServerResponse) =>
      void response.writeHead(307, { location }).end();
    await using last = await late(5_000);
    await using middle = await late(5_000, redirect(last.origin));
    await using first = await late(5_000, redirect(middle.origin));
    const asked = clock.run(() => http(get(first.origin, { retryBudget })));
    await expect(asked).rejects.toMatchObject(tooSlow);
    expect(await clock.run(() => http(get(last.origin)))).toMatchObject({ status: 200 });
  });
});

describe('what an answer may take for nothing', () => {
  it('is less where the request says so', async () => {
    const { late, inTurn } = openWorld();
    await using server = await late(1_000);
    await inTurn(10, server.origin);
    await expect(inTurn(10, server.origin, { grace: 0 })).rejects.toMatchObject(tooSlow);
    expect(server.requests.length).toBe(17);
  });

  it('is counted from a request that waits beside patient ones', async () => {
    const { clock, serve, http } = openWorld();
    await using server = await serve(() => {});
    const waiting = [{ retryBudget }, { retryBudget, grace: 0 }];
    await clock.run(() =>
      Promise.allSettled(waiting.map((request) => http(get(server.origin, request)))),
    );
    expect(clock.now()).toBe(6_500);
  });

  it('is on the account of the host that named this one', async () => {
    const { clock, serve, late, http, inTurn } = openWorld();
    await using service = await late(5_000);
    await using registry = await serve((_, response) => response.end('x'));
    const chargedTo = new URL(registry.origin);
    await expect(inTurn(5, service.origin, { chargedTo })).rejects.toMatchObject(tooSlow);
    await expect(clock.run(() => http(get(registry.origin)))).rejects.toMatchObject({
      message: expect.stringContaining(chargedTo.host),
    });
    expect(await clock.run(() => http(get(service.origin)))).toMatchObject({ status: 200 });
  });
});

describe('a host that is honest', () => {
  it('may be slow for many at the same time: their common time counts once', async () => {
    const { clock, late, http } = openWorld();
    await using server = await late(5_000);
    const answers = await clock.run(() =>
      Promise.all(Array.from({ length: 40 }, () => http(get(server.origin, { atOnce: 40 })))),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });

  it('may take any number of answers that are in time', async () => {
    const { late, inTurn } = openWorld();
    await using server = await late(1_990);
    await inTurn(100, server.origin);
    expect(server.requests.length).toBe(100);
  });

  it('may ask to wait: the time between tries does not count', async () => {
    const { clock, serve, http } = openWorld();
    await using server = await serve((_, response, count) => {
      if (count > 1) response.end('x');
      else response.writeHead(429, { 'retry-after': '20' }).end();
    });
    const asked = () => http(get(server.origin, { retryBudget: { failing: 100, asked: 30_000 } }));
    expect(await clock.run(asked)).toMatchObject({ status: 200, attempts: 2 });
    expect(clock.now()).toBe(20_125);
  });
});
