// Keyless signing, ours and cosign 3 with the same signing config: Fulcio, both Rekors and the
// timestamp authority behind the same slow proxy as the registry. Both ask the issuer of tokens as
// a job on GitHub does; it is not slowed down.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DelayProxyProcess, startDelayProxyProcess } from '../../__tests__/sandbox/proxy.ts';
import { runAction } from '../../__tests__/sandbox/runner.ts';
import { actionEnvironment, median, timed } from './measure.ts';
import { type BenchWorld, freshImages, type Pair, type Scenario } from './scenarios.ts';
import type { Row } from './size.ts';

type ConfigName = 'v1' | 'v1_tsa' | 'v2' | 'tsa';

/** The services behind their proxies. */
export interface SlowServices {
  /** path of a signing config that names the proxies */
  config(name: ConfigName): string;
  readonly proxies: readonly DelayProxyProcess[];
  /** certificates asked of Fulcio since the last reset */
  certificates(): Promise<number>;
  /** milliseconds that Rekor v2 has answered for since the last reset */
  waiting(): Promise<number>;
}

/**
 * Starts a proxy for each service of the Sigstore in the environment, and writes signing configs
 * that name them into `folder`.
 */
export async function slowServices(
  folder: string,
  need: (name: string) => string,
): Promise<SlowServices> {
  const origins = ['FULCIO_URL', 'REKOR_URL', 'REKOR2_URL', 'TSA_URL'].map(
    (name) => new URL(need(name)).origin,
  );
  const proxies = await Promise.all(
    origins.map((origin) => startDelayProxyProcess({ target: new URL(origin).host })),
  );
  const config = (name: ConfigName) => join(folder, `slow_signing_config_${name}.json`);
  for (const name of ['v1', 'v1_tsa', 'v2', 'tsa'] as const) {
    const given = await readFile(need(`SIGNING_CONFIG_${name.toUpperCase()}`), 'utf8');
    const slow = origins.reduce(
      (text, origin, index) => text.replaceAll(origin, proxies[index]?.url ?? ''),
      given,
    );
    await writeFile(config(name), slow);
  }
  const certificates = async () =>
    (await proxies[0]?.statistics())?.log.filter(({ path }) => path.endsWith('/signingCert'))
      .length ?? 0;
  const waiting = async () => {
    const { log = [] } = (await proxies[2]?.statistics()) ?? {};
    return log
      .filter(({ method }) => method === 'POST')
      .reduce((sum, { start, end }) => sum + end - start, 0);
  };
  return { config, proxies, certificates, waiting };
}

const jobVariables = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'] as const;
const job = () => Object.fromEntries(jobVariables.map((name) => [name, process.env[name] ?? '']));
const trustedRoot = () => process.env.TRUSTED_ROOT ?? '';

interface Keyless {
  readonly label: string;
  readonly images: number;
  readonly config: ConfigName;
  readonly inputs: Readonly<Record<string, string>>;
  readonly alsoVerify?: boolean;
}

async function keylessPair(
  world: BenchWorld,
  pair: number,
  { label, images, config, inputs, alsoVerify = false }: Keyless,
): Promise<Pair> {
  const registry = alsoVerify ? world.withoutReferrers : world.withReferrers;
  const ours = await freshImages(registry, `${label}-ours-${pair}`, images);
  const theirs = await freshImages(registry, `${label}-theirs-${pair}`, images);
  const signingConfig = world.services.config(config);
  const { env, remove } = actionEnvironment(
    {
      images: ours.join('\n'),
      'signing-config': signingConfig,
      'trusted-root': trustedRoot(),
      ...inputs,
    },
    job(),
  );
  const cosign = (args: readonly string[]) => ({
    program: world.cosign,
    args: [...args, '--trusted-root', trustedRoot(), '--allow-http-registry', ...theirs],
    env: { PATH: process.env.PATH ?? '', HOME: world.folder, GITHUB_ACTIONS: 'true', ...job() },
  });
  const signer = [
    ...['--certificate-identity', process.env.CERTIFICATE_IDENTITY ?? ''],
    ...['--certificate-oidc-issuer', process.env.CERTIFICATE_OIDC_ISSUER ?? ''],
  ];
  return {
    ours: [{ program: world.node, args: [world.entry('sign.js')], env }],
    theirs: [
      cosign(['sign', '--yes', '--signing-config', signingConfig]),
      ...(alsoVerify ? [cosign(['verify', ...signer])] : []),
    ],
    cleanUp: remove,
  };
}

const keyless = (
  name: string,
  limit: number,
  setting: Keyless,
  more: Partial<Scenario> = {},
): Scenario => ({
  name,
  limit,
  ...more,
  certificates: 1,
  prepare: (world, pair) => keylessPair(world, pair, setting),
});

const signOnly = { format: 'bundle', verify: 'false' };

export const keylessScenarios: readonly Scenario[] = [
  keyless('keyless, Rekor v1', 0.6, { label: 'kl-v1', images: 1, config: 'v1', inputs: signOnly }),
  keyless('keyless, Rekor v1 and timestamp', 0.6, {
    label: 'kl-v1-tsa',
    images: 1,
    config: 'v1_tsa',
    inputs: signOnly,
  }),
  keyless(
    'keyless, Rekor v2 and timestamp',
    0.6,
    { label: 'kl-v2', images: 1, config: 'v2', inputs: signOnly },
    { beat: 1000 },
  ),
  // The same without the time that the log takes to answer, on both sides: to see our part of it,
  // not in place of the row above.
  keyless(
    'keyless, Rekor v2 and timestamp, but its waiting',
    0.6,
    { label: 'kl-v2-apart', images: 1, config: 'v2', inputs: signOnly },
    { apartFromRekor2: true },
  ),
  keyless('keyless, default step, no referrers API; + verify', 0.6, {
    label: 'kl-default',
    images: 1,
    config: 'v1',
    inputs: {},
    alsoVerify: true,
  }),
  keyless('keyless, 10 images, Rekor v1', 0.15, {
    label: 'kl-ten',
    images: 10,
    config: 'v1',
    inputs: signOnly,
  }),
];

/**
 * JavaScript that a keyless run loads, and its start: until the first request is due, as multiples
 * of an empty Node.
 */
export async function keylessWeight(world: BenchWorld): Promise<readonly Row[]> {
  const [image = ''] = await freshImages(world.withReferrers, 'kl-load', 1);
  const inputs = {
    images: image,
    'signing-config': world.services.config('v1'),
    'trusted-root': trustedRoot(),
  };
  const { loaded = [], code, stdout } = await runAction({ inputs, env: job(), measure: true });
  if (code !== 0) throw new Error(`the measured keyless run failed:\n${stdout}`);
  const bytes = loaded.reduce((sum, { bytes: size }) => sum + size, 0);
  const ratio = await startRatio(world, inputs);
  return [
    {
      name: 'JavaScript that a keyless run loads',
      value: `${(bytes / 1000).toFixed(0)} kB`,
      limit: '≤ 1600 kB',
      ok: bytes <= 1_600_000,
    },
    {
      name: 'keyless start until a refused token, × empty Node',
      value: ratio.toFixed(2),
      limit: '≤ 6',
      ok: ratio <= 6,
    },
  ];
}

/**
 * A token that is no token is found out when everything is loaded and read, and before anything is
 * asked.
 */
async function startRatio(world: BenchWorld, inputs: Record<string, string>): Promise<number> {
  const { env, remove } = actionEnvironment({ ...inputs, 'identity-token': 'no.token.really' });
  const empty = join(env.RUNNER_TEMP ?? '', 'empty.mjs');
  await writeFile(empty, '');
  const [nothing, start]: [number[], number[]] = [[], []];
  for (let pair = 0; pair < 15; pair++) {
    nothing.push((await timed(world.node, [empty], env)).milliseconds);
    start.push((await timed(world.node, [world.entry('sign.js')], env)).milliseconds);
  }
  remove();
  return median(start) / median(nothing);
}
