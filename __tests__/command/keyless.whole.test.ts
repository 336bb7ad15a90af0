// The command signs keyless as jobs of other CI systems: the sandbox's issuer says what theirs say.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import {
  circleciClaims,
  circleciIdentity,
  dropped,
  gitlabClaims,
  gitlabIdentity,
  gitlabJob,
} from './claims.ts';
import { type CommandOptions, command } from './command.ts';

let registry: SandboxRegistry;
let sigstore: Sigstore;
let folder: string;
beforeAll(async () => {
  [registry, sigstore, folder] = await Promise.all([
    startRegistry(),
    startSigstore(),
    mkdtemp(join(tmpdir(), 'sign-image-keyless-')),
  ]);
});
afterAll(async () => {
  await Promise.all([registry.close(), sigstore.close(), rm(folder, { recursive: true })]);
});

const services = () => [
  '--signing-config',
  JSON.stringify(sigstore.signingConfig.v1),
  '--trusted-root',
  JSON.stringify(sigstore.trustedRoot),
];
const sign = (reference: string, options: CommandOptions) =>
  command(['sign', '--images', reference, ...services(), '--json'], options);
const verify = (reference: string, identity: string, more: readonly string[] = []) =>
  command([
    ...['verify', '--images', reference, '--certificate-identity', identity],
    ...['--certificate-oidc-issuer', sigstore.issuer],
    ...['--trusted-root', JSON.stringify(sigstore.trustedRoot), '--json', ...more],
  ]);
const tokenOf = (claims: Readonly<Record<string, string>>) =>
  sigstore.token({ drop: dropped, ...claims });

describe('a job of GitLab', () => {
  it('signs by the token in SIGSTORE_ID_TOKEN, as its pipeline; and is verified as that alone', async () => {
    const { reference } = await pushImage(registry.host, 'acme/gitlab');
    const token = await tokenOf(gitlabClaims);
    const signed = await sign(reference, { env: gitlabJob(token) });
    expect(signed, signed.stderr).toMatchObject({
      code: 0,
      json: { outputs: { identity: gitlabIdentity, issuer: sigstore.issuer, verified: 'true' } },
    });
    expect(signed.stderr).toContain(`signs keyless as ${gitlabIdentity}`);
    expect(signed.stdout + signed.stderr).not.toContain(token.split('.')[2]);

    const good = await verify(reference, gitlabIdentity, [
      '--source-repository',
      'https://gitlab.com/my-group/my-project',
      '--source-ref',
      'refs/heads/main',
    ]);
    expect(good, good.stderr).toMatchObject({ code: 0, json: { outputs: { verified: 'true' } } });
    const other = await verify(reference, gitlabIdentity.replace('main', 'feature'));
    expect(other, other.stderr).toMatchObject({
      code: 1,
      json: { outputs: { verified: 'false' } },
    });
  });

  // Nothing may be asked: the TUF repository of the public instance would be the first.
  it('of a private project is refused before anybody is asked', async () => {
    const { reference } = await pushImage(registry.host, 'acme/private');
    const before = registry.requests.length;
    const env = {
      ...gitlabJob(await tokenOf({ ...gitlabClaims, project_visibility: 'private' })),
      CI_PROJECT_VISIBILITY: 'private',
      HTTPS_PROXY: 'http://127.0.0.1:9', // nobody answers there
    };
    const run = await command(['sign', '--images', reference, '--json'], { env });
    expect(run, run.stderr).toMatchObject({
      code: 1,
      json: { error: { code: 'private-repository' } },
    });
    expect(run.stderr).toContain('--disclose-private-repository');
    expect(registry.requests.slice(before).filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});

it.skipIf(process.platform === 'win32')(
  'a job of CircleCI signs by a token that its own program gives, as its pipeline',
  async () => {
    const { reference } = await pushImage(registry.host, 'acme/circleci');
    const token = await tokenOf(circleciClaims);
    // What stands for `circleci` answers to the documented words alone.
    const program = `#!/bin/sh
[ "$*" = 'run oidc get --claims {"aud":"sigstore"}' ] || exit 64
echo "${token}"
`;
    await writeFile(join(folder, 'circleci'), program);
    await chmod(join(folder, 'circleci'), 0o755);
    const env = {
      CI: 'true',
      CIRCLECI: 'true',
      CIRCLE_OIDC_TOKEN: 'for.another.audience',
      PATH: `${folder}${delimiter}${process.env.PATH}`,
    };
    const signed = await sign(reference, { env });
    expect(signed, signed.stderr).toMatchObject({
      code: 0,
      json: { outputs: { identity: circleciIdentity, verified: 'true' } },
    });
    const verified = await verify(reference, circleciIdentity);
    expect(verified, verified.stderr).toMatchObject({ code: 0 });
  },
);

itInWhole(
  'a job of GitHub Actions signs as its workflow, and may sign what it knows of the run',
  async () => {
    const { reference } = await pushImage(registry.host, 'acme/github');
    const env = {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'octo-org/octo-repo',
      GITHUB_RUN_ID: '1001',
      ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
      INPUT_IMAGES: 'an/input:of-another-action',
    };
    const run = await command(
      ['sign', '--images', reference, ...services(), '--github-annotations', '--json'],
      { env },
    );
    expect(run, run.stderr).toMatchObject({
      code: 0,
      json: {
        outputs: { identity: sigstore.certificateIdentity },
        results: [{ image: reference, annotations: { run_id: '1001' } }],
      },
    });
  },
);
