import { readEvent } from '../edges/action/event.ts';
import {
  type IdentityToken,
  identityToken,
  type TokenClaims,
  type TokenSources,
} from '../edges/action/github-identity.ts';
import { timeFailure, timeFit } from '../edges/action/token-time.ts';
import type { SignInputs } from '../edges/inputs/sign.ts';
import { signerInWords } from '../edges/report/signer-words.ts';
import { describeToken, expectedIdentity } from '../edges/report/token-words.ts';
import { readCertificate } from '../signature/certificate.ts';
import { askFulcioDate, createFulcioSigner, type FulcioOptions } from '../sigstore/fulcio.ts';
import { askGithubToken } from '../sigstore/github-token.ts';
import type { ServiceTools } from './services.ts';
import type { KeylessSigner } from './signer.ts';

/** Looks at what a token says before it is used. @throws {Failure} */
type AcceptClaims = (claims: TokenClaims) => Promise<void>;
/** Each call answers a token that has not been used yet. */
type TokenSource = () => Promise<IdentityToken>;
type FulcioTools = Pick<FulcioOptions, 'http' | 'clock' | 'patience'>;

/**
 * Where the identity tokens of this run come from. The first one is fetched at once, beside
 * everything else, and its claims are shown; each further one only when a certificate has to be
 * renewed.
 * @returns the source; `first` is the token that it answers first, looked at already
 * @throws {Failure} `no-identity-token`, `bad-identity-token`, `private-repository`, at once where no provider has to be
 * asked to know it; else when it is used
 */
export async function identitySource(
  inputs: SignInputs,
  tools: ServiceTools & { readonly patience: () => number; readonly accept: AcceptClaims },
): Promise<TokenSource & { readonly first: Promise<IdentityToken> }> {
  const { env, log, masker, clock } = tools;
  const ask = async (): Promise<IdentityToken> => {
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
    });
    await tools.accept(found.claims);
    log.info(
      [
        `\`key\` is empty, so this step signs keyless as ${signerInWords({ identity: expectedIdentity(found.claims, env.GITHUB_SERVER_URL) })}`,
        ...describeToken(found, env.GITHUB_SERVER_URL, clock.date().getTime()).map(
          (line) => `  ${line}`,
        ),
      ].join('\n'),
    );
    return found;
  };
  const first = ask();
  first.catch(() => {}); // told when the token is used
  if (
    inputs.identityToken !== undefined ||
    !env.ACTIONS_ID_TOKEN_REQUEST_URL ||
    !env.ACTIONS_ID_TOKEN_REQUEST_TOKEN
  )
    await first;
  let unused: Promise<IdentityToken> | undefined = first;
  const next = () => {
    const token = unused ?? ask();
    unused = undefined;
    return token;
  };
  return Object.assign(next, { first });
}

/**
 * The signer of a keyless run. Its certificate is asked for at once; why there is none is told when
 * the first signature is due.
 */
export function openKeyless(
  url: URL,
  source: TokenSource,
  tools: FulcioTools & { readonly accept: AcceptClaims },
): KeylessSigner {
  const identityToken = async () => {
    const found = await source();
    await tools.accept(found.claims);
    await checkTimes(found, url, tools);
    return found.token;
  };
  const signer = createFulcioSigner({ ...tools, url, identityToken });
  signer.certificate().catch(() => {});
  const commit = async () => readCertificate(derOf(await signer.certificate())).github?.sha;
  return Object.assign(signer, { commit });
}

/**
 * The one check that needs the clock of the runner. Whether that or the token is wrong, Fulcio's
 * clock tells: it is asked for its time only then.
 */
async function checkTimes(found: IdentityToken, url: URL, tools: FulcioTools): Promise<void> {
  const now = tools.clock.date();
  if (timeFit(found, now) === 'fits') return;
  throw timeFailure(found, now, await askFulcioDate({ ...tools, url }));
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}
