import type { Attack, Scene } from './attack.ts';
import { answered, listOf, referrers } from './hostile-registry.ts';
import { type Json, makeBundle } from './material.ts';
import { type SignatureStore, types } from './store.ts';

const malformed = 'malformed';

/** A good bundle whose manifest is edited. */
function manifested(
  name: string,
  code: Attack['code'],
  edit: (manifest: Json, scene: Scene) => void,
): Attack {
  return {
    name,
    code,
    lay: (scene, evil) =>
      void scene.store.bundle(scene.bundle(), (manifest) => evil && edit(manifest, scene)),
  };
}
/** A good legacy signature whose manifest is edited. */
function sigged(
  name: string,
  code: Attack['code'],
  edit: (manifest: Json, scene: Scene) => void,
): Attack {
  return {
    name,
    code,
    lay: (scene, evil) =>
      void scene.store.layer(scene.layer(), (manifest) => evil && edit(manifest, scene)),
  };
}
/** Content: manifests and blobs that lie about themselves or each other. */
export const contentCases: readonly Attack[] = [
  {
    name: 'another blob under the digest of a bundle',
    code: 'registry-error',
    lay: ({ store, bundle }, evil) => {
      const good = bundle();
      store.bundle(
        good,
        ({ layers: [layer] }) =>
          evil && store.swap(layer.digest, JSON.stringify(good).replace('v0.3', 'v0.2')),
      );
    },
  },
  {
    name: 'another manifest under the digest of the right one',
    code: 'registry-error',
    lay: ({ store, bundle }, evil) => {
      const digest = store.bundle(bundle());
      if (evil)
        store.override = ({ path }, usual) =>
          path.endsWith(digest)
            ? { ...usual(), body: JSON.stringify({ schemaVersion: 2 }) }
            : undefined;
    },
  },
  {
    name: 'another payload under the digest of a legacy layer',
    code: 'registry-error',
    lay: ({ store, layer }, evil) =>
      void store.layer(
        layer(),
        ({ layers: [{ digest }] }) => evil && store.swap(digest, 'x'.repeat(50)),
      ),
  },
  manifested('a blob that is not there', 'registry-error', ({ layers: [layer] }) =>
    Object.assign(layer, { digest: `sha256:${'ab'.repeat(32)}` }),
  ),
  manifested('a layer with a digest of another algorithm', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { digest: `sha512:${'ab'.repeat(64)}` }),
  ),
  manifested('a layer with a digest in upper case', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { digest: layer.digest.toUpperCase() }),
  ),
  manifested('a layer with a path for a digest', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { digest: '../../other/manifests/latest' }),
  ),
  manifested('a layer that says to be smaller than it is', 'too-large', ({ layers: [layer] }) =>
    Object.assign(layer, { size: 10 }),
  ),
  manifested('a layer of -1 bytes', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { size: -1 }),
  ),
  manifested('a layer of 2^60 bytes', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { size: 2 ** 60 }),
  ),
  manifested('a layer of 1 GiB', 'too-large', ({ layers: [layer] }) =>
    Object.assign(layer, { size: 2 ** 30 }),
  ),
  manifested('two bundles in one manifest', malformed, ({ layers }) =>
    layers.push({ ...layers[0] }),
  ),
  manifested('no bundle in the manifest', malformed, (manifest) =>
    Object.assign(manifest, { layers: [] }),
  ),
  manifested('layers in another case, which Go reads', malformed, (manifest) =>
    Object.assign(manifest, { Layers: [] }),
  ),
  manifested('a manifest that is an index, too', malformed, (manifest) =>
    Object.assign(manifest, { manifests: [] }),
  ),
  manifested('annotations that are no text', malformed, ({ annotations }) =>
    Object.assign(annotations, { n: 1 }),
  ),
  manifested('a subject with a digest in upper case', 'unsigned', ({ subject }) =>
    Object.assign(subject, { digest: subject.digest.toUpperCase() }),
  ),
  sigged('a layer with a digest of another algorithm', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { digest: `sha512:${'ab'.repeat(64)}` }),
  ),
  sigged('a layer of 1 GiB', 'too-large', ({ layers: [layer] }) =>
    Object.assign(layer, { size: 2 ** 30 }),
  ),
  sigged('annotations that are no text', malformed, ({ layers: [layer] }) =>
    Object.assign(layer.annotations, { n: 1 }),
  ),
  sigged('a layer of another type', malformed, ({ layers: [layer] }) =>
    Object.assign(layer, { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }),
  ),
  sigged('an index in place of the signatures', malformed, (manifest) => {
    manifest.manifests = [];
    delete manifest.layers;
  }),
  {
    ...sigged('a config whose diff ids are others: it is not read', 'verified', ({ config }) =>
      Object.assign(config, { digest: `sha256:${'ab'.repeat(32)}` }),
    ),
    passes: true,
  },
  {
    name: 'a manifest with a key twice',
    code: malformed,
    lay: ({ store, bundle }, evil) =>
      respelledManifest(store, store.bundle(bundle()), evil, (text) =>
        text.replace('"layers":', '"layers":[],"layers":'),
      ),
  },
  {
    name: 'a manifest 10,000 levels deep',
    code: malformed,
    lay: ({ store, bundle }, evil) =>
      respelledManifest(store, store.bundle(bundle()), evil, (text) =>
        text.replace('{', `{"x":${'['.repeat(1e4)}${']'.repeat(1e4)},`),
      ),
  },
  answered(
    'a manifest that the registry calls an index',
    malformed,
    /\/manifests\/sha256:/,
    (usual) => ({
      ...usual(),
      headers: { 'content-type': types.index },
    }),
  ),
  answered(
    'a manifest that the registry calls schema 1',
    malformed,
    /\/manifests\/sha256:/,
    (usual) => ({
      ...usual(),
      headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
    }),
  ),
  {
    name: 'one good signature among 500 hostile ones',
    code: 'verified',
    passes: true,
    mostRequests: 620,
    lay: ({ forge, store, bundle }, evil) => {
      const other = store.newImage('other');
      const bad = [
        bundle({ log: 'none' }),
        makeBundle(forge, other),
        bundle({ payload: '{}' }),
        bundle({ signedBytes: (_type, payload) => payload }),
      ];
      for (let n = 0; evil && n < 500; n++) {
        if (n === 250) store.bundle(bundle());
        store.bundle(n % 5 === 4 ? `{"n":${n}}` : (bad[n % 5] ?? ''), ({ annotations }) =>
          Object.assign(annotations, { n: String(n) }),
        );
      }
      if (!evil) store.bundle(bundle());
    },
  },
  {
    name: 'the blob of a good signature, named by another manifest with a size that is too small',
    code: 'verified',
    passes: true,
    lay: ({ store, bundle }, evil) => {
      const good = bundle();
      const plant = (size?: number) =>
        store.bundle(good, ({ layers: [layer], annotations }) => {
          if (size !== undefined) Object.assign(layer, { size });
          Object.assign(annotations, { size: String(size) });
        });
      if (evil) for (const size of [1, 0, 17]) plant(size);
      plant();
      if (evil) plant(2);
    },
  },
  {
    name: 'the payload of a good legacy signature, named by another layer with a size that is too small',
    code: 'verified',
    passes: true,
    lay: ({ store, layer }, evil) =>
      void store.layer(layer(), ({ layers }) => {
        if (evil) layers.unshift({ ...layers[0], size: 1, annotations: {} });
      }),
  },
  {
    name: 'a good legacy signature beside a stranger\u2019s provenance bundle',
    code: 'verified',
    passes: true,
    lay: ({ store, bundle, layer }, evil) => {
      store.layer(layer());
      if (evil)
        store.bundle(
          bundle({
            payload:
              '{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1"}',
          }),
        );
    },
  },
  {
    name: 'a good bundle beside a broken .sig tag',
    code: 'verified',
    passes: true,
    lay: ({ store, bundle }, evil) => {
      store.bundle(bundle());
      if (evil) store.manifest('{"schemaVersion":2', `${store.referrersTag}.sig`);
    },
  },
];

/** Plants the manifest again, spelled otherwise, and lists that one instead. */
function respelledManifest(
  store: SignatureStore,
  digest: string,
  evil: boolean,
  edit: (text: string) => string,
): void {
  if (!evil) return;
  const content = store.registry.store.open(store.repository);
  const text = edit(content.manifests.get(digest)?.bytes.toString() ?? '');
  content.manifests.delete(digest);
  store.tag([store.entry(store.manifest(text))]);
  store.override = ({ path }) => (referrers.test(path) ? listOf([]) : undefined);
}
