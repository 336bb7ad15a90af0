// The steps of an example that are not ours, played: what they would push, and the outputs they
// would have.
import { type PushedImage, pushImage } from '../sandbox/images.ts';
import { RegistryClient } from '../sandbox/registry-client.ts';
import { sha256 } from '../sandbox/registry-store.ts';
import type { Stage } from './stage.ts';

export interface OtherStep {
  readonly name: string;
  readonly with: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly run?: string;
}

export type Outputs = Readonly<Record<string, string>>;

/** Does what a step would do, and answers its outputs; `workspace` has the files of later steps. */
export type Actor = (
  step: OtherStep,
  stage: Stage,
  seed: string,
  workspace: Record<string, string>,
) => Promise<Outputs>;

const lines = (text: string | undefined) =>
  (text ?? '')
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/**
 * Pushes an image under every one of these names (`host/repository:tag`). The seed makes each
 * example's image another one.
 */
export async function push(
  stage: Stage,
  names: readonly string[],
  seed: string,
  platforms = 0,
): Promise<PushedImage> {
  const pushed = await Promise.all(
    names.map((name) => {
      const [, host = '', repository = '', tag = 'latest'] =
        /^([^/]+)\/([^:]+)(?::(.+))?$/.exec(stage.placed(name)) ?? [];
      return pushImage(host, repository, { seed, tag, platforms, ...stage.credentialsFor(host) });
    }),
  );
  const [first] = pushed;
  if (first === undefined) throw new Error('nothing to push');
  return first;
}

const built = (names: readonly string[], { digest }: PushedImage) => ({
  'containerimage.digest': digest,
  'image.name': names.join(','),
});

/** Actions of others, by name. */
export const otherActions: Readonly<Record<string, Actor>> = {
  'actions/checkout': async () => ({}),
  'actions/upload-artifact': async () => ({}),
  'actions/download-artifact': async () => ({}),
  'docker/setup-buildx-action': async () => ({}),
  'docker/setup-qemu-action': async () => ({}),
  'github/codeql-action/upload-sarif': async () => ({}),
  'anchore/sbom-action': async (
    { with: { image = '', 'output-file': file = '' } },
    _,
    __,
    files,
  ) => {
    if (!/@sha256:[0-9a-f]{64}$/.test(image)) throw new Error(`scans something else: ${image}`);
    files[file] = '{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[]}';
    return {};
  },
  'oras-project/setup-oras': async () => ({}),
  'docker/metadata-action': async ({ with: { images = '', tags = 'value=main' } }) => ({
    tags: `${images}:${/value=(\S+)/.exec(tags)?.[1]}`,
    labels: '',
  }),
  'docker/build-push-action': async (step, stage, seed) => {
    const { tags, platforms, outputs } = step.with;
    const names = outputs === undefined ? lines(tags) : [/name=([^,]+)/.exec(outputs)?.[1] ?? ''];
    if (step.with.push === 'false') return { digest: '', metadata: '{}' };
    if (outputs === undefined && step.with.push !== 'true')
      throw new Error('an example that does not push');
    const image = await push(stage, names, seed, lines(platforms).length);
    return { digest: image.digest, metadata: stage.placed(JSON.stringify(built(names, image))) };
  },
  'docker/bake-action': async (_, stage, seed) => {
    const targets = ['app', 'worker'].map(
      (target) => [target, [`ghcr.io/acme/${target}:latest`]] as const,
    );
    const metadata = await Promise.all(
      targets.map(async ([target, names]) => [
        target,
        built(names, await push(stage, names, `${seed} ${target}`)),
      ]),
    );
    return {
      metadata: stage.placed(
        JSON.stringify({ 'buildx.build.warnings': [], ...Object.fromEntries(metadata) }),
      ),
    };
  },
};

/** Scripts, by the name of their step. */
export const scripts: Readonly<Record<string, Actor>> = {
  'Find the action of this workflow': async ({ env }) => {
    if (!/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/.test(`${env.REPOSITORY}@${env.COMMIT}`))
      throw new Error('does not know where it comes from');
    return {};
  },
  'Hand the digest on': async ({ env }) => {
    if (!/^sha256:[0-9a-f]{64}$/.test(env.DIGEST ?? ''))
      throw new Error(`no digest: ${env.DIGEST}`);
    return {};
  },
  'Merge the platforms into one index': async ({ env }, stage, seed) => ({
    digest: (await push(stage, [`${env.IMAGE}:${env.TAG}`], seed, 2)).digest,
  }),
  'Push an image': async (_, stage, seed) => ({
    digest: (await push(stage, ['ttl.sh/sign-image-4711:1h'], seed)).digest,
  }),
  'Push the chart': async ({ env }, stage, seed) => ({
    digest: await pushChart(stage, `${env.CHARTS?.replace('oci://', '')}/app`, seed),
  }),
  'Copy the image and its signatures': async ({ env }, stage) => copyAll(env, stage),
  'Deploy what verified': async ({ env }) => {
    if (!/@sha256:[0-9a-f]{64}$/.test(env.IMAGE ?? ''))
      throw new Error(`deploys something else than a digest: ${env.IMAGE}`);
    return {};
  },
};

/** What `helm push` does: a manifest with Helm's config, and the packed chart. */
async function pushChart(stage: Stage, name: string, seed: string): Promise<string> {
  const [host, repository] = split(stage.placed(name));
  const client = new RegistryClient(host, stage.credentialsFor(host));
  const blob = async (bytes: Buffer, mediaType: string) => {
    const digest = sha256(bytes);
    await client.pushBlob(repository, digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const chart = Buffer.from(JSON.stringify({ name: 'app', version: '1.4.2', description: seed }));
  const manifest = {
    schemaVersion: 2,
    config: await blob(chart, 'application/vnd.cncf.helm.config.v1+json'),
    layers: [
      await blob(
        Buffer.from(`a packed chart, ${seed}`),
        'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
      ),
    ],
    annotations: { 'org.opencontainers.image.title': 'app' },
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const type = 'application/vnd.oci.image.manifest.v1+json';
  await client.pushManifest(repository, '1.4.2', bytes, type);
  return sha256(bytes);
}

/**
 * What `oras copy` does: the image, what refers to it, and the tag of the legacy signatures, byte
 * for byte.
 */
async function copyAll(
  { SOURCE = '', TARGET = '', DIGEST = '', VERSION = '' }: Outputs,
  stage: Stage,
): Promise<Outputs> {
  const [[from, repository], [to, target]] = [SOURCE, TARGET].map((name) =>
    split(stage.placed(name)),
  ) as [[string, string], [string, string]];
  const store = Object.values(stage.registries)
    .find(({ registry }) => registry.host === from)
    ?.registry.store.open(repository);
  if (store === undefined) throw new Error(`no registry ${from}`);
  const client = new RegistryClient(to, stage.credentialsFor(to));
  for (const [digest, bytes] of store.blobs) await client.pushBlob(target, digest, bytes);
  const hex = DIGEST.replace('sha256:', 'sha256-');
  const source = new RegistryClient(from, stage.credentialsFor(from));
  const copy = async (reference: string, tag: string) => {
    const answer = await source.ask('GET', `/v2/${repository}/manifests/${reference}`, {
      headers: { accept: '*/*' },
    });
    if (answer.status !== 200) return undefined;
    await client.pushManifest(target, tag, answer.body, String(answer.headers['content-type']));
    return JSON.parse(answer.body.toString('utf8')) as { manifests?: { digest: string }[] };
  };
  await copy(DIGEST, VERSION);
  // The target has the referrers API: it finds the bundles by their subject, and needs no list
  // under a tag.
  const list = JSON.parse(
    (
      await source.ask('GET', `/v2/${repository}/manifests/${hex}`, { headers: { accept: '*/*' } })
    ).body.toString('utf8'),
  );
  for (const { digest } of list.manifests ?? []) await copy(digest, digest);
  await copy(`${hex}.sig`, `${hex}.sig`);
  return {};
}

function split(name: string): [string, string] {
  const [, host = '', repository = ''] = /^([^/]+)\/(.+)$/.exec(name) ?? [];
  return [host, repository];
}
