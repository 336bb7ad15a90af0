import type { ExchangeError } from './exchange.ts';
import type { HttpResponse, RetryBudget } from './http.ts';

const passingStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const passingCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'TIMEOUT',
  'CONNECT_TIMEOUT',
  'ERR_PROXY_TUNNEL',
  'HPE_INVALID_EOF_STATE',
]);

const base = 250;
const longest = 5_000;

/** What a try ended with. */
export type Outcome = { readonly response: HttpResponse } | { readonly error: ExchangeError };

/**
 * True when the same request may well succeed in a while. Wrong certificates and wrong names do not
 * mend themselves.
 * @param others answers that the one who asks knows to be passing
 */
export function mayPass(
  outcome: Outcome,
  attempt: number,
  others?: (response: HttpResponse) => boolean,
): boolean {
  if ('response' in outcome) {
    const { response } = outcome;
    return passingStatuses.has(response.status) || others?.(response) === true;
  }
  if (outcome.error.streamed) return false;
  // Resolvers do answer "no such name" while a network is coming up, but not for long.
  if (outcome.error.code === 'ENOTFOUND') return attempt <= 2;
  return passingCodes.has(outcome.error.code);
}

/**
 * Milliseconds until the next try: full jitter over an exponential backoff, so that jobs that
 * failed together do not come back together; what the server asks for in `Retry-After` (RFC 9110,
 * 10.2.3: seconds or a date) is never undercut.
 * @param attempt tries so far, from 1
 * @param random 0 ≤ x < 1
 * @param now milliseconds since 1970
 */
export function pauseBefore(
  outcome: Outcome,
  attempt: number,
  random: number,
  now: number,
): number {
  const jitter = random * Math.min(longest, base * 2 ** Math.min(attempt - 1, 10));
  const asked =
    'response' in outcome ? retryAfter(outcome.response.headers['retry-after'], now) : 0;
  return asked > 0 ? asked + random * base : jitter;
}

/**
 * For how many milliseconds this is tried again: who answers 429 or names a time is at work, and
 * only wants to be asked later; of who is silent, a connection may have been lost.
 */
export function retryBudgetFor(
  outcome: { readonly response: HttpResponse } | { readonly error: Error },
  retryBudget: RetryBudget,
): number {
  if (typeof retryBudget === 'number') return retryBudget;
  const { failing, silent = failing } = retryBudget;
  if ('error' in outcome) return isSilence(outcome.error) ? silent : failing;
  const { status, headers } = outcome.response;
  return status === 429 || 'retry-after' in headers ? retryBudget.asked : failing;
}

/** Of an exchange, or the Failure that was made of it. */
function isSilence(error: Error): boolean {
  return [error, error.cause].some(
    (one) => one instanceof Error && 'code' in one && one.code === 'TIMEOUT',
  );
}

function retryAfter(value: string | undefined, now: number): number {
  if (value === undefined) return 0;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
