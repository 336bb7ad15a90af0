import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import type { Verdict, VerdictCode } from '../signature/verdict.ts';

/** What an image must satisfy. `name` is how a person knows the part: the policy, the attestor. */
export type Requirement =
  /** one good signature under this policy */
  | { readonly kind: 'signature'; readonly policy: SignaturePolicy; readonly name?: string }
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
  | { readonly kind: 'pass' | 'fail'; readonly reason: string; readonly name?: string };

/**
 * What an image must satisfy, by its name; `references` is how it was written, tags and digests
 * included. Policies may single out a digest, so it is told wherever it is known.
 */
export type RequirementFor = (image: {
  readonly name: RepositoryName;
  readonly references: readonly string[];
  readonly digest?: Digest;
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
}

/**
 * Holds the signatures of one image against what it must satisfy. One good signature is enough for
 * a `signature`; where none is good, the signature that came furthest tells why. Pure.
 * @param judged every signature of the image, judged under a policy of the requirement; the same
 * signatures in the same order each time
 */
export function evaluate(
  requirement: Requirement,
  judged: (policy: SignaturePolicy) => readonly Verdict[],
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
    case 'count':
      return evaluateCount(requirement, judged);
    case 'signature':
      return evaluateSignature(requirement, judged(requirement.policy));
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

function evaluateSignature({ name }: { name?: string }, verdicts: readonly Verdict[]): Evaluation {
  if (verdicts.some(({ verified }) => verified)) return { verified: true, verdicts };
  const best = mostTelling(verdicts);
  if (best === undefined)
    return {
      verified: false,
      code: 'unsigned',
      reason: named(name, 'No signature of this image was found.'),
      verdicts,
    };
  return {
    verified: false,
    code: best.code,
    reason: named(name, best.reason ?? 'It does not verify.'),
    verdicts,
  };
}

function evaluateCount(
  { of, count, name }: Extract<Requirement, { kind: 'count' }>,
  judged: (policy: SignaturePolicy) => readonly Verdict[],
): Evaluation {
  const parts = of.map((part) => evaluate(part, judged));
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
function furthest(lists: readonly (readonly Verdict[])[]): readonly Verdict[] {
  const length = Math.max(0, ...lists.map((list) => list.length));
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
  'not-allowed',
  'unresolved',
];

function mostTelling<T extends { readonly code: VerdictCode }>(all: readonly T[]): T | undefined {
  const rank = ({ code }: T) => telling.indexOf(code);
  return all.reduce<T | undefined>(
    (best, next) => (best === undefined || rank(next) < rank(best) ? next : best),
    undefined,
  );
}

function named(name: string | undefined, reason: string): string {
  return name === undefined ? reason : `${name}: ${reason}`;
}
