import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { AttestationPolicy, PredicateCheck } from './judge-attestation.ts';
import type { SignaturePolicy } from './policy.ts';

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
