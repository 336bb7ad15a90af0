import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';

declare const digestBrand: unique symbol;

/**
 * A sha256 digest in its one canonical form: `sha256:` and 64 lower-case hexadecimal digits (OCI
 * image-spec, descriptor.md#digests).
 */
export type Digest = string & { readonly [digestBrand]: true };

const canonical = /^sha256:[0-9a-f]{64}$/;

/** True when `text` is a canonical sha256 digest; upper case and other algorithms are not. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && canonical.test(text);
}

/**
 * Reads a digest as a person or a registry writes it.
 * @throws {Failure} `bad-digest` for anything but a canonical sha256 digest; the message says what
 * is wrong with it.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Failure(
    'bad-digest',
    `"${shown(text, 100)}" is not a digest: ${digestProblem(text)}.`,
    'Pass the digest that the push printed, for example `digest: ${{ steps.build.outputs.digest }}`.',
  );
}

/**
 * The digest of these bytes. Node's crypto takes 5 ms to load, so it is loaded here: there is
 * nothing to hash before the first answer.
 */
export function digestOf(bytes: Uint8Array): Digest {
  const { hash } = process.getBuiltinModule('node:crypto');
  return `sha256:${hash('sha256', bytes)}` as Digest;
}

/** The 64 hexadecimal digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/**
 * What is wrong with a text that is not a canonical digest, as the end of a sentence ("it is
 * empty").
 */
export function digestProblem(text: string): string {
  if (text === '') return 'it is empty';
  if (/^[0-9a-f]{7,64}$/i.test(text))
    return 'it has no "sha256:" in front, and may be a commit or an image id';
  if (/^sha256:[0-9a-f]*$/i.test(text))
    return text === text.toLowerCase()
      ? `it has ${text.length - 7} digits after "sha256:" and needs 64`
      : 'its digits must be lower case';
  if (/^[a-z0-9]+:[0-9a-f]+$/i.test(text))
    return `only sha256 is supported, not ${text.slice(0, text.indexOf(':'))}`;
  return 'a digest is "sha256:" and 64 lower-case hexadecimal digits';
}
