// What is signed in a repository of its own lies beside the image where it is promoted to.
import { expect, it } from 'vitest';
import { parseRepository } from '../../src/image/reference.ts';
import { attestationsIn } from '../attest-action/attested.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { keyedInputs, storedSignatures } from '../sign-action/keyed-world.ts';
import { signed } from '../sign-action/signed.ts';
import { plantReferrer } from './copying.ts';
import { ours, promoting, publicPem, requestOf, theirs } from './promoting.ts';

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

it.each([
  ['from beside the image', undefined],
  ['from another such repository', kept],
])('all that is signed goes to a repository of the targets, %s', async (_, from) => {
  await using source = await startRegistry({ referrersApi: true });
  await using target = await startRegistry({
    immutableTags: {
      status: 409,
      code: 'TAG_INVALID',
      message: 'tags are immutable',
      sameAgain: 'refused',
    },
    mutableTags: /^v1$/,
  });
  await using third = await startRegistry();
  const image = await pushImage(source.host, app, { platforms: 2, tag: 'v1' });
  await sign(image.reference, `${source.host}/${from ?? app}`, ours, true);
  await sign(image.reference, `${source.host}/${from ?? app}`, theirs);
  const there = `${third.host}/${kept}`;
  const request = requestOf([`${source.host}/${app}:v1`], [`${target.host}/prod/app`], {
    ...(from === undefined
      ? {}
      : { signatureRepository: parseRepository(`${source.host}/${from}`, 'test') }),
    toSignatureRepository: parseRepository(there, 'test'),
    recursive: true,
    attestationTypes: ['https://a.example/scan/v1'],
  });
  const { results } = await promoting(request);
  expect(results).toMatchObject([{ status: 'promoted', verified: true, tags: [{ tag: 'v1' }] }]);
  const { tags, manifests } = target.store.open('prod/app');
  expect([[...tags.keys()], manifests.size]).toEqual([['v1'], 3]);
  const found = storedSignatures(third.store, kept, image.digest, [ours, theirs], false);
  expect(found.filter(({ verdict }) => verdict === 'verified')).toHaveLength(4);
  expect((await promoting(request)).results).toMatchObject([
    { status: 'already-promoted', copied: nothing },
  ]);
  const gate = async () => {
    const asked = { images: `${target.host}/prod/app:v1`, key: publicPem(ours), tlog: 'ignore' };
    const run = await signed(
      { ...asked, 'signature-repository': there },
      { entry: 'dist/verify.js' },
    );
    return JSON.parse(run.outputs.results ?? '');
  };
  expect(await gate()).toMatchObject([{ verified: true }]);
  // What a stranger puts there in its place is no signature of ours.
  third.store.open(kept).tags.clear();
  third.store.open(kept).manifests.clear();
  await sign(image.reference, there, theirs);
  expect(await gate()).toMatchObject([{ verified: false, code: 'wrong-key' }]);
});

it('a target with immutable tags is told of that way', async () => {
  await using source = await startRegistry();
  await using target = await startRegistry({
    immutableTags: {
      status: 409,
      code: 'TAG_INVALID',
      message: 'tags are immutable',
      sameAgain: 'refused',
    },
  });
  const image = await pushImage(source.host, app);
  await sign(image.reference, `${source.host}/${app}`);
  const request = requestOf([image.reference], [`${target.host}/prod/app:v1`]);
  expect((await promoting(request)).results).toMatchObject([{ status: 'promoted' }]);
  await sign(image.reference, `${source.host}/${app}`, theirs);
  const [result] = (await promoting(request)).results;
  expect(result).toMatchObject({ status: 'failed', code: 'immutable-tag' });
  expect(result?.failure?.fix).toContain('`to-signature-repository: ');
});
