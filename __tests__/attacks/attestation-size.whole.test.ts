// What large and many attestations cost a gate, in a process of its own.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Scene, sceneOf } from './attack.ts';
import { attach, attest, labelled, makeEnvelope, sbom, spdx, statementOf } from './attestation.ts';
import { Forge, uri } from './forge.ts';
import { Stage } from './store.ts';

interface Cost {
  readonly verified: boolean;
  readonly codes: readonly string[];
  readonly computed: number;
  readonly megabytes: number;
}

const hang = 180_000;
const forge = new Forge();
let stage: Stage;
const built = join(mkdtempSync(join(tmpdir(), 'attacks-')), 'gate.mjs');
beforeAll(async () => {
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

async function cost(lay: (scene: Scene) => void): Promise<Cost> {
  const store = stage.store();
  lay(sceneOf(forge, store));
  const question = JSON.stringify({
    image: store.image,
    trustedRoot: forge.trustedRoot(),
    attestations: { types: [spdx], signature: 'ignore' },
  });
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [built],
      { env: {}, timeout: hang },
      (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout))),
    );
    child.stdin?.end(question);
  });
}

const stranger = {
  leaf: { names: [uri('https://github.com/evil/app/.github/workflows/a.yml@refs/heads/main')] },
};
const MiB = 1 << 20;
/** As SBOMs are: many small objects, some forty bytes for each key. */
const packages = (bytes: number, n: number) =>
  Array.from({ length: Math.floor(bytes / 120) }, (_, index) => ({
    name: `package-${n}-${index}`,
    versionInfo: `1.${index}.0-${'a'.repeat(30)}`,
    SPDXID: `SPDXRef-${index}`,
    licenseConcluded: 'Apache-2.0',
  }));
const large = (scene: Scene, bytes: number, n: number, wish = {}) =>
  scene.store.bundle(
    attest(
      scene,
      statementOf(scene.store.image, { predicate: { ...sbom, packages: packages(bytes, n) } }),
      wish,
    ),
    labelled(spdx),
  );
const times = (count: number, work: (n: number) => unknown) => {
  for (let n = 0; n < count; n++) work(n);
};

it.each<readonly [string, (scene: Scene) => void, Partial<Cost>, number]>([
  [
    '900 good attestations',
    (scene) =>
      times(900, (n) =>
        scene.store.bundle(
          attest(scene, statementOf(scene.store.image, { predicate: { n } })),
          labelled(spdx),
        ),
      ),
    { verified: true },
    200,
  ],
  ['an SBOM of 12 MiB', (scene) => large(scene, 12 * MiB, 0), { verified: true }, 500],
  [
    'ten SBOMs of 12 MiB',
    (scene) => times(10, (n) => large(scene, 12 * MiB, n)),
    { verified: true },
    700,
  ],
  [
    'ten SBOMs of 12 MiB by a stranger',
    (scene) => times(10, (n) => large(scene, 12 * MiB, n, stranger)),
    { verified: false, codes: ['wrong-identity'] },
    500,
  ],
  [
    'twenty of 15 MiB, more than anybody should fetch',
    (scene) =>
      times(20, (n) =>
        scene.store.bundle('x', (manifest) => {
          Object.assign(manifest.annotations, {
            n: String(n),
            'dev.sigstore.bundle.predicateType': spdx,
          });
          manifest.layers[0].size = 15 * MiB;
        }),
      ),
    { verified: false, codes: ['too-large'] },
    200,
  ],
  [
    'ten bundles of 20 MiB that are no JSON anybody should parse',
    (scene) =>
      times(10, (n) => scene.store.bundle(`${n}${'[{},'.repeat(5 * MiB)}`, labelled(spdx))),
    { verified: false },
    350,
  ],
  [
    'a layer of 12 MiB',
    (scene) =>
      attach(scene.store, [
        makeEnvelope(
          scene,
          statementOf(scene.store.image, { predicate: { packages: packages(12 * MiB, 0) } }),
        ),
      ]),
    { verified: true },
    500,
  ],
])(
  '%s',
  async (_, lay, expected, most) => {
    const spent = await cost(lay);
    expect(spent).toMatchObject(expected);
    expect(spent.megabytes).toBeLessThanOrEqual(most);
  },
  hang,
);
