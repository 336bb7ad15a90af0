// The command signs keyless as GitLab, CircleCI and Buildkite with a real Fulcio, and by key; cosign 3
// and cosign 2 accept it by exact identity and issuer, and refuse it by another one.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildkiteClaims,
  buildkiteIdentity,
  circleciClaims,
  circleciIdentity,
  dropped,
  gitlabClaims,
  gitlabIdentity,
  gitlabJob,
} from '../command/claims.ts';
import { command, root } from '../command/command.ts';
import { buildkiteScripts, circleciScripts, gitlabScripts, openMachine } from '../command/play.ts';
import { pushImage } from '../sandbox/images.ts';
import { type CiFulcio, type CiSystem, startCiFulcio } from './ci-fulcio.ts';
import { cosign2, cosign3, keyPassword, need, type Ran, temporaryFolder } from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
});
afterAll(() => cleanUp?.());

let count = 0;
const push = () =>
  pushImage(need('REGISTRY_REFERRERS'), `interop/command-${process.pid}-${count++}`);
const refused = (ran: Ran) => expect(ran, ran.output).not.toMatchObject({ code: 0 });
const accepted = (ran: Ran) => expect(ran, ran.output).toMatchObject({ code: 0 });

async function tokenOf(claims: Readonly<Record<string, string>>): Promise<string> {
  const query = new URLSearchParams({ audience: 'sigstore', drop: dropped, ...claims });
  const answer = await fetch(`${need('ACTIONS_ID_TOKEN_REQUEST_URL')}&${query}`, {
    headers: { authorization: `bearer ${need('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` },
  });
  return ((await answer.json()) as { value: string }).value;
}

const systems: readonly (readonly [
  CiSystem,
  string,
  Readonly<Record<string, string>>,
  string[],
])[] = [
  [
    'gitlab-pipeline',
    gitlabIdentity,
    gitlabClaims,
    [
      '--source-repository=https://gitlab.com/my-group/my-project',
      '--source-ref=refs/heads/main',
      `--build-config=${gitlabIdentity}`,
      '--build-trigger=push',
      '--runner-environment=gitlab-hosted',
    ],
  ],
  ['circleci-job', circleciIdentity, circleciClaims, ['--source-ref=refs/heads/main']],
  ['buildkite-job', buildkiteIdentity, buildkiteClaims, ['--build-trigger=webhook']],
];

describe.each(systems)('as a %s', (system, identity, claims, narrower) => {
  let fulcio: CiFulcio;
  beforeAll(async () => {
    fulcio = await startCiFulcio(system, folder);
  });
  afterAll(() => fulcio?.close());

  it.each(['V1', 'V2'])('with the signing config %s, cosign accepts it', async (config) => {
    const { reference } = await push();
    const services = ['--fulcio-url', fulcio.url, '--trusted-root', need('TRUSTED_ROOT')];
    const file = ['--signing-config', need(`SIGNING_CONFIG_${config}`)];
    const signed = await command(['sign', '--images', reference, ...services, ...file, '--json'], {
      env: { SIGSTORE_ID_TOKEN: await tokenOf(claims) },
    });
    expect(signed, signed.stderr).toMatchObject({
      code: 0,
      json: { outputs: { identity, issuer: need('OIDC_URL'), verified: 'true' } },
    });
    expect(signed.stderr).toContain(`signs keyless as ${identity}`);

    const who = (name: string) => [
      ...['--certificate-identity', name, '--certificate-oidc-issuer', need('OIDC_URL')],
    ];
    const verify = (name: string, more: readonly string[] = []) =>
      command([
        ...['verify', '--images', reference, ...who(name)],
        ...['--trusted-root', need('TRUSTED_ROOT'), ...more],
      ]);
    const own = await verify(identity, narrower);
    expect(own, own.stderr).toMatchObject({ code: 0 });
    expect(await verify(`${identity}x`)).toMatchObject({ code: 1 });

    const trust = ['--trusted-root', need('TRUSTED_ROOT'), '--allow-http-registry'];
    const time = config === 'V2' ? ['--use-signed-timestamps'] : [];
    accepted(await cosign3(['verify', ...who(identity), ...time, ...trust, reference]));
    refused(await cosign3(['verify', ...who(`${identity}x`), ...time, ...trust, reference]));
    if (config === 'V2') return; // no legacy signature
    const log = ['--rekor-url', need('REKOR_URL'), '--allow-http-registry'];
    accepted(await cosign2(['verify', ...who(identity), ...log, reference]));
    refused(await cosign2(['verify', ...who(`${identity}x`), ...log, reference]));
  });
});

/** The example of each system, how its commands are found, and the environment of a job there. */
const examples = {
  'gitlab-pipeline': ['gitlab-keyless.gitlab-ci.yml', gitlabScripts],
  'circleci-job': ['circleci.yml', circleciScripts],
  'buildkite-job': ['buildkite.yml', buildkiteScripts],
} as const;

it.each(systems)(
  'the example of a %s signs and verifies as it stands',
  async (system, _, claims) => {
    const fulcio = await startCiFulcio(system, folder);
    const [file, scriptsOf] = examples[system];
    const host = need('REGISTRY_REFERRERS');
    const repository = system === 'gitlab-pipeline' ? 'my-group/my-project' : 'acme/app';
    const image = await pushImage(host, repository, { seed: `${system} ${process.pid}` });
    const token = await tokenOf(claims);
    const trusted = ['--trusted-root', need('TRUSTED_ROOT')];
    const config = ['--signing-config', need('SIGNING_CONFIG_V1'), '--fulcio-url', fulcio.url];
    const machine = openMachine({
      digest: image.digest,
      services: { sign: [...config, ...trusted], verify: trusted },
      programs: { circleci: `echo ${token}`, 'buildkite-agent': `echo ${token}` },
    });
    const job = {
      ...(system === 'gitlab-pipeline' ? gitlabJob(token) : {}),
      ...(system === 'circleci-job' ? { CIRCLECI: 'true', CIRCLE_SHA1: 'abc' } : {}),
      ...(system === 'buildkite-job' ? { BUILDKITE: 'true', BUILDKITE_BUILD_NUMBER: '1' } : {}),
      ...{ REGISTRY_USER: 'somebody', REGISTRY_PASSWORD: 'a password', CI_COMMIT_REF_SLUG: 'main' },
      ...{ CI_REGISTRY: host, CI_REGISTRY_IMAGE: `${host}/${repository}`, CI: 'true' },
      ...{ CI_REGISTRY_USER: 'somebody', CI_REGISTRY_PASSWORD: 'a password' },
    };
    const placed = (text: string) =>
      text
        .replaceAll('registry.example.com', host)
        .replace(/--certificate-oidc-issuer \S+/, `--certificate-oidc-issuer ${need('OIDC_URL')}`);
    try {
      for (const script of scriptsOf(
        readFileSync(join(root, 'examples/other-ci', file), 'utf8').replaceAll(
          'registry.example.com',
          host,
        ),
      )) {
        const run = await machine.run(script, job, placed);
        expect(run, run.output).toMatchObject({ code: 0 });
      }
    } finally {
      machine.close();
      await fulcio.close();
    }
  },
);

it('by a key that it made itself, cosign accepts it; and signs with that key, too', async () => {
  const { reference } = await push();
  const prefix = join(folder, 'made');
  const env = { COSIGN_PASSWORD: keyPassword };
  const made = await command(['keygen', '--output-key-prefix', prefix], { env });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const signed = await command(
    ['sign', '--images', reference, '--key', `${prefix}.key`, '--tlog=false'],
    { env },
  );
  expect(signed, signed.stderr).toMatchObject({ code: 0 });
  const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];
  for (const cosign of [cosign3, cosign2]) {
    accepted(await cosign(['verify', '--key', `${prefix}.pub`, ...offline, reference]));
    const stranger = join(folder, 'stranger.pub');
    const other = await command(
      ['keygen', '--output-key-prefix', join(folder, 'stranger'), '--overwrite'],
      { env },
    );
    expect(other.code).toBe(0);
    refused(await cosign(['verify', '--key', stranger, ...offline, reference]));
  }
  const { reference: theirs } = await push();
  accepted(
    await cosign2([
      ...['sign', '--yes', '--key', `${prefix}.key`, '--tlog-upload=false'],
      ...['--allow-http-registry', theirs],
    ]),
  );
  writeFileSync(join(folder, 'copy.pub'), readFileSync(`${prefix}.pub`));
  const verified = await command([
    ...['verify', '--images', theirs, '--key', join(folder, 'copy.pub'), '--tlog', 'ignore'],
  ]);
  expect(verified, verified.stderr).toMatchObject({ code: 0 });
});
