import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Scene, sceneOf } from './attack.ts';
import { Forge } from './forge.ts';
import { blobs, listOf, referrers } from './hostile-registry.ts';
import type { Json } from './material.ts';
import { Stage, types } from './store.ts';

interface Cost {
  readonly verified: boolean;
  readonly codes: readonly string[];
  readonly signatures: number;
  /** milliseconds of computing, of the whole process */
  readonly computed: number;
  /** peak resident set of the whole process */
  readonly megabytes: number;
}

/** Milliseconds that only a gate takes which works without end, on any machine. */
const hang = 180_000;

const forge = new Forge();
let stage: Stage;
const built = join(mkdtempSync(join(tmpdir(), 'attacks-')), 'gate.mjs');
beforeAll(async () => {
  // Bundled, as the action is: reading TypeScript costs a process some forty megabytes of its own.
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'gate-process.ts'),
    platform: 'node',
    logLevel: 'silent',
  });
  await bundle.write({ file: built, format: 'esm', codeSplitting: false });
  stage = await Stage.start();
});
afterAll(async () => {
  rmSync(dirname(built), { recursive: true });
  await stage.close();
});

/** Lays a case out and asks a gate in a process of its own. */
async function cost(lay: (scene: Scene) => void, budget?: number): Promise<Cost> {
  const store = stage.store();
  lay(sceneOf(forge, store));
  const question = JSON.stringify({ image: store.image, trustedRoot: forge.trustedRoot(), budget });
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [built],
      { env: {}, timeout: hang },
      (error, stdout) => {
        if (error) reject(error);
        else resolve(JSON.parse(stdout));
      },
    );
    child.stdin?.end(question);
  });
}

const many = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const noise = (bytes: number, n: number): string => JSON.stringify({ n, x: 'y'.repeat(bytes) });
/** Signed for another subject each time, so that nothing is fetched once and used again. */
const fill = (
  { store }: Scene,
  count: number,
  blob: (n: number) => Json | string,
  edit: (manifest: Json, n: number) => void = () => {},
): void => {
  for (let n = 0; n < count; n++) store.bundle(blob(n), (manifest) => edit(manifest, n));
};
const fakeLayer = {
  mediaType: types.layer,
  digest: `sha256:${'ab'.repeat(32)}`,
  size: 9,
  annotations: { 'dev.cosignproject.cosign/signature': 'AAAA' },
};

/** JSON of four megabytes at the most that a parser would make a hundred times as large. */
const swollen: readonly (readonly [string, () => string])[] = [
  ['nested two million times', () => `${'['.repeat(2_090_000)}${']'.repeat(2_090_000)}`],
  ['nested, and never closed', () => '{"a":'.repeat(830_000)],
  ['empty objects', () => `[${'{},'.repeat(1_390_000)}{}]`],
  ['as many empty objects as are read', () => `[${'{},'.repeat(249_000)}{}]`],
  ['as many objects of different shape as are read', () => `[${many(40_000, shapeOf).join()}]`],
  ['as many keys as are read', () => `{${many(249_000, (n) => `"${n}":0`).join()}}`],
  ['numbers', () => `[${'1,'.repeat(2_090_000)}1]`],
  ['numbers of unusual form', () => `[${'1.0,'.repeat(1_040_000)}1]`],
  ['texts', () => `[${many(400_000, (n) => `"${n}"`).join()}]`],
];
const shapeOf = (n: number) => `{${[1, 2, 3, 4, 5].map((key) => `"${n * 5 + key}":0`).join()}}`;

const cases: readonly (readonly [string, (scene: Scene) => void, Partial<Cost>])[] = [
  [
    '1,000 good signatures',
    (scene) => fill(scene, 1000, () => scene.bundle()),
    { verified: true, codes: ['verified'], signatures: 1000 },
  ],
  [
    '1,001 signatures',
    (scene) => fill(scene, 1001, (n) => noise(10, n)),
    { verified: false, codes: ['too-large'] },
  ],
  [
    '300 bundles of 255 KiB',
    (scene) => fill(scene, 300, (n) => noise(255_000, n)),
    { verified: false },
  ],
  [
    '1,000 bundles of 60 KiB',
    (scene) => fill(scene, 1000, (n) => noise(60_000, n)),
    { verified: false, codes: ['too-large'] },
  ],
  [
    '16 bundles of 4 MiB',
    (scene) => fill(scene, 16, (n) => noise(4_190_000, n)),
    { verified: false, codes: ['too-large'] },
  ],
  [
    '200 manifests that each name 700 signatures',
    (scene) => {
      const layers = Array(700).fill(fakeLayer);
      fill(
        scene,
        200,
        (n) => noise(10, n),
        (manifest, n) =>
          Object.assign(manifest, {
            artifactType: types.signature,
            layers,
            annotations: { n: String(n) },
          }),
      );
    },
    { verified: false, codes: ['too-large'] },
  ],
  [
    '20 manifests of 4 MiB',
    (scene) =>
      fill(
        scene,
        20,
        (n) => noise(10, n),
        ({ annotations }, n) =>
          Object.assign(annotations, { n: String(n), x: 'y'.repeat(4_190_000) }),
      ),
    { verified: false, codes: ['too-large'] },
  ],
  [
    '50 manifests of 250 KiB, full of empty lists',
    (scene) =>
      fill(
        scene,
        50,
        (n) => noise(10, n),
        (manifest, n) => Object.assign(manifest, { n, x: Array(80_000).fill([]) }),
      ),
    { verified: false, codes: ['too-large'] },
  ],
  [
    '100,000 referrers by the API, 1,000 a page',
    ({ store }) => {
      const page = many(1000, (n) => ({
        mediaType: types.manifest,
        digest: `sha256:${String(n).padStart(64, '0')}`,
        size: 9,
        annotations: { x: 'y'.repeat(3000) },
      }));
      store.override = ({ path, url }) =>
        referrers.test(path)
          ? listOf(page, {
              link: `<?page=${Number(url.searchParams.get('page') ?? 0) + 1}>; rel="next"`,
            })
          : undefined;
    },
    { verified: false, codes: ['too-large'] },
  ],
  [
    '100,000 referrers by the tag',
    ({ store }) =>
      void store.tag(
        many(100_000, (n) => ({
          mediaType: types.manifest,
          digest: `sha256:${String(n).padStart(64, '0')}`,
          size: 9,
        })),
      ),
    { verified: false, codes: ['too-large'] },
  ],
  [
    'a .sig manifest of 1,001 layers',
    (scene) =>
      void scene.store.layer(scene.layer(), ({ layers }) =>
        layers.push(...Array(1000).fill(fakeLayer)),
      ),
    { verified: false, codes: ['too-large'] },
  ],
  [
    'a .sig manifest of 40 MiB',
    (scene) =>
      void scene.store.layer(scene.layer(), (manifest) =>
        Object.assign(manifest, { layers: Array(200_000).fill(fakeLayer) }),
      ),
    { verified: false, codes: ['too-large'] },
  ],
  [
    'everything without end',
    ({ store }) =>
      void Object.assign(store, {
        faults: () => ({ kind: 'endless-body', bytes: 1 << 20, everyMs: 0 }),
      }),
    { verified: false, codes: ['too-large'] },
  ],
];

/** Milliseconds that the honest case with as many signatures as are looked at takes. */
let mostHonest: number;
beforeAll(async () => {
  const honest = await cost((scene) => fill(scene, 1000, () => scene.bundle()));
  mostHonest = honest.computed;
}, hang);

/** Where a registry gives JSON; what it gives is in a field of the document that is wanted. */
const places: readonly (readonly [string, RegExp, string])[] = [
  ['list of referrers', referrers, types.index],
  ['referrers tag', /\/manifests\/sha256-[0-9a-f]{64}$/, types.index],
  ['signature tag', /\/manifests\/sha256-[0-9a-f]{64}\.sig$/, types.manifest],
  ['manifest of a bundle', /\/manifests\/sha256:/, types.manifest],
  ['bundle', blobs, 'application/octet-stream'],
];

describe('what hostile JSON costs, wherever a registry gives it', () => {
  it.each(
    places.flatMap(([place, path, type]) =>
      swollen.map(([kind, text]) => [place, kind, path, type, text] as const),
    ),
  )(
    '%s: %s',
    async (_place, _kind, path, type, text) => {
      const body = `{"schemaVersion":2,"mediaType":"${type}","manifests":${text()}}`;
      const spent = await cost((scene) => {
        scene.store.bundle(scene.bundle());
        scene.store.override = (asked, usual) =>
          asked.method === 'GET' && path.test(asked.path)
            ? { ...usual(), status: 200, headers: { 'content-type': type }, body }
            : undefined;
      });
      // A good bundle that is listed elsewhere may verify; nothing else may happen than these.
      expect(['unsigned', 'malformed', 'too-large', 'verified']).toEqual(
        expect.arrayContaining([...spent.codes]),
      );
      expect(spent.computed).toBeLessThan(1.5 * mostHonest);
      expect(spent.megabytes).toBeLessThanOrEqual(200);
    },
    hang,
  );
});

describe('a hostile registry costs less than the largest honest one, and at most 200 MiB', () => {
  it.each(cases)(
    '%s',
    async (_name, lay, expected) => {
      const spent = await cost(lay);
      expect(spent).toMatchObject(expected);
      // Room for a machine that is busy with something else meanwhile.
      expect(spent.computed).toBeLessThan(1.5 * mostHonest);
      expect(spent.megabytes).toBeLessThanOrEqual(200);
    },
    hang,
  );
});
