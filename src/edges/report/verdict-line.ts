import { secondsInWords } from '../../clock.ts';
import type { SignResult } from '../../engine/sign-result.ts';
import { goodSignature, isWhole, type VerifyResult } from '../../engine/verify-result.ts';
import { lacksLog } from './sign-lines.ts';
import { signedBy } from './signer-words.ts';

/**
 * The run in one sentence: "Signed by release.yml of acme/app at main, read back and verified, 3 s".
 * Undefined where anything failed: then the errors are what there is to say.
 * @param elapsed milliseconds
 */
export function signVerdict(results: readonly SignResult[], elapsed: number): string | undefined {
  if (results.length === 0 || results.some(isBadSigning)) return undefined;
  const signed = signedBy(results.map(({ signer }) => signer));
  const isAttested = results.some(({ attested }) => attested !== undefined);
  const who = isAttested ? signed.replace('Signed', 'Attested') : signed;
  const before = results.every(({ status }) => status === 'already-signed');
  const readBack = results.every(({ verified }) => verified === true);
  return [
    before ? `Already ${who.charAt(0).toLowerCase()}${who.slice(1)}` : who,
    ...(results.some(lacksLog) ? ['not in the log'] : []),
    ...(readBack ? ['read back and verified'] : ['not read back']),
    secondsInWords(elapsed),
  ].join(', ');
}

export function isBadSigning({ status, verified }: SignResult): boolean {
  return status === 'failed' || verified === false;
}

/** The same of a gate: "Signed by release.yml of acme/app at main, verified, 0.4 s". */
export function verifyVerdict(
  results: readonly VerifyResult[],
  elapsed: number,
): string | undefined {
  const whole = results.every((result) => isWhole(result, results));
  const good = results.map(goodSignature).filter((signature) => signature !== undefined);
  if (results.length === 0 || !whole || good.length === 0) return undefined;
  const who = signedBy(good);
  const isSigned = results.some(({ signatures }) => signatures.some(({ verified }) => verified));
  return `${isSigned ? who : who.replace('Signed', 'Attested')}, verified, ${secondsInWords(elapsed)}`;
}
