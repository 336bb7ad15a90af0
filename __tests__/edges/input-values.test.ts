import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAnnotations } from '../../src/edges/inputs/annotations.ts';
import {
  parseBoolean,
  parseChoice,
  parseDuration,
  parseList,
  parseServiceUrl,
} from '../../src/edges/inputs/values.ts';
import { Failure } from '../../src/failure.ts';

/** `code: message | fix` of the Failure that `work` throws. */
function refusal(work: () => unknown): string {
  try {
    return `accepted: ${JSON.stringify(work())}`;
  } catch (error) {
    return error instanceof Failure
      ? `${error.code}: ${error.message} | ${error.fix}`
      : `not a Failure: ${error}`;
  }
}

describe('a list', () => {
  it.each([
    ['one a line', 'a\nb', ['a', 'b']],
    ['carriage returns, spaces, empty lines', ' a \r\n\r\n  b\r', ['a', 'b']],
    ['commas', 'a, b,,c', ['a', 'b', 'c']],
    ['comment lines, also with commas and spaces before', 'a\n # b, c\n#d', ['a']],
    ['a # inside an entry', 'a#1', ['a#1']],
    ['nothing', ' \n , ', []],
  ])('%s', (_, text, expected) => expect(parseList(text, 'split-at-commas')).toEqual(expected));

  it('keeps commas where entries may have them', () =>
    expect(parseList('a=1,2\nb=3', 'keep-commas')).toEqual(['a=1,2', 'b=3']));
});

describe('a boolean', () => {
  it.each([
    ['true', true],
    ['True', true],
    ['TRUE', true],
    ['false', false],
    ['False', false],
    ['FALSE', false],
  ])('%s', (text, expected) => expect(parseBoolean('verify', text, !expected)).toBe(expected));

  it('is its default when empty', () =>
    expect([parseBoolean('x', '', true), parseBoolean('x', '', false)]).toEqual([true, false]));

  it.each(['yes', 'no', 'on', 'off', '1', '0', 'tRUE', 'truee', 'null'])('is not "%s"', (text) => {
    expect(refusal(() => parseBoolean('verify', text, true))).toBe(
      `bad-input: Input verify is "${text}", which is neither true nor false. | Write \`verify: true\` or \`verify: false\`.`,
    );
  });
});

describe('a choice', () => {
  it('is one of the words', () =>
    expect(parseChoice('format', 'both', ['auto', 'both'])).toBe('both'));
  it('shows the words otherwise', () =>
    expect(refusal(() => parseChoice('format', 'Both', ['auto', 'both']))).toBe(
      'bad-input: Input format is "Both". | Use one of `auto`, `both`, or leave it out.',
    ));
});

describe('a duration', () => {
  it.each([
    ['5m', 300_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1s', 1000],
    ['6h', 21_600_000],
    ['5h59m60s', 21_600_000],
  ])('%s', (text, expected) => expect(parseDuration('timeout', text)).toBe(expected));

  it.each([
    '',
    'm',
    '5 m',
    '-5m',
    '1.5h',
    '5m1h',
    '5min',
    '5M',
    '1h1h',
    'Infinity',
    '٥m',
    '9'.repeat(400),
  ])('is not "%s"', (text) => {
    expect(refusal(() => parseDuration('timeout', text))).toMatch(
      /^bad-input: Input timeout is ".*", which is not a duration\. \| Write for example/,
    );
  });

  it.each(['0s', '0h0m0s', '6h1s', '21601s', '999999999h'])(
    'is not out of bounds: "%s"',
    (text) => {
      expect(refusal(() => parseDuration('timeout', text))).toBe(
        `bad-input: Input timeout is "${text}", which is not between 1s and 6h. | Write for example \`timeout: 5m\`.`,
      );
    },
  );

  it('is not a number alone, which could be minutes or seconds', () => {
    expect(refusal(() => parseDuration('timeout', '10'))).toContain(
      'A number needs its unit: `10m` are minutes, `10s` seconds.',
    );
  });

  it('is in its bounds or refused, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$/)),
        (text) => {
          try {
            const milliseconds = parseDuration('timeout', text);
            return (
              milliseconds >= 1000 && milliseconds <= 21_600_000 && Number.isInteger(milliseconds)
            );
          } catch (error) {
            return error instanceof Failure;
          }
        },
      ),
    );
  });
});

describe('the address of a service', () => {
  it.each([
    'https://fulcio.example.com',
    'https://example.com:8443/fulcio',
    'http://127.0.0.1:5555',
    'http://127.9.9.9',
    'http://localhost:1',
    'http://[::1]:3',
    'http://127.1',
  ])('%s', (text) => {
    expect(parseServiceUrl('fulcio-url', text).href).toBe(new URL(text).href);
  });

  it.each([
    ['fulcio.example.com', 'Input fulcio-url is not a URL'],
    ['', 'Input fulcio-url is not a URL'],
    ['http://fulcio.example.com', 'Input fulcio-url is plain http to another machine'],
    ['http://127.0.0.1.example.com', 'Input fulcio-url is plain http to another machine'],
    ['http://localhost.example.com', 'Input fulcio-url is plain http to another machine'],
    ['http://0.0.0.0', 'Input fulcio-url is plain http to another machine'],
    ['file:///etc/passwd', 'Input fulcio-url has the scheme file'],
    ['https://example.com/?x=1', 'Input fulcio-url has a query or fragment'],
    ['https://example.com/#x', 'Input fulcio-url has a query or fragment'],
  ])('is not "%s"', (text, message) =>
    expect(refusal(() => parseServiceUrl('fulcio-url', text))).toContain(`bad-input: ${message}`),
  );

  it.each(['me:hunter2', ':hunter2', 'hunter2'])(
    'has no credentials, and they are not repeated: %s',
    (credentials) => {
      const said = refusal(() =>
        parseServiceUrl('rekor-url', `https://${credentials}@rekor.example.com`),
      );
      expect(said).toContain('bad-input: Input rekor-url has a user name or password in its URL.');
      expect(said).not.toContain('hunter2');
    },
  );
});

describe('annotations', () => {
  it.each([
    ['one a line', 'team=blue\nstage=prod', { team: 'blue', stage: 'prod' }],
    ['more = in the value', 'query=a=b&c==', { query: 'a=b&c==' }],
    ['commas and spaces in the value', 'list=a, b', { list: 'a, b' }],
    ['an empty value', 'flag=', { flag: '' }],
    ['spaces around', '  a = b ', { a: 'b' }],
    ['a comment', '# a=b\nc=d', { c: 'd' }],
    [
      'names like those of prototypes',
      '__proto__=x\nconstructor=y',
      JSON.parse('{"__proto__":"x","constructor":"y"}'),
    ],
    ['nothing', '', {}],
  ])('%s', (_, text, expected) => {
    const { annotations, warnings } = parseAnnotations(text);
    expect([Object.entries(annotations), warnings]).toEqual([Object.entries(expected), []]);
  });

  it('keep quotes around a whole line and warn', () => {
    const { annotations, warnings } = parseAnnotations('"a=b"');
    expect(annotations).toEqual(Object.assign(Object.create(null), { '"a': 'b"' }));
    expect(warnings).toEqual([
      'The quotes around the line of annotation "a" are signed as part of it. Leave them out if they are not meant: `a=b`.',
    ]);
  });

  it.each(['a="b"', "a='b'"])('keep quotes and warn: %s', (text) => {
    const { annotations, warnings } = parseAnnotations(text);
    expect(annotations.a).toBe(text.slice(2));
    expect(warnings).toEqual([
      'The quotes around the value of annotation "a" are signed as part of it. Leave them out if they are not meant: `a=b`.',
    ]);
  });

  it.each([
    ['no =', 'team', 'bad-annotation: Input annotations has the line "team" without "=".'],
    ['no name', '=blue', 'bad-annotation: Input annotations has the line "=blue" without a name.'],
    ['a name twice', 'a=1\na=2', 'bad-annotation: Input annotations names "a" twice.'],
    [
      'a name twice with other spaces',
      'a=1\na =1',
      'bad-annotation: Input annotations names "a" twice.',
    ],
    [
      'a control character in the name',
      'a\u001bb=1',
      'bad-annotation: Input annotations has control characters',
    ],
    [
      'a control character in the value',
      'a=1\u0000',
      'bad-annotation: Input annotations has control characters',
    ],
    [
      'a name too long',
      `${'n'.repeat(257)}=1`,
      'bad-annotation: Input annotations has an entry too long',
    ],
    [
      'a value too long',
      `n=${'v'.repeat(4097)}`,
      'bad-annotation: Input annotations has an entry too long',
    ],
    [
      'too many',
      Array.from({ length: 101 }, (_, index) => `n${index}=1`).join('\n'),
      'bad-annotation: Input annotations has more than 100 entries.',
    ],
  ])('are refused with %s', (_, text, message) =>
    expect(refusal(() => parseAnnotations(text))).toContain(message),
  );
});
