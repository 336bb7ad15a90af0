import { describe, expect, it } from 'vitest';
import { ExchangeError } from '../../src/http/exchange.ts';
import { mayPass, type Outcome, pauseBefore, retryBudgetFor } from '../../src/http/retry.ts';

const answered = (status: number, headers: Record<string, string> = {}): Outcome => ({
  response: { status, headers, body: Buffer.alloc(0), url: new URL('https://ghcr.io/') },
});
const failed = (code: string): Outcome => ({ error: new ExchangeError(code, code, false) });

describe('mayPass', () => {
  it.each([408, 429, 500, 502, 503, 504])('%i may pass', (status) =>
    expect(mayPass(answered(status), 5)).toBe(true),
  );
  it.each([200, 301, 400, 401, 403, 404, 405, 409, 412, 416, 501])('%i stays', (status) =>
    expect(mayPass(answered(status), 1)).toBe(false),
  );
  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EAI_AGAIN', 'TIMEOUT', 'CONNECT_TIMEOUT'])(
    '%s may pass',
    (code) => expect(mayPass(failed(code), 5)).toBe(true),
  );
  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'EPROTO',
    'HPE_HEADER_OVERFLOW',
  ])('%s stays', (code) => expect(mayPass(failed(code), 1)).toBe(false));
  it('a name that is not found is looked up three times', () => {
    expect([1, 2, 3].map((attempt) => mayPass(failed('ENOTFOUND'), attempt))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('pauseBefore', () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  it.each([
    [1, 250],
    [2, 500],
    [4, 2000],
    [9, 5000],
    [1000, 5000],
  ])('after try %i it is at most %i ms, drawn from 0 up', (attempt, most) => {
    expect(pauseBefore(failed('ECONNRESET'), attempt, 1, now)).toBe(most);
    expect(pauseBefore(failed('ECONNRESET'), attempt, 0, now)).toBe(0);
  });
  it.each([
    ['7', 7000],
    ['Thu, 01 Jan 2026 12:00:09 GMT', 9000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['soon', 0],
    ['-5', 0],
    ['99999999999999999999', 0],
  ])('Retry-After: %s asks for %i ms', (value, milliseconds) => {
    expect(pauseBefore(answered(429, { 'retry-after': value }), 1, 0, now)).toBe(milliseconds);
  });
});

describe('retryBudgetFor', () => {
  const retryBudget = { failing: 7, asked: 30, silent: 45 };
  it.each([
    ['a failure without an answer', failed('ECONNRESET'), 7],
    ['no connection', failed('CONNECT_TIMEOUT'), 7],
    ['silence', failed('TIMEOUT'), 45],
    [
      'silence, told by whoever caught it',
      { error: new Error('late', { cause: new ExchangeError('TIMEOUT', '', false) }) },
      45,
    ],
    ['500', answered(500), 7],
    ['429', answered(429), 30],
    ['503 that says when', answered(503, { 'retry-after': '3' }), 30],
  ])('%s', (_, outcome, milliseconds) => {
    expect(retryBudgetFor(outcome, retryBudget)).toBe(milliseconds);
    expect(retryBudgetFor(outcome, 12)).toBe(12);
  });
});
