// The same job again: what is there already is not written a second time; what is missing is.
import { describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { contentOf, keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { signed } from './signed.ts';

const key = makeKey();
const otherKey = makeKey();

describe.concurrent.each(sampled([true, false], ['false']))(
  'a job that runs again (referrers API: %s)',
  (referrersApi) => {
    async function world() {
      const registry = await startRegistry({ referrersApi, ociSubject: referrersApi });
      const image = await pushImage(registry.host, 'acme/app');
      const kept = (keys = [key]) =>
        storedSignatures(registry.store, 'acme/app', image.digest, keys, referrersApi);
      return { registry, image, kept, content: () => contentOf(registry.store, 'acme/app') };
    }

    it('adds nothing, and tells the same signatures as the first time', async () => {
      const { registry, image, content } = await world();
      await using _ = registry;
      const first = await signed(keyedInputs(image.reference, key, { annotations: 'team=core' }));
      expect(first, first.stdout).toMatchObject({
        code: 0,
        results: [{ status: 'signed', verified: true }],
      });
      const before = content();
      const again = await signed(keyedInputs(image.reference, key, { annotations: 'team=core' }));
      expect(again).toMatchObject({
        code: 0,
        results: [{ status: 'already-signed', verified: true, annotations: { team: 'core' } }],
      });
      expect(again.results[0]?.signatures).toEqual(first.results[0]?.signatures);
      expect(content()).toEqual(before);
      expect(again.outputs).toMatchObject({
        verified: 'true',
        image: image.reference,
        'signature-digest': first.outputs['signature-digest'],
      });
    });

    it.each(sampled(['bundle', 'legacy'], ['bundle']))(
      'completes a first run that wrote only the %s',
      async (there) => {
        const { registry, image, kept } = await world();
        await using _ = registry;
        await signed(keyedInputs(image.reference, key, { format: there }));
        const earlier = kept();
        expect(earlier).toHaveLength(1);
        const again = await signed(keyedInputs(image.reference, key, { format: 'both' }));
        expect(again).toMatchObject({ code: 0, results: [{ status: 'signed', verified: true }] });
        expect(again.results[0]?.signatures.map(({ format }) => format)).toEqual([
          'bundle',
          'legacy',
        ]);
        expect(kept().map(({ format, verdict, listed }) => [format, verdict, listed])).toEqual([
          ['bundle', 'verified', true],
          ['legacy', 'verified', true],
        ]);
      },
    );

    it('signs again with other annotations, with another key, and when it must not skip', async () => {
      const { registry, image, kept } = await world();
      await using _ = registry;
      const runs: [typeof key, Record<string, string>][] = [
        [key, {}],
        [key, { annotations: 'team=core' }],
        [otherKey, {}],
        [key, { 'skip-existing': 'false' }],
      ];
      for (const [signer, more] of runs) {
        expect(await signed(keyedInputs(image.reference, signer, more))).toMatchObject({
          code: 0,
          results: [{ status: 'signed' }],
        });
      }
      const stored = kept([key, otherKey]);
      expect(stored.map(({ verdict, listed }) => [verdict, listed])).toEqual(
        stored.map(() => ['verified', true]),
      );
      expect(stored.filter(({ format }) => format === 'bundle')).toHaveLength(runs.length);
      // P-256 signatures differ every time, so each run has left one layer of its own, too.
      expect(stored.filter(({ format }) => format === 'legacy')).toHaveLength(runs.length);
      expect(registry.store.dangling()).toEqual([]);
    });
  },
);

describe('a tag that moved between two runs', () => {
  it('is another image: it is signed, and the first keeps its signatures', async () => {
    await using registry = await startRegistry();
    const one = await pushImage(registry.host, 'acme/app', { seed: 1, tag: 'v1' });
    await signed(keyedInputs(one.tagged ?? '', key));
    const moved = await pushImage(registry.host, 'acme/app', { seed: 2, tag: 'v1' });
    expect(await signed(keyedInputs(moved.tagged ?? '', key))).toMatchObject({
      code: 0,
      results: [{ status: 'signed', digest: moved.digest }],
    });
    for (const { digest } of [one, moved]) {
      const stored = storedSignatures(registry.store, 'acme/app', digest, [key], false);
      expect(stored.map(({ format, verdict, listed }) => [format, verdict, listed])).toEqual([
        ['bundle', 'verified', true],
        ['legacy', 'verified', true],
      ]);
    }
  });
});
