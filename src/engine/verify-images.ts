import { asFailure, type Failure, type FailureCode } from '../failure.ts';
import { attestationManifest } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { inOrder, inParallel } from '../image/in-parallel.ts';
import { formatReference, formatRepository, type RepositoryName } from '../image/reference.ts';
import {
  type Image,
  type ImageTarget,
  imageName,
  type ResolveTools,
  resolveTarget,
  uniqueImages,
} from '../image/resolve.ts';
import { evaluate } from '../signature/evaluation.ts';
import type { FoundSignature } from '../signature/found.ts';
import type { AttestationPolicy } from '../signature/judge-attestation.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import {
  attestationsOf,
  policiesOf,
  type Requirement,
  type RequirementFor,
  withoutAttestations,
} from '../signature/requirement.ts';
import type { Verdict, VerdictCode } from '../signature/verdict.ts';
import type { AttestationResult, VerifyResult } from './verify-result.ts';

/** The attestations of one image, judged. */
export interface Attested {
  /** under each policy that asks for some; the same ones in the same order */
  readonly by: ReadonlyMap<SignaturePolicy, readonly AttestationResult[]>;
  /**
   * To be called once it is known whether the image verified: nobody shall use what belongs to one
   * that did not.
   * @returns for each attestation the result that says most
   */
  readonly settled: (verified: boolean) => Promise<readonly AttestationResult[]>;
}

/** What verifying needs of the world. */
export interface VerifyingTools extends ResolveTools {
  /**
   * every signature of an image, in all formats; an error is never "no signature"
   * @param repository where they lie, unless beside the image
   */
  readonly found: (image: Image, repository?: RepositoryName) => Promise<readonly FoundSignature[]>;
  /**
   * Rejects only where nothing at all can be judged, for want of a trusted root or of sound
   * cryptography: that ends the run.
   */
  readonly judge: (
    found: FoundSignature,
    digest: Digest,
    policy: SignaturePolicy,
  ) => Promise<Verdict>;
  /**
   * Reads and judges the attestations of an image. Rejects as `found` and `judge` do. Where they are
   * bundles, they are read together with its signatures.
   */
  readonly attested: (image: Image, asked: readonly AttestationPolicy[]) => Promise<Attested>;
}

/**
 * Images that are worked on at the same time: enough to hide the waiting, few enough that memory
 * does not grow with their number.
 */
const atOnce = 24;

/**
 * Verifies everything the targets stand for; with `recursive` also every manifest inside. An image
 * that fails does not stop the others. Ten tags of one digest are one image.
 * @param onResult told in the order of the results, each as soon as it and all before it are done
 * @returns results in the order of the targets, each followed by what is inside it.
 * @throws {Failure} of `requirementFor` and of `judge`: what cannot be judged is neither verified
 * nor refused.
 */
export async function verifyImages(
  targets: readonly ImageTarget[],
  requirementFor: RequirementFor,
  tools: VerifyingTools,
  onResult: (result: VerifyResult) => void,
): Promise<readonly VerifyResult[]> {
  const resolved = await inParallel(targets, atOnce, (target) => resolveOrFail(target, tools));
  const keys = resolved.flatMap<string | VerifyResult>((entry) =>
    'failed' in entry ? [entry.failed] : entry.images.map(imageName),
  );
  const tell = inOrder(keys, onResult);
  for (const entry of resolved) if ('failed' in entry) tell(entry.failed, entry.failed);
  const found = resolved.flatMap((entry) => ('images' in entry ? entry.images : []));
  const places = placesOf(found);
  const results = await inParallel(uniqueImages(found), atOnce, async (image) => {
    const result = {
      ...(await verifyImage(image, requirementFor, tools)),
      ...(places.get(imageName(image)) ?? { asked: true, partOf: [] }),
    };
    tell(imageName(image), result);
    return result;
  });
  const known = new Map(results.map((result) => [result.image, result]));
  const order = resolved.flatMap((entry) =>
    'failed' in entry
      ? [entry.failed]
      : entry.images.flatMap((image) => known.get(imageName(image)) ?? []),
  );
  return [...new Set(order)];
}

/**
 * A manifest can be inside several indexes, and asked for by name too: each of them fails with it.
 */
function placesOf(
  images: readonly Image[],
): ReadonlyMap<string, { asked: boolean; partOf: readonly string[] }> {
  const byName = Map.groupBy(images, imageName);
  return new Map(
    [...byName].map(([name, same]) => [
      name,
      {
        asked: same.some(({ partOf }) => partOf === undefined),
        partOf: [...new Set(same.flatMap(({ partOf }) => partOf ?? []))],
      },
    ]),
  );
}

type Finding = Omit<VerifyResult, 'asked' | 'partOf'>;

async function verifyImage(
  given: Image,
  requirementFor: RequirementFor,
  tools: VerifyingTools,
): Promise<Finding> {
  const image = { ...given }; // what was read beside this very object is let go with it
  const requirement = requirementOf(image, requirementFor);
  const policies = policiesOf(requirement);
  const asked = attestationsOf(requirement);
  const head = {
    image: imageName(image),
    references: image.references,
    digest: image.digest,
    ...(image.platform === undefined ? {} : { platform: image.platform }),
  };
  const places = Map.groupBy(policies, placeOf);
  let found: ReadonlyMap<string, readonly FoundSignature[]>;
  let attested: Attested | undefined;
  const attesting = asked.length > 0 ? tools.attested(image, asked) : undefined;
  try {
    const reading = [...places].map(
      async ([place, [policy]]) => [place, await tools.found(image, policy?.repository)] as const,
    );
    const [entries, about] = await Promise.all([Promise.all(reading), attesting, image.subject]);
    found = new Map(entries);
    attested = about;
  } catch (caught) {
    await attesting?.then(({ settled }) => settled(false)).catch(() => {}); // so that nothing is kept
    return { ...head, ...unreadable(asFailure(caught)) };
  }
  const judged = new Map<SignaturePolicy, readonly Verdict[]>();
  for (const policy of policies) {
    const signatures = found.get(placeOf(policy)) ?? [];
    judged.set(
      policy,
      await Promise.all(signatures.map((each) => tools.judge(each, image.digest, policy))),
    );
  }
  const { verdicts, ...outcome } = evaluate(
    requirement,
    (policy) => judged.get(policy) ?? [],
    (policy) => attested?.by.get(policy) ?? [],
  );
  const result = { ...head, ...outcome, signatures: verdicts };
  if (attested === undefined) return result;
  return { ...result, attestations: await attested.settled(outcome.verified) };
}

/** BuildKit's attestation manifests are signed like images, and nobody attests them in turn. */
function requirementOf(image: Image, requirementFor: RequirementFor): Requirement {
  const requirement = requirementFor(image);
  return image.partOf !== undefined && image.platform === attestationManifest
    ? withoutAttestations(requirement)
    : requirement;
}

/** Where a policy's signatures lie; empty: beside the image. */
export function placeOf({ repository }: SignaturePolicy): string {
  return repository === undefined ? '' : formatRepository(repository);
}

async function resolveOrFail(
  target: ImageTarget,
  tools: ResolveTools,
): Promise<{ images: readonly Image[] } | { failed: VerifyResult }> {
  try {
    return { images: await resolveTarget(target, tools) };
  } catch (caught) {
    const image =
      target.digest === undefined
        ? formatReference(target.reference)
        : `${formatRepository(target.reference)}@${target.digest}`;
    const digest = target.digest === undefined ? {} : { digest: target.digest };
    return {
      failed: {
        image,
        ...digest,
        references: target.references,
        asked: true,
        partOf: [],
        ...unreadable(asFailure(caught)),
      },
    };
  }
}

/**
 * What a failure of the registry means for an image. Never `unsigned`: that an answer is missing
 * says nothing about signatures.
 */
const meanings: Partial<Record<FailureCode, VerdictCode>> = {
  'image-not-found': 'unresolved',
  'bad-reference': 'unresolved',
  'bad-manifest': 'malformed',
  'bad-digest': 'malformed',
  'too-large': 'too-large',
  'bad-credentials': 'registry-error',
  'registry-denied': 'registry-error',
  'registry-error': 'registry-error',
  'registry-unsupported': 'registry-error',
  network: 'registry-error',
  timeout: 'registry-error',
};

/**
 * @throws {Failure} where the failure is not about this image: a mistake of ours must not be
 * reported as one of the registry.
 */
function unreadable(
  failure: Failure,
): Pick<VerifyResult, 'verified' | 'code' | 'reason' | 'signatures' | 'failure'> {
  const code = meanings[failure.code];
  if (code === undefined) throw failure;
  return { verified: false, code, reason: failure.message, signatures: [], failure };
}
