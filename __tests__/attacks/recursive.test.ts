import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWhole } from '../../src/engine/verify-result.ts';
import type { Digest } from '../../src/image/digest.ts';
import { keyless } from './attack.ts';
import { Forge } from './forge.ts';
import { ask } from './gate.ts';
import { type Json, makeBundle } from './material.ts';
import { type PlantedImage, type Shelf, Stage, types } from './shelf.ts';

const forge = new Forge();
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage.close());

const sizeOf = (shelf: Shelf, digest: string): number =>
  shelf.registry.store.find(shelf.repository)?.manifests.get(digest)?.bytes.length ?? 0;
const entry = (shelf: Shelf, digest: string, more: Json = {}): Json => ({
  mediaType: types.manifest,
  digest,
  size: sizeOf(shelf, digest),
  platform: { os: 'linux', architecture: 'amd64' },
  ...more,
});
const indexOf = (shelf: Shelf, manifests: readonly Json[], more: Json = {}): PlantedImage => ({
  digest: shelf.manifest({ manifests, ...more }, undefined, types.index) as Digest,
  reference: shelf.image.reference,
});
/** A signature of `image`, as a referrer of `place`. */
const sign = (shelf: Shelf, image: PlantedImage, place = image): void =>
  void shelf.bundle(makeBundle(forge, image), ({ subject }) =>
    Object.assign(subject, { digest: place.digest, size: sizeOf(shelf, place.digest) }),
  );

/** An index of two platforms; everything in it is signed. */
function honest(shelf: Shelf): { index: PlantedImage; platforms: readonly PlantedImage[] } {
  const platforms = [shelf.newImage('one'), shelf.newImage('two')];
  const index = indexOf(
    shelf,
    platforms.map(({ digest }) => entry(shelf, digest)),
  );
  for (const image of [index, ...platforms]) sign(shelf, image);
  return { index, platforms };
}

interface Attack {
  readonly name: string;
  /** lays it out, and answers the index that is asked about */
  readonly lay: (shelf: Shelf) => PlantedImage;
  /** of the results, in their order */
  readonly codes: readonly string[];
}

const nest = (shelf: Shelf, levels: number): PlantedImage => {
  let inner = honest(shelf).index;
  for (let level = 0; level < levels; level++) {
    inner = indexOf(shelf, [
      entry(shelf, inner.digest, { mediaType: types.index, platform: undefined }),
    ]);
    sign(shelf, inner);
  }
  return inner;
};

const attacks: readonly Attack[] = [
  {
    name: 'a platform that nobody signed',
    lay: (shelf) => {
      const { index, platforms } = honest(shelf);
      const added = indexOf(shelf, [
        ...platforms.map(({ digest }) => entry(shelf, digest)),
        entry(shelf, shelf.newImage('evil').digest),
      ]);
      sign(shelf, added);
      return index.digest === added.digest ? index : added;
    },
    codes: ['verified', 'verified', 'verified', 'unsigned'],
  },
  {
    name: 'a platform that nobody signed, two levels deep',
    lay: (shelf) => {
      const inner = indexOf(shelf, [entry(shelf, shelf.newImage('evil').digest)]);
      const middle = indexOf(shelf, [entry(shelf, inner.digest, { mediaType: types.index })]);
      const outer = indexOf(shelf, [entry(shelf, middle.digest, { mediaType: types.index })]);
      for (const image of [inner, middle, outer]) sign(shelf, image);
      return outer;
    },
    codes: ['verified', 'verified', 'verified', 'unsigned'],
  },
  {
    name: 'a platform with the signature of its index',
    lay: (shelf) => {
      const evil = shelf.newImage('evil');
      const index = indexOf(shelf, [entry(shelf, evil.digest)]);
      sign(shelf, index);
      sign(shelf, index, evil);
      return index;
    },
    codes: ['verified', 'wrong-subject'],
  },
  {
    name: 'signed platforms in an index that nobody signed',
    lay: (shelf) =>
      indexOf(
        shelf,
        honest(shelf).platforms.map(({ digest }) => entry(shelf, digest)),
        { annotations: { evil: 'yes' } },
      ),
    codes: ['unsigned', 'verified', 'verified'],
  },
  {
    name: 'an index that names itself (the registry lies about its bytes)',
    lay: (shelf) => {
      const { index } = honest(shelf);
      shelf.swap(
        index.digest,
        JSON.stringify({
          schemaVersion: 2,
          mediaType: types.index,
          manifests: [entry(shelf, index.digest, { mediaType: types.index })],
        }),
      );
      return index;
    },
    codes: ['registry-error'],
  },
  { name: 'indexes six levels deep', lay: (shelf) => nest(shelf, 6), codes: ['malformed'] },
  {
    name: 'one digest as an image and as an index',
    lay: (shelf) => {
      const inner = honest(shelf).index;
      return indexOf(shelf, [
        entry(shelf, inner.digest),
        entry(shelf, inner.digest, { mediaType: types.index }),
      ]);
    },
    codes: ['malformed'],
  },
  {
    name: 'an index that gives a nested one another size',
    lay: (shelf) =>
      indexOf(shelf, [
        entry(shelf, honest(shelf).index.digest, { mediaType: types.index, size: 5 }),
      ]),
    codes: ['malformed'],
  },
  {
    name: 'a digest in upper case',
    lay: (shelf) =>
      indexOf(shelf, [entry(shelf, honest(shelf).platforms[0]?.digest.toUpperCase() ?? '')]),
    codes: ['malformed'],
  },
  {
    name: '1,001 platforms',
    lay: (shelf) =>
      indexOf(
        shelf,
        Array.from({ length: 1001 }, (_, n) =>
          entry(shelf, `sha256:${String(n).padStart(64, '0')}`),
        ),
      ),
    codes: ['malformed'],
  },
  {
    name: 'an index that is an image, too',
    lay: (shelf) =>
      indexOf(shelf, [entry(shelf, honest(shelf).platforms[0]?.digest ?? '')], {
        layers: [],
        config: entry(shelf, shelf.image.digest),
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
    expect(await codesOf(honest(stage.shelf()).index)).toEqual({
      whole: true,
      codes: ['verified', 'verified', 'verified'],
    });
    expect(await codesOf(nest(stage.shelf(), 1))).toEqual({
      whole: true,
      codes: ['verified', 'verified', 'verified', 'verified'],
    });
  });

  it.each(attacks)('$name: $codes', async ({ lay, codes }) => {
    expect(await codesOf(lay(stage.shelf()))).toEqual({ whole: false, codes });
  });
});
