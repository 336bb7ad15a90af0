import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { dsse, json } from '@sigstore/core';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { makeStatement, statementType } from '../../src/signature/statement.ts';
import { pem } from '../sandbox/sigstore/der.ts';
import { newEcKey, spkiOf } from '../sandbox/sigstore/keys.ts';
import { canonicalDsse, canonicalHashedRekord } from '../sandbox/sigstore/rekor1-entries.ts';
import { readHashedRekord } from '../sandbox/sigstore/rekor2-request.ts';
import { base64, type Forge, type Leaf, minutes, sha256, signingTime } from './forge.ts';
import type { PlantedImage } from './store.ts';

// biome-ignore lint/suspicious/noExplicitAny: cases edit any part of it
export type Json = Record<string, any>;

/**
 * What one signature shall be; everything has an honest default: keyless, in Rekor v1, no
 * timestamp.
 */
export interface Wish {
  readonly annotations?: Readonly<Record<string, string>>;
  /** what is signed, instead of the statement or the simple-signing payload */
  readonly payload?: Buffer | string;
  readonly payloadType?: string;
  /** the bytes that are really signed, instead of the pre-authentication encoding */
  readonly signedBytes?: (payloadType: string, payload: Buffer) => Buffer;
  readonly leaf?: Leaf;
  /** signs instead of the key in the certificate */
  readonly signWith?: KeyObject;
  readonly signature?: (bytes: Buffer, key: KeyObject) => Buffer;
  /** keyed: no certificate */
  readonly key?: KeyObject;
  readonly hint?: string;
  readonly log?: 1 | 2 | 'none';
  /** the time of the log entry */
  readonly at?: Date;
  readonly timestamp?: Date | Buffer | undefined;
  /** edits the body before the log records it; Rekor would have refused most of these */
  readonly body?: (body: Json) => unknown;
  /** what the entry says it was made with (PEM for v1, DER for v2) */
  readonly verifier?: Buffer;
}

const sha = (key: KeyObject): string | null =>
  key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
const signDefault = (bytes: Buffer, key: KeyObject): Buffer => sign(sha(key), bytes, key);

/** Signs an image as a bundle v0.3, as protobuf's JSON. */
export function makeBundle(forge: Forge, image: PlantedImage, wish: Wish = {}): Json {
  const payload = Buffer.from(wish.payload ?? makeStatement(image.digest, wish.annotations ?? {}));
  const payloadType = wish.payloadType ?? statementType;
  const signer = signerOf(forge, wish);
  const bytes = (wish.signedBytes ?? dsse.preAuthEncoding)(payloadType, payload);
  const signature = (wish.signature ?? signDefault)(bytes, wish.signWith ?? signer.key);
  const envelope = {
    payload: base64(payload),
    payloadType,
    signatures: [{ sig: base64(signature) }],
  };
  const { log = 1 } = wish;
  const entries =
    log === 'none'
      ? []
      : [
          log === 1
            ? dsseEntry(forge, envelope, signer, wish)
            : rekor2Entry(forge, bytes, signature, signer, wish),
        ];
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      ...signer.material,
      tlogEntries: entries,
      ...timestamps(forge, signature, wish),
    },
    dsseEnvelope: envelope,
  };
}

/** Signs an image as a legacy layer. */
export function makeLayer(
  forge: Forge,
  image: PlantedImage,
  wish: Wish = {},
): { payload: Buffer; annotations: Record<string, string> } {
  const { reference: dockerReference, digest } = image;
  const payload = Buffer.from(
    wish.payload ?? makePayload({ dockerReference, digest, annotations: wish.annotations ?? {} }),
  );
  const signer = signerOf(forge, wish);
  const signature = (wish.signature ?? signDefault)(payload, wish.signWith ?? signer.key);
  const { rfc3161Timestamps: [stamp] = [] } = timestamps(
    forge,
    signature,
    wish,
  ).timestampVerificationData;
  return {
    payload,
    annotations: {
      'dev.cosignproject.cosign/signature': base64(signature),
      ...(wish.key ? {} : { 'dev.sigstore.cosign/certificate': pem('CERTIFICATE', signer.der) }),
      ...(wish.log === 'none'
        ? {}
        : {
            'dev.sigstore.cosign/bundle': JSON.stringify(
              legacyEntry(forge, payload, signature, signer, wish),
            ),
          }),
      ...(stamp
        ? {
            'dev.sigstore.cosign/rfc3161timestamp': JSON.stringify({
              SignedRFC3161Timestamp: stamp.signedTimestamp,
            }),
          }
        : {}),
    },
  };
}

interface Signing {
  readonly key: KeyObject;
  /** the certificate, or the key's SPKI */
  readonly der: Buffer;
  readonly pem: string;
  readonly material: Json;
}

function signerOf(forge: Forge, wish: Wish): Signing {
  if (wish.key !== undefined) {
    const der = spkiOf(wish.key);
    const hint = wish.hint ?? base64(sha256(der));
    return { key: wish.key, der, pem: publicPem(wish.key), material: { publicKey: { hint } } };
  }
  const key = newEcKey();
  const der = forge.certificate(key, wish.leaf);
  return {
    key,
    der,
    pem: pem('CERTIFICATE', der),
    material: { certificate: { rawBytes: base64(der) } },
  };
}

export const publicPem = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();

function timestamps(forge: Forge, signature: Buffer, { timestamp }: Wish) {
  const stamp = timestamp instanceof Date ? forge.timestamp(signature, timestamp) : timestamp;
  return {
    timestampVerificationData: {
      rfc3161Timestamps: stamp ? [{ signedTimestamp: base64(stamp) }] : [],
    },
  };
}

/**
 * Rekor's own reading of the request; where a case made something that it refuses, the body is
 * written by hand.
 */
function dsseEntry(forge: Forge, envelope: Json, signer: Signing, wish: Wish): Json {
  const verifier = base64(wish.verifier ?? signer.pem);
  const honest = () =>
    canonicalDsse({
      proposedContent: { envelope: JSON.stringify(envelope), verifiers: [verifier] },
    });
  const hash = (bytes: Uint8Array | string) => ({
    algorithm: 'sha256',
    value: sha256(bytes).toString('hex'),
  });
  const forged = () => ({
    envelopeHash: hash(JSON.stringify(envelope)),
    payloadHash: hash(Buffer.from(envelope.payload, 'base64')),
    signatures: [{ signature: envelope.signatures[0].sig, verifier }],
  });
  const spec = attempt(honest) ?? forged();
  return entry1(forge, { apiVersion: '0.0.1', kind: 'dsse', spec }, wish);
}

function hashedRekord(payload: Buffer, signature: Buffer, signer: Signing, wish: Wish): Json {
  const publicKey = { content: base64(wish.verifier ?? signer.pem) };
  const hash = { algorithm: 'sha256', value: sha256(payload).toString('hex') };
  const request = { data: { hash }, signature: { content: base64(signature), publicKey } };
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: attempt(() => canonicalHashedRekord(request)) ?? request,
  };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/**
 * An entry of Rekor v1 in a bundle; the outer index counts all shards, so it is another than the
 * proof's.
 */
export function entry1(
  forge: Forge,
  body: Json,
  { body: edit, at = signingTime }: Wish = {},
): Json {
  const log = forge.rekor1;
  const bytes = bytesOf(edit?.(body) ?? body);
  const index = log.append(bytes);
  const logIndex = index + 1_000_000;
  const integratedTime = Math.floor(at.getTime() / 1000);
  return {
    logIndex: String(logIndex),
    logId: { keyId: base64(log.id) },
    kindVersion: { kind: String(body.kind), version: String(body.apiVersion) },
    integratedTime: String(integratedTime),
    inclusionPromise: {
      signedEntryTimestamp: base64(log.promise(bytes, integratedTime, logIndex)),
    },
    inclusionProof: log.proof(index),
    canonicalizedBody: base64(bytes),
  };
}

/** An edit may hand back the bytes themselves, for bodies that are no JSON. */
function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(json.canonicalize(body as Json));
}

function legacyEntry(
  forge: Forge,
  payload: Buffer,
  signature: Buffer,
  signer: Signing,
  wish: Wish,
): Json {
  const bytes = bytesOf(
    wish.body?.(hashedRekord(payload, signature, signer, wish)) ??
      hashedRekord(payload, signature, signer, wish),
  );
  const logIndex = forge.rekor1.append(bytes);
  const integratedTime = Math.floor((wish.at ?? signingTime).getTime() / 1000);
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

function rekor2Entry(
  forge: Forge,
  message: Buffer,
  signature: Buffer,
  signer: Signing,
  wish: Wish,
): Json {
  const der = base64(wish.verifier ?? signer.der);
  const verifier = wish.key
    ? { publicKey: { rawBytes: der } }
    : { x509Certificate: { rawBytes: der } };
  const made = {
    content: base64(signature),
    verifier: { ...verifier, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
  };
  const digest = base64(sha256(message));
  const honest = () =>
    readHashedRekord(
      Buffer.from(JSON.stringify({ hashedRekordRequestV002: { digest, signature: made } })),
    ) as Json;
  const forged = {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: { hashedRekordV002: { data: { algorithm: 'SHA2_256', digest }, signature: made } },
  };
  const log = forge.rekor2;
  const body = attempt(honest) ?? forged;
  const bytes = bytesOf(wish.body?.(body) ?? body);
  const index = log.append(bytes);
  return {
    logIndex: String(index),
    logId: { keyId: base64(log.id) },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    integratedTime: '0',
    inclusionProof: log.proof(index),
    canonicalizedBody: base64(bytes),
  };
}

/** In Rekor v2 with the timestamp that it needs. */
export const inRekor2: Wish = { log: 2, timestamp: signingTime };
/** In no log; a timestamp proves the time. */
export const stampedOnly: Wish = { log: 'none', timestamp: minutes(1) };
