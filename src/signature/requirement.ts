import type { Digest } from '../image/digest.ts';
import { formatRepository, type RepositoryName } from '../image/reference.ts';
import type { AttestationPolicy, AttestationVerdict, PredicateCheck } from './judge-attestation.ts';
import type { SignaturePolicy } from './policy.ts';
import type { Verdict, VerdictCode } from './verdict.ts';

/** What must be known of an attestation to evaluate a requirement. */
type Attested = Pick<AttestationVerdict, 'verified' | 'code' | 'reason' | 'type' | 'unfit'>;

/** What an image must satisfy. `name` is how a person knows the part: the policy, the attestor. */
export type Requirement =
  /** one good signature under this policy */
  | { readonly kind: 'signature'; readonly policy: SignaturePolicy; readonly name?: string }
  /** one good attestation of this predicate type, by a signer of this policy */
  | {
      readonly kind: 'attestation';
      readonly policy: SignaturePolicy;
      /** URI */
      readonly type: string;
      /** what every attestation of this type by this signer must say */
      readonly check?: PredicateCheck;
      readonly name?: string;
    }
  /** at least `count` (1 or more) of these hold */
  | {
      readonly kind: 'count';
      readonly of: readonly Requirement[];
      readonly count: number;
      readonly name?: string;
    }
  /**
   * decided without looking at any signature; `fail` is also the answer where no policy speaks of
   * the image
   */
  | {
      readonly kind: 'pass' | 'fail';
      readonly reason: string;
      readonly name?: string;
      /** nothing that was read speaks of the image */
      readonly isSilence?: true;
    }
  /** nobody can say who must have signed it: it is told as not judged, and does not fail */
  | { readonly kind: 'open'; readonly reason: string; readonly name?: string };

/**
 * What an image must satisfy, by its name; `references` is how it was written, tags and digests
 * included. Policies may single out a digest, so it is told wherever it is known.
 */
export type RequirementFor = (image: {
  readonly name: RepositoryName;
  readonly references: readonly string[];
  readonly digest?: Digest;
  /** `registry/repository@digest` of the index it was found in */
  readonly partOf?: string;
}) => Requirement;

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
 * The policies that signatures must be judged under, each once; none where no signature has to be
 * looked at.
 */
export function policiesOf(requirement: Requirement): readonly SignaturePolicy[] {
  if (requirement.kind === 'signature') return [requirement.policy];
  return requirement.kind === 'count' ? [...new Set(requirement.of.flatMap(policiesOf))] : [];
}

/** The policies and types that attestations must be judged under, each policy once. */
export function attestationsOf(requirement: Requirement): readonly AttestationPolicy[] {
  const asked = new Map<SignaturePolicy, Omit<AttestationPolicy, 'policy'>>();
  const collect = (part: Requirement): void => {
    if (part.kind === 'count') part.of.forEach(collect);
    if (part.kind !== 'attestation') return;
    const { policy, type, check } = part;
    const known = asked.get(policy);
    // Whoever reads a policy makes one for each check, or one check would be held against all.
    if (known !== undefined && known.check !== check) throw new Error('two checks share a policy');
    const types = [...new Set([...(known?.types ?? []), type])];
    asked.set(policy, check === undefined ? { types } : { types, check });
  };
  collect(requirement);
  return [...asked].map(([policy, what]) => ({ policy, ...what }));
}

/**
 * A requirement that asks for attestations as well, or instead: of each of these types, by the
 * signers that it asks for. What it lets through or refuses without looking stays so.
 */
export function withAttestations(
  requirement: Requirement,
  types: readonly string[],
  signature: 'required' | 'ignore',
): Requirement {
  const isSettled = requirement.kind === 'open' || requirement.kind === 'fail';
  if (types.length === 0 || isSettled) return requirement;
  const demanded = types.map((type) => attestedInstead(requirement, type));
  const of = signature === 'ignore' ? demanded : [requirement, ...demanded];
  return { kind: 'count', of, count: of.length };
}

/** The same of attestations of a type: what it says of who must have signed, it says of who attests. */
export function attestedInstead(
  requirement: Requirement,
  type: string,
  check?: PredicateCheck,
): Requirement {
  if (requirement.kind === 'signature')
    return {
      ...requirement,
      kind: 'attestation',
      type,
      ...(check === undefined ? {} : { check }),
    };
  if (requirement.kind !== 'count') return requirement;
  return { ...requirement, of: requirement.of.map((part) => attestedInstead(part, type, check)) };
}

/** A requirement of what holds attestations itself: nobody attests these. */
export function withoutAttestations(requirement: Requirement): Requirement {
  if (requirement.kind === 'count')
    return { ...requirement, of: requirement.of.map(withoutAttestations) };
  if (requirement.kind !== 'attestation') return requirement;
  return { kind: 'pass', reason: 'It holds attestations, and is not asked for any of its own.' };
}

/**
 * A requirement with what the workflow asks besides: annotations that every signature must carry as
 * well, and whether logs are looked at. An annotation that both name must be what both say, so with
 * different values nothing fits.
 */
export function narrow(
  requirement: Requirement,
  asked: Pick<SignaturePolicy, 'annotations' | 'tlog'>,
): Requirement {
  if (requirement.kind === 'count')
    return { ...requirement, of: requirement.of.map((part) => narrow(part, asked)) };
  if (requirement.kind === 'attestation' && asked.tlog === 'ignore')
    return { ...requirement, policy: { ...requirement.policy, tlog: 'ignore' } };
  if (requirement.kind !== 'signature') return requirement;
  const { policy, name } = requirement;
  const conflict = Object.entries(asked.annotations).find(
    ([key, value]) => Object.hasOwn(policy.annotations, key) && policy.annotations[key] !== value,
  )?.[0];
  if (conflict !== undefined) {
    const reason = `The annotation "${conflict}" is asked for with one value by the policy and with another by the input annotations.`;
    return { kind: 'fail', reason, ...(name === undefined ? {} : { name }) };
  }
  const tlog = asked.tlog === 'ignore' ? asked.tlog : policy.tlog;
  return {
    ...requirement,
    policy: { ...policy, annotations: { ...policy.annotations, ...asked.annotations }, tlog },
  };
}

/**
 * A requirement whose signatures and attestations lie in this repository, but where a part says
 * itself where its own lie, or is of podman, CRI-O or OpenShift: these look beside the image alone.
 */
export function keptIn(
  requirement: Requirement,
  repository: RepositoryName | undefined,
): Requirement {
  if (repository === undefined) return requirement;
  const moved = new Map<SignaturePolicy, SignaturePolicy>(); // parts that share a policy go on to
  const move = (part: Requirement): Requirement => {
    if (part.kind === 'count') return { ...part, of: part.of.map(move) };
    if (!('policy' in part) || !isPlaceOpen(part.policy)) return part;
    const policy = moved.get(part.policy) ?? { ...part.policy, repository };
    moved.set(part.policy, policy);
    return { ...part, policy };
  };
  return move(requirement);
}

/** True where the signatures of a policy may lie elsewhere than beside the image, and it says not where. */
export function isPlaceOpen({ repository, claimedName }: SignaturePolicy): boolean {
  return repository === undefined && claimedName === undefined;
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
