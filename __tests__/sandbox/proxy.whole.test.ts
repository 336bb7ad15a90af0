import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { pushImage } from './images.ts';
import { depthOf, parallelOf, startDelayProxy, startDelayProxyProcess } from './proxy.ts';
import { startRegistry } from './registry.ts';

const spans = (...pairs: [number, number][]) => pairs.map(([start, end]) => ({ start, end }));

describe('the depth of a log', () => {
  it.each([
    [spans(), 0, 0],
    [spans([0, 10], [0, 10], [0, 10]), 1, 3],
    [spans([0, 10], [10, 20], [20, 30]), 3, 1],
    [spans([0, 30], [1, 10], [11, 20], [5, 15]), 2, 3],
    [spans([20, 30], [0, 10], [5, 25], [11, 19]), 3, 2],
  ])('%j: %i deep, %i at once', (log, depth, parallel) => {
    expect([depthOf(log), parallelOf(log)]).toEqual([depth, parallel]);
  });
});

describe('the slow network', () => {
  it('costs every answer and every connection its time, and counts what went through', async () => {
    const clock = new FakeClock();
    await using registry = await startRegistry();
    const proxy = await startDelayProxy({
      target: registry.host,
      perResponseMs: 40,
      perConnectionMs: 30,
      clock,
    });
    const ask = async (count: number) => {
      const begin = clock.slept.length;
      const answers = Array.from({ length: count }, async () =>
        (await fetch(`${proxy.url}/v2/`)).text(),
      );
      const waits = (times: number) =>
        vi.waitFor(() => expect(clock.slept.length).toBe(begin + times), { timeout: 15_000 });
      await waits(count); // for their connections, those that are new
      await clock.advance(30);
      await waits(2 * count); // for the answers
      await clock.advance(40);
      await Promise.all(answers);
    };
    await ask(1);
    await ask(3);
    expect(clock.slept.toSorted()).toEqual([0, 30, 30, 30, 40, 40, 40, 40]); // one was kept
    expect(proxy.statistics()).toMatchObject({ requests: 4, depth: 2, parallel: 3 });
    proxy.reset();
    expect(proxy.statistics()).toEqual({
      requests: 0,
      connections: 0,
      depth: 0,
      parallel: 0,
      log: [],
    });
    await proxy.close();
  });

  it.each(['relative', 'absolute'] as const)(
    'is where %s upload locations lead',
    async (uploadLocation) => {
      await using registry = await startRegistry({ uploadLocation });
      const proxy = await startDelayProxy({
        target: registry.host,
        perResponseMs: 0,
        perConnectionMs: 0,
      });
      await pushImage(proxy.host, 'a/b');
      expect(proxy.statistics().requests).toBe(registry.requests.length);
      await proxy.close();
    },
  );

  it('rewrites what names the target itself, and nothing else', async () => {
    const answers: Record<string, Record<string, string>> = {};
    const server = createServer((asked, answer) =>
      answer.writeHead(401, answers[asked.url ?? '']).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const proxy = await startDelayProxy({ target, perResponseMs: 0, perConnectionMs: 0 });
    answers['/own'] = {
      location: `http://${target}/x`,
      'www-authenticate': `Bearer realm="http://${target}/token"`,
    };
    answers['/other'] = { location: 'http://127.0.0.1:9/x' };
    const own = await fetch(`${proxy.url}/own`);
    const other = await fetch(`${proxy.url}/other`);
    expect([
      own.headers.get('location'),
      own.headers.get('www-authenticate'),
      other.headers.get('location'),
    ]).toEqual([`${proxy.url}/x`, `Bearer realm="${proxy.url}/token"`, 'http://127.0.0.1:9/x']);
    await proxy.close();
    server.close();
  });

  it('runs in a process of its own, which ends when it is closed', async () => {
    await using registry = await startRegistry();
    const proxy = await startDelayProxyProcess({
      target: registry.host,
      perResponseMs: 1,
      perConnectionMs: 1,
    });
    await pushImage(proxy.host, 'a/b');
    expect(await proxy.statistics()).toMatchObject({
      requests: registry.requests.length,
      parallel: 1,
    });
    await proxy.reset();
    expect((await proxy.statistics()).requests).toBe(0);
    await proxy.close();
    await expect(fetch(`${proxy.url}/v2/`)).rejects.toThrow();
  });
});
