import type { SignResult } from '../signing/result.ts';

/** What a stranger must know to verify, besides the result itself. */
export interface VerifySetting {
  /** the log was used (input `tlog`) */
  readonly tlog: boolean;
  /** services other than the public-good instance: the verifier needs their trusted root */
  readonly privateSigstore: boolean;
  /** true for a `registry/repository@digest` whose registry was spoken to in plain http on another machine */
  readonly plainHttp?: (image: string) => boolean;
}

/** A `cosign verify` that repeats the check of this run, one argument or option with its value per entry; and what it cannot say. */
export interface VerifyCommand {
  readonly words: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The command for one image, with exactly the signer, annotations and log of the signature (options of cosign 3; the same in 2 but for
 * `--trusted-root`). Undefined where nothing was signed, or where a text has control characters: nobody should paste those into a shell.
 */
export function verifyCommand(result: SignResult, setting: VerifySetting): VerifyCommand | undefined {
  const signer = signerWords(result);
  if (result.status === 'failed' || result.signatures.length === 0 || signer === undefined) return undefined;
  const { stated, unstated } = annotationWords(result.annotations);
  const logged = setting.tlog && result.signatures.some(({ tlogIndex }) => tlogIndex !== undefined);
  // Without a time from the log (Rekor v2 gives none, or there is no log) the timestamp is what proves the certificate was alive.
  const byTimestamp = result.signatures.some(({ timestamp, integratedTime }) => timestamp !== undefined && integratedTime === undefined);
  const words = [
    'cosign verify',
    ...signer,
    ...(setting.privateSigstore && (logged || byTimestamp || result.signer.identity !== undefined)
      ? ['--trusted-root trusted_root.json']
      : []),
    ...(logged ? [] : ['--insecure-ignore-tlog=true']),
    ...(byTimestamp ? ['--use-signed-timestamps'] : []),
    ...stated,
    ...(setting.plainHttp?.(result.image) ? ['--allow-http-registry'] : []),
    quote(result.image),
  ];
  if (words.some((word) => /\p{Cc}/u.test(word))) return undefined;
  const note = `cosign cannot ask for these annotations on its command line: ${unstated.join(', ')}.`;
  return { words, notes: unstated.length > 0 ? [note] : [] };
}

/** The command as a person pastes it: one option a line. */
export function commandText({ words }: VerifyCommand): string {
  return words.join(' \\\n  ');
}

function signerWords({ signer }: SignResult): readonly string[] | undefined {
  if (signer.identity !== undefined && signer.issuer !== undefined)
    return [`--certificate-identity ${quote(signer.identity)}`, `--certificate-oidc-issuer ${quote(signer.issuer)}`];
  return signer.keyId === undefined ? undefined : ['--key cosign.pub'];
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

/** One word of a POSIX shell: as it is when harmless, else in single quotes. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
