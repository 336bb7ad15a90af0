// What newcomers get wrong in a step that verifies, each as they write it: the built gate lets
// nothing through, and says what to write; of a stranger it says who it is, and no YAML trusts him.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import type { RunResult } from '../sandbox/runner.ts';
import { strangeInputs, told } from '../sandbox/told.ts';
import {
  ferry,
  key,
  keyless,
  lantern,
  record,
  recordedIssuer,
  trustedRoot,
  verify,
} from './gate.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry?.close());

const image = { images: 'ghcr.io/acme/app:1' };
const signer = { 'certificate-identity': ferry };
const privateKey = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
const undeclared = (name: string, value = 'x') => ({ [`INPUT_${name.toUpperCase()}`]: value });

type Inputs = Readonly<Record<string, string>>;

/** Refused before anything is contacted. */
const refused: readonly (readonly [string, Inputs, Inputs, string])[] = [
  ['no image', signer, {}, 'images: ghcr.io/acme/app@sha256:'],
  ['no image of the step before', { ...signer, images: '[]' }, {}, 'has handed on no image'],
  ['nobody who signs', image, {}, 'Say whose signature counts'],
  ['cosign’s environment', image, { COSIGN_PUBLIC_KEY: 'x' }, 'key: env://COSIGN_PUBLIC_KEY'],
  ['key and identity', { ...image, ...signer, key: key('release.pub') }, {}, 'Keep one of them'],
  ['another name of the key', image, undeclared('public-key'), 'Rename `public-key` to `key`'],
  [
    'a condition misspelt',
    { ...image, ...signer },
    undeclared('github-repositry'),
    '`github-repository`',
  ],
  [
    'a flag of cosign',
    { ...image, ...signer },
    undeclared('certificate-github-workflow-repository'),
    'to `github-repository`',
  ],
  [
    'a log to ignore',
    { ...image, ...signer },
    undeclared('insecure-ignore-tlog'),
    'Write `tlog: ignore`',
  ],
  [
    'an input of the other action',
    { ...image, ...signer },
    undeclared('rekor-url'),
    '`trusted-root`',
  ],
  ['anybody', { ...image, 'certificate-identity-regexp': '.*' }, {}, 'matches anybody at all'],
  [
    'everybody on GitHub',
    { ...image, 'certificate-identity-regexp': 'https://github.com/.*' },
    {},
    'matches repositories of strangers',
  ],
  ['a list of YAML', { ...image, 'certificate-identity': `- ${ferry}` }, {}, 'Remove the dash'],
  ['quotes', { ...image, 'certificate-identity': `"${ferry}"` }, {}, 'Remove the quotes'],
  ['a comment', { ...image, 'certificate-identity': `${ferry} # live` }, {}, 'a line of its own'],
  [
    'an e-mail address',
    { ...image, 'certificate-identity': 'a@acme.example' },
    {},
    'certificate-oidc-issuer: https://accounts.google.com',
  ],
  [
    'a repository’s address',
    { ...image, ...signer, 'github-repository': 'https://github.com/acme/app' },
    {},
    'github-repository: acme/app',
  ],
  [
    'a branch’s short name',
    { ...image, ...signer, 'github-ref': 'main' },
    {},
    'github-ref: refs/heads/main',
  ],
  ['a short commit', { ...image, ...signer, 'github-sha': 'abc1234' }, {}, '40 digits'],
  [
    'a workflow without its ref',
    { ...image, ...signer, 'github-workflow-ref': 'acme/app/.github/workflows/ci.yml' },
    {},
    '.yml@refs/heads/main',
  ],
  [
    'a kind of runner',
    { ...image, ...signer, 'github-runner-environment': 'ubuntu-latest' },
    {},
    '`github-hosted` or `self-hosted`',
  ],
  [
    'a digest twice',
    {
      ...signer,
      images: `ghcr.io/acme/app@sha256:${'1'.repeat(64)}`,
      digest: `sha256:${'2'.repeat(64)}`,
    },
    {},
    'Keep one of the two',
  ],
  [
    'the name of a variable as key',
    { ...image, key: 'COSIGN_PUBLIC_KEY' },
    {},
    'key: ${{ vars.COSIGN_PUBLIC_KEY }}',
  ],
  [
    'the ARN of a key',
    { ...image, key: 'arn:aws:kms:eu-west-1:123456789012:key/1' },
    {},
    'key: awskms:///arn:',
  ],
  ['a key and no checkout', { ...image, key: 'cosign.pub' }, {}, 'actions/checkout'],
  ['a private key', { ...image, key: privateKey }, {}, 'public'],
];

function checkTold(run: RunResult, says: string, written: Inputs = {}): void {
  expect(run.code, run.shown).toBe(1);
  expect(run.annotations.filter(({ kind }) => kind === 'error')).toHaveLength(1);
  expect(told(run)).toContain(says);
  const strange = strangeInputs(told(run), 'verify');
  expect(strange.filter((name) => written[`INPUT_${name.toUpperCase()}`] === undefined)).toEqual(
    [],
  );
}

describe.concurrent('the gate stops, and says what to write', () => {
  const sample = ['nobody who signs', 'a flag of cosign', 'everybody on GitHub', 'a private key'];
  it.each(sampled(refused, sample))('%s', async (_, inputs, env, says) => {
    const run = await verify(inputs, { env });
    checkTold(run, says, env);
    expect(run.summary).toMatch(/^## ❌ Nothing was verified/);
  });
});

const tag = ferry.replace('refs/heads/main', 'refs/tags/v1.0.0');

/** Near misses of the workflow that signed. */
const near: readonly (readonly [string, Inputs, says: string, yaml: string])[] = [
  [
    'the habit with cosign',
    { 'certificate-identity-regexp': '^https://github.com/harbor-lights/' },
    'append `.*`',
    'regexp: ^https://github.com/harbor-lights/.*',
  ],
  ['slashes', { 'certificate-identity-regexp': `/${ferry}/` }, 'slashes', `regexp: ${ferry}`],
  [
    'a star',
    { 'certificate-identity': ferry.replace('main', '*') },
    '`*` stands for itself',
    'certificate-identity-regexp: ',
  ],
  [
    'a slash behind the issuer',
    { ...signer, 'certificate-oidc-issuer': `${recordedIssuer}/` },
    'slash',
    `certificate-oidc-issuer: ${recordedIssuer}`,
  ],
  [
    'the owner in another case',
    { 'certificate-identity': ferry.replace('harbor', 'Harbor') },
    'case',
    `: ${ferry}`,
  ],
  ['no ref', { 'certificate-identity': ferry.replace(/@.*/, '') }, 'has none', `: ${ferry}`],
  [
    'a short ref',
    { 'certificate-identity': ferry.replace('refs/heads/', '') },
    'in place of `@main`',
    `: ${ferry}`,
  ],
  ['a repository', { 'certificate-identity': 'harbor-lights/ferry' }, 'no identity', `: ${ferry}`],
  [
    'two with a comma',
    { 'certificate-identity': `${lantern},${ferry}` },
    'a line of its own',
    '  certificate-identity: |\n    https',
  ],
];

describe.concurrent('a near miss is named', () => {
  it.each(sampled(near, ['the habit with cosign', 'no ref']))(
    '%s',
    async (_, inputs, says, yaml) => {
      const { asked } = await keyless(registry);
      const run = await verify({ ...asked, ...inputs });
      checkTold(run, says);
      expect(told(run)).toContain(yaml);
      expect(run.summary.replaceAll('&#39;', "'")).toContain(yaml.split('\n')[0]);
    },
  );

  const strangers = [
    ['a branch for a tag', tag, 'ran at another branch or tag'],
    ['somebody else', lantern, 'Do not use this image'],
    ['a star for somebody else', lantern.replace('main', '*'), 'Do not use this image'],
  ] as const;
  it.each(sampled(strangers, ['somebody else']))(
    '%s is shown, and no YAML trusts whoever signed',
    async (_, identity, says) => {
      const { asked } = await keyless(registry);
      const run = await verify({ ...asked, 'certificate-identity': identity });
      checkTold(run, says);
      expect(told(run)).toContain(`expected: ${identity}\nfound:    ${ferry}\n`);
      expect(told(run)).toMatch(/\n +\^+/);
      for (const text of [told(run), run.summary]) expect(text).not.toContain('with:');
      expect(run.summary).toContain('difference <b>');
    },
  );

  const claims: [string, Inputs][] = [
    ['wrong-issuer', { ...signer, 'certificate-oidc-issuer': 'https://accounts.google.com' }],
    ['wrong-claim', { ...signer, 'github-repository': 'harbor-lights/lantern' }],
    ['wrong-claim', { ...signer, 'github-ref': 'refs/tags/v1' }],
  ];
  it.each(sampled(claims, ['wrong-issuer']))(
    '%s shows both sides, and trusts nobody',
    async (code, inputs) => {
      const { asked } = await keyless(registry);
      const run = await verify({ ...asked, ...inputs });
      expect(JSON.parse(run.outputs.results ?? '[]')[0]).toMatchObject({ code });
      expect(told(run)).toMatch(/expected: .*\nfound: {4}/);
      for (const text of [told(run), run.summary]) expect(text).not.toContain('with:');
    },
  );

  it('wrong-key trusts nobody, and tells of no input but those of this action', async () => {
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'wrong-key');
    const run = await verify({ images: reference, tlog: 'ignore', key: key('stranger.pub') });
    checkTold(run, 'Do not use this image');
    for (const text of [told(run), run.summary]) expect(text).not.toContain('with:');
  });

  it('of a policy file is told in words of the file, without an input to set', async () => {
    const { asked } = await keyless(registry);
    const policy = `apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: released
spec:
  images:
    - glob: "**"
  authorities:
    - keyless:
        identities:
          - issuer: ${recordedIssuer}
            subject: ${ferry.replace('harbor', 'Harbor')}
`;
    const inputs = { images: asked.images, 'trusted-root': trustedRoot, policy: 'policy.yaml' };
    const run = await verify(inputs, { workspace: { 'policy.yaml': policy } });
    checkTold(run, 'upper and lower case');
    expect(told(run)).not.toMatch(/certificate-identity|with:/);
  });
});
