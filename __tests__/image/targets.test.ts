import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { mergeTargets, readTargets, type TargetInputs } from '../../src/image/targets.ts';

const one = parseDigest(`sha256:${'1'.repeat(64)}`);
const two = parseDigest(`sha256:${'2'.repeat(64)}`);

/**
 * Shapes of docker/build-push-action and docker/bake-action, as `docker buildx … --metadata-file`
 * writes them.
 */
const build = {
  'buildx.build.provenance': { builder: { id: '' }, invocation: {} },
  'buildx.build.ref': 'builder/builder0/abc',
  'containerimage.config.digest': `sha256:${'c'.repeat(64)}`,
  'containerimage.descriptor': {
    mediaType: 'application/vnd.oci.image.index.v1+json',
    digest: one,
    size: 856,
  },
  'containerimage.digest': one,
  'image.name': 'ghcr.io/acme/app:1.2,ghcr.io/acme/app:latest,docker.io/acme/app:1.2',
};
const bake = {
  'buildx.build.warnings': [],
  db: { ...build, 'image.name': 'ghcr.io/acme/db:v1' },
  web: { 'containerimage.digest': two, 'image.name': 'ghcr.io/acme/web:v1' },
};

/** The targets in short: `repository what-is-signed <- names`. */
function short(inputs: Partial<TargetInputs>): string[] {
  return readTargets({ images: [], ...inputs }).map(
    ({ reference, digest, references, source }) =>
      `${reference.registry}/${reference.repository} ${digest?.slice(0, 9) ?? 'tag'} <- ${references.join(' ')} (${source})`,
  );
}

function failureOf(inputs: Partial<TargetInputs>): Failure {
  try {
    readTargets({ images: [], ...inputs });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('what is signed', () => {
  it('`digest` holds for every entry that names none; one that names the same agrees', () => {
    expect(
      short({
        images: ['ghcr.io/acme/app:1', 'acme/app', `ghcr.io/acme/tool@${one}`],
        digest: one,
      }),
    ).toEqual([
      'ghcr.io/acme/app sha256:11 <- ghcr.io/acme/app:1 (images)',
      'docker.io/acme/app sha256:11 <- docker.io/acme/app (images)',
      `ghcr.io/acme/tool sha256:11 <- ghcr.io/acme/tool@${one} (images)`,
    ]);
  });

  it.each([
    ['beside an entry that uses it', ['ghcr.io/acme/app:1', `ghcr.io/acme/tool@${two}`]],
    ['that no entry uses', [`ghcr.io/acme/tool@${two}`]],
  ])('an entry with another digest contradicts `digest`, %s', (_, images) => {
    const { code, message } = failureOf({ images, digest: one });
    expect([code, message]).toEqual([
      'bad-input',
      `\`digest\` is ${one}, and \`images\` names ghcr.io/acme/tool@${two}, which is another digest.`,
    ]);
  });

  it('many tags of one digest in one repository are one target that keeps all names', () => {
    expect(
      short({
        images: ['ghcr.io/acme/app:1', 'ghcr.io/acme/app:1.2', 'ghcr.io/acme/app:1'],
        digest: one,
      }),
    ).toEqual(['ghcr.io/acme/app sha256:11 <- ghcr.io/acme/app:1 ghcr.io/acme/app:1.2 (images)']);
  });

  it('two spellings of Docker Hub are one repository', () => {
    expect(
      short({
        images: ['nginx:1', 'index.docker.io/library/nginx:1', 'docker.io/nginx:2'],
        digest: one,
      }),
    ).toEqual([
      'docker.io/library/nginx sha256:11 <- docker.io/library/nginx:1 docker.io/library/nginx:2 (images)',
    ]);
  });

  it('without any digest each tag stays its own target, until the registry has resolved them', () => {
    const targets = readTargets({
      images: ['acme/app:1', 'acme/app:2', 'acme/app:1', 'acme/app', 'acme/app:latest'],
    });
    expect(targets.map(({ references }) => references)).toEqual([
      ['docker.io/acme/app:1'],
      ['docker.io/acme/app:2'],
      ['docker.io/acme/app', 'docker.io/acme/app:latest'],
    ]);
    expect(mergeTargets(targets.map((target) => ({ ...target, digest: one })))).toHaveLength(1);
  });

  it('build-push-action: all names with the one digest', () => {
    expect(short({ metadata: JSON.stringify(build) })).toEqual([
      'ghcr.io/acme/app sha256:11 <- ghcr.io/acme/app:1.2 ghcr.io/acme/app:latest (metadata)',
      'docker.io/acme/app sha256:11 <- docker.io/acme/app:1.2 (metadata)',
    ]);
  });

  it('bake-action: every target with its own digest, and nothing of `buildx.…`', () => {
    expect(short({ metadata: JSON.stringify(bake) })).toEqual([
      'ghcr.io/acme/db sha256:11 <- ghcr.io/acme/db:v1 (metadata)',
      'ghcr.io/acme/web sha256:22 <- ghcr.io/acme/web:v1 (metadata)',
    ]);
  });

  it('the digest is found in the descriptor alone', () => {
    const { 'containerimage.digest': _, ...rest } = build;
    expect(short({ metadata: JSON.stringify(rest) })).toHaveLength(2);
  });

  it('`images` and `metadata` together are one list', () => {
    expect(
      short({
        images: [`ghcr.io/acme/app:edge@${one}`, `ghcr.io/acme/tool@${two}`],
        metadata: JSON.stringify(build),
      }),
    ).toEqual([
      `ghcr.io/acme/app sha256:11 <- ghcr.io/acme/app:edge@${one} ghcr.io/acme/app:1.2 ghcr.io/acme/app:latest (images)`,
      `ghcr.io/acme/tool sha256:22 <- ghcr.io/acme/tool@${two} (images)`,
      'docker.io/acme/app sha256:11 <- docker.io/acme/app:1.2 (metadata)',
    ]);
  });

  it('a digest that `metadata` has too is no contradiction', () => {
    expect(short({ digest: one, metadata: JSON.stringify(build) })).toHaveLength(2);
  });
});

describe('inputs that cannot be used say what to change', () => {
  const json = (value: unknown) => JSON.stringify(value);
  const deep = `{"db":${'['.repeat(100)}${']'.repeat(100)}}`;
  const table: [name: string, inputs: Partial<TargetInputs>, code: string, message: string][] = [
    ['nothing at all', {}, 'bad-input', 'There is no image to work on.'],
    ['blank inputs', { digest: ' ', metadata: '\n' }, 'bad-input', 'There is no image to work on.'],
    [
      'a digest alone',
      { digest: one },
      'bad-input',
      '`digest` says which image, and nothing says in which repository.',
    ],
    [
      'a digest that metadata does not know',
      { digest: two, metadata: json(build) },
      'bad-input',
      'speaks of another image',
    ],
    ['a damaged digest', { images: ['a/b'], digest: 'sha256:12' }, 'bad-digest', 'it has 2 digits'],
    ['a damaged entry', { images: ['a/b', 'C/d'] }, 'bad-reference', '"C/d" in `images`'],
    [
      'too many entries',
      { images: Array.from({ length: 1001 }, (_, i) => `a/b:${i}`) },
      'bad-input',
      'more than 1000 images',
    ],
    ['no JSON', { metadata: '{"image.name": ' }, 'bad-metadata', 'it is not JSON'],
    ['a list', { metadata: '[]' }, 'bad-metadata', 'it is not a JSON object'],
    ['an empty object', { metadata: '{}' }, 'bad-metadata', 'it names no image'],
    [
      'a build that was not pushed',
      { metadata: json({ 'buildx.build.ref': 'x' }) },
      'bad-metadata',
      'it names no image',
    ],
    [
      'a build without digest',
      { metadata: json({ 'image.name': 'a/b' }) },
      'bad-metadata',
      'the build has no `containerimage.digest`',
    ],
    [
      'a build without name',
      { metadata: json({ 'containerimage.digest': one }) },
      'bad-metadata',
      'the build has no `image.name`',
    ],
    [
      'only commas for a name',
      { metadata: json({ ...build, 'image.name': ' , ' }) },
      'bad-metadata',
      'the build has no `image.name`',
    ],
    [
      'a name that is a number',
      { metadata: json({ ...build, 'image.name': 1 }) },
      'bad-metadata',
      'is not text',
    ],
    [
      'a bake target without digest',
      { metadata: json({ ...bake, lint: {} }) },
      'bad-metadata',
      'the target "lint" has no `containerimage.digest`',
    ],
    [
      'a bake target that is text',
      { metadata: json({ ...bake, lint: 'x' }) },
      'bad-metadata',
      'the target "lint" is not an object',
    ],
    [
      'a short digest in it',
      { metadata: json({ ...build, 'containerimage.digest': 'sha256:1' }) },
      'bad-metadata',
      'it has 1 digits',
    ],
    [
      'two digests for one build',
      { metadata: json({ ...build, 'containerimage.digest': two }) },
      'bad-metadata',
      'another in its descriptor',
    ],
    [
      'a name with another digest',
      { metadata: json({ ...build, 'image.name': `a/b@${two}` }) },
      'bad-metadata',
      'beside the digest',
    ],
    [
      'a damaged name in it',
      { metadata: json({ ...build, 'image.name': 'A/b' }) },
      'bad-reference',
      '"A/b" in `metadata`',
    ],
    [
      'one key twice',
      { metadata: `{"image.name":"a/b","image.name":"c/d","containerimage.digest":"${one}"}` },
      'bad-metadata',
      'twice',
    ],
    ['deep nesting', { metadata: deep }, 'bad-metadata', 'nested deeper than 64 levels'],
    [
      'a huge text',
      { metadata: ' '.repeat(10) + '1'.repeat(5 * 1024 * 1024) },
      'bad-metadata',
      'more than 4194304 characters',
    ],
  ];
  it.each(table)('%s', (_name, inputs, code, message) => {
    const failure = failureOf(inputs);
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(message);
    expect(failure.fix).not.toBe('');
  });

  it('the answer to nothing at all is the YAML to add', () => {
    expect(failureOf({}).fix).toBe(
      'Say what was pushed:\n  with:\n    images: ghcr.io/${{ github.repository }}\n    digest: ${{ steps.build.outputs.digest }}\n' +
        'or `metadata: ${{ steps.build.outputs.metadata }}`.',
    );
  });
});
