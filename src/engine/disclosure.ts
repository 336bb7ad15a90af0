import type { Clock } from '../clock.ts';
import type { TokenClaims } from '../edges/action/github-identity.ts';
import {
  type AskRepository,
  type KnownVisibility,
  repositoryVisibility,
  tokenVisibility,
} from '../edges/action/visibility.ts';
import type { SignInputs } from '../edges/inputs/sign.ts';
import { Failure } from '../failure.ts';
import { fetchOver } from '../http/fetch.ts';
import type { Http } from '../http/http.ts';
import { foreseeDisclosure } from '../sigstore/disclosure.ts';
import { type ChosenServices, publicGoodServices } from '../sigstore/select-services.ts';
import { readSigningConfig } from '../sigstore/trust.ts';
import { shown } from '../text/untrusted.ts';

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

interface GuardTools {
  readonly http: Http;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
}

/**
 * Keyless signing with the public-good instance publishes the names of repository and workflow for
 * ever: in the log, and in the log of Fulcio's certificates. A repository whose names are not
 * public is refused before any service is contacted, the TUF repository included.
 * @throws {Failure} `private-repository` with the three ways out; `bad-signing-config`
 */
export async function guardDisclosure(inputs: SignInputs, tools: GuardTools): Promise<Guard> {
  const { services, tlog } = inputs;
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
  const mayDisclose = inputs.disclosePrivateRepository;
  let isPublic = foreseen === 'public';
  const ask = askOnce(inputs, tools);
  const refusePrivate = async () => {
    if (mayDisclose) return;
    const known = await repositoryVisibility(tools.env, ask);
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
    const known = await tokenVisibility(claims, tools.env, ask);
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

/** GitHub is asked once for a repository; undefined where there is no token to ask with. */
function askOnce({ githubToken }: SignInputs, tools: GuardTools): AskRepository | undefined {
  if (githubToken === undefined) return undefined;
  const asked = new Map<string, ReturnType<AskRepository>>();
  const ask: AskRepository = async (name) =>
    (await import('../edges/action/github-client.ts')).askGithub(githubToken, {
      ...tools,
      fetch: fetchOver(tools.http),
    })(name);
  return (name) => {
    const answer = asked.get(name) ?? ask(name);
    asked.set(name, answer);
    return answer;
  };
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
