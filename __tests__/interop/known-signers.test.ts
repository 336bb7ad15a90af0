// A list of signers against what real cosign writes: beside an image, and in another repository
// (COSIGN_REPOSITORY), as Kyverno and Kong have theirs. And the list of a cluster as real kubectl
// prints it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { runAction } from '../sandbox/runner.ts';
import {
  cosign2,
  cosign3,
  keyPassword,
  need,
  run,
  startDockerRegistry,
  temporaryFolder,
} from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
let docker: Awaited<ReturnType<typeof startDockerRegistry>>;
let sandbox: SandboxRegistry;
let publicKey: string;

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  docker = await startDockerRegistry(folder);
  sandbox = await startRegistry({ referrersApi: true });
  const prefix = join(folder, 'publisher');
  expect(await cosign3(['generate-key-pair', '--output-key-prefix', prefix])).toMatchObject({
    code: 0,
  });
  publicKey = await readFile(`${prefix}.pub`, 'utf8');
});
afterAll(async () => {
  docker?.stop();
  await sandbox?.close();
  await cleanUp?.();
});

/** A signing config for cosign 3 that names no service. */
async function noServices(): Promise<string> {
  const file = join(folder, 'none.json');
  const mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
  await writeFile(file, JSON.stringify({ mediaType, rekorTlogConfig: {}, tsaConfig: {} }));
  return file;
}

const list = (host: string, more = '') => `apiVersion: sign-image/v1
kind: KnownSigners
publisher: Interop
entries:
  - images: ["${host}/**"]
    tlog: ignore
${more}    signers:
      - key: |
          ${publicKey.trim().replaceAll('\n', '\n          ')}
`;
const judge = (file: string, text: string, signers: string) =>
  runAction({
    entry: 'dist/verify.js',
    inputs: { files: file, policy: 'signers.yaml', 'known-signers': 'true', fail: 'false' },
    workspace: { [file]: text, 'signers.yaml': signers },
  });

describe.each([
  ['docker-registry 2.8', () => docker.host],
  ['a registry with the referrers API', () => sandbox.host],
] as const)('on %s', (_, hostOf) => {
  it.each([
    ['cosign 2', cosign2, ['--tlog-upload=false']],
    ['cosign 3, bundle', cosign3, ['--signing-config', 'none.json']],
    [
      'cosign 3, legacy',
      cosign3,
      ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'],
    ],
  ] as const)(
    'what %s writes into another repository is found there, and nowhere else',
    async (name, cosign, flags) => {
      const host = hostOf();
      const own = name.replaceAll(/\W+/g, '-');
      const { reference } = await pushImage(host, `${own}/app`, { seed: name.length });
      const config = await noServices();
      const args = flags.map((flag) => (flag === 'none.json' ? config : flag));
      const signed = await cosign(
        ['sign', '--yes', '--key', join(folder, 'publisher.key'), ...args, reference],
        { COSIGN_REPOSITORY: `${host}/${own}/signatures`, COSIGN_PASSWORD: keyPassword },
      );
      expect(signed, signed.output).toMatchObject({ code: 0 });
      const there = `    signatures:\n      repository: ${host}/${own}/signatures\n`;
      const Dockerfile = `FROM ${reference}\n`;
      const found = await judge('Dockerfile', Dockerfile, list(host, there));
      expect(found.outputs.verified, found.shown).toBe('true');
      const beside = await judge('Dockerfile', Dockerfile, list(host));
      expect(JSON.parse(beside.outputs.results ?? ''), beside.shown).toMatchObject([
        { verified: false, code: 'unsigned' },
      ]);
    },
  );
});

it('of a builder that signs attestation manifests, every one in the index has to be signed', async () => {
  const { reference, platforms } = await pushImage(docker.host, 'built/app', {
    platforms: 2,
    attestations: true,
  });
  const signers = list(`${docker.host}/built`, '    signatures:\n      on: attestation-manifest\n');
  const codes = async () => {
    const { outputs } = await judge('Dockerfile', `FROM ${reference}\n`, signers);
    return (JSON.parse(outputs.results ?? '') as { verified: boolean }[]).map(
      ({ verified }) => verified,
    );
  };
  const sign = async (digest: string) =>
    expect(
      await cosign3(
        [
          ...['sign', '--yes', '--key', join(folder, 'publisher.key')],
          ...['--signing-config', await noServices(), reference.replace(/@.*/, `@${digest}`)],
        ],
        { COSIGN_PASSWORD: keyPassword },
      ),
    ).toMatchObject({ code: 0 });
  const holders = platforms.filter(
    ({ annotations }) => annotations?.['vnd.docker.reference.type'] !== undefined,
  );
  expect(await codes()).toEqual([false]);
  for (const [index, { digest }] of holders.entries()) {
    await sign(digest);
    expect(await codes()).toEqual([index + 1 === holders.length]);
  }
  expect(holders.length).toBe(2);
});

it('what kubectl prints of several objects is reported by workload', async () => {
  const { reference } = await pushImage(sandbox.host, 'cluster/app');
  const file = join(folder, 'objects.yaml');
  const deployment = (name: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: a } }
  template:
    metadata: { labels: { app: a } }
    spec: { containers: [{ name: app, image: "${reference}" }] }
`;
  await writeFile(file, `${deployment('web')}---\n${deployment('api')}`);
  const printed = await run(need('KUBECTL'), [
    ...['label', '--local', '-f', file, 'seen=yes', '-o', 'json'],
  ]);
  expect(printed.code, printed.output).toBe(0);
  // Without a cluster kubectl prints one object after another; `get` puts the same into a List.
  const items = printed.output
    .split(/^(?=\{$)/m)
    .filter((text) => text.trim() !== '')
    .map((text) => JSON.parse(text));
  const cluster = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const { files, shown } = await judge('cluster.json', cluster, list(sandbox.host));
  const [, report] = [...files].find(([path]) => path.endsWith('/workloads.json')) ?? [];
  expect(JSON.parse(report?.toString() ?? '{}'), shown).toMatchObject({
    workloads: [
      { workload: 'shop/Deployment/api', state: 'denied' },
      { workload: 'shop/Deployment/web', state: 'denied', images: [{ code: 'unsigned' }] },
    ],
  });
});
