// What newcomers get wrong in a step that signs, each as they write it: the built action must stop
// before anything is published, and say what to write.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type RunOptions, type RunResult, runAction } from '../sandbox/runner.ts';
import { strangeInputs, told } from '../sandbox/told.ts';
import { makeKey } from './keyed-world.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry.close());

const app = { images: 'ghcr.io/acme/app:1' };
const one = `sha256:${'1'.repeat(64)}`;
const two = `sha256:${'2'.repeat(64)}`;
const key = makeKey();

type Row = readonly [
  mistake: string,
  inputs: Readonly<Record<string, string>>,
  /** variables of the step; `with` adds inputs that the action does not declare */
  env: Readonly<Record<string, string>>,
  says: string | RegExp,
];

/** An input that action.yml does not have: the runner passes it on all the same. */
const undeclared = (name: string, value = 'x') => ({ [`INPUT_${name.toUpperCase()}`]: value });

const refused: readonly Row[] = [
  ['nothing named', {}, {}, /Nothing to sign.*\n?.*the `id` of that step is another one/s],
  ['a digest alone', { digest: one }, {}, 'Add the name:\nwith:\n  images:'],
  ['tags for images', {}, undeclared('tags', 'a:1'), 'Rename `tags` to `images`'],
  ['a list of YAML', { images: '- ghcr.io/acme/app' }, {}, 'Remove the dash'],
  [
    'a comment behind a reference',
    { images: 'ghcr.io/acme/app # latest' },
    {},
    'Write the comment on a line of its own',
  ],
  ['a shell variable', { images: 'ghcr.io/$REPO' }, {}, 'Use an expression instead'],
  ['upper case', { images: 'ghcr.io/Acme/App' }, {}, 'Write it in lower case'],
  ['an address', { images: 'https://ghcr.io/acme/app' }, {}, 'Remove what stands before the host'],
  ['a tag alone', { images: 'v1.2.3' }, {}, 'Put registry and repository in front'],
  ['metadata as images', { images: '{"image.name":"x"}' }, {}, 'goes into `metadata:'],
  ['no image of the step before', { images: '[]' }, {}, 'has handed on no image'],
  ['JSON of something else', { images: '["a", 1]' }, {}, 'starts as a JSON array'],
  ['a short digest', { ...app, digest: 'sha256:12' }, {}, 'it has 2 digits'],
  ['a commit as digest', { ...app, digest: 'a'.repeat(40) }, {}, 'may be a commit'],
  ['two digests', { images: `ghcr.io/acme/app@${two}`, digest: one }, {}, 'Keep one of the two'],
  ['a key under another name', app, undeclared('private-key'), 'would be keyless'],
  ['a key with an underscore', app, undeclared('private_key'), 'Rename `private_key` to `key`'],
  [
    'a password without its key',
    { ...app, 'key-password': 'x' },
    {},
    'Check the name of the secret in `key`',
  ],
  [
    'a key in the environment alone',
    app,
    { COSIGN_PRIVATE_KEY: key.pem },
    'Write `key: env://COSIGN_PRIVATE_KEY`',
  ],
  [
    "cosign's tlog-upload",
    app,
    undeclared('tlog-upload', 'false'),
    'Rename `tlog-upload` to `tlog`',
  ],
  ["cosign's no-tlog-upload", app, undeclared('no-tlog-upload', 'true'), 'Write `tlog: false`'],
  ['an underscore', app, undeclared('rekor_url'), 'Rename `rekor_url` to `rekor-url`'],
  [
    'a slip of the pen',
    app,
    undeclared('disclose-private-repositroy', 'false'),
    'to `disclose-private-repository`',
  ],
  [
    'signatures elsewhere',
    { ...app, 'signature-repository': 'ghcr.io' },
    {},
    'Write registry and repository',
  ],
  [
    "cosign's own Sigstore",
    app,
    { TUF_MIRROR: 'https://tuf.example.com' },
    'Write `tuf-mirror:` and `tuf-root:`',
  ],
  ['yes for true', { ...app, verify: 'yes' }, {}, 'Write `verify: true`'],
  ['a number as time', { ...app, timeout: '5' }, {}, '`5m` are minutes'],
  ['a dash before an annotation', { ...app, annotations: '- a=b' }, {}, 'Remove the dash'],
  ['a colon in an annotation', { ...app, annotations: 'env: prod' }, {}, 'one `name=value` a line'],
];

/** Beside an image that is there: the key is looked at when something is to be signed. */
const keys: readonly (readonly [mistake: string, key: string, says: string])[] = [
  ['the ARN of a key', 'arn:aws:kms:eu-west-1:123456789012:key/1', 'key: awskms:///arn:aws:kms:'],
  ['the alias of a key', 'alias/release', 'key: awskms:///alias/release'],
  [
    'the name of a key of Google',
    'projects/p/locations/l/keyRings/r/cryptoKeys/k',
    'key: gcpkms://projects/p/',
  ],
  [
    'the address of a key of Azure',
    'https://v.vault.azure.net/keys/release/1a',
    'key: azurekms://v.vault.azure.net/release/1a',
  ],
  ['env: for env://', 'env:COSIGN_KEY', 'key: env://COSIGN_KEY'],
  ['a variable of the shell', '$COSIGN_KEY', 'key: env://COSIGN_KEY'],
  ['the name of a secret', 'COSIGN_PRIVATE_KEY', 'key: ${{ secrets.COSIGN_PRIVATE_KEY }}'],
  [
    'a secret without its expression',
    'secrets.COSIGN_PRIVATE_KEY',
    'key: ${{ secrets.COSIGN_PRIVATE_KEY }}',
  ],
  ['the address of a file', 'file://cosign.key', 'key: cosign.key'],
  ['no checkout', 'cosign.key', 'needs actions/checkout before this step'],
];

function checkTold(run: RunResult, says: string | RegExp): void {
  expect(run.code).toBe(1);
  expect(run.annotations.filter(({ kind }) => kind === 'error')).toHaveLength(1);
  if (typeof says === 'string') expect(told(run)).toContain(says);
  else expect(told(run)).toMatch(says);
  expect(strangeInputs(told(run), 'sign')).toEqual([]);
}

describe.concurrent('a step that signs stops, and says what to write', () => {
  const sample = [
    'nothing named',
    'a comment behind a reference',
    'a key under another name',
    "cosign's own Sigstore",
  ];
  it.each(sampled(refused, sample))('%s', async (_, inputs, env, says) => {
    const run = await sign(inputs, { env });
    checkTold(run, says);
    expect(run.summary).toMatch(/^## ❌ Nothing was signed/);
  });

  it.each(sampled(keys, ['the ARN of a key', 'no checkout']))(
    '%s as key',
    async (_, given, says) => {
      const { reference } = await pushImage(registry.host, 'acme/app', { tag: '1' });
      checkTold(await sign({ images: reference, key: given }), says);
    },
  );
});

const sign = (inputs: Readonly<Record<string, string>>, options: RunOptions = {}) =>
  runAction({ ...options, inputs: { tlog: 'false', ...inputs } });

describe('what fits together', () => {
  it('takes the output `images` of a step as input `images` of the next', async () => {
    const pushed = await Promise.all(
      ['app', 'web'].map((name) => pushImage(registry.host, `json/${name}`, { tag: '1' })),
    );
    const first = await sign({
      images: pushed.map(({ reference }) => reference).join('\n'),
      key: key.pem,
    });
    const again = await sign({ images: first.outputs.images ?? '', key: key.pem });
    expect([first.code, again.code], again.shown).toEqual([0, 0]);
    expect(again.outputs.images).toBe(first.outputs.images);
    const pretty = JSON.stringify(JSON.parse(first.outputs.images ?? ''), undefined, 2);
    expect((await sign({ images: pretty, key: key.pem })).outputs.images).toBe(
      first.outputs.images,
    );
  });

  it('warns of annotations with commas, and signs them as they are written', async () => {
    const { reference } = await pushImage(registry.host, 'json/commas', { tag: '1' });
    const run = await sign({ images: reference, key: key.pem, annotations: 'env=prod,team=core' });
    expect(run.code, run.shown).toBe(0);
    expect(told(run)).toContain('a comma does not begin another one');
    const [{ annotations }] = JSON.parse(run.outputs.results ?? '[]');
    expect(annotations).toEqual({ env: 'prod,team=core' });
  });

  it('says of a tag that its digest is missing, or that it comes from no such step', async () => {
    await pushImage(registry.host, 'json/tagged', { tag: '1' });
    const run = await sign({ images: `${registry.host}/json/tagged:1`, key: key.pem });
    expect(run.code, run.shown).toBe(0);
    expect(told(run)).toMatch(/Add `digest: .*the `id` of the step that pushes is another one/);
  });
});
