import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/edges/action/masker.ts';
import { readVerifyInputs, type VerifyInputs } from '../../src/edges/inputs/verify.ts';
import { Failure } from '../../src/failure.ts';
import { secretForms } from '../../src/keys/mask.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import { matches } from '../../src/signature/policy.ts';

const hidden: string[] = [];
const masker = createMasker(secretForms, (text) => hidden.push(text));
const workflow = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
const good = { images: 'ghcr.io/acme/app:1', 'certificate-identity': workflow };

function read(inputs: Record<string, string>): VerifyInputs {
  const env = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  );
  return readVerifyInputs(masker, { get: (name) => inputs[name] ?? '', env }, compilePattern);
}

function failureOf(inputs: Record<string, string>): Failure {
  try {
    read(inputs);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('the inputs were taken');
}

describe('the inputs of the gate', () => {
  it("are exact, required and GitHub's unless they say otherwise", () => {
    expect(read(good)).toEqual({
      images: ['ghcr.io/acme/app:1'],
      recursive: false,
      identities: [{ exact: workflow }],
      issuers: [{ exact: 'https://token.actions.githubusercontent.com' }],
      github: {},
      source: {},
      annotations: {},
      attestationTypes: [],
      signature: 'required',
      policy: [],
      knownSigners: false,
      files: [],
      changedOnly: false,
      onlyImages: [],
      skipImages: [],
      tlog: 'required',
      fail: true,
      comment: false,
      services: {},
      registry: { allowHttp: false, allowInsecure: false },
      timeout: 300_000,
      warnings: [],
    });
  });

  it('take several identities, and every claim of GitHub', () => {
    const claims = {
      'github-repository': 'acme/app',
      'github-ref': 'refs/heads/main',
      'github-sha': 'a'.repeat(40),
      'github-event': 'push',
      'github-workflow-ref': 'acme/app/.github/workflows/release.yml@refs/heads/main',
      'github-runner-environment': 'github-hosted',
      'github-repository-id': '74',
      'github-repository-owner-id': '65',
      'github-environment': 'production EU',
      'github-workflow-sha': 'b'.repeat(40),
    };
    const inputs = read({
      ...good,
      'certificate-identity': `# ours\n${workflow}\n\nrelease@acme.example`,
      ...claims,
    });
    expect(inputs.identities).toEqual([{ exact: workflow }, { exact: 'release@acme.example' }]);
    expect(inputs.github).toEqual({
      repository: 'acme/app',
      ref: 'refs/heads/main',
      sha: 'a'.repeat(40),
      event: 'push',
      workflowRef: 'acme/app/.github/workflows/release.yml@refs/heads/main',
      runnerEnvironment: 'github-hosted',
      repositoryId: '74',
      repositoryOwnerId: '65',
      environment: 'production EU',
      workflowSha: 'b'.repeat(40),
    });
  });

  it('take what certificates say for every issuer', () => {
    const { source, github } = read({
      images: 'a',
      'certificate-identity': 'https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main',
      'certificate-oidc-issuer': 'https://gitlab.com',
      'source-repository': 'https://gitlab.com/acme/app',
      'source-ref': 'refs/heads/main',
      'source-sha': 'a'.repeat(40),
      'build-config': 'https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main',
      'build-trigger': 'push',
      'runner-environment': 'gitlab-hosted',
    });
    expect(github).toEqual({});
    expect(source).toEqual({
      repository: 'https://gitlab.com/acme/app',
      ref: 'refs/heads/main',
      sha: 'a'.repeat(40),
      buildConfig: 'https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main',
      buildTrigger: 'push',
      runnerEnvironment: 'gitlab-hosted',
    });
  });

  it('take authorities of one\u2019s own, and ask for no issuer unless one is named', () => {
    const own = { ...good, 'certificate-identity': 'release@acme.example', 'ca-roots': 'root.pem' };
    expect(read(own).own).toEqual({ roots: 'root.pem', asksIssuer: false });
    expect(
      read({
        ...own,
        'ca-intermediates': 'ca.pem',
        'certificate-oidc-issuer': 'https://id.example',
      }).own,
    ).toEqual({ roots: 'root.pem', intermediates: 'ca.pem', asksIssuer: true });
  });

  it.each([
    ['with a key', { key: 'cosign.pub', 'ca-roots': 'root.pem' }, 'with `key` a key must have'],
    ['with a policy', { policy: 'p.yaml', 'ca-roots': 'root.pem' }, 'no certificate-identity says'],
    ['alone', { 'ca-roots': 'root.pem' }, 'Nothing says who must have signed'],
    [
      'without roots',
      { 'certificate-identity': 'a@b.example', 'ca-intermediates': 'ca.pem' },
      'Input ca-intermediates is set and ca-roots is empty',
    ],
    [
      'for whoever they certify',
      { 'certificate-identity-regexp': '.*', 'ca-roots': 'root.pem' },
      'matches anybody at all',
    ],
    [
      'under the name of cosign',
      { 'certificate-identity': 'a@b.example', 'certificate-chain': 'ca.pem' },
      '`certificate-chain` is no input of this action',
    ],
  ])('refuse authorities of one\u2019s own %s', (_, inputs, message) => {
    expect(failureOf({ images: 'a', ...inputs } as Record<string, string>)).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(message),
    });
  });

  it('take types of attestations by cosign\u2019s names and as URIs, each once', () => {
    const { attestationTypes, signature } = read({
      ...good,
      'attestation-type': 'slsaprovenance1\n# ours\nhttps://acme.example/scan/v1\nspdx\nspdxjson',
      signature: 'ignore',
    });
    expect([attestationTypes, signature]).toEqual([
      [
        'https://slsa.dev/provenance/v1',
        'https://acme.example/scan/v1',
        'https://spdx.dev/Document',
      ],
      'ignore',
    ]);
  });

  it.each([
    [{ 'attestation-type': 'sbom' }, 'Input attestation-type has "sbom"'],
    [{ 'attestation-type': 'spdx, cyclonedx' }, 'Input attestation-type has "spdx, cyclonedx"'],
    [
      { 'attestation-type': 'https://sigstore.dev/cosign/sign/v1' },
      'Input attestation-type has "https://sigstore.dev/cosign/sign/v1"',
    ],
    [{ signature: 'ignore' }, '`signature: ignore` lets only attestations count'],
    [
      { signature: 'ignore', 'attestation-type': 'spdx', annotations: 'env=prod' },
      'Input annotations is about the signature',
    ],
  ])('refuse %j', (inputs, message) => {
    expect(failureOf({ ...good, ...inputs })).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(message),
    });
  });

  it('compile patterns that match the whole identity', () => {
    const pattern =
      'https://github\\.com/acme/[^/]+/\\.github/workflows/release\\.yml@refs/tags/v[0-9.]+';
    const { identities, issuers } = read({
      images: 'a',
      'certificate-identity-regexp': pattern,
      'certificate-oidc-issuer-regexp': 'https://id\\.acme\\.example/.*',
    });
    const [identity] = identities;
    const tagged = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2';
    expect(
      identity && [tagged, `${tagged}-rc`, `x${tagged}`].map((text) => matches(identity, text)),
    ).toEqual([true, false, false]);
    expect(
      issuers.map((issuer) => matches(issuer, 'https://token.actions.githubusercontent.com')),
    ).toEqual([false]);
  });

  it('mask a private key that was pasted by mistake, and no public one', () => {
    read({
      images: 'a',
      key: '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----',
    });
    expect(hidden).toEqual([]);
    read({
      images: 'a',
      key: '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH\n-----END PRIVATE KEY-----',
    });
    expect(hidden).toContain('MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH');
  });
});

describe('inputs that are refused', () => {
  const images = 'ghcr.io/acme/app:1';
  const key = 'cosign.pub';
  const issuer = 'https://id.example';
  it.each<[string, Record<string, string>, string, string]>([
    ['nobody', { images }, 'bad-input', 'key, certificate-identity and policy are all empty'],
    [
      'claims alone',
      { images, 'github-repository': 'acme/app' },
      'bad-input',
      'no certificate-identity is set',
    ],
    [
      'an issuer alone',
      { images, 'certificate-oidc-issuer': issuer },
      'bad-input',
      'key, certificate-identity and policy are all empty',
    ],
    [
      'key and identity',
      { ...good, key },
      'bad-input',
      'key and certificate-identity are both set',
    ],
    [
      'key and policy',
      { images, key, policy: 'p.yaml' },
      'bad-input',
      'key and policy are both set',
    ],
    [
      'identity and policy',
      { ...good, policy: 'p.yaml' },
      'bad-input',
      'certificate-identity and policy are both set',
    ],
    [
      'exact and pattern',
      { ...good, 'certificate-identity-regexp': 'https://github.com/acme/x' },
      'bad-input',
      'are both set',
    ],
    [
      'two kinds of issuer',
      { ...good, 'certificate-oidc-issuer': issuer, 'certificate-oidc-issuer-regexp': 'https://x' },
      'bad-input',
      'are both set',
    ],
    [
      'an issuer for a key',
      { images, key, 'certificate-oidc-issuer': issuer },
      'bad-input',
      'certificate-oidc-issuer speaks of keyless',
    ],
    [
      'claims for a key',
      { images, key, 'github-ref': 'refs/heads/main' },
      'bad-input',
      'github-ref speaks of keyless',
    ],
    [
      'claims for a policy',
      { images, policy: 'p.yaml', 'source-ref': 'refs/heads/main' },
      'bad-input',
      'source-ref speaks of keyless',
    ],
    [
      'anybody',
      {
        images,
        'certificate-identity-regexp': '.*',
        'certificate-oidc-issuer-regexp': 'https?://.*',
      },
      'bad-input',
      'anybody at all',
    ],
    [
      'a broken pattern',
      { images, 'certificate-identity-regexp': 'a(' },
      'bad-input',
      '"a(" is not a regular expression',
    ],
    ['no image', { key }, 'nothing-to-verify', 'images, metadata and files are all empty'],
    [
      'a digest alone',
      { key, digest: `sha256:${'0'.repeat(64)}` },
      'nothing-to-verify',
      'no image name it belongs to',
    ],
    [
      'changed-only without files',
      { ...good, 'changed-only': 'true' },
      'bad-input',
      'changed-only is about `files`',
    ],
    ['tlog: false', { ...good, tlog: 'false' }, 'bad-input', 'Input tlog is "false"'],
    ['fail: no', { ...good, fail: 'no' }, 'bad-input', 'neither true nor false'],
    [
      'a misspelt condition',
      { ...good, issuer },
      'bad-input',
      '`issuer` is no input of this action',
    ],
    [
      'a password alone',
      { ...good, 'registry-password': 'x' },
      'bad-input',
      'registry-username is empty',
    ],
    [
      'a login for files alone',
      { key, files: '**', 'registry-username': 'me', 'registry-password': 'x' },
      'bad-input',
      'nothing in the workflow says which registry they are for',
    ],
    ['a registry that is none', { ...good, registry: 'ghcr' }, 'bad-input', 'the host of a reg'],
    [
      'a TUF root alone',
      { ...good, 'tuf-root': 'root.json' },
      'bad-input',
      'tuf-root is set without tuf-mirror',
    ],
    [
      'an annotation without a value',
      { ...good, annotations: 'env' },
      'bad-annotation',
      'without "="',
    ],
  ])('%s', (_, inputs, code, text) => {
    const failure = failureOf(inputs);
    expect([failure.code, failure.message]).toEqual([code, expect.stringContaining(text)]);
    expect(failure.fix).not.toBe('');
  });
});

describe('patterns that let in whom nobody meant', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['https://github\\.com/acme/.*', {}, undefined],
    ['https://github\\.com/acme/app/\\.github/workflows/release\\.yml@.*', {}, undefined],
    ['https://github\\.com/acme.*', {}, 'also takes the owner "acme-evil"'],
    ['https://github\\.com/contoso.*', {}, 'also takes the owner "contoso-evil"'],
    ['https://github\\.com/acme/app.*', {}, 'also takes the repository "acme/app-evil"'],
    ['https://github.com/.*', { 'github-repository': 'acme/app' }, undefined],
    ['https://github.com/.*', { 'github-repository-id': '74' }, undefined],
    ['https://github.com/.*', { 'github-repository-owner-id': '65' }, undefined],
    ['https://github.com/.*', { 'source-repository': 'https://github.com/acme/app' }, undefined],
    ['(a+)+', {}, undefined],
  ])('%s %j: %s', (pattern, more, warning) => {
    const { warnings } = read({ images: 'a', 'certificate-identity-regexp': pattern, ...more });
    expect(warnings).toEqual(warning === undefined ? [] : [expect.stringContaining(warning)]);
  });
});

describe('patterns that let in everybody', () => {
  it.each<[string, Record<string, string>, string]>([
    ['.*', {}, 'anybody at all'],
    ['.*', { 'github-repository': 'acme/app' }, 'anybody at all'],
    ['(?s).+', {}, 'anybody at all'],
    ['https://github.com/.*', {}, 'strangers on github.com'],
    ['https://github.com/.*', { 'github-environment': 'production' }, 'strangers on github.com'],
    ['https://github.com/.*', { 'runner-environment': 'self-hosted' }, 'strangers on github.com'],
    [
      // The number 74 of another server is another repository.
      'https://github.com/.*',
      {
        'github-repository-id': '74',
        'certificate-oidc-issuer':
          'https://token.actions.githubusercontent.com\nhttps://git.other.example/_services/token',
      },
      'strangers on github.com',
    ],
    ['https://github\\.com/[^/]+/[^/]+/\\.github/workflows/release\\.yml@.*', {}, 'strangers'],
    ['(https://github.com/acme/.*|https://.*)', {}, 'strangers'],
    ['.*@refs/heads/main', {}, 'strangers'],
    [
      '.*@gmail\\.com',
      { 'certificate-oidc-issuer': 'https://accounts.google.com' },
      'e-mail addresses of strangers',
    ],
  ])('%s %j', (pattern, more, whom) => {
    const failure = failureOf({ images: 'a', 'certificate-identity-regexp': pattern, ...more });
    expect([failure.code, failure.message]).toEqual(['bad-input', expect.stringContaining(whom)]);
    expect(failure.message).toContain('certificate-identity-regexp');
  });

  it('as an issuer', () => {
    const { code, message } = failureOf({
      images: 'a',
      'certificate-identity': workflow,
      'certificate-oidc-issuer-regexp': '.*',
    });
    expect([code, message]).toEqual([
      'bad-input',
      expect.stringContaining('certificate-oidc-issuer-regexp matches anybody'),
    ]);
  });
});
