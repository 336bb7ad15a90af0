import { expect, it } from 'vitest';
import { createEndpoint } from '../../src/registry/endpoint.ts';
import { fakeWorld } from '../http/server.ts';

const ask = (origin: string) => ({
  method: 'GET' as const,
  url: new URL('/v2/', origin),
  maxBytes: 10,
  retryBudget: 30_000,
});

it('a registry on this machine that never answers is waited for once', async () => {
  const { clock, serve, client } = fakeWorld();
  await using server = await serve(() => {});
  const endpoint = createEndpoint({ http: client().http, clock }, server.host, false);
  await expect(clock.run(() => endpoint.send(ask))).rejects.toMatchObject({ code: 'network' });
  expect([clock.now(), server.requests.length]).toEqual([30_000, 1]);
});

it('one that only stumbles is asked again', async () => {
  const { clock, serve, client } = fakeWorld();
  await using server = await serve(
    (_request, response, count) => void response.writeHead(count === 1 ? 503 : 200).end(),
  );
  const endpoint = createEndpoint({ http: client().http, clock }, server.host, false);
  expect(await clock.run(() => endpoint.send(ask))).toMatchObject({ status: 200 });
  expect(server.requests).toHaveLength(2);
});

it('one that keeps failing is asked again for as long as the retry budget lasts, not twice as long', async () => {
  const { clock, serve, client } = fakeWorld();
  await using server = await serve((_request, response) => {
    clock.timer(5_000, () => void response.writeHead(503).end());
  });
  const endpoint = createEndpoint({ http: client().http, clock }, server.host, false);
  expect(await clock.run(() => endpoint.send(ask))).toMatchObject({ status: 503 });
  // The last try begins before 30 s are over.
  expect(clock.now()).toBeLessThanOrEqual(35_000);
});
