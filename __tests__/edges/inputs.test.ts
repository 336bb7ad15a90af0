import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/edges/action/masker.ts';
import type { InputSource } from '../../src/edges/inputs/read.ts';
import { readSignInputs } from '../../src/edges/inputs/sign.ts';
import { loginRegistry } from '../../src/engine/registries.ts';
import { Failure } from '../../src/failure.ts';

/** Inputs as the runner passes them: INPUT_* variables, read as @actions/core does. */
function runner(inputs: Record<string, string>, env: Record<string, string> = {}): InputSource {
  const variables = {
    ...env,
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
  };
  return {
    get: (name, options) => {
      const value = (variables as Record<string, string>)[`INPUT_${name.toUpperCase()}`] ?? '';
      return options?.trimWhitespace === false ? value : value.trim();
    },
    env: variables,
  };
}

const quiet = createMasker(
  () => [],
  () => undefined,
);

function read(inputs: Record<string, string>, env: Record<string, string> = {}) {
  return readSignInputs(quiet, runner(inputs, env));
}

function refusal(work: () => unknown): string {
  try {
    work();
    return 'accepted';
  } catch (error) {
    return error instanceof Failure
      ? `${error.code}: ${error.message} | ${error.fix}`
      : `not a Failure: ${error}`;
  }
}

const app = { images: 'ghcr.io/acme/app:1' };
const digest = `sha256:${'a'.repeat(64)}`;

describe('the inputs of sign-image', () => {
  it('have their defaults', () => {
    expect(read(app)).toEqual({
      images: ['ghcr.io/acme/app:1'],
      recursive: false,
      annotations: Object.create(null),
      githubAnnotations: false,
      format: 'auto',
      tlog: true,
      skipExisting: true,
      verify: true,
      oidcAudience: 'sigstore',
      services: {},
      disclosePrivateRepository: false,
      registry: { allowHttp: false, allowInsecure: false },
      timeout: 300_000,
      warnings: [],
    });
  });

  it('become one typed value', () => {
    const inputs = read({
      images: 'ghcr.io/acme/app, ghcr.io/acme/web\n# not this\nghcr.io/acme/api',
      digest,
      metadata: '{"containerimage.digest":"x"}',
      recursive: 'true',
      key: 'env://COSIGN_PRIVATE_KEY',
      'key-password': ' with spaces \n',
      annotations: 'team=blue',
      'github-annotations': 'True',
      format: 'both',
      tlog: 'FALSE',
      'skip-existing': 'false',
      verify: 'false',
      'oidc-audience': 'inside',
      'fulcio-url': 'https://fulcio.example.com',
      'timestamp-url': 'http://127.0.0.1:9/ts',
      'signing-config': './signing.json',
      'trusted-root': '{"mediaType":"x"}',
      'tuf-mirror': 'https://tuf.example.com',
      'tuf-root': 'root.json',
      'disclose-private-repository': 'true',
      registry: 'GHCR.io',
      'registry-username': 'me',
      'registry-password': 'pass word ',
      'allow-http-registry': 'true',
      'allow-insecure-registry': 'true',
      timeout: '90s',
      'github-token': 'ghs_x',
    });
    expect(inputs).toEqual({
      images: ['ghcr.io/acme/app', 'ghcr.io/acme/web', 'ghcr.io/acme/api'],
      digest,
      metadata: '{"containerimage.digest":"x"}',
      recursive: true,
      key: 'env://COSIGN_PRIVATE_KEY',
      keyPassword: ' with spaces \n',
      annotations: Object.assign(Object.create(null), { team: 'blue' }),
      githubAnnotations: true,
      format: 'both',
      tlog: false,
      skipExisting: false,
      verify: false,
      oidcAudience: 'inside',
      services: {
        fulcioUrl: new URL('https://fulcio.example.com'),
        timestampUrl: new URL('http://127.0.0.1:9/ts'),
        signingConfig: './signing.json',
        trustedRoot: '{"mediaType":"x"}',
        tufMirror: new URL('https://tuf.example.com'),
        tufRoot: 'root.json',
      },
      disclosePrivateRepository: true,
      registry: {
        host: 'ghcr.io',
        username: 'me',
        password: 'pass word ',
        allowHttp: true,
        allowInsecure: true,
      },
      timeout: 90_000,
      githubToken: 'ghs_x',
      warnings: [],
    });
  });

  it.each([
    ['the variable when the input is empty', { key: 'k.pem' }, { COSIGN_PASSWORD: 'v' }, 'v'],
    [
      'the input when both are there',
      { key: 'k.pem', 'key-password': 'i' },
      { COSIGN_PASSWORD: 'v' },
      'i',
    ],
    [
      'the empty password when the variable is set to nothing',
      { key: 'k.pem' },
      { COSIGN_PASSWORD: '' },
      '',
    ],
    ['no password', { key: 'k.pem' }, {}, undefined],
  ])('take as key password %s', (_, inputs, env, expected) =>
    expect(read({ ...app, ...inputs }, env).keyPassword).toBe(expected),
  );

  it('take SIGSTORE_ID_TOKEN when identity-token is empty', () => {
    expect([
      read(app, { SIGSTORE_ID_TOKEN: 'v\n' }).identityToken,
      read({ ...app, 'identity-token': 'i' }, { SIGSTORE_ID_TOKEN: 'v' }).identityToken,
    ]).toEqual(['v', 'i']);
  });

  it.each([
    ['1', 1],
    ['2', 2],
  ])('read rekor-version %s', (text, version) => {
    expect(
      read({ ...app, 'rekor-url': 'https://rekor.example.com', 'rekor-version': text }).services
        .rekorVersion,
    ).toBe(version);
  });

  it.each([
    [
      'nothing to sign',
      {},
      /^bad-input: Nothing to sign: inputs images and metadata are both empty\. \| If the workflow has one of them.*`id`.*\n```yaml/,
    ],
    ['only a comment in images', { images: '# later' }, /^bad-input: Nothing to sign/],
    [
      'tags for images',
      { tags: 'a:1' },
      /^bad-input: Input images is empty; `tags` is no input of this action\. \| Rename `tags` to `images`\.$/,
    ],
    ['image for images', { image: 'a:1' }, /Rename `image` to `images`/],
    ['a digest alone', { digest }, /^bad-input: There is a digest but no image name/],
    ['a short digest', { ...app, digest: 'sha256:abc' }, /^bad-digest: /],
    [
      'a certificate without a key',
      { ...app, certificate: 'c.pem', 'certificate-chain': 'ca.pem' },
      /^bad-input: Input certificate is set and key is empty, so the signature would be keyless\./,
    ],
    [
      'a chain without a key',
      { ...app, 'certificate-chain': 'ca.pem' },
      /^bad-input: Input certificate-chain is set and key is empty, so .* would be keyless\./,
    ],
    [
      'a chain without a certificate',
      { ...app, key: 'k.pem', 'certificate-chain': 'ca.pem' },
      /^bad-input: Input certificate-chain .* so the signature would name the key alone\./,
    ],
    [
      'a certificate without a chain',
      { ...app, key: 'k.pem', certificate: 'c.pem' },
      /^bad-input: Input certificate is set and certificate-chain is empty/,
    ],
    [
      'a certificate whose time nothing would prove',
      { ...app, key: 'k.pem', certificate: 'c.pem', 'certificate-chain': 'ca.pem', tlog: 'false' },
      /^bad-input: .* nothing would prove when the certificate was used.* \| .*`timestamp-url: /,
    ],
    [
      'cert-chain for certificate-chain',
      { ...app, key: 'k.pem', certificate: 'c.pem', 'cert-chain': 'ca.pem' },
      /Input certificate is set and certificate-chain is empty/,
    ],
    [
      'private-key for key',
      { ...app, 'private-key': 'x' },
      /^bad-input: `private-key` is no input .* keyless\. \| Rename `private-key` to `key`/,
    ],
    [
      'cosign-password for key-password',
      { ...app, 'cosign-password': 'x' },
      /Rename `cosign-password` to `key-password`/,
    ],
    [
      'a password without a key',
      { ...app, 'key-password': 'x' },
      /^bad-input: Input key-password is set and key is empty, so the signature would be keyless\./,
    ],
    [
      'a user without a password',
      { ...app, 'registry-username': 'me' },
      /^bad-input: Input registry-username is set and registry-password is empty\./,
    ],
    [
      'a password without a user',
      { ...app, 'registry-password': 'x' },
      /^bad-input: Input registry-password is set and registry-username is empty\./,
    ],
    [
      'a login that nothing says the registry of',
      { metadata: '{}', 'registry-username': 'me', 'registry-password': 'x' },
      /^bad-input: .* nothing in the workflow says which registry they are for/,
    ],
    ['an address as a registry', { ...app, registry: 'https://ghcr.io' }, /^bad-input: Input reg/],
    ['a path as a registry', { ...app, registry: 'ghcr.io/acme' }, /^bad-input: Input registry is/],
    ['a word as a registry', { ...app, registry: 'acme' }, /^bad-input: Input registry is "acme"/],
    [
      'an unknown format',
      { ...app, format: 'cosign' },
      /^bad-input: Input format is "cosign"\. \| Use one of `auto`, `bundle`, `legacy`, `both`/,
    ],
    [
      'an unknown version',
      { ...app, 'rekor-version': 'v2' },
      /^bad-input: Input rekor-version is "v2"\. \| Use one of `1`, `2`/,
    ],
    ['a boolean that is none', { ...app, verify: 'yes' }, /^bad-input: Input verify is "yes"/],
    [
      'no log and a log',
      { ...app, tlog: 'false', 'rekor-url': 'https://r.example' },
      /^bad-input: Input rekor-url names a log, and tlog: false says to use none\./,
    ],
    [
      'no log and what to do without it',
      { ...app, key: 'k.pem', tlog: 'false', 'tlog-fallback': 'timestamp' },
      /^bad-input: Input tlog-fallback says what to do while the log is down, and tlog: false/,
    ],
    [
      'something else in place of the log',
      { ...app, 'tlog-fallback': 'none' },
      /^bad-input: Input tlog-fallback is "none"\. \| Use one of `timestamp`/,
    ],
    [
      'legacy in a log v2',
      { ...app, format: 'legacy', 'rekor-url': 'https://r.example', 'rekor-version': '2' },
      /^bad-input: format: legacy needs a log/,
    ],
    [
      'both in a log v2',
      { ...app, format: 'both', 'rekor-url': 'https://r.example', 'rekor-version': '2' },
      /^bad-input: format: both needs a log/,
    ],
    [
      'a TUF root without its repository',
      { ...app, 'tuf-root': 'r.json' },
      /^bad-input: Input tuf-root is set without tuf-mirror\./,
    ],
    [
      'a plain http service',
      { ...app, 'fulcio-url': 'http://fulcio.example' },
      /^bad-input: Input fulcio-url is plain http/,
    ],
  ])('are refused with %s', (_, inputs, message) =>
    expect(refusal(() => read(inputs as Record<string, string>))).toMatch(message),
  );

  it.each([
    [
      'bundle in a log v2',
      { format: 'bundle', 'rekor-url': 'https://r.example', 'rekor-version': '2' },
    ],
    ['auto in a log v2', { 'rekor-url': 'https://r.example', 'rekor-version': '2' }],
    [
      'legacy in a log v1',
      { format: 'legacy', 'rekor-url': 'https://r.example', 'rekor-version': '1' },
    ],
    ['no log with a key', { key: 'k.pem', tlog: 'false', format: 'both' }],
    [
      'a certificate in a log',
      { key: 'k.pem', certificate: 'c.pem', 'certificate-chain': 'ca.pem' },
    ],
    [
      'a certificate with a timestamp alone',
      {
        ...{ key: 'k.pem', certificate: 'c.pem', 'certificate-chain': 'ca.pem', tlog: 'false' },
        'timestamp-url': 'https://tsa.example',
      },
    ],
    ['a version without an address', { 'rekor-version': '2' }],
    ['a mirror with the root that is built in', { 'tuf-mirror': 'https://tuf.example' }],
  ])('are taken without warning with %s', (_, inputs) =>
    expect(read({ ...app, ...inputs } as Record<string, string>).warnings).toEqual([]),
  );

  it.each([
    [
      'a token beside a key',
      { key: 'k.pem', 'identity-token': 't' },
      {},
      'An identity token is given and not used',
    ],
    [
      'COSIGN_PASSWORD without a key',
      {},
      { COSIGN_PASSWORD: 'x' },
      'COSIGN_PASSWORD is set and `key` is empty, so this signs keyless.',
    ],
    [
      'a version of no log',
      { 'rekor-version': '1', key: 'k.pem', tlog: 'false' },
      {},
      'rekor-version has no effect with tlog: false',
    ],
    [
      'a registry without a login',
      { registry: 'ghcr.io' },
      {},
      'Input registry has no effect: it says what registry-username',
    ],
    ['tags beside images', { tags: 'x' }, {}, '`tags` is no input of this action'],
    ['a program to install', { 'cosign-release': 'v3.1.1' }, {}, 'no program is installed'],
    [
      'several annotations in one line',
      { annotations: 'env=prod,team=core' },
      {},
      'a comma does not begin another one. Write one a line if they are meant apart: `env=prod`, `team=core`.',
    ],
    ['a comment behind an annotation', { annotations: 'env=prod # live' }, {}, 'A comment stands'],
    ['quotes in an annotation', { annotations: 'a="b"' }, {}, 'The quotes around the value'],
  ])('warn of %s', (_, inputs, env, sentence) => {
    const { warnings } = read(
      { ...app, ...inputs } as Record<string, string>,
      env as Record<string, string>,
    );
    expect(warnings).toEqual([expect.stringContaining(sentence)]);
  });
});

describe('the registry that a login is for', () => {
  const on = (source: 'images' | 'metadata' | 'files', ...registries: string[]) =>
    registries.map((registry) => ({ reference: { registry, repository: 'a' }, source }));
  const login = { username: 'me' };
  const named = on('images', 'ghcr.io', 'ghcr.io');
  it.each([
    ['is the one of all images', login, named, 'ghcr.io'],
    ['is the one that is given', { ...login, host: 'docker.io' }, named, 'docker.io'],
    ['is not the one of a file', login, [...on('files', 'evil.io'), ...named], 'ghcr.io'],
    ['is not the one of a build', login, [...named, ...on('metadata', 'evil.io')], 'ghcr.io'],
    ['is none where only files name one', login, on('files', 'evil.io'), undefined],
    ['is none without a login', {}, on('images', 'ghcr.io', 'docker.io'), undefined],
  ])('%s', (_, inputs, targets, registry) => expect(loginRegistry(inputs, targets)).toBe(registry));
  it('is asked for where images lie on two', () =>
    expect(
      refusal(() => loginRegistry(login, on('images', 'ghcr.io', 'docker.io', 'ghcr.io'))),
    ).toMatch(
      /^bad-input: .* the images are on 2: ghcr\.io, docker\.io\. \| Name the one .*`registry`/,
    ));
});

describe('secrets', () => {
  it('are masked before anything can fail', () => {
    const masked: string[] = [];
    const masker = createMasker(
      (text) => [`forms of ${text.length}`],
      (text) => masked.push(text),
    );
    const key = '-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----';
    const inputs = {
      key,
      'key-password': 'p1\n',
      'registry-username': 'me',
      'registry-password': 'p2',
      'identity-token': 't1',
      'github-token': 't2',
      verify: 'broken',
    };
    expect(refusal(() => readSignInputs(masker, runner(inputs)))).toMatch(/^bad-input/);
    expect(masked).toEqual([
      'AAAA',
      'BBBB',
      `forms of ${key.length}`,
      'p1',
      't1',
      'p2',
      't2',
      Buffer.from('me:p2').toString('base64'),
    ]);
  });

  it('are masked when the key is named by its variable', () => {
    const masked: string[] = [];
    const masker = createMasker(
      () => [],
      (text) => masked.push(text),
    );
    readSignInputs(
      masker,
      runner(
        { ...app, key: 'env://MY_KEY' },
        { MY_KEY: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' },
      ),
    );
    expect(masked).toEqual(['AAAA']);
  });

  it('are masked when they come from variables', () => {
    const masked: string[] = [];
    const masker = createMasker(
      () => [],
      (text) => masked.push(text),
    );
    readSignInputs(masker, runner(app, { COSIGN_PASSWORD: 'p3', SIGSTORE_ID_TOKEN: 't3' }));
    expect(masked).toEqual(['p3', 't3']);
  });

  it.each([
    ['a path', 'keys/cosign.key', []],
    ['a Windows path', 'C:\\keys\\cosign.key', []],
    ['a variable', 'env://COSIGN_KEY', []],
    ['a KMS address', 'awskms:///alias/release', []],
    ['nothing', '', []],
    ['a PEM in base64', 'LS0tLS1CRUdJTg==', ['LS0tLS1CRUdJTg==', 'form']],
    [
      'a PEM on one line',
      '-----BEGIN PRIVATE KEY----- AAAA -----END PRIVATE KEY-----',
      ['-----BEGIN PRIVATE KEY----- AAAA -----END PRIVATE KEY-----', 'form'],
    ],
    ['a PEM without its head', 'AAAA+\nBBBB=', ['AAAA+', 'BBBB=', 'form']],
  ])('mask as key: %s', (_, text, expected) => {
    const masked: string[] = [];
    createMasker(
      () => ['form'],
      (secret) => masked.push(secret),
    ).maskKey(text);
    expect(masked).toEqual(expected);
  });

  it('mask each line of a password, since the runner hides single lines', () => {
    const masked: string[] = [];
    createMasker(
      () => [],
      (secret) => masked.push(secret),
    ).mask(' one \r\ntwo\n\n');
    expect(masked).toEqual([' one ', 'one', 'two']);
  });
});
