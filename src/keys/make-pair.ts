import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { encryptPrivateKey } from './encrypted.ts';

/** A new key pair as cosign keeps it. The private key is there only encrypted. */
export interface MadePair {
  /** PEM `ENCRYPTED SIGSTORE PRIVATE KEY` */
  readonly privateKey: string;
  /** SPKI PEM */
  readonly publicKey: string;
}

/**
 * Makes a P-256 pair, which every verifier takes, and encrypts the private half as `cosign
 * generate-key-pair` does.
 */
export async function makePair(password: string): Promise<MadePair> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  try {
    return {
      privateKey: await encryptPrivateKey(pkcs8, password),
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    };
  } finally {
    pkcs8.fill(0);
  }
}

/** A password that nobody has to remember: 256 bits. */
export function makePassword(): string {
  return randomBytes(32).toString('base64url');
}
