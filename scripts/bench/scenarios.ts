// What is measured, and against what: pairs of commands that do the same work for the same number
// of fresh images.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pushImage } from '../../__tests__/sandbox/images.ts';
import { signingFloor } from './floor.ts';
import type { SlowServices } from './keyless.ts';
import { actionEnvironment } from './measure.ts';

const execute = promisify(execFile);

/** A registry as it is, and behind the slow proxy. */
export interface BenchRegistry {
  readonly direct: string;
  readonly slow: string;
}

export interface BenchWorld {
  readonly folder: string;
  readonly node: string;
  readonly entry: (name: string) => string;
  readonly cosign: string;
  readonly oras: string;
  readonly withReferrers: BenchRegistry;
  readonly withoutReferrers: BenchRegistry;
  readonly keyPassword: string;
  readonly services: SlowServices;
  readonly read: (file: string) => Promise<string>;
  readonly reset: () => Promise<void>;
  readonly counts: () => Promise<{ requests: number; depth: number }>;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Record<string, string | undefined>;
}

export interface Pair {
  readonly ours: readonly Command[];
  readonly theirs: readonly Command[];
  /** a bare program that does the same work (floor.mjs) */
  readonly floor?: Command;
  readonly cleanUp: () => void;
}

export interface Scenario {
  readonly name: string;
  /** ours / theirs, at the most */
  readonly limit: number;
  /** ours / floor, at the most */
  readonly floorLimit?: number;
  /** as many pairs are enough, where each takes long */
  readonly pairs?: number;
  /** sequential requests of ours, at the most */
  readonly depth?: number;
  /** certificates that ours asks of Fulcio, exactly */
  readonly certificates?: number;
  /**
   * the log answers once in so many milliseconds, so each program starts at the same places of that
   * beat: a program started when another was answered waits for nearly a whole one
   */
  readonly beat?: number;
  /** leaves out the time that Rekor v2 took to answer, of both */
  readonly apartFromRekor2?: boolean;
  prepare(world: BenchWorld, pair: number): Promise<Pair>;
}

let key: Promise<string> | undefined;

/** A key pair that cosign 3 made; its prefix. */
export function keyPair(world: BenchWorld): Promise<string> {
  key ??= (async () => {
    const prefix = join(world.folder, 'bench');
    await execute(world.cosign, ['generate-key-pair', '--output-key-prefix', prefix], {
      env: cosignEnvironment(world),
    });
    return prefix;
  })();
  return key;
}

export function cosignEnvironment(world: BenchWorld): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: world.folder, COSIGN_PASSWORD: world.keyPassword };
}

/** Pushes fresh images past the proxy and returns their references through it. */
export async function freshImages(
  registry: BenchRegistry,
  label: string,
  count: number,
): Promise<readonly string[]> {
  const images = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      pushImage(registry.direct, `bench/${label}`, { seed: `${label} ${index} ${Date.now()}` }),
    ),
  );
  return images.map(({ digest }) => `${registry.slow}/bench/${label}@${digest}`);
}

const withoutLog = [
  '--tlog-upload=false',
  '--use-signing-config=false',
  '--allow-http-registry',
  '--yes',
];

interface Keyed {
  readonly label: string;
  readonly images: number;
  readonly registry: (world: BenchWorld) => BenchRegistry;
  readonly inputs: Record<string, string>;
  /** theirs checks what it wrote, as ours does by itself */
  readonly alsoVerify?: boolean;
  /** an attestation of this document, in place of a signature */
  readonly document?: string;
  /** what a bare program does for the same images */
  readonly floor?: 'sign' | 'step';
}

const type = 'https://example.com/scan/v1';

/** Signing with a key and without a log, as both do it in one step of a job. */
async function keyedPair(
  world: BenchWorld,
  pair: number,
  { label, images, registry, inputs, alsoVerify = false, document, floor }: Keyed,
): Promise<Pair> {
  const prefix = await keyPair(world);
  const ours = await freshImages(registry(world), `${label}-ours-${pair}`, images);
  const theirs = await freshImages(registry(world), `${label}-theirs-${pair}`, images);
  const bare =
    floor &&
    signingFloor(world, floor, await freshImages(registry(world), `${label}-floor`, images));
  const file = join(world.folder, 'document.json');
  if (document !== undefined) await writeFile(file, document);
  const { env, remove } = actionEnvironment({
    ...(document === undefined ? {} : { 'predicate-type': type, predicate: file }),
    images: ours.join('\n'),
    key: await world.read(`${prefix}.key`),
    'key-password': world.keyPassword,
    tlog: 'false',
    ...inputs,
  });
  const cosignEnv = cosignEnvironment(world);
  const cosign = (args: readonly string[]) => ({ program: world.cosign, args, env: cosignEnv });
  const isAttested = document !== undefined;
  const verify = [
    ...(isAttested ? ['verify-attestation', '--type', type] : ['verify']),
    '--key',
    `${prefix}.pub`,
    '--insecure-ignore-tlog=true',
    '--allow-http-registry',
    ...theirs,
  ];
  return {
    ours: [
      {
        program: world.node,
        args: [world.entry(isAttested ? 'attest.js' : 'sign.js')],
        env,
      },
    ],
    theirs: [
      cosign([
        ...(isAttested ? ['attest', '--predicate', file, '--type', type] : ['sign']),
        '--key',
        `${prefix}.key`,
        ...withoutLog,
        ...theirs,
      ]),
      ...(alsoVerify ? [cosign(verify)] : []),
    ],
    ...(bare === undefined ? {} : { floor: bare }),
    cleanUp: remove,
  };
}

const keyed = (
  name: string,
  limit: number,
  setting: Keyed,
  more: Partial<Scenario> = {},
): Scenario => ({
  name,
  limit,
  ...more,
  prepare: (world, pair) => keyedPair(world, pair, setting),
});

const bundleOnly = { format: 'bundle', verify: 'false' };
const referrers = (world: BenchWorld) => world.withReferrers;
const tags = (world: BenchWorld) => world.withoutReferrers;

export const scenarios: readonly Scenario[] = [
  keyed(
    'sign, key, bundle, referrers API',
    0.45,
    { label: 'one', images: 1, registry: referrers, inputs: bundleOnly, floor: 'sign' },
    { depth: 4, floorLimit: 1.08 },
  ),
  keyed('default step, no referrers API; sign + verify', 0.45, {
    label: 'default',
    images: 1,
    registry: tags,
    inputs: {},
    alsoVerify: true,
    floor: 'step',
  }),
  keyed('sign 10, key, bundle', 0.1, {
    label: 'ten',
    images: 10,
    registry: referrers,
    inputs: bundleOnly,
    floor: 'sign',
  }),
  keyed(
    'sign 50, key, bundle',
    0.05,
    { label: 'fifty', images: 50, registry: referrers, inputs: bundleOnly, floor: 'sign' },
    { pairs: 1 },
  ),
  keyed('attest, key, bundle, referrers API', 0.5, {
    label: 'attest',
    images: 1,
    registry: referrers,
    inputs: bundleOnly,
    document: JSON.stringify({
      found: Array.from({ length: 500 }, (_, n) => ({ id: `CVE-${n}` })),
    }),
  }),
  keyed('default step, no referrers API; attest + verify', 0.5, {
    label: 'attest-default',
    images: 1,
    registry: tags,
    inputs: {},
    alsoVerify: true,
    document: '{}',
  }),
];
