// What a newcomer gets wrong in the first five minutes, tried on the actions as they ship: each
// answer says what to write instead.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptPrivateKey } from '../../src/keys/encrypted.ts';
import { type PushedImage, pushImage } from '../sandbox/images.ts';
import { type KnownRegistry, startRegistryLike } from '../sandbox/registry-like.ts';
import { type RunOptions, type RunResult, runAction } from '../sandbox/runner.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();

let ghcr: KnownRegistry;
let sigstore: Sigstore;
let image: PushedImage;
let name: string;
beforeAll(async () => {
  [ghcr, sigstore] = await Promise.all([startRegistryLike('ghcr'), startSigstore()]);
  name = `${ghcr.registry.host}/acme/app`;
  image = await pushImage(ghcr.registry.host, 'acme/app', {
    tag: 'v1',
    ...(ghcr.credentials && { credentials: ghcr.credentials }),
  });
});
afterAll(async () => void (await Promise.all([ghcr.registry.close(), sigstore.close()])));

/**
 * A step that is right in everything but what the case changes. An input that is undefined is left
 * out.
 */
interface Mistake {
  readonly inputs: (right: Right) => Readonly<Record<string, string | undefined>>;
  readonly options?: (right: Right) => Partial<RunOptions>;
}
interface Right {
  readonly name: string;
  readonly digest: string;
  readonly key: string;
}

async function tried(entry: 'sign' | 'verify', { inputs, options }: Mistake): Promise<RunResult> {
  const right = { name, digest: image.digest, key: privatePem };
  const usual =
    entry === 'sign'
      ? { images: name, digest: image.digest, key: privatePem, tlog: 'false' }
      : { images: image.reference };
  const given = Object.entries({ ...usual, ...inputs(right) }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return runAction({
    entry: `dist/${entry}.js`,
    inputs: Object.fromEntries(given),
    home: { '.docker/config.json': ghcr.dockerConfig },
    ...options?.(right),
  });
}

/**
 * What the person sees: the title and text of the first error, or else warning, with the names of
 * this run taken out.
 */
function answer(run: RunResult): string {
  const shown = run.annotations.find(({ kind }) => kind === 'error') ?? run.annotations[0];
  const text = `${shown?.kind} ${shown?.properties.title?.replace('sign-image: ', '') ?? ''}: ${shown?.message}`;
  return text
    .replaceAll(image.digest, 'DIGEST')
    .replaceAll(name, 'IMAGE')
    .replaceAll(ghcr.registry.host, 'REGISTRY');
}

const keyless = { key: undefined, tlog: undefined };
const services = (): Record<string, string> => ({
  'signing-config': JSON.stringify(sigstore.signingConfig.v1),
  'trusted-root': JSON.stringify(sigstore.trustedRoot),
});

describe.concurrent('sign-image answers', () => {
  it.each<[string, Mistake, RegExp]>([
    [
      'no id-token',
      { inputs: () => ({ ...keyless, ...services() }) },
      /^error no-identity-token: .*lacks the permission `id-token: write`(.|\n)*permissions:\n.*\n.*\n {2}id-token: write$/,
    ],
    [
      'no login',
      { inputs: () => ({}), options: () => ({ home: {} }) },
      /^error registry-denied: .*this job has none(.|\n)*- uses: docker\/login-action@v\d\n {2}with:\n {4}registry: REGISTRY/,
    ],
    [
      'a wrong password',
      {
        inputs: () => ({ 'registry-username': 'octocat', 'registry-password': 'guessed-password' }),
      },
      /^error bad-credentials: .*user name or the password is wrong(.|\n)*docker\/login-action@v\d/,
    ],
    [
      '`tags` instead of `images`',
      {
        inputs: () => ({ images: undefined }),
        options: (right) => ({ env: { INPUT_TAGS: `${right.name}:v1` } }),
      },
      /^error bad-input: .*`tags` is no input of this action.\nRename `tags` to `images`.$/,
    ],
    [
      'a short SHA as digest',
      { inputs: ({ digest }) => ({ digest: digest.slice(0, 19) }) },
      /^error bad-digest: .*has 12 digits after "sha256:" and needs 64.\n.*`digest: \$\{\{ steps.build.outputs.digest \}\}`.$/,
    ],
    [
      'the image id as digest',
      { inputs: () => ({ digest: `sha256:${'a'.repeat(64)}` }) },
      /^error image-not-found: .*IMAGE@sha256:a{64}.*\n.*not the image id/,
    ],
    [
      'an empty digest',
      { inputs: ({ name }) => ({ images: `${name}@` }) },
      /^error bad-reference: .*there is no digest after "@".\n.*look at its id/,
    ],
    [
      'a tag that is not an image name',
      { inputs: () => ({ images: 'v1' }) },
      /^error bad-reference: bad-reference: "v1" .*it is a tag, and the image it belongs to is missing.\n.*`images: ghcr.io\/acme\/app:v1`.$/,
    ],
    [
      'upper case',
      { inputs: () => ({ images: 'ghcr.io/Acme/App:v1' }) },
      /^error bad-reference: .*lower case(.|\n)*\$\{GITHUB_REPOSITORY,,\}/,
    ],
    [
      'the public key as key',
      { inputs: () => ({ key: publicPem }) },
      /^error bad-key: .*is a public key, not a private key.*\n.*`gh secret set COSIGN_PRIVATE_KEY < cosign.key`/,
    ],
    [
      'a file that is not there as key',
      { inputs: () => ({ key: 'cosign.key' }) },
      /^error bad-key: .*"cosign.key" in `key` cannot be read.*\n.*actions\/checkout before this step/,
    ],
    [
      'a secret that does not exist',
      { inputs: () => ({ key: '', 'key-password': 'some password' }) },
      /^error bad-input: .*key is empty, so the signature would be keyless.\nCheck the name of the secret/,
    ],
    [
      '`cosign-key` instead of `key`',
      { inputs: () => keyless, options: ({ key }) => ({ env: { 'INPUT_COSIGN-KEY': key } }) },
      /^error bad-input: .*without `key` the signature would be keyless.\nRename `cosign-key` to `key`/,
    ],
    [
      'annotations with colons',
      { inputs: () => ({ annotations: 'env: production' }) },
      /^error bad-annotation: .*without "=".\nWrite one `name=value` a line.$/,
    ],
    [
      'a private repository, keyless',
      {
        inputs: () => keyless,
        options: () => ({
          event: { repository: { full_name: 'acme/app', private: true, visibility: 'private' } },
        }),
      },
      /^error private-repository: (.|\n)*1\. sign with a key: `key: (.|\n)*3\. .*`disclose-private-repository: true`.$/,
    ],
    [
      'a build that pushed nothing',
      {
        inputs: () => ({
          images: undefined,
          digest: undefined,
          metadata: '{"buildx.build.ref":"default/x"}',
        }),
      },
      /^error bad-metadata: (.|\n)*Push in that step(.|\n)*push: true/,
    ],
  ])('%s', async (_, mistake, expected) => {
    const run = await tried('sign', mistake);
    expect([run.code, answer(run)], run.shown).toEqual([1, expect.stringMatching(expected)]);
    expect(run.outputs.verified).toBe('false');
  });

  it('a wrong key password', async () => {
    const key = await encryptPrivateKey(
      privateKey.export({ type: 'pkcs8', format: 'der' }),
      'the right one',
    );
    const run = await tried('sign', { inputs: () => ({ key, 'key-password': 'another one' }) });
    expect([run.code, answer(run)]).toEqual([
      1,
      expect.stringMatching(
        /^error bad-password: .*does not open the key(.|\n)*gh secret set COSIGN_PASSWORD/,
      ),
    ]);
  });

  it.each([
    ['team="core"', '`team=core`'],
    ['"team=core"', '`team=core`'],
  ])('quotes in annotations, %s: signed as written, with a warning', async (annotations, meant) => {
    const run = await tried('sign', { inputs: () => ({ annotations, format: 'bundle' }) });
    expect([run.code, answer(run)]).toEqual([
      0,
      expect.stringMatching(/^warning .*Leave them out if they are not meant/),
    ]);
    expect(answer(run)).toContain(meant);
  });
});

describe.concurrent('sign-image/verify answers', () => {
  it.each<[string, Mistake, RegExp]>([
    [
      'nobody to trust',
      { inputs: () => ({}) },
      /^error bad-input: bad-input: Nothing says who must have signed(.|\n)*certificate-identity: https:(.|\n)*key: cosign.pub(.|\n)*policy: (.|\n)*known-signers: true/,
    ],
    [
      'nothing to verify',
      { inputs: () => ({ images: undefined, key: publicPem }) },
      /^error nothing-to-verify: (.|\n)*images: ghcr.io\/acme\/app@sha256:…$/,
    ],
    [
      'the private key as key',
      { inputs: () => ({ key: privatePem, tlog: 'ignore' }) },
      /^error bad-key: .*holds a private key(.|\n)*`key: cosign.pub`/,
    ],
    [
      'an image that nobody signed',
      { inputs: () => ({ key: publicPem, tlog: 'ignore' }) },
      /^error unsigned: (.|\n)*\n- uses: OWNER\/sign-image@v1\n {2}with:\n {4}images: IMAGE\n(.|\n)*`signature-repository: …`\.$/,
    ],
    [
      'an image without the SBOM that is asked for',
      {
        inputs: () => ({
          key: publicPem,
          tlog: 'ignore',
          signature: 'ignore',
          'attestation-type': 'spdx',
        }),
      },
      /^error no-attestation: (.|\n)*\n- uses: OWNER\/sign-image\/attest@v1\n {2}with:\n {4}images: IMAGE\n(.|\n)*sbom-path/,
    ],
    [
      'no checkout before `key: cosign.pub`',
      { inputs: () => ({ key: 'cosign.pub', tlog: 'ignore' }) },
      /^error bad-key: .*cannot be read(.|\n)*with actions\/checkout before this step/,
    ],
    [
      '`public-key` instead of `key`',
      { inputs: () => ({}), options: () => ({ env: { 'INPUT_PUBLIC-KEY': publicPem } }) },
      /^error bad-input: bad-input: `public-key` is no input of this action, so it has no effect.\nRename `public-key` to `key`.$/,
    ],
  ])('%s', async (_, mistake, expected) => {
    const run = await tried('verify', mistake);
    expect([run.code, answer(run)], run.shown).toEqual([1, expect.stringMatching(expected)]);
  });
});

describe('sign-image/verify, asked about an image that a workflow signed, answers', () => {
  const signer =
    'https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/main';
  let signed: PushedImage;
  beforeAll(async () => {
    signed = await pushImage(ghcr.registry.host, 'acme/app', {
      seed: 'keyless',
      ...(ghcr.credentials && { credentials: ghcr.credentials }),
    });
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
    };
    const run = await tried('sign', {
      inputs: () => ({ ...keyless, ...services(), images: signed.reference, digest: undefined }),
      options: () => ({ env }),
    });
    expect(run.code, run.shown).toBe(0);
  });

  it.each([
    [
      'a glob as identity',
      'https://github.com/octo-org/*',
      'certificate-identity-regexp: https://github\\.com/octo-org/.*',
    ],
    [
      'the repository as identity',
      'https://github.com/octo-org/octo-repo',
      `certificate-identity: ${signer}`,
    ],
    ['another branch', signer.replace('main', 'master'), 'it ran at another branch or tag'],
  ])('%s', async (_, identity, says) => {
    const { 'trusted-root': root = '' } = services();
    const inputs = {
      images: signed.reference,
      'certificate-identity': identity,
      'certificate-oidc-issuer': sigstore.issuer,
      'trusted-root': root,
    };
    const run = await tried('verify', { inputs: () => inputs });
    expect(run.code).toBe(1);
    // The answer shows who signed beside who was expected; what is ready to be written is what the
    // workflow says already, in its right form.
    expect(answer(run)).toContain(`expected: ${identity}\nfound:    ${signer}\n`);
    expect(answer(run)).toContain(says);
  });
});
