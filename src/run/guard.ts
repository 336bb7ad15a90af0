import type { SignInputs } from '../action/inputs.ts';
import { repositoryVisibility } from '../action/visibility.ts';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { fetchOver } from '../http/fetch.ts';
import type { Http } from '../http/http.ts';
import { foreseeDisclosure } from '../sigstore/disclosure.ts';
import { type ChosenServices, publicGoodServices } from '../sigstore/select-services.ts';
import { readSigningConfig } from '../sigstore/trust.ts';

/** The guard of private repositories, after its first look. */
export interface Guard {
  /** not decided yet: the services are named by another TUF repository */
  readonly open: boolean;
  /** To call when the services are chosen. @throws {Failure} `private-repository` */
  check(chosen: ChosenServices): Promise<void>;
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
  if (foreseen === 'public') await refusePrivate(inputs, tools);
  const check = async (chosen: ChosenServices) => {
    // Decided again by what was really chosen: a mistake in foreseeing must not publish anything.
    if (foreseen !== 'public' && publicGoodServices(chosen).length > 0)
      await refusePrivate(inputs, tools);
  };
  return { open: foreseen === 'unknown', check };
}

async function refusePrivate(
  { disclosePrivateRepository, githubToken }: SignInputs,
  tools: GuardTools,
): Promise<void> {
  if (disclosePrivateRepository) return;
  const ask =
    githubToken === undefined
      ? undefined
      : async (name: string) =>
          (await import('../action/github-client.ts')).askGithub(githubToken, {
            ...tools,
            fetch: fetchOver(tools.http),
          })(name);
  const { visibility, from } = await repositoryVisibility(tools.env, ask);
  if (visibility === 'public') return;
  const known =
    from === 'unknown'
      ? 'it could not be found out whether this repository is public, so it counts as private'
      : `this repository is ${visibility}`;
  throw new Failure(
    'private-repository',
    `\`key\` is empty, so this step signs keyless. With the public-good instance of Sigstore that would publish the names of this repository and its workflow in public logs, for ever; ${known}.`,
    waysOut,
  );
}

const waysOut = [
  'Choose one of three ways:',
  '1. sign with a key: `key: ${{ secrets.COSIGN_PRIVATE_KEY }}`; if that line is there, the secret is empty: its name is misspelt, or this run does not get it;',
  '2. sign with a private instance of Sigstore: `signing-config: …` and `trusted-root: …`;',
  '3. publish the names: `disclose-private-repository: true`.',
].join('\n');
