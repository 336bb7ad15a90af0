// AWS KMS over its JSON 1.1 protocol (AWS KMS API Reference: GetPublicKey, Sign, Common Errors).
// Requests are signed by aws4fetch.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import {
  type Answer,
  ask,
  bytesOf,
  jsonOf,
  publicKeyIn,
  safeUrl,
  serviceFailed,
  textIn,
  word,
} from './ask.ts';
import { type AwsIdentity, awsIdentity, awsLoginStep } from './aws-credentials.ts';
import { bad } from './key-text.ts';
import type { KeyProvider, KeyTools } from './provider.ts';
import { type KeyHash, type RemoteKey, remoteSigner } from './remote.ts';

const service = 'AWS KMS';

/** AWS KMS, as `awskms://[ENDPOINT]/(ID | ARN | alias/NAME)`. */
export const awsKms: KeyProvider = {
  async loadSigner(reference, tools, input) {
    return remoteSigner(await lookUp(reference, tools, input), input);
  },
  async loadPublicKeys(reference, tools, input) {
    return [(await lookUp(reference, tools, input)).publicKey];
  },
};

interface AwsReference {
  readonly endpoint: string;
  /** what KMS calls KeyId: the id of a key, its ARN, or an alias */
  readonly keyId: string;
  readonly region?: string;
}

const id =
  '(?:mrk-)?[A-Fa-f0-9]{8}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{12}';
const alias = 'alias/[\\w/-]{1,250}';
const arn = `arn:aws[a-z-]{0,20}:kms:([a-z0-9-]{3,40}):\\d{12}:(?:key/${id}|${alias})`;
const referenceForm = new RegExp(
  `^awskms://([A-Za-z0-9.-]+(?::\\d{1,5})?)?/(${id}|${alias}|${arn})$`,
);

/** @throws {Failure} `bad-key` */
function readReference(reference: string, input: string): AwsReference {
  const [, endpoint = '', keyId, region] = referenceForm.exec(reference) ?? [];
  if (keyId === undefined) {
    throw bad(
      `\`${input}\` starts with awskms:// and is no reference to a key of ${service}`,
      `Write the id, the ARN or an alias of the key after three slashes: \`${input}: awskms:///alias/release\`.`,
    );
  }
  return { endpoint, keyId, ...(region === undefined ? {} : { region }) };
}

async function lookUp(reference: string, tools: KeyTools, input: string): Promise<RemoteKey> {
  const named = readReference(reference, input);
  const client = await openClient(named, tools, input);
  const answer = await client('GetPublicKey', { KeyId: named.keyId });
  const { publicKey, hash, algorithm } = readKey(answer, input);
  // The ARN, not the alias: an alias can be turned to another key between two signatures.
  const keyId = textIn(answer, 'KeyId', service);
  const signDigest = async (digest: Buffer) => {
    const signed = await client('Sign', {
      KeyId: keyId,
      Message: digest.toString('base64'),
      MessageType: 'DIGEST',
      SigningAlgorithm: algorithm,
    });
    return bytesOf(textIn(signed, 'Signature', service), service);
  };
  return { service, publicKey, hash, signDigest };
}

const algorithms: readonly (readonly [name: string, hash: KeyHash])[] = [
  ['ECDSA_SHA_256', 'sha256'],
  ['ECDSA_SHA_384', 'sha384'],
  ['RSASSA_PKCS1_V1_5_SHA_256', 'sha256'],
];

function readKey(
  answer: Answer,
  input: string,
): { publicKey: KeyObject; hash: KeyHash; algorithm: string } {
  if (answer.KeyUsage !== 'SIGN_VERIFY') throw wrongUsage(input);
  const offered: readonly unknown[] = Array.isArray(answer.SigningAlgorithms)
    ? answer.SigningAlgorithms
    : [];
  const found = algorithms.find(([name]) => offered.includes(name));
  if (found === undefined) {
    throw new Failure(
      'unsupported-key',
      `The key that \`${input}\` names is of the kind ${word(answer.KeySpec) || 'unknown'}, with whose signatures verifiers of images cannot do anything.`,
      'Make a key with the key spec ECC_NIST_P256 and the usage SIGN_VERIFY; every verifier takes it.',
    );
  }
  const der = bytesOf(textIn(answer, 'PublicKey', service), service);
  const publicKey = publicKeyIn(service, () =>
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
  );
  return { publicKey, hash: found[1], algorithm: found[0] };
}

type Call = (operation: 'GetPublicKey' | 'Sign', body: object) => Promise<Answer>;

async function openClient(
  { endpoint, region }: AwsReference,
  tools: KeyTools,
  input: string,
): Promise<Call> {
  const identity = await awsIdentity(tools, region);
  const url = addressOf(endpoint, identity, tools);
  return async (operation, content) => {
    const body = JSON.stringify(content);
    const response = await ask(tools, {
      service,
      request: () => signedRequest(url, operation, body, identity),
      isBusy: (answer) => busyWords.has(errorCode(answer)),
    });
    const answer = response.status === 200 ? jsonOf(response) : undefined;
    if (answer === undefined) throw explain(response, identity, input, operation);
    return answer;
  };
}

function addressOf(endpoint: string, { region }: AwsIdentity, { env }: KeyTools): URL {
  if (endpoint !== '') return new URL(`https://${endpoint}/`);
  const given = env.AWS_ENDPOINT_URL_KMS || env.AWS_ENDPOINT_URL;
  if (given) return safeUrl(given, 'AWS_ENDPOINT_URL_KMS');
  return new URL(`https://kms.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`);
}

async function signedRequest(url: URL, operation: string, body: string, identity: AwsIdentity) {
  const signer = new AwsV4Signer({
    method: 'POST',
    url: url.href,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${operation}`,
    },
    body,
    service: 'kms',
    ...identity,
  });
  const signed = await signer.sign();
  return {
    method: 'POST',
    url,
    headers: Object.fromEntries(signed.headers),
    body: Buffer.from(body),
  } as const;
}

const busyWords: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'LimitExceededException',
  'TooManyRequestsException',
]);

/** `__type` in the body, or the header; both may have a namespace in front. */
function errorCode(response: HttpResponse): string {
  const said =
    response.status === 200
      ? ''
      : word(jsonOf(response)?.__type) || word(response.headers['x-amzn-errortype']);
  return said.replace(/^.*#/, '').replace(/:.*$/, '');
}

function explain(
  response: HttpResponse,
  { region }: AwsIdentity,
  input: string,
  operation: string,
): Failure {
  const code = errorCode(response);
  const name = `key that \`${input}\` names`;
  switch (code) {
    case 'ExpiredTokenException':
    case 'ExpiredToken':
    case 'RequestExpired':
      return new Failure(
        'kms-credentials',
        'The AWS credentials of this job have expired.',
        `Log in shortly before this step:\n${awsLoginStep}`,
      );
    case 'UnrecognizedClientException':
    case 'InvalidClientTokenId':
    case 'MissingAuthenticationTokenException':
      return new Failure(
        'kms-credentials',
        `AWS does not know the credentials of this job (${code}).`,
        `Log in before this step:\n${awsLoginStep}`,
      );
    case 'InvalidSignatureException':
    case 'SignatureDoesNotMatch':
      return new Failure(
        'kms-credentials',
        'AWS refuses the signature of the request: the secret key does not belong to the access key, or the clock of this runner is wrong.',
        `Compare \`date -u\` on the runner with the real time, and log in anew:\n${awsLoginStep}`,
      );
    case 'AccessDeniedException':
      return new Failure(
        'kms-denied',
        `AWS does not allow this job ${operation === 'Sign' ? 'to sign with' : 'to look at'} the ${name}.`,
        'Allow its role `kms:GetPublicKey` and `kms:Sign` on the key, in a policy of the role or of the key.',
      );
    case 'NotFoundException':
      return new Failure(
        'kms-key',
        `The ${name} does not exist in the region ${region}.`,
        'Check its id, the account, and the region: `aws-region` of the login step, or the ARN of the key as reference.',
      );
    case 'DisabledException':
      return new Failure('kms-key', `The ${name} is disabled.`, 'Enable it: `aws kms enable-key`.');
    case 'KMSInvalidStateException':
      return new Failure(
        'kms-key',
        `The ${name} is in a state in which it cannot sign, such as waiting for its deletion.`,
        'Look at its state: `aws kms describe-key`; `aws kms cancel-key-deletion` takes a deletion back.',
      );
    case 'InvalidKeyUsageException':
    case 'UnsupportedOperationException':
      return wrongUsage(input);
  }
  return serviceFailed(service, response.status, code, response.attempts);
}

function wrongUsage(input: string): Failure {
  return new Failure(
    'unsupported-key',
    `The key that \`${input}\` names is not made for signing.`,
    'Make an asymmetric key with the usage SIGN_VERIFY and the key spec ECC_NIST_P256; the usage of a key cannot be changed.',
  );
}
