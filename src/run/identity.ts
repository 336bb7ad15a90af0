import { readEvent } from '../action/event.ts';
import { identityToken, type TokenSources } from '../action/identity-token.ts';
import type { SignInputs } from '../action/inputs.ts';
import { signerInWords } from '../action/signer-words.ts';
import { describeToken, expectedIdentity } from '../action/token-words.ts';
import type { Clock } from '../clock.ts';
import type { Http } from '../http/http.ts';
import { readCertificate } from '../signature/certificate.ts';
import { createFulcioSigner } from '../sigstore/fulcio.ts';
import { askGithubToken } from '../sigstore/github-token.ts';
import type { ServiceTools } from './services.ts';
import type { KeylessSigner } from './signer.ts';

/**
 * Where the identity tokens of this run come from. The first one is fetched at once, beside
 * everything else, and its claims are shown; each further one only when a certificate has to be
 * renewed.
 * @throws {Failure} `no-identity-token`, `bad-identity-token`, at once where no provider has to be
 * asked to know it; else when it is used
 */
export async function identitySource(
  inputs: SignInputs,
  tools: ServiceTools & { readonly patience: () => number },
): Promise<() => Promise<string>> {
  const { env, log, masker, clock } = tools;
  const ask = async (): Promise<string> => {
    const fetchToken: TokenSources['fetchToken'] = (provider, audience) =>
      askGithubToken({ ...provider, ...tools }, audience);
    const given = inputs.identityToken === undefined ? {} : { given: inputs.identityToken };
    const found = await identityToken({
      ...given,
      audience: inputs.oidcAudience,
      fetchToken,
      env,
      event: await readEvent(env),
      masker,
      clock,
    });
    log.info(
      [
        `\`key\` is empty, so this step signs keyless as ${signerInWords({ identity: expectedIdentity(found.claims, env.GITHUB_SERVER_URL) })}`,
        ...describeToken(found, env.GITHUB_SERVER_URL, clock.date().getTime()).map(
          (line) => `  ${line}`,
        ),
      ].join('\n'),
    );
    return found.token;
  };
  let first: Promise<string> | undefined = ask();
  first.catch(() => {}); // told when the token is used
  if (
    inputs.identityToken !== undefined ||
    !env.ACTIONS_ID_TOKEN_REQUEST_URL ||
    !env.ACTIONS_ID_TOKEN_REQUEST_TOKEN
  )
    await first;
  return () => {
    const token = first ?? ask();
    first = undefined;
    return token;
  };
}

/**
 * The signer of a keyless run. Its certificate is asked for at once; why there is none is told when
 * the first signature is due.
 */
export function openKeyless(
  url: URL,
  token: () => Promise<string>,
  tools: { http: Http; clock: Clock; patience: () => number },
): KeylessSigner {
  const signer = createFulcioSigner({ ...tools, url, identityToken: token });
  signer.certificate().catch(() => {});
  const commit = async () => readCertificate(derOf(await signer.certificate())).github?.sha;
  return Object.assign(signer, { commit });
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}
