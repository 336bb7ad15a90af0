// Vault's transit engine as its reference describes it: "Transit secrets engine (API)" (Read Key,
// Sign Data: hash algorithm in the path, prehashed, key_version, signature_algorithm,
// marshaling_algorithm), "HTTP API" (X-Vault-Token, X-Vault-Namespace, errors), "Tokens" (leases).
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Answered, type Asked, type Service, startService } from './service.ts';
import { signDigest } from './sign-digest.ts';

export interface VaultOptions {
  readonly type?: string;
  /** how often the key was rotated, and one */
  readonly versions?: number;
  readonly mount?: string;
  readonly namespace?: string;
  /** what the token's policy allows */
  readonly allowed?: readonly ('read' | 'sign')[];
  /** when the token's lease ends, in milliseconds since 1970 */
  readonly leaseEnds?: number;
  readonly minEncryptionVersion?: number;
  readonly sealed?: boolean;
  /** the version that its answers claim */
  readonly claims?: number;
}

export const vaultToken = 'hvs.CAESIJsandboxsandboxsandboxsandbox';

export interface FakeVault extends Service {
  publicKey(version: number): KeyObject;
  env(): Record<string, string>;
  rotate(): void;
}

export async function startVault(options: VaultOptions = {}): Promise<FakeVault> {
  const {
    type = 'ecdsa-p256',
    mount = 'transit',
    namespace,
    allowed = ['read', 'sign'],
    leaseEnds = Number.POSITIVE_INFINITY,
  } = options;
  const pairs = Array.from({ length: options.versions ?? 1 }, () => pairOf(type));
  const handle = async ({
    method,
    url,
    headers,
    body,
  }: Asked): Promise<readonly [string, Answered]> => {
    const what = /\/(keys|sign)\//.exec(url.pathname)?.[1] === 'sign' ? 'sign' : 'read';
    if (options.sealed) return [what, errors(503, 'Vault is sealed')];
    if (headers['x-vault-token'] !== vaultToken || Date.now() >= leaseEnds)
      return [
        what,
        errors(403, '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'),
      ];
    if (headers['x-vault-namespace'] !== namespace) return [what, errors(403, 'permission denied')];
    if (!url.pathname.startsWith(`/v1/${mount}/`))
      return [
        what,
        errors(404, `no handler for route "${url.pathname.slice(4)}". route entry not found.`),
      ];
    if (!allowed.includes(what))
      return [what, errors(403, '1 error occurred:\n\t* permission denied\n\n')];
    const path = url.pathname.slice(`/v1/${mount}/`.length);
    if (method === 'GET' && path === 'keys/release')
      return [
        what,
        {
          status: 200,
          body: {
            request_id: 'r',
            lease_id: '',
            renewable: false,
            lease_duration: 0,
            data: described(),
          },
        },
      ];
    if (method === 'GET') return [what, { status: 404, body: { errors: [] } }];
    if (method !== 'POST' || path !== 'sign/release/sha2-256')
      return [what, errors(400, 'signing key not found')];
    return [what, signed(JSON.parse(body.toString()))];
  };
  const described = () => {
    const keys = pairs.map(({ publicKey }, index) => [
      String(index + 1),
      {
        creation_time: '2026-01-01T00:00:00Z',
        name: type.replace('ecdsa-p', 'P-'),
        public_key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      },
    ]);
    return {
      type,
      keys: Object.fromEntries(keys),
      latest_version: pairs.length,
      min_available_version: 0,
      min_decryption_version: 1,
      min_encryption_version: options.minEncryptionVersion ?? 0,
      name: 'release',
      exportable: false,
      supports_signing: true,
    };
  };
  const signed = (asked: Record<string, unknown>): Answered => {
    const version = Number(asked.key_version ?? pairs.length) || pairs.length;
    const pair = pairs[version - 1];
    if (pair === undefined)
      return errors(400, 'requested version for signing is greater than the latest version');
    if (version < (options.minEncryptionVersion ?? 0))
      return errors(
        400,
        'requested version for signing is less than the minimum encryption key version',
      );
    const digest = Buffer.from(String(asked.input), 'base64');
    // Without `prehashed` it would hash the digest once more, and the signature would fit nothing.
    if (asked.prehashed !== true || digest.length !== 32)
      return errors(400, 'input is not a digest');
    if (type.startsWith('rsa') && asked.signature_algorithm !== 'pkcs1v15')
      return errors(400, 'the sandbox wants PKCS#1 v1.5: Vault would take PSS by default');
    if (type.startsWith('ecdsa') && (asked.marshaling_algorithm ?? 'asn1') !== 'asn1')
      return errors(400, 'the sandbox wants ASN.1');
    const signature = signDigest(pair.privateKey, digest, 'sha256').toString('base64');
    const claimed = options.claims ?? version;
    return {
      status: 200,
      body: {
        request_id: 'r',
        data: { signature: `vault:v${claimed}:${signature}`, key_version: claimed },
      },
    };
  };
  const service = await startService(handle);
  return Object.assign(service, {
    publicKey: (version: number) => pairs[version - 1]?.publicKey as KeyObject,
    env: () => ({
      VAULT_ADDR: service.origin,
      VAULT_TOKEN: vaultToken,
      ...(namespace === undefined ? {} : { VAULT_NAMESPACE: namespace }),
      ...(mount === 'transit' ? {} : { TRANSIT_SECRET_ENGINE_PATH: mount }),
    }),
    rotate: () => void pairs.push(pairOf(type)),
  });
}

function pairOf(type: string) {
  if (type.startsWith('rsa'))
    return generateKeyPairSync('rsa', { modulusLength: Number(type.slice(4)) });
  return generateKeyPairSync('ec', {
    namedCurve: { 'ecdsa-p384': 'P-384', 'ecdsa-p521': 'P-521' }[type] ?? 'P-256',
  });
}

function errors(status: number, message: string): Answered {
  return { status, body: { errors: [message] } };
}
