import type { KeyObject } from 'node:crypto';
import { systemClock } from '../../../src/clock.ts';
import type { Surroundings } from '../own-port.ts';
import { type Certified, newIntermediate, newRoot, newTimestamper } from './certificates.ts';
import { logIdOf } from './checkpoint.ts';
import type { FaultSwitch } from './faults.ts';
import { newFulcio } from './fulcio.ts';
import type { TrustedIssuer } from './identity-token.ts';
import { newEcKey, spkiOf } from './keys.ts';
import { defaultClaims, newOidc } from './oidc.ts';
import { newRekor1 } from './rekor1.ts';
import { newRekor2 } from './rekor2.ts';
import { type Handler, type LoggedRequest, type Service, startService } from './service.ts';
import { newTimestampAuthority } from './timestamp-authority.ts';

export interface SigstoreOptions extends Surroundings {
  /** Claims of every token, unless a request for one says otherwise. */
  readonly claims?: Readonly<Record<string, string>>;
  /** The time of every service; that of the clock by default. */
  readonly now?: () => Date;
  /** The audience that Fulcio wants. */
  readonly audience?: string;
  /** For how long Rekor v2 gathers entries before its next checkpoint. */
  readonly rekor2BatchMilliseconds?: number;
}

export type ServiceName = 'oidc' | 'fulcio' | 'rekor' | 'rekor2' | 'timestamp';
export type SigningConfigName = 'v1' | 'v1_tsa' | 'v2' | 'tsa';

/** A private Sigstore on loopback. */
export interface Sigstore {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly rekor2Url: string;
  /** The whole address, path included, as an RFC 3161 client wants it. */
  readonly timestampUrl: string;
  readonly oidcUrl: string;
  /** What a runner finds in `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. */
  readonly idTokenRequestUrl: string;
  readonly idTokenRequestToken: string;
  /** A TrustedRoot (JSON). */
  readonly trustedRoot: object;
  /**
   * SigningConfigs v0.2 (JSON): Rekor v1; Rekor v1 and a timestamp; Rekor v2 and a timestamp; a
   * timestamp alone.
   */
  readonly signingConfig: Readonly<Record<SigningConfigName, object>>;
  /** Who signs, as a verifier must state it. */
  readonly certificateIdentity: string;
  readonly issuer: string;
  /**
   * An identity token for Fulcio; any claim can be replaced, as in the query of the token address.
   */
  token(claims?: Readonly<Record<string, string>>): Promise<string>;
  readonly faults: Readonly<Record<ServiceName, FaultSwitch>>;
  /** Every request to any service, in the order of arrival. */
  readonly requests: readonly LoggedRequest[];
  close(): Promise<void>;
}

const validSince = '2024-01-01T00:00:00Z';
const idTokenRequestToken = 'sandbox-request-token';

/**
 * Starts Fulcio, both Rekors, a timestamp authority and an OIDC issuer, each on its own free port
 * of 127.0.0.1.
 */
export async function startSigstore(options: SigstoreOptions = {}): Promise<Sigstore> {
  const {
    claims = {},
    clock = systemClock,
    now = clock.date,
    audience = 'sigstore',
    rekor2BatchMilliseconds = 5,
  } = options;
  const requests: LoggedRequest[] = [];
  const surroundings = { ...options, clock, now };
  const start = (name: ServiceName, handler: Handler) =>
    startService(name, handler, requests, surroundings);
  const keys = newKeys();
  const oidc = newOidc({ requestToken: idTokenRequestToken, claims, now });
  const [oidcService, rekor, rekor2, timestamp] = await Promise.all([
    start('oidc', oidc.handler),
    start('rekor', newRekor1({ key: keys.rekor, now })),
    start(
      'rekor2',
      newRekor2({ key: keys.rekor2, batchMilliseconds: rekor2BatchMilliseconds, clock }),
    ),
    start(
      'timestamp',
      newTimestampAuthority({ root: keys.timestampRoot, authority: keys.timestamper, now }),
    ),
  ]);
  const email = oidcService.url.replace('127.0.0.1', 'localhost');
  const issuers: TrustedIssuer[] = [
    { url: oidcService.url, type: 'github-workflow', keys: oidc.publicKeys },
    { url: email, type: 'email', keys: oidc.publicKeys },
  ];
  const { root, intermediate, certificateLog } = keys;
  const fulcio = await start(
    'fulcio',
    newFulcio({ root, intermediate, certificateLog, issuers, audience, now }),
  );
  const services: Record<ServiceName, Service> = {
    oidc: oidcService,
    fulcio,
    rekor,
    rekor2,
    timestamp,
  };
  const urls = {
    oidc: oidcService.url,
    fulcio: fulcio.url,
    rekor: rekor.url,
    rekor2: rekor2.url,
    timestamp: `${timestamp.url}/api/v1/timestamp`,
  };
  const workflow = claims.job_workflow_ref ?? defaultClaims.job_workflow_ref;
  return {
    fulcioUrl: urls.fulcio,
    rekorUrl: urls.rekor,
    rekor2Url: urls.rekor2,
    timestampUrl: urls.timestamp,
    oidcUrl: urls.oidc,
    idTokenRequestUrl: `${urls.oidc}/token?api-version=2.0`,
    idTokenRequestToken,
    trustedRoot: trustedRoot(keys, urls),
    signingConfig: signingConfigs(urls),
    certificateIdentity: `https://github.com/${workflow}`,
    issuer: urls.oidc,
    token: (replaced = {}) => oidc.token({ audience, ...replaced }, urls.oidc),
    faults: Object.fromEntries(
      Object.entries(services).map(([name, { faults }]) => [name, faults]),
    ) as Record<ServiceName, FaultSwitch>,
    requests,
    close: async () =>
      void (await Promise.all(Object.values(services).map((service) => service.close()))),
  };
}

interface Keys {
  readonly root: Certified;
  readonly intermediate: Certified;
  readonly timestampRoot: Certified;
  readonly timestamper: Certified;
  readonly certificateLog: KeyObject;
  readonly rekor: KeyObject;
  readonly rekor2: KeyObject;
}

function newKeys(): Keys {
  const root = newRoot('fulcio-root', 'P-384', 1);
  const timestampRoot = newRoot('tsa-root', 'P-256', 0);
  const logs = { certificateLog: newEcKey(), rekor: newEcKey(), rekor2: newEcKey() };
  return {
    root,
    intermediate: newIntermediate('fulcio-intermediate', root),
    timestampRoot,
    timestamper: newTimestamper('tsa', timestampRoot),
    ...logs,
  };
}

type Urls = Readonly<Record<ServiceName, string>>;

/** The TrustedRoot that a private deployment hands to its verifiers. */
function trustedRoot(keys: Keys, urls: Urls): object {
  const log = (baseUrl: string, key: KeyObject): object => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: spkiOf(key).toString('base64'),
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      validFor: { start: validSince },
    },
    logId: { keyId: logIdOf(key).toString('base64') },
  });
  const authority = (uri: string, commonName: string, ...chain: Certified[]): object => ({
    subject: { organization: 'sandbox.test', commonName },
    uri,
    certChain: { certificates: chain.map(({ der }) => ({ rawBytes: der.toString('base64') })) },
    validFor: { start: validSince },
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(urls.rekor, keys.rekor), log(urls.rekor2, keys.rekor2)],
    certificateAuthorities: [authority(urls.fulcio, 'fulcio-root', keys.intermediate, keys.root)],
    ctlogs: [log(`${urls.fulcio}/ct`, keys.certificateLog)],
    timestampAuthorities: [
      authority(urls.timestamp, 'tsa-root', keys.timestamper, keys.timestampRoot),
    ],
  };
}

function signingConfigs(urls: Urls): Record<SigningConfigName, object> {
  const service = (url: string, majorApiVersion: number): object[] => [
    { url, majorApiVersion, validFor: { start: validSince }, operator: 'sandbox.test' },
  ];
  const any = { selector: 'ANY' };
  const config = (rekor: object[] | undefined, timestamp: boolean): object => ({
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: service(urls.fulcio, 1),
    oidcUrls: service(urls.oidc, 1),
    ...(rekor ? { rekorTlogUrls: rekor } : {}),
    rekorTlogConfig: rekor ? any : {},
    ...(timestamp ? { tsaUrls: service(urls.timestamp, 1) } : {}),
    tsaConfig: timestamp ? any : {},
  });
  return {
    v1: config(service(urls.rekor, 1), false),
    v1_tsa: config(service(urls.rekor, 1), true),
    // Rekor v2 gives no time: a timestamp is needed.
    v2: config(service(urls.rekor2, 2), true),
    tsa: config(undefined, true),
  };
}
