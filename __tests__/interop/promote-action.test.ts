// What is promoted, other programs verify and list at the target as at the source.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PushedImage, pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import {
  cosign2,
  cosign3,
  need,
  run,
  skopeo,
  startDockerRegistry,
  temporaryFolder,
} from './peers.ts';

let folder: string;
let cleanUp: () => Promise<void>;
let dockerRegistry: { host: string; stop: () => void };
const keyFile = () => join(folder, 'own.key');
const publicFile = () => join(folder, 'own.pub');

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  dockerRegistry = await startDockerRegistry(folder);
  for (const name of ['own', 'theirs'])
    expect(
      await cosign3(['generate-key-pair', '--output-key-prefix', join(folder, name)]),
    ).toMatchObject({ code: 0 });
});
afterAll(async () => {
  dockerRegistry?.stop();
  await cleanUp?.();
});

const hosts = {
  'docker-registry 2.8': () => dockerRegistry.host,
  'a registry with the referrers API': () => need('REGISTRY_REFERRERS'),
};
const names = Object.keys(hosts) as (keyof typeof hosts)[];
const pairs = names.flatMap((from) => names.map((to) => [from, to] as const));
const plain = ['--yes', '--tlog-upload=false', '--allow-http-registry'];
const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry'];
let counter = 0;

/** Signs with cosign 2 and with cosign 3, both of which the target must be able to read. */
async function signByOthers(image: PushedImage): Promise<void> {
  for (const digest of [image.digest, ...image.platforms.map((platform) => platform.digest)]) {
    const reference = image.reference.replace(image.digest, digest);
    const by = ['sign', '--key', keyFile(), ...plain];
    expect(await cosign2([...by, reference])).toMatchObject({ code: 0 });
    expect(await cosign3([...by, '--use-signing-config=false', reference])).toMatchObject({
      code: 0,
    });
  }
  const predicate = join(folder, 'predicate.json');
  await writeFile(predicate, '{"SPDXID":"SPDXRef-DOCUMENT"}');
  const by = ['attest', '--key', keyFile(), '--type', 'spdxjson', '--predicate', predicate];
  expect(await cosign2([...by, ...plain, image.reference])).toMatchObject({ code: 0 });
}

const promote = async (source: string, to: string, more: Record<string, string> = {}) =>
  runAction({
    entry: 'dist/promote.js',
    inputs: {
      images: source,
      to,
      key: await readFile(publicFile(), 'utf8'),
      tlog: 'ignore',
      ...more,
    },
  });

describe.each(pairs)('from %s to %s', (from, to) => {
  it('cosign 2 and cosign 3 verify at the target, every platform, and oras and crane list the same', async () => {
    const name = `interop/promote-${process.pid}-${counter++}`;
    const image = await pushImage(hosts[from](), name, { platforms: 2, tag: 'v1', seed: name });
    await signByOthers(image);
    const target = `${hosts[to]()}/${name}-there`;
    const promoted = await promote(`${hosts[from]()}/${name}:v1`, `${target}:v1`, {
      recursive: 'true',
    });
    expect(promoted, promoted.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    for (const digest of [image.digest, ...image.platforms.map((platform) => platform.digest)])
      for (const cosign of [cosign2, cosign3]) {
        const args = (key: string) => ['verify', '--key', key, ...offline, `${target}@${digest}`];
        expect(await cosign(args(publicFile())), digest).toMatchObject({ code: 0 });
        expect(await cosign(args(join(folder, 'theirs.pub')))).not.toMatchObject({ code: 0 });
      }
    expect(
      await cosign2([
        'verify-attestation',
        '--key',
        publicFile(),
        '--type',
        'spdxjson',
        ...offline,
        `${target}@${image.digest}`,
      ]),
    ).toMatchObject({ code: 0 });
    const listed = async (repository: string) => {
      const discover = [
        'discover',
        '--plain-http',
        '--format',
        'json',
        `${repository}@${image.digest}`,
      ];
      const { output } = await run(need('ORAS'), discover);
      const found = JSON.parse(output.slice(output.indexOf('{')));
      const list: { digest: string }[] = found.referrers ?? found.manifests ?? [];
      return list.map(({ digest }) => digest).sort();
    };
    const there = await listed(target);
    expect(there.length).toBeGreaterThan(0);
    expect(there).toEqual(await listed(`${hosts[from]()}/${name}`));
    const crane = async (...args: string[]) =>
      (await run(need('CRANE'), [...args, '--insecure'])).output.trim();
    expect(await crane('digest', `${target}:v1`)).toBe(image.digest);
    expect(await crane('manifest', `${target}@${image.digest}`)).toBe(
      await crane('manifest', `${hosts[from]()}/${name}@${image.digest}`),
    );
    expect(await crane('validate', '--remote', `${target}:v1`)).toContain('PASS');
    const again = await promote(`${hosts[from]()}/${name}:v1`, `${target}:v1`);
    expect(JSON.parse(again.outputs.results ?? '')).toMatchObject([{ status: 'already-promoted' }]);
  });
});

it('skopeo takes the copy by a policy that names the source, and refuses a stranger', async () => {
  const { host } = dockerRegistry;
  const name = `interop/promote-${process.pid}-skopeo`;
  const image = await pushImage(host, name, { tag: 'v1', seed: name });
  await signByOthers(image);
  const target = `${host}/${name}-there`;
  expect(await promote(`${host}/${name}:v1`, target)).toMatchObject({ code: 0 });
  const registriesD = join(folder, 'registries.d');
  await mkdir(registriesD);
  await writeFile(
    join(registriesD, 'default.yaml'),
    `docker:\n  ${host}:\n    use-sigstore-attachments: true\n`,
  );
  const copy = async (key: string) => {
    const rule = {
      type: 'sigstoreSigned',
      keyPath: join(folder, key),
      signedIdentity: { type: 'exactRepository', dockerRepository: `${host}/${name}` },
    };
    const policy = join(folder, `policy-${key}.json`);
    await writeFile(policy, JSON.stringify({ default: [rule] }));
    const flags = [
      '--policy',
      policy,
      '--registries.d',
      registriesD,
      'copy',
      '--src-tls-verify=false',
    ];
    return skopeo([...flags, `docker://${target}:v1`, `dir:${join(folder, `copy-${key}`)}`]);
  };
  const own = await copy('own.pub');
  expect(own, own.output).toMatchObject({ code: 0 });
  expect(await copy('theirs.pub')).not.toMatchObject({ code: 0 });
});
