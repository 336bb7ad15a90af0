import { describe, expect, it } from 'vitest';
import type { IdentityToken } from '../../src/sigstore/identity-token.ts';
import { timeFailure, timeFit } from '../../src/sigstore/token-time.ts';

const noon = new Date('2026-11-28T12:00:00Z');
const minutes = (count: number) => new Date(noon.getTime() + count * 60_000);

/** A token of GitHub, issued at noon. */
function token(change: Partial<IdentityToken> = {}): IdentityToken {
  return {
    token: 'a.b.c',
    claims: { iss: 'https://issuer.test', sub: 'x' },
    expires: minutes(5).getTime(),
    notBefore: minutes(-5).getTime(),
    issued: noon.getTime(),
    what: "GitHub's identity token",
    fresh: true,
    ...change,
  };
}
const given = token({ what: 'The identity token that was given', fresh: false });

describe('the times of a token', () => {
  it.each<[number, string]>([
    [0, 'fits'],
    [4.99, 'fits'],
    [5, 'expired'],
    [600, 'expired'],
    [-5, 'fits'],
    [-5.99, 'fits'],
    [-6.1, 'early'],
    [-600, 'early'],
  ])('at a clock that is %d minutes off: %s', (off, fit) =>
    expect(timeFit(token(), minutes(off))).toBe(fit),
  );

  it('need no beginning', () => {
    const { notBefore: _, ...rest } = token();
    expect(timeFit(rest, minutes(-600))).toBe('fits');
  });
});

describe('times that do not fit the clock of the runner', () => {
  const say = (found: IdentityToken, runner: Date, fulcio?: Date) => {
    const failure = timeFailure(found, runner, fulcio);
    expect(failure.code).toBe('bad-identity-token');
    return `${failure.message} | ${failure.fix}`;
  };

  it.each<[string, IdentityToken, number, number | undefined, readonly (string | RegExp)[]]>([
    [
      'the runner is ahead',
      token(),
      60,
      0,
      [
        'The clock of this runner is 60 minutes ahead: it says 2026-11-28T13:00:00Z, and that of Fulcio 2026-11-28T12:00:00Z.',
        "By the runner's clock GitHub's identity token expired 55 minutes ago, although it is good now.",
        'Set the clock of the runner',
      ],
    ],
    [
      'the runner is behind',
      given,
      -180,
      0,
      [
        'The clock of this runner is 3 hours behind',
        "By the runner's clock the identity token that was given is valid only in 2.9 hours",
        'Set the clock of the runner',
      ],
    ],
    [
      'the runner is years behind',
      token(),
      -60 * 24 * 730,
      1,
      ['The clock of this runner is 730 days behind'],
    ],
    [
      'a little ahead, and the token at its end',
      token(),
      5.5,
      4.2,
      ['The clock of this runner is 78 s ahead', 'expired 30 s ago'],
    ],
    [
      'the token is old, and the clock right',
      given,
      65,
      65,
      [
        'The identity token that was given expired 60 minutes ago; the clock of this runner is right, as Fulcio has the same time.',
        'Get the token in the step right before this one',
      ],
    ],
    [
      'the token is old, and the clock wrong as well',
      given,
      600,
      65,
      [
        'The identity token that was given expired 60 minutes ago, as the clock of Fulcio says.',
        'The clock of this runner is 8.9 hours ahead',
        'Get the token in the step right before this one',
        'Set the clock of the runner',
      ],
    ],
    [
      "the issuer's clock is behind",
      token(),
      65,
      65,
      [
        "GitHub's identity token expired 60 minutes ago; the clock of this runner is right",
        'The clock of its issuer is 65 minutes behind',
      ],
    ],
    [
      "the issuer's clock is ahead",
      token(),
      -65,
      -65,
      ['is valid only in 60 minutes', 'The clock of its issuer is 65 minutes ahead'],
    ],
    [
      'Fulcio does not tell, and the token was issued just now',
      token(),
      60,
      undefined,
      [
        "The clock of this runner is 60 minutes ahead: it says 2026-11-28T13:00:00Z, and that of the token's issuer 2026-11-28T12:00:00Z.",
      ],
    ],
    [
      'Fulcio does not tell, and the token was given',
      given,
      60,
      undefined,
      [
        'The identity token that was given expired 55 minutes ago, as the clock of this runner says (2026-11-28T13:00:00.000Z).',
        'If it is new, set the clock of the runner.',
      ],
    ],
  ])('%s', (_, found, runner, fulcio, words) => {
    const said = say(found, minutes(runner), fulcio === undefined ? undefined : minutes(fulcio));
    for (const word of words) expect(said).toMatch(word);
    expect(said).not.toContain('a.b.c');
  });
});
