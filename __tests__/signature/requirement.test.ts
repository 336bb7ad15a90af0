import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import {
  attestationsOf,
  keptIn,
  narrow,
  policiesOf,
  type Requirement,
} from '../../src/signature/requirement.ts';
import { type Verdict, type VerdictCode, verdictCodes } from '../../src/signature/verdict.ts';

const key = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
const policy = (): SignaturePolicy => ({ signers: [{ key }], annotations: {}, tlog: 'required' });
const [one, two] = [policy(), policy()];

function verdict(code: VerdictCode, name = 'a'): Verdict {
  const digest = digestOf(Buffer.from(name));
  const head = {
    format: 'bundle',
    digest,
    reference: `example.test/app@${digest}`,
    annotations: {},
  } as const;
  return code === 'verified'
    ? { ...head, verified: true, code }
    : { ...head, verified: false, code, reason: `It is ${code}.` };
}

const leaf = (which: SignaturePolicy, name?: string): Requirement => ({
  kind: 'signature',
  policy: which,
  ...(name === undefined ? {} : { name }),
});
const count = (number: number, ...of: Requirement[]): Requirement => ({
  kind: 'count',
  count: number,
  of,
});
const pass: Requirement = { kind: 'pass', reason: 'It is let through.' };
const fail: Requirement = { kind: 'fail', reason: 'No policy speaks of it.', name: 'gate' };
const found = (...codes: VerdictCode[]) =>
  new Map([[one, codes.map((code, index) => verdict(code, `${index}`))]]);
const judgedBy =
  (verdicts: ReadonlyMap<SignaturePolicy, readonly Verdict[]>) => (asked: SignaturePolicy) =>
    verdicts.get(asked) ?? [];

describe('one signature policy', () => {
  it('is content with one good signature among bad ones', () => {
    const judged = found('wrong-key', 'verified', 'malformed');
    expect(evaluate(leaf(one), judgedBy(judged))).toEqual({
      verified: true,
      verdicts: judged.get(one),
    });
  });

  it('finds nothing: unsigned', () => {
    expect(evaluate(leaf(one, 'release'), judgedBy(new Map()))).toEqual({
      verified: false,
      code: 'unsigned',
      reason: 'release: No signature of this image was found.',
      verdicts: [],
    });
  });

  it.each<[VerdictCode[], VerdictCode]>([
    [['malformed', 'wrong-identity'], 'wrong-identity'],
    [['wrong-predicate', 'wrong-key'], 'wrong-key'],
    [['wrong-identity', 'wrong-issuer'], 'wrong-issuer'],
    [['wrong-claim', 'annotation-mismatch'], 'annotation-mismatch'],
    [['untrusted-certificate', 'wrong-subject'], 'wrong-subject'],
    [['too-large', 'malformed'], 'malformed'],
    [['annotation-mismatch', 'registry-error'], 'registry-error'],
  ])('tells of %j: %s', (codes, code) => {
    for (const order of [codes, codes.toReversed()]) {
      expect(evaluate(leaf(one), judgedBy(found(...order)))).toMatchObject({
        verified: false,
        code,
        reason: `It is ${code}.`,
      });
    }
  });

  it('knows how telling every code is, and is good with none of them but `verified`', () => {
    for (const code of verdictCodes) {
      const evaluation = evaluate(leaf(one), judgedBy(found(code)));
      expect(evaluation.verified).toBe(code === 'verified');
      // A code that the ranking forgot would come before all others.
      if (code !== 'verified')
        expect(evaluate(leaf(one), judgedBy(found('verified', code))).verified).toBe(true);
    }
  });
});

describe('a count', () => {
  const good = [verdict('verified')];
  const bad = [verdict('wrong-identity')];

  it.each<[string, Requirement, ReadonlyMap<SignaturePolicy, readonly Verdict[]>, boolean]>([
    [
      'both of two hold',
      count(2, leaf(one), leaf(two)),
      new Map([
        [one, good],
        [two, good],
      ]),
      true,
    ],
    [
      'one of two holds',
      count(2, leaf(one), leaf(two)),
      new Map([
        [one, good],
        [two, bad],
      ]),
      false,
    ],
    [
      'one of two is enough',
      count(1, leaf(one), leaf(two)),
      new Map([
        [one, bad],
        [two, good],
      ]),
      true,
    ],
    [
      'none of two',
      count(1, leaf(one), leaf(two)),
      new Map([
        [one, bad],
        [two, bad],
      ]),
      false,
    ],
    ['a static pass beside a bad one, any', count(1, leaf(one), pass), new Map([[one, bad]]), true],
    [
      'a static pass beside a bad one, all',
      count(2, leaf(one), pass),
      new Map([[one, bad]]),
      false,
    ],
    [
      'a static fail beside a good one, all',
      count(2, leaf(one), fail),
      new Map([[one, good]]),
      false,
    ],
    [
      'nested',
      count(1, count(2, leaf(one), leaf(two)), fail),
      new Map([
        [one, good],
        [two, good],
      ]),
      true,
    ],
    ['nothing asked, nothing there', count(0), new Map(), false],
    ['nothing asked, a good one there', count(0, leaf(one)), new Map([[one, good]]), false],
    ['a count that is no number', count(Number.NaN, leaf(one)), new Map([[one, good]]), false],
    [
      'more than there are',
      count(3, leaf(one), leaf(two)),
      new Map([
        [one, good],
        [two, good],
      ]),
      false,
    ],
  ])('%s', (_, requirement, judged, verified) =>
    expect(evaluate(requirement, judgedBy(judged)).verified).toBe(verified),
  );

  it('says how many hold, and why the nearest does not', () => {
    const requirement: Requirement = {
      kind: 'count',
      count: 2,
      of: [leaf(one, 'ci'), leaf(two, 'security')],
      name: 'release',
    };
    expect(
      evaluate(
        requirement,
        judgedBy(
          new Map([
            [one, good],
            [two, bad],
          ]),
        ),
      ),
    ).toEqual({
      verified: false,
      code: 'wrong-identity',
      reason: 'release: 1 of 2 rules hold, 2 must. security: It is wrong-identity.',
      verdicts: good,
    });
  });

  it('says when it let something through without a signature', () => {
    expect(evaluate(count(1, leaf(one), pass), judgedBy(new Map()))).toEqual({
      verified: true,
      reason: 'It is let through.',
      verdicts: [],
    });
  });

  it('shows each signature once, as far as it came', () => {
    const judged = new Map([
      [one, [verdict('wrong-key', 'x'), verdict('verified', 'y')]],
      [two, [verdict('wrong-claim', 'x'), verdict('wrong-key', 'y')]],
    ]);
    expect(evaluate(count(1, leaf(one), leaf(two)), judgedBy(judged)).verdicts).toEqual([
      verdict('wrong-claim', 'x'),
      verdict('verified', 'y'),
    ]);
  });

  it('never verifies without a good signature or a static pass', () => {
    const leafs = fc.constantFrom(leaf(one), leaf(two), fail);
    const { tree } = fc.letrec<{ tree: Requirement }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leafs,
        fc.record({
          kind: fc.constant('count' as const),
          count: fc.integer({ min: -2, max: 4 }),
          of: fc.array(tie('tree'), { maxLength: 4 }),
        }),
      ),
    }));
    const codes = fc.array(fc.constantFrom(...verdictCodes.filter((code) => code !== 'verified')), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(tree, codes, (requirement, seen) => {
        const verdicts = seen.map((code, index) => verdict(code, `${index}`));
        expect(evaluate(requirement, () => verdicts).verified).toBe(false);
      }),
    );
  });
});

describe('the static answers', () => {
  it('pass and fail without a look at any signature', () => {
    const never = () => expect.unreachable();
    expect(evaluate(pass, never)).toEqual({
      verified: true,
      reason: 'It is let through.',
      verdicts: [],
    });
    expect(evaluate(fail, never)).toEqual({
      verified: false,
      code: 'not-allowed',
      reason: 'gate: No policy speaks of it.',
      verdicts: [],
    });
  });
});

describe('policiesOf', () => {
  it('lists each policy once', () =>
    expect(policiesOf(count(1, leaf(one), count(2, leaf(two), leaf(one)), pass))).toEqual([
      one,
      two,
    ]));
  it('lists none where nothing is judged', () => expect(policiesOf(fail)).toEqual([]));
});

describe('keptIn', () => {
  const place = { registry: 'ghcr.io', repository: 'acme/signatures' };
  const own = { registry: 'ghcr.io', repository: 'acme/own' };
  const placesOf = (requirement: Requirement) =>
    policiesOf(requirement).map(({ repository }) => repository?.repository);

  it('says where signatures lie, of every part that does not say it itself', () => {
    const asked = count(1, leaf(one), count(2, leaf({ ...two, repository: own }), leaf(two)), pass);
    expect(placesOf(keptIn(asked, place))).toEqual([
      'acme/signatures',
      'acme/own',
      'acme/signatures',
    ]);
    expect(keptIn(asked, undefined)).toBe(asked);
  });

  it('leaves podman, CRI-O and OpenShift beside the image: they look nowhere else', () => {
    const claimedName = { fits: () => true, expected: 'any' };
    expect(placesOf(keptIn(leaf({ ...one, claimedName }), place))).toEqual([undefined]);
  });

  it('keeps together what shares a policy: it is judged once', () => {
    const of = ['a', 'b'].map(
      (type): Requirement => ({ kind: 'attestation', policy: one, type: `https://${type}` }),
    );
    expect(attestationsOf(keptIn(count(2, ...of), place))).toMatchObject([
      { types: ['https://a', 'https://b'], policy: { repository: place } },
    ]);
  });

  it('is told where nothing is found: the name may be a slip', () => {
    const { reason } = evaluate(keptIn(leaf(one), place), () => []);
    expect(reason).toBe('No signature of this image was found in ghcr.io/acme/signatures.');
  });
});

describe('narrow', () => {
  const asked = { annotations: { env: 'prod' }, tlog: 'ignore' } as const;

  it('adds what the workflow asks to every policy, and leaves the rest', () => {
    const narrowed = { ...one, annotations: { env: 'prod' }, tlog: 'ignore' as const };
    expect(narrow(count(1, leaf(one, 'ci'), fail), asked)).toEqual(
      count(1, { kind: 'signature', policy: narrowed, name: 'ci' }, fail),
    );
  });

  it('never asks for less: the policy stays as it is without inputs', () => {
    expect(narrow(leaf(one), { annotations: {}, tlog: 'required' })).toEqual(leaf(one));
  });

  it('lets nothing fit where the two contradict each other', () => {
    const strict = { ...one, annotations: { env: 'staging' } };
    expect(narrow(leaf(strict), asked)).toEqual({
      kind: 'fail',
      reason:
        'The annotation "env" is asked for with one value by the policy and with another by the input annotations.',
    });
  });
});
