import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  context,
  integer,
  octetString,
  oid,
  pem,
  readDer,
  sequence,
  setOf,
  utcTime,
  utf8String,
} from './der.ts';
import { newEcKey, spkiOf } from './keys.ts';

/** A key with its certificate; `der` is the certificate, `name` its subject (DER). */
export interface Certified {
  readonly key: KeyObject;
  readonly der: Buffer;
  readonly name: Buffer;
  readonly serial: Buffer;
}

export interface CertificateContent {
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SubjectPublicKeyInfo of the subject. */
  readonly spki: Buffer;
  readonly extensions: readonly Buffer[];
}

/**
 * The AlgorithmIdentifier with which a key signs certificates: ECDSA with the hash of its curve's
 * size.
 */
const signatureAlgorithm = (key: KeyObject): Buffer =>
  sequence(oid(isP384(key) ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.2'));
const isP384 = (key: KeyObject): boolean => key.asymmetricKeyDetails?.namedCurve === 'secp384r1';

/** A distinguished name of organization and common name. */
export function nameOf(organization: string, commonName: string): Buffer {
  const part = (type: string, text: string): Buffer => setOf(sequence(oid(type), utf8String(text)));
  return sequence(part('2.5.4.10', organization), part('2.5.4.3', commonName));
}

export function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

export const keyUsage = {
  digitalSignature: (): Buffer => extension('2.5.29.15', bitString(Buffer.from([0x80]), 7), true),
  certificateSigning: (): Buffer => extension('2.5.29.15', bitString(Buffer.from([0x06]), 1), true),
};
export const extendedKeyUsage = (purpose: string, critical = false): Buffer =>
  extension('2.5.29.37', sequence(oid(purpose)), critical);
export const codeSigning = '1.3.6.1.5.5.7.3.3';
export const timeStamping = '1.3.6.1.5.5.7.3.8';
const authority = (pathLength: number): Buffer =>
  extension('2.5.29.19', sequence(boolean(true), integer(pathLength)), true);
const noAuthority = (): Buffer => extension('2.5.29.19', sequence(), true);

/** SHA-1 of the key's bits (RFC 5280, 4.2.1.2, method 1). */
function keyIdentifier(spki: Buffer): Buffer {
  const bits = readDer(spki).children[1]?.content.subarray(1) ?? Buffer.alloc(0);
  return createHash('sha1').update(bits).digest();
}
export const subjectKeyIdentifier = (spki: Buffer): Buffer =>
  extension('2.5.29.14', octetString(keyIdentifier(spki)));
export const authorityKeyIdentifier = (spki: Buffer): Buffer =>
  extension('2.5.29.35', sequence(Buffer.concat([Buffer.from([0x80, 20]), keyIdentifier(spki)])));

/** 159 random bits: positive, and never more than the 20 bytes of RFC 5280, 4.1.2.2. */
export function newSerial(): Buffer {
  const serial = randomBytes(20);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

/** The TBSCertificate of version 3. `issuerKey` chooses the signature algorithm that it names. */
export function toBeSigned(content: CertificateContent, issuerKey: KeyObject): Buffer {
  return sequence(
    context(0, integer(2)),
    integer(content.serial),
    signatureAlgorithm(issuerKey),
    content.issuer,
    sequence(utcTime(content.notBefore), utcTime(content.notAfter)),
    content.subject,
    content.spki,
    context(3, sequence(...content.extensions)),
  );
}

/** A certificate: the content, signed by the issuer's key. */
export function signCertificate(content: CertificateContent, issuerKey: KeyObject): Buffer {
  const body = toBeSigned(content, issuerKey);
  const signature = sign(isP384(issuerKey) ? 'sha384' : 'sha256', body, issuerKey);
  return sequence(body, signatureAlgorithm(issuerKey), bitString(signature));
}

export const certificatePem = (certificate: { readonly der: Buffer }): string =>
  pem('CERTIFICATE', certificate.der);

const organization = 'sandbox.test';
// The authorities are older than any signature of a test that sets the clock back.
const notBefore = new Date('2024-01-01T00:00:00Z');
const notAfter = new Date('2044-01-01T00:00:00Z');

function certified(
  commonName: string,
  key: KeyObject,
  issuer: Pick<Certified, 'key' | 'name'> | undefined,
  extensions: readonly Buffer[],
): Certified {
  const name = nameOf(organization, commonName);
  const serial = newSerial();
  const by = issuer ?? { key, name };
  const spki = spkiOf(key);
  const identifiers = [subjectKeyIdentifier(spki), authorityKeyIdentifier(spkiOf(by.key))];
  const content = {
    serial,
    issuer: by.name,
    subject: name,
    notBefore,
    notAfter,
    spki,
    extensions: [...extensions, ...identifiers],
  };
  return { key, der: signCertificate(content, by.key), name, serial };
}

/** A self-signed root. */
export const newRoot = (
  commonName: string,
  curve: 'P-256' | 'P-384',
  pathLength: number,
): Certified =>
  certified(commonName, newEcKey(curve), undefined, [
    authority(pathLength),
    keyUsage.certificateSigning(),
  ]);

/** The intermediate that signs leaf certificates, for code signing alone. */
export const newIntermediate = (commonName: string, root: Certified): Certified =>
  certified(commonName, newEcKey('P-256'), root, [
    authority(0),
    keyUsage.certificateSigning(),
    extendedKeyUsage(codeSigning),
  ]);

/** The certificate of a timestamp authority: its one purpose is critical (RFC 3161, 2.3). */
export const newTimestamper = (commonName: string, root: Certified): Certified =>
  certified(commonName, newEcKey('P-256'), root, [
    noAuthority(),
    keyUsage.digitalSignature(),
    extendedKeyUsage(timeStamping, true),
  ]);
