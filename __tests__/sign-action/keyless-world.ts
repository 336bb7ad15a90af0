// Where keyless signing is tried: a Sigstore, be it the sandbox or a real one, and registries of
// both kinds. What is asked of Fulcio and of Rekor v1 goes through counting proxies, so that both
// worlds can be counted.
import { generateKeyPairSync } from 'node:crypto';
import { type DelayProxy, startDelayProxy } from '../sandbox/proxy.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type SigningConfigName, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { realSigstore, type SigstoreWorld } from '../sigstore/world.ts';
import { type SignedOptions, type SignedRun, signed } from './signed.ts';

export type RegistryKind = 'with the referrers API' | 'without the referrers API';

export interface KeylessWorld {
  readonly sigstore: SigstoreWorld;
  /** host:port */
  readonly registries: Readonly<Record<RegistryKind, string>>;
  /** what was asked since the last `reset` of the proxies */
  readonly fulcio: DelayProxy;
  readonly rekor: DelayProxy;
  /** the signing config, with Fulcio and Rekor v1 behind their proxies */
  signingConfig(name: SigningConfigName): string;
  /**
   * what the runner gives a job with `id-token: write`; the claims replace those of the default
   * workflow
   */
  tokenRequest(claims?: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

interface Issuer {
  readonly url: string;
  readonly token: string;
}

async function openWorld(
  sigstore: SigstoreWorld,
  issuer: Issuer,
  registries: KeylessWorld['registries'],
  close: () => Promise<void>,
) {
  const counting = (url: string) =>
    startDelayProxy({ target: new URL(url).host, perResponseMs: 0, perConnectionMs: 0 });
  const [fulcio, rekor] = await Promise.all([
    counting(sigstore.fulcioUrl),
    counting(sigstore.rekorUrl),
  ]);
  const world: KeylessWorld = {
    sigstore,
    registries,
    fulcio,
    rekor,
    signingConfig: (name) =>
      JSON.stringify(sigstore.signingConfig[name])
        .replaceAll(new URL(sigstore.fulcioUrl).origin, fulcio.url)
        .replaceAll(new URL(sigstore.rekorUrl).origin, rekor.url),
    tokenRequest: (claims = {}) => ({
      ACTIONS_ID_TOKEN_REQUEST_URL: [issuer.url, new URLSearchParams(claims)]
        .filter((part) => String(part) !== '')
        .join('&'),
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: issuer.token,
    }),
    close: async () =>
      void (await Promise.all([fulcio.close(), rekor.close(), sigstore.close(), close()])),
  };
  return world;
}

/** The sandbox: a Sigstore and two registries of its own, in this process. */
export async function sandboxWorld(): Promise<KeylessWorld> {
  const [sigstore, modern, plain] = await Promise.all([
    startSigstore(),
    startRegistry({ referrersApi: true, ociSubject: true }),
    startRegistry(),
  ]);
  const registries = {
    'with the referrers API': modern.host,
    'without the referrers API': plain.host,
  };
  const issuer = { url: sigstore.idTokenRequestUrl, token: sigstore.idTokenRequestToken };
  return openWorld(
    sigstore,
    issuer,
    registries,
    async () => void (await Promise.all([modern.close(), plain.close()])),
  );
}

/** The real Sigstore and the registries whose addresses are in the environment, or in `env`. */
export async function realWorld(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KeylessWorld> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: token = '' } =
    env;
  const { REGISTRY_REFERRERS: modern = '', REGISTRY_TAGS: plain = '' } = env;
  const registries = { 'with the referrers API': modern, 'without the referrers API': plain };
  return openWorld(await realSigstore(env), { url, token }, registries, async () => undefined);
}

export interface KeylessRun extends Omit<SignedOptions, 'env'> {
  readonly config?: SigningConfigName;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly claims?: Readonly<Record<string, string>>;
  /** beside, or instead of, what a job with `id-token: write` has */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs the built action keyless in this world: as a job with `id-token: write`, with trusted root
 * and signing config given.
 */
export function signKeyless(
  world: KeylessWorld,
  images: string,
  options: KeylessRun = {},
): Promise<SignedRun> {
  const { config = 'v1', inputs = {}, claims, env, ...rest } = options;
  const given = {
    images,
    'signing-config': world.signingConfig(config),
    'trusted-root': JSON.stringify(world.sigstore.trustedRoot),
  };
  return signed(
    { ...given, ...inputs },
    { ...rest, env: { ...world.tokenRequest(claims), ...env } },
  );
}

/** A P-256 key as PEM (PKCS#8). */
export function newKeyPem(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}
