import { createHash, type KeyObject, sign } from 'node:crypto';
import { json } from '@sigstore/core';
import { createTrust, parseTrustedRoot, type Trust } from '../../src/signature/trust.ts';
import {
  authorityKeyIdentifier,
  type Certified,
  codeSigning,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameOf,
  newIntermediate,
  newRoot,
  newSerial,
  newTimestamper,
  signCertificate,
  subjectKeyIdentifier,
  toBeSigned,
} from '../sandbox/sigstore/certificates.ts';
import { logIdOf, signedCheckpoint } from '../sandbox/sigstore/checkpoint.ts';
import { implicit, octetString, sequence, utf8String } from '../sandbox/sigstore/der.ts';
import { newEcKey, spkiOf } from '../sandbox/sigstore/keys.ts';
import { leafHash, MerkleTree } from '../sandbox/sigstore/merkle.ts';
import { timestampResponse } from '../sandbox/sigstore/timestamp-token.ts';

export const identity = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
export const issuer = 'https://token.actions.githubusercontent.com';
/** When honest signatures are made. */
export const signingTime = new Date('2026-11-20T12:00:00Z');
export const minutes = (count: number, from = signingTime): Date =>
  new Date(from.getTime() + count * 60_000);
export const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
export const sha256 = (bytes: Uint8Array | string): Buffer =>
  createHash('sha256').update(bytes).digest();

/** A name in a certificate's SAN. */
export const uri = (text: string | Uint8Array): Buffer => implicit(6, Buffer.from(text as string));
export const email = (text: string): Buffer => implicit(1, Buffer.from(text));

/** What a signing certificate is made of; everything has an honest default. */
export interface Leaf {
  readonly names?: readonly Buffer[];
  readonly issuer?: readonly Buffer[];
  readonly usage?: Buffer;
  readonly purpose?: Buffer;
  readonly more?: readonly Buffer[];
  readonly by?: Certified;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly subject?: Buffer;
  /**
   * the log that promises to show it; `none`: no promise; `other certificate`: a promise about
   * another one
   */
  readonly promise?: KeyObject | 'none' | 'other certificate';
}

const arc = '1.3.6.1.4.1.57264.1';
export const issuerV1 = (text: string): Buffer => extension(`${arc}.1`, Buffer.from(text));
export const issuerV2 = (text: string): Buffer => extension(`${arc}.8`, utf8String(text));

/**
 * A certificate authority, its certificate log, two transparency logs and a timestamp authority,
 * whose keys are at hand.
 */
export class Forge {
  // Fulcio's own is on P-384, which the sandbox and the recorded signatures have: each of the attacks
  // verifies by it, and P-256 costs a tenth.
  readonly root = newRoot('fulcio-root', 'P-256', 1);
  readonly intermediate = newIntermediate('fulcio-intermediate', this.root);
  readonly timestampRoot = newRoot('tsa-root', 'P-256', 0);
  readonly timestamper = newTimestamper('tsa', this.timestampRoot);
  readonly certificateLog = newEcKey();
  readonly rekor1 = new ForgedLog(
    'https://rekor.sandbox.test',
    'rekor.sandbox.test - 4711',
    newEcKey(),
  );
  readonly rekor2 = new ForgedLog('https://log2.sandbox.test', 'log2.sandbox.test', newEcKey());
  readonly #trust = new Map<string, Trust>();

  /** What a gate trusts; `change` edits the TrustedRoot (JSON) first. */
  trust(change?: (root: TrustedRootJson) => void): Trust {
    const root = this.trustedRoot();
    change?.(root);
    const text = JSON.stringify(root);
    const known = this.#trust.get(text) ?? createTrust(parseTrustedRoot(Buffer.from(text)));
    this.#trust.set(text, known);
    return known;
  }

  trustedRoot(): TrustedRootJson {
    const validFor = { start: '2024-01-01T00:00:00Z' };
    const log = (baseUrl: string, key: KeyObject) => ({
      baseUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: base64(spkiOf(key)),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { ...validFor },
      },
      logId: { keyId: base64(logIdOf(key)) },
    });
    const authority = (uriOf: string, ...chain: Certified[]) => ({
      uri: uriOf,
      certChain: chainOf(...chain),
      validFor: { ...validFor },
    });
    return {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log(this.rekor1.url, this.rekor1.key), log(this.rekor2.url, this.rekor2.key)],
      certificateAuthorities: [
        authority('https://fulcio.sandbox.test', this.intermediate, this.root),
      ],
      ctlogs: [log('https://ct.sandbox.test', this.certificateLog)],
      timestampAuthorities: [
        authority('https://tsa.sandbox.test', this.timestamper, this.timestampRoot),
      ],
    };
  }

  /** A signing certificate (DER) for this key. */
  certificate(key: KeyObject, leaf: Leaf = {}): Buffer {
    const by = leaf.by ?? this.intermediate;
    const spki = spkiOf(key);
    const extensions = [
      leaf.usage ?? keyUsage.digitalSignature(),
      leaf.purpose ?? extendedKeyUsage(codeSigning),
      subjectKeyIdentifier(spki),
      authorityKeyIdentifier(spkiOf(by.key)),
      extension('2.5.29.17', sequence(...(leaf.names ?? [uri(identity)])), true),
      ...(leaf.issuer ?? [issuerV1(issuer), issuerV2(issuer)]),
      ...(leaf.more ?? []),
    ].filter((each) => each.length > 0);
    const {
      notBefore = minutes(-1),
      notAfter = minutes(9),
      subject = sequence(),
      promise = this.certificateLog,
    } = leaf;
    const content = { serial: newSerial(), issuer: by.name, subject, notBefore, notAfter, spki };
    if (promise === 'none') return signCertificate({ ...content, extensions }, by.key);
    const promised =
      promise === 'other certificate' ? { ...content, serial: newSerial() } : content;
    const body = toBeSigned({ ...promised, extensions }, by.key);
    const log = promise === 'other certificate' ? this.certificateLog : promise;
    const promises = extension(
      '1.3.6.1.4.1.11129.2.4.2',
      octetString(promisesOf(this.certificateLog, log, by, body)),
    );
    return signCertificate({ ...content, extensions: [...extensions, promises] }, by.key);
  }

  /** An RFC 3161 response over these bytes. */
  timestamp(
    data: Uint8Array,
    time = signingTime,
    by = this.timestamper,
    issuedBy = this.timestampRoot,
  ): Buffer {
    const hash = { id: '2.16.840.1.101.3.4.2.1', name: 'sha256' } as const;
    return timestampResponse(
      { hash, digest: sha256(data), certificates: true },
      by,
      issuedBy,
      time,
    );
  }
}

// biome-ignore lint/suspicious/noExplicitAny: cases edit any part of the document
export type TrustedRootJson = Record<string, any>;

export const chainOf = (...chain: readonly Certified[]) => ({
  certificates: chain.map(({ der }) => ({ rawBytes: base64(der) })),
});

/** A certificate of any kind below `by` (itself when absent), with extensions as they are given. */
export function certify(
  commonName: string,
  key: KeyObject,
  by: Pick<Certified, 'key' | 'name'> | undefined,
  extensions: readonly Buffer[],
  period: readonly [Date, Date] = [
    new Date('2024-01-01T00:00:00Z'),
    new Date('2044-01-01T00:00:00Z'),
  ],
): Certified {
  const name = nameOf('sandbox.test', commonName);
  const signer = by ?? { key, name };
  const spki = spkiOf(key);
  const serial = newSerial();
  const [notBefore, notAfter] = period;
  const identifiers = [subjectKeyIdentifier(spki), authorityKeyIdentifier(spkiOf(signer.key))];
  const content = {
    serial,
    issuer: signer.name,
    subject: name,
    notBefore,
    notAfter,
    spki,
    extensions: [...extensions, ...identifiers],
  };
  return { key, name, serial, der: signCertificate(content, signer.key) };
}

/**
 * The list with one SCT (RFC 6962, 3.3) over a certificate without its SCTs; `named` is the log it
 * says to be of, `signer` the one that signs.
 */
function promisesOf(named: KeyObject, signer: KeyObject, by: Certified, body: Buffer): Buffer {
  const sized = (size: number, content: Buffer) => {
    const length = Buffer.alloc(size);
    length.writeUIntBE(content.length, 0, size);
    return Buffer.concat([length, content]);
  };
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(signingTime.getTime()));
  const entry = Buffer.concat([Buffer.from([0, 1]), sha256(spkiOf(by.key)), sized(3, body)]);
  const signature = sign(
    'sha256',
    Buffer.concat([Buffer.from([0, 0]), time, entry, sized(2, Buffer.alloc(0))]),
    signer,
  );
  const promise = [
    Buffer.from([0]),
    logIdOf(named),
    time,
    sized(2, Buffer.alloc(0)),
    Buffer.from([4, 3]),
    sized(2, signature),
  ];
  return sized(2, sized(2, Buffer.concat(promise)));
}

/**
 * A transparency log that records whatever it is given; its proofs, checkpoints and promises are
 * true all the same.
 */
export class ForgedLog {
  readonly url: string;
  readonly origin: string;
  readonly key: KeyObject;
  readonly tree = new MerkleTree();

  constructor(url: string, origin: string, key: KeyObject) {
    this.url = url;
    this.origin = origin;
    this.key = key;
    // Others were there before, so that proofs have hashes.
    for (let n = 0; n < 5; n++) this.tree.append(leafHash(Buffer.from(`entry ${n}`)));
  }

  get id(): Buffer {
    return logIdOf(this.key);
  }

  append(body: Buffer): number {
    return this.tree.append(leafHash(body));
  }

  checkpoint(size = this.tree.size, origin = this.origin): string {
    return signedCheckpoint(
      { origin, name: new URL(this.url).hostname, key: this.key },
      size,
      this.tree.root(size),
    );
  }

  /** The inclusion proof in the tree as it is, as protobuf's JSON. */
  proof(index: number, size = this.tree.size) {
    return {
      logIndex: String(index),
      rootHash: base64(this.tree.root(size)),
      treeSize: String(size),
      hashes: this.tree.inclusionProof(index, size).map(base64),
      checkpoint: { envelope: this.checkpoint(size) },
    };
  }

  /** Rekor v1's promise (SET). */
  promise(body: Buffer, integratedTime: number, logIndex: number, logId = this.id): Buffer {
    const payload = { body: base64(body), integratedTime, logID: logId.toString('hex'), logIndex };
    return sign('sha256', Buffer.from(json.canonicalize(payload)), this.key);
  }
}
