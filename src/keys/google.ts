// Google Cloud KMS over REST (Cloud KMS API reference v1: cryptoKeyVersions.list, .getPublicKey,
// .asymmetricSign; data integrity guidelines).
import { createPublicKey, type KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
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
  word,
} from './ask.ts';
import { googleAccess, googleLoginStep } from './google-credentials.ts';
import { bad } from './key-text.ts';
import type { KeyProvider, KeyTools } from './provider.ts';
import { type KeyHash, remoteSigner } from './remote.ts';

const service = 'Google Cloud KMS';
/** versions of a key that may have signed */
const maxVersions = 100;

/**
 * Google Cloud KMS, as
 * `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/N]`.
 */
export const googleKms: KeyProvider = {
  async loadSigner(reference, tools, input) {
    const google = await openGoogle(reference, tools, input);
    const name = google.version ?? (await enabledVersions(google))[0];
    if (name === undefined) throw noVersion(input);
    const { publicKey, hash } = await readPublicKey(google, name);
    const signDigest = async (digest: Buffer) => {
      const body = {
        digest: { [hash]: digest.toString('base64') },
        digestCrc32c: String(crc32c(digest)),
      };
      return readSignature(await google.call('POST', `${name}:asymmetricSign`, body), name);
    };
    return remoteSigner({ service, publicKey, hash, signDigest }, input);
  },
  async loadPublicKeys(reference, tools, input) {
    const google = await openGoogle(reference, tools, input);
    const names = google.version === undefined ? await enabledVersions(google) : [google.version];
    if (names.length === 0) throw noVersion(input);
    return Promise.all(
      names
        .slice(0, maxVersions)
        .map(async (name) => (await readPublicKey(google, name)).publicKey),
    );
  },
};

interface Google {
  readonly input: string;
  /** resource name of the key */
  readonly key: string;
  /** resource name of the version, where the reference names one */
  readonly version?: string;
  readonly call: (method: 'GET' | 'POST', path: string, body?: object) => Promise<Answer>;
}

const part = '[A-Za-z0-9_.:-]{1,200}';
const referenceForm = new RegExp(
  `^gcpkms://(projects/${part}/locations/${part}/keyRings/${part}/cryptoKeys/${part})(?:/(?:cryptoKeyVersions|versions)/(\\d{1,9}))?$`,
);

async function openGoogle(reference: string, tools: KeyTools, input: string): Promise<Google> {
  const [, key, number] = referenceForm.exec(reference) ?? [];
  if (key === undefined || key.split('/').some((piece) => /^\.+$/.test(piece))) {
    throw bad(
      `\`${input}\` starts with gcpkms:// and is no reference to a key of ${service}`,
      `Write \`${input}: gcpkms://projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY\`, with \`/cryptoKeyVersions/N\` behind it for one version.`,
    );
  }
  const access = await googleAccess(tools);
  const given = tools.env.CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS;
  const base = given
    ? safeUrl(given, 'CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS').href
    : `https://cloudkms.${access.universe}/`;
  const headers = { authorization: `Bearer ${access.token}`, accept: 'application/json' };
  return {
    input,
    key,
    ...(number === undefined ? {} : { version: `${key}/cryptoKeyVersions/${number}` }),
    async call(method, path, body) {
      const url = new URL(`${base.replace(/\/$/, '')}/v1/${path}`);
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

/** Resource names of the versions that can sign, the newest first. */
async function enabledVersions({ call, key }: Google): Promise<readonly string[]> {
  const answer = await call(
    'GET',
    `${key}/cryptoKeyVersions?filter=${encodeURIComponent('state=ENABLED')}&pageSize=1000`,
  );
  const listed: readonly unknown[] = Array.isArray(answer.cryptoKeyVersions)
    ? answer.cryptoKeyVersions
    : [];
  const numbers = listed.flatMap((entry) => {
    const name =
      isJsonObject(entry) && entry.state === 'ENABLED' && typeof entry.name === 'string'
        ? entry.name
        : '';
    const number = name.startsWith(`${key}/cryptoKeyVersions/`)
      ? name.slice(key.length + '/cryptoKeyVersions/'.length)
      : '';
    return /^\d{1,9}$/.test(number) ? [Number(number)] : [];
  });
  return numbers
    .sort((one, other) => other - one)
    .map((number) => `${key}/cryptoKeyVersions/${number}`);
}

const algorithms: Readonly<Record<string, KeyHash | undefined>> = {
  EC_SIGN_P256_SHA256: 'sha256',
  EC_SIGN_P384_SHA384: 'sha384',
  RSA_SIGN_PKCS1_2048_SHA256: 'sha256',
  RSA_SIGN_PKCS1_3072_SHA256: 'sha256',
  RSA_SIGN_PKCS1_4096_SHA256: 'sha256',
};

async function readPublicKey(
  { call, input }: Google,
  name: string,
): Promise<{ publicKey: KeyObject; hash: KeyHash }> {
  const answer = await call('GET', `${name}/publicKey`);
  const algorithm = textIn(answer, 'algorithm', service);
  const hash = Object.hasOwn(algorithms, algorithm) ? algorithms[algorithm] : undefined;
  if (hash === undefined) throw wrongAlgorithm(algorithm, input);
  const pem = textIn(answer, 'pem', service);
  checkCrc(answer.pemCrc32c, Buffer.from(pem));
  if (answer.name !== undefined && answer.name !== name)
    throw strangeAnswer(service, 'about another key');
  return { publicKey: publicKeyIn(service, () => createPublicKey(pem)), hash };
}

function readSignature(answer: Answer, name: string): Buffer {
  const signature = bytesOf(textIn(answer, 'signature', service), service);
  // What was signed was not what was sent: its CRC would have told.
  if (answer.verifiedDigestCrc32c !== true)
    throw strangeAnswer(service, 'that does not say that the digest arrived undamaged');
  checkCrc(answer.signatureCrc32c, signature);
  if (answer.name !== name) throw strangeAnswer(service, 'of another version of the key');
  return signature;
}

/** int64 is a text in Google's JSON. */
function checkCrc(value: unknown, bytes: Uint8Array): void {
  if (String(value) !== String(crc32c(bytes)))
    throw strangeAnswer(service, 'that was damaged on the way (its CRC32C does not fit)');
}

function wrongAlgorithm(algorithm: string, input: string): Failure {
  const why = algorithm.startsWith('RSA_SIGN_PSS')
    ? 'makes RSA-PSS signatures, which cosign and other verifiers of images do not read'
    : `is of the algorithm ${word(algorithm) || 'unknown'}, whose signatures verifiers of images do not read`;
  return new Failure(
    'unsupported-key',
    `The key that \`${input}\` names ${why}.`,
    'Make a key with `--purpose=asymmetric-signing --default-algorithm=ec-sign-p256-sha256`; every verifier takes it.',
  );
}

function noVersion(input: string): Failure {
  return new Failure(
    'kms-key',
    `The key that \`${input}\` names has no version that is enabled.`,
    'Enable one: `gcloud kms keys versions enable`, or make a new one.',
  );
}

function explain(response: HttpResponse, input: string, signing: boolean): Failure {
  const error = jsonOf(response)?.error;
  const code = isJsonObject(error) ? word(error.status) : '';
  if (response.status === 401) {
    return new Failure(
      'kms-credentials',
      'Google does not accept the credentials of this job, or they have expired.',
      `Log in shortly before this step:\n${googleLoginStep}`,
    );
  }
  if (response.status === 403) {
    return new Failure(
      'kms-denied',
      `Google does not allow this job ${signing ? 'to sign with' : 'to look at'} the key that \`${input}\` names.`,
      `Give its account the roles \`roles/cloudkms.signerVerifier\` and, to find the newest version, \`roles/cloudkms.viewer\` on the key; with \`/cryptoKeyVersions/N\` in the reference the first is enough.`,
    );
  }
  if (response.status === 404) {
    return new Failure(
      'kms-key',
      `The key that \`${input}\` names does not exist.`,
      'Check project, location, key ring, key and version: `gcloud kms keys versions list`.',
    );
  }
  if (response.status === 400 && code === 'FAILED_PRECONDITION') {
    return new Failure(
      'kms-key',
      `The version of the key that \`${input}\` names is disabled or destroyed.`,
      'Enable it: `gcloud kms keys versions enable`; or name another version.',
    );
  }
  if (response.status === 400) {
    return new Failure(
      'unsupported-key',
      `The key that \`${input}\` names is not made for signing.`,
      'Make a key with `--purpose=asymmetric-signing --default-algorithm=ec-sign-p256-sha256`.',
    );
  }
  return serviceFailed(service, response.status, code, response.attempts);
}

/** The table of CRC-32C (Castagnoli; RFC 9260, appendix A): polynomial 0x1edc6f41, reflected. */
const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C of bytes, as an unsigned number; zlib has only the other CRC-32. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
