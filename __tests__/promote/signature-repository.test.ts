// What is signed in a repository of its own lies beside the image where it is promoted to.
import { expect, it } from 'vitest';
import { parseRepository } from '../../src/image/reference.ts';
import { attestationsIn } from '../attest-action/attested.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, storedSignatures } from '../sign-action/keyed-world.ts';
import { signed } from '../sign-action/signed.ts';
import { plantReferrer } from './copying.ts';
import { ours, promoting, requestOf, theirs } from './promoting.ts';

const app = 'acme/app';
const kept = 'acme/signatures';
const nothing = { manifests: 0, blobs: 0, bytes: 0, mounted: 0, entries: 0 };

/** Signs an image, and what is in it, at a place; attests it where asked to. */
async function sign(reference: string, place: string, key = ours, attest = false): Promise<void> {
  const more = { 'signature-repository': place, recursive: 'true' };
  expect((await signed(keyedInputs(reference, key, more))).code).toBe(0);
  if (!attest) return;
  const predicate = { 'predicate-type': 'https://a.example/scan/v1', predicate: '{"a":1}' };
  const inputs = keyedInputs(reference, key, { ...more, ...predicate });
  expect((await signed(inputs, { entry: 'dist/attest.js' })).code).toBe(0);
}

it.each([
  ['of the same registry', true],
  ['of another one', false],
])(
  'signatures and attestations in a repository %s go over, and so does what lies beside',
  async (_, isSame) => {
    await using source = await startRegistry();
    await using third = await startRegistry({ referrersApi: true });
    await using target = await startRegistry({ referrersApi: isSame });
    const { host } = isSame ? source : third;
    const place = `${host}/${kept}`;
    const image = await pushImage(source.host, app, { platforms: 2, tag: 'v1' });
    await sign(image.reference, place, ours, true);
    const sbom = plantReferrer(source, app, image, 'an SBOM', {
      artifactType: 'application/spdx+json',
    });
    const signatureRepository = parseRepository(place, 'test');
    const request = requestOf([`${source.host}/${app}:v1`], [`${target.host}/prod/app`], {
      signatureRepository,
      recursive: true,
      attestationTypes: ['https://a.example/scan/v1'],
    });
    const { results } = await promoting(request);
    expect(results).toMatchObject([
      { status: 'promoted', verified: true, left: [], tags: [{ tag: 'v1' }] },
    ]);
    for (const digest of [image.digest, ...image.platforms.map((one) => one.digest)]) {
      const found = storedSignatures(target.store, 'prod/app', digest, [ours], isSame);
      const good = found.filter(({ verdict }) => verdict === 'verified');
      expect(good.map(({ format, listed }) => [format, listed])).toEqual([
        ['bundle', true],
        ['legacy', true],
      ]);
    }
    expect(attestationsIn(target.store, 'prod/app', image.digest)).toHaveLength(2);
    expect([...target.store.open('prod/app').manifests.keys()]).toContain(sbom);
    expect((await promoting(request)).results).toMatchObject([
      { status: 'already-promoted', copied: nothing },
    ]);
    // Where nobody says where the signatures lie, there are none.
    const { signatureRepository: __, ...silent } = request;
    expect((await promoting(silent)).results).toMatchObject([
      { status: 'failed', code: 'unsigned' },
    ]);
  },
);

it('what strangers have signed there is not promoted, and nothing of it is copied', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const place = `${source.host}/${kept}`;
  const image = await pushImage(source.host, app);
  await sign(image.reference, place, theirs);
  const request = requestOf([image.reference], [`${target.host}/prod/app:v1`], {
    signatureRepository: parseRepository(place, 'test'),
  });
  expect((await promoting(request)).results).toMatchObject([
    { status: 'failed', code: 'wrong-key' },
  ]);
  expect(target.store.find('prod/app')?.manifests.size ?? 0).toBe(0);
  await sign(image.reference, place);
  expect((await promoting(request)).results).toMatchObject([{ status: 'promoted' }]);
  const found = storedSignatures(target.store, 'prod/app', image.digest, [ours, theirs], false);
  expect(found.filter(({ verdict }) => verdict === 'verified')).toHaveLength(4);
});

it('the signature repository may be where the image goes', async () => {
  await using registry = await startRegistry();
  const place = `${registry.host}/prod/app`;
  const image = await pushImage(registry.host, app);
  await sign(image.reference, place);
  const request = requestOf([image.reference], [`${place}:v1`], {
    signatureRepository: parseRepository(place, 'test'),
  });
  expect((await promoting(request)).results).toMatchObject([
    { status: 'promoted', verified: true },
  ]);
  expect(registry.store.tagged('prod/app', 'v1')).toBe(image.digest);
});
