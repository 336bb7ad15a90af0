import { Failure } from '../failure.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/**
 * What another origin may see of a request: everything else could be a credential (`authorization`,
 * `x-vault-token`, …).
 */
const harmless: ReadonlySet<string> = new Set(['accept', 'range', 'user-agent']);

/**
 * The request that follows a redirect, or undefined when the answer is to be taken as it is.
 * @throws {Failure} `network` for a redirect from https to http: whoever listens there could read
 * and answer
 */
export function redirected(request: HttpRequest, response: HttpResponse): HttpRequest | undefined {
  const location = response.headers.location;
  if (!redirects.has(response.status) || location === undefined || request.redirect === 'manual')
    return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  const url = URL.parse(location, request.url.href);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  if (request.url.protocol === 'https:' && url.protocol === 'http:')
    throw downgraded(request.url, url);
  url.username = '';
  url.password = '';
  if (url.origin === request.url.origin) return { ...request, url };
  const headers = Object.fromEntries(
    Object.entries(request.headers ?? {}).filter(([name]) => harmless.has(name.toLowerCase())),
  );
  const { tls, peer: _, ...rest } = request;
  // Whoever allowed one host to show any certificate did not allow it to the hosts that it names.
  return {
    ...rest,
    ...(tls !== undefined && url.hostname === request.url.hostname ? { tls } : {}),
    url,
    headers,
  };
}

/** The Failure for one redirect too many. */
export function tooManyRedirects(url: URL): Failure {
  return new Failure(
    'network',
    `${url.host} redirects again and again.`,
    'Report this to the operator of that server.',
  );
}

function downgraded(from: URL, to: URL): Failure {
  return new Failure(
    'network',
    `${from.host} redirects from https to plain http on ${to.host}, where anybody on the way could change the answer.`,
    'The operator of that server has to redirect to https.',
  );
}
