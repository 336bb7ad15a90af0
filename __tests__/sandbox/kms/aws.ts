// AWS KMS and STS as their references describe them: "AWS KMS API Reference" (GetPublicKey, Sign,
// Common Errors, Throttling), "AWS STS API Reference" (AssumeRoleWithWebIdentity), "AWS Signature
// Version 4 for API requests". Signatures are recomputed here with node:crypto alone.
import { createHash, createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { TestCertificates } from '../certificates.ts';
import { anyRsaPair } from '../rsa-keys.ts';
import { type Answered, type Asked, type Service, startService } from './service.ts';
import { signDigest } from './sign-digest.ts';

export type AwsKeySpec =
  | 'ECC_NIST_P256'
  | 'ECC_NIST_P384'
  | 'ECC_NIST_P521'
  | 'ECC_SECG_P256K1'
  | 'RSA_2048'
  | 'SYMMETRIC_DEFAULT';

export interface AwsKey {
  readonly id: string;
  readonly aliases?: readonly string[];
  readonly spec?: AwsKeySpec;
  readonly usage?: 'SIGN_VERIFY' | 'ENCRYPT_DECRYPT';
  readonly state?: 'Enabled' | 'Disabled' | 'PendingDeletion';
  /** what the policy of the key does not allow */
  readonly denied?: readonly string[];
}

export interface AwsOptions {
  readonly region?: string;
  readonly keys: readonly AwsKey[];
  /** seconds that this service's clock is ahead */
  readonly skew?: number;
  /** the session has ended */
  readonly expired?: boolean;
  readonly tls?: TestCertificates;
  /** what AssumeRoleWithWebIdentity takes */
  readonly webIdentity?: { readonly role: string; readonly token: string };
  /** changes the signature that is answered */
  readonly damage?: (signature: Buffer) => Buffer;
}

export const awsCredentials = {
  AWS_ACCESS_KEY_ID: 'ASIASANDBOXSANDBOX00',
  AWS_SECRET_ACCESS_KEY: 'c2FuZGJveHNlY3JldC9zYW5kYm94c2VjcmV0L3g=',
  AWS_SESSION_TOKEN: 'FwoGZXIvYXdzSandboxSessionTokenSandboxSessionToken==',
};
const account = '111122223333';

interface Held extends AwsKey {
  readonly arn: string;
  readonly pair?: { publicKey: KeyObject; privateKey: KeyObject };
}

export interface FakeAws extends Service {
  publicKey(id: string): KeyObject;
  arn(id: string): string;
  /** turns an alias to another key */
  repoint(alias: string, id: string): void;
}

export async function startAws(options: AwsOptions): Promise<FakeAws> {
  const region = options.region ?? 'eu-central-1';
  const keys: Held[] = options.keys.map((key) => ({
    ...key,
    arn: `arn:aws:kms:${region}:${account}:key/${key.id}`,
    ...pairOf(key.spec ?? 'ECC_NIST_P256'),
  }));
  const turned = new Map<string, string>();
  const find = (keyId: string) => {
    const bare = keyId.startsWith('arn:')
      ? keyId.slice(`arn:aws:kms:${region}:${account}:`.length)
      : keyId;
    return keys.find(
      (key) =>
        key.id === (turned.get(bare) ?? '') ||
        (!turned.has(bare) &&
          (key.id === bare || `key/${key.id}` === bare || key.aliases?.includes(bare))),
    );
  };
  const handle = async (asked: Asked): Promise<readonly [string, Answered]> => {
    if (String(asked.headers['content-type']).startsWith('application/x-www-form-urlencoded'))
      return ['AssumeRoleWithWebIdentity', assumeRole(asked, options)];
    const operation = String(asked.headers['x-amz-target']).replace(/^TrentService\./, '');
    const problem = checkSignature(asked, region, options);
    if (problem !== undefined) return [operation, problem];
    if (
      asked.method !== 'POST' ||
      asked.url.pathname !== '/' ||
      asked.headers['content-type'] !== 'application/x-amz-json-1.1'
    )
      return [operation, failed('UnknownOperationException')];
    const body = JSON.parse(asked.body.toString());
    if (String(body.KeyId).startsWith('arn:') && body.KeyId.split(':')[3] !== region)
      return [operation, failed('NotFoundException', `Invalid arn ${body.KeyId.split(':')[3]}`)];
    const key = find(String(body.KeyId));
    if (key === undefined)
      return [operation, failed('NotFoundException', `Key '${body.KeyId}' does not exist`)];
    if (key.denied?.includes(operation))
      return [
        operation,
        failed(
          'AccessDeniedException',
          `User: arn:aws:sts::${account}:assumed-role/x is not authorized to perform: kms:${operation}`,
        ),
      ];
    if (operation === 'GetPublicKey') return [operation, publicKeyOf(key)];
    if (operation === 'Sign') return [operation, signWith(key, body, options)];
    return [operation, failed('UnknownOperationException')];
  };
  const service = await startService(handle, options.tls);
  const held = (id: string) => keys.find((key) => key.id === id) as Held;
  return Object.assign(service, {
    publicKey: (id: string) => held(id).pair?.publicKey as KeyObject,
    arn: (id: string) => held(id).arn,
    repoint: (alias: string, id: string) => void turned.set(alias, id),
  });
}

function pairOf(spec: AwsKeySpec) {
  if (spec === 'SYMMETRIC_DEFAULT') return {};
  if (spec === 'RSA_2048') return { pair: anyRsaPair() };
  const namedCurve = {
    ECC_NIST_P256: 'P-256',
    ECC_NIST_P384: 'P-384',
    ECC_NIST_P521: 'P-521',
    ECC_SECG_P256K1: 'secp256k1',
  }[spec];
  return { pair: generateKeyPairSync('ec', { namedCurve }) };
}

const algorithms: Record<AwsKeySpec, readonly string[]> = {
  ECC_NIST_P256: ['ECDSA_SHA_256'],
  ECC_NIST_P384: ['ECDSA_SHA_384'],
  ECC_NIST_P521: ['ECDSA_SHA_512'],
  ECC_SECG_P256K1: ['ECDSA_SHA_256'],
  RSA_2048: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ],
  SYMMETRIC_DEFAULT: [],
};

/** "Key states of AWS KMS keys": what a key that is not enabled answers to either operation. */
function stateProblem({ state = 'Enabled', arn }: Held): Answered | undefined {
  if (state === 'Disabled') return failed('DisabledException', `${arn} is disabled.`);
  return state === 'PendingDeletion'
    ? failed('KMSInvalidStateException', `${arn} is pending deletion.`)
    : undefined;
}

function publicKeyOf(key: Held): Answered {
  const { spec = 'ECC_NIST_P256', usage = 'SIGN_VERIFY', arn, pair } = key;
  if (pair === undefined) return failed('UnsupportedOperationException');
  const problem = stateProblem(key);
  if (problem !== undefined) return problem;
  const PublicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const may =
    usage === 'SIGN_VERIFY'
      ? { SigningAlgorithms: algorithms[spec] }
      : { EncryptionAlgorithms: ['RSAES_OAEP_SHA_256'] };
  return {
    status: 200,
    body: {
      KeyId: arn,
      PublicKey,
      KeySpec: spec,
      CustomerMasterKeySpec: spec,
      KeyUsage: usage,
      ...may,
    },
  };
}

function signWith(key: Held, body: Record<string, unknown>, { damage }: AwsOptions): Answered {
  const { spec = 'ECC_NIST_P256', usage = 'SIGN_VERIFY', arn, pair } = key;
  if (usage !== 'SIGN_VERIFY' || pair === undefined) return failed('InvalidKeyUsageException');
  const algorithm = String(body.SigningAlgorithm);
  if (!algorithms[spec].includes(algorithm))
    return failed(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${spec}.`,
    );
  const problem = stateProblem(key);
  if (problem !== undefined) return problem;
  const digest = Buffer.from(String(body.Message), 'base64');
  const bits = Number(algorithm.slice(-3));
  if (body.MessageType !== 'DIGEST' || digest.length !== bits / 8)
    return failed('ValidationException', 'Digest is invalid length for algorithm');
  const signature = signDigest(pair.privateKey, digest, `sha${bits}`);
  return {
    status: 200,
    body: {
      KeyId: arn,
      Signature: (damage?.(signature) ?? signature).toString('base64'),
      SigningAlgorithm: algorithm,
    },
  };
}

function failed(code: string, message = code): Answered {
  return { status: code === 'KMSInternalException' ? 500 : 400, body: { __type: code, message } };
}

/**
 * AWS Signature Version 4, from its documentation: canonical request, string to sign, signing key.
 */
function checkSignature(
  { method, url, headers, body }: Asked,
  region: string,
  { skew = 0, expired = false }: AwsOptions,
): Answered | undefined {
  const [, accessKey, date, scopeRegion, scopeService, list, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      String(headers.authorization),
    ) ?? [];
  if (signature === undefined) return failed('MissingAuthenticationTokenException');
  const time = String(headers['x-amz-date']);
  if (
    accessKey !== awsCredentials.AWS_ACCESS_KEY_ID ||
    headers['x-amz-security-token'] !== awsCredentials.AWS_SESSION_TOKEN
  )
    return failed(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  if (expired)
    return failed('ExpiredTokenException', 'The security token included in the request is expired');
  if (scopeRegion !== region || scopeService !== 'kms')
    return failed('InvalidSignatureException', `Credential should be scoped to a valid region.`);
  const signed = String(list).split(';');
  for (const needed of ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'])
    if (!signed.includes(needed))
      return failed('InvalidSignatureException', `'${needed}' must be a 'SignedHeader'`);
  const at = Date.parse(time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (
    Number.isNaN(at) ||
    !time.startsWith(String(date)) ||
    Math.abs(at - (Date.now() + skew * 1000)) > 5 * 60_000
  )
    return failed('InvalidSignatureException', 'Signature expired');
  const sha = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const hmac = (key: string | Buffer, data: string) =>
    createHmac('sha256', key).update(data).digest();
  const canonicalHeaders = signed
    .map((name) => `${name}:${String(headers[name]).trim().replace(/\s+/g, ' ')}\n`)
    .join('');
  const request = [
    method,
    url.pathname,
    url.search.slice(1),
    canonicalHeaders,
    list,
    sha(body),
  ].join('\n');
  const toSign = [
    'AWS4-HMAC-SHA256',
    time,
    `${date}/${region}/kms/aws4_request`,
    sha(request),
  ].join('\n');
  const key = ['aws4_request'].reduce(
    hmac,
    ['kms'].reduce(
      hmac,
      hmac(hmac(`AWS4${awsCredentials.AWS_SECRET_ACCESS_KEY}`, String(date)), region),
    ),
  );
  const wanted = createHmac('sha256', key).update(toSign).digest('hex');
  return wanted === signature
    ? undefined
    : failed(
        'InvalidSignatureException',
        `The request signature we calculated does not match. The canonical string was ${request}`,
      );
}

function assumeRole({ body, headers }: Asked, { webIdentity }: AwsOptions): Answered {
  const form = new URLSearchParams(body.toString());
  const error = (Code: string, status = 400): Answered => ({
    status,
    body: { Error: { Type: 'Sender', Code, Message: Code }, RequestId: 'r' },
  });
  if (
    headers.accept !== 'application/json' ||
    form.get('Version') !== '2011-06-15' ||
    form.get('Action') !== 'AssumeRoleWithWebIdentity'
  )
    return error('InvalidAction');
  if (form.get('RoleArn') !== webIdentity?.role || !form.get('RoleSessionName'))
    return error('AccessDenied', 403);
  if (form.get('WebIdentityToken') !== webIdentity?.token) return error('InvalidIdentityToken');
  const Credentials = {
    AccessKeyId: awsCredentials.AWS_ACCESS_KEY_ID,
    SecretAccessKey: awsCredentials.AWS_SECRET_ACCESS_KEY,
    SessionToken: awsCredentials.AWS_SESSION_TOKEN,
    Expiration: Date.now() / 1000 + 3600,
  };
  return {
    status: 200,
    body: {
      AssumeRoleWithWebIdentityResponse: {
        AssumeRoleWithWebIdentityResult: { Credentials },
        ResponseMetadata: { RequestId: 'r' },
      },
    },
  };
}
