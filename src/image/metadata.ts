import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import { type Digest, digestProblem, isDigest } from './digest.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * What one build pushed: its image names (`registry/repo:tag`, unparsed) and the digest they were
 * given.
 */
export interface BuiltImage {
  readonly names: readonly string[];
  readonly digest: Digest;
}

/** characters; the runner itself cannot hand over more in one variable */
const maxLength = 4 * 1024 * 1024;
/** BuildKit's provenance in `buildx.build.provenance` is the deepest part, about 15 levels */
const maxDepth = 64;
const maxBakeTargets = 500;

/**
 * Reads the `metadata` output of docker/build-push-action (an object with `image.name`, names
 * joined with commas, and `containerimage.digest`) or docker/bake-action (an object of such
 * objects, one a target, beside keys `buildx.…`): what `docker buildx build|bake --metadata-file`
 * writes. A target that pushed nothing is an error: unsigned by accident is the danger here.
 * @throws {Failure} `bad-metadata` naming the target and what it lacks.
 */
export function readMetadata(text: string): BuiltImage[] {
  if (text.length > maxLength) throw bad(`it has more than ${maxLength} characters`);
  const reading = readJson(text, maxDepth);
  if ('problem' in reading) throw bad(reading.problem);
  const document = reading.value;
  if (!isJsonObject(document)) throw bad('it is not a JSON object');
  if (
    Object.keys(document).some((key) => key === 'image.name' || key.startsWith('containerimage.'))
  )
    return [builtImage(document, 'the build')];
  const targets = Object.entries(document).filter(([key]) => !key.startsWith('buildx.'));
  if (targets.length === 0) throw bad('it names no image', notPushed);
  if (targets.length > maxBakeTargets) throw bad(`it has more than ${maxBakeTargets} targets`);
  return targets.map(([name, value]) => {
    const who = `the target "${shown(name, 100)}"`;
    if (!isJsonObject(value)) throw bad(`${who} is not an object`);
    return builtImage(value, who);
  });
}

function builtImage(build: JsonObject, who: string): BuiltImage {
  const digest = build['containerimage.digest'];
  const described = isJsonObject(build['containerimage.descriptor'])
    ? build['containerimage.descriptor'].digest
    : undefined;
  const found = digest ?? described;
  if (found === undefined) throw bad(`${who} has no \`containerimage.digest\``, notPushed);
  if (!isDigest(found)) {
    throw bad(
      `the digest of ${who} is not usable: ${typeof found === 'string' ? digestProblem(found) : 'it is not text'}`,
    );
  }
  // Two digests for one build: one of them was edited, and which one was pushed is anybody's guess.
  if (described !== undefined && described !== found)
    throw bad(`${who} has one digest in \`containerimage.digest\` and another in its descriptor`);
  const name = build['image.name'];
  if (name !== undefined && typeof name !== 'string')
    throw bad(`the \`image.name\` of ${who} is not text`);
  const names = (name ?? '').split(',').map((part) => part.trim());
  if (name === undefined || names.every((part) => part === ''))
    throw bad(`${who} has no \`image.name\``, noName);
  return { names: names.filter((part) => part !== ''), digest: found };
}

const notPushed =
  'Only a pushed image can be signed. Push in that step, and sign only then:\n' +
  '  - id: build\n    uses: docker/build-push-action@v6\n    with:\n      push: true\n' +
  'For a bake file with targets that push nothing, name the images in `images` instead of using `metadata`.';

const noName =
  'Give the build its `tags`, or name the repository yourself:\n' +
  '  with:\n    images: ghcr.io/${{ github.repository }}\n    digest: ${{ steps.build.outputs.digest }}';

function bad(
  problem: string,
  fix = 'Hand over the output of the build step unchanged: `metadata: ${{ steps.build.outputs.metadata }}`.',
): Failure {
  return new Failure('bad-metadata', `\`metadata\` cannot be used: ${problem}.`, fix);
}
