import { createPublicKey, type KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { refuseUnverifiable } from './algorithm.ts';
import { type PemBlock, readPem } from './pem.ts';

const maxKeys = 100;

/**
 * Reads the public keys of the verify action: PEM blocks `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY`
 * (PKCS #1), several = any of them; the same key twice counts once. A private key there is refused,
 * and whoever reads the input masks it (mask.ts) before it calls this.
 * @throws {Failure} `bad-key` or `unsupported-key`, without a piece of the text.
 */
export function readPublicKeys(text: string, input = 'key'): [KeyObject, ...KeyObject[]] {
  const blocks = readPem(text, input, 'public');
  if (blocks.length > maxKeys)
    throw bad(
      `\`${input}\` holds ${blocks.length} keys, more than ${maxKeys}`,
      'Keep the keys that may have signed.',
    );
  const keys: KeyObject[] = [];
  for (const block of blocks) {
    const key = readBlock(block, input);
    refuseUnverifiable(key, input);
    if (!keys.some((known) => known.equals(key))) keys.push(key);
  }
  const [first, ...rest] = keys;
  if (first === undefined)
    throw bad(`\`${input}\` holds no public key`, `Use \`${input}: cosign.pub\`.`);
  return [first, ...rest];
}

function readBlock({ label, der }: PemBlock, input: string): KeyObject {
  if (label.endsWith('PRIVATE KEY')) {
    throw bad(
      `\`${input}\` holds a private key, and to verify only the public key is needed`,
      'Whoever has the private key can sign in your name, so keep it out of this job; if it stood in a file of the repository, make a new one. ' +
        `Print the public key with \`cosign public-key --key cosign.key\` and use \`${input}: cosign.pub\`.`,
    );
  }
  if (/CERTIFICATE/.test(label)) {
    throw bad(
      `\`${input}\` holds a certificate, not a public key`,
      `Take the key out of it with \`openssl x509 -in cert.pem -pubkey -noout\` and use \`${input}: cosign.pub\`; for keyless signatures use \`certificate-identity\` instead.`,
    );
  }
  const type = label === 'PUBLIC KEY' ? 'spki' : label === 'RSA PUBLIC KEY' ? 'pkcs1' : undefined;
  if (type === undefined)
    throw bad(
      `\`${input}\` holds a PEM of the kind "${shown(label, 40)}", not a public key`,
      `Use \`${input}: cosign.pub\`.`,
    );
  try {
    return createPublicKey({ key: der, format: 'der', type });
  } catch {
    throw bad(
      `The public key in \`${input}\` is damaged: what its PEM holds is not a key`,
      `Print it again with \`cosign public-key --key cosign.key\` and use \`${input}: cosign.pub\`.`,
    );
  }
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-key', `${message}.`, fix);
}
