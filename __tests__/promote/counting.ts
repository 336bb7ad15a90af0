// What a promotion costs, counted: requests, and the time that goes by on a clock of the test's own,
// on which every answer takes as long.
import { openWorld } from '../../src/edges/world.ts';
import { promote } from '../../src/engine/promote.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { ours, pushSigned, requestOf } from './promoting.ts';

/** milliseconds, by the clock of the test */
export const answerTime = 50;

/**
 * Promotes signed images of three platforms, twice, with the source and the target in memory.
 */
export async function twice(images: number, referrersApi: boolean) {
  const clock = new FakeClock(new Date());
  const network = new MemoryNetwork();
  await using made = await startRegistry({ referrersApi });
  for (let seed = 0; seed < images; seed++)
    await pushSigned(made, 'acme/app', { platforms: 3, tag: `v${seed}`, seed }, ours);
  const slow = { referrersApi, clock, network };
  const [source, target] = [await startRegistry(slow), await startRegistry(slow)];
  const [from, to] = [made.store.open('acme/app'), source.store.open('acme/app')];
  for (const [digest, bytes] of from.blobs) to.blobs.set(digest, bytes);
  for (const [digest, manifest] of from.manifests) to.manifests.set(digest, { ...manifest, at: 0 });
  for (const [name, history] of from.tags)
    to.tags.set(name, [{ ...history.at(-1), at: 0 } as never]);
  for (const registry of [source, target])
    registry.set({
      override: async (_asked, usual) => {
        await clock.sleep(answerTime);
        return usual();
      },
    });
  const none = () => {};
  const run = async () => {
    source.requests.length = target.requests.length = 0;
    const begin = clock.now();
    const request = requestOf(
      Array.from({ length: images }, (_, index) => `${source.host}/acme/app:v${index}`),
      [`${target.host}/prod/app`],
    );
    const surface = {
      env: { HOME: '/nonexistent' },
      clock,
      mask: { mask: none, maskKey: none, maskPrivateKey: none, maskBasic: none },
      tell: none,
      workspace: '.',
    };
    const world = openWorld(request.timeout, surface, { ahead: network });
    const { results } = await clock.run(() => promote(request, world).finally(world.close), 10_000);
    return {
      statuses: new Set(results.map(({ status }) => status)),
      milliseconds: clock.now() - begin,
      requests: source.requests.length + target.requests.length,
    };
  };
  return { first: await run(), second: await run() };
}
