import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWhole } from '../../src/engine/verify-result.ts';
import type { Digest } from '../../src/image/digest.ts';
import { keyless } from './attack.ts';
import { Forge } from './forge.ts';
import { ask } from './gate.ts';
import { type Json, makeBundle } from './material.ts';
import { type PlantedImage, type SignatureStore, Stage, types } from './store.ts';

const forge = new Forge();
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage.close());

const sizeOf = (store: SignatureStore, digest: string): number =>
  store.registry.store.find(store.repository)?.manifests.get(digest)?.bytes.length ?? 0;
const entry = (store: SignatureStore, digest: string, more: Json = {}): Json => ({
  mediaType: types.manifest,
  digest,
  size: sizeOf(store, digest),
  platform: { os: 'linux', architecture: 'amd64' },
  ...more,
});
const indexOf = (
  store: SignatureStore,
  manifests: readonly Json[],
  more: Json = {},
): PlantedImage => ({
  digest: store.manifest({ manifests, ...more }, undefined, types.index) as Digest,
  reference: store.image.reference,
});
/** A signature of `image`, as a referrer of `place`. */
const sign = (store: SignatureStore, image: PlantedImage, place = image): void =>
  void store.bundle(makeBundle(forge, image), ({ subject }) =>
    Object.assign(subject, { digest: place.digest, size: sizeOf(store, place.digest) }),
  );

/** An index of two platforms; everything in it is signed. */
function honest(store: SignatureStore): {
  index: PlantedImage;
  platforms: readonly PlantedImage[];
} {
  const platforms = [store.newImage('one'), store.newImage('two')];
  const index = indexOf(
    store,
    platforms.map(({ digest }) => entry(store, digest)),
  );
  for (const image of [index, ...platforms]) sign(store, image);
  return { index, platforms };
}

interface Attack {
  readonly name: string;
  /** lays it out, and answers the index that is asked about */
  readonly lay: (store: SignatureStore) => PlantedImage;
  /** of the results, in their order */
  readonly codes: readonly string[];
}

const nest = (store: SignatureStore, levels: number): PlantedImage => {
  let inner = honest(store).index;
  for (let level = 0; level < levels; level++) {
    inner = indexOf(store, [
      entry(store, inner.digest, { mediaType: types.index, platform: undefined }),
    ]);
    sign(store, inner);
  }
  return inner;
};

const attacks: readonly Attack[] = [
  {
    name: 'a platform that nobody signed',
    lay: (store) => {
      const { index, platforms } = honest(store);
      const added = indexOf(store, [
        ...platforms.map(({ digest }) => entry(store, digest)),
        entry(store, store.newImage('evil').digest),
      ]);
      sign(store, added);
      return index.digest === added.digest ? index : added;
    },
    codes: ['verified', 'verified', 'verified', 'unsigned'],
  },
  {
    name: 'a platform that nobody signed, two levels deep',
    lay: (store) => {
      const inner = indexOf(store, [entry(store, store.newImage('evil').digest)]);
      const middle = indexOf(store, [entry(store, inner.digest, { mediaType: types.index })]);
      const outer = indexOf(store, [entry(store, middle.digest, { mediaType: types.index })]);
      for (const image of [inner, middle, outer]) sign(store, image);
      return outer;
    },
    codes: ['verified', 'verified', 'verified', 'unsigned'],
  },
  {
    name: 'a platform with the signature of its index',
    lay: (store) => {
      const evil = store.newImage('evil');
      const index = indexOf(store, [entry(store, evil.digest)]);
      sign(store, index);
      sign(store, index, evil);
      return index;
    },
    codes: ['verified', 'wrong-subject'],
  },
  {
    name: 'signed platforms in an index that nobody signed',
    lay: (store) =>
      indexOf(
        store,
        honest(store).platforms.map(({ digest }) => entry(store, digest)),
        { annotations: { evil: 'yes' } },
      ),
    codes: ['unsigned', 'verified', 'verified'],
  },
  {
    name: 'an index that names itself (the registry lies about its bytes)',
    lay: (store) => {
      const { index } = honest(store);
      store.swap(
        index.digest,
        JSON.stringify({
          schemaVersion: 2,
          mediaType: types.index,
          manifests: [entry(store, index.digest, { mediaType: types.index })],
        }),
      );
      return index;
    },
    codes: ['registry-error'],
  },
  { name: 'indexes six levels deep', lay: (store) => nest(store, 6), codes: ['malformed'] },
  {
    name: 'one digest as an image and as an index',
    lay: (store) => {
      const inner = honest(store).index;
      return indexOf(store, [
        entry(store, inner.digest),
        entry(store, inner.digest, { mediaType: types.index }),
      ]);
    },
    codes: ['malformed'],
  },
  {
    name: 'an index that gives a nested one another size',
    lay: (store) =>
      indexOf(store, [
        entry(store, honest(store).index.digest, { mediaType: types.index, size: 5 }),
      ]),
    codes: ['malformed'],
  },
  {
    name: 'a digest in upper case',
    lay: (store) =>
      indexOf(store, [entry(store, honest(store).platforms[0]?.digest.toUpperCase() ?? '')]),
    codes: ['malformed'],
  },
  {
    name: '1,001 platforms',
    lay: (store) =>
      indexOf(
        store,
        Array.from({ length: 1001 }, (_, n) =>
          entry(store, `sha256:${String(n).padStart(64, '0')}`),
        ),
      ),
    codes: ['malformed'],
  },
  {
    name: 'an index that is an image, too',
    lay: (store) =>
      indexOf(store, [entry(store, honest(store).platforms[0]?.digest ?? '')], {
        layers: [],
        config: entry(store, store.image.digest),
      }),
    codes: ['malformed'],
  },
];

describe('recursive: an index is as good as everything in it', () => {
  const codesOf = async (image: PlantedImage) => {
    const results = await ask(image, keyless, forge.trust(), { recursive: true });
    return {
      whole: results.length > 0 && results[0] !== undefined && isWhole(results[0], results),
      codes: results.map(({ code = 'verified' }) => code),
    };
  };

  it('an honest one passes, and one that is two levels deep', async () => {
    expect(await codesOf(honest(stage.store()).index)).toEqual({
      whole: true,
      codes: ['verified', 'verified', 'verified'],
    });
    expect(await codesOf(nest(stage.store(), 1))).toEqual({
      whole: true,
      codes: ['verified', 'verified', 'verified', 'verified'],
    });
  });

  it.each(attacks)('$name: $codes', async ({ lay, codes }) => {
    expect(await codesOf(lay(stage.store()))).toEqual({ whole: false, codes });
  });
});
