import { createHash } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { readSequence } from './ecdsa-digest.ts';
import { goKind, goSyntaxError } from './go-json.ts';
import {
  defaultHash,
  type HashName,
  isReadable,
  isStrong,
  type PemVerifier,
  readPemVerifier,
  verifiesDigest,
  verifiesMessage,
} from './keys.ts';

/** A proposed entry that Rekor refuses; the message is told to the client. */
export class InvalidEntry extends Error {}

type Json = Readonly<Record<string, unknown>>;

const objectAt = (value: Json | undefined, name: string): Json | undefined => {
  const found = value?.[name];
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Json)
    : undefined;
};
const textAt = (value: Json | undefined, name: string): string | undefined => {
  const found = value?.[name];
  return typeof found === 'string' ? found : undefined;
};
const list = (problem: string): InvalidEntry =>
  new InvalidEntry(`validation failure list:\n${problem}`);
const sha256 = (bytes: Uint8Array | string): object => ({
  algorithm: 'sha256',
  value: createHash('sha256').update(bytes).digest('hex'),
});

/** Standard base64 as Go decodes it; `what` is named when it is none. */
function decoded(text: string, what: string): Buffer {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0)
    return Buffer.from(text, 'base64');
  const position = /[^A-Za-z0-9+/]/.exec(text)?.index ?? text.length - (text.length % 4);
  throw new InvalidEntry(
    `failed parsing base64 data for ${what}: illegal base64 data at input byte ${position}`,
  );
}

function readVerifier(bytes: Buffer, context: { malformed: string; curve: string }): PemVerifier {
  const verifier = readPemVerifier(bytes.toString());
  if (!verifier)
    throw new InvalidEntry(`${context.malformed}invalid public key: failure decoding PEM`);
  if (!isReadable(verifier.key))
    throw new InvalidEntry(`${context.curve}x509: unsupported elliptic curve`);
  return verifier;
}

/**
 * The canonical spec of a `hashedrekord` 0.0.1: the signature verifies over the hash, the key and
 * the hash belong together.
 */
export function canonicalHashedRekord(spec: Json): object {
  const [signature, hash] = [objectAt(spec, 'signature'), objectAt(objectAt(spec, 'data'), 'hash')];
  const content = decoded(textAt(signature, 'content') ?? '', 'signature content');
  const publicKey = objectAt(signature, 'publicKey');
  const keyBytes = decoded(textAt(publicKey, 'content') ?? '', 'public key content');
  if (!hash) throw list('data in body is required');
  const [algorithm, value] = [textAt(hash, 'algorithm'), textAt(hash, 'value')];
  if (algorithm === undefined) throw list('data.data.hash.data.hash.algorithm in body is required');
  if (!isHashName(algorithm))
    throw list(
      'data.data.hash.data.hash.algorithm in body should be one of [sha256 sha384 sha512]',
    );
  if (value === undefined) throw list('data.data.hash.data.hash.value in body is required');
  if (!signature) throw list('signature in body is required');
  if (!publicKey) throw new InvalidEntry('missing public key');
  const verifier = readVerifier(keyBytes, { malformed: '', curve: '' });
  if (value.length !== hexLength[algorithm]) throw new InvalidEntry('invalid value for hash');
  const wrong = /[^0-9a-fA-F]/.exec(value)?.[0];
  if (wrong)
    throw new InvalidEntry(
      `encoding/hex: invalid byte: U+${wrong.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} '${wrong}'`,
    );
  checkDigestSignature(verifier, algorithm, Buffer.from(value, 'hex'), content);
  const key = { content: Buffer.from(verifier.canonicalPem).toString('base64') };
  return {
    data: { hash: { algorithm, value } },
    signature: { content: content.toString('base64'), publicKey: key },
  };
}

const hexLength: Record<HashName, number> = { sha256: 64, sha384: 96, sha512: 128 };
const isHashName = (name: string): name is HashName => name in hexLength;

function checkDigestSignature(
  { key }: PemVerifier,
  algorithm: HashName,
  digest: Buffer,
  signature: Buffer,
): void {
  if (signature.length === 0)
    throw new InvalidEntry('verifying signature: X509 signature has not been initialized');
  if (!verifiesDigest(key, algorithm, digest, signature)) {
    const reasons: Record<string, string> = {
      ec:
        readSequence(signature) !== undefined
          ? 'invalid signature when validating ASN.1 encoded signature'
          : fixedLength(signature),
      rsa: 'crypto/rsa: verification error',
    };
    throw new InvalidEntry(
      `verifying signature: ${reasons[key.asymmetricKeyType ?? ''] ?? 'failed to verify signature: ed25519: invalid signature'}`,
    );
  }
  // P-384 with SHA-256 for example is a good signature, and none that the log's policy takes.
  if (algorithm !== defaultHash(key) || !isStrong(key))
    throw new InvalidEntry('entry algorithms are not allowed');
}

/** The other encoding of ECDSA signatures, two numbers of one length, is read as well. */
const fixedLength = (signature: Buffer): string =>
  signature.length % 2 || signature.length > 132
    ? 'ecdsa: Invalid IEEE_P1363 encoded bytes'
    : 'invalid signature when validating IEEE_P1363 encoded signature';

interface Envelope {
  payloadType: string;
  payload: string;
  signatures: { sig: string }[];
}

/**
 * The canonical spec of a `dsse` 0.0.1: hashes of envelope and payload, and every signature with
 * the key that verifies it.
 */
export function canonicalDsse(spec: Json): object {
  const proposed = objectAt(spec, 'proposedContent');
  const verifiers = proposed?.verifiers;
  const keys = Array.isArray(verifiers)
    ? verifiers
        .filter((text) => typeof text === 'string' && text !== '')
        .map((text) => decoded(text, 'verifier'))
    : [];
  if (!proposed)
    throw new InvalidEntry(
      'either proposedContent or envelopeHash, payloadHash, and signatures must be present',
    );
  const text = textAt(proposed, 'envelope');
  const problems = [
    ...(text === undefined ? ['proposedContent.proposedContent.envelope in body is required'] : []),
    ...(Array.isArray(verifiers)
      ? []
      : ['proposedContent.proposedContent.verifiers in body is required']),
    ...(Array.isArray(verifiers) && keys.length === 0
      ? ['proposedContent.proposedContent.verifiers in body should have at least 1 items']
      : []),
  ];
  if (text === undefined || problems.length > 0) throw list(problems.join('\n'));
  const envelope = readEnvelope(text);
  const payload = Buffer.from(envelope.payload, 'base64');
  const signatures = verifiedSignatures(envelope, payload, keys);
  return { envelopeHash: sha256(text), payloadHash: sha256(payload), signatures };
}

function readEnvelope(text: string): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(text) ?? {};
  } catch (error) {
    throw new InvalidEntry(goSyntaxError(text, String(error)));
  }
  const wrong = (found: unknown, where: string): InvalidEntry =>
    new InvalidEntry(`json: cannot unmarshal ${goKind(found)} into ${where}`);
  if (goKind(value) !== 'object') throw wrong(value, 'Go value of type dsse.Envelope');
  const { payloadType = '', payload = '', signatures = [] } = value as Json;
  if (typeof payloadType !== 'string')
    throw wrong(payloadType, 'Go struct field Envelope.payloadType of type string');
  if (typeof payload !== 'string')
    throw wrong(payload, 'Go struct field Envelope.payload of type string');
  if (!Array.isArray(signatures))
    throw wrong(signatures, 'Go struct field Envelope.signatures of type []dsse.Signature');
  const read = signatures.map((signature: unknown, i) => {
    if (goKind(signature) !== 'object')
      throw wrong(signature, `Envelope.signatures.${i} of type dsse.Signature`);
    const { sig = '' } = signature as Json;
    if (typeof sig !== 'string')
      throw wrong(sig, `Go struct field Signature.signatures.${i}.sig of type string`);
    return { sig };
  });
  if (read.length === 0) throw new InvalidEntry('DSSE envelope must contain 1 or more signatures');
  return { payloadType, payload, signatures: read };
}

const isBase64 = (text: string): boolean =>
  text.length % 4 === 0 && /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/.test(text);

function verifiedSignatures(
  envelope: Envelope,
  payload: Buffer,
  keys: readonly Buffer[],
): object[] {
  const left = new Set(envelope.signatures.map(({ sig }) => sig));
  const found: { signature: string; verifier: string }[] = [];
  const message = dsse.preAuthEncoding(envelope.payloadType, payload);
  for (const bytes of keys) {
    if (left.size === 0) break;
    const prefix = 'could not parse public key as x509: ';
    const verifier = readVerifier(bytes, { malformed: prefix, curve: prefix });
    if (![envelope.payload, ...left].every(isBase64)) {
      throw new InvalidEntry(
        'could not verify envelope: unable to base64 decode payload (is payload in the right format?)',
      );
    }
    // Rekor hashes with SHA-256 here whatever the key is.
    const hash = verifier.key.asymmetricKeyType === 'ed25519' ? undefined : 'sha256';
    const accepted = [...left].filter((sig) =>
      verifiesMessage(verifier.key, hash, message, Buffer.from(sig, 'base64')),
    );
    if (accepted.length === 0) {
      throw new InvalidEntry(
        'could not verify envelope: accepted signatures do not match threshold, Found: 0, Expected 1',
      );
    }
    for (const signature of accepted) {
      left.delete(signature);
      found.push({ signature, verifier: Buffer.from(verifier.canonicalPem).toString('base64') });
    }
  }
  if (left.size > 0) throw new InvalidEntry('all signatures must have a key that verifies it');
  return found.sort((a, b) => (a.signature < b.signature ? -1 : 1));
}
