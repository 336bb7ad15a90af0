// Every registry people use, as far as the sandbox knows it: sign with a key, read back, sign
// again.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type BehaviourName, behaviours, type Switches } from '../sandbox/registry-behaviours.ts';
import { type KnownRegistry, startRegistryLike } from '../sandbox/registry-like.ts';
import { contentOf, keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { type SignedOptions, signed } from './signed.ts';

const key = makeKey();
const otherKey = makeKey();
const repository = 'acme/app';
// GitLab has a test of its own: it takes no bundles.
const names = (Object.keys(behaviours) as BehaviourName[]).filter((name) => name !== 'gitlab');
const switchesOf = (name: BehaviourName): Partial<Switches> => behaviours[name].switches;
const both = [
  ['bundle', 'verified', true],
  ['legacy', 'verified', true],
];

/** Puts an image there, past the door and the registry's ways of taking uploads. */
async function pushed({ registry }: KnownRegistry) {
  await using plain = await startRegistry();
  const image = await pushImage(plain.host, repository);
  const { blobs, manifests } = plain.store.open(repository);
  for (const bytes of blobs.values()) registry.store.addBlob(repository, bytes);
  for (const { bytes, mediaType } of manifests.values())
    registry.store.addManifest(repository, bytes, mediaType);
  return { digest: image.digest, reference: `${registry.host}/${repository}@${image.digest}` };
}

const loggedIn = ({ dockerConfig, secrets }: KnownRegistry): SignedOptions => ({
  home: { '.docker/config.json': dockerConfig },
  secrets,
});

describe.concurrent('a keyed step on a registry like', () => {
  it.each(names)(
    '%s: both formats are written, read back and verified; the same step again adds nothing',
    async (name) => {
      await using known = await startRegistryLike(name);
      const image = await pushed(known);
      const first = await signed(keyedInputs(image.reference, key), loggedIn(known));
      expect(first, first.shown).toMatchObject({
        code: 0,
        results: [{ status: 'signed', verified: true }],
      });
      const api = switchesOf(name).referrersApi === true;
      const kept = storedSignatures(known.registry.store, repository, image.digest, [key], api);
      expect(kept.map(({ format, verdict, listed }) => [format, verdict, listed])).toEqual(both);
      expect(known.registry.store.dangling()).toEqual([]);
      const before = contentOf(known.registry.store, repository);
      const again = await signed(keyedInputs(image.reference, key), loggedIn(known));
      expect(again, again.shown).toMatchObject({
        code: 0,
        results: [{ status: 'already-signed', verified: true }],
      });
      expect(contentOf(known.registry.store, repository)).toEqual(before);
    },
  );
});

describe.concurrent('on GitLab, which answers the referrers tag with the image itself,', () => {
  it('`format: legacy` signs; the default writes that, too, and says that the bundle has no place', async () => {
    await using known = await startRegistryLike('gitlab');
    const image = await pushed(known);
    const both = await signed(keyedInputs(image.reference, key), loggedIn(known));
    expect(both, both.shown).toMatchObject({
      code: 1,
      errorCodes: ['registry-unsupported'],
      results: [{ signatures: [{ format: 'legacy' }] }],
    });
    expect(both.results[0]?.error?.fix).toContain('`format: legacy`');
    for (const [signer, status] of [
      [key, 'already-signed'],
      [otherKey, 'signed'],
    ] as const) {
      const run = await signed(
        keyedInputs(image.reference, signer, { format: 'legacy' }),
        loggedIn(known),
      );
      expect(run, run.shown).toMatchObject({ code: 0, results: [{ status, verified: true }] });
    }
    const kept = storedSignatures(
      known.registry.store,
      repository,
      image.digest,
      [key, otherKey],
      false,
    ).filter(({ listed }) => listed);
    expect(kept.map(({ format, verdict }) => [format, verdict])).toEqual([
      ['legacy', 'verified'],
      ['legacy', 'verified'],
    ]);
  });
});

describe.concurrent('where tags cannot be moved', () => {
  it.each<[BehaviourName, string[]]>([
    ['ecrImmutable', []],
    ['garImmutable', []],
    ['harborImmutable', ['bundle']],
  ])(
    '%s: a second signer is told which formats need a mutable tag; what he could write remains',
    async (name, written) => {
      await using known = await startRegistryLike(name);
      const image = await pushed(known);
      await signed(keyedInputs(image.reference, key), loggedIn(known));
      const second = await signed(keyedInputs(image.reference, otherKey), loggedIn(known));
      expect(second, second.shown).toMatchObject({
        code: 1,
        errorCodes: ['immutable-tag'],
        results: [{ status: 'failed', verified: false }],
      });
      const [{ signatures, error } = { signatures: [], error: undefined }] = second.results;
      expect(signatures.map(({ format }) => format)).toEqual(written);
      expect(error?.message).toContain('tags are immutable');
      expect(error?.fix).toMatch(
        written.length > 0
          ? /legacy signature.*`format: bundle`/s
          : /has no referrers API|legacy signature/,
      );
      const api = switchesOf(name).referrersApi === true;
      const kept = storedSignatures(
        known.registry.store,
        repository,
        image.digest,
        [key, otherKey],
        api,
      ).filter(({ listed }) => listed);
      expect(kept.filter(({ verdict }) => verdict !== 'verified')).toEqual([]);
      expect(kept).toHaveLength(2 + written.length);
    },
  );

  it('Harbor: `format: bundle` needs no tag at all', async () => {
    await using known = await startRegistryLike('harborImmutable');
    const image = await pushed(known);
    for (const signer of [key, otherKey]) {
      const run = await signed(
        keyedInputs(image.reference, signer, { format: 'bundle' }),
        loggedIn(known),
      );
      expect(run, run.shown).toMatchObject({
        code: 0,
        results: [{ status: 'signed', verified: true }],
      });
    }
    expect([...(known.registry.store.find(repository)?.tags.keys() ?? [])]).toEqual([]);
  });
});
