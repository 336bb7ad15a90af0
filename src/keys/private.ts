import { createPrivateKey, type KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { cosignLabels, type DerivedAhead, passwordForms } from './derive.ts';
import { decryptPrivateKey, wrongPassword } from './encrypted.ts';
import { type PemBlock, readPem } from './pem.ts';

const plainTypes: Readonly<Record<string, 'pkcs8' | 'sec1' | 'pkcs1'>> = {
  'PRIVATE KEY': 'pkcs8',
  'EC PRIVATE KEY': 'sec1',
  'RSA PRIVATE KEY': 'pkcs1',
};

const encryptedPkcs8 = 'ENCRYPTED PRIVATE KEY';

/**
 * Reads the text of one private key: cosign's encrypted PEM, PKCS #8 (plain or encrypted), SEC1,
 * PKCS #1, OpenSSL's old encryption.
 * @param password of an encrypted key; undefined when none was given
 * @throws {Failure} `bad-key` for anything else, by its name; `bad-password`. Neither ever holds a
 * part of the key or the password.
 */
export async function readPrivateKey(
  text: string,
  password: string | undefined,
  input = 'key',
  ahead?: DerivedAhead,
): Promise<KeyObject> {
  const blocks = readPem(text, input, 'private');
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) throw several(blocks, input);
  const { label } = block;
  try {
    if (cosignLabels.includes(label))
      return fromDer(await decryptPrivateKey(block.der, password, input, ahead), 'pkcs8', input);
    if (label === encryptedPkcs8 || block.legacyEncrypted)
      return openEncrypted(block, password, input);
    const type = plainTypes[label];
    if (type === undefined) throw wrongKind(label, input);
    return fromDer(block.der, type, input);
  } finally {
    block.der.fill(0);
  }
}

/** Zeroes `der`, whatever comes of it. */
function fromDer(der: Buffer, type: 'pkcs8' | 'sec1' | 'pkcs1', input: string): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type });
  } catch {
    throw bad(
      `The key in \`${input}\` is damaged: what its PEM holds is not a private key.`,
      `Store the file again as it is: \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\`, and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
    );
  } finally {
    der.fill(0);
  }
}

function openEncrypted(block: PemBlock, password: string | undefined, input: string): KeyObject {
  for (const passphrase of passwordForms(password)) {
    try {
      return createPrivateKey({ key: block.pem, format: 'pem', passphrase });
    } catch (error) {
      // OpenSSL says "bad decrypt" for a wrong password, and now and then decrypts to noise that
      // then fails to parse.
      if (
        error instanceof Error &&
        /unsupported|unknown|cipher/i.test(error.message) &&
        !/decrypt|DECODER/i.test(error.message)
      ) {
        throw bad(
          `The key in \`${input}\` is encrypted in a way that is not supported.`,
          'Encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem`, or `cosign import-key-pair --key plain.pem`.',
        );
      }
    }
  }
  throw wrongPassword(password, input);
}

function several(blocks: readonly PemBlock[], input: string): Failure {
  const labels = [...new Set(blocks.map(({ label }) => label))].slice(0, 5).join(', ');
  return bad(
    `The key in \`${input}\` is ${blocks.length} PEM blocks (${labels}), and which one is to sign is not said.`,
    `Leave only the private key in it; certificates and public keys do not belong there: \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}

function wrongKind(label: string, input: string): Failure {
  const isPublic = label.endsWith('PUBLIC KEY');
  const what = isPublic
    ? 'a public key'
    : /CERTIFICATE|PKCS7|CMS/.test(label)
      ? 'a certificate'
      : `a PEM of the kind "${shown(label, 40)}"`;
  const fix = isPublic
    ? `A signature needs the private key, the file cosign.key: \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\`, and \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`. The public key goes to the verify action.`
    : `Store the private key: \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\`, and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`;
  return bad(`The key in \`${input}\` is ${what}, not a private key.`, fix);
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-key', message, fix);
}
