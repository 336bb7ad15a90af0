import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { type Digest, isDigest, parseDigest } from './digest.ts';
import { readMetadata } from './metadata.ts';
import {
  formatReference,
  formatRepository,
  type ImageReference,
  parseNamed,
  parseReference,
  type RepositoryName,
} from './reference.ts';

/**
 * One thing to sign or verify: a digest in a repository, or a tag that the registry has still to
 * resolve.
 */
export interface Target {
  /** as it was first written, normalized; its digest is the one written there, if any */
  readonly reference: ImageReference;
  /**
   * the digest to use; undefined where the registry must resolve `reference` (the tag `latest` when
   * it names none)
   */
  readonly digest?: Digest;
  /** every name it was given, normalized, in the order written, tags included; for the report */
  readonly references: readonly string[];
  readonly source: 'images' | 'metadata' | 'files';
}

/** The inputs that name images, as the workflow gave them. */
export interface TargetInputs {
  /** one reference each */
  readonly images: readonly string[];
  readonly digest?: string;
  /** the `metadata` output of docker/build-push-action or docker/bake-action */
  readonly metadata?: string;
}

const maxTargets = 1000;
const yaml =
  '  with:\n    images: ghcr.io/${{ github.repository }}\n    digest: ${{ steps.build.outputs.digest }}\n' +
  'or `metadata: ${{ steps.build.outputs.metadata }}`.';

/**
 * Reads what to sign: `digest` holds for every entry of `images` that names none; an entry with a
 * digest must name the same one; `metadata` brings its own names and digests. One digest in one
 * repository is one target, however many tags name it.
 * @throws {Failure} `bad-reference`, `bad-digest`, `bad-metadata`, or `bad-input` when the inputs
 * together name nothing or contradict.
 */
export function readTargets(inputs: TargetInputs): Target[] {
  const digest = inputs.digest?.trim() ? parseDigest(inputs.digest.trim()) : undefined;
  const listed = inputs.images.map((text) => target(parseNamed(text), 'images', digest));
  const built = inputs.metadata?.trim() ? fromMetadata(inputs.metadata.trim()) : [];
  if (listed.length + built.length > maxTargets) {
    throw new Failure(
      'bad-input',
      `There are more than ${maxTargets} images in one step.`,
      'Split them over several steps or a matrix.',
    );
  }
  if (digest !== undefined) checkDigest(digest, listed, built);
  if (listed.length + built.length === 0)
    throw new Failure(
      'bad-input',
      'There is no image to work on.',
      `Say what was pushed:\n${yaml}`,
    );
  return mergeTargets([...listed, ...built]);
}

/**
 * Joins targets that are the same digest in the same repository, and tags named twice; call it
 * again after tags were resolved. The first one stays, and gains the names of the others.
 */
export function mergeTargets(targets: readonly Target[]): Target[] {
  const merged = new Map<string, Target>();
  for (const next of targets) {
    const what = next.digest ?? `:${next.reference.tag ?? 'latest'}`;
    const key = `${formatRepository(next.reference)} ${what}`;
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined
        ? next
        : { ...known, references: [...new Set([...known.references, ...next.references])] },
    );
  }
  return [...merged.values()];
}

function target(
  reference: ImageReference,
  source: Target['source'],
  fallback: Digest | undefined,
): Target {
  const digest = reference.digest ?? fallback;
  return {
    reference,
    ...(digest !== undefined && { digest }),
    references: [formatReference(reference)],
    source,
  };
}

function fromMetadata(text: string): Target[] {
  return readMetadata(text).flatMap(({ names, digest }) =>
    names.map((name) => {
      const reference = parseReference(name, 'metadata');
      if (reference.digest !== undefined && reference.digest !== digest) {
        throw new Failure(
          'bad-metadata',
          `\`metadata\` names ${formatReference(reference)} beside the digest ${digest}.`,
          'Hand over the output of the build step unchanged: `metadata: ${{ steps.build.outputs.metadata }}`.',
        );
      }
      return target(reference, 'metadata', digest);
    }),
  );
}

/**
 * A digest that no entry takes up would be dropped silently, and something else signed or verified
 * than the workflow says.
 */
function checkDigest(digest: Digest, listed: readonly Target[], built: readonly Target[]): void {
  const other = listed.find((entry) => entry.digest !== digest);
  if (other !== undefined) {
    throw new Failure(
      'bad-input',
      `\`digest\` is ${digest}, and \`images\` names ${formatReference(other.reference)}, which is another digest.`,
      'Keep one of the two: take the digest out of the entry, or remove `digest`.',
    );
  }
  if (listed.length > 0) return;
  if (built.length === 0) {
    throw new Failure(
      'bad-input',
      '`digest` says which image, and nothing says in which repository.',
      `Add \`images\`:\n${yaml}`,
    );
  }
  if (!built.some((entry) => isDigest(entry.digest) && entry.digest === digest)) {
    throw new Failure(
      'bad-input',
      `\`digest\` is ${digest}, and \`metadata\` speaks of another image.`,
      'Remove `digest`: `metadata` brings its own. Or name the repository it is for in `images`.',
    );
  }
}

/** Where an image is promoted to: one repository, or a place that keeps the image's own name. */
export type Destination =
  | { readonly repository: RepositoryName; readonly tag?: string }
  | { readonly registry: string; readonly prefix: string };

/**
 * Reads one line of input `to`: `registry/repo[:tag]`, or `registry/prefix/` (also `registry/`),
 * behind which the repository of the image stands.
 * @throws {Failure} `bad-reference`
 */
export function parseDestination(text: string): Destination {
  const line = text.trim();
  if (line.endsWith('/')) {
    const host = line.split('/', 1)[0] ?? '';
    if (host !== 'localhost' && !/[.:]/.test(host))
      throw bad(line, 'it begins with no registry', 'ghcr.io/acme/prod/');
    const { registry, repository } = parseReference(`${line}x/x`, 'to');
    return { registry, prefix: repository.slice(0, -'x/x'.length) };
  }
  const { tag, digest, ...repository } = parseReference(line, 'to');
  // Bytes decide the digest: to name another one would promise what nobody keeps.
  if (digest !== undefined) throw bad(line, 'a target has no digest', line.replace(/@.*$/, ''));
  return { repository, ...(tag === undefined ? {} : { tag }) };
}

/** The repository that an image goes to. @throws {Failure} `bad-reference` for a name too long */
export function placeOf(destination: Destination, image: RepositoryName): RepositoryName {
  if ('repository' in destination) return destination.repository;
  const { registry, prefix } = destination;
  const { repository } = parseReference(`${registry}/${prefix}${image.repository}`, 'to');
  return { registry, repository };
}

function bad(line: string, problem: string, instead: string): Failure {
  return new Failure(
    'bad-reference',
    `"${shown(line, 200)}" in \`to\` is no target: ${problem}.`,
    `Write \`registry/repository\`, with a tag or without, or \`registry/prefix/\` to keep the name of the repository, such as \`to: ${shown(instead, 200)}\`.`,
  );
}
