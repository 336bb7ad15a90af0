import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutsideOfSubset, readExpression, type SignatureCheck } from '../../src/policies/cel.ts';

/** As a policy writes it: attestors by name, and how many of them. */
function asked(text: string): string {
  const check = readExpression(text);
  if (check === 'nothing') return check;
  const what = check.attestation === undefined ? '' : `, ${check.attestation.name}`;
  return `${check.count} of ${check.attestors.map(({ name }) => name).join(', ')}${what}`;
}

const call = 'verifyImageSignatures(image, [attestors.a])';

describe('an expression', () => {
  it.each([
    [`images.containers.map(image, ${call}).all(e, e > 0)`, '1 of a'],
    [`images.containers.map(image, ${call}).all(e ,e > 0)`, '1 of a'],
    [`images.containers.map(image,\n  ${call}\n).all(e, e >= 1) // signed`, '1 of a'],
    [`images.containers.all(image, ${call} > 0)`, '1 of a'],
    [`images.containers.all(image, ${call} == 1)`, '1 of a'],
    [
      'images.containers.all(i, verifyImageSignatures(i, [attestors.a, attestors["b c"], attestors[\'d\']]) >= 2)',
      '2 of a, b c, d',
    ],
    [
      'images.containers.all(i, verifyImageSignatures(i, [attestors.a, attestors.b]) > 1)',
      '2 of a, b',
    ],
    [`images.?initContainers.orValue([]).map(image, ${call}).all(e, e > 0)`, '1 of a'],
    [
      `(images.containers + images.?initContainers.orValue([]) + (images.ephemeralContainers)).all(image, ${call} > 0)`,
      '1 of a',
    ],
    [
      'images.containers.map(i, verifyAttestationSignatures(i, attestations.sbom, [attestors.a, attestors.b])).all(e, e > 0)',
      '1 of a, b, sbom',
    ],
    [
      'images.containers.all(i, verifyAttestationSignatures(i, attestations["s b"], [attestors.a]) > 0)',
      '1 of a, s b',
    ],
    ['true', 'nothing'],
    ['size(images.containers) > 0', 'nothing'],
    ['size(images.containers + images.initContainers) > 0', 'nothing'],
  ])('%s asks for %s', (text, what) => expect(asked(text)).toBe(what));

  it.each([
    [
      'one of several images is enough',
      `images.containers.map(image, ${call}).exists(e, e > 0)`,
      'exists',
    ],
    [
      'everybody has zero signatures',
      `images.containers.map(image, ${call}).all(e, e >= 0)`,
      'holds for everybody',
    ],
    ['more than minus one', `images.containers.map(image, ${call}).all(e, e > -1)`, '"-"'],
    [
      'a number that can never be reached',
      `images.containers.all(image, ${call} > 1)`,
      'can never hold',
    ],
    [
      'an image that both have signed is refused',
      'images.containers.all(i, verifyImageSignatures(i, [attestors.a, attestors.b]) == 1)',
      'refuses an image',
    ],
    [
      'a sum without brackets, of which the last list alone is asked',
      `images.containers + images.initContainers.map(image, ${call}).all(e, e > 0)`,
      '"+"',
    ],
    ['or', `images.containers.all(image, ${call} > 0 || true)`, '"|"'],
    ['or behind it', `images.containers.all(image, ${call} > 0) || true`, '"|"'],
    ['not', `!images.containers.all(image, ${call} > 0)`, '"!"'],
    ['a choice', `true ? true : false`, '"?"'],
    ['smaller', `images.containers.all(image, ${call} < 1)`, '"<"'],
    [
      'another image',
      'images.containers.all(i, verifyImageSignatures("ghcr.io/good", [attestors.a]) > 0)',
      'ghcr.io/good',
    ],
    [
      'another variable',
      'images.containers.map(i, verifyImageSignatures(i, [attestors.a])).all(e, 1 > 0)',
      '"1"',
    ],
    [
      'attestors that are hidden',
      'images.containers.all(attestors, verifyImageSignatures(attestors, [attestors.a]) > 0)',
      '"attestors"',
    ],
    ['no attestor', 'images.containers.all(i, verifyImageSignatures(i, []) > 0)', '"]"'],
    [
      'an attestation in the place of the attestors',
      'images.containers.all(i, verifyAttestationSignatures(i, [attestors.a]) > 0)',
      '"["',
    ],
    [
      'a signature of an attestation',
      'images.containers.all(i, verifyImageSignatures(i, attestations.sbom, [attestors.a]) > 0)',
      '"attestations"',
    ],
    [
      'what an attestation says',
      'images.containers.all(i, extractPayload(i, attestations.sbom).bomFormat == "CycloneDX")',
      'extractPayload',
    ],
    ['images of no Pod', `images.all.all(image, ${call} > 0)`, 'a Pod has containers'],
    [
      'an escape',
      'images.containers.all(i, verifyImageSignatures(i, [attestors["\\x61"]]) > 0)',
      'at """',
    ],
    [
      'a raw string',
      'images.containers.all(i, verifyImageSignatures(i, [attestors[r"a"]]) > 0)',
      '"r"',
    ],
    ['another number', `images.containers.all(image, ${call} > 0u)`, '"0"'],
    ['half', `images.containers.all(image, ${call} > 0`, 'its end'],
    ['nothing', '', 'its end'],
    ['deep parentheses', `${'('.repeat(30)}images.containers`, '"("'],
    ['a long text', 'a'.repeat(20_001), 'longer than'],
  ])('is not understood where %s', (_, text, problem) => {
    expect(() => readExpression(text)).toThrow(OutsideOfSubset);
    expect(() => readExpression(text)).toThrow(problem);
  });

  it('tells where it stops being understood', () => {
    const text = `images.containers.map(image,\n${call}).exists(e, e > 0)`;
    expect(() => readExpression(text)).toThrow(
      expect.objectContaining({ offset: text.indexOf('exists') }),
    );
  });
});

/** CEL itself, where each attestor either has signed every image or has signed none. */
const cel = new Environment({
  enableOptionalTypes: true,
  unlistedVariablesAreDyn: true,
}).registerFunction('verifyImageSignatures(string, list): int', (_: string, list: boolean[]) =>
  BigInt(list.filter(Boolean).length),
);

function holds(check: SignatureCheck, signed: Readonly<Record<string, boolean>>): boolean {
  if (check === 'nothing') return true;
  return check.attestors.filter(({ name }) => signed[name]).length >= check.count;
}

const attestor = fc.constantFrom('attestors.a', 'attestors.b', 'attestors["a"]', 'attestors["c"]');
const list = fc.constantFrom(
  'images.containers',
  '(images.containers)',
  'images.?initContainers.orValue([])',
  'images.containers + images.?initContainers.orValue([])',
);
const comparison = fc
  .tuple(fc.constantFrom('>', '>', '>=', '>=', '==', '<'), fc.nat(3))
  .map(([operator, number]) => `${operator} ${number}`);
const expression = fc
  .tuple(
    list,
    fc.array(attestor, { maxLength: 4 }),
    comparison,
    fc.boolean(),
    fc.constantFrom('all', 'all', 'all', 'exists'),
  )
  .map(([images, attestors, compared, mapped, macro]) => {
    const asks = `verifyImageSignatures(i, [${attestors.join(', ')}])`;
    const images_ = images.includes('+') ? `(${images})` : images;
    return mapped
      ? `${images_}.map(i, ${asks}).${macro}(e, e ${compared})`
      : `${images_}.${macro}(i, ${asks} ${compared})`;
  });

describe('what is read means what CEL makes of it', () => {
  it('for every combination of attestors that have signed', () => {
    let read = 0;
    fc.assert(
      fc.property(expression, fc.boolean(), fc.boolean(), fc.boolean(), (text, a, b, c) => {
        let check: SignatureCheck;
        try {
          check = readExpression(text);
        } catch (error) {
          expect(error).toBeInstanceOf(OutsideOfSubset);
          return;
        }
        read++;
        const signed = { a, b, c };
        const context = {
          images: { containers: ['x', 'y'], initContainers: ['z'] },
          attestors: signed,
        };
        expect([text, cel.evaluate(text, context)]).toEqual([text, holds(check, signed)]);
      }),
      { numRuns: 2000 },
    );
    expect(read).toBeGreaterThan(200); // of about 600
  });

  it('and a changed text is an error or still CEL of the same meaning', () => {
    const good = [
      `images.containers.map(image, ${call}).all(e, e > 0)`,
      '(images.containers + images.?initContainers.orValue([])).all(i, verifyImageSignatures(i, [attestors.a, attestors["b"]]) >= 2)',
    ];
    const parts = fc.constantFrom(
      ...'()[]{}.,?:!&|+-*/%<>=" \'\\\n012aeirx',
      '||',
      '&&',
      'true',
      '//',
      '.?',
      '>=',
    );
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.nat(), fc.nat(3), parts, (text, at, cut, part) => {
        const place = at % text.length;
        const changed = text.slice(0, place) + part + text.slice(place + cut);
        let check: SignatureCheck;
        try {
          check = readExpression(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(OutsideOfSubset);
          return;
        }
        read++;
        for (const signed of [{}, { a: true }, { b: true }, { a: true, b: true }]) {
          const context = {
            images: { containers: ['x', 'y'], initContainers: ['z'] },
            attestors: { a: false, b: false, ...signed },
          };
          let result: unknown = false;
          try {
            result = cel.evaluate(changed, context);
          } catch {
            // An unknown attestor is an error in the cluster and where the policy is read.
            if (check !== 'nothing' && check.attestors.every(({ name }) => /^[ab]$/.test(name)))
              throw new Error(`CEL does not take ${changed}`);
            continue;
          }
          expect([changed, result]).toEqual([changed, holds(check, { ...context.attestors })]);
        }
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(20);
  });
});
