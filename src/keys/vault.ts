// Vault's transit engine over its HTTP API (Vault API documentation: Transit secrets engine, Read
// Key and Sign Data). OpenBao has the same.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { HttpResponse, TlsPeer } from '../http/http.ts';
import { isJsonObject } from '../text/json.ts';
import {
  type Answer,
  ask,
  bytesOf,
  jsonOf,
  jsonRequest,
  publicKeyIn,
  safeUrl,
  serviceFailed,
  strangeAnswer,
  textIn,
} from './ask.ts';
import { bad } from './key-text.ts';
import type { KeyProvider, KeyTools } from './provider.ts';
import { remoteSigner } from './remote.ts';

const service = 'Vault';
const maxFile = 256 * 1024;
const maxVersions = 100;

/**
 * HashiCorp Vault or OpenBao, as `hashivault://KEY`: VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE,
 * TRANSIT_SECRET_ENGINE_PATH.
 */
export const vaultTransit: KeyProvider = {
  async loadSigner(reference, tools, input) {
    const vault = await openVault(reference, tools, input);
    const { versions, type } = await readKey(vault);
    const [newest] = versions;
    if (newest === undefined) throw strangeAnswer(service, 'without any version of the key');
    const { publicKey, version } = newest;
    const signDigest = async (digest: Buffer) => {
      const answer = await vault.call('POST', `sign/${vault.key}/sha2-256`, {
        input: digest.toString('base64'),
        prehashed: true,
        // The version that was looked up: the key may be rotated between two signatures.
        key_version: version,
        ...(type.startsWith('rsa')
          ? { signature_algorithm: 'pkcs1v15' }
          : { marshaling_algorithm: 'asn1' }),
      });
      return readSignature(textIn(answer, 'signature', service), version);
    };
    return remoteSigner({ service, publicKey, hash: 'sha256', signDigest }, input);
  },
  async loadPublicKeys(reference, tools, input) {
    const vault = await openVault(reference, tools, input);
    return (await readKey(vault)).versions.map(({ publicKey }) => publicKey);
  },
};

interface Vault {
  readonly key: string;
  readonly input: string;
  /** answers `data` */
  readonly call: (method: 'GET' | 'POST', path: string, body?: object) => Promise<Answer>;
}

const loginStep = `permissions:
  id-token: write
steps:
  - uses: hashicorp/vault-action@v3
    with:
      url: https://vault.example.com
      method: jwt
      role: sign-images
      exportToken: true
  - uses: OWNER/sign-image@v1
    env:
      VAULT_ADDR: https://vault.example.com`;

async function openVault(reference: string, tools: KeyTools, input: string): Promise<Vault> {
  const key = /^(?:hashivault|openbao):\/\/(\w(?:[\w.-]{0,200}\w)?)$/i.exec(reference)?.[1];
  if (key === undefined)
    throw bad(
      `\`${input}\` is no reference to a key of ${service}`,
      `Write the name of the transit key alone, \`${input}: hashivault://release\`; another mount is named by TRANSIT_SECRET_ENGINE_PATH.`,
    );
  const { env } = tools;
  const given = env.VAULT_ADDR || env.BAO_ADDR;
  if (!given)
    throw new Failure(
      'kms-credentials',
      'VAULT_ADDR is not set, so it is not known where Vault is.',
      `Set it, and log in before this step:\n${loginStep}`,
    );
  const address = safeUrl(given, 'VAULT_ADDR');
  const token = await findToken(tools);
  const mount = mountOf(env.TRANSIT_SECRET_ENGINE_PATH || 'transit');
  const namespace = env.VAULT_NAMESPACE || env.BAO_NAMESPACE;
  const peer = await peerOf(tools);
  const headers = {
    'x-vault-token': token,
    'x-vault-request': 'true',
    ...(namespace ? { 'x-vault-namespace': namespace } : {}),
  };
  return {
    key,
    input,
    async call(method, path, body) {
      const url = new URL(address.href);
      url.pathname = `${address.pathname.replace(/\/$/, '')}/v1/${mount}/${path}`;
      const response = await ask(tools, {
        service,
        request: () => ({ ...jsonRequest(method, url, headers, body), ...peer }),
      });
      const data = response.status === 200 ? jsonOf(response)?.data : undefined;
      if (!isJsonObject(data))
        throw explain(response, { mount, input, signing: method === 'POST' });
      return data;
    },
  };
}

/** VAULT_TOKEN, else the file that `vault login` leaves. */
async function findToken({ env, home, readFile, mask }: KeyTools): Promise<string> {
  const left = async () =>
    Buffer.from(await readFile(`${home}/.vault-token`, 4096))
      .toString('utf8')
      .trim();
  const token = env.VAULT_TOKEN || env.BAO_TOKEN || (await left().catch(() => ''));
  if (!token || /[^\x21-\x7e]/.test(token))
    throw new Failure(
      'kms-credentials',
      'There is no Vault token on this runner (VAULT_TOKEN).',
      `Log in before this step:\n${loginStep}`,
    );
  mask(token);
  return token;
}

function mountOf(path: string): string {
  const mount = path.replace(/^\/+|\/+$/g, '');
  if (/^[\w.-]+(\/[\w.-]+)*$/.test(mount) && !mount.split('/').some((part) => /^\.+$/.test(part)))
    return mount;
  throw bad(
    'TRANSIT_SECRET_ENGINE_PATH is not a path of Vault',
    'Set it to the mount of the transit engine, such as `transit` or `teams/release/transit`.',
  );
}

async function peerOf({ env, readFile }: KeyTools): Promise<{ readonly peer?: TlsPeer }> {
  const file = env.VAULT_CACERT || env.BAO_CACERT;
  if (!file) return {};
  try {
    return { peer: { ca: Buffer.from(await readFile(file, maxFile)).toString('utf8') } };
  } catch {
    throw new Failure(
      'kms-credentials',
      'The file that VAULT_CACERT names cannot be read.',
      'Check the path, or remove the variable.',
    );
  }
}

interface KeyVersion {
  readonly version: number;
  readonly publicKey: KeyObject;
}

/** All versions that are still there, the newest first. */
async function readKey({
  key,
  input,
  call,
}: Vault): Promise<{ type: string; versions: readonly KeyVersion[] }> {
  const data = await call('GET', `keys/${key}`);
  const type = textIn(data, 'type', service);
  if (!/^(ecdsa-p256|ecdsa-p384|rsa-2048|rsa-3072|rsa-4096)$/.test(type))
    throw new Failure(
      'unsupported-key',
      `The key that \`${input}\` names is of Vault's type ${/^[\w-]{1,40}$/.test(type) ? type : 'unknown'}, with which images cannot be signed here.`,
      `Make a P-256 key: \`vault write -f transit/keys/release type=ecdsa-p256\`.`,
    );
  if (!isJsonObject(data.keys)) throw strangeAnswer(service, 'without the versions of the key');
  const versions = Object.entries(data.keys)
    .map(([name, value]) => ({ version: Number(name), value }))
    .sort((one, other) => other.version - one.version)
    .slice(0, maxVersions)
    .map(({ version, value }) => ({ version, publicKey: publicKeyOf(value) }));
  return { type, versions };
}

function publicKeyOf(value: unknown): KeyObject {
  const pem = textIn(isJsonObject(value) ? value : undefined, 'public_key', service);
  return publicKeyIn(service, () => createPublicKey(pem));
}

/** `vault:v3:BASE64`: which version signed, and the signature. */
function readSignature(text: string, version: number): Buffer {
  const [, used, base64] = /^[a-z]{1,20}:v(\d{1,9}):([A-Za-z0-9+/_-]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined)
    throw strangeAnswer(service, 'with a signature of another form than vault:vN:…');
  if (Number(used) !== version)
    throw strangeAnswer(service, 'with a signature of another version of the key');
  return bytesOf(base64, service);
}

function explain(
  response: HttpResponse,
  about: { mount: string; input: string; signing: boolean },
): Failure {
  const errors = jsonOf(response)?.errors;
  const said = Array.isArray(errors)
    ? errors.filter((error) => typeof error === 'string').join(' ')
    : '';
  const { status } = response;
  if (status === 403 && /invalid token|bad token|missing client token/i.test(said))
    return new Failure(
      'kms-credentials',
      'Vault does not know the token of this job, or it has expired.',
      `Log in shortly before this step:\n${loginStep}`,
    );
  if (status === 403) {
    const path = about.signing
      ? `\`update\` on \`${about.mount}/sign/*\``
      : `\`read\` on \`${about.mount}/keys/*\``;
    return new Failure(
      'kms-denied',
      `Vault does not allow this job ${about.signing ? 'to sign with' : 'to look at'} the key that \`${about.input}\` names.`,
      `Its policy needs ${path}; the namespace is taken from VAULT_NAMESPACE.`,
    );
  }
  if (status === 404 || /key not found|no handler for route/i.test(said))
    return new Failure(
      'kms-key',
      `Vault has no key in the transit engine at \`${about.mount}\` that \`${about.input}\` could name.`,
      'Check the name, TRANSIT_SECRET_ENGINE_PATH and VAULT_NAMESPACE.',
    );
  if (status === 400)
    return new Failure(
      'kms-key',
      `Vault refuses to sign with the key that \`${about.input}\` names (status 400).`,
      'Look at the key with `vault read transit/keys/NAME`: its type, and `min_encryption_version`, may not allow it.',
    );
  if (status === 503)
    return new Failure(
      'kms-error',
      'Vault is sealed or in standby.',
      'Unseal it, or let VAULT_ADDR name the active node.',
    );
  return serviceFailed(service, status, '', response.attempts);
}
