import { createHash, type KeyObject, verify } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { ImageSigner } from '../signature/signer.ts';
import { keyAlgorithm } from './algorithm.ts';
import { keyIdOf } from './local.ts';

/** A hash that a service signs digests of, and that verifiers of images take. */
export type KeyHash = 'sha256' | 'sha384';

/**
 * A key that stays where it is: what was looked up of it, and how a digest is signed with exactly
 * that version of it.
 */
export interface RemoteKey {
  /** of the service, for messages: `AWS KMS` */
  readonly service: string;
  readonly publicKey: KeyObject;
  readonly hash: KeyHash;
  /** sends the digest, and answers the signature: ECDSA in DER, RSA PKCS #1 v1.5 */
  readonly signDigest: (digest: Buffer) => Promise<Buffer>;
  /** signatures asked for at the same time; 8 when absent */
  readonly atOnce?: number;
}

/**
 * A signer for a key in a service. Every signature is checked against the public key that was
 * looked up before anybody sees it: an answer that was damaged on the way, or made with another key
 * or version, must not be pushed.
 * @throws {Failure} `unsupported-key`
 */
export function remoteSigner(remote: RemoteKey, input: string): ImageSigner {
  const { publicKey, hash, service } = remote;
  const warnings = warningsFor(remote, input);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const inTurn = turns(remote.atOnce ?? 8);
  return {
    async sign(data) {
      const digest = createHash(hash).update(data).digest();
      const signature = await inTurn(() => remote.signDigest(digest));
      if (!fits(hash, data, publicKey, signature)) throw wrongSignature(service);
      return { signature, key: { $case: 'publicKey', publicKey: publicPem } };
    },
    identity: async () => ({ keyId: keyIdOf(publicKey) }),
    publicKey: async () => publicKey,
    chain: async () => [],
    warnings,
  };
}

function warningsFor({ publicKey, hash, service }: RemoteKey, input: string): readonly string[] {
  const { digest, warnings } = keyAlgorithm(publicKey, input);
  if (digest === null) {
    throw new Failure(
      'unsupported-key',
      `The key in \`${input}\` is an Ed25519 key, which signs whole messages, and ${service} gets digests only.`,
      'Make an EC key on P-256 for signing there; every verifier takes it.',
    );
  }
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits > 4096) {
    throw new Failure(
      'unsupported-key',
      `The key in \`${input}\` is an RSA key of ${bits} bits; from a service, 2048 to 4096 bits work.`,
      'Make an EC key on P-256 for signing there; every verifier takes it.',
    );
  }
  return hash === 'sha256' ? warnings : [sha384Warning(service)];
}

function fits(hash: KeyHash, data: Buffer, publicKey: KeyObject, signature: Buffer): boolean {
  try {
    return verify(hash, data, publicKey, signature);
  } catch {
    return false;
  }
}

function wrongSignature(service: string): Failure {
  return new Failure(
    'kms-error',
    `${service} answered a signature that does not belong to the key that was looked up, so it was not used.`,
    'Run the step again: the key may have been exchanged meanwhile, or the answer was damaged on the way.',
  );
}

/** Runs at most `most` pieces of work at the same time; the others wait in line. */
function turns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const line: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => line.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

function sha384Warning(service: string): string {
  return `This is a P-384 key, which ${service} signs with SHA-384 only; cosign and the transparency log expect SHA-256 of a key and refuse such signatures. Use a P-256 key, which every verifier takes; without one only \`tlog: false\` works, and the verify action of this repository.`;
}
