// What single registries do differently, each alone: signing twice, with two keys, in this process.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type BehaviourName, behaviours, type Switches } from '../sandbox/registry-behaviours.ts';
import { startRegistryLike } from '../sandbox/registry-like.ts';
import { makeKey, storedSignatures } from '../sign-action/keyed-world.ts';
import { signingRun } from './signing-run.ts';

const repository = 'acme/app';
const keys = [makeKey(), makeKey()];
const switchesOf = (name: BehaviourName): Partial<Switches> => behaviours[name].switches;

/** One thing that some registry does, alone, on top of a registry that is otherwise known. */
const oddities: Readonly<Record<string, readonly [BehaviourName, Partial<Switches>]>> = {
  'referrers come in pages of one': ['zot', { referrersPage: 1 }],
  'referrers are not filtered, and say the config’s type': ['ggcr', {}],
  'referrers answers 406': ['distribution28', { referrersStatus: 406 }],
  'referrers answers a page of HTML': ['distribution28', { referrersStatus: 'wrong-type' }],
  'referrers answers 403': ['distribution28', { referrersStatus: 403 }],
  'upload locations are relative': ['distribution28', { uploadLocation: 'relative' }],
  'upload locations are on another host': ['distribution28', { uploadLocation: 'other-host' }],
  'a PUT of a blob takes no body': ['distribution28', { putNeedsPatch: true }],
  'blobs are redirected to another host': ['distribution28', { blobRedirect: true }],
  'a manifest is known only after a while': ['distribution28', { lateManifests: 60 }],
  'tags are behind by a little': ['distribution28', { staleTags: 10 }],
  'If-Match is honoured': ['distribution28', { ifMatch: 'honoured' }],
};

describe.concurrent('signing where', () => {
  it.each(Object.entries(oddities))(
    '%s: a second signer adds, and both are found',
    async (_name, [like, switches]) => {
      await using known = await startRegistryLike(like, { ...switchesOf(like), ...switches });
      await using plain = await startRegistry();
      const { digest } = await pushImage(plain.host, repository);
      const { blobs, manifests } = plain.store.open(repository);
      const { store, host } = known.registry;
      for (const bytes of blobs.values()) store.addBlob(repository, bytes);
      for (const { bytes, mediaType } of manifests.values())
        store.addManifest(repository, bytes, mediaType);
      for (const key of keys) {
        const [result] = await signingRun({
          host,
          repository,
          images: [digest],
          key,
          ...(known.credentials && { credentials: known.credentials }),
        });
        expect(result).toMatchObject({ status: 'signed', verified: true });
      }
      const kept = storedSignatures(
        store,
        repository,
        digest,
        keys,
        switchesOf(like).referrersApi === true,
      );
      expect(
        kept.map(({ format, verdict, listed }) => `${format} ${verdict} ${listed}`).sort(),
      ).toEqual([
        'bundle verified true',
        'bundle verified true',
        'legacy verified true',
        'legacy verified true',
      ]);
      expect(store.dangling()).toEqual([]);
    },
  );
});

/** What cannot be signed, or has no place for signatures: a clear word, and nothing is written. */
describe('signing refuses', () => {
  it('an index under the referrers tag whose manifests are about something else, and leaves it as it is', async () => {
    await using registry = await startRegistry();
    const image = await pushImage(registry.host, repository, { seed: 1 });
    const tag = image.digest.replace(':', '-');
    const theirs = await pushImage(registry.host, repository, { seed: 2, platforms: 2, tag });
    const [result] = await signingRun({
      host: registry.host,
      repository,
      images: [image.digest],
      key: keys[0]!,
    });
    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'registry-unsupported' },
      signatures: [{ format: 'legacy' }],
    });
    expect(result?.error?.message).toContain('lists manifests that are not about this image');
    expect(registry.store.tagged(repository, tag)).toBe(theirs.digest);
  });

  it('an image in the format of Docker schema 1, which has no digest that stays', async () => {
    await using registry = await startRegistry();
    const mediaType = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    const digest = registry.store.addManifest(
      repository,
      '{"schemaVersion":1,"name":"acme/app","signatures":[]}',
      mediaType,
    );
    const before = registry.store.find(repository)?.manifests.size;
    const [result] = await signingRun({
      host: registry.host,
      repository,
      images: [digest],
      key: keys[0]!,
    });
    expect(result).toMatchObject({
      status: 'failed',
      signatures: [],
      error: { code: 'bad-manifest' },
    });
    expect(result?.error?.message).toContain("Docker's schema 1");
    expect(registry.store.find(repository)?.manifests.size).toBe(before);
  });

  it('signs Docker manifests of schema 2, and lists of them', async () => {
    await using registry = await startRegistry();
    for (const platforms of [0, 2]) {
      const image = await pushImage(registry.host, repository, { docker: true, platforms });
      const [result] = await signingRun({
        host: registry.host,
        repository,
        images: [image.digest],
        key: keys[0]!,
      });
      expect(result).toMatchObject({ status: 'signed', verified: true });
    }
  });
});
