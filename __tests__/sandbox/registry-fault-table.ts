import type { Fault } from './registry-faults.ts';

const html = {
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Sorry</title>',
};
const denied = (code: string) => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: [{ code, message: 'sandbox fault' }] }),
});
const status = (code: number, more: Partial<Extract<Fault, { kind: 'status' }>> = {}): Fault => ({
  kind: 'status',
  code,
  ...more,
});

/**
 * Every fault that a run is driven through, by name. `Retry-After` dates are made when they are
 * read.
 */
export const faultTable: Readonly<Record<string, () => Fault>> = {
  refused: () => ({ kind: 'refuse', ms: 100 }),
  'reset before': () => ({ kind: 'reset-before' }),
  'reset after': () => ({ kind: 'reset-after' }),
  hang: () => ({ kind: 'hang' }),
  'hang after': () => ({ kind: 'hang', apply: true }),
  'not HTTP': () => ({ kind: 'garbage' }),
  'late by 300 ms': () => ({ kind: 'latency', ms: 300 }),
  'dripping body': () => ({ kind: 'slow-body', everyMs: 1000 }),
  'slow body': () => ({ kind: 'slow-body', everyMs: 1 }),
  'truncated body': () => ({ kind: 'truncate' }),
  'endless body': () => ({ kind: 'endless-body' }),
  'endless slow body': () => ({ kind: 'endless-body', bytes: 10, everyMs: 100 }),
  'malformed JSON': () => ({ kind: 'malformed-json' }),
  '200 without body': () => status(200),
  '200 with a login page': () => status(200, html),
  '204': () => status(204),
  '302 without Location': () => status(302),
  '307 to nowhere': () => status(307, { headers: { location: 'http://127.0.0.1:9/' } }),
  '400': () => status(400, denied('UNSUPPORTED')),
  '401 without challenge': () => status(401, denied('UNAUTHORIZED')),
  '401 with a strange challenge': () =>
    status(401, { headers: { 'www-authenticate': 'Negotiate' } }),
  '403': () => status(403, denied('DENIED')),
  '404': () => status(404, denied('NAME_UNKNOWN')),
  '405': () => status(405, denied('UNSUPPORTED')),
  '406': () => status(406),
  '408': () => status(408),
  '409': () => status(409, denied('UNSUPPORTED')),
  '412': () => status(412, denied('PRECONDITION_FAILED')),
  '413': () => status(413, html),
  '416': () => status(416, denied('BLOB_UPLOAD_INVALID')),
  '429 in a second': () => status(429, { headers: { 'retry-after': '1' } }),
  '429 with a date': () =>
    status(429, { headers: { 'retry-after': new Date(Date.now() + 1500).toUTCString() } }),
  '429 in an hour': () => status(429, { headers: { 'retry-after': '3600' } }),
  '429 without a word': () => status(429),
  '500': () => status(500, denied('UNKNOWN')),
  '500 after': () => status(500, { apply: true }),
  '501': () => status(501),
  '502 of a proxy': () => status(502, html),
  '503 in a second': () => status(503, { headers: { 'retry-after': '1' } }),
  '503 after': () => status(503, { apply: true }),
  '504 after': () => status(504, { ...html, apply: true }),
};
