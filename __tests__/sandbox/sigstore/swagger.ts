import type { Answer } from './service.ts';

/** What go-swagger's server adds to answers that must not be cached. */
export const uncached: Readonly<Record<string, string>> = {
  vary: 'Origin',
  'cache-control': 'no-cache, no-store, no-transform, must-revalidate, private, max-age=0',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
  pragma: 'no-cache',
  'x-accel-expires': '0',
};

/**
 * An error of a service made with go-swagger (Rekor v1, the timestamp authority): `{code,
 * message}`; validation has codes of its own.
 */
export const swaggerError = (status: number, message: string, code: number = status): Answer => ({
  status,
  headers: { vary: 'Origin' },
  body: { code, message },
});

export const swaggerNotFound = (path: string): Answer =>
  swaggerError(404, `path ${path} was not found`);

export function swaggerMethod(method: string, allowed: string): Answer {
  const answer = swaggerError(405, `method ${method} is not allowed, but [${allowed}] are`);
  return { ...answer, headers: { ...answer.headers, allow: allowed } };
}

export const swaggerMedia = (type: string, allowed: readonly string[]): Answer =>
  swaggerError(
    415,
    `unsupported media type ${JSON.stringify(type)}, only [${allowed.join(' ')}] are allowed`,
  );
