import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/token.ts';
import { growth } from '../growth.ts';

const read = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }]);

describe('parseChallenges', () => {
  it.each([
    ['Basic', [['basic', {}]]],
    ['Basic realm="x"', [['basic', { realm: 'x' }]]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:a/b:pull,push',
          },
        ],
      ],
    ],
    ['bEaReR REALM = "a" , Service=b', [['bearer', { realm: 'a', service: 'b' }]]],
    [
      'Basic realm="a, Bearer realm=\\"evil\\"", Bearer realm="b"',
      [
        ['basic', { realm: 'a, Bearer realm="evil"' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    [
      'Negotiate, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
    ['Bearer realm="unfinished', [['bearer', {}]]],
    ['realm="no scheme"', []],
    ['', []],
    ['Bearer __proto__="x"', [['bearer', Object.fromEntries([['__proto__', 'x']])]]],
  ])('%s', (header, challenges) => expect(read(header)).toEqual(challenges));

  it('reads back what was written, whatever is quoted', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    const parameters = fc.dictionary(
      name,
      fc.string().map((text) => text.replace(/[^\x20-\x7e]/g, '')),
      { minKeys: 1, maxKeys: 4 },
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, parameters), { minLength: 1, maxLength: 3 }),
        (challenges) => {
          const quoted = (value: string) => `"${value.replace(/[\\"]/g, '\\$&')}"`;
          const header = challenges
            .map(
              ([scheme, values]) =>
                `${scheme} ${Object.entries(values)
                  .map(([key, value]) => `${key}=${quoted(value)}`)
                  .join(', ')}`,
            )
            .join(', ');
          expect(read(header)).toEqual(
            challenges.map(([scheme, values]) => [scheme, { ...values }]),
          );
        },
      ),
    );
  });

  it.each(['a ', ',', '="', 'a="\\', 'a=b,', ' \t', 'A=', '=', 'a b, ', 'a ,='])(
    'takes twice as long for twice as many %j, not four times',
    (part) => {
      const headers = [4000, 8000].map((size) => part.repeat(size).slice(0, size));
      const read = (size: number) => parseChallenges(headers[size / 4000 - 1]);
      expect(growth(read, 4000)).toBeLessThan(3);
    },
  );

  it('never throws and reads no endless header', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (header) => void parseChallenges(header)));
    expect(parseChallenges(`Basic realm="${'x'.repeat(9000)}"`)).toEqual([]);
  });
});
