import { createHash, sign, X509Certificate } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { readDer } from './der.ts';
import { newEcKey } from './keys.ts';
import { post } from './parity-case.ts';
import {
  askToken,
  base64,
  certificateRequest,
  dsseEntry,
  type Json,
  timestampQuery,
  type World,
} from './well-formed.ts';

export interface BundleWish {
  readonly log: 1 | 2 | undefined;
  readonly timestamp: boolean;
  /** Parameters of the token. */
  readonly token?: Readonly<Record<string, string>>;
}

/**
 * Signs a statement keyless with the parts of a Sigstore, and puts the answers into a bundle v0.3
 * as JSON.
 */
export async function signBundle(world: World, statement: object, wish: BundleWish): Promise<Json> {
  const key = newEcKey();
  const answer = await jsonOf(
    await post(
      `${world.fulcioUrl}/api/v2/signingCert`,
      certificateRequest(await askToken(world, wish.token), key),
    ),
  );
  const [pem = ''] = (
    answer as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } }
  ).signedCertificateEmbeddedSct.chain.certificates;
  const certificate = new X509Certificate(pem);
  const payloadType = 'application/vnd.in-toto+json';
  const payload = Buffer.from(JSON.stringify(statement));
  const message = dsse.preAuthEncoding(payloadType, payload);
  const signature = sign('sha256', message, key);
  const envelope = {
    payloadType,
    payload: base64(payload),
    signatures: [{ sig: base64(signature) }],
  };
  const entry =
    wish.log === 1
      ? await entry1(world, envelope, pem)
      : wish.log === 2
        ? await entry2(world, message, signature, certificate.raw)
        : undefined;
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: base64(certificate.raw) },
      tlogEntries: entry ? [entry] : [],
      timestampVerificationData: {
        rfc3161Timestamps: wish.timestamp ? [await timestamp(world, signature)] : [],
      },
    },
    dsseEnvelope: envelope,
  };
}

async function jsonOf(response: Response): Promise<Json> {
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Json;
}

interface Rekor1Entry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly checkpoint: string;
      readonly hashes: string[];
      readonly logIndex: number;
      readonly rootHash: string;
      readonly treeSize: number;
    };
  };
}

async function entry1(world: World, envelope: object, pem: string): Promise<Json> {
  const answer = await jsonOf(
    await post(`${world.rekorUrl}/api/v1/log/entries`, dsseEntry(envelope, pem)),
  );
  const { body, integratedTime, logID, logIndex, verification } = Object.values(
    answer,
  )[0] as Rekor1Entry;
  const { checkpoint, hashes, rootHash, treeSize, logIndex: index } = verification.inclusionProof;
  const fromHex = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
  return {
    logIndex: String(logIndex),
    logId: { keyId: fromHex(logID) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: String(integratedTime),
    inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(index),
      rootHash: fromHex(rootHash),
      treeSize: String(treeSize),
      hashes: hashes.map(fromHex),
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: body,
  };
}

function entry2(
  world: World,
  message: Buffer,
  signature: Buffer,
  certificate: Uint8Array,
): Promise<Json> {
  const verifier = {
    x509Certificate: { rawBytes: base64(certificate) },
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
  };
  const digest = createHash('sha256').update(message).digest('base64');
  const request = {
    hashedRekordRequestV002: { digest, signature: { content: base64(signature), verifier } },
  };
  return post(`${world.rekor2Url}/api/v2/log/entries`, request).then(jsonOf);
}

async function timestamp(world: World, signature: Buffer): Promise<Json> {
  const query = timestampQuery({
    digest: createHash('sha256').update(signature).digest(),
    certificates: false,
  });
  const response = await post(world.timestampUrl, query, 'application/timestamp-query');
  const reply = Buffer.from(await response.arrayBuffer());
  if (!response.ok || readDer(reply).children.length !== 2)
    throw new Error(`no timestamp: ${response.status}`);
  return { signedTimestamp: base64(reply) };
}
