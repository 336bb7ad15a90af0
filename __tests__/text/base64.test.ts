import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, derOf, isBase64, toPem } from '../../src/text/base64.ts';

describe('base64', () => {
  it('is read in its one spelling', () =>
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(Buffer.from(bytes));
      }),
    ));

  it.each(['', 'YQ', 'YQ=', 'YR==', 'YQ==\n', ' YQ==', 'Y-_=', 'YWJj=', 7, null, undefined])(
    '%j is none',
    (text) => expect(decodeBase64(text)).toBeUndefined(),
  );

  it('of nothing is empty', () => expect(isBase64('')).toBe(true));
});

describe('PEM', () => {
  it('has lines of 64 characters, and gives back its bytes', () => {
    const bytes = Buffer.alloc(100, 7);
    const pem = toPem('CERTIFICATE', bytes);
    expect(pem.split('\n').map(({ length }) => length)).toEqual([27, 64, 64, 8, 25, 0]);
    expect(derOf(pem)).toEqual(bytes);
  });
});
