import { describe, expect, it } from 'vitest';
import { readMembers } from '../../src/text/json-members.ts';

const members = (text: string | Uint8Array) => {
  const reading = readMembers(text, 4);
  return 'problem' in reading ? reading.problem : Object.fromEntries(reading.members);
};

describe('readMembers', () => {
  it.each([
    ['{}', {}],
    [' {\n} ', {}],
    ['{"a":1}', { a: '1' }],
    [' { "a" : -1.50e3 , "b" : [ 1 , {"c":"]}"} ] } ', { a: '-1.50e3', b: '[ 1 , {"c":"]}"} ]' }],
    ['{"\\u0061":"x\\"}","b":{"c":{"a":[]}}}', { a: '"x\\"}"', b: '{"c":{"a":[]}}' }],
    ['{"__proto__":null,"":true}', JSON.parse('{"__proto__":"null","":"true"}')],
  ])('finds the values of %s as they stand there', (text, expected) => {
    expect(members(text)).toEqual(expected);
    const parsed = Object.entries(JSON.parse(text));
    expect(Object.entries(members(text)).map(([name, value]) => [name, JSON.parse(value)])).toEqual(
      parsed,
    );
  });

  it.each(['', '[]', '"a"', 'null', '{', '{"a"', '{"a":', '{"a":1', '{"a":}', '{"a":1,}', '{,}'])(
    'refuses %j, which is no object',
    (text) => expect(members(text)).toMatch(/^it is not (a JSON object|JSON)$/),
  );
  it.each([
    '{"a":1}x',
    '{"a":1}{}',
    '{"a" 1}',
    '{a:1}',
    '{"a":1 2}',
    '{"a":1;"b":2}',
    '{"a":,"b":1}',
  ])('refuses %j, which is nearly one', (text) => expect(members(text)).toBe('it is not JSON'));
  it('refuses a name that stands twice, in whatever spelling', () => {
    expect(members('{"a":1,"\\u0061":2}')).toBe('the key "a" stands in one object twice');
  });
  it('refuses more members than asked for, and bytes that are no text', () => {
    expect(members('{"a":1,"b":1,"c":1,"d":1,"e":1}')).toBe('it has more than 4 members');
    expect(members(Buffer.from('{"a":"\xff"}', 'latin1'))).toBe('it is not UTF-8 text');
    expect(members('\ufeff{}')).toBe('it is not a JSON object');
  });
  it('looks into no value', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(members(`{"a":${deep},"b":[1,}2]}`)).toBe('it is not JSON');
    expect(members(`{"a":${deep}}`)).toEqual({ a: deep });
  });
});
