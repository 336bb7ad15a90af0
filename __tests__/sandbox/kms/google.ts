// Google Cloud KMS, its token endpoints and IAM credentials as their references describe them:
// "Cloud KMS API v1" (cryptoKeyVersions.list, getPublicKey, asymmetricSign; google.rpc.Status
// errors), "Using OAuth 2.0 for Server to Server Applications", "Security Token Service API v1"
// (token), "Service Account Credentials API v1" (generateAccessToken), "Verifying end-to-end data
// integrity".
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { anyRsaPair, rsaPairOf } from '../rsa-keys.ts';
import { type Answered, type Asked, type Service, startService } from './service.ts';
import { signDigest } from './sign-digest.ts';

export interface GoogleVersion {
  readonly algorithm?: string;
  readonly state?: 'ENABLED' | 'DISABLED' | 'DESTROYED';
}

export interface GoogleOptions {
  /** versions of the one key, from 1 */
  readonly versions?: readonly GoogleVersion[];
  readonly denied?: readonly ('list' | 'getPublicKey' | 'asymmetricSign')[];
  /** what is damaged on the way */
  readonly damage?: 'signature' | 'pem' | 'digest';
  /** no token is taken any more */
  readonly expired?: boolean;
}

export const googleKey = 'projects/acme/locations/europe-west3/keyRings/images/cryptoKeys/release';
const scopes = [
  'https://www.googleapis.com/auth/cloudkms',
  'https://www.googleapis.com/auth/cloud-platform',
];

export interface FakeGoogle extends Service {
  publicKey(version: number): KeyObject;
  /** the file that a service account's key comes in */
  readonly serviceAccountFile: string;
  /** the file that google-github-actions/auth writes for workload identity federation */
  readonly externalAccountFile: string;
  /** environment of a run whose credentials file lies at `path` */
  env(path: string): Record<string, string>;
  /** secrets that no log may show */
  readonly secrets: readonly string[];
}

export async function startGoogle(options: GoogleOptions = {}): Promise<FakeGoogle> {
  const [account, github] = await Promise.all([
    rsaPairOf('a Google service account'),
    rsaPairOf('the issuer of GitHub'),
  ]);
  const versions = (options.versions ?? [{}]).map((version) => ({
    ...version,
    pair: pairOf(version.algorithm ?? 'EC_SIGN_P256_SHA256'),
  }));
  const email = 'sign-images@acme.iam.gserviceaccount.com';
  const audience =
    '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/providers/github';
  const requestToken = randomBytes(24).toString('hex');
  const tokens = new Set<string>();
  const federated = new Set<string>();
  const secrets: string[] = [requestToken];
  const issue = (into: Set<string>) => {
    const token = `ya29.${randomBytes(24).toString('base64url')}`;
    into.add(token);
    secrets.push(token);
    return token;
  };
  const oauth = async ({ body }: Asked): Promise<Answered> => {
    const form = new URLSearchParams(body.toString());
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return { status: 400, body: { error: 'unsupported_grant_type' } };
    try {
      const { payload } = await jwtVerify(form.get('assertion') ?? '', account.publicKey, {
        issuer: email,
        audience: `${service.origin}/token`,
        algorithms: ['RS256'],
      });
      if (
        payload.exp === undefined ||
        payload.iat === undefined ||
        payload.exp - payload.iat > 3600
      )
        throw new Error('lifetime');
      if (!scopes.includes(String(payload.scope)))
        return { status: 400, body: { error: 'invalid_scope' } };
    } catch {
      return {
        status: 400,
        body: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' },
      };
    }
    return {
      status: 200,
      body: { access_token: issue(tokens), expires_in: 3599, token_type: 'Bearer' },
    };
  };
  const sts = async ({ body }: Asked): Promise<Answered> => {
    const form = new URLSearchParams(body.toString());
    const right =
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange' &&
      form.get('audience') === audience &&
      form.get('subject_token_type') === 'urn:ietf:params:oauth:token-type:jwt' &&
      form.get('requested_token_type') === 'urn:ietf:params:oauth:token-type:access_token' &&
      scopes.includes(form.get('scope') ?? '');
    if (!right) return { status: 400, body: { error: 'invalid_request' } };
    try {
      await jwtVerify(form.get('subject_token') ?? '', github.publicKey, {
        audience: `https:${audience}`,
        issuer: 'https://token.actions.githubusercontent.com',
      });
    } catch {
      return { status: 400, body: { error: 'invalid_grant' } };
    }
    return {
      status: 200,
      body: {
        access_token: issue(federated),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: 3599,
      },
    };
  };
  const impersonate = ({ headers, body }: Asked): Answered => {
    if (!federated.has(String(headers.authorization).slice(7))) return rpc(401, 'UNAUTHENTICATED');
    const { scope } = JSON.parse(body.toString());
    if (!Array.isArray(scope) || !scopes.includes(scope[0])) return rpc(400, 'INVALID_ARGUMENT');
    return {
      status: 200,
      body: {
        accessToken: issue(tokens),
        expireTime: new Date(Date.now() + 3600_000).toISOString(),
      },
    };
  };
  const oidc = async ({ headers, url }: Asked): Promise<Answered> => {
    if (headers.authorization !== `Bearer ${requestToken}`) return { status: 401, body: {} };
    const token = new SignJWT({})
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer('https://token.actions.githubusercontent.com')
      .setAudience(url.searchParams.get('audience') ?? '')
      .setExpirationTime('5 minutes');
    const value = await token.sign(github.privateKey);
    secrets.push(value);
    return { status: 200, body: { value } };
  };
  const kms = ({ headers, url, method, body }: Asked): readonly [string, Answered] => {
    const path = decodeURIComponent(url.pathname).slice('/v1/'.length);
    const [, number = '', what = ''] =
      new RegExp(`^${googleKey}/cryptoKeyVersions/(\\d+)(/publicKey|:asymmetricSign)$`).exec(
        path,
      ) ?? [];
    const name =
      what === '/publicKey'
        ? 'getPublicKey'
        : what === ':asymmetricSign'
          ? 'asymmetricSign'
          : path === `${googleKey}/cryptoKeyVersions`
            ? 'list'
            : '?';
    if (options.expired || !tokens.has(String(headers.authorization).replace(/^Bearer /, '')))
      return [name, rpc(401, 'UNAUTHENTICATED')];
    if (name === '?') return [name, rpc(404, 'NOT_FOUND')];
    if (options.denied?.includes(name)) return [name, rpc(403, 'PERMISSION_DENIED')];
    if (name === 'list') {
      const all = versions.map(
        ({ state = 'ENABLED', algorithm = 'EC_SIGN_P256_SHA256' }, index) => ({
          name: `${googleKey}/cryptoKeyVersions/${index + 1}`,
          state,
          algorithm,
          protectionLevel: 'SOFTWARE',
        }),
      );
      const listed =
        url.searchParams.get('filter') === 'state=ENABLED'
          ? all.filter(({ state }) => state === 'ENABLED')
          : all;
      return [name, { status: 200, body: { cryptoKeyVersions: listed, totalSize: listed.length } }];
    }
    const version = versions[Number(number) - 1];
    if (version === undefined) return [name, rpc(404, 'NOT_FOUND')];
    if ((version.state ?? 'ENABLED') !== 'ENABLED')
      return [
        name,
        rpc(400, 'FAILED_PRECONDITION', `is not enabled, current state is: ${version.state}.`),
      ];
    const full = `${googleKey}/cryptoKeyVersions/${number}`;
    const algorithm = version.algorithm ?? 'EC_SIGN_P256_SHA256';
    if (name === 'getPublicKey' && method === 'GET') {
      const pem = version.pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      return [
        name,
        {
          status: 200,
          body: {
            pem: options.damage === 'pem' ? pem.replace('M', 'N') : pem,
            algorithm,
            pemCrc32c: crc(Buffer.from(pem)),
            name: full,
            protectionLevel: 'SOFTWARE',
          },
        },
      ];
    }
    if (method !== 'POST' || !algorithm.includes('SIGN'))
      return [name, rpc(400, 'INVALID_ARGUMENT')];
    const asked = JSON.parse(body.toString());
    const hash = algorithm.endsWith('SHA384')
      ? 'sha384'
      : algorithm.endsWith('SHA512')
        ? 'sha512'
        : 'sha256';
    const digest = Buffer.from(String(asked.digest?.[hash]), 'base64');
    if (digest.length !== Number(hash.slice(3)) / 8) return [name, rpc(400, 'INVALID_ARGUMENT')];
    if (String(asked.digestCrc32c) !== crc(digest))
      return [name, rpc(400, 'INVALID_ARGUMENT', 'The checksum in digest_crc32c does not match')];
    const signature = signDigest(version.pair.privateKey, digest, hash);
    const sent = Buffer.from(signature);
    if (options.damage === 'signature') sent[sent.length - 1] = (sent.at(-1) as number) ^ 1;
    return [
      name,
      {
        status: 200,
        body: {
          signature: sent.toString('base64'),
          signatureCrc32c: crc(signature),
          verifiedDigestCrc32c: options.damage !== 'digest',
          name: full,
          protectionLevel: 'SOFTWARE',
        },
      },
    ];
  };
  const handle = async (asked: Asked): Promise<readonly [string, Answered]> => {
    const { pathname } = asked.url;
    if (pathname === '/token') return ['token', await oauth(asked)];
    if (pathname === '/sts') return ['sts', await sts(asked)];
    if (pathname === '/oidc') return ['oidc', await oidc(asked)];
    if (pathname === `/iam/${email}:generateAccessToken`)
      return ['generateAccessToken', impersonate(asked)];
    return kms(asked);
  };
  const service: Service = await startService(handle);
  const privatePem = account.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  secrets.push(privatePem);
  return Object.assign(service, {
    publicKey: (version: number) => versions[version - 1]?.pair.publicKey as KeyObject,
    serviceAccountFile: JSON.stringify({
      type: 'service_account',
      project_id: 'acme',
      private_key_id: 'k1',
      private_key: privatePem,
      client_email: email,
      client_id: '1',
      token_uri: `${service.origin}/token`,
      universe_domain: 'googleapis.com',
    }),
    externalAccountFile: JSON.stringify({
      type: 'external_account',
      audience,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${service.origin}/sts`,
      service_account_impersonation_url: `${service.origin}/iam/${email}:generateAccessToken`,
      credential_source: {
        url: `${service.origin}/oidc?api-version=2.0&audience=${encodeURIComponent(`https:${audience}`)}`,
        headers: { Authorization: `Bearer ${requestToken}` },
        format: { type: 'json', subject_token_field_name: 'value' },
      },
    }),
    env: (path: string) => ({
      GOOGLE_APPLICATION_CREDENTIALS: path,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: `${service.origin}/`,
    }),
    secrets,
  });
}

function pairOf(algorithm: string) {
  if (algorithm.startsWith('RSA')) return anyRsaPair();
  return generateKeyPairSync('ec', { namedCurve: algorithm.includes('P384') ? 'P-384' : 'P-256' });
}

function rpc(code: number, status: string, message = status): Answered {
  return { status: code, body: { error: { code, message, status, details: [] } } };
}

/** CRC-32C bit by bit, from RFC 9260, appendix A; int64 is a text in Google's JSON. */
export function crc(bytes: Uint8Array): string {
  let value = 0xffffffffn;
  for (const byte of bytes) {
    value ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      value = value & 1n ? (value >> 1n) ^ 0x82f63b78n : value >> 1n;
  }
  return String(value ^ 0xffffffffn);
}
