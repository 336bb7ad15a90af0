// A file of its own, to be loaded with import() in keyless runs only: getIDToken brings an HTTP
// client of 400 KB. The build gives this file its own copy of @actions/core (see
// scripts/build.mjs), or the client would come along wherever @actions/core is used.
import { getIDToken } from '@actions/core';

/**
 * Asks the runner for an OIDC token with this audience; the token is masked by @actions/core before
 * it is returned.
 * @throws {Error} with the status alone: the answer of an endpoint that fails may hold the
 * credential it was asked with
 */
export async function fetchGithubToken(audience: string): Promise<string> {
  try {
    return await getIDToken(audience);
  } catch (caught) {
    const status = /Error Code : (\d{3})\b/.exec(
      caught instanceof Error ? caught.message : '',
    )?.[1];
    throw new Error(
      status === undefined
        ? 'the endpoint of identity tokens gave no answer'
        : `the endpoint of identity tokens answered ${status}`,
    );
  }
}
