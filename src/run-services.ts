// Loaded only where a service is used: a key with `tlog: false` needs nothing of this.
import { join } from 'node:path';
import { readEvent } from './action/event.ts';
import { identityToken } from './action/identity-token.ts';
import type { SignInputs } from './action/inputs.ts';
import type { Log } from './action/log.ts';
import type { Masker } from './action/secrets.ts';
import { describeToken } from './action/token-words.ts';
import { repositoryVisibility } from './action/visibility.ts';
import { Failure } from './failure.ts';
import type { Deadline } from './http/deadline.ts';
import type { Http } from './http/http.ts';
import type { Services } from './run-signer.ts';
import { readCertificate } from './signature/certificate.ts';
import type { ImageSigner } from './signature/signer.ts';
import { createTrust } from './signature/trust.ts';
import { createFulcioSigner } from './sigstore/fulcio.ts';
import { createRekor, type Rekor } from './sigstore/rekor.ts';
import { type ChosenServices, chooseServices, publicGoodServices } from './sigstore/select-services.ts';
import type { SigningConfig } from './sigstore/signing-config.ts';
import { createTimestampWitness } from './sigstore/timestamp.ts';
import { loadTrust, logIdsOf } from './sigstore/trust.ts';

export interface ServiceTools {
  readonly env: NodeJS.ProcessEnv;
  readonly http: Http;
  readonly deadline: Deadline;
  readonly log: Log;
  readonly masker: Masker;
}

/** Kept back for the registry when a service is waited for, in milliseconds. */
const reserve = 15_000;

/**
 * Finds the services of this run and what they are judged by; for keyless also the signer, whose certificate is asked for at once.
 * @throws {Failure} `private-repository` before any service is contacted, `bad-signing-config`, `bad-trusted-root`, `tuf-error`, `rekor-error`
 */
export async function openServices(inputs: SignInputs, tools: ServiceTools): Promise<Services & { fulcio?: URL }> {
  const { services: given } = inputs;
  const keyless = inputs.key === undefined;
  // Known without asking anybody: nothing names another instance than the public one.
  if (keyless && given.signingConfig === undefined && given.tufMirror === undefined && given.fulcioUrl === undefined) {
    await refusePrivateRepository(inputs, tools, 'the public-good instance');
  }
  const patience = () => Math.max(0, tools.deadline.remaining() - reserve);
  const { http } = tools;
  const trusted = await loadTrust({
    ...given,
    needsSigningConfig: !((!keyless || given.fulcioUrl !== undefined) && (!inputs.tlog || given.rekorUrl !== undefined)),
    cacheDir: join(tools.env.RUNNER_TOOL_CACHE ?? tools.env.RUNNER_TEMP ?? '.', 'sign-image', 'tuf'),
    http,
    patience,
  });
  for (const notice of trusted.notices) tools.log.notice(notice);
  const chosen = chooseServices(trusted.signingConfig, given, { fulcio: keyless, log: inputs.tlog }, new Date());
  const [publicService] = publicGoodServices(chosen);
  if (keyless && publicService !== undefined) await refusePrivateRepository(inputs, tools, publicService.origin);

  const logIds = async () => logIdsOf(trusted.trustedRoot);
  const open = (log: ChosenServices['logs'][number]) => createRekor({ http, patience, logIds, ...log });
  const logs = chosen.logs.map(open);
  const versions = await Promise.all(logs.map((log) => log.version()));
  const logV1 = logs[versions.indexOf(1)] ?? (inputs.tlog ? olderLog(trusted.signingConfig, inputs, open) : undefined);
  const timestamps = chosen.timestamps.map((url) => createTimestampWitness({ http, url, patience }));
  return {
    trust: createTrust(trusted.trustedRoot),
    bundleWitnesses: [...logs, ...timestamps],
    legacyWitnesses: [...(logV1 === undefined ? [] : [logV1]), ...timestamps.slice(0, 1)],
    facts: { logV1: logV1 !== undefined, logV2: versions.includes(2), timestamp: timestamps.length > 0 },
    privateSigstore: given.trustedRoot !== undefined || given.tufMirror !== undefined,
    ...(chosen.fulcio === undefined ? {} : { fulcio: chosen.fulcio }),
  };
}

/** A config that prefers Rekor v2 may still name a v1, which is the only kind that legacy verifiers understand. */
function olderLog(
  config: SigningConfig | undefined,
  inputs: SignInputs,
  open: (log: ChosenServices['logs'][number]) => Rekor,
): Rekor | undefined {
  if (inputs.format === 'bundle' || inputs.services.rekorUrl !== undefined) return undefined;
  try {
    const [log] = chooseServices(config, {}, { fulcio: false, log: true, rekorVersions: [1] }, new Date()).logs;
    return log && open(log);
  } catch (error) {
    if (error instanceof Failure && error.code === 'bad-signing-config') return undefined;
    throw error;
  }
}

/**
 * The signer of a keyless run: asks for the token, then for the certificate, at once and once.
 * Its failures (`no-identity-token`, `bad-identity-token`, `fulcio-error`) come with the first signature, beside what the registry says.
 */
export function openKeyless(url: URL, inputs: SignInputs, tools: ServiceTools): ImageSigner & { commit(): Promise<string | undefined> } {
  const { env, http, deadline, log, masker } = tools;
  const token = async () => {
    const event = await readEvent(env);
    const fetchToken = async (audience: string) => (await import('./action/github-oidc.ts')).fetchGithubToken(audience);
    const given = inputs.identityToken === undefined ? {} : { given: inputs.identityToken };
    const found = await identityToken({ ...given, audience: inputs.oidcAudience, fetchToken, env, event, masker });
    await log.group('Identity of this workflow', async () =>
      describeToken(found, env.GITHUB_SERVER_URL).forEach((line) => void log.info(line)),
    );
    return found.token;
  };
  const patience = () => Math.max(0, deadline.remaining() - reserve);
  const signer = createFulcioSigner({ http, url, identityToken: token, patience });
  signer.certificate().catch(() => {}); // under way beside the first requests; a failure is told when the certificate is used
  const commit = async () => readCertificate(Buffer.from(pemBody(await signer.certificate()), 'base64')).github?.sha;
  return Object.assign(signer, { commit });
}

function pemBody(pem: string): string {
  return pem.replace(/-----[^-]+-----/g, '').replace(/\s/g, '');
}

/**
 * Keyless signing publishes the names of repository and workflow for ever: in the log, and in Fulcio's own certificate log. So a repository
 * whose names are not public is refused before anything is sent anywhere.
 * @throws {Failure} `private-repository` with the three ways out.
 */
async function refusePrivateRepository(inputs: SignInputs, { env }: ServiceTools, where: string): Promise<void> {
  if (inputs.disclosePrivateRepository) return;
  const { githubToken } = inputs;
  const ask =
    githubToken === undefined
      ? undefined
      : async (name: string) => (await import('./action/github-api.ts')).askGithub(githubToken, env)(name);
  const { visibility, from } = await repositoryVisibility(env, ask);
  if (visibility === 'public') return;
  const known =
    from === 'unknown'
      ? 'it could not be found out whether this repository is public, so it counts as private'
      : `this repository is ${visibility}`;
  throw new Failure(
    'private-repository',
    `Keyless signing with ${where} would publish the names of this repository and its workflow in public logs, for ever; ${known}.`,
    [
      'Choose one of three ways:',
      '1. sign with a key: `key: ${{ secrets.COSIGN_PRIVATE_KEY }}`;',
      '2. use your own Sigstore: `signing-config: …` and `trusted-root: …`;',
      '3. publish the names: `disclose-private-repository: true`.',
    ].join('\n'),
  );
}
