import { describe, expect, it } from 'vitest';
import { alreadyThere, sameAnnotations } from '../../src/engine/existing.ts';
import type { Digest } from '../../src/image/digest.ts';
import type { Verdict } from '../../src/signature/verdict.ts';

const good: Verdict = {
  format: 'bundle',
  digest: `sha256:${'a'.repeat(64)}` as Digest,
  reference: 'registry.example/app@sha256:a',
  verified: true,
  code: 'verified',
  annotations: { env: 'prod' },
  github: { sha: 'c0ffee' },
};

interface Wanted {
  readonly annotations: Readonly<Record<string, string>>;
  readonly commit?: string;
}
const find = (verdicts: readonly Verdict[], { annotations, ...more }: Wanted) =>
  alreadyThere(verdicts, { saysSame: sameAnnotations(annotations), ...more });

describe('alreadyThere', () => {
  it.each([
    ['the same annotations', good, { annotations: { env: 'prod' } }],
    ['the same commit', good, { annotations: { env: 'prod' }, commit: 'c0ffee' }],
    ['no annotations', { ...good, annotations: {} }, { annotations: {} }],
  ])('finds %s', (_name, verdict, sameness) => {
    expect([...find([verdict], sameness)]).toEqual([['bundle', verdict]]);
  });

  it.each([
    [
      'what does not verify',
      { ...good, verified: false, code: 'wrong-key' },
      { annotations: { env: 'prod' } },
    ],
    ['another value', good, { annotations: { env: 'test' } }],
    [
      'one annotation more',
      { ...good, annotations: { env: 'prod', more: '1' } },
      { annotations: { env: 'prod' } },
    ],
    ['one annotation less', good, { annotations: { env: 'prod', more: '1' } }],
    [
      'a name of the prototype',
      { ...good, annotations: { a: '1' } },
      { annotations: { toString: '1' } },
    ],
    ['another commit', good, { annotations: { env: 'prod' }, commit: 'decade' }],
    [
      'a certificate without a commit',
      { ...good, github: {} },
      { annotations: { env: 'prod' }, commit: 'c0ffee' },
    ],
  ] as const)('is not satisfied with %s', (_name, verdict, sameness) => {
    expect(find([verdict as unknown as Verdict], sameness).size).toBe(0);
  });

  it('keeps the first of each format', () => {
    const legacy = { ...good, format: 'legacy' } as const;
    const there = find([good, { ...good, reference: 'later' }, legacy], {
      annotations: { env: 'prod' },
    });
    expect([...there]).toEqual([
      ['bundle', good],
      ['legacy', legacy],
    ]);
  });
});
