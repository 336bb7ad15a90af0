import fc from 'fast-check';

const surrogates = { first: 0xd800, count: 0x800 };

/** Every code point that is a character by itself: all but the halves of surrogate pairs. */
const character = fc.nat({ max: 0x10ffff - surrogates.count }).map(
  (index) => String.fromCodePoint(index < surrogates.first ? index : index + surrogates.count),
  (text) => {
    const code = typeof text === 'string' ? text.codePointAt(0) : undefined;
    if (code === undefined || text !== String.fromCodePoint(code))
      throw new Error('not one character');
    return code < surrogates.first ? code : code - surrogates.count;
  },
);

/**
 * Makes the same texts as `fc.string({ unit: 'binary' })`, without its table of all characters,
 * which takes a second and 200 MB.
 */
export const anyText = fc.string({ unit: character });
