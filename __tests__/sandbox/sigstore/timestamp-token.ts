import { createHash, randomBytes, sign } from 'node:crypto';
import type { Certified } from './certificates.ts';
import {
  context,
  generalizedTime,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  setOf,
  utcTime,
} from './der.ts';
import type { HashName } from './keys.ts';

export interface StampedHash {
  /** Dotted OID. */
  readonly id: string;
  readonly name: HashName;
}

export interface TimestampRequest {
  readonly hash: StampedHash;
  readonly digest: Buffer;
  /** The INTEGER as it came, negative ones too. */
  readonly nonce?: Buffer;
  /** The policy that was asked for. */
  readonly policy?: string;
  /** Whether the answer shall carry the authority's certificate. */
  readonly certificates: boolean;
}

/** The policy of Sigstore's timestamp authority. */
export const timestampPolicy = '1.3.6.1.4.1.57264.2';

const signedData = '1.2.840.113549.1.7.2';
const timestampInfo = '1.2.840.113549.1.9.16.1.4';
const attributes = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
};
const sha256 = '2.16.840.1.101.3.4.2.1';
const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/**
 * A granted TimeStampResp (RFC 3161, 2.4.2) in DER, signed by the authority. The time is of whole
 * seconds.
 */
export function timestampResponse(
  request: TimestampRequest,
  authority: Certified,
  issuer: Certified,
  now: Date,
): Buffer {
  const info = sequence(
    integer(1),
    oid(request.policy ?? timestampPolicy),
    sequence(sequence(oid(request.hash.id), nothing()), octetString(request.digest)),
    integer(randomBytes(20)),
    generalizedTime(now),
    sequence(integer(1)), // the accuracy: one second
    ...(request.nonce ? [request.nonce] : []),
    context(0, context(4, authority.name)),
  );
  const data = sequence(
    integer(3),
    setOf(sequence(oid(sha256))),
    sequence(oid(timestampInfo), context(0, octetString(info))),
    context(0, ...(request.certificates ? [authority.der] : [])),
    setOf(signerInfo(info, request.hash, authority, issuer, now)),
  );
  return sequence(sequence(integer(0)), sequence(oid(signedData), context(0, data)));
}

/**
 * The SignerInfo (RFC 5652, 5.3); ESSCertIDv2 binds the signature to the one certificate (RFC 5035,
 * 4).
 */
function signerInfo(
  info: Buffer,
  hash: StampedHash,
  authority: Certified,
  issuer: Certified,
  now: Date,
): Buffer {
  const attribute = (type: string, value: Buffer): Buffer => sequence(oid(type), setOf(value));
  const issuerSerial = sequence(sequence(context(4, issuer.name)), integer(authority.serial));
  // The certificate is named by the hash that the client chose; SHA-256 is the default and left
  // out.
  const algorithm = hash.name === 'sha256' ? [] : [sequence(oid(hash.id), nothing())];
  const certificateHash = [
    ...algorithm,
    octetString(createHash(hash.name).update(authority.der).digest()),
  ];
  const signed = [
    attribute(attributes.contentType, oid(timestampInfo)),
    attribute(attributes.signingTime, utcTime(now)),
    attribute(attributes.messageDigest, octetString(digestOf(info))),
    attribute(
      attributes.signingCertificateV2,
      sequence(sequence(sequence(...certificateHash, issuerSerial))),
    ),
  ].sort(Buffer.compare);
  return sequence(
    integer(1),
    sequence(issuer.name, integer(authority.serial)),
    sequence(oid(sha256)),
    context(0, ...signed),
    sequence(oid(ecdsaWithSha256)),
    // The signature is over the attributes as a SET, not as the [0] that they travel in.
    octetString(sign('sha256', setOf(...signed), authority.key)),
  );
}
