import { Failure } from '../failure.ts';
import { decodeKeyText, emptyKey, isMasked, maxKeyBytes } from './key-text.ts';

/** One PEM block (RFC 7468) after repair. */
export interface PemBlock {
  /** what stands after BEGIN, e.g. `PRIVATE KEY` */
  readonly label: string;
  /** the block written cleanly: 64 characters a line, LF, newline at the end */
  readonly pem: string;
  /** the bytes inside */
  readonly der: Buffer;
  /** OpenSSL's own encryption, from before PKCS #8 (`Proc-Type: 4,ENCRYPTED`) */
  readonly legacyEncrypted: boolean;
}

export type PemPurpose = 'private' | 'public';

/** characters; base64 around a key of the largest size */
const maxText = 2 * maxKeyBytes;

const block =
  /-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,60})-----((?:(?!-----)[\s\S])*)-----END ([A-Z0-9][A-Z0-9 ]{0,60})-----/g;
const legacyHeader =
  /^\s*Proc-Type:\s*4,ENCRYPTED\s+DEK-Info:\s*([A-Z0-9-]{3,30}),([0-9A-Fa-f]{8,64})\s+/;

/**
 * Finds the PEM blocks in a text that has been through a secret store. Repaired, because only one
 * original is possible: CRLF, a literal `\n`, newlines that became spaces, indentation, quotes
 * around, a missing last newline, what is left of UTF-16, a whole PEM that was base64-encoded once. EC PARAMETERS, which
 * OpenSSL writes in front of a key, are left out.
 * @param input name of the input, for messages
 * @throws {Failure} `bad-key` for anything else, by the name of what it seems to be; never with a
 * piece of the text.
 */
export function readPem(text: string, input: string, purpose: PemPurpose): PemBlock[] {
  if (text.length > maxText) throw fail(input, purpose, `has more than ${maxText} characters`);
  const clean = unwrap(text);
  if (clean === '') throw emptyKey(`\`${input}\` is empty`, input);
  if (!clean.includes('-----BEGIN ')) throw fail(input, purpose, withoutPem(clean));
  const begins = clean.split('-----BEGIN ').length - 1;
  const foreign = foreignKind(clean);
  if (foreign !== undefined) throw fail(input, purpose, foreign);
  const found = [...clean.matchAll(block)];
  if (found.length !== begins)
    throw fail(
      input,
      purpose,
      'is cut off or damaged: a BEGIN line has no END line that belongs to it',
    );
  const blocks = found.map(([, label = '', body = '', end]) => {
    if (label !== end)
      throw fail(input, purpose, 'has a BEGIN and an END line that do not belong together');
    return readBlock(label, body, input, purpose);
  });
  const keys = blocks.filter(({ label }) => label !== 'EC PARAMETERS');
  if (keys.length === 0)
    throw fail(input, purpose, 'holds only the parameters of a curve, not the key');
  return keys;
}

/** The text without what secret stores and YAML wrap around it. */
function unwrap(text: string): string {
  const plain = unquote(text);
  const squeezed = plain.replace(/\s+/g, '');
  // Decoded once, never again, and only when a PEM comes out.
  const isBase64 = !plain.includes('-----') && /^[A-Za-z0-9+/]{40,}={0,2}$/.test(squeezed);
  const inner = isBase64 ? withoutZeros(decodeKeyText(Buffer.from(squeezed, 'base64'))) : '';
  const decoded = inner.includes('-----BEGIN ') ? unquote(inner) : plain;
  // A run of backslashes is looked at once: begun anew at each of them, a long run would take
  // quadratic time.
  return decoded
    .replace(/(?<!\\)\\+[rn]/g, '\n')
    .replace(/\r\n?/g, '\n')
    .trim();
}

function unquote(text: string): string {
  const trimmed = withoutZeros(text)
    .replace(/^\ufeff/, '')
    .trim();
  const quoted = /^(["'`])([\s\S]*)\1$/.exec(trimmed);
  return (quoted?.[2] ?? trimmed).trim();
}

/** UTF-16 that was read as UTF-8 has zeros between its characters, and two signs for its mark. */
function withoutZeros(text: string): string {
  return text.includes('\0') ? text.replace(/[\0\ufffd]/g, '') : text;
}

function readBlock(label: string, body: string, input: string, purpose: PemPurpose): PemBlock {
  const header = legacyHeader.exec(body);
  const base64 = body.slice(header?.[0].length ?? 0).replace(/\s+/g, '');
  if (base64 === '') throw fail(input, purpose, 'has nothing between its BEGIN and END lines');
  if (base64.includes('***'))
    throw fail(input, purpose, 'has *** where its lines were: it is the masked form of a log');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw fail(
      input,
      purpose,
      'is damaged: between its BEGIN and END lines is something other than base64, or some of it is missing',
    );
  }
  const headers =
    header === null ? '' : `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${header[1]},${header[2]}\n\n`;
  const lines = base64.match(/.{1,64}/g)?.join('\n') ?? '';
  return {
    label,
    pem: `-----BEGIN ${label}-----\n${headers}${lines}\n-----END ${label}-----\n`,
    der: Buffer.from(base64, 'base64'),
    legacyEncrypted: header !== null,
  };
}

/** PEM-like files of other programs, whose insides are not plain base64. */
function foreignKind(text: string): string | undefined {
  if (/-----BEGIN (OPENSSH|SSH2)/.test(text)) return 'is an SSH key';
  if (/-----BEGIN PGP/.test(text)) return 'is a PGP (GnuPG) key or message';
  if (/-----BEGIN AGE/.test(text)) return 'is a file encrypted with age';
  return undefined;
}

/** Names what a text without any BEGIN line seems to be. */
function withoutPem(text: string): string {
  if (text.includes('${{')) return 'holds an expression that GitHub did not replace';
  if (isMasked(text)) return 'is the masked form that a log shows, not the secret itself';
  if (/^(ssh-|ecdsa-sha2-|sk-ssh-|sk-ecdsa-|---- BEGIN SSH2)/.test(text)) return 'is an SSH key';
  if (text.startsWith('PuTTY')) return 'is a PuTTY key';
  if (/^(AGE-SECRET-KEY-|age1)/i.test(text)) return 'is an age key';
  if (text.startsWith('{'))
    return text.includes('"kty"')
      ? 'is a JSON Web Key (JWK)'
      : 'is JSON, without the BEGIN and END lines of a PEM';
  if (/-----END|-{3,}/.test(text))
    return 'is damaged: its BEGIN line is missing or has other characters in it';
  if (/^[A-Za-z0-9+/\s]{40,}={0,2}$/.test(text))
    return 'lacks its BEGIN and END lines, or is encoded more than once';
  return 'is not a PEM: there is no BEGIN line in it';
}

function fail(input: string, purpose: PemPurpose, problem: string): Failure {
  const fix =
    purpose === 'private'
      ? `Store the whole file, BEGIN and END lines included, with \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\` and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`; \`cosign generate-key-pair\` makes such a file.`
      : `Give the whole public key, BEGIN and END lines included, for example as a file of the repository: \`${input}: cosign.pub\`; \`cosign public-key --key cosign.key\` prints it.`;
  return new Failure('bad-key', `The key in \`${input}\` ${problem}.`, fix);
}
