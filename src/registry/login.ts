import type { Failure } from '../failure.ts';
import { isJsonObject } from '../text/json.ts';

/** How to log in at one registry. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** a refresh token, for the OAuth2 grant of the registry's token service (Azure) */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** a bearer token, to be sent as it is */
  | { readonly kind: 'registry-token'; readonly token: string };

/** base64 of `username:password`, as HTTP Basic sends it (RFC 7617). */
export function basic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** One name per registry: lower case, and one for the three hosts of Docker Hub. */
export function canonicalRegistry(registry: string): string {
  const host = registry.toLowerCase();
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

/**
 * The credentials of one entry of `auths` in a docker config: `auth` (base64 of
 * `username:password`), `username` and `password`, `identitytoken` or `registrytoken`.
 * @param entry as it was read
 * @param mask is told every secret first
 * @param broken makes the Failure of half a sentence, which names no secret
 * @returns undefined for an entry without a login: Docker leaves `{}` where a helper has it
 * @throws {Failure} what `broken` makes, for an `auth` that nobody could log in with: silence would
 * look like "nobody logged in"
 */
export function entryCredentials(
  entry: unknown,
  mask: (secret: string) => void,
  broken: (problem: string) => Failure,
): Credentials | undefined {
  if (!isJsonObject(entry)) return undefined;
  const text = (field: string) =>
    typeof entry[field] === 'string' && entry[field] !== '' ? entry[field] : undefined;
  for (const field of ['auth', 'password', 'identitytoken', 'registrytoken']) {
    const secret = text(field);
    if (secret !== undefined) mask(secret);
  }
  const registryToken = text('registrytoken');
  if (registryToken !== undefined) return { kind: 'registry-token', token: registryToken };
  const identityToken = text('identitytoken');
  if (identityToken !== undefined) return { kind: 'identity-token', token: identityToken };
  // `auth` wins over the two fields, as in Docker.
  const auth = text('auth');
  const pair =
    auth === undefined
      ? { username: text('username'), password: text('password') }
      : pairOf(auth, mask, broken);
  if (pair.username === undefined || pair.password === undefined) return undefined;
  const { username, password } = pair;
  mask(password);
  mask(basic(username, password));
  if (username === '<token>') return { kind: 'identity-token', token: password };
  return { kind: 'password', username, password };
}

function pairOf(
  auth: string,
  mask: (secret: string) => void,
  broken: (problem: string) => Failure,
): { username: string; password: string } {
  // Go's decoder skips line breaks: `base64` without -w0 makes them.
  const packed = auth.replace(/[\r\n]/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(packed))
    throw broken('has an `auth` that is not base64 of `username:password`');
  const decoded = Buffer.from(packed, 'base64').toString('utf8').replace(/\0+$/, '');
  mask(decoded);
  const colon = decoded.indexOf(':');
  if (colon < 0)
    throw broken('has an `auth` without a colon: it is to be base64 of `username:password`');
  const username = decoded.slice(0, colon);
  const password = decoded.slice(colon + 1);
  if (username === '') throw broken('has an `auth` without a user name before the colon');
  if (password === '') throw broken('has an `auth` without a password after the colon');
  mask(password);
  // RFC 7617 knows no control characters; no registry has a password with one.
  if (/\p{Cc}/u.test(decoded))
    throw broken(
      /[\r\n]$/.test(decoded)
        ? 'has an `auth` that ends with a line break, as `echo` makes one: `printf %s` makes none'
        : 'has an `auth` with control characters in it',
    );
  return { username, password };
}
