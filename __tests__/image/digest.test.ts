import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { digestOf, hexOf, isDigest, parseDigest } from '../../src/image/digest.ts';

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('a digest', () => {
  it('of bytes is their sha256', () => {
    expect(digestOf(new Uint8Array())).toBe(`sha256:${hex}`);
    expect(hexOf(digestOf(new Uint8Array()))).toBe(hex);
  });
  it('has one form only', () => {
    expect(parseDigest(`sha256:${hex}`)).toBe(`sha256:${hex}`);
    expect(
      [`sha256:${hex.toUpperCase()}`, `SHA256:${hex}`, `sha256:${hex}\n`, hex, undefined, 1].map(
        isDigest,
      ),
    ).toEqual(new Array(6).fill(false));
  });
  it.each([
    ['', 'it is empty'],
    [hex, 'it has no "sha256:" in front'],
    ['0a1b2c3', 'may be a commit or an image id'],
    ['sha256:12', 'it has 2 digits after "sha256:" and needs 64'],
    [`sha256:${hex.toUpperCase()}`, 'its digits must be lower case'],
    [`sha512:${hex}`, 'only sha256 is supported, not sha512'],
    ['latest', 'a digest is "sha256:" and 64 lower-case hexadecimal digits'],
  ])('%j is refused: %s', (text, problem) => {
    expect(() => parseDigest(text)).toThrow(Failure);
    expect(() => parseDigest(text)).toThrow(problem);
  });
});
