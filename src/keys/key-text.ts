import { Failure } from '../failure.ts';

/** bytes; the largest RSA key with comments is a quarter of that */
export const maxKeyBytes = 64 * 1024;

/** A Failure `bad-key` from the half of a sentence, written as a whole one. */
export function bad(what: string, fix: string): Failure {
  return new Failure('bad-key', `${what[0]?.toUpperCase()}${what.slice(1)}.`, fix);
}

/** A secret that does not exist arrives as the empty text: say when that happens. */
export function emptyKey(what: string, input: string): Failure {
  return bad(
    what,
    'GitHub gives an empty text for a secret that does not exist, that is in another environment, or in a pull request from a fork. ' +
      `Store it with \`gh secret set COSIGN_PRIVATE_KEY < cosign.key\` and use \`${input}: \${{ secrets.COSIGN_PRIVATE_KEY }}\`.`,
  );
}

/**
 * The text of a key's bytes. PowerShell writes UTF-16 where others write UTF-8 (`>` in Windows
 * PowerShell, `[Text.Encoding]::Unicode`): taken with a byte order mark, and without one where every
 * other byte is zero, which no key in UTF-8 has.
 */
export function decodeKeyText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoding = encodingOf(buffer);
  const whole = buffer.subarray(0, buffer.length - (buffer.length % 2));
  if (encoding === 'utf16le') return withoutMark(whole.toString('utf16le'));
  if (encoding === 'utf16be') return withoutMark(Buffer.from(whole).swap16().toString('utf16le'));
  return withoutMark(buffer.toString('utf8'));
}

/** True for what a log shows in place of a secret; a masked output of another job brings it along. */
export function isMasked(text: string): boolean {
  return /^\*{3,}$/.test(text.trim());
}

function encodingOf(bytes: Buffer): 'utf8' | 'utf16le' | 'utf16be' {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf16le';
  if (first === 0xfe && second === 0xff) return 'utf16be';
  const head = bytes.subarray(0, 64);
  const isZero = (odd: number) =>
    head.length >= 16 && head.every((byte, index) => (index % 2 === odd) === (byte === 0));
  if (isZero(1)) return 'utf16le';
  return isZero(0) ? 'utf16be' : 'utf8';
}

function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, '');
}
