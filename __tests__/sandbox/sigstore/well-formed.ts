import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { dsse } from '@sigstore/core';
import { anyRsaPair } from '../rsa-keys.ts';
import { boolean, integer, nothing, octetString, oid, sequence } from './der.ts';
import { type HashName, newEcKey, spkiOf } from './keys.ts';

// Requests as a good client makes them; the parity table bends them.

export type Json = Record<string, unknown>;

/** What a client must know of a Sigstore, real or sandbox. */
export interface World {
  readonly fulcioUrl: string;
  readonly rekorUrl: string;
  readonly rekor2Url: string;
  readonly timestampUrl: string;
  readonly oidcUrl: string;
  readonly idTokenRequestUrl: string;
  readonly idTokenRequestToken: string;
}

export type KeyName =
  | 'P-256'
  | 'P-384'
  | 'P-521'
  | 'secp256k1'
  | 'rsa-1024'
  | 'rsa-2048'
  | 'ed25519';

const keys = new Map<KeyName, KeyObject>();

/** A private key of a kind; the same one whenever it is asked for. */
export function keyOf(name: KeyName): KeyObject {
  const known = keys.get(name) ?? newKey(name);
  keys.set(name, known);
  return known;
}

function newKey(name: KeyName): KeyObject {
  if (name.startsWith('rsa')) return anyRsaPair(Number(name.slice(4))).privateKey;
  if (name === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  return name === 'P-256' ? newEcKey() : generateKeyPairSync('ec', { namedCurve: name }).privateKey;
}

export const publicPem = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
export const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
type Encoding = 'der' | 'ieee-p1363';
const signed = (
  hash: HashName | null,
  data: Uint8Array,
  key: KeyObject,
  dsaEncoding: Encoding = 'der',
): string =>
  base64(sign(key.asymmetricKeyType === 'ed25519' ? null : hash, data, { key, dsaEncoding }));

/** Asks the issuer for a token with these parameters, as an action on a runner does. */
export async function askToken(
  world: World,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string> {
  const email = parameters.email !== undefined;
  const url = new URL(
    email ? world.idTokenRequestUrl.replace('127.0.0.1', 'localhost') : world.idTokenRequestUrl,
  );
  for (const [name, value] of Object.entries({ audience: 'sigstore', ...parameters }))
    url.searchParams.set(name, value);
  const response = await fetch(url, {
    headers: { authorization: `bearer ${world.idTokenRequestToken}` },
  });
  return ((await response.json()) as { value: string }).value;
}

/** A certificate request: the key signs the token's subject or e-mail address. */
export function certificateRequest(
  token: string,
  key: KeyObject = keyOf('P-256'),
  hash: HashName | null = 'sha256',
): Json {
  const { email, sub = '' } = JSON.parse(
    Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
  ) as {
    email?: string;
    sub?: string;
  };
  return {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicPem(key) },
      proofOfPossession: signed(hash, Buffer.from(email ?? sub), key),
    },
  };
}

/** An envelope over a payload that was never there before. */
export function envelope(
  key: KeyObject = keyOf('P-256'),
  hash: HashName | null = 'sha256',
): Json & { payload: string; signatures: { sig: string }[] } {
  const payloadType = 'application/vnd.in-toto+json';
  const payload = Buffer.from(JSON.stringify({ unique: randomBytes(8).toString('hex') }));
  const sig = signed(hash, dsse.preAuthEncoding(payloadType, payload), key);
  return { payloadType, payload: payload.toString('base64'), signatures: [{ sig }] };
}

/** A `dsse` entry for Rekor v1. `verifier` is PEM. */
export function dsseEntry(
  content: object = envelope(),
  verifier: string = publicPem(keyOf('P-256')),
): Json {
  return {
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: { proposedContent: { envelope: JSON.stringify(content), verifiers: [base64(verifier)] } },
  };
}

/** A `hashedrekord` entry for Rekor v1. `verifier` is PEM. */
export function hashedRekord(
  key: KeyObject = keyOf('P-256'),
  hash: HashName = 'sha256',
  verifier: string = publicPem(key),
  encoding?: Encoding,
): Json {
  const data = randomBytes(16);
  const value = createHash(hash).update(data).digest('hex');
  const content = signed(hash, data, key, encoding);
  return {
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: hash, value } },
      signature: { content, publicKey: { content: base64(verifier) } },
    },
  };
}

/** A request for Rekor v2. `verifier` is the DER of a certificate instead of the key. */
export function hashedRekordRequest(
  key: KeyObject,
  hash: HashName,
  keyDetails: string,
  certificate?: Uint8Array,
  encoding?: Encoding,
): Json {
  const data = randomBytes(16);
  const digest = createHash(hash).update(data).digest('base64');
  const content = signed(hash, data, key, encoding);
  const verifier = certificate
    ? { x509Certificate: { rawBytes: base64(certificate) } }
    : { publicKey: { rawBytes: base64(spkiOf(key)) } };
  return {
    hashedRekordRequestV002: {
      digest,
      signature: { content, verifier: { ...verifier, keyDetails } },
    },
  };
}

export const hashes = {
  sha256: { id: '2.16.840.1.101.3.4.2.1', length: 32 },
  sha384: { id: '2.16.840.1.101.3.4.2.2', length: 48 },
  sha512: { id: '2.16.840.1.101.3.4.2.3', length: 64 },
  sha224: { id: '2.16.840.1.101.3.4.2.4', length: 28 },
  sha1: { id: '1.3.14.3.2.26', length: 20 },
  md5: { id: '1.2.840.113549.2.5', length: 16 },
};

export interface QueryParts {
  readonly hash?: keyof typeof hashes;
  readonly digest?: Uint8Array;
  readonly version?: number;
  readonly policy?: string;
  readonly nonce?: Uint8Array | false;
  readonly certificates?: boolean;
  readonly rest?: Uint8Array;
}

/** A timestamp query (RFC 3161) in DER, with a nonce and the wish for certificates. */
export function timestampQuery(parts: QueryParts = {}): Buffer {
  const {
    hash = 'sha256',
    version = 1,
    policy,
    certificates = true,
    rest,
    nonce = randomBytes(8).fill(0x11, 0, 1),
  } = parts;
  const { digest = Buffer.alloc(hashes[hash].length, 7) } = parts;
  return sequence(
    integer(version),
    sequence(sequence(oid(hashes[hash].id), nothing()), octetString(digest)),
    ...(policy ? [oid(policy)] : []),
    ...(nonce ? [integer(nonce)] : []),
    ...(certificates ? [boolean(true)] : []),
    ...(rest ? [rest] : []),
  );
}
