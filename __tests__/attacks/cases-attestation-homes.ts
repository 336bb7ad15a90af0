import { newEcKey } from '../sandbox/sigstore/keys.ts';
import type { Scene } from './attack.ts';
import {
  type AttestationAttack,
  attach,
  attest,
  type EnvelopeLayer,
  labelled,
  layered,
  makeEnvelope,
  oldEntry,
  promiseOf,
  sbom,
  slsa1,
  spdx,
  statementOf,
} from './attestation.ts';
import { base64, minutes, sha256, uri } from './forge.ts';
import { type Json, makeBundle } from './material.ts';
import { type PlantedImage, types } from './store.ts';

const stranger = {
  leaf: {
    names: [uri('https://github.com/evil/app/.github/workflows/release.yml@refs/heads/main')],
  },
};
const bundleName = 'dev.sigstore.cosign/bundle';
const certificateName = 'dev.sigstore.cosign/certificate';
const envelopeEdited =
  (edit: (envelope: Json, scene: Scene) => unknown) =>
  (layer: { envelope: Json; annotations: Json }, scene: Scene): undefined => {
    edit(layer.envelope, scene);
  };
const annotationEdited =
  (edit: (annotations: Json, scene: Scene) => unknown) =>
  (layer: { envelope: Json; annotations: Json }, scene: Scene): undefined => {
    edit(layer.annotations, scene);
  };

/** Layers under the `.att` tag of cosign 1 and 2. */
export const layerCases: readonly AttestationAttack[] = [
  layered('a layer of another image', 'wrong-subject', (_, scene) =>
    makeEnvelope(scene, statementOf(scene.store.newImage('other'))),
  ),
  layered('a layer by a stranger', 'wrong-identity', (_, scene) =>
    makeEnvelope(scene, statementOf(scene.store.image), stranger),
  ),
  layered('a layer with another predicate', 'no-attestation', (_, scene) =>
    makeEnvelope(scene, statementOf(scene.store.image, { predicateType: slsa1 })),
  ),
  layered('a layer with a signature\u2019s statement', 'no-attestation', (_, scene) =>
    makeEnvelope(
      scene,
      statementOf(scene.store.image, { predicateType: 'https://sigstore.dev/cosign/sign/v1' }),
    ),
  ),
  layered(
    'the predicate swapped in the envelope',
    'bad-signature',
    envelopeEdited((envelope, { store }) => {
      envelope.payload = base64(JSON.stringify(statementOf(store.image, { predicate: {} })));
    }),
  ),
  layered(
    'another payload type',
    'wrong-predicate',
    envelopeEdited((envelope) => (envelope.payloadType = 'application/json')),
  ),
  layered(
    'no payload type',
    'wrong-predicate',
    envelopeEdited((envelope) => delete envelope.payloadType),
  ),
  layered(
    'two signatures',
    'malformed',
    envelopeEdited((envelope) => envelope.signatures.push(envelope.signatures[0])),
  ),
  layered(
    'no signatures',
    'malformed',
    envelopeEdited((envelope) => delete envelope.signatures),
  ),
  layered(
    'a field that is not known',
    'malformed',
    envelopeEdited((envelope) => (envelope.Payload = 'e30=')),
  ),
  layered(
    'a payload in loose base64',
    'malformed',
    envelopeEdited((envelope) => (envelope.payload = `${envelope.payload}\n`)),
  ),
  layered(
    'no certificate',
    'wrong-identity',
    annotationEdited((annotations) => delete annotations[certificateName]),
  ),
  layered(
    'two certificates',
    'malformed',
    annotationEdited(
      (annotations) => (annotations[certificateName] += annotations[certificateName]),
    ),
  ),
  layered(
    'the certificate of another signature',
    'bad-signature',
    annotationEdited((annotations, scene) => {
      annotations[certificateName] = makeEnvelope(
        scene,
        statementOf(scene.store.image),
      ).annotations[certificateName];
    }),
  ),
  layered(
    'no log entry',
    'no-log-entry',
    annotationEdited((annotations) => delete annotations[bundleName]),
  ),
  layered(
    'a log entry of another envelope',
    'bad-log-entry',
    annotationEdited((annotations, scene) => {
      const [entry] = attest(scene, statementOf(scene.store.image, { predicate: {} }))
        .verificationMaterial.tlogEntries;
      annotations[bundleName] = JSON.stringify(promiseOf(entry));
    }),
  ),
  layered(
    'a log entry with another time',
    'bad-log-entry',
    annotationEdited((annotations) => {
      const entry = JSON.parse(annotations[bundleName]);
      entry.Payload.integratedTime += 60;
      annotations[bundleName] = JSON.stringify(entry);
    }),
  ),
  layered(
    'a timestamp of something else',
    'bad-timestamp',
    annotationEdited((annotations, { forge }) => {
      annotations['dev.sigstore.cosign/rfc3161timestamp'] = JSON.stringify({
        SignedRFC3161Timestamp: base64(forge.timestamp(Buffer.from('else'), minutes(1))),
      });
    }),
    { log: 'none', timestamp: minutes(1) },
    { policy: () => ({ tlog: 'ignore' }) },
  ),
  layered(
    'a timestamp of the bare signature, which cosign does not have stamped',
    'bad-timestamp',
    (layer, { forge }) => {
      layer.annotations['dev.sigstore.cosign/rfc3161timestamp'] = JSON.stringify({
        SignedRFC3161Timestamp: base64(
          forge.timestamp(Buffer.from(layer.envelope.signatures[0].sig, 'base64'), minutes(1)),
        ),
      });
      return layer;
    },
    { log: 'none', timestamp: minutes(1) },
    { policy: () => ({ tlog: 'ignore' }) },
  ),
  layered(
    'a timestamp after the certificate had run out',
    'untrusted-certificate',
    (_, scene) =>
      makeEnvelope(scene, statementOf(scene.store.image), { log: 'none', timestamp: minutes(30) }),
    { log: 'none', timestamp: minutes(1) },
    { policy: () => ({ tlog: 'ignore' }) },
  ),
  (() => {
    const key = newEcKey();
    return layered(
      'a layer with another key',
      'wrong-key',
      (_, scene) => makeEnvelope(scene, statementOf(scene.store.image), { key: newEcKey() }),
      { key },
      { policy: () => ({ signers: [{ key }] }) },
    );
  })(),
  {
    name: 'an attestation under the tag of signatures',
    code: 'no-attestation',
    lay: (scene, evil) =>
      attach(scene.store, [makeEnvelope(scene, statementOf(scene.store.image))], {
        tag: evil ? 'sig' : 'att',
      }),
  },
  {
    name: 'the attestation tag of another image',
    code: 'no-attestation',
    lay: (scene, evil) =>
      attach(scene.store, [makeEnvelope(scene, statementOf(scene.store.image))], {
        image: evil ? scene.store.newImage('other') : scene.store.image,
      }),
  },
  {
    name: 'an attestation in a layer of another type',
    code: 'malformed',
    lay: (scene, evil) =>
      attach(
        scene.store,
        [makeEnvelope(scene, statementOf(scene.store.image))],
        evil ? { mediaType: types.layer } : {},
      ),
  },
  {
    name: 'a layer in the place of the signature',
    code: 'unsigned',
    signature: 'required',
    lay: (scene, evil) => {
      attach(scene.store, [makeEnvelope(scene, statementOf(scene.store.image))]);
      if (!evil) scene.store.layer(scene.layer());
    },
  },
  {
    name: 'a good layer behind fifty hostile ones and a broken bundle',
    code: 'verified',
    passes: true,
    lay: (scene, evil) => {
      const good = makeEnvelope(scene, statementOf(scene.store.image));
      const bad = Array.from({ length: 50 }, (_, n) => ({
        envelope: { ...good.envelope, payload: base64(`{"n":${n}}`) },
        annotations: good.annotations,
      }));
      attach(scene.store, evil ? [...bad, good] : [good]);
      if (evil) scene.store.bundle('{"mediaType":', labelled(spdx));
    },
  },
  {
    name: 'a good layer larger than any signature, its type not told',
    code: 'verified',
    passes: true,
    lay: (scene, evil) => {
      const predicate = { ...sbom, text: 'a'.repeat(400_000) };
      const layer = makeEnvelope(scene, statementOf(scene.store.image, { predicate }));
      if (evil) delete layer.annotations.predicateType;
      attach(scene.store, [layer]);
    },
  },
];

const inOldEntry = (
  name: string,
  code: AttestationAttack['code'],
  edit: (layer: EnvelopeLayer, scene: Scene) => Json,
): AttestationAttack => ({
  name: `an entry of cosign 1: ${name}`,
  code,
  lay: (scene, evil) => {
    const layer = makeEnvelope(scene, statementOf(scene.store.image));
    const entry = evil ? edit(layer, scene) : oldEntry(scene, layer);
    layer.annotations[bundleName] = JSON.stringify(entry);
    attach(scene.store, [layer]);
  },
});

/** Log entries of the kind `intoto` 0.0.1, which no library judges for us. */
export const oldEntryCases: readonly AttestationAttack[] = [
  inOldEntry('of another envelope', 'bad-log-entry', (_, scene) =>
    oldEntry(scene, makeEnvelope(scene, statementOf(scene.store.image))),
  ),
  inOldEntry('of the payload alone', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, ({ spec }) => {
      const payload = Buffer.from(layer.envelope.payload, 'base64');
      spec.content.hash.value = sha256(payload).toString('hex');
    }),
  ),
  inOldEntry('of no envelope', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, ({ spec }) => delete spec.content),
  ),
  inOldEntry('another algorithm', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, ({ spec }) => (spec.content.hash.algorithm = 'sha1')),
  ),
  inOldEntry('a hash in capitals', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, ({ spec }) => {
      spec.content.hash.value = spec.content.hash.value.toUpperCase();
    }),
  ),
  inOldEntry('by another certificate', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, ({ spec }) => {
      const other = makeEnvelope(scene, statementOf(scene.store.image));
      spec.publicKey = base64(other.annotations[certificateName]);
    }),
  ),
  inOldEntry('by nobody', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, ({ spec }) => delete spec.publicKey),
  ),
  inOldEntry('of another version', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, (body) => (body.apiVersion = '0.0.3')),
  ),
  inOldEntry('without content', 'bad-log-entry', (layer, scene) =>
    oldEntry(scene, layer, (body) => (body.spec = null)),
  ),
  inOldEntry('another time', 'bad-log-entry', (layer, scene) => {
    const entry = oldEntry(scene, layer);
    entry.Payload.integratedTime += 1;
    return entry;
  }),
  inOldEntry('another index', 'bad-log-entry', (layer, scene) => {
    const entry = oldEntry(scene, layer);
    entry.Payload.logIndex += 1;
    return entry;
  }),
  inOldEntry('of a log that nobody trusts', 'bad-log-entry', (layer, scene) => {
    const entry = oldEntry(scene, layer);
    entry.Payload.logID = 'ab'.repeat(32);
    return entry;
  }),
  inOldEntry('promised by another log', 'bad-log-entry', (layer, scene) => {
    const entry = oldEntry(scene, layer);
    entry.Payload.logID = scene.forge.rekor2.id.toString('hex');
    return entry;
  }),
  inOldEntry('an edited body', 'bad-log-entry', (layer, scene) => {
    const entry = oldEntry(scene, makeEnvelope(scene, statementOf(scene.store.image)));
    entry.Payload.body = oldEntry(scene, layer).Payload.body;
    return entry;
  }),
  {
    name: 'an entry of cosign 1 in a bundle',
    code: 'bad-log-entry',
    lay: (scene, evil) => {
      const bundle = attest(scene, statementOf(scene.store.image));
      const [entry] = bundle.verificationMaterial.tlogEntries;
      if (evil) entry.kindVersion = { kind: 'intoto', version: '0.0.1' };
      scene.store.bundle(bundle, labelled(spdx));
    },
  },
];

interface Built {
  /** what is signed of an attestation manifest; undefined: nothing */
  readonly sign?: (scene: Scene, holder: PlantedImage) => Json | undefined;
  readonly statement?: (statement: Json, scene: Scene) => unknown;
  /** the type that the layer says */
  readonly layerType?: string;
  /** more entries of the index */
  readonly more?: (scene: Scene) => readonly Json[];
  /** edits the entry of the attestation manifest */
  readonly entry?: (entry: Json, scene: Scene) => unknown;
}

/**
 * An index as BuildKit writes it: a platform, and the manifest with its SBOM, which alone is signed.
 * The index becomes the image of the scene.
 */
function build(scene: Scene, built: Built = {}): void {
  const { store } = scene;
  const platform = store.newImage('platform');
  const statement = statementOf(platform, { _type: 'https://in-toto.io/Statement/v0.1' });
  built.statement?.(statement, scene);
  const holder = holderOf(scene, JSON.stringify(statement), built.layerType);
  const signature =
    built.sign === undefined ? makeBundle(scene.forge, holder) : built.sign(scene, holder);
  if (signature !== undefined) signHolder(scene, holder, signature);
  const entry: Json = {
    ...store.entry(holder.digest),
    artifactType: undefined,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': platform.digest,
    },
  };
  built.entry?.(entry, scene);
  const manifests = [
    {
      ...store.entry(platform.digest),
      artifactType: undefined,
      platform: { os: 'linux', architecture: 'amd64' },
    },
    entry,
    ...(built.more?.(scene) ?? []),
  ];
  const digest = store.manifest({ manifests }, undefined, types.index);
  Object.assign(store.image, { digest });
}

function holderOf({ store }: Scene, statement: string, type = spdx): PlantedImage {
  const digest = store.manifest({
    config: store.blob('{"architecture":"unknown","os":"unknown"}', types.config),
    layers: [
      {
        ...store.blob(statement, 'application/vnd.in-toto+json'),
        annotations: { 'in-toto.io/predicate-type': type },
      },
    ],
  });
  return { digest: digest as PlantedImage['digest'], reference: store.image.reference };
}

function signHolder({ store }: Scene, holder: PlantedImage, bundle: Json): void {
  store.bundle(bundle, (manifest) => {
    const { size } = store.entry(holder.digest);
    manifest.subject = { mediaType: types.manifest, digest: holder.digest, size };
  });
}

function builtCase(
  name: string,
  code: AttestationAttack['code'],
  hostile: Built,
  honest: Built = {},
  more: Partial<AttestationAttack> = {},
): AttestationAttack {
  return {
    name,
    code,
    lay: (scene, evil) => build(scene, evil ? { ...honest, ...hostile } : honest),
    ...more,
  };
}

const arm = (scene: Scene): Json => ({
  ...scene.store.entry(scene.store.newImage('arm').digest),
  artifactType: undefined,
  platform: { os: 'linux', architecture: 'arm64' },
});

/** Attestation manifests inside an index: what is signed is the manifest, not the index. */
export const indexCases: readonly AttestationAttack[] = [
  builtCase('an attestation manifest that is not signed', 'unsigned', { sign: () => undefined }),
  builtCase('an attestation manifest that a stranger has signed', 'wrong-identity', {
    sign: ({ forge }, holder) => makeBundle(forge, holder, stranger),
  }),
  builtCase('the signature of another attestation manifest', 'wrong-subject', {
    sign: (scene) => makeBundle(scene.forge, scene.store.newImage('other')),
  }),
  builtCase(
    'an attestation in the place of the signature of an attestation manifest',
    'wrong-predicate',
    {
      sign: (scene, holder) => attest(scene, statementOf(holder)),
    },
  ),
  builtCase('a statement about another platform', 'wrong-subject', {
    statement: (s) => (s.subject[0].digest.sha256 = 'ab'.repeat(32)),
  }),
  builtCase('a statement of another type under a layer of the right one', 'no-attestation', {
    statement: (s) => (s.predicateType = slsa1),
  }),
  builtCase('a statement of a signature', 'no-attestation', {
    statement: (s) => (s.predicateType = 'https://sigstore.dev/cosign/sign/v1'),
  }),
  builtCase('a statement without a type', 'wrong-predicate', { statement: (s) => delete s._type }),
  builtCase('a layer of another type', 'no-attestation', { layerType: slsa1 }),
  builtCase('a platform beside that nobody attests', 'wrong-subject', {
    more: (scene) => [arm(scene)],
  }),
  builtCase('a platform beside that says to be an attestation manifest', 'wrong-subject', {
    more: (scene) => [
      {
        ...arm(scene),
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': `sha256:${'ab'.repeat(32)}`,
        },
      },
    ],
  }),
  builtCase('an attestation manifest that belongs to no platform', 'no-attestation', {
    entry: (entry) => delete entry.annotations['vnd.docker.reference.digest'],
  }),
  builtCase('an attestation manifest that says to belong to another platform', 'wrong-subject', {
    entry: (entry) =>
      (entry.annotations['vnd.docker.reference.digest'] = `sha256:${'ab'.repeat(32)}`),
  }),
  builtCase('an entry that does not say what it is', 'no-attestation', {
    entry: (entry) => delete entry.annotations['vnd.docker.reference.type'],
  }),
];
