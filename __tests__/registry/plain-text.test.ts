import fc from 'fast-check';
import { expect, it } from 'vitest';
import { plainText } from '../../src/registry/plain-text.ts';

it.each([
  ['denied: no\nright', 'denied: no right'],
  ['\n::add-mask::x', ': :add-mask: :x'],
  ['a ##[set-output name=verified;]true', 'a ## [set-output name=verified;]true'],
  ['\u001b[31mred\u001b[0m', '[31mred [0m'],
  ['evil\u202etxt.exe', 'evil txt.exe'],
  ['x'.repeat(50), `${'x'.repeat(20)}…`],
])('%j becomes %j', (text, plain) =>
  expect(plainText(text, 20 + (text.length === 50 ? 0 : 100))).toBe(plain),
);

it('never lets a command of the runner through, however it is cut', () => {
  const pieces = fc.array(
    fc.constantFrom('::', ':', '##[', '#', '[', '\n', '\r', ' ', '\u200b', 'set-output'),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 30 }), (parts, most) => {
      const plain = plainText(parts.join(''), most);
      expect(plain).not.toMatch(/::|##\[|[\r\n]/);
    }),
  );
});
