import type { SignResult } from '../../engine/sign-result.ts';
import type { RepositoryName } from '../../image/reference.ts';
import { cosignVerify, type ShellCommand } from '../../policies/cosign-command.ts';
import { lacksLog } from './sign-lines.ts';

export { commandText, quote } from '../../policies/cosign-command.ts';

/** What a stranger must know to verify, besides the result itself. */
export interface VerifySetting {
  /** the log was used (input `tlog`) */
  readonly tlog: boolean;
  /** services other than the public-good instance: the verifier needs their trusted root */
  readonly privateSigstore: boolean;
  /**
   * true for a `registry/repository@digest` whose registry was spoken to in plain http on another
   * machine
   */
  readonly plainHttp?: (image: string) => boolean;
  /** where the signatures lie, in the place of beside each image */
  readonly signatureRepository?: RepositoryName;
}

/**
 * A `cosign verify` that repeats the check of this run, one argument or option with its value per
 * entry; and what it cannot say.
 */
export type VerifyCommand = ShellCommand;

/**
 * The command for one image, with exactly the signer, annotations and log of the signature.
 * Undefined where nothing was signed, or where a text has control characters: nobody should paste
 * those into a shell.
 */
export function verifyCommand(
  result: SignResult,
  setting: VerifySetting,
): VerifyCommand | undefined {
  const signer = signerOf(result);
  if (result.status === 'failed' || result.signatures.length === 0 || signer === undefined)
    return undefined;
  const isLogged = result.signatures.some(({ tlogIndex }) => tlogIndex !== undefined);
  const tlog = setting.tlog && isLogged && !lacksLog(result);
  // Without a time from the log (Rekor v2 gives none, or there is no log) the timestamp is what
  // proves the certificate was alive.
  const byTimestamp = result.signatures.some(
    ({ timestamp, integratedTime }) => timestamp !== undefined && integratedTime === undefined,
  );
  const isOwn = signer !== 'key' && signer.issuer === undefined;
  return cosignVerify({
    image: result.image,
    signer,
    tlog,
    byTimestamp,
    trustedRoot:
      isOwn ||
      (setting.privateSigstore && (tlog || byTimestamp || result.signer.identity !== undefined)),
    annotations: result.annotations,
    ...(result.attested === undefined ? {} : { predicateType: result.attested.predicateType }),
    plainHttp: setting.plainHttp?.(result.image) ?? false,
    ...(setting.signatureRepository === undefined
      ? {}
      : {
          place: setting.signatureRepository,
          onlyBundles: result.signatures.every(({ format }) => format === 'bundle'),
        }),
  });
}

function signerOf({
  signer: { identity, issuer, keyId },
}: SignResult): { identity: string; issuer: string | undefined } | 'key' | undefined {
  if (identity !== undefined) return { identity, issuer };
  return keyId === undefined ? undefined : 'key';
}
