import { checkToken, type IdentityToken } from '../../sigstore/identity-token.ts';
import type { RunEvent } from './event.ts';
import { noTokenFailure } from './missing-token.ts';

/** GitHub's OIDC provider as the runner names it, and what proves to it which job asks. */
export interface TokenProvider {
  readonly url: string;
  readonly credential: string;
}

/** What a token is asked for with. */
export interface TokenTools {
  readonly audience: string;
  readonly fetchToken: (provider: TokenProvider, audience: string) => Promise<string>;
  readonly env: NodeJS.ProcessEnv;
  readonly event: RunEvent;
  readonly mask: (secret: string) => void;
}

/**
 * The identity token that GitHub gives this job. It is masked before it is looked at.
 * @throws {Failure} `no-identity-token` when GitHub gives this run none, with the reason and the
 * YAML to add; `bad-identity-token` for a token that is malformed, for another audience or about
 * nobody: Fulcio would refuse it with less to go on.
 */
export async function githubIdentity(tools: TokenTools): Promise<IdentityToken> {
  const { env, event, audience, mask, fetchToken } = tools;
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: credential } = env;
  if (!url || !credential) throw noTokenFailure(env, event);
  // An endpoint that fails may send back what it was sent, and its answer comes near the log.
  mask(credential);
  const token = await fetchToken({ url, credential }, audience);
  mask(token);
  return checkToken(token, audience, { what: "GitHub's identity token", fresh: true });
}
