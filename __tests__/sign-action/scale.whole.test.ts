// The small version of `npm run bench:scale`.
import { describe, expect, it } from 'vitest';
import { signingRun } from '../faults/signing-run.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { signed } from './signed.ts';

const key = makeKey();
const repository = 'acme/app';

async function pushMany(host: string, count: number) {
  return Promise.all(
    Array.from({ length: count }, (_, seed) => pushImage(host, repository, { seed })),
  );
}

describe.concurrent('many images in one step', () => {
  it('take a bounded number of requests each, and flat memory', async () => {
    const runs = [];
    for (const count of [10, 60]) {
      await using registry = await startRegistry();
      const images = await pushMany(registry.host, count);
      registry.requests.length = 0;
      const references = images.map(({ reference }) => reference);
      const run = await signed(keyedInputs(references, key), { measure: true });
      expect(run, run.shown.slice(-2000)).toMatchObject({ code: 0, outputs: { verified: 'true' } });
      expect(run.results).toHaveLength(count);
      runs.push({ each: registry.requests.length / count, mebibytes: (run.maxRssKb ?? 0) / 1024 });
    }
    const [few, many] = runs;
    expect(many?.each).toBeLessThan((few?.each ?? 0) * 1.2);
    expect(many?.mebibytes).toBeLessThan((few?.mebibytes ?? 0) + 60);
  });

  it('on a registry that allows 40 requests a second are all signed, with few refusals', async () => {
    await using registry = await startRegistry({ referrersApi: true, rateLimit: 10_000 });
    const images = await pushMany(registry.host, 6);
    await using strict = await startRegistry({
      referrersApi: true,
      rateLimit: 40,
      retryAfter: 'seconds',
    });
    for (const [name, content] of registry.store.repositories)
      strict.store.repositories.set(name, content);
    const digests = images.map(({ digest }) => digest);
    const results = await signingRun({
      host: strict.host,
      repository,
      images: digests,
      key,
      budget: 60_000,
    });
    expect(results.map(({ status, verified }) => [status, verified])).toEqual(
      digests.map(() => ['signed', true]),
    );
    const refused = strict.requests.filter(({ status }) => status === 429).length;
    expect(refused).toBeLessThan(strict.requests.length / 3);
    for (const digest of digests)
      expect(storedSignatures(strict.store, repository, digest, [key], true)).toHaveLength(2);
  });
});
