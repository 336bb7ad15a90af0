// GitHub's secrets API as its reference describes it: "REST API endpoints for GitHub Actions
// Secrets" (public key, get, create or update, delete; repository, environment, organisation) and
// "Encrypting secrets for the REST API" (libsodium's sealed box, opened here).
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { type Answered, type Asked, type Service, startService } from './service.ts';

export interface GithubOptions {
  readonly token: string;
  /** secrets that are there already: path from the root → when they were written */
  readonly existing?: Readonly<Record<string, string>>;
  readonly existingVisibility?: {
    readonly visibility: string;
    readonly selected?: readonly number[];
  };
  /** what the token may do; default: everything */
  readonly mayWrite?: boolean;
  /** takes secrets and does not keep them */
  readonly forgetful?: boolean;
  /** the name whose writing fails */
  readonly failsAt?: string;
}

export interface StoredSecret {
  readonly value: string;
  readonly visibility?: string;
  readonly selected?: readonly number[];
}

export interface FakeGithub extends Service {
  /** what was sealed, opened: path from the root → value */
  readonly stored: ReadonlyMap<string, StoredSecret>;
}

export const repositoryId = 1296269;

export async function startGithub(options: GithubOptions): Promise<FakeGithub> {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const stored = new Map<string, StoredSecret>();
  const dates = new Map(Object.entries(options.existing ?? {}));
  const handle = async ({
    method,
    url,
    headers,
    body,
  }: Asked): Promise<readonly [string, Answered]> => {
    const path = decodeURIComponent(url.pathname);
    const what = `${method} ${path}`;
    if (headers.authorization !== `token ${options.token}`)
      return [what, failed(401, 'Bad credentials')];
    if (path === '/repos/acme/app')
      return [what, { status: 200, body: { id: repositoryId, full_name: 'acme/app' } }];
    const [, base, name = '', list] =
      /^(\/repos\/acme\/app(?:\/environments\/[^/]+|\/actions)\/secrets|\/orgs\/acme\/actions\/secrets)\/([^/]+)(\/repositories)?$/.exec(
        path,
      ) ?? [];
    if (base === undefined) return [what, failed(404, 'Not Found')];
    if (name === 'public-key')
      return [
        what,
        {
          status: 200,
          body: { key_id: '3380204578043523366', key: rawKey(publicKey).toString('base64') },
        },
      ];
    if (options.mayWrite === false)
      return [what, failed(403, 'Resource not accessible by integration')];
    if (list !== undefined)
      return [
        what,
        {
          status: 200,
          body: {
            total_count: 1,
            repositories: (options.existingVisibility?.selected ?? []).map((id) => ({ id })),
          },
        },
      ];
    if (method === 'DELETE')
      return [
        what,
        dates.delete(path) && stored.delete(path)
          ? { status: 204, body: '' }
          : failed(404, 'Not Found'),
      ];
    if (method === 'GET') {
      const at = dates.get(path);
      if (at === undefined) return [what, failed(404, 'Not Found')];
      const visibility = base.startsWith('/orgs')
        ? { visibility: options.existingVisibility?.visibility ?? stored.get(path)?.visibility }
        : {};
      return [what, { status: 200, body: { name, created_at: at, updated_at: at, ...visibility } }];
    }
    if (method !== 'PUT' || !/^[A-Z_][A-Z0-9_]*$/.test(name) || name.startsWith('GITHUB_'))
      return [what, failed(422, 'Invalid name')];
    if (name === options.failsAt) return [what, failed(422, 'told to fail')];
    return [what, put(path, base, JSON.parse(body.toString()))];
  };
  const put = (path: string, base: string, asked: Record<string, unknown>): Answered => {
    if (asked.key_id !== '3380204578043523366' || typeof asked.encrypted_value !== 'string')
      return failed(422, 'Invalid request');
    const value = openSealed(Buffer.from(asked.encrypted_value, 'base64'), privateKey, publicKey);
    if (value === undefined) return failed(422, 'Secret could not be decrypted');
    const ids = asked.selected_repository_ids as number[] | undefined;
    if (
      base.startsWith('/orgs') &&
      !['all', 'private', 'selected'].includes(String(asked.visibility))
    )
      return failed(422, 'visibility is missing');
    if (asked.visibility === 'selected' && !Array.isArray(ids))
      return failed(422, 'selected_repository_ids is missing');
    const status = dates.has(path) ? 204 : 201;
    if (options.forgetful) return { status, body: status === 204 ? '' : {} };
    dates.set(path, `${new Date().toISOString().slice(0, 19)}Z`);
    stored.set(path, {
      value: value.toString(),
      ...(asked.visibility === undefined ? {} : { visibility: String(asked.visibility) }),
      ...(ids === undefined ? {} : { selected: ids }),
    });
    return { status, body: status === 204 ? '' : {} };
  };
  return Object.assign(await startService(handle), { stored });
}

/** crypto_box_seal_open; undefined when the box is not for this key, or was changed. */
export function openSealed(
  box: Buffer,
  privateKey: KeyObject,
  publicKey: KeyObject,
): Buffer | undefined {
  try {
    const ephemeral = box.subarray(0, 32);
    const sender = createPublicKey({
      key: Buffer.concat([spki, ephemeral]),
      format: 'der',
      type: 'spki',
    });
    const shared = diffieHellman({ privateKey, publicKey: sender });
    const words = (bytes: Buffer) =>
      Uint32Array.from({ length: 8 }, (_, index) => bytes.readUInt32LE(4 * index));
    const out = new Uint32Array(8);
    hsalsa(
      Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574),
      words(shared),
      new Uint32Array(4),
      out,
    );
    const key = Buffer.alloc(32);
    out.forEach((word, index) => void key.writeUInt32LE(word, 4 * index));
    const nonce = blake2b(Buffer.concat([ephemeral, rawKey(publicKey)]), { dkLen: 24 });
    return Buffer.from(xsalsa20poly1305(key, nonce).decrypt(box.subarray(32)));
  } catch {
    return undefined;
  }
}

const spki = Buffer.from('302a300506032b656e032100', 'hex');
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** An X25519 pair from the 32 bytes of its private key. */
export function x25519Pair(bytes: Buffer): { privateKey: KeyObject; publicKey: KeyObject } {
  const privateKey = createPrivateKey({
    key: Buffer.concat([pkcs8, bytes]),
    format: 'der',
    type: 'pkcs8',
  });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

export function rawKey(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
}

function failed(status: number, message: string): Answered {
  return {
    status,
    body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
  };
}
