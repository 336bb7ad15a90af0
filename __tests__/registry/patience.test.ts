import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createEndpoint } from '../../src/registry/endpoint.ts';
import { client, serve } from '../http/server.ts';

it('a registry on this machine that never answers is waited for once', async () => {
  await using server = await serve(() => {});
  const { http } = client({ limits: { whole: 300 } });
  const endpoint = createEndpoint({ http, clock: systemClock }, server.host, false);
  const begin = performance.now();
  const asked = endpoint.send((origin) => ({
    method: 'GET',
    url: new URL('/v2/', origin),
    maxBytes: 10,
    patience: 300,
  }));
  await expect(asked).rejects.toMatchObject({ code: 'network' });
  expect(performance.now() - begin).toBeLessThan(550);
  expect(server.requests).toHaveLength(1);
});

it('one that only stumbles is asked again', async () => {
  await using server = await serve(
    (_request, response, count) => void response.writeHead(count === 1 ? 503 : 200).end(),
  );
  const { http } = client({ random: () => 0 });
  const endpoint = createEndpoint({ http, clock: systemClock }, server.host, false);
  const answer = await endpoint.send((origin) => ({
    method: 'GET',
    url: new URL('/v2/', origin),
    maxBytes: 10,
    patience: 2_000,
  }));
  expect(answer.status).toBe(200);
  expect(server.requests).toHaveLength(2);
});
