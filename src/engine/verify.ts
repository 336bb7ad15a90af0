import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { formatReference, type RepositoryName } from '../image/reference.ts';
import { imageName } from '../image/resolve.ts';
import { mergeTargets, readTargets, type Target } from '../image/targets.ts';
import { ByteRoom } from '../registry/run-memory.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import {
  attestationsOf,
  policiesOf,
  type Requirement,
  type RequirementFor,
} from '../signature/requirement.ts';
import { openAttested } from './attested.ts';
import type { FileFindings } from './files.ts';
import { openJudge } from './judging.ts';
import { openPolicy } from './policy.ts';
import {
  openReading,
  type Prepared,
  prepare,
  type Reading,
  type ReadingOptions,
} from './prepare.ts';
import type { VerifyRequest } from './request.ts';
import { verifyImages } from './verify-images.ts';
import type { NotJudged, VerifyResult } from './verify-result.ts';
import { type World, withTags } from './world.ts';

/** What became of a request to verify. */
export interface VerifyReport {
  /** in the order of the request; then what files name and cannot be resolved */
  readonly results: readonly VerifyResult[];
  readonly notJudged: readonly NotJudged[];
  /** why it is right that there are no results, one sentence */
  readonly nothing?: string;
  /** the one policy of `key` or the identities; absent where policy files decide */
  readonly policy?: SignaturePolicy;
}

/**
 * Verifies images, and tells each as it is done.
 * @param prepared what `prepare` began for this request, or for one that differs only in what
 * images are judged by
 * @throws {Failure} what ends the run before any image is judged
 */
export async function verify(
  request: VerifyRequest,
  world: World,
  { reading, findings }: Prepared = prepare(request, world),
): Promise<VerifyReport> {
  if (reading !== undefined) return verifyTargets(reading, undefined, request, world);
  const named = namesImages(request) ? readTargets(request) : [];
  const found = await (findings as Promise<FileFindings>);
  const targets = mergeTargets([...named, ...found.targets]);
  if (targets.length + found.unresolved.length === 0)
    return { results: [], notJudged: found.notJudged, nothing: nothingFound(found) };
  return verifyTargets(openReading(targets, request, world, false), found, request, world);
}

/** A copy of an image, and what it is a copy of. */
export interface CopiedImage {
  readonly name: RepositoryName;
  readonly digest: Digest;
  readonly of: { readonly name: RepositoryName; readonly references: readonly string[] };
}

/**
 * Verifies copies by the requirement of what they are copies of: policies go by names, and a copy has
 * another one. Read as a stranger would read it: the login and the signature repository of the inputs
 * are the source's.
 * @param signatureRepository where the signatures of the copies lie, unless beside each
 * @param how they are read
 * @throws {Failure} what ends the run before any image is judged
 */
export async function verifyCopies(
  copies: readonly CopiedImage[],
  request: VerifyRequest,
  signatureRepository: RepositoryName | undefined,
  world: World,
  how: ReadingOptions = {},
): Promise<readonly VerifyResult[]> {
  const targets = copies.map(({ name, digest }): Target => {
    const reference = { ...name, digest };
    return { reference, digest, references: [formatReference(reference)], source: 'images' };
  });
  const originals = new Map(copies.map((copy) => [imageName(copy), copy.of]));
  const judgedAs: JudgedAs = (image) => {
    const { digest, partOf } = image;
    const name = partOf ?? (digest === undefined ? '' : imageName({ name: image.name, digest }));
    const original = originals.get(name);
    if (original === undefined) throw new Error(`${name} is a copy of nothing`);
    return { ...image, ...original };
  };
  const { registry, signatureRepository: _, ...rest } = request;
  const { allowHttp, allowInsecure } = registry;
  const stranger = {
    ...rest,
    registry: { allowHttp, allowInsecure },
    ...(signatureRepository === undefined ? {} : { signatureRepository }),
  };
  const reading = openReading(targets, stranger, world, request.policy.length === 0, how);
  return (await verifyTargets(reading, undefined, stranger, world, judgedAs)).results;
}

type JudgedAs = (image: Parameters<RequirementFor>[0]) => Parameters<RequirementFor>[0];

function namesImages({ images, metadata, digest }: VerifyRequest): boolean {
  return images.length > 0 || metadata !== undefined || digest !== undefined;
}

/** @throws {Failure} `nothing-to-verify`, unless it is right that there is nothing */
function nothingFound({ changedOnly, files, notJudged }: FileFindings): string {
  const left = `${notJudged.length === 1 ? 'one image, and' : `${notJudged.length} images, and`} \`only-images\` and \`skip-images\` leave ${notJudged.length === 1 ? 'it' : 'all of them'} out`;
  if (changedOnly && notJudged.length > 0) return `The changed files of this step name ${left}.`;
  if (changedOnly) return 'The pull request changes no image reference in the files of this step.';
  const fix =
    'Check the globs of `files`, and that actions/checkout runs before this step:\n```yaml\nwith:\n  files: |\n    **/Dockerfile\n    deploy/**/*.yaml\n```';
  const message =
    files === 0
      ? 'No file of the workspace fits input files.'
      : `The ${files} files that fit input files name no image.`;
  if (notJudged.length > 0)
    throw new Failure(
      'nothing-to-verify',
      `The files name ${left}: nothing is judged.`,
      'Check the globs of `only-images` and `skip-images`: they fit the whole name of an image without its tag, such as `ghcr.io/acme/**`.',
    );
  throw new Failure('nothing-to-verify', message, fix);
}

async function verifyTargets(
  reading: Reading,
  findings: FileFindings | undefined,
  request: VerifyRequest,
  world: World,
  judgedAs: JudgedAs = (image) => image,
): Promise<VerifyReport> {
  const { targets, found, signed } = reading;
  const opened = await openPolicy(request, world);
  const { policy } = opened;
  const requirementFor: RequirementFor = (image) => opened.requirementFor(judgedAs(image));
  const asked = targets.map((target) => ({ target, requirement: requirementFor(imageOf(target)) }));
  const judgedTargets = asked.flatMap(({ target, requirement }) =>
    requirement.kind === 'open' ? [] : [target],
  );
  const open = asked.flatMap(({ target: { references, digest }, requirement }) =>
    requirement.kind === 'open' ? [{ references, digest, reason: reasonOf(requirement) }] : [],
  );
  const required = asked.flatMap(({ requirement }) => [
    ...policiesOf(requirement),
    ...attestationsOf(requirement).map((one) => one.policy),
  ]);
  const judges = openJudge(required, signed, request, world);
  const tools = {
    open: reading.open,
    sleep: world.deadline.sleep,
    recursive: request.recursive,
    describedBy: 'headers' as const,
    found,
    judge: judges.judge,
    attested: openAttested({
      ...judges,
      open: reading.open,
      found,
      attestations: reading.attestations,
      keep: world.files.keep,
      room: new ByteRoom(32 << 20),
    }),
  };
  const judged = await withTags(world, targets, (onTagOnly, tell) =>
    verifyImages(judgedTargets, requirementFor, { ...tools, onTagOnly }, (result) => {
      if (result.isOpen !== true) tell({ kind: 'verified', result: withPlaces(result, findings) });
    }),
  );
  const unresolved = findings?.unresolved ?? [];
  for (const result of unresolved) world.tell({ kind: 'verified', result });
  return { ...sorted(judged, open, findings), ...(policy === undefined ? {} : { policy }) };
}

/**
 * What is told as judged, and what is not.
 * @param open references that nothing is asked of
 */
function sorted(
  judged: readonly VerifyResult[],
  open: readonly Open[],
  findings: FileFindings | undefined,
): Omit<VerifyReport, 'policy'> {
  const left = judged.filter(({ isOpen, asked }) => isOpen === true && asked);
  const notJudged = [
    ...(findings?.notJudged ?? []),
    ...[...open, ...left].flatMap((one) => leftOpen(one, findings)),
  ];
  const results = [
    ...judged.filter(({ isOpen }) => isOpen !== true).map((result) => withPlaces(result, findings)),
    ...(findings?.unresolved ?? []),
  ];
  if (results.length > 0 || notJudged.length === 0) return { results, notJudged };
  return { results, notJudged, nothing: nothingJudged(notJudged.length, findings) };
}

/** An image that is not judged. */
type Open = Pick<VerifyResult, 'references' | 'reason'> & { readonly digest?: Digest | undefined };

function imageOf({ reference, references, digest }: Target) {
  return { name: reference, references, ...(digest === undefined ? {} : { digest }) };
}

function reasonOf({ name, reason }: Extract<Requirement, { kind: 'open' }>): string {
  return name === undefined ? reason : `${name}: ${reason}`;
}

/** One for each name that it was asked for with. */
function leftOpen(
  { references, digest, reason }: Open,
  findings: FileFindings | undefined,
): readonly NotJudged[] {
  return references.map((reference) => ({
    reference,
    ...(digest === undefined ? {} : { digest }),
    ...(reason === undefined ? {} : { reason }),
    sources: findings?.places.get(reference) ?? [],
  }));
}

/**
 * What files name is told and passes; whoever names images alone asks for an answer.
 * @throws {Failure} `nothing-to-verify`
 */
function nothingJudged(count: number, findings: FileFindings | undefined): string {
  const what = `${count === 1 ? 'The image is' : `All ${count} images are`} not judged: nobody is known to sign ${count === 1 ? 'it' : 'them'}, or inputs leave ${count === 1 ? 'it' : 'them'} out.`;
  if (findings !== undefined) return what;
  throw new Failure(
    'nothing-to-verify',
    what,
    'Say who must have signed: with `certificate-identity`, `key` or `policy`. `sign-image signers` prints who is known.',
  );
}

/** With the places of the files that name the image. */
function withPlaces(result: VerifyResult, findings: FileFindings | undefined): VerifyResult {
  if (findings === undefined || !result.asked) return result;
  const sources = result.references.flatMap((reference) => findings.places.get(reference) ?? []);
  return sources.length === 0 ? result : { ...result, sources };
}
