import type { KeyObject } from 'node:crypto';
import {
  BadMessage,
  bytesOf,
  type Fields,
  type Message,
  messageOf,
  parseMessage,
} from './gateway.ts';
import {
  defaultHash,
  type HashName,
  isReadable,
  isStrong,
  readDerVerifier,
  verifiesDigest,
} from './keys.ts';

/** A request that is well-formed and refused, with its gRPC code. Rekor v2 tells no reason. */
export class RefusedRequest extends Error {
  readonly code: 3 | 13;
  constructor(message: string, code: 3 | 13 = 3) {
    super(message);
    this.code = code;
  }
}

interface Algorithm {
  readonly hash: HashName;
  readonly protoHash: string;
  readonly fits: (key: KeyObject) => boolean;
}

const onCurve = (curve: string) => (key: KeyObject) =>
  key.asymmetricKeyDetails?.namedCurve === curve;
const rsaOf = (length: number) => (key: KeyObject) =>
  key.asymmetricKeyDetails?.modulusLength === length;

/** The key details that the log takes. */
const algorithms: Record<string, Algorithm> = {
  PKIX_ECDSA_P256_SHA_256: { hash: 'sha256', protoHash: 'SHA2_256', fits: onCurve('prime256v1') },
  PKIX_ECDSA_P384_SHA_384: { hash: 'sha384', protoHash: 'SHA2_384', fits: onCurve('secp384r1') },
  PKIX_ECDSA_P521_SHA_512: { hash: 'sha512', protoHash: 'SHA2_512', fits: onCurve('secp521r1') },
  PKIX_RSA_PKCS1V15_2048_SHA256: { hash: 'sha256', protoHash: 'SHA2_256', fits: rsaOf(2048) },
  PKIX_RSA_PKCS1V15_3072_SHA256: { hash: 'sha256', protoHash: 'SHA2_256', fits: rsaOf(3072) },
  PKIX_RSA_PKCS1V15_4096_SHA256: { hash: 'sha256', protoHash: 'SHA2_256', fits: rsaOf(4096) },
};

/**
 * The other values of the enumeration PublicKeyDetails: known names, and no log takes them in a
 * `hashedrekord`.
 */
const otherDetails = [
  'PUBLIC_KEY_DETAILS_UNSPECIFIED',
  'PKCS1_RSA_PKCS1V5',
  'PKCS1_RSA_PSS',
  'PKIX_RSA_PKCS1V5',
  'PKIX_RSA_PSS',
  'PKIX_RSA_PSS_2048_SHA256',
  'PKIX_RSA_PSS_3072_SHA256',
  'PKIX_RSA_PSS_4096_SHA256',
  'PKIX_ECDSA_P256_HMAC_SHA_256',
  'PKIX_ECDSA_P384_SHA_256',
  'PKIX_ECDSA_P521_SHA_256',
  'PKIX_ED25519',
  'PKIX_ED25519_PH',
  'LMS_SHA256',
  'LMOTS_SHA256',
  'ML_DSA_65',
  'ML_DSA_87',
];

const fields = (...names: string[]): Fields => ({ names, others: 'refused' });
const refusal = (): RefusedRequest => new RefusedRequest('invalid hashedrekord request');

/**
 * Reads a CreateEntryRequest and makes the entry that the log stores: the signature verifies over
 * the digest by the named key.
 * @throws {BadMessage} for JSON that is not this message, {RefusedRequest} for any other kind of
 * entry and for what does not verify.
 */
export function readHashedRekord(body: Buffer): object {
  const message = parseMessage(body, fields('hashedRekordRequestV002', 'dsseRequestV002'));
  if (message.hashedRekordRequestV002 === undefined)
    throw new RefusedRequest('invalid type, must be hashedrekord');
  const request = messageOf(message.hashedRekordRequestV002, fields('digest', 'signature'));
  const signature = messageOf(request.signature, fields('content', 'verifier'));
  const verifier = messageOf(
    signature.verifier,
    fields('publicKey', 'x509Certificate', 'keyDetails'),
  );
  const [digest, content, keyDetails] = [
    bytesOf(request, 'digest'),
    bytesOf(signature, 'content'),
    detailsOf(verifier),
  ];
  if (verifier.publicKey !== undefined && verifier.x509Certificate !== undefined) {
    throw new BadMessage(
      'proto: (line 1:2): error parsing "x509Certificate", oneof dev.sigstore.rekor.v2.Verifier.verifier is already set',
    );
  }
  const kind = verifier.x509Certificate === undefined ? 'publicKey' : 'x509Certificate';
  const rawBytes = bytesOf(messageOf(verifier[kind], fields('rawBytes')), 'rawBytes');
  const key = readDerVerifier(kind, rawBytes);
  if (digest.length === 0 || content.length === 0 || !key || !isReadable(key)) throw refusal();
  const { hash, protoHash } = checkedAlgorithm(keyDetails, key);
  if (digest.length * 8 !== Number(hash.slice(3)) || !verifiesDigest(key, hash, digest, content))
    throw refusal();
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: protoHash, digest: digest.toString('base64') },
        signature: {
          content: content.toString('base64'),
          verifier: { keyDetails, [kind]: { rawBytes: rawBytes.toString('base64') } },
        },
      },
    },
  };
}

function detailsOf(verifier: Message): string {
  const { keyDetails = 'PUBLIC_KEY_DETAILS_UNSPECIFIED' } = verifier;
  if (
    typeof keyDetails !== 'string' ||
    !(keyDetails in algorithms || otherDetails.includes(keyDetails))
  ) {
    throw new BadMessage(
      `proto: (line 1:2): invalid value for enum field keyDetails: ${JSON.stringify(keyDetails)}`,
    );
  }
  return keyDetails;
}

function checkedAlgorithm(keyDetails: string, key: KeyObject): Algorithm {
  const algorithm = algorithms[keyDetails];
  // The real log stumbles over an algorithm without a digest of its own.
  if (keyDetails === 'PKIX_ED25519' && key.asymmetricKeyType === 'ed25519')
    throw new RefusedRequest('internal server error', 13);
  if (!algorithm?.fits(key) || !isStrong(key) || defaultHash(key) !== algorithm.hash)
    throw refusal();
  return algorithm;
}
