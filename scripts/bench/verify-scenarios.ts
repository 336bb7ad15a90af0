// The gate beside `cosign verify`: the same signed images, the same key or the same trusted root,
// the same slow registry.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { verifyingFloor } from './floor.ts';
import { actionEnvironment, peakMemory } from './measure.ts';
import { plantingKey, plantSigned } from './plant.ts';
import {
  type BenchRegistry,
  type BenchWorld,
  freshImages,
  type Pair,
  type Scenario,
} from './scenarios.ts';
import type { Row } from './size.ts';

const execute = promisify(execFile);
const key = plantingKey();

interface Planted {
  readonly label: string;
  readonly images: number;
  readonly signatures: number;
  readonly registry: (world: BenchWorld) => BenchRegistry;
  /** measured beside a bare program as well */
  readonly floor?: boolean;
}

/** Fresh signed images; their references through the proxy. */
async function plant(
  world: BenchWorld,
  { label, images, signatures, registry }: Planted,
  run: string,
): Promise<readonly string[]> {
  const { direct, slow } = registry(world);
  const tag = direct === world.withoutReferrers.direct;
  const repository = `bench/${label}`;
  const references: string[] = [];
  for (let index = 0; index < images; index++) {
    const seed = `${label} ${run} ${index} ${Date.now()}`;
    references.push(
      `${slow}/${repository}@${await plantSigned(direct, repository, { count: signatures, seed, key: key.privateKey, tag })}`,
    );
  }
  return references;
}

const keyedInputs = (images: readonly string[]) => ({
  images: images.join('\n'),
  key: key.publicKey,
  tlog: 'ignore',
});

/** Both programs verify the same images: reading changes nothing. */
async function keyedPair(world: BenchWorld, pair: number, planted: Planted): Promise<Pair> {
  const images = await plant(world, planted, String(pair));
  const publicKey = join(world.folder, 'planted.pub');
  await writeFile(publicKey, key.publicKey);
  const { env, remove } = actionEnvironment(keyedInputs(images));
  const args = [
    'verify',
    '--key',
    publicKey,
    '--insecure-ignore-tlog=true',
    '--allow-http-registry',
    ...images,
  ];
  return {
    ours: [{ program: world.node, args: [world.entry('verify.js')], env }],
    theirs: [{ program: world.cosign, args, env: environmentOf(world) }],
    ...(planted.floor === true ? { floor: verifyingFloor(world, images, key.publicKey) } : {}),
    cleanUp: remove,
  };
}

const environmentOf = (world: BenchWorld) => ({ PATH: process.env.PATH ?? '', HOME: world.folder });

const keyed = (name: string, limit: number, planted: Planted, depth?: number): Scenario => ({
  name,
  limit,
  ...(depth === undefined ? {} : { depth }),
  prepare: (world, pair) => keyedPair(world, pair, planted),
});

/** An image that cosign 3 signed with Fulcio and Rekor v1, verified by identity and issuer. */
async function keylessPair(world: BenchWorld): Promise<Pair> {
  const need = (name: string) => process.env[name] ?? '';
  const [image = ''] = await freshImages(world.withReferrers, 'verify-keyless', 1);
  const direct = image.replace(world.withReferrers.slow, world.withReferrers.direct);
  const job = {
    GITHUB_ACTIONS: 'true',
    ...pick('ACTIONS_ID_TOKEN_REQUEST_URL'),
    ...pick('ACTIONS_ID_TOKEN_REQUEST_TOKEN'),
  };
  const cosignEnv = { ...environmentOf(world), ...job };
  const trust = ['--trusted-root', need('TRUSTED_ROOT'), '--allow-http-registry'];
  await execute(
    world.cosign,
    ['sign', '--yes', '--signing-config', need('SIGNING_CONFIG_V1'), ...trust, direct],
    { env: cosignEnv },
  );
  const { env, remove } = actionEnvironment({
    images: image,
    'trusted-root': need('TRUSTED_ROOT'),
    'certificate-identity': need('CERTIFICATE_IDENTITY'),
    'certificate-oidc-issuer': need('CERTIFICATE_OIDC_ISSUER'),
  });
  const signer = [
    ...['--certificate-identity', need('CERTIFICATE_IDENTITY')],
    ...['--certificate-oidc-issuer', need('CERTIFICATE_OIDC_ISSUER')],
  ];
  return {
    ours: [{ program: world.node, args: [world.entry('verify.js')], env }],
    theirs: [
      {
        program: world.cosign,
        args: ['verify', ...signer, ...trust, image],
        env: environmentOf(world),
      },
    ],
    cleanUp: remove,
  };
}

const pick = (name: string) => ({ [name]: process.env[name] ?? '' });
const referrers = (world: BenchWorld) => world.withReferrers;
const tags = (world: BenchWorld) => world.withoutReferrers;

export const verifyScenarios: readonly Scenario[] = [
  keyed(
    'verify, key, one image',
    0.55,
    { label: 'verify-one', images: 1, signatures: 1, registry: referrers, floor: true },
    3,
  ),
  keyed(
    'verify, key, one image, no referrers API',
    0.55,
    { label: 'verify-tag', images: 1, signatures: 1, registry: tags },
    3,
  ),
  { name: 'verify, keyless, one image', limit: 0.55, depth: 3, prepare: keylessPair },
  keyed('verify 100 signatures', 0.06, {
    label: 'verify-hundred',
    images: 1,
    signatures: 100,
    registry: referrers,
    floor: true,
  }),
  keyed('verify 20 images', 0.1, {
    label: 'verify-twenty',
    images: 20,
    signatures: 1,
    registry: referrers,
  }),
  { name: 'promote, key, one image; cosign: verify, oras cp', limit: 1, prepare: promotePair },
];

/** Copies a signed image to another repository, verified here and there. */
async function promotePair(world: BenchWorld, pair: number): Promise<Pair> {
  const planted = { label: 'promote', images: 1, signatures: 1, registry: tags };
  const [ours = ''] = await plant(world, planted, `ours ${pair}`);
  const [theirs = ''] = await plant(world, planted, `theirs ${pair}`);
  const target = `${world.withoutReferrers.slow}/bench/promoted-${pair}`;
  const publicKey = join(world.folder, 'planted.pub');
  await writeFile(publicKey, key.publicKey);
  const { env, remove } = actionEnvironment({ ...keyedInputs([ours]), to: `${target}-ours:1` });
  const verify = (image: string) => ({
    program: world.cosign,
    args: [
      ...['verify', '--key', publicKey, '--insecure-ignore-tlog=true', '--allow-http-registry'],
      image,
    ],
    env: environmentOf(world),
  });
  const copy = ['cp', '--recursive', '--from-plain-http', '--to-plain-http'];
  return {
    ours: [{ program: world.node, args: [world.entry('promote.js')], env }],
    theirs: [
      verify(theirs),
      { program: world.oras, args: [...copy, theirs, `${target}:1`], env: environmentOf(world) },
      verify(`${target}:1`),
    ],
    cleanUp: remove,
  };
}

/** Peak memory of a gate that reads and judges a thousand signatures. */
export async function verifyMemory(world: BenchWorld): Promise<Row> {
  const images = await plant(
    world,
    { label: 'verify-thousand', images: 1, signatures: 1000, registry: tags },
    'memory',
  );
  const { env, remove } = actionEnvironment(keyedInputs(images));
  const peak = await peakMemory(world.node, [world.entry('verify.js')], env);
  remove();
  return {
    name: 'peak memory, gate, 1,000 signatures',
    value: `${peak.toFixed(0)} MiB`,
    limit: '≤ 200 MiB',
    ok: peak <= 200,
  };
}
