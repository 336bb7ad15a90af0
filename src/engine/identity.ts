import { readCertificate } from '../signature/certificate.ts';
import { askFulcioDate, createFulcioSigner, type FulcioOptions } from '../sigstore/fulcio.ts';
import { checkToken, type IdentityToken, type TokenClaims } from '../sigstore/identity-token.ts';
import { warnOfFulcio } from '../sigstore/public-issuers.ts';
import { timeFailure, timeFit } from '../sigstore/token-time.ts';
import { derOf } from '../text/base64.ts';
import type { WriteRequest } from './request.ts';
import type { KeylessSigner } from './signer.ts';
import type { FulcioPlace } from './witnesses.ts';
import type { World } from './world.ts';

/** Looks at what a token says before it is used. @throws {Failure} */
type AcceptClaims = (claims: TokenClaims) => Promise<void>;
/** Each call answers a token that has not been used yet. */
type TokenSource = () => Promise<IdentityToken>;
interface KeylessTools extends FulcioTools, Pick<World, 'tell'> {
  readonly accept: AcceptClaims;
  /** that the tokens are for */
  readonly audience: string;
}
type FulcioTools = Pick<FulcioOptions, 'http' | 'clock' | 'retryBudget'>;

/**
 * Where the identity tokens of this run come from: the one that was given, else the surroundings.
 * The first one is fetched at once, beside everything else, and told. Each further one is fetched
 * when a certificate has to be renewed, or another Fulcio stands in. It is told only if it says
 * something else, so the log shows an identity once, and never another than signs.
 * @returns the source; `first` is the token that it answers first, looked at already
 * @throws {Failure} `no-identity-token`, `bad-identity-token`, `private-repository`, at once where
 * no provider has to be asked to know it; else when it is used
 */
export async function identitySource(
  { identityToken: given, oidcAudience }: Pick<WriteRequest, 'identityToken' | 'oidcAudience'>,
  { surroundings, mask, tell }: Pick<World, 'surroundings' | 'mask' | 'tell'>,
  { retryBudget, accept }: { readonly retryBudget: () => number; readonly accept: AcceptClaims },
): Promise<TokenSource & { readonly first: Promise<IdentityToken> }> {
  const find = async () => {
    if (given === undefined) return surroundings.identityToken(oidcAudience, retryBudget);
    mask.mask(given);
    const what = 'The identity token that was given';
    return checkToken(given, oidcAudience, { what, fresh: false });
  };
  let known = '';
  const ask = async (): Promise<IdentityToken> => {
    const token = await find();
    await accept(token.claims);
    const claims = JSON.stringify(token.claims);
    if (claims !== known) tell({ kind: 'identity', token });
    known = claims;
    return token;
  };
  const first = ask();
  first.catch(() => {}); // told when the token is used
  if (given !== undefined || !surroundings.asksForIdentity) await first;
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
  fulcio: FulcioPlace,
  source: TokenSource,
  tools: KeylessTools,
): KeylessSigner {
  const identityToken = async (url: URL) => {
    const found = await source();
    await tools.accept(found.claims);
    const warning = warnOfFulcio(url, found.claims, tools.audience);
    if (warning !== undefined) tools.tell({ kind: 'warning', text: warning });
    await checkTimes(found, url, tools);
    return found.token;
  };
  const signer = createFulcioSigner({ ...tools, ...fulcio, identityToken });
  signer.certificate().catch(() => {});
  const claims = async () => {
    const { github, source } = readCertificate(derOf(await signer.certificate()));
    return { ...(github && { github }), ...(source && { source }) };
  };
  return Object.assign(signer, { claims });
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
