// Loaded only where a service is used: a key with `tlog: false` needs nothing of this.
import { Failure } from '../failure.ts';
import { createTrust } from '../signature/trust.ts';
import type { TokenClaims } from '../sigstore/identity-token.ts';
import { createRekor, type Rekor } from '../sigstore/rekor.ts';
import { type ChosenServices, chooseServices } from '../sigstore/select-services.ts';
import type { SigningConfig } from '../sigstore/signing-config.ts';
import { createTimestampWitness } from '../sigstore/timestamp.ts';
import { timeFit } from '../sigstore/token-time.ts';
import { loadTrust, logIdsOf, type Trust } from '../sigstore/trust.ts';
import { guardDisclosure } from './disclosure.ts';
import type { Thing } from './formats.ts';
import { identitySource, openKeyless } from './identity.ts';
import type { WriteRequest } from './request.ts';
import { formatsOf, type KeylessSigner, type Services } from './signer.ts';
import type { World } from './world.ts';

/**
 * The services of a run, and its signer where no key signs. Both are under way: neither needs to be
 * awaited before it is used.
 */
export interface OpenedServices {
  readonly services: Promise<Services>;
  readonly signer: Promise<KeylessSigner> | undefined;
}

/**
 * Finds the services of this run and what they are judged by. For keyless, the guard of private
 * repositories comes first, alone; then the identity token is fetched beside the trusted root, and
 * the certificate asked for as soon as both are there.
 * @throws {Failure} what is known without asking anybody: `private-repository`,
 * `bad-signing-config`, `no-identity-token`,
 *   `bad-identity-token`. `services` and `signer` reject with these too, and with
 *   `bad-trusted-root`, `tuf-error`, `rekor-error`, `bad-input`
 *   (`services`), `fulcio-error` (`signer`, at its first use).
 */
export async function openServices(
  request: WriteRequest,
  world: World,
  thing: Thing,
): Promise<OpenedServices> {
  const keyless = request.key === undefined;
  const guard = keyless ? await guardDisclosure(request, world) : undefined;
  const retryBudget = retryBudgetOf(request, world);
  const accept = async (claims: TokenClaims) => guard?.checkToken(claims);
  const identity = () => identitySource(request, world, { retryBudget, accept });
  // With another TUF repository, which services there are is known only afterwards: no token is
  // fetched for what may be refused.
  const token = guard === undefined || guard.open ? undefined : await identity();
  const find = () => findServices(request, world, async (chosen) => guard?.check(chosen));
  // No service is contacted for a token whose names must not be published, the TUF repository
  // included: of the public-good instance nothing is asked before the token has been looked at.
  const found = guard?.isPublic === true && token !== undefined ? token.first.then(find) : find();
  const services = found.then(({ services: made }) => made);
  services.catch(() => {}); // told by whoever needs them first
  if (!keyless) return { services, signer: undefined };
  const signer = found.then(async ({ fulcio, services: made }) => {
    formatsOf(request, made, thing); // no certificate is asked for, which Fulcio would publish, when the formats will be refused
    const source = token ?? (await identity());
    const tools = { ...world, audience: request.oidcAudience, retryBudget, accept };
    // The token is looked at again, now that the services are certain: others may be foreseen.
    return openKeyless(fulcio as URL, source, tools);
  });
  signer.catch(() => {});
  // Known before anything is looked up: whoever gave a token that is old hears only of that.
  if (request.identityToken !== undefined && token !== undefined)
    if (timeFit(await token.first, world.clock.date()) !== 'fits') await (await signer).identity();
  return { services, signer };
}

/**
 * How long a service may be waited for: what the step has left, minus what pushing, reading back
 * and reporting may need. That is a tenth of the budget, fifteen seconds at the most.
 */
function retryBudgetOf({ timeout }: WriteRequest, { deadline }: World): () => number {
  const reserve = Math.min(15_000, timeout / 10);
  return () => Math.max(0, deadline.remaining() - reserve);
}

async function findServices(
  request: WriteRequest,
  world: World,
  check: (chosen: ChosenServices) => Promise<void>,
): Promise<{ services: Services; fulcio: URL | undefined }> {
  const keyless = request.key === undefined;
  const { services: given } = request;
  const retryBudget = retryBudgetOf(request, world);
  const { http, clock } = world;
  const { rekorVersion: _, ...places } = given;
  const version = request.tlog ? given.rekorVersion : undefined;
  const trusted = await loadTrust({
    ...places,
    ...(version === undefined ? {} : { rekorVersion: version }),
    needsSigningConfig:
      (keyless && given.fulcioUrl === undefined) || (request.tlog && given.rekorUrl === undefined),
    cacheDir: world.files.cache,
    http,
    retryBudget,
  });
  for (const notice of trusted.notices) world.tell({ kind: 'notice', text: notice });
  const chosen = chooseServices(
    trusted.signingConfig,
    given,
    { fulcio: keyless, log: request.tlog },
    clock.date(),
  );
  await check(chosen);
  const tlog = usesLog(request, chosen, trusted, world);

  const logIds = async () => logIdsOf(trusted.trustedRoot);
  const open = (log: ChosenServices['logs'][number]) =>
    createRekor({ http, clock, retryBudget, logIds, ...log });
  const logs = chosen.logs.map(open);
  const versions = await Promise.all(logs.map((log) => log.version()));
  const logV1 =
    logs[versions.indexOf(1)] ??
    (tlog ? olderLog(trusted.signingConfig, request, { open, now: clock.date() }) : undefined);
  const timestamps = chosen.timestamps.map((url) =>
    createTimestampWitness({ http, clock, url, retryBudget }),
  );
  const services: Services = {
    trust: createTrust(trusted.trustedRoot),
    bundleWitnesses: [...logs, ...timestamps],
    legacyWitnesses: {
      ...(logV1 && { log: logV1 }),
      ...(timestamps[0] && { timestamp: timestamps[0] }),
    },
    facts: {
      tlog,
      logV1: logV1 !== undefined,
      logV2: versions.includes(2),
      timestamp: timestamps.length > 0,
    },
    privateSigstore: given.trustedRoot !== undefined || given.tufMirror !== undefined,
    trustedRoot: trusted.trustedRoot,
  };
  return { services, fulcio: chosen.fulcio };
}

/**
 * A deployment without a log says so by a signing config that names none, and is taken at its word.
 * Without any config nobody has said so.
 * @throws {Failure} `bad-signing-config`
 */
function usesLog(
  { tlog }: WriteRequest,
  chosen: ChosenServices,
  { signingConfig }: Trust,
  { tell }: World,
): boolean {
  if (!tlog || chosen.logs.length > 0) return tlog;
  if (signingConfig === undefined) {
    throw new Failure(
      'bad-signing-config',
      'A log entry is asked for (`tlog: true`), and nothing names a transparency log: with `trusted-root` given, none is looked up.',
      'Add `signing-config:` or `rekor-url:` beside `trusted-root:`, or set `tlog: false`.',
    );
  }
  tell({
    kind: 'notice',
    text: 'The signing config names no transparency log, so the signatures are recorded in none.',
  });
  return false;
}

/**
 * A config that prefers Rekor v2 may still name a v1, which is the only kind that legacy verifiers
 * understand.
 */
function olderLog(
  config: SigningConfig | undefined,
  request: WriteRequest,
  { open, now }: { open: (log: ChosenServices['logs'][number]) => Rekor; now: Date },
): Rekor | undefined {
  const { rekorUrl, rekorVersion } = request.services;
  if (request.format === 'bundle' || rekorUrl !== undefined || rekorVersion !== undefined)
    return undefined;
  try {
    const [log] = chooseServices(
      config,
      {},
      { fulcio: false, log: true, rekorVersions: [1] },
      now,
    ).logs;
    return log && open(log);
  } catch (error) {
    if (error instanceof Failure && error.code === 'bad-signing-config') return undefined;
    throw error;
  }
}
