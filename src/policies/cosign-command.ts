import { formatRepository, type RepositoryName } from '../image/reference.ts';
import { breaksLine, hasHidden } from '../text/untrusted.ts';

/** What a `cosign verify` is told. */
export interface CosignVerify {
  /** `registry/repository@digest` */
  readonly image: string;
  /** keyed: the public key is taken from `cosign.pub` */
  readonly signer: /** without an issuer: a certificate of an authority of one's own */
    | { readonly identity: string; readonly issuer: string | undefined }
    | { readonly identityRegexp: string; readonly issuer: string }
    | 'key';
  readonly tlog: boolean;
  /** the timestamp proves the time, because the log does not */
  readonly byTimestamp: boolean;
  readonly trustedRoot: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  /** of an attestation; absent for a signature */
  readonly predicateType?: string;
  readonly plainHttp: boolean;
  /** where the signatures lie, in the place of beside the image */
  readonly place?: RepositoryName;
  /** nothing in the legacy format lies there */
  readonly onlyBundles?: boolean;
}

/**
 * The words of a command, one argument or option with its value per entry; and what it cannot say.
 */
export interface ShellCommand {
  readonly words: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The command in options of cosign 3 (the same in 2 but for `--trusted-root`). Undefined where a
 * text has control characters: nobody should paste those into a shell.
 */
export function cosignVerify(asked: CosignVerify): ShellCommand | undefined {
  const { stated, unstated } = annotationWords(asked.annotations);
  const words = [
    ...(asked.place === undefined
      ? []
      : [`COSIGN_REPOSITORY=${quote(formatRepository(asked.place))}`]),
    ...(asked.predicateType === undefined
      ? ['cosign verify']
      : ['cosign verify-attestation', `--type ${quote(asked.predicateType)}`]),
    ...signerWords(asked.signer),
    ...(asked.trustedRoot ? ['--trusted-root trusted_root.json'] : []),
    ...(asked.tlog ? [] : ['--insecure-ignore-tlog=true']),
    ...(asked.byTimestamp ? ['--use-signed-timestamps'] : []),
    ...stated,
    ...(asked.plainHttp ? ['--allow-http-registry'] : []),
    quote(asked.image),
  ];
  if (!isPasteable(words)) return undefined;
  const isOwn = asked.signer !== 'key' && asked.signer.issuer === undefined;
  const notes = [
    ...(unstated.length > 0
      ? [`cosign cannot ask for these annotations on its command line: ${unstated.join(', ')}.`]
      : []),
    ...(asked.place !== undefined && asked.onlyBundles === true
      ? ['cosign before 3.1 looks for bundles beside the image alone.']
      : []),
    ...(isOwn
      ? [
          'cosign finds your authority in `trusted_root.json`: add its chain to `certificateAuthorities` there.',
        ]
      : []),
  ];
  return { words, notes };
}

/** The command as a person pastes it: one option a line. */
export function commandText({ words }: ShellCommand): string {
  return words.join(' \\\n  ');
}

/** True for words that a shell takes as one line: a line break would be a command of its own. */
export function isPasteable(words: readonly string[]): boolean {
  return !words.some(breaksLine);
}

function signerWords(signer: CosignVerify['signer']): readonly string[] {
  if (signer === 'key') return ['--key cosign.pub'];
  const who =
    'identity' in signer
      ? `--certificate-identity ${quote(signer.identity)}`
      : `--certificate-identity-regexp ${quote(signer.identityRegexp)}`;
  // Such a certificate names no issuer, and no log of certificates has it.
  if (signer.issuer === undefined)
    return [who, "--certificate-oidc-issuer-regexp '^$'", '--insecure-ignore-sct=true'];
  return [who, `--certificate-oidc-issuer ${quote(signer.issuer)}`];
}

/** `-a` is read as one line of CSV and then cut at "=", of which cosign takes exactly one. */
function annotationWords(annotations: Readonly<Record<string, string>>) {
  const stated: string[] = [];
  const unstated: string[] = [];
  for (const [name, value] of Object.entries(annotations)) {
    const pair = `${name}=${value}`;
    if (name.includes('=') || value.includes('=')) unstated.push(name);
    else stated.push(`-a ${quote(/[",]/.test(pair) ? `"${pair.replaceAll('"', '""')}"` : pair)}`);
  }
  return { stated, unstated };
}

/**
 * One word of a POSIX shell: as it is when harmless, else in single quotes. What the person who
 * pastes it would not see is written out (`$'…'`, which bash, zsh and POSIX of 2024 know).
 */
export function quote(word: string): string {
  if (hasHidden(word) && !breaksLine(word)) return `$'${written(word)}'`;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function written(word: string): string {
  return Array.from(word, (character) => {
    if (/['\\]/.test(character)) return `\\${character}`;
    return hasHidden(character) ? bytes(character) : character;
  }).join('');
}

/** Bytes of UTF-8 in octal: `\u` is not in POSIX. */
function bytes(character: string): string {
  return Array.from(
    new TextEncoder().encode(character),
    (byte) => `\\${byte.toString(8).padStart(3, '0')}`,
  ).join('');
}
