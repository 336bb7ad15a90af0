import { Failure } from '../failure.ts';
import type { TokenClaims } from '../sigstore/identity-token.ts';
import {
  type ChosenServices,
  isPublicGood,
  type Need,
  publicGoodServices,
  type ServiceOverrides,
} from '../sigstore/select-services.ts';
import type { Service, SigningConfig } from '../sigstore/signing-config.ts';
import { readSigningConfig } from '../sigstore/trust.ts';
import { shown } from '../text/untrusted.ts';
import type { WriteRequest } from './request.ts';
import type { KnownVisibility, World } from './world.ts';

/** The guard of private repositories, after its first look. */
export interface Guard {
  /** not decided yet: the services are named by another TUF repository */
  readonly open: boolean;
  /** the services are those of the public-good instance, as far as is known beforehand */
  readonly isPublic: boolean;
  /** To call when the services are chosen. @throws {Failure} `private-repository` */
  check(chosen: ChosenServices): Promise<void>;
  /**
   * To call with every token before it is used: the certificate carries the names in the token,
   * which may be those of another repository. @throws {Failure} `private-repository`
   */
  checkToken(claims: TokenClaims): Promise<void>;
}

type DisclosureRequest = Pick<WriteRequest, 'services' | 'tlog' | 'disclosePrivateRepository'>;

/**
 * Keyless signing with the public-good instance publishes the names of repository and workflow for
 * ever: in the log, and in the log of Fulcio's certificates. A repository whose names are not
 * public is refused before any service is contacted, the TUF repository included.
 * @throws {Failure} `private-repository` with the three ways out; `bad-signing-config`
 */
export async function guardDisclosure(
  { services, tlog, disclosePrivateRepository: mayDisclose }: DisclosureRequest,
  { surroundings }: Pick<World, 'surroundings'>,
): Promise<Guard> {
  const signingConfig =
    services.signingConfig === undefined
      ? undefined
      : await readSigningConfig(services.signingConfig);
  const known = {
    ...(signingConfig === undefined ? {} : { signingConfig }),
    ...(services.tufMirror === undefined ? {} : { tufMirror: services.tufMirror }),
    overrides: services,
    trustedRootGiven: services.trustedRoot !== undefined,
  };
  const foreseen = foreseeDisclosure(known, { fulcio: true, log: tlog });
  let isPublic = foreseen === 'public';
  const refusePrivate = async () => {
    if (mayDisclose) return;
    const known = await surroundings.visibility();
    if (known.visibility !== 'public') throw refused('this repository', known);
  };
  if (isPublic) await refusePrivate();
  const check = async (chosen: ChosenServices) => {
    // Decided again by what was really chosen: a mistake in foreseeing must not publish anything.
    if (isPublic || publicGoodServices(chosen).length === 0) return;
    isPublic = true;
    await refusePrivate();
  };
  const checkToken = async (claims: TokenClaims) => {
    if (!isPublic || mayDisclose) return;
    const known = await surroundings.tokenVisibility(claims);
    if (known === undefined || known.visibility === 'public') return;
    const name = claims.repository ?? claims.project_path;
    throw refused(
      name === undefined
        ? 'the repository that the identity token is for'
        : `the repository ${shown(name, 140)}, which the identity token is for,`,
      known,
    );
  };
  return { open: foreseen === 'unknown', isPublic: foreseen === 'public', check, checkToken };
}

function refused(repository: string, { visibility, from }: KnownVisibility): Failure {
  const known =
    from === 'unknown'
      ? `it could not be found out whether ${repository} is public, so it counts as private`
      : `${repository} is ${visibility}`;
  return new Failure(
    'private-repository',
    `\`key\` is empty, so this step signs keyless. With the public-good instance of Sigstore that would publish the names of the repository and its workflow in public logs, for ever; ${known}.`,
    waysOut,
  );
}

const waysOut = [
  'Choose one of three ways:',
  '1. sign with a key: `key: ${{ secrets.COSIGN_PRIVATE_KEY }}`; if that line is there, the secret is empty: its name is misspelt, or this run does not get it;',
  '2. sign with a private instance of Sigstore: `signing-config: …` and `trusted-root: …`;',
  '3. publish the names: `disclose-private-repository: true`.',
].join('\n');

/** What is known of the services before anything has been contacted. */
export interface KnownBeforehand {
  /** a signing config that was given, read */
  readonly signingConfig?: SigningConfig;
  readonly overrides: ServiceOverrides;
  /** with a given trusted root no signing config is fetched */
  readonly trustedRootGiven: boolean;
  readonly tufMirror?: URL;
}

/**
 * Says whether signing would publish names with the public-good instance, without contacting
 * anybody, not even its TUF repository: for the guard of private repositories. Fulcio publishes as
 * well as the log does (every certificate goes into a CT log).
 * @returns `unknown` where another TUF repository says which services there are: ask
 * `publicGoodServices` once they are chosen
 */
export function foreseeDisclosure(
  known: KnownBeforehand,
  need: Need,
): 'public' | 'private' | 'unknown' {
  const { signingConfig, overrides } = known;
  const verdicts = [
    ...(need.fulcio ? [disclosureOf(overrides.fulcioUrl, signingConfig?.ca, known)] : []),
    ...(need.log ? [disclosureOf(overrides.rekorUrl, signingConfig?.rekor, known)] : []),
  ];
  return (
    verdicts.find((verdict) => verdict === 'public') ??
    verdicts.find((verdict) => verdict === 'unknown') ??
    'private'
  );
}

function disclosureOf(
  override: URL | undefined,
  listed: readonly Service[] | undefined,
  known: KnownBeforehand,
): 'public' | 'private' | 'unknown' {
  if (override !== undefined) return isPublicGood(override) ? 'public' : 'private';
  // One public service in the list is enough: which of them is chosen may change with the day.
  if (listed !== undefined)
    return listed.some(({ url }) => isPublicGood(url)) ? 'public' : 'private';
  if (known.trustedRootGiven) return 'private';
  return known.tufMirror === undefined || isPublicGood(known.tufMirror) ? 'public' : 'unknown';
}
