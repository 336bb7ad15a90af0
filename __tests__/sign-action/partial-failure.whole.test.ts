// One of many fails: the others are signed and reported, and the step fails.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { signed } from './signed.ts';

const key = makeKey();
const repository = 'acme/app';
const nowhere = `sha256:${'0'.repeat(64)}`;

describe.concurrent('of 20 images', () => {
  it.each<[string, string, string]>([
    ['one is refused by the registry', 'registry-denied', 'sandbox'],
    ['one is not there', 'image-not-found', nowhere],
  ])('%s (%s): 19 are signed and reported, and the step fails', async (_title, code, which) => {
    await using registry = await startRegistry();
    const images = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => pushImage(registry.host, repository, { seed })),
    );
    const references = images.map(({ reference }) => reference);
    const bad = images[7]!;
    if (which === nowhere) references[7] = `${registry.host}/${repository}@${nowhere}`;
    else
      registry.set({
        faults: ({ method, path }) =>
          method === 'PUT' && path.includes(bad.digest.slice(7))
            ? {
                kind: 'status',
                code: 403,
                body: '{"errors":[{"code":"DENIED","message":"sandbox"}]}',
              }
            : undefined,
      });
    const run = await signed(keyedInputs(references, key));
    expect(run, run.shown).toMatchObject({
      code: 1,
      errorCodes: [code],
      outputs: { verified: 'false' },
    });
    expect(run.results.map(({ image }) => image)).toEqual(references);
    expect(
      run.results.map(({ status, verified, error }) => [status, verified, error?.code]),
    ).toEqual(
      references.map((_, at) => (at === 7 ? ['failed', false, code] : ['signed', true, undefined])),
    );
    expect(JSON.parse(run.outputs.images ?? '')).toEqual(references.filter((_, at) => at !== 7));
    expect(run.summary).toContain('1 of 20 images failed');
    for (const { digest } of images.filter((_, at) => at !== 7)) {
      expect(
        storedSignatures(registry.store, repository, digest, [key], false).map(
          ({ verdict, listed }) => [verdict, listed],
        ),
      ).toEqual([
        ['verified', true],
        ['verified', true],
      ]);
    }
  });
});

describe('a digest that is not sha256', () => {
  it('is refused with a clear word before anything is asked', async () => {
    await using registry = await startRegistry();
    const run = await signed(
      keyedInputs(`${registry.host}/${repository}@sha512:${'ab'.repeat(64)}`, key),
    );
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['bad-reference'] });
    expect(run.annotations[0]?.message).toMatch(/its digest is not usable: .*sha256/);
    expect(registry.requests).toEqual([]);
  });
});
