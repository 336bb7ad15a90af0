import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/signature/evaluation.ts';
import type { PredicateCheck } from '../../src/signature/judge-attestation.ts';
import { attestationsOf, type Requirement } from '../../src/signature/requirement.ts';
import { image, indent, makeKey, read, refused } from './tools.ts';

const key = makeKey();

/** A policy with these conditions (YAML of the list). */
const policy = (conditions: string) => `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: check}
spec:
  rules:
    - name: scanned
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/acme/*"]
          attestations:
            - type: https://acme.example/scan/v1
              attestors:
                - entries:
                    - keys:
                        publicKeys: |-
                          ${indent(key.pem, 26)}
              conditions:
                ${indent(conditions, 16)}
`;
const one = (condition: string) => policy(`- all:\n    - ${condition}`);
const comparing = (operator: string, value: string, path = 'a') =>
  one(`{key: "{{ ${path} }}", operator: ${operator}, value: ${value}}`);

function requirement(text: string): Requirement {
  return read(text).requirementFor(image('ghcr.io/acme/app:1'));
}

function checkOf(text: string): PredicateCheck {
  const [asked] = attestationsOf(requirement(text));
  if (asked?.check === undefined) throw new Error('there is no condition');
  return asked.check;
}

describe('a condition on what an attestation says', () => {
  it.each<readonly [string, string, unknown, boolean]>([
    ['Equals', 'x', 'x', true],
    ['Equals', 'x', 'y', false],
    ['Equals', '"x*"', 'xyz', true],
    ['Equals', '"x"', 'x*', false],
    ['Equals', '"*"', '12', false],
    ['Equals', '"1.*"', '1.2', false],
    ['Equals', '1', 1, true],
    ['Equals', '1', '1', false],
    ['Equals', '"1"', 1, false],
    ['Equals', 'true', true, true],
    ['Equals', 'true', 'true', false],
    ['Equals', 'x', undefined, false],
    ['Equals', 'x', null, false],
    ['NotEquals', 'x', 'y', true],
    ['NotEquals', 'x', 'x', false],
    ['NotEquals', '"x*"', 'xyz', false],
    ['NotEquals', 'x', 1, false],
    ['NotEquals', 'x', undefined, false],
    ['GreaterThan', '7', 7.5, true],
    ['GreaterThan', '7', 7, false],
    ['GreaterThanOrEquals', '7', 7, true],
    ['LessThan', '7', 6, true],
    ['LessThan', '7', '6', false],
    ['LessThanOrEquals', '0', 0, true],
    ['AnyIn', '[x, y]', 'x', true],
    ['AnyIn', '[x, y]', ['z', 'y'], true],
    ['AnyIn', '[x, y]', 'z', false],
    ['AllIn', '[x, y]', ['x', 'z'], false],
    ['AllIn', '[x, y]', [], false],
    ['AllNotIn', '[x, y]', ['z'], true],
    ['AllNotIn', '[x, y]', ['z', 'x'], false],
    ['AllNotIn', '[x, y]', ['*'], false],
    ['AllNotIn', '[x, y]', [{ x: 1 }], false],
  ])('%s %s of %j: %s', (operator, value, a, holds) => {
    const why = checkOf(comparing(operator, value))({ a });
    expect(why === undefined, why).toBe(holds);
  });

  it('finds fields by their path, and none in a prototype', () => {
    const predicate = { s: { 'x-y': [{ n: 1 }, { n: 2 }] } };
    expect(checkOf(comparing('Equals', '2', 's.\\"x-y\\"[1].n'))(predicate)).toBeUndefined();
    expect(checkOf(comparing('Equals', 'x', 'constructor.name'))({})).toContain('there is none');
    expect(checkOf(comparing('Equals', '1', 'a[0]'))({ a: { 0: 1 } })).toContain('there is none');
  });

  it('holds where all of a list do, one of any, and each of the list of conditions', () => {
    const is = (path: string, value: number) =>
      `{key: "{{ ${path} }}", operator: Equals, value: ${value}}`;
    const check = checkOf(
      policy(
        `- all: [${is('a', 1)}, ${is('b', 2)}]\n  any: [${is('c', 3)}, ${is('d', 4)}]\n- any: [${is('e', 5)}]`,
      ),
    );
    const good = { a: 1, b: 2, c: 0, d: 4, e: 5 };
    expect(check(good)).toBeUndefined();
    for (const name of ['a', 'b', 'd', 'e'])
      expect(check({ ...good, [name]: 9 })).toContain('does not hold');
  });

  it('is asked of every attestation of that type and signer', () => {
    const asked = requirement(comparing('Equals', 'x'));
    const type = 'https://acme.example/scan/v1';
    const good = { verified: true, code: 'verified', type } as const;
    const unfit = {
      verified: false,
      code: 'not-allowed',
      reason: 'No.',
      type,
      unfit: true,
    } as const;
    const stranger = { verified: false, code: 'wrong-key', reason: 'No.', type } as const;
    const judge = (
      found: Parameters<typeof evaluate>[2] extends ((_: never) => infer L) | undefined ? L : never,
    ) =>
      evaluate(
        asked,
        () => [],
        () => found,
      ).verified;
    expect([judge([good]), judge([good, stranger]), judge([good, unfit]), judge([])]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it.each([
    [
      'a function',
      one('{key: "{{ length(a) }}", operator: Equals, value: 1}'),
      'functions are not evaluated',
    ],
    [
      'a time',
      one("{key: \"{{ time_since('', '{{ a }}', '') }}\", operator: LessThan, value: 1}"),
      'functions',
    ],
    ['a filter', one('{key: "{{ a[?b == \'c\'] }}", operator: Equals, value: 1}'), 'functions'],
    ['all of a list', one('{key: "{{ a[*].b }}", operator: Equals, value: 1}'), 'functions'],
    ['a default', one('{key: "{{ a || \'x\' }}", operator: Equals, value: 1}'), 'functions'],
    ['text around a field', one('{key: "x{{ a }}", operator: Equals, value: 1}'), 'functions'],
    ['two fields', one('{key: "{{ a }}{{ b }}", operator: Equals, value: 1}'), 'functions'],
    ['a constant', one('{key: a, operator: Equals, value: 1}'), 'functions'],
    ['no path', one('{key: "{{ }}", operator: Equals, value: 1}'), 'functions'],
    ['a path with two points', one('{key: "{{ a..b }}", operator: Equals, value: 1}'), 'functions'],
    [
      'what the cluster asks about',
      one('{key: "{{ request.namespace }}", operator: Equals, value: x}'),
      'functions',
    ],
    [
      'a field as the value',
      one('{key: "{{ a }}", operator: Equals, value: "{{ b }}"}'),
      'is no plain text',
    ],
    [
      'a duration',
      one('{key: "{{ a }}", operator: DurationLessThan, value: 1h}'),
      'is no plain comparison',
    ],
    [
      'an operator of objects',
      one('{key: "{{ a }}", operator: constructor, value: 1h}'),
      'is no plain comparison',
    ],
    [
      'a quantity',
      one('{key: "{{ a }}", operator: NotEquals, value: "1.10"}'),
      'compared as a quantity',
    ],
    [
      'a number as text',
      one('{key: "{{ a }}", operator: GreaterThan, value: "7"}'),
      'is no number',
    ],
    [
      'wildcards in a list',
      one('{key: "{{ a }}", operator: AnyIn, value: ["x*"]}'),
      'has wildcards',
    ],
    ['no list', one('{key: "{{ a }}", operator: AnyIn, value: x}'), 'is no list'],
    ['no value', one('{key: "{{ a }}", operator: Equals}'), 'has no `value`'],
    ['no condition', policy('- all: []'), 'holds no condition'],
    ['a misspelt field', policy('- every: []'), 'every'],
  ])('is refused with its line for %s', (_, text, message) => {
    expect(refused(text)).toContain(message);
    expect(refused(text)).toMatch(/line \d+/);
  });
});
