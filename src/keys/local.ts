import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { ImageSigner } from '../signature/signer.ts';
import { keyAlgorithm } from './algorithm.ts';
import type { DerivedAhead } from './derive.ts';
import { readPrivateKey } from './private.ts';

/** A local key as the workflow gave it, its text already fetched (source.ts). */
export interface LocalKey {
  /** the text of the PEM, as damaged as secret stores leave it */
  readonly key: string;
  /** undefined when none was given */
  readonly password?: string | undefined;
  /** name of the input the key came from, for messages */
  readonly input?: string;
  /** a password that is being stretched already */
  readonly ahead?: DerivedAhead | undefined;
}

/**
 * Opens a private key and makes it a signer. Decrypting costs about 0.2 s off the main thread:
 * start it, do network work, await it then. The answer of `sign` carries the public key without a
 * hint: sigstore's DSSE builder would copy a hint into `keyid`, which cosign rejects.
 * @throws {Failure} `bad-key`, `bad-password`, `unsupported-key`; none holds a part of the key or
 * the password.
 */
export async function loadSigner({
  key: text,
  password,
  input = 'key',
  ahead,
}: LocalKey): Promise<ImageSigner> {
  const privateKey = await readPrivateKey(text, password, input, ahead);
  const { digest, warnings } = keyAlgorithm(privateKey, input);
  const publicKey = createPublicKey(privateKey);
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const keyId = keyIdOf(publicKey);
  return {
    sign: async (data) => ({
      signature: sign(digest, data, privateKey),
      key: { $case: 'publicKey', publicKey: publicPem },
    }),
    identity: async () => ({ keyId }),
    publicKey: async () => publicKey,
    chain: async () => [],
    warnings,
  };
}

/** What names a public key in bundles and reports: base64 of the sha256 of its SPKI DER. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
