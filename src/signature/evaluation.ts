import { formatRepository } from '../image/reference.ts';
import type { AttestationVerdict } from './judge-attestation.ts';
import type { SignaturePolicy } from './policy.ts';
import type { Requirement } from './requirement.ts';
import type { Verdict, VerdictCode } from './verdict.ts';

/** What must be known of an attestation to evaluate a requirement. */
type Attested = Pick<AttestationVerdict, 'verified' | 'code' | 'reason' | 'type' | 'unfit'>;

/** What became of a requirement. */
export interface Evaluation {
  readonly verified: boolean;
  /** why not; absent when verified */
  readonly code?: VerdictCode;
  /** one sentence; of a verified image only where it was let through without a signature */
  readonly reason?: string;
  /**
   * one for each signature, in their order: as that part of the requirement judged it with which it
   * came furthest
   */
  readonly verdicts: readonly Verdict[];
  /** it is not judged, for this `reason` */
  readonly isOpen?: true;
}

/**
 * Holds the signatures of one image against what it must satisfy. One good signature is enough for
 * a `signature`; where none is good, the signature that came furthest tells why. Pure.
 * @param judged every signature of the image, judged under a policy of the requirement; the same
 * signatures in the same order each time
 * @param attested the same for its attestations
 */
export function evaluate(
  requirement: Requirement,
  judged: (policy: SignaturePolicy) => readonly Verdict[],
  attested: (policy: SignaturePolicy) => readonly Attested[] = () => [],
): Evaluation {
  switch (requirement.kind) {
    case 'pass':
      return { verified: true, reason: named(requirement.name, requirement.reason), verdicts: [] };
    case 'fail':
      return {
        verified: false,
        code: 'not-allowed',
        reason: named(requirement.name, requirement.reason),
        verdicts: [],
      };
    case 'open':
      return {
        verified: false,
        code: 'not-allowed',
        reason: named(requirement.name, requirement.reason),
        verdicts: [],
        isOpen: true,
      };
    case 'count':
      return evaluateCount(requirement, judged, attested);
    case 'attestation':
      return evaluateAttestation(requirement, attested(requirement.policy));
    case 'signature':
      return evaluateSignature(requirement, seenBy(requirement.policy, judged(requirement.policy)));
  }
}

/**
 * The signatures, or attestations, as the verifier in the cluster sees them: beside a bundle of any
 * kind, also of provenance that somebody else made, it looks at nothing in the legacy format.
 */
export function seenBy<T extends Pick<Verdict, 'format' | 'verified' | 'code' | 'reason'>>(
  { format }: SignaturePolicy,
  verdicts: readonly T[],
  hasBundle = verdicts.some((one) => one.format === 'bundle'),
): readonly T[] {
  if (format !== 'bundle-if-any' || !hasBundle) return verdicts;
  return verdicts.map((one) =>
    one.format === 'bundle' || !one.verified
      ? one
      : {
          ...one,
          verified: false,
          code: 'not-allowed' as const,
          reason:
            'It is in the legacy format, and of an image that carries bundles Kyverno looks at these alone: sign with `format: both`.',
        },
  );
}

function evaluateSignature(
  { name, policy }: { readonly name?: string; readonly policy: SignaturePolicy },
  verdicts: readonly Verdict[],
): Evaluation {
  if (verdicts.some(({ verified }) => verified)) return { verified: true, verdicts };
  // Of a signature this says that all of it holds but its format.
  const best = verdicts.find(({ code }) => code === 'not-allowed') ?? mostTelling(verdicts);
  if (best === undefined)
    return {
      verified: false,
      code: 'unsigned',
      reason: named(name, `No signature of this image was found${inPlace(policy)}.`),
      verdicts,
    };
  return {
    verified: false,
    code: best.code,
    reason: named(name, best.reason ?? 'It does not verify.'),
    verdicts,
  };
}

/** Where it was looked for, unless beside the image: the name may be a slip. */
function inPlace({ repository }: SignaturePolicy): string {
  return repository === undefined ? '' : ` in ${formatRepository(repository)}`;
}

function evaluateAttestation(
  { type, name, check, policy }: Extract<Requirement, { kind: 'attestation' }>,
  found: readonly Attested[],
): Evaluation {
  // With conditions Kyverno asks them of each of these: of two scans the worse one counts.
  const unfit = found.find((one) => check !== undefined && one.type === type && one.unfit === true);
  if (unfit === undefined && found.some((one) => one.verified && one.type === type))
    return { verified: true, verdicts: [] };
  // What could not be read far enough to tell its type may have been the one.
  const best =
    unfit ?? mostTelling(found.filter((one) => one.type === type || one.type === undefined));
  const others = [...new Set(found.flatMap((one) => (one.type === undefined ? [] : one.type)))];
  const instead = others.length === 0 ? '' : ` There are: ${others.slice(0, 5).join(', ')}.`;
  const reason =
    best === undefined
      ? `No attestation of type ${type} of this image was found${inPlace(policy)}.${instead}`
      : `Attestation ${type}: ${best.reason ?? 'It does not verify.'}`;
  return {
    verified: false,
    code: best?.code ?? 'no-attestation',
    reason: named(name, reason),
    verdicts: [],
  };
}

function evaluateCount(
  { of, count, name }: Extract<Requirement, { kind: 'count' }>,
  judged: (policy: SignaturePolicy) => readonly Verdict[],
  attested: (policy: SignaturePolicy) => readonly Attested[],
): Evaluation {
  const parts = of.map((part) => evaluate(part, judged, attested));
  const verdicts = furthest(parts.map((part) => part.verdicts));
  const held = parts.filter(({ verified }) => verified);
  // Asking for nothing must never come to mean that anything is good.
  if (count >= 1 && held.length >= count) {
    const waived = verdicts.some(({ verified }) => verified)
      ? undefined
      : held.find(({ reason }) => reason !== undefined)?.reason;
    return {
      verified: true,
      verdicts,
      ...(waived === undefined ? {} : { reason: named(name, waived) }),
    };
  }
  // A registry that does not answer is a failure: the signature that counts may lie there.
  const open = parts.find(({ isOpen }) => isOpen);
  if (open !== undefined && !parts.some(({ code }) => code === 'registry-error')) return open;
  const miss = mostTelling(
    parts
      .filter(({ verified }) => !verified)
      .map((part) => ({ ...part, code: part.code ?? 'not-allowed' })),
  );
  const tally = of.length > 1 ? `${held.length} of ${of.length} rules hold, ${count} must. ` : '';
  const reason = `${tally}${miss?.reason ?? 'It asks for nothing that could hold.'}`;
  return {
    verified: false,
    code: miss?.code ?? 'not-allowed',
    reason: named(name, reason),
    verdicts,
  };
}

/** For each signature the verdict that says most about it. */
export function furthest<T extends { readonly code: VerdictCode; readonly reference: string }>(
  lists: readonly (readonly T[])[],
): readonly T[] {
  const [longest = []] = lists.toSorted((one, other) => other.length - one.length);
  const { length } = longest;
  // Policies whose signatures lie in different places look at different ones.
  const isSame = lists.every((list) =>
    list.every(({ reference }, index) => reference === longest[index]?.reference),
  );
  if (!isSame) return [...new Set(lists.flat())];
  return Array.from({ length }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flatMap(
    (same) => mostTelling(same) ?? [],
  );
}

/**
 * From the most telling to the least: a signature that could not be fetched may have been the good
 * one, so that comes first; then how far a signature came before something did not hold. The
 * genuine signature of somebody else says more than a broken one.
 */
const telling: readonly VerdictCode[] = [
  'verified',
  'registry-error',
  'annotation-mismatch',
  'wrong-claim',
  'wrong-issuer',
  'wrong-identity',
  'wrong-subject',
  'untrusted-certificate',
  'bad-timestamp',
  'no-timestamp',
  'bad-log-entry',
  'no-log-entry',
  'bad-signature',
  'wrong-key',
  'wrong-predicate',
  'malformed',
  'too-large',
  'unsigned',
  'no-attestation',
  'not-allowed',
  'unresolved',
];

/** The one that came furthest. */
export function mostTelling<T extends { readonly code: VerdictCode }>(
  all: readonly T[],
): T | undefined {
  const rank = ({ code }: T) => telling.indexOf(code);
  return all.reduce<T | undefined>(
    (best, next) => (best === undefined || rank(next) < rank(best) ? next : best),
    undefined,
  );
}

function named(name: string | undefined, reason: string): string {
  return name === undefined ? reason : `${name}: ${reason}`;
}
