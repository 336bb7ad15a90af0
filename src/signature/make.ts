import { createHash, createPublicKey } from 'node:crypto';
import { type Bundle, envelopeToJSON, type TransparencyLogEntry } from '@sigstore/bundle';
import { pem } from '@sigstore/core';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import type { Signer, Witness } from '@sigstore/sign';
// The bundler alone: the root of the package brings an HTTP client of nearly a megabyte along.
import {
  DSSEBundleBuilder,
  MessageSignatureBundleBuilder,
} from '@sigstore/sign/dist/bundler/index.js';
import { Failure } from '../failure.ts';
import { bundleBytes } from './bundle.ts';
import { keyId } from './key.ts';
import { layerAnnotations } from './legacy.ts';
import type { ImageSigner } from './signer.ts';
import { statementType } from './statement.ts';

/** A signature in the bundle format, ready to be written. */
export interface MadeBundle {
  /** the JSON bytes: the one layer of the signature manifest */
  readonly bundle: Buffer;
  /** a log has taken it in */
  readonly logged: boolean;
}

/** A signature in the legacy format, ready to be written. */
export interface MadeLayer {
  /** the simple-signing bytes, or the envelope: the layer's blob */
  readonly payload: Buffer;
  /** the layer's annotations */
  readonly annotations: Readonly<Record<string, string>>;
}

/** True where a log has taken it in. */
export function isLogged(made: MadeBundle | MadeLayer): boolean {
  return 'bundle' in made ? made.logged : layerAnnotations.bundle in made.annotations;
}

/** What a legacy layer has room for: one log of version 1, one timestamp. */
export interface LegacyWitnesses {
  readonly log?: Witness;
  readonly timestamp?: Witness;
}

/**
 * Signs a statement as a DSSE envelope in a Sigstore bundle v0.3. Witnesses (log, timestamp
 * authority) are asked in parallel.
 * @param statement what `makeStatement` made
 * @throws {Failure} whatever signer and witnesses throw.
 */
export async function signBundle(input: {
  signer: ImageSigner;
  witnesses: readonly Witness[];
  statement: Buffer;
}): Promise<MadeBundle> {
  const signing = remembering(input.signer);
  const builder = new DSSEBundleBuilder({ signer: signing, witnesses: [...input.witnesses] });
  const parsed: Bundle = await builder.create({ data: input.statement, type: statementType });
  const material = parsed.verificationMaterial;
  const { content } = material;
  // As cosign writes it: no timestamps, no field for them.
  if (material.timestampVerificationData?.rfc3161Timestamps.length === 0)
    material.timestampVerificationData = undefined;
  if (content.$case === 'publicKey') content.publicKey.hint = hintOf(signing.keyPem());
  return { bundle: bundleBytes(parsed), logged: material.tlogEntries.length > 0 };
}

let latest: { readonly pem: string; readonly hint: string } | undefined;

/** A run signs everything with one key, and reading one takes as long as signing with it. */
function hintOf(publicPem: string): string {
  if (latest?.pem !== publicPem)
    latest = { pem: publicPem, hint: keyId(createPublicKey(publicPem)) };
  return latest.hint;
}

/**
 * Signs a simple-signing payload, and turns what signer and witnesses give into the annotations
 * that cosign 1 and 2 read.
 * @param payload what `makePayload` made
 * @throws {Failure} `internal` when a witness answers an entry without a promise (SET): a Rekor v2
 * entry cannot be carried in this format, so the format must not have been chosen. Otherwise
 * whatever signer and witnesses throw.
 */
export async function signLegacy(input: {
  signer: ImageSigner;
  witnesses: readonly Witness[];
  payload: Buffer;
}): Promise<MadeLayer> {
  const { signer, witnesses, payload } = input;
  const parsed: Bundle = await new MessageSignatureBundleBuilder({
    signer: remembering(signer),
    witnesses: [...witnesses],
  }).create({ data: payload });
  if (parsed.content.$case !== 'messageSignature')
    throw mistake('The legacy signature was built as something else.');
  const annotations: Record<string, string> = {
    [layerAnnotations.signature]: parsed.content.messageSignature.signature.toString('base64'),
  };
  await addProof(annotations, parsed, signer);
  return { payload, annotations };
}

/**
 * Signs a statement as a DSSE envelope, as cosign 2 writes it into a layer of the `.att` manifest.
 * The log entry is about the envelope; the timestamp is over all of its bytes, not over the
 * signature as everywhere else.
 * @param predicateType of the statement; readers choose by it
 * @throws {Failure} as `signLegacy`
 */
export async function signEnvelope(input: {
  signer: ImageSigner;
  witnesses: LegacyWitnesses;
  statement: Buffer;
  predicateType: string;
}): Promise<MadeLayer> {
  const { signer, witnesses, statement, predicateType } = input;
  const log = witnesses.log === undefined ? [] : [witnesses.log];
  const parsed: Bundle = await new DSSEBundleBuilder({
    signer: remembering(signer),
    witnesses: log,
  }).create({ data: statement, type: statementType });
  if (parsed.content.$case !== 'dsseEnvelope')
    throw mistake('The envelope was built as something else.');
  // The very text that the log has hashed.
  const payload = Buffer.from(JSON.stringify(envelopeToJSON(parsed.content.dsseEnvelope)));
  const annotations: Record<string, string> = {
    [layerAnnotations.signature]: '',
    predicateType,
  };
  const stamp = await witnesses.timestamp?.testify(bareBytes(payload), '');
  parsed.verificationMaterial.timestampVerificationData = {
    rfc3161Timestamps: (stamp?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) => ({
      signedTimestamp,
    })),
  };
  await addProof(annotations, parsed, signer);
  return { payload, annotations };
}

/** Bytes to be stamped, in the form that a witness takes: as if they were a signature. */
function bareBytes(bytes: Buffer): Parameters<Witness['testify']>[0] {
  const digest = createHash('sha256').update(bytes).digest();
  const messageDigest = { algorithm: HashAlgorithm.SHA2_256, digest };
  return { $case: 'messageSignature', messageSignature: { signature: bytes, messageDigest } };
}

/** Certificate, log entry and timestamp, where cosign looks for them. */
async function addProof(
  annotations: Record<string, string>,
  { verificationMaterial }: Bundle,
  signer: ImageSigner,
): Promise<void> {
  const { content, tlogEntries, timestampVerificationData } = verificationMaterial;
  if (content.$case === 'x509CertificateChain' || content.$case === 'certificate') {
    const leaf =
      content.$case === 'certificate'
        ? content.certificate
        : content.x509CertificateChain.certificates[0];
    if (leaf === undefined) throw mistake('The legacy signature has no certificate.');
    annotations[layerAnnotations.certificate] = pem.fromDER(leaf.rawBytes);
    const chain = await signer.chain();
    if (chain.length > 0)
      annotations[layerAnnotations.chain] = chain.map((text) => `${text.trimEnd()}\n`).join('');
  }
  addWitnessed(annotations, tlogEntries, timestampVerificationData?.rfc3161Timestamps ?? []);
}

/** One log entry and one timestamp is what the annotations have room for. */
function addWitnessed(
  annotations: Record<string, string>,
  entries: readonly TransparencyLogEntry[],
  timestamps: readonly { signedTimestamp: Buffer }[],
): void {
  const [entry, ...moreEntries] = entries;
  const [timestamp, ...moreTimestamps] = timestamps;
  if (moreEntries.length > 0 || moreTimestamps.length > 0)
    throw mistake('The legacy format carries one log entry and one timestamp.');
  if (entry !== undefined) annotations[layerAnnotations.bundle] = entryJson(entry);
  if (timestamp !== undefined) {
    annotations[layerAnnotations.timestamp] = JSON.stringify({
      SignedRFC3161Timestamp: timestamp.signedTimestamp.toString('base64'),
    });
  }
}

function entryJson(entry: TransparencyLogEntry): string {
  if (entry.inclusionPromise === undefined)
    throw mistake('This log gives no promise of inclusion, which the legacy format needs.');
  return JSON.stringify({
    SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp.toString('base64'),
    Payload: {
      body: entry.canonicalizedBody.toString('base64'),
      integratedTime: Number(entry.integratedTime),
      logIndex: Number(entry.logIndex),
      logID: entry.logId.keyId.toString('hex'),
    },
  });
}

/**
 * The signer as the builder sees it: without a hint, which the builder would copy into the
 * envelope's keyid (cosign 3 rejects any keyid) before the witnesses hash the envelope. The hint of
 * the bundle is set afterwards, from the key that this signature was made with.
 */
function remembering(signer: ImageSigner): Signer & { keyPem(): string } {
  let publicKey: string | undefined;
  return {
    async sign(data) {
      const { signature, key } = await signer.sign(data);
      if (key.$case === 'x509Certificate') return { signature, key };
      publicKey = key.publicKey;
      return { signature, key: { $case: 'publicKey', publicKey } };
    },
    keyPem() {
      if (publicKey === undefined) throw mistake('The signer gave no public key.');
      return publicKey;
    },
  };
}

function mistake(message: string): Failure {
  return new Failure(
    'internal',
    message,
    'Set `format: bundle`, and please report this with the debug log of the run.',
  );
}
