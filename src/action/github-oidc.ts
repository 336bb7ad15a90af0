// A file of its own, to be loaded with import() in keyless runs only: getIDToken brings an HTTP
// client of 400 KB. The build gives this file its own copy of @actions/core (see
// scripts/build.mjs), or the client would come along wherever @actions/core is used.
import { getIDToken } from '@actions/core';

/**
 * Asks the runner for an OIDC token with this audience; the token is masked by @actions/core before
 * it is returned.
 */
export async function fetchGithubToken(audience: string): Promise<string> {
  return getIDToken(audience);
}
