import type { KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';

/**
 * How a key signs and verifies: the digest for node:crypto (null: Ed25519 takes the data itself),
 * and what to tell its owner.
 */
export interface KeyAlgorithm {
  readonly digest: 'sha256' | null;
  readonly warnings: readonly string[];
}

const cure = 'Use a P-256 key, which every verifier takes: `cosign generate-key-pair` makes one.';
const minRsaBits = 2048;
/**
 * a longer key takes seconds to check, and whoever sends the key chooses that; the same limit as
 * for verifying
 */
const maxRsaBits = 16_384;

/**
 * Decides whether a key (private or public) can be used, and how: ECDSA with SHA-256 on P-256 and
 * P-384, RSA PKCS #1 v1.5 with SHA-256, Ed25519 over the data. SHA-256 also on P-384, because that
 * is what cosign, sigstore-go and @sigstore/verify try for a key without more.
 * @throws {Failure} `unsupported-key` for every other key, with the reason.
 */
export function keyAlgorithm(key: KeyObject, input: string): KeyAlgorithm {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ec') return curveAlgorithm(namedCurve, input);
  if (type === 'ed25519') return { digest: null, warnings: [ed25519Warning] };
  if (type === 'rsa') return rsaAlgorithm(modulusLength, input);
  if (type === 'rsa-pss') {
    throw refuse(
      input,
      'is bound to RSA-PSS, and cosign verifies RSA signatures of PKCS #1 v1.5 only',
      cure,
    );
  }
  throw refuse(
    input,
    `is of the type ${type ?? 'unknown'}, with which no image can be signed`,
    cure,
  );
}

function curveAlgorithm(curve: string | undefined, input: string): KeyAlgorithm {
  if (curve === 'prime256v1') return { digest: 'sha256', warnings: [] };
  if (curve === 'secp384r1') return { digest: 'sha256', warnings: [p384Warning] };
  if (curve === 'secp521r1') {
    throw refuse(
      input,
      'is on the curve P-521, for which verifiers do not agree on a digest',
      cure,
    );
  }
  throw refuse(
    input,
    `is on the curve ${curve ?? 'with explicit parameters'}, which verifiers of images do not know`,
    cure,
  );
}

function rsaAlgorithm(bits: number, input: string): KeyAlgorithm {
  if (bits < minRsaBits)
    throw refuse(
      input,
      `is an RSA key of ${bits} bits, which is too short to be safe (at least ${minRsaBits})`,
      cure,
    );
  if (bits > maxRsaBits)
    throw refuse(
      input,
      `is an RSA key of ${bits} bits, which is more than is ever checked (at most ${maxRsaBits})`,
      cure,
    );
  return { digest: 'sha256', warnings: [] };
}

/**
 * Decides whether signatures of a public key can be verified here: what can sign, and P-521, which
 * others have signed with.
 * @throws {Failure} `unsupported-key`.
 */
export function refuseUnverifiable(publicKey: KeyObject, input: string): void {
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'secp521r1') keyAlgorithm(publicKey, input);
}

function refuse(input: string, problem: string, fix: string): Failure {
  return new Failure('unsupported-key', `The key in \`${input}\` ${problem}.`, fix);
}

const p384Warning =
  'This is a P-384 key: it signs with SHA-256, which cosign 2 and 3 verify, while a verifier that expects SHA-384 refuses it; a P-256 key works with all of them.';
const ed25519Warning =
  'This is an Ed25519 key: cosign 2 and 3 verify what it signs, while the log entry of a legacy signature and older verifiers may refuse it; a P-256 key works with all of them.';
