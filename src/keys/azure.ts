// Azure Key Vault and Managed HSM over REST (Key Vault REST API reference 7.4: Get Key, Get Key
// Versions, Sign).
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { isLoopback } from '../http/proxy.ts';
import { isJsonObject } from '../text/json.ts';
import {
  type Answer,
  ask,
  bytesOf,
  jsonOf,
  jsonRequest,
  publicKeyIn,
  serviceFailed,
  strangeAnswer,
  textIn,
  word,
} from './ask.ts';
import { type AzureCloud, azureLoginStep, azureToken } from './azure-credentials.ts';
import { derOfRaw } from './ecdsa-der.ts';
import { bad } from './key-text.ts';
import type { KeyProvider, KeyTools } from './provider.ts';
import { type KeyHash, remoteSigner } from './remote.ts';

const service = 'Azure Key Vault';
const apiVersion = '7.4';
/** versions whose public keys are fetched to verify with */
const maxVersions = 20;

/** Azure Key Vault, as `azurekms://VAULT.vault.azure.net/KEY[/VERSION]`. */
export const azureKeyVault: KeyProvider = {
  async loadSigner(reference, tools, input) {
    const vault = await openVault(reference, tools, input);
    const { publicKey, version, algorithm, hash, ec } = await readKey(vault, vault.version);
    const signDigest = async (digest: Buffer) => {
      // With the version that was looked up: the key may be rotated between two signatures.
      const answer = await vault.call('POST', `${vault.key}/${version}/sign`, {
        alg: algorithm,
        value: digest.toString('base64url'),
      });
      if (!String(answer.kid).endsWith(`/${version}`))
        throw strangeAnswer(service, 'of another version of the key');
      const signature = bytesOf(textIn(answer, 'value', service), service);
      return ec ? derOfRaw(signature, hash === 'sha256' ? 32 : 48, service) : signature;
    };
    return remoteSigner({ service, publicKey, hash, signDigest }, input);
  },
  async loadPublicKeys(reference, tools, input) {
    const vault = await openVault(reference, tools, input);
    const newest = await readKey(vault, vault.version);
    if (vault.version !== '') return [newest.publicKey];
    const older = (await olderVersions(vault))
      .filter((version) => version !== newest.version)
      .slice(0, maxVersions);
    return [
      newest.publicKey,
      ...(await Promise.all(
        older.map(async (version) => (await readKey(vault, version)).publicKey),
      )),
    ];
  },
};

interface Vault {
  readonly key: string;
  /** empty: the newest */
  readonly version: string;
  readonly input: string;
  readonly call: (method: 'GET' | 'POST', path: string, body?: object) => Promise<Answer>;
}

/**
 * Whose hosts a token may go to, what it is asked for, and where: a token for the vaults of
 * everybody goes to no other host.
 */
const clouds: readonly (readonly [suffix: string, cloud: AzureCloud])[] = [
  ['azure.net', 'https://login.microsoftonline.com'],
  ['azure.cn', 'https://login.chinacloudapi.cn'],
  ['usgovcloudapi.net', 'https://login.microsoftonline.us'],
].flatMap(([domain = '', authority = '']) =>
  ['vault', 'managedhsm'].map((kind) => {
    const suffix = `${kind}.${domain}`;
    return [suffix, { resource: `https://${suffix}`, authority }] as const;
  }),
);

function cloudOf(host: URL, input: string): AzureCloud {
  const found = clouds.find(
    ([suffix]) =>
      host.hostname.endsWith(`.${suffix}`) &&
      /^[a-z0-9-]+$/.test(host.hostname.slice(0, -suffix.length - 1)),
  );
  if (found !== undefined && host.port === '') return found[1];
  const [, first] = clouds[0] as (typeof clouds)[number];
  if (isLoopback(host.hostname)) return first;
  const known = clouds.map(([suffix]) => `NAME.${suffix}`).join(', ');
  throw bad(
    `\`${input}\` names ${host.host}, which is not a host of ${service}`,
    `A token goes to hosts of Azure only: ${known}.`,
  );
}

async function openVault(reference: string, tools: KeyTools, input: string): Promise<Vault> {
  const [, name, key, version = ''] =
    /^azurekms:\/\/([A-Za-z0-9.:-]{1,253})\/([A-Za-z0-9-]{1,127})(?:\/([a-z0-9]{0,64}))?$/.exec(
      reference,
    ) ?? [];
  const host = URL.parse(`https://${name}/`);
  if (key === undefined || host === null)
    throw bad(
      `\`${input}\` starts with azurekms:// and is no reference to a key of ${service}`,
      `Write the whole host of the vault and the key: \`${input}: azurekms://my-vault.vault.azure.net/release\`, with \`/VERSION\` behind it for one version.`,
    );
  const token = await azureToken(tools, cloudOf(host, input));
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
  return {
    key,
    version,
    input,
    async call(method, path, body) {
      const url = new URL(`/keys/${path}`, host);
      url.searchParams.set('api-version', apiVersion);
      const response = await ask(tools, {
        service,
        request: () => jsonRequest(method, url, headers, body),
      });
      const answer = response.status === 200 ? jsonOf(response) : undefined;
      if (answer === undefined) throw explain(response, input, method === 'POST');
      return answer;
    },
  };
}

interface VaultKey {
  readonly publicKey: KeyObject;
  readonly version: string;
  readonly algorithm: string;
  readonly hash: KeyHash;
  readonly ec: boolean;
}

const kinds: ReadonlyMap<string, readonly [algorithm: string, hash: KeyHash]> = new Map([
  ['EC P-256', ['ES256', 'sha256']],
  ['EC P-384', ['ES384', 'sha384']],
  ['RSA ', ['RS256', 'sha256']],
]);

async function readKey({ call, key, input }: Vault, wanted: string): Promise<VaultKey> {
  const answer = await call('GET', wanted === '' ? key : `${key}/${wanted}`);
  if (isJsonObject(answer.attributes) && answer.attributes.enabled === false) throw disabled(input);
  const jwk = isJsonObject(answer.key) ? answer.key : {};
  const version = /\/keys\/[^/]+\/([a-z0-9]{1,64})$/.exec(textIn(jwk, 'kid', service))?.[1];
  if (version === undefined) throw strangeAnswer(service, 'without the version of the key');
  const operations: readonly unknown[] = Array.isArray(jwk.key_ops) ? jwk.key_ops : [];
  if (!operations.includes('sign') && !operations.includes('verify')) throw wrongUsage(input);
  const kind = String(jwk.kty).replace(/-HSM$/, '');
  const ec = kind === 'EC';
  const [algorithm, hash] = kinds.get(`${kind} ${ec ? jwk.crv : ''}`) ?? [];
  if (algorithm === undefined || hash === undefined)
    throw new Failure(
      'unsupported-key',
      `The key that \`${input}\` names is of the kind ${word(jwk.kty)} ${word(jwk.crv)}, whose signatures verifiers of images do not read.`,
      'Make a P-256 key: `az keyvault key create --kty EC --curve P-256 --ops sign verify`.',
    );
  return { publicKey: publicKeyOf(jwk, ec), version, algorithm, hash, ec };
}

function publicKeyOf(jwk: Answer, ec: boolean): KeyObject {
  const part = (name: string) => bytesOf(textIn(jwk, name, service), service).toString('base64url');
  const plain: JsonWebKey = ec
    ? { kty: 'EC', crv: String(jwk.crv), x: part('x'), y: part('y') }
    : { kty: 'RSA', n: part('n'), e: part('e') };
  return publicKeyIn(service, () => createPublicKey({ key: plain, format: 'jwk' }));
}

/**
 * Versions that are enabled, the newest first; none where listing them is not allowed: then only
 * the newest verifies.
 */
async function olderVersions({ call, key }: Vault): Promise<readonly string[]> {
  const answer = await call('GET', `${key}/versions`).catch((caught: unknown): Answer => {
    if (caught instanceof Failure && caught.code === 'kms-denied') return {};
    throw caught;
  });
  const listed: readonly unknown[] = Array.isArray(answer.value) ? answer.value : [];
  const found = listed.flatMap((entry) => {
    if (!isJsonObject(entry) || !isJsonObject(entry.attributes)) return [];
    const { enabled, created = 0 } = entry.attributes;
    const version = /\/([a-z0-9]{1,64})$/.exec(String(entry.kid))?.[1];
    return version === undefined || enabled !== true ? [] : [{ version, created: Number(created) }];
  });
  return found.sort((one, other) => other.created - one.created).map(({ version }) => version);
}

function disabled(input: string): Failure {
  return new Failure(
    'kms-key',
    `The key that \`${input}\` names is disabled.`,
    'Enable it: `az keyvault key set-attributes --enabled true`.',
  );
}

function wrongUsage(input: string): Failure {
  return new Failure(
    'unsupported-key',
    `The key that \`${input}\` names is not made for signing (its operations do not include sign).`,
    'Allow it: `az keyvault key set-attributes --ops sign verify`.',
  );
}

function explain(response: HttpResponse, input: string, signing: boolean): Failure {
  const error = jsonOf(response)?.error;
  const code = isJsonObject(error) ? word(error.code) : '';
  const inner =
    isJsonObject(error) && isJsonObject(error.innererror) ? word(error.innererror.code) : '';
  const { status } = response;
  if (status === 401)
    return new Failure(
      'kms-credentials',
      'Azure Key Vault does not accept the token of this job: it has expired, or is of another tenant.',
      `Log in shortly before this step:\n${azureLoginStep}`,
    );
  if (status === 403 && (inner === 'KeyDisabled' || /Disabled/.test(code))) return disabled(input);
  if (status === 403 && /KeyOperationForbidden/.test(`${code} ${inner}`)) return wrongUsage(input);
  if (status === 403)
    return new Failure(
      'kms-denied',
      `Azure does not allow this job ${signing ? 'to sign with' : 'to look at'} the key that \`${input}\` names.`,
      'Give its identity the role `Key Vault Crypto User` on the key (or the key permissions get and sign in an access policy), and let the firewall of the vault pass this runner.',
    );
  if (status === 404)
    return new Failure(
      'kms-key',
      `The vault has no key of the name and version that \`${input}\` names.`,
      'Check both: `az keyvault key list-versions`; a deleted key is recovered with `az keyvault key recover`.',
    );
  if (status === 400 || status === 409)
    return new Failure(
      'kms-key',
      `Azure Key Vault refuses to sign with the key that \`${input}\` names (${code || `status ${status}`}).`,
      'Look at its kind, its curve and its validity: `az keyvault key show`.',
    );
  return serviceFailed(service, status, code, response.attempts);
}
