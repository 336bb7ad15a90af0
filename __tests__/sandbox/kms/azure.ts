// Azure Key Vault and Microsoft Entra ID as their references describe them: "Key Vault REST API
// 7.4" (Get Key, Get Key Versions, Sign; error bodies), "Microsoft identity platform and the OAuth
// 2.0 client credentials flow" (secret; federated credential), "Authentication, requests and
// responses" (the challenge of a 401).
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { TestCertificates } from '../certificates.ts';
import { anyRsaPair, rsaPairOf } from '../rsa-keys.ts';
import { type Answered, type Asked, type Service, startService } from './service.ts';
import { signDigest } from './sign-digest.ts';

export interface AzureVersion {
  readonly version: string;
  readonly kty?: 'EC' | 'EC-HSM' | 'RSA' | 'RSA-HSM';
  readonly crv?: 'P-256' | 'P-384' | 'P-521';
  readonly enabled?: boolean;
  readonly ops?: readonly string[];
}

export interface AzureOptions {
  /** of the key `release`, the oldest first */
  readonly versions?: readonly AzureVersion[];
  readonly denied?: readonly ('get' | 'list' | 'sign')[];
  readonly tls: TestCertificates;
  readonly expired?: boolean;
}

export interface FakeAzure extends Service {
  publicKey(version: string): KeyObject;
  /** environment of a client with a federated token, and of one with a secret */
  federatedEnv(): Promise<Record<string, string>>;
  secretEnv(): Record<string, string>;
  /** a token as the Azure CLI has it in its session */
  cliToken(): string;
  readonly secrets: readonly string[];
}

const tenant = '11111111-2222-3333-4444-555555555555';
const client = '66666666-7777-8888-9999-000000000000';

export async function startAzure(options: AzureOptions): Promise<FakeAzure> {
  const github = await rsaPairOf('the issuer of GitHub');
  const versions = (options.versions ?? [{ version: 'a1' }]).map((version, index) => ({
    ...version,
    created: 1_700_000_000 + index,
    pair: pairOf(version),
  }));
  const tokens = new Set<string>();
  const secret = randomBytes(20).toString('base64url');
  const secrets = [secret];
  const issue = () => {
    const token = `eyJ0eXAi.${randomBytes(30).toString('base64url')}.${randomBytes(20).toString('base64url')}`;
    tokens.add(token);
    secrets.push(token);
    return token;
  };
  const entra = async ({ body, method }: Asked): Promise<Answered> => {
    const form = new URLSearchParams(body.toString());
    const error = (code: number, name = 'invalid_client'): Answered => ({
      status: name === 'invalid_client' ? 401 : 400,
      body: { error: name, error_description: `AADSTS${code}: …`, error_codes: [code] },
    });
    if (method !== 'POST' || form.get('grant_type') !== 'client_credentials')
      return error(70003, 'unsupported_grant_type');
    if (form.get('client_id') !== client) return error(700016, 'unauthorized_client');
    if (form.get('scope') !== 'https://vault.azure.net/.default')
      return error(70011, 'invalid_scope');
    if (
      form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    ) {
      try {
        await jwtVerify(form.get('client_assertion') ?? '', github.publicKey, {
          issuer: 'https://token.actions.githubusercontent.com',
          subject: 'repo:acme/app:ref:refs/heads/main',
          audience: 'api://AzureADTokenExchange',
        });
      } catch {
        return error(700213);
      }
    } else if (form.get('client_secret') !== secret) return error(7000215);
    return { status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: issue() } };
  };
  const vault = ({ headers, url, method, body }: Asked): readonly [string, Answered] => {
    const [, name = '', version = '', operation = ''] =
      /^\/keys\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    const what = operation === 'sign' ? 'sign' : version === 'versions' ? 'list' : 'get';
    if (options.expired || !tokens.has(String(headers.authorization).replace(/^Bearer /, ''))) {
      const challenge = `Bearer authorization="https://login.microsoftonline.com/${tenant}", resource="https://vault.azure.net"`;
      return [what, { ...failed(401, 'Unauthorized'), headers: { 'www-authenticate': challenge } }];
    }
    if (url.searchParams.get('api-version') !== '7.4') return [what, failed(400, 'BadParameter')];
    if (options.denied?.includes(what)) return [what, failed(403, 'Forbidden', 'ForbiddenByRbac')];
    if (name !== 'release') return [what, failed(404, 'KeyNotFound')];
    const id = (of: string) => `https://${headers.host}/keys/${name}/${of}`;
    if (what === 'list')
      return [
        what,
        {
          status: 200,
          body: {
            value: versions.map(({ version: of, enabled = true, created }) => ({
              kid: id(of),
              attributes: { enabled, created },
            })),
            nextLink: null,
          },
        },
      ];
    const found =
      version === '' ? versions.at(-1) : versions.find((held) => held.version === version);
    if (found === undefined) return [what, failed(404, 'KeyNotFound')];
    const {
      kty = 'EC',
      crv = 'P-256',
      enabled = true,
      ops = ['sign', 'verify'],
      pair,
      created,
    } = found;
    if (what === 'get' && method === 'GET') {
      const jwk = pair.publicKey.export({ format: 'jwk' });
      return [
        what,
        {
          status: 200,
          body: {
            key: { ...jwk, kty, kid: id(found.version), key_ops: ops },
            attributes: { enabled, created, updated: created },
          },
        },
      ];
    }
    if (!enabled) return [what, failed(403, 'Forbidden', 'KeyDisabled')];
    if (!ops.includes('sign')) return [what, failed(403, 'Forbidden', 'KeyOperationForbidden')];
    const asked = JSON.parse(body.toString());
    const wanted = kty.startsWith('RSA')
      ? 'RS256'
      : { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[crv];
    if (method !== 'POST' || asked.alg !== wanted) return [what, failed(400, 'BadParameter')];
    if (/[^A-Za-z0-9_-]/.test(asked.value)) return [what, failed(400, 'BadParameter')];
    const digest = Buffer.from(String(asked.value), 'base64url');
    if (digest.length !== Number(String(wanted).slice(2)) / 8)
      return [what, failed(400, 'BadParameter')];
    const signature = kty.startsWith('RSA')
      ? signDigest(pair.privateKey, digest, 'sha256')
      : signDigest(pair.privateKey, digest, `sha${String(wanted).slice(2)}`, 'raw');
    return [
      what,
      { status: 200, body: { kid: id(found.version), value: signature.toString('base64url') } },
    ];
  };
  const handle = async (asked: Asked): Promise<readonly [string, Answered]> =>
    asked.url.pathname === `/${tenant}/oauth2/v2.0/token`
      ? ['token', await entra(asked)]
      : vault(asked);
  const service = await startService(handle, options.tls);
  const common = {
    AZURE_CLIENT_ID: client,
    AZURE_TENANT_ID: tenant,
    AZURE_AUTHORITY_HOST: service.origin,
  };
  return Object.assign(service, {
    publicKey: (version: string) =>
      versions.find((held) => held.version === version)?.pair.publicKey as KeyObject,
    async federatedEnv() {
      const token = new SignJWT({})
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer('https://token.actions.githubusercontent.com')
        .setSubject('repo:acme/app:ref:refs/heads/main')
        .setAudience('api://AzureADTokenExchange')
        .setExpirationTime('5 minutes');
      const AZURE_FEDERATED_TOKEN = await token.sign(github.privateKey);
      secrets.push(AZURE_FEDERATED_TOKEN);
      return { ...common, AZURE_FEDERATED_TOKEN };
    },
    secretEnv: () => ({ ...common, AZURE_CLIENT_SECRET: secret }),
    cliToken: issue,
    secrets,
  });
}

function pairOf({ kty = 'EC', crv = 'P-256' }: AzureVersion) {
  return kty.startsWith('RSA') ? anyRsaPair() : generateKeyPairSync('ec', { namedCurve: crv });
}

function failed(status: number, code: string, inner?: string): Answered {
  return {
    status,
    body: {
      error: {
        code,
        message: code,
        ...(inner === undefined ? {} : { innererror: { code: inner } }),
      },
    },
  };
}
