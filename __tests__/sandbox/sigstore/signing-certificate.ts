import { createHash, type KeyObject, sign } from 'node:crypto';
import {
  authorityKeyIdentifier,
  type Certified,
  codeSigning,
  extendedKeyUsage,
  extension,
  keyUsage,
  newSerial,
  signCertificate,
  subjectKeyIdentifier,
  toBeSigned,
} from './certificates.ts';
import { logIdOf } from './checkpoint.ts';
import { implicit, octetString, sequence, utf8String } from './der.ts';
import type { Identity } from './identity-token.ts';
import { spkiOf } from './keys.ts';

const tenMinutes = 10 * 60 * 1000;
const fulcioArc = '1.3.6.1.4.1.57264.1';

/**
 * A signing certificate as Fulcio makes it: ten minutes, an empty subject, the identity as the one
 * critical SAN, the claims as extensions, and the certificate log's promise (SCT) over the
 * precertificate.
 */
export function issueSigningCertificate(
  identity: Identity,
  key: KeyObject,
  issuer: Certified,
  certificateLog: KeyObject,
  now: Date,
): Buffer {
  const spki = spkiOf(key);
  const extensions = [
    keyUsage.digitalSignature(),
    extendedKeyUsage(codeSigning),
    subjectKeyIdentifier(spki),
    authorityKeyIdentifier(spkiOf(issuer.key)),
    extension(
      '2.5.29.17',
      sequence(implicit(identity.email ? 1 : 6, Buffer.from(identity.name))),
      true,
    ),
    ...identity.claims.map(([number, value]) =>
      extension(`${fulcioArc}.${number}`, number < 7 ? Buffer.from(value) : utf8String(value)),
    ),
  ];
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000);
  const content = {
    serial: newSerial(),
    issuer: issuer.name,
    subject: sequence(),
    notBefore,
    notAfter: new Date(notBefore.getTime() + tenMinutes),
    spki,
  };
  const precertificate = toBeSigned({ ...content, extensions }, issuer.key);
  const promise = extension(
    '1.3.6.1.4.1.11129.2.4.2',
    octetString(timestampList(certificateLog, issuer, precertificate, now)),
  );
  return signCertificate({ ...content, extensions: [...extensions, promise] }, issuer.key);
}

/**
 * The list with one SCT (RFC 6962, 3.2 and 3.3) over the precertificate without its poison, which
 * is the final one without its SCTs.
 */
function timestampList(
  certificateLog: KeyObject,
  issuer: Certified,
  precertificate: Buffer,
  now: Date,
): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(now.getTime()));
  const issuerKeyHash = createHash('sha256').update(spkiOf(issuer.key)).digest();
  const entry = Buffer.concat([Buffer.from([0, 1]), issuerKeyHash, sized(3, precertificate)]);
  const signature = sign(
    'sha256',
    Buffer.concat([Buffer.from([0, 0]), time, entry, sized(2, Buffer.alloc(0))]),
    certificateLog,
  );
  const sha256WithEcdsa = Buffer.from([4, 3]);
  const promise = [
    Buffer.from([0]),
    logIdOf(certificateLog),
    time,
    sized(2, Buffer.alloc(0)),
    sha256WithEcdsa,
    sized(2, signature),
  ];
  return sized(2, sized(2, Buffer.concat(promise)));
}

/** The bytes behind their length in so many bytes (TLS vectors, RFC 5246, 4.3). */
function sized(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}
