// Every example of another CI system, and the component of GitLab: the commands as they stand, in the
// environment that the system sets. What a stranger has signed, or nobody, the same commands refuse.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encryptPrivateKey } from '../../src/keys/encrypted.ts';
import { pushImage } from '../sandbox/images.ts';
import { type FakeVault, startVault, vaultToken } from '../sandbox/kms/vault.ts';
import { type KnownRegistry, startRegistryLike } from '../sandbox/registry-like.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { buildkiteClaims, circleciClaims, dropped, gitlabClaims, gitlabJob } from './claims.ts';
import { root } from './command.ts';
import {
  azureScripts,
  buildkiteScripts,
  circleciScripts,
  gitlabComponent,
  gitlabScripts,
  jenkinsScripts,
  type Machine,
  openMachine,
  type Script,
} from './play.ts';

let registry: KnownRegistry;
let sigstore: Sigstore;
let vault: FakeVault;
let key: { readonly pem: string; readonly pub: string; readonly stranger: string };
const password = 'the password of the examples';
const machines: Machine[] = [];

beforeAll(async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const pub = (one: typeof publicKey) => one.export({ type: 'spki', format: 'pem' }).toString();
  [registry, sigstore, vault] = await Promise.all([
    startRegistryLike('harbor'),
    startSigstore(),
    startVault(),
  ]);
  key = {
    pem: await encryptPrivateKey(privateKey.export({ type: 'pkcs8', format: 'der' }), password),
    pub: pub(publicKey),
    stranger: pub(stranger),
  };
});
afterAll(async () => {
  await Promise.all([registry.registry.close(), sigstore.close(), vault[Symbol.asyncDispose]()]);
});
afterEach(() => {
  for (const machine of machines.splice(0)) machine.close();
});

const read = (name: string) => readFileSync(join(root, name), 'utf8');
const token = (claims: Readonly<Record<string, string>>) =>
  sigstore.token({ drop: dropped, ...claims });
/** Names of the stage in place of those that stand in an example. */
const placed = (lines: string) =>
  lines
    .replaceAll('registry.example.com', registry.registry.host)
    .replace(/--certificate-oidc-issuer \S+/, `--certificate-oidc-issuer ${sigstore.issuer}`);

async function machine(repository: string, more: { programs?: Record<string, string> } = {}) {
  const { host } = registry.registry;
  const { credentials } = registry;
  const image = await pushImage(host, repository, {
    seed: randomUUID(),
    ...(credentials === undefined ? {} : { credentials }),
  });
  const root = ['--trusted-root', JSON.stringify(sigstore.trustedRoot)];
  const opened = openMachine({
    services: {
      sign: ['--signing-config', JSON.stringify(sigstore.signingConfig.v1), ...root],
      verify: root,
    },
    digest: image.digest,
    files: { 'cosign.pub': key.pub },
    ...more,
  });
  machines.push(opened);
  return opened;
}

/** Runs all scripts but those named, one after the other. @returns the first that failed */
async function play(
  on: Machine,
  scripts: readonly Script[],
  env: Readonly<Record<string, string>>,
  without: RegExp = /^$/,
) {
  let output = '';
  for (const script of scripts.filter(({ name }) => !without.test(name))) {
    const placedEnv = Object.fromEntries(
      Object.entries({ ...script.env, ...env }).map(([name, value]) => [name, placed(value)]),
    );
    const run = await on.run({ ...script, env: {} }, placedEnv, placed);
    output += run.output;
    if (run.code !== 0) return { failed: script.name, output };
  }
  return { failed: undefined, output };
}

/** What the job must never have printed. */
function leaks(output: string): readonly string[] {
  const secrets = [registry.credentials?.password ?? '', password, vaultToken];
  return [...secrets, ...key.pem.split('\n').slice(1, -2)].filter(
    (secret) => secret !== '' && output.includes(secret),
  );
}

const login = () => {
  const { username = '', password: secret = '' } = registry.credentials ?? {};
  return { REGISTRY_USER: username, REGISTRY_PASSWORD: secret };
};
const gitlab = (signedBy?: string) => ({
  ...gitlabJob(signedBy),
  CI_REGISTRY: registry.registry.host,
  CI_REGISTRY_IMAGE: `${registry.registry.host}/my-group/my-project`,
  CI_REGISTRY_USER: login().REGISTRY_USER,
  CI_REGISTRY_PASSWORD: login().REGISTRY_PASSWORD,
  CI_COMMIT_REF_SLUG: 'main',
});
const keyVariables = () => ({ COSIGN_PRIVATE_KEY: key.pem, COSIGN_PASSWORD: password });

describe('gitlab-keyless.gitlab-ci.yml', () => {
  const scripts = gitlabScripts(read('examples/other-ci/gitlab-keyless.gitlab-ci.yml'));
  it('builds, signs as the pipeline, and deploys what is verified', async () => {
    const on = await machine('my-group/my-project');
    const run = await play(on, scripts, gitlab(await token(gitlabClaims)));
    expect(run, run.output).toMatchObject({ failed: undefined });
    expect(run.output).toContain('deploy it here');
    expect(leaks(run.output)).toEqual([]);
  });

  it.each([
    ['nobody', undefined],
    ['another branch', { ci_config_ref_uri: `${gitlabClaims.ci_config_ref_uri}-feature` }],
  ])('deploys nothing that %s has signed', async (_, claims) => {
    const on = await machine('my-group/my-project');
    const run = await play(
      on,
      scripts,
      gitlab(await token({ ...gitlabClaims, ...claims })),
      claims === undefined ? /^sign$/ : undefined,
    );
    expect(run.failed, run.output).toBe('deploy');
    expect(run.output).not.toContain('deploy it here');
  });
});

describe('gitlab-key.gitlab-ci.yml', () => {
  const scripts = gitlabScripts(read('examples/other-ci/gitlab-key.gitlab-ci.yml'));
  it.each([
    ['signs by key, and deploys what is verified', () => key.pub, undefined],
    ["deploys nothing by another one's key", () => key.stranger, 'deploy'],
  ])('%s', async (_, pub, failed) => {
    const on = await machine('my-group/my-project');
    writeFileSync(join(on.folder, 'cosign.pub'), pub());
    const run = await play(on, scripts, { ...gitlab(), ...keyVariables() });
    expect(run, run.output).toMatchObject({ failed });
    expect(leaks(run.output)).toEqual([]);
  });

  it('signs nothing where the branch does not get the key', async () => {
    const run = await play(await machine('my-group/my-project'), scripts, gitlab());
    expect(run.failed, run.output).toBe('sign');
    expect(run.output).toContain('The variable COSIGN_PRIVATE_KEY');
  });
});

describe('the component of GitLab', () => {
  const component = (inputs: Readonly<Record<string, string>>) =>
    gitlabComponent(read('templates/sign-image.yml'), inputs);
  const built = () =>
    gitlabScripts(read('examples/other-ci/gitlab-keyless.gitlab-ci.yml')).filter(
      ({ name }) => name === 'build',
    );

  it.each([
    ['keyless', {}, 'signs keyless as https://gitlab.com/my-group/my-project//'],
    ['by key', { key: 'env://COSIGN_PRIVATE_KEY', tlog: 'false' }, 'Signed with key'],
    [
      'with more flags',
      {
        key: 'env://COSIGN_PRIVATE_KEY',
        tlog: 'false',
        arguments: '--format bundle --annotations a=b',
      },
      'signed (bundle)',
    ],
  ])('signs %s', async (_, inputs, says) => {
    const on = await machine('my-group/my-project');
    const scripts = [...built(), ...component({ metadata: 'metadata.json', ...inputs })];
    const env = { ...gitlab(await token(gitlabClaims)), ...keyVariables() };
    const keyless = !Object.hasOwn(inputs, 'key');
    if (keyless) Object.assign(env, { COSIGN_PRIVATE_KEY: '', COSIGN_PASSWORD: '' });
    const run = await play(on, scripts, env);
    expect(run, run.output).toMatchObject({ failed: undefined });
    expect(run.output).toContain(says);
    expect(leaks(run.output)).toEqual([]);
  });
});

describe('Jenkins', () => {
  const jenkins = { JENKINS_URL: 'https://jenkins.example.com/', BUILD_NUMBER: '12' };
  it.each([
    ['with the key from the credentials', 'Jenkinsfile', /^$/, undefined],
    ['and stops where nothing has signed', 'Jenkinsfile', /^Sign$/, 'Verify, then deploy'],
    ['with the key in Vault', 'Jenkinsfile.vault', /^$/, undefined],
  ])('signs and verifies %s', async (_, file, without, failed) => {
    const on = await machine('acme/app');
    writeFileSync(join(on.folder, 'key-of-the-credential'), key.pem);
    const scripts = jenkinsScripts(read(`examples/other-ci/${file}`));
    expect(scripts.every(({ lines }) => lines.includes('--metadata'))).toBe(true);
    const env = {
      ...jenkins,
      ...login(),
      COSIGN_KEY: join(on.folder, 'key-of-the-credential'),
      COSIGN_PASSWORD: password,
      ...vault.env(),
    };
    const run = await play(on, scripts, env, without);
    expect(run, run.output).toMatchObject({ failed });
    // `sh -x` shows the words of every command: no secret is one.
    expect(leaks(run.output)).toEqual([]);
  });
});

/** What stands for a program of the system answers to the documented words alone. */
const answering = (words: string, answer: string) => `[ "$*" = '${words}' ] && echo "${answer}"`;

describe('circleci.yml', () => {
  const scripts = circleciScripts(read('examples/other-ci/circleci.yml'));
  it.each([
    ['signs as the pipeline, and verifies', /^$/, undefined],
    ['stops where nobody has signed', /^Sign$/, 'Verify'],
  ])('%s', async (_, without, failed) => {
    const programs = {
      circleci: answering('run oidc get --claims {"aud":"sigstore"}', await token(circleciClaims)),
    };
    const on = await machine('acme/app', { programs });
    const circle = { CI: 'true', CIRCLECI: 'true', CIRCLE_SHA1: 'abc', CIRCLE_OIDC_TOKEN: 'x.y.z' };
    const run = await play(on, scripts, { ...circle, ...login() }, without);
    expect(run, run.output).toMatchObject({ failed });
    expect(leaks(run.output)).toEqual([]);
  });
});

it('buildkite.yml signs as the pipeline, and verifies', async () => {
  const words = 'oidc request-token --audience sigstore';
  const programs = { 'buildkite-agent': answering(words, await token(buildkiteClaims)) };
  const on = await machine('acme/app', { programs });
  const scripts = buildkiteScripts(read('examples/other-ci/buildkite.yml'));
  const buildkite = { CI: 'true', BUILDKITE: 'true', BUILDKITE_BUILD_NUMBER: '1' };
  const run = await play(on, scripts, { ...buildkite, ...login() });
  expect(run, run.output).toMatchObject({ failed: undefined });
  expect(leaks(run.output)).toEqual([]);
});

describe('azure-pipelines.yml', () => {
  it.each([
    ['signs by key, and verifies', /^$/, undefined],
    ['stops where nothing has signed', /^Sign$/, 'Verify'],
  ])('%s', async (_, without, failed) => {
    const on = await machine('acme/app');
    // A secret of a variable group is one line.
    const pem = key.pem.replaceAll('\n', '\\n');
    const secrets = { ...login(), COSIGN_PRIVATE_KEY: pem, COSIGN_PASSWORD: password };
    const scripts = azureScripts(read('examples/other-ci/azure-pipelines.yml'), secrets);
    const run = await play(on, scripts, { TF_BUILD: 'True', BUILD_BUILDID: '7' }, without);
    expect(run, run.output).toMatchObject({ failed });
    expect(leaks(run.output)).toEqual([]);
  });
});
