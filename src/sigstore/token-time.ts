import { clockOffset, clockSkew, durationInWords as duration } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { IdentityToken } from './identity-token.ts';

/** What one clock makes of a token's times. */
export type TimeFit = 'fits' | 'expired' | 'early';

/**
 * Says whether a token is alive at some moment. Where a token begins is taken less exactly: an
 * issuer may be a little ahead.
 */
export function timeFit({ expires, notBefore }: IdentityToken, now: Date): TimeFit {
  if (expires <= now.getTime()) return 'expired';
  return notBefore !== undefined && notBefore > now.getTime() + clockSkew ? 'early' : 'fits';
}

/**
 * The Failure `bad-identity-token` for a token whose times do not fit the clock of the runner: it
 * says whether the clock or the token is wrong, and by how much.
 * @param now what the runner's clock says
 * @param reference what Fulcio's says; where that is unknown and the token was issued just now, the
 * time of its issue tells
 */
export function timeFailure(token: IdentityToken, now: Date, reference: Date | undefined): Failure {
  const { what, expires, notBefore = expires, issued, fresh } = token;
  const whose = reference === undefined ? "the token's issuer" : 'Fulcio';
  const right = reference ?? (fresh && issued !== undefined ? new Date(issued) : undefined);
  const by = (clock: Date) =>
    timeFit(token, clock) === 'early'
      ? `is valid only in ${duration(notBefore - clock.getTime())}`
      : `expired ${duration(clock.getTime() - expires)} ago`;
  if (right === undefined)
    return bad(
      `${what} ${by(now)}, as the clock of this runner says (${now.toISOString()}).`,
      `${newToken} If it is new, set the clock of the runner.`,
    );
  const offset = clockOffset(now, right, whose);
  if (timeFit(token, right) === 'fits')
    return bad(
      `${offset ?? `The clocks of this runner and of ${whose} differ.`} By the runner's clock ${lowerFirst(what)} ${by(now)}, although it is good now.`,
      setClock,
    );
  if (offset !== undefined)
    return bad(
      `${what} ${by(right)}, as the clock of ${whose} says. ${offset}`,
      `${newToken} ${setClock}`,
    );
  const told = `${what} ${by(now)}; the clock of this runner is right, as ${whose} has the same time.`;
  const issuer = fresh && issued !== undefined ? clockOffset(new Date(issued), right) : undefined;
  return issuer === undefined
    ? bad(told, newToken)
    : bad(`${told} ${issuer.replace('of this runner', 'of its issuer')}`, setIssuer);
}

const newToken =
  'Get the token in the step right before this one, or let this action ask GitHub for it.';
const setClock =
  'Set the clock of the runner (on Linux `sudo timedatectl set-ntp true`), and run the job again.';

const setIssuer = 'Whoever runs the issuer of the token has to set its clock.';

/** `The identity token` → `the identity token`; a name stays: `GitHub's identity token`. */
function lowerFirst(what: string): string {
  return what.replace(/^The /, 'the ');
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-identity-token', message, fix);
}
