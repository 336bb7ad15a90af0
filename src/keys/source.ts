import { Failure } from '../failure.ts';

/** Where the text of a key may come from. Both are passed in: this folder reads neither environment nor disk by itself. */
export interface KeyPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** At most `maxBytes` bytes of a file, and throws where there is none. One more byte than `maxKeyBytes` is asked for, to notice a longer file. */
  readonly readFile: (path: string, maxBytes: number) => Promise<Uint8Array>;
}

/** bytes; the largest RSA key with comments is a quarter of that */
export const maxKeyBytes = 64 * 1024;

/** Keys that stay in a service: scheme and whose it is. An issue that adds a provider moves its line to the loader. */
const kmsSchemes: readonly (readonly [scheme: string, service: string])[] = [
  ['awskms://', 'AWS KMS'],
  ['gcpkms://', 'Google Cloud KMS'],
  ['azurekms://', 'Azure Key Vault'],
  ['hashivault://', 'HashiCorp Vault'],
  ['k8s://', 'a Kubernetes secret'],
  ['gitlab://', 'a GitLab variable'],
  ['pkcs11:', 'a PKCS #11 token'],
];

/**
 * Turns the input `key` into the text of a key: PEM text as it is, `env://NAME` from the environment, anything short on one line as a path.
 * The value never stands in an error unless it cannot be a key: a key without its first line looks like a path.
 * @param input name of the input, for messages
 * @throws {Failure} `bad-key` when empty, missing, unreadable or over 64 KiB; `unsupported-key` for a KMS.
 */
export async function readKeySource(value: string, places: KeyPlaces, input = 'key'): Promise<string> {
  const text = value.trim();
  if (text === '') throw emptyKey(`\`${input}\` is empty`, input);
  if (Buffer.byteLength(text) > maxKeyBytes) throw bad(`\`${input}\` has more than ${maxKeyBytes} bytes, which no key has`, pasteIt(input));
  if (isKeyText(text)) return value;
  const scheme = /^([a-z][a-z0-9+.-]{0,20}):\/\//i.exec(text)?.[0]?.toLowerCase() ?? (/^pkcs11:/i.test(text) ? 'pkcs11:' : undefined);
  if (scheme === 'env://') return fromEnvironment(text.slice(scheme.length), places, input);
  if (scheme !== undefined) throw unknownScheme(scheme, input);
  return fromFile(text, places, input);
}

/** A secret that does not exist arrives as the empty text: say when that happens. */
export function emptyKey(what: string, input: string): Failure {
  return bad(
    what,
    'GitHub gives an empty text for a secret that does not exist, that is in another environment, or in a pull request from a fork. ' +
      `Store it with \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\` and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}

/** True for what can only be the key itself, whole or damaged; judging it is the business of pem.ts. */
function isKeyText(text: string): boolean {
  if (text.includes('-----') || /[\r\n]/.test(text) || text.startsWith('{') || text.startsWith('"') || text.startsWith("'")) return true;
  if (/^(ssh-|ecdsa-|sk-|age1|AGE-|PuTTY)/i.test(text)) return true;
  // A long run of base64 is a key without its lines; a path that long has a dot or more slashes in it.
  return /^[A-Za-z0-9+/_-]{60,}={0,2}$/.test(text.replaceAll(' ', '')) && !/^\.{0,2}\/[a-z]+\//.test(text);
}

function fromEnvironment(name: string, places: KeyPlaces, input: string): string {
  if (!/^[A-Za-z_]\w{0,63}$/.test(name))
    throw bad(`what follows "env://" in \`${input}\` is not the name of a variable`, inEnvironment(input));
  const found = Object.hasOwn(places.environment, name) ? places.environment[name] : undefined;
  if (found === undefined) throw bad(`\`${input}\` names the variable ${name}, which is not set`, inEnvironment(input));
  if (found.trim() === '') throw emptyKey(`the variable ${name} that \`${input}\` names is empty`, input);
  if (Buffer.byteLength(found) > maxKeyBytes) throw bad(`the variable ${name} has more than ${maxKeyBytes} bytes`, inEnvironment(input));
  return found;
}

async function fromFile(path: string, places: KeyPlaces, input: string): Promise<string> {
  const shown = /^[\w./\\: -]{1,120}\.(key|pem|pub|txt)$/.test(path) ? `"${path}"` : 'the path';
  let bytes: Uint8Array;
  try {
    bytes = await places.readFile(path, maxKeyBytes + 1);
  } catch (error) {
    // Neither the error nor its text is kept: it quotes the path, and the "path" may be a key that lost its first line.
    const code = error instanceof Error && 'code' in error && /^E[A-Z]{2,20}$/.test(String(error.code)) ? ` (${error.code})` : '';
    throw bad(
      `${shown} in \`${input}\` cannot be read${code}`,
      `${pasteIt(input)} A path is looked up in the workspace; a file of the repository needs actions/checkout before this step.`,
    );
  }
  if (bytes.byteLength > maxKeyBytes) throw bad(`the file that \`${input}\` names has more than ${maxKeyBytes} bytes`, pasteIt(input));
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.trim() === '') throw bad(`the file that \`${input}\` names is empty`, pasteIt(input));
  return text;
}

function unknownScheme(scheme: string, input: string): Failure {
  const known = kmsSchemes.find(([prefix]) => prefix === scheme);
  const ways = 'the text of a PEM, `env://NAME`, or a path';
  if (known !== undefined) {
    return new Failure(
      'unsupported-key',
      `\`${input}\` names a key in ${known[1]} (${scheme}), which this version cannot use yet.`,
      `Use ${ways}; or sign without a key by removing \`${input}\`.`,
    );
  }
  const schemes = ['env://', ...kmsSchemes.map(([prefix]) => prefix)].join(', ');
  return bad(`\`${input}\` starts with "${scheme}", which is not known`, `Use ${ways}. Known schemes are ${schemes}.`);
}

function pasteIt(input: string): string {
  return `Give the text of the PEM: \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`;
}

function inEnvironment(input: string): string {
  return `Set it on the step:\n  env:\n    COSIGN_PRIVATE_KEY: \${{ secrets.COSIGN_PRIVATE_KEY }}\n  with:\n    ${input}: env://COSIGN_PRIVATE_KEY`;
}

function bad(what: string, fix: string): Failure {
  return new Failure('bad-key', `${what[0]?.toUpperCase()}${what.slice(1)}.`, fix);
}
