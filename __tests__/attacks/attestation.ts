import { sign } from 'node:crypto';
import { dsse, json } from '@sigstore/core';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import type { VerdictCode } from '../../src/signature/verdict.ts';
import { extension } from '../sandbox/sigstore/certificates.ts';
import { pem, utf8String } from '../sandbox/sigstore/der.ts';
import type { Scene } from './attack.ts';
import { base64, identity, sha256, signingTime } from './forge.ts';
import { type Json, makeBundle, type Wish } from './material.ts';
import { type PlantedImage, type SignatureStore, types } from './store.ts';

export const spdx = 'https://spdx.dev/Document';
export const slsa1 = 'https://slsa.dev/provenance/v1';
export const slsa02 = 'https://slsa.dev/provenance/v0.2';
export const sbom = { spdxVersion: 'SPDX-2.3', packages: [{ name: 'musl', versionInfo: '1.2' }] };
export const hexOf = ({ digest }: Pick<PlantedImage, 'digest'>): string =>
  digest.slice('sha256:'.length);

/**
 * One attack on attestations. `lay` puts it into the registry, or its honest twin: what is the same
 * apart from the one thing that the attack is about. The twin verifies and its predicate is kept;
 * the attack is refused with this code, and nothing of it is kept.
 */
export interface AttestationAttack {
  readonly name: string;
  readonly code: VerdictCode;
  readonly lay: (scene: Scene, hostile: boolean) => void;
  /** `spdx` alone when absent */
  readonly types?: readonly string[];
  /** only attestations count when absent */
  readonly signature?: 'required';
  readonly policy?: (scene: Scene) => Partial<SignaturePolicy>;
  /** the attack is that a good attestation gets lost: it must still be found */
  readonly passes?: true;
}

/** A statement about an image, as cosign writes them. */
export function statementOf(image: PlantedImage, more: Json = {}): Json {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: image.reference, digest: { sha256: hexOf(image) } }],
    predicateType: spdx,
    predicate: sbom,
    ...more,
  };
}

/** What the certificate of a run says beside its identity. */
export const run = 'https://github.com/acme/app/actions/runs/7/attempts/1';
const claim = (number: number, text: string): Buffer =>
  extension(`1.3.6.1.4.1.57264.1.${number}`, utf8String(text));
export const commit = 'ab'.repeat(20);
export const inRun: Wish = {
  leaf: {
    more: [
      claim(11, 'github-hosted'),
      claim(12, 'https://github.com/acme/app'),
      claim(13, commit),
      claim(14, 'refs/heads/main'),
      claim(18, identity),
      claim(21, run),
    ],
  },
};

/** A bundle with this statement, signed as the image would be. */
export function attest(scene: Scene, statement: Json | string | Buffer, wish: Wish = {}): Json {
  const payload =
    typeof statement === 'string' || Buffer.isBuffer(statement)
      ? statement
      : JSON.stringify(statement);
  return makeBundle(scene.forge, scene.store.image, { payload, ...wish });
}

/** Says of the manifest what a registry's client would say. */
export const labelled =
  (type: string) =>
  (manifest: Json): void => {
    manifest.annotations['dev.sigstore.bundle.predicateType'] = type;
  };

/** An attack whose statement is edited before the right signer signs it. */
export function stated(
  name: string,
  code: VerdictCode,
  edit: (statement: Json, scene: Scene) => unknown,
  more: Partial<AttestationAttack> & { readonly honest?: Json; readonly wish?: Wish } = {},
): AttestationAttack {
  const { honest, wish, ...rest } = more;
  const lay = (scene: Scene, evil: boolean): void => {
    const statement = structuredClone(statementOf(scene.store.image, honest));
    if (evil) edit(statement, scene);
    scene.store.bundle(attest(scene, statement, wish), labelled(honest?.predicateType ?? spdx));
  };
  return { name, code, lay, ...rest };
}

/** An attack that edits the text of the statement before the right signer signs it. */
export function spelled(
  name: string,
  code: VerdictCode,
  edit: (text: string, scene: Scene) => string | Buffer,
): AttestationAttack {
  const lay = (scene: Scene, evil: boolean): void => {
    const text = JSON.stringify(statementOf(scene.store.image));
    const written = evil ? edit(text, scene) : text;
    if (evil && written === text) throw new Error(`"${name}" changes nothing`);
    scene.store.bundle(attest(scene, written), labelled(spdx));
  };
  return { name, code, lay };
}

/** An attack whose bundle is made of one wish, and its twin of another. */
export function signed(
  name: string,
  code: VerdictCode,
  hostile: (scene: Scene) => Wish,
  honest: Wish = {},
  more: Partial<AttestationAttack> = {},
): AttestationAttack {
  const lay = (scene: Scene, evil: boolean): void => {
    const statement = statementOf(scene.store.image);
    const wish = evil ? { ...honest, ...hostile(scene) } : honest;
    scene.store.bundle(attest(scene, statement, wish), labelled(spdx));
  };
  return { name, code, lay, ...more };
}

/** An attack that edits a good bundle. */
export function edited(
  name: string,
  code: VerdictCode,
  edit: (bundle: Json, scene: Scene) => unknown,
): AttestationAttack {
  const lay = (scene: Scene, evil: boolean): void => {
    const bundle = attest(scene, statementOf(scene.store.image));
    if (evil) edit(bundle, scene);
    scene.store.bundle(bundle, labelled(spdx));
  };
  return { name, code, lay };
}

export interface EnvelopeLayer {
  readonly envelope: Json;
  readonly annotations: Json;
}

/**
 * An attestation as cosign 2 puts it into a layer: the envelope, and beside it what proves it. Its
 * timestamp is over the whole envelope.
 */
export function makeEnvelope(
  scene: Scene,
  statement: Json | string,
  { timestamp, ...wish }: Wish = {},
): EnvelopeLayer {
  const { dsseEnvelope, verificationMaterial } = attest(scene, statement, wish);
  const envelope = {
    payloadType: dsseEnvelope.payloadType,
    payload: dsseEnvelope.payload,
    signatures: [{ keyid: '', sig: dsseEnvelope.signatures[0].sig }],
  };
  const [entry] = verificationMaterial.tlogEntries;
  const { certificate } = verificationMaterial;
  const stamp =
    timestamp instanceof Date
      ? scene.forge.timestamp(Buffer.from(JSON.stringify(envelope)), timestamp)
      : timestamp;
  return {
    envelope,
    annotations: {
      'dev.cosignproject.cosign/signature': '',
      predicateType: spdx,
      ...(certificate && {
        'dev.sigstore.cosign/certificate': pem(
          'CERTIFICATE',
          Buffer.from(certificate.rawBytes, 'base64'),
        ),
      }),
      ...(entry && { 'dev.sigstore.cosign/bundle': JSON.stringify(promiseOf(entry)) }),
      ...(stamp && {
        'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({
          SignedRFC3161Timestamp: base64(stamp),
        }),
      }),
    },
  };
}

export function promiseOf(entry: Json): Json {
  return {
    SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
    Payload: {
      body: entry.canonicalizedBody,
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
    },
  };
}

/**
 * The entry that cosign 1 recorded, kind `intoto` 0.0.1: of the whole envelope, with the log's
 * promise. `edit` changes its body before the log promises it.
 */
export function oldEntry(
  { forge }: Scene,
  { envelope, annotations }: EnvelopeLayer,
  edit: (body: Json) => unknown = () => {},
): Json {
  const hash = (text: string) => ({ algorithm: 'sha256', value: sha256(text).toString('hex') });
  const body: Json = {
    apiVersion: '0.0.1',
    kind: 'intoto',
    spec: {
      content: { hash: hash(JSON.stringify(envelope)) },
      publicKey: base64(annotations['dev.sigstore.cosign/certificate']),
    },
  };
  edit(body);
  const bytes = Buffer.from(json.canonicalize(body));
  const logIndex = forge.rekor1.append(bytes);
  const integratedTime = Math.floor(signingTime.getTime() / 1000);
  return {
    SignedEntryTimestamp: base64(forge.rekor1.promise(bytes, integratedTime, logIndex)),
    Payload: {
      body: base64(bytes),
      integratedTime,
      logIndex,
      logID: forge.rekor1.id.toString('hex'),
    },
  };
}

const dsseLayer = 'application/vnd.dsse.envelope.v1+json';

/** Writes the `.att` tag of an image. */
export function attach(
  store: SignatureStore,
  layers: readonly EnvelopeLayer[],
  { mediaType = dsseLayer, tag = 'att', image = store.image } = {},
): void {
  const descriptors = layers.map(({ envelope, annotations }) => ({
    ...store.blob(JSON.stringify(envelope), mediaType),
    annotations,
  }));
  const config = JSON.stringify({
    rootfs: { type: 'layers', diff_ids: descriptors.map(({ digest }: Json) => digest) },
  });
  store.manifest(
    { config: store.blob(config, types.config), layers: descriptors },
    `${image.digest.replace(':', '-')}.${tag}`,
  );
}

/** An attack on the layer of an `.att` manifest. */
export function layered(
  name: string,
  code: VerdictCode,
  edit: (layer: EnvelopeLayer, scene: Scene) => EnvelopeLayer | undefined,
  wish: Wish = {},
  more: Partial<AttestationAttack> = {},
): AttestationAttack {
  const lay = (scene: Scene, evil: boolean): void => {
    const layer = makeEnvelope(scene, statementOf(scene.store.image), wish);
    attach(scene.store, [(evil ? edit(layer, scene) : undefined) ?? layer]);
  };
  return { name, code, lay, ...more };
}

/** Signs these bytes as an envelope's, by the same key. */
export function resigned(payload: string, key: NonNullable<Wish['key']>): string {
  const bytes = dsse.preAuthEncoding('application/vnd.in-toto+json', Buffer.from(payload));
  return base64(sign('sha256', bytes, key));
}
