import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/image/digest.ts';
import { judge } from '../../src/signature/judge.ts';
import type { Verdict } from '../../src/signature/verdict.ts';
import {
  caseNames,
  type Question,
  type RecordedCase,
  recordedCase,
  recordedTrust,
} from './fixtures.ts';

const trust = recordedTrust();

function verdictsOf(recorded: RecordedCase, image: Digest, question: Question): readonly Verdict[] {
  return recorded.signaturesOf(image).map((found) => judge(found, image, question.policy, trust));
}

function passes(recorded: RecordedCase, question: Question): boolean {
  const images = question.recursive ? [recorded.digest, ...recorded.platforms] : [recorded.digest];
  return images.every((image) =>
    verdictsOf(recorded, image, question).some((verdict) => verdict.verified),
  );
}

describe('signatures recorded from real cosign, Fulcio, Rekor and a timestamp authority', () => {
  for (const recorded of caseNames.map(recordedCase)) {
    for (const question of recorded.questions) {
      it(`${recorded.name}: ${question.why}: ${question.expected}`, () => {
        expect(question.expected).not.toBe('unspecified');
        if (process.env.SHOW) console.log(verdictsOf(recorded, recorded.digest, question));
        expect(passes(recorded, question)).toBe(question.expected === 'pass');
      });
    }
  }
});
