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

  // It is looked at in pieces of 65 536 characters.
  it.each([49_151, 49_152, 49_153, 98_304, 98_305])('of %i bytes is read in one way', (length) => {
    const text = Buffer.alloc(length, 251).toString('base64');
    expect(isBase64(text)).toBe(true);
    for (const at of [0, 65_535, 65_536, text.length - 1]) {
      expect(isBase64(`${text.slice(0, at)}\n${text.slice(at)}`), `a line break at ${at}`).toBe(
        false,
      );
      expect(isBase64(`${text.slice(0, at)}-${text.slice(at + 1)}`), `a dash at ${at}`).toBe(false);
    }
  });

  it.each(['YQ==', 'YWI='])('%s ends a text, and no piece of one', (padded) => {
    const full = 'A'.repeat(65_532);
    expect(isBase64(`${full}${padded}`)).toBe(true);
    expect(isBase64(`${full}${padded}AAAA`)).toBe(false);
  });

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
