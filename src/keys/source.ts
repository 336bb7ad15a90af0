import type { Failure } from '../failure.ts';
import { keyHint, missingFileHint } from './key-hint.ts';
import { bad, decodeKeyText, emptyKey, isMasked, maxKeyBytes } from './key-text.ts';
import { providers } from './providers.ts';

/**
 * Where the text of a key may come from. Both are passed in: this folder reads neither environment
 * nor disk by itself.
 */
export interface KeyPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * At most `maxBytes` bytes of a file, and throws where there is none. One more byte than
   * `maxKeyBytes` is asked for, to notice a longer file.
   */
  readonly readFile: (path: string, maxBytes: number) => Promise<Uint8Array>;
}

/**
 * Turns the input `key` into the text of a key: PEM text as it is, `env://NAME` from the
 * environment, anything short on one line as a path. The value never stands in an error unless it
 * cannot be a key: a key without its first line looks like a path.
 * @param input name of the input, for messages Keys in a service (providers.ts) are the caller's to
 * recognise first.
 * @throws {Failure} `bad-key` when empty, missing, unreadable, over 64 KiB, or of a scheme that is
 * not known.
 */
export async function readKeySource(
  value: string,
  places: KeyPlaces,
  input = 'key',
): Promise<string> {
  const text = value.trim();
  if (text === '') throw emptyKey(`\`${input}\` is empty`, input);
  if (Buffer.byteLength(text) > maxKeyBytes)
    throw bad(`\`${input}\` has more than ${maxKeyBytes} bytes, which no key has`, pasteIt(input));
  if (isMasked(text)) throw maskedKey(input);
  if (isKeyText(text)) return value;
  const hint = keyHint(text, input, 'private');
  if (hint !== undefined) throw hint;
  const scheme =
    /^([a-z][a-z0-9+.-]{0,20}):\/\//i.exec(text)?.[0]?.toLowerCase() ??
    (/^pkcs11:/i.test(text) ? 'pkcs11:' : undefined);
  if (scheme === 'env://') return fromEnvironment(text.slice(scheme.length), places, input);
  if (scheme !== undefined) throw unknownScheme(scheme, input);
  return fromFile(text, places, input);
}

/**
 * True for what can only be the key itself, whole or damaged; judging it is the business of pem.ts.
 */
function isKeyText(text: string): boolean {
  if (
    text.includes('-----') ||
    /[\r\n]/.test(text) ||
    text.startsWith('{') ||
    text.startsWith('"') ||
    text.startsWith("'")
  )
    return true;
  if (/^(ssh-|ecdsa-|sk-|age1|AGE-|PuTTY)/i.test(text)) return true;
  // A long run of base64 is a key without its lines; a path that long has a dot or more slashes in
  // it.
  return (
    /^[A-Za-z0-9+/_-]{60,}={0,2}$/.test(text.replaceAll(' ', '')) &&
    !/^\.{0,2}\/[a-z]+\//.test(text)
  );
}

function fromEnvironment(name: string, places: KeyPlaces, input: string): string {
  if (!/^[A-Za-z_]\w{0,63}$/.test(name))
    throw bad(
      `what follows "env://" in \`${input}\` is not the name of a variable`,
      inEnvironment(input),
    );
  const found = Object.hasOwn(places.environment, name) ? places.environment[name] : undefined;
  if (found === undefined)
    throw bad(`\`${input}\` names the variable ${name}, which is not set`, inEnvironment(input));
  if (found.trim() === '')
    throw emptyKey(`the variable ${name} that \`${input}\` names is empty`, input);
  if (Buffer.byteLength(found) > maxKeyBytes)
    throw bad(`the variable ${name} has more than ${maxKeyBytes} bytes`, inEnvironment(input));
  return found;
}

async function fromFile(path: string, places: KeyPlaces, input: string): Promise<string> {
  const shown = /^[\w./\\: -]{1,120}\.(key|pem|pub|txt)$/.test(path) ? `"${path}"` : 'the path';
  let bytes: Uint8Array;
  try {
    bytes = await places.readFile(path, maxKeyBytes + 1);
  } catch (error) {
    // Neither the error nor its text is kept: it quotes the path, and the "path" may be a key that
    // lost its first line.
    const code =
      error instanceof Error && 'code' in error && /^E[A-Z]{2,20}$/.test(String(error.code))
        ? ` (${error.code})`
        : '';
    const hint = missingFileHint(path, input, 'private');
    if (hint !== undefined) throw hint;
    throw bad(
      `${shown} in \`${input}\` cannot be read${code}`,
      `${pasteIt(input)} A path is looked up in the workspace; a file of the repository needs actions/checkout before this step.`,
    );
  }
  if (bytes.byteLength > maxKeyBytes)
    throw bad(
      `the file that \`${input}\` names has more than ${maxKeyBytes} bytes`,
      pasteIt(input),
    );
  const text = decodeKeyText(bytes);
  if (text.trim() === '') throw bad(`the file that \`${input}\` names is empty`, pasteIt(input));
  return text;
}

function maskedKey(input: string): Failure {
  return bad(
    `\`${input}\` is the masked form that a log shows (***), not the key itself`,
    `No step or job can hand a secret on as an output: GitHub blanks it. Read it where it is stored, in the job that signs: \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}

function unknownScheme(scheme: string, input: string): Failure {
  const ways = 'the text of a PEM, `env://NAME`, a path, or a key in a service';
  const schemes = ['env://', ...providers.map(({ scheme: known }) => known)].join(', ');
  return bad(
    `\`${input}\` starts with "${scheme}", which is not known`,
    `Use ${ways}. Known schemes are ${schemes}.`,
  );
}

function pasteIt(input: string): string {
  return `Give the text of the PEM: \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`;
}

function inEnvironment(input: string): string {
  return `Set it on the step:\n  env:\n    COSIGN_PRIVATE_KEY: \${{ secrets.COSIGN_PRIVATE_KEY }}\n  with:\n    ${input}: env://COSIGN_PRIVATE_KEY`;
}
