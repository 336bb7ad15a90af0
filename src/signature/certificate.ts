import { createPublicKey, type KeyObject, X509Certificate as StrictCertificate } from 'node:crypto';
import { type ASN1Obj, pem, X509Certificate } from '@sigstore/core';
import { breaksLine } from '../text/untrusted.ts';
import { githubClaims, runOid, sourceClaims } from './claims.ts';
import { sameBytes } from './content.ts';
import { inDer } from './der-certificate.ts';
import type { GithubClaims, SourceClaims } from './policy.ts';
import { Refusal, shownError } from './refusal.ts';

/**
 * A signing certificate whose form is right. Who issued it is not known yet: only the chain can
 * tell.
 */
export interface SigningCertificate {
  readonly x509: X509Certificate;
  readonly der: Buffer;
  readonly pem: string;
  readonly key: KeyObject;
  /** the first of `names` */
  readonly identity: string;
  /** Fulcio's certificates have one, those of another authority may have several */
  readonly names: readonly [CertificateName, ...CertificateName[]];
  /** who vouched for the identity before Fulcio did; undefined: it is none of Fulcio's */
  readonly issuer: string | undefined;
  readonly github: GithubClaims | undefined;
  readonly source: SourceClaims | undefined;
  /** address of the run that asked for it */
  readonly run: string | undefined;
}

/** A subject alternative name. */
export interface CertificateName {
  readonly kind: 'uri' | 'email' | 'dns' | 'username';
  readonly text: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const maxCertificateBytes = 32 << 10;
const maxNameLength = 4096;
const oid = {
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  subjectAltName: '2.5.29.17',
  username: '1.3.6.1.4.1.57264.1.7',
  issuerRaw: '1.3.6.1.4.1.57264.1.1',
  issuer: '1.3.6.1.4.1.57264.1.8',
} as const;
/** What all of Fulcio's extensions begin with. */
const fulcio = '1.3.6.1.4.1.57264.1.';
const maxNames = 16;
// Extensions that are looked at here or by the chain check; RFC 5280 section 4.2: a critical one
// that is not understood is a reason to refuse.
const understood = new Set<string>([
  oid.keyUsage,
  oid.extendedKeyUsage,
  oid.subjectAltName,
  '2.5.29.14',
  '2.5.29.19',
  '2.5.29.35',
]);

/**
 * Reads a leaf certificate as Fulcio issues them (sigstore/fulcio
 * docs/certificate-specification.md) and checks all that @sigstore/verify does not: it is no CA,
 * may sign code, carries exactly one subject name, one issuer, no extension twice and none that is
 * critical and unknown.
 * @param from `own`: an authority of one's own may have issued it, so it may have several names and
 * no issuer; one with any of Fulcio's extensions is read as Fulcio's all the same
 * @throws {Refusal} `malformed` when it cannot be read, `untrusted-certificate` when it is not for
 * signing.
 */
export function readCertificate(
  der: Buffer,
  from: 'fulcio' | 'own' = 'fulcio',
): SigningCertificate {
  if (der.length > maxCertificateBytes)
    throw new Refusal('too-large', 'The certificate is larger than any signing certificate.');
  try {
    const bytes = Buffer.from(der);
    const x509 = parseStrictly(bytes);
    const extensions = readExtensions(x509);
    checkUse(x509, extensions);
    const isFulcio =
      from === 'fulcio' || [...extensions.keys()].some((id) => id.startsWith(fulcio));
    const names = isFulcio ? ([nameOf(extensions)] as const) : namesOf(extensions);
    const issuer = isFulcio ? issuerOf(extensions) : undefined;
    const text = (id: string) => utf8Extension(extensions, id);
    return {
      x509,
      der: bytes,
      pem: pem.fromDER(bytes),
      key: createPublicKey({ key: x509.publicKey, format: 'der', type: 'spki' }),
      identity: names[0].text,
      names,
      issuer,
      github: issuer === undefined ? undefined : githubClaims(text, issuer),
      source: sourceClaims(text),
      run: text(runOid),
    };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('malformed', `The certificate cannot be read: ${shownError(error)}.`, {
      cause: error,
    });
  }
}

/**
 * A certificate whose every reader sees the same in it.
 * @throws {Error} for one that is not in DER, or not of version 3
 */
export function parseStrictly(der: Buffer<ArrayBuffer>): X509Certificate {
  const x509 = inDer(X509Certificate.parse(der));
  checkEncoding(x509, der);
  return x509;
}

// The library re-encodes what it has parsed before it checks a signature. Where that is not the
// same bytes, two readers could see two certificates.
function checkEncoding(x509: X509Certificate, der: Buffer): void {
  const [tbs, outer, ...rest] = x509.root.subs;
  if (tbs === undefined || outer === undefined || rest.length !== 1)
    throw new Error('it is not made of three parts');
  // It also looks at few tags, and skips the first byte of the signature: OpenSSL looks at all of
  // them.
  if (!sameBytes(x509.root.toDER(), der) || !sameBytes(new StrictCertificate(der).raw, der))
    throw new Error('it is not in DER');
  const inner = tbs.subs[2];
  if (inner === undefined || !sameBytes(inner.toDER(), outer.toDER()))
    throw new Error('it names two signature algorithms');
  if (x509.version !== 'v3') throw new Error('it is not of version 3');
}

/**
 * The value of each extension by its OID: an OCTET STRING, with what it wraps below. That they are
 * made so, OpenSSL has seen (`checkEncoding`).
 */
type Extensions = ReadonlyMap<string, ASN1Obj>;

function readExtensions(x509: X509Certificate): Extensions {
  const values = new Map<string, ASN1Obj>();
  for (const { subs } of x509.extensions) {
    const id = subs[0]?.toOID() ?? '';
    if (values.has(id)) throw untrusted('carries an extension twice');
    const value = subs.at(-1);
    if (value !== undefined) values.set(id, value);
    const critical = subs.length === 3 && subs[1]?.toBoolean() === true;
    if (critical && !understood.has(id))
      throw untrusted(`has a critical extension that is not known here (${id})`);
  }
  return values;
}

function checkUse(x509: X509Certificate, extensions: Extensions): void {
  // A CA signs certificates, never images: otherwise whoever holds any intermediate could sign as
  // anybody.
  if (x509.extBasicConstraints?.isCA === true || x509.extKeyUsage?.keyCertSign === true)
    throw untrusted('is a certificate authority');
  if (x509.extKeyUsage?.digitalSignature !== true)
    throw untrusted('may not be used for signatures');
  const uses = extensions.get(oid.extendedKeyUsage)?.subs[0]?.subs ?? [];
  if (!uses.some((use) => use.toOID() === oid.codeSigning))
    throw untrusted('may not be used to sign code');
}

/**
 * The one subject alternative name: a URI, an e-mail address, or Fulcio's user name (an otherName).
 * With several, readers pick different ones.
 */
function nameOf(extensions: Extensions): CertificateName {
  const [name, ...more] = generalNames(extensions);
  if (name === undefined || more.length > 0)
    throw untrusted(
      `has ${name === undefined ? 0 : more.length + 1} subject names; a signer has exactly one`,
    );
  if (name.tag.isContextSpecific(0)) return { kind: 'username', text: usernameOf(name) };
  const known = knownName(name);
  if (known === undefined || known.kind === 'dns')
    throw untrusted('names its subject neither by URI nor by e-mail address');
  return known;
}

/**
 * The subject alternative names that say who signs. Those of other kinds (a user principal name, a
 * directory name) are asked for by nobody.
 */
function namesOf(extensions: Extensions): SigningCertificate['names'] {
  const all = generalNames(extensions);
  if (all.length > maxNames) throw untrusted(`has more than ${maxNames} subject names`);
  const [first, ...more] = all.flatMap((name) => knownName(name) ?? []);
  if (first === undefined)
    throw untrusted(
      'has no subject alternative name that says who signs (an e-mail address, a URI or a DNS name)',
    );
  return [first, ...more];
}

function generalNames(extensions: Extensions): readonly ASN1Obj[] {
  return extensions.get(oid.subjectAltName)?.subs[0]?.subs ?? [];
}

const nameKinds = { email: 1, dns: 2, uri: 6 } as const;

function knownName(name: ASN1Obj): CertificateName | undefined {
  for (const kind of ['email', 'dns', 'uri'] as const)
    if (name.tag.isContextSpecific(nameKinds[kind]))
      return { kind, text: printable(name.value, 'subject name') };
  return undefined;
}

function usernameOf(name: ASN1Obj): string {
  const [type, value] = name.subs;
  const text = value?.subs[0];
  if (type?.toOID() !== oid.username || text === undefined)
    throw untrusted('names its subject in an unknown way');
  return decodeUtf8(text, 'subject name');
}

function issuerOf(extensions: Extensions): string {
  const current = utf8Extension(extensions, oid.issuer);
  const rawValue = extensions.get(oid.issuerRaw)?.value;
  const raw = rawValue && printable(rawValue, 'issuer');
  if (current !== undefined && raw !== undefined && current !== raw)
    throw untrusted('names two different issuers');
  const issuer = current ?? raw;
  if (issuer === undefined || issuer === '')
    throw untrusted('does not say which issuer vouched for its subject');
  return issuer;
}

/** An extension whose value is a DER UTF8String, as all of Fulcio's from number 8 on. */
function utf8Extension(extensions: Extensions, id: string): string | undefined {
  const extension = extensions.get(id);
  if (extension === undefined) return undefined;
  const [text, ...more] = extension.subs;
  if (text === undefined || more.length > 0) throw new Error('an extension of it is not one text');
  return decodeUtf8(text, 'extension');
}

function decodeUtf8(text: ASN1Obj, what: string): string {
  if (
    !text.tag.isUniversal() ||
    text.tag.number !== 0x0c ||
    text.tag.constructed ||
    text.value.length > maxNameLength
  ) {
    throw untrusted(`has an ${what} that is not a short UTF-8 text`);
  }
  const decoded = utf8.decode(text.value);
  // Line breaks would forge lines of a log, direction marks make a name look like another
  // (CVE-2021-42574). No signer has them in a name.
  if (breaksLine(decoded)) throw untrusted(`has an ${what} with control characters`);
  return decoded;
}

// An IA5String is ASCII. @sigstore/core cuts the eighth bit off, which turns a byte 0xE1 into an
// "a": a look-alike made equal.
function printable(value: Buffer, what: string): string {
  if (
    value.length === 0 ||
    value.length > maxNameLength ||
    value.some((byte) => byte < 0x20 || byte > 0x7e)
  ) {
    throw untrusted(`has a ${what} that is not printable ASCII`);
  }
  return value.toString('latin1');
}

function untrusted(what: string): Refusal {
  return new Refusal('untrusted-certificate', `The certificate ${what}.`);
}
