// When a signing certificate is good. All of this must hold, in this order:
//
// 1. its form: one name, one issuer, may sign code, is no authority (`readCertificate`,
//    certificate.ts);
// 2. an authority of the trusted root has the name that it gives as its issuer (`findIssuer`);
// 3. the signature is made with its key, and the log entries hold
//    (verified-signer.ts, log-entry.ts);
// 4. that authority may have issued it: a path to the root in which every issuer is one, allows code
//    signing, and may vouch for the names below it (`issuersOf`, name-constraints.ts);
// 5. at each time that a log or a timestamp authority proves, and at one at least, every
//    certificate of the path was valid, and a log of certificates has it (@sigstore/verify, asked by
//    `verifyTimeAndChain`);
// 6. its identity, issuer and claims are the expected ones (signer-rules.ts).
import { createPublicKey } from 'node:crypto';
import type { ASN1Obj, X509Certificate } from '@sigstore/core';
import type { TrustMaterial } from '@sigstore/verify';
import type { SigningCertificate } from './certificate.ts';
import { sameBytes } from './content.ts';
import { isTooCostly } from './key.ts';
import { type NameConstraints, nameProblem, readNameConstraints } from './name-constraints.ts';
import { Refusal, shownError } from './refusal.ts';

const oid = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extendedKeyUsage: '2.5.29.37',
  anyPurpose: '2.5.29.37.0',
} as const;

/** What a certificate may be for (RFC 5280, 4.2.1.12). */
export const purposes = {
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const;

/**
 * Critical extensions that are understood: checked here, or without a meaning for a path. RFC 5280,
 * 4.2: any other critical one is a reason to refuse.
 */
const understood: ReadonlySet<string> = new Set([
  oid.keyUsage,
  oid.subjectAltName,
  oid.basicConstraints,
  oid.nameConstraints,
  oid.extendedKeyUsage,
  '2.5.29.31', // where revocations are listed
  '2.5.29.32', // certificate policies: no certain one is asked for
]);

/**
 * Looks for the issuer that a certificate names, before its key is used for anything: a key that
 * nobody vouches for may be one that costs its reader seconds, a thousand times. Whether the issuer
 * has signed it is for `verifyTimeAndChain`.
 * @throws {Refusal} `untrusted-certificate`
 */
export function findIssuer(
  { x509 }: SigningCertificate,
  { material }: { readonly material: TrustMaterial | undefined },
): void {
  if (material === undefined)
    throw new Refusal(
      'untrusted-certificate',
      'There is no trusted root to check its certificate with.',
    );
  const known = material.certificateAuthorities.flatMap(({ certChain }) => certChain);
  if (known.some((issuer) => isNamed(issuer, x509))) return;
  throw new Refusal(
    'untrusted-certificate',
    'Its certificate is not trusted: no authority of the trusted root has issued it.',
  );
}

/**
 * The authorities that may have issued a certificate, by all that they say of themselves.
 * @throws {Refusal} `untrusted-certificate` where there is none
 */
export function issuersOf(
  { x509 }: SigningCertificate,
  material: TrustMaterial,
): TrustMaterial['certificateAuthorities'] {
  const problems = new Set<string>();
  const issuers = material.certificateAuthorities.filter(({ certChain }) => {
    const problem = pathProblem(x509, certChain, purposes.codeSigning);
    if (problem !== undefined) problems.add(problem);
    return problem === undefined;
  });
  problems.delete(notIssued);
  const [reason] = problems;
  if (issuers.length === 0 && reason !== undefined)
    throw new Refusal(
      'untrusted-certificate',
      `Its certificate is not trusted: the authority that issued it ${reason}.`,
    );
  return issuers;
}

/** What `pathProblem` says of a chain that a certificate does not come from. */
const notIssued = 'has not issued it';

/** What a certificate of an authority allows; `problem` where it allows nothing. */
interface Restrictions {
  readonly problem?: string;
  /** undefined: every purpose */
  readonly purposes?: readonly string[];
  readonly names?: NameConstraints;
}

/**
 * Why no authority of this chain may have issued a certificate for a purpose, as Go's crypto/x509
 * checks a path (`Certificate.Verify`, which cosign uses): each issuer is a CA that may sign
 * certificates, has no unknown critical extension, allows the purpose (also the root: purposes
 * nest), and may vouch for the names of everything below it. Signatures along the path are checked;
 * dates and path lengths are left to @sigstore/verify, which checks the path again.
 * @param chain from the lowest to the root, as a trusted root lists it
 * @returns undefined where there is a path to the root that allows it; else half a sentence
 */
function pathProblem(
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  purpose: string,
): string | undefined {
  const paths = pathsFrom([certificate], chain, chain.slice(-1));
  if (paths.length === 0) return notIssued;
  const problems = paths.map((path) => problemOf(path, purpose));
  return problems.includes(undefined) ? undefined : problems[0];
}

/**
 * The paths from a certificate to a root: issuers by their name, whose key has signed.
 * @param most signatures that are checked, as Go's crypto/x509 bounds them: certificates that all
 * name each other have as many paths as there are orders of them
 */
export function pathsFrom(
  path: readonly X509Certificate[],
  known: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  most = { left: 100 },
): readonly (readonly X509Certificate[])[] {
  const last = path.at(-1);
  if (last === undefined) return [];
  if (path.length > 1 && roots.includes(last)) return [path];
  return known
    .filter((issuer) => !path.includes(issuer) && isNamed(issuer, last))
    .filter((issuer) => most.left-- > 0 && hasSigned(issuer, last))
    .flatMap((issuer) => pathsFrom([...path, issuer], known, roots, most));
}

/** True for the issuer that a certificate names: by its name, and by its key where both say it. */
export function isNamed(issuer: X509Certificate, certificate: X509Certificate): boolean {
  if (!sameBytes(issuer.subject, certificate.issuer)) return false;
  const named = certificate.extAuthorityKeyID?.keyIdentifier;
  const own = issuer.extSubjectKeyID?.keyIdentifier;
  return named === undefined || own === undefined || sameBytes(named, own);
}

function hasSigned(issuer: X509Certificate, certificate: X509Certificate): boolean {
  try {
    return certificate.verify(issuer);
  } catch {
    return false;
  }
}

/** Why the authorities of a path (from the leaf to the root) may not have issued what is below. */
export function problemOf(path: readonly X509Certificate[], purpose: string): string | undefined {
  for (const [index, authority] of path.entries()) {
    if (index === 0) continue;
    const allowed = restrictionsOf(authority);
    if (allowed.problem !== undefined) return allowed.problem;
    if (allowed.purposes !== undefined && !allowed.purposes.includes(purpose))
      return 'may not issue certificates for this purpose (extended key usage)';
    for (const name of path.slice(0, index).flatMap(namesOf)) {
      const problem = allowed.names && nameProblem(allowed.names, name);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** Read once: a trusted authority is asked for every signature. */
const read = new WeakMap<X509Certificate, Restrictions>();

function restrictionsOf(authority: X509Certificate): Restrictions {
  const known = read.get(authority) ?? readRestrictions(authority);
  read.set(authority, known);
  return known;
}

function readRestrictions(authority: X509Certificate): Restrictions {
  try {
    const values = new Map<string, ASN1Obj>();
    for (const { subs } of authority.extensions) {
      const id = subs[0]?.toOID() ?? '';
      const value = subs.at(-1);
      if (values.has(id) || value === undefined)
        return { problem: 'has a certificate with an extension twice' };
      values.set(id, value);
      const isCritical = subs.length === 3 && subs[1]?.toBoolean() === true;
      if (isCritical && !understood.has(id))
        return {
          problem: `has a certificate with a critical extension that is not known here (${id})`,
        };
    }
    const constraints = values.get(oid.nameConstraints);
    const names = constraints && readNameConstraints(constraints.subs[0]);
    if (names?.hasOthers && isCriticalIn(authority, oid.nameConstraints))
      return { problem: 'has name constraints of a kind that is not known here' };
    if (!authority.isCA) return { problem: 'has a certificate that may not issue others' };
    const uses = values.get(oid.extendedKeyUsage)?.subs[0]?.subs.map((use) => use.toOID());
    const isAny = uses === undefined || uses.includes(oid.anyPurpose);
    return { ...(isAny ? {} : { purposes: uses }), ...(names && { names }) };
  } catch (error) {
    return { problem: `has a certificate that cannot be read (${shownError(error)})` };
  }
}

function isCriticalIn(certificate: X509Certificate, id: string): boolean {
  const extension = certificate.extensions.find(({ subs }) => subs[0]?.toOID() === id);
  return extension?.subs.length === 3 && extension.subs[1]?.toBoolean() === true;
}

function namesOf(certificate: X509Certificate): readonly ASN1Obj[] {
  const extension = certificate.extensions.find(
    ({ subs }) => subs[0]?.toOID() === oid.subjectAltName,
  );
  return extension?.subs.at(-1)?.subs[0]?.subs ?? [];
}

/**
 * Why a timestamp authority's own certificate, the first of its chain, may not stamp (RFC 3161,
 * 2.3): its one purpose is timestamping, and is critical. Undefined where it may.
 */
export function stamperProblem(chain: readonly X509Certificate[]): string | undefined {
  const [stamper, ...authorities] = chain;
  if (stamper === undefined) return 'has no certificate';
  const purpose = stamper.extensions.find(({ subs }) => subs[0]?.toOID() === oid.extendedKeyUsage);
  const uses = purpose?.subs.at(-1)?.subs[0]?.subs.map((use) => use.toOID()) ?? [];
  if (uses.length !== 1 || uses[0] !== purposes.timeStamping)
    return 'has a certificate that is not for timestamps alone';
  if (!isCriticalIn(stamper, oid.extendedKeyUsage))
    return 'has a certificate whose purpose is not critical';
  return pathProblem(stamper, authorities, purposes.timeStamping);
}

/**
 * @throws {Error} for a certificate whose key would cost its reader seconds (`isTooCostly`), or
 * cannot be read
 */
export function refuseCostlyKey(certificate: X509Certificate): void {
  if (isTooCostly(createPublicKey({ key: certificate.publicKey, format: 'der', type: 'spki' })))
    throw new Error('a key in it has a larger modulus or exponent than keys have');
}
