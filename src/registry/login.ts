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
