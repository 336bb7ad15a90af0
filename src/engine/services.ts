// Loaded only where a service is used: a key with `tlog: false` needs nothing of this.
import { Failure } from '../failure.ts';
import { createTrust } from '../signature/trust.ts';
import type { TokenClaims } from '../sigstore/identity-token.ts';
import { type ChosenServices, chooseServices } from '../sigstore/select-services.ts';
import { timeFit } from '../sigstore/token-time.ts';
import { loadTrust, type Trust, type TrustOptions } from '../sigstore/trust.ts';
import { guardDisclosure } from './disclosure.ts';
import type { Thing } from './formats.ts';
import { identitySource, openKeyless } from './identity.ts';
import type { WriteRequest } from './request.ts';
import { formatsOf, type KeylessSigner, type Services } from './signer.ts';
import {
  type Choose,
  type FulcioPlace,
  fulcioOf,
  logsOf,
  olderLog,
  openParts,
  timestampsOf,
} from './witnesses.ts';
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
    return openKeyless(fulcio as FulcioPlace, source, tools);
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
): Promise<{ services: Services; fulcio: FulcioPlace | undefined }> {
  const { services: given, tlog: log } = request;
  const trusted = await loadTrust(trustOptions(request, world));
  for (const notice of trusted.notices) world.tell({ kind: 'notice', text: notice });
  const need = { fulcio: request.key === undefined, log };
  const choose: Choose = (now, more) =>
    chooseServices(trusted.signingConfig, given, { ...need, ...more }, now);
  const chosen = choose(world.clock.date());
  await check(chosen);
  const tlog = usesLog(request, chosen, trusted, world);
  if (tlog && request.tlogFallback !== undefined && chosen.timestamps.length === 0)
    throw nothingToFallBackOn();
  const retryBudget = retryBudgetOf(request, world);
  const parts = await openParts(request, world, trusted, { choose, retryBudget });
  const [fulcio, logs, timestamps] = await Promise.all([
    fulcioOf(chosen, parts),
    logsOf(chosen, parts),
    timestampsOf(chosen, parts),
  ]);
  const logV1 = logs.version === 1 ? logs.one : tlog ? await olderLog(request, parts) : undefined;
  const services: Services = {
    trust: createTrust(trusted.trustedRoot),
    bundleWitnesses: [...logs.all, ...timestamps.all],
    legacyWitnesses: {
      ...(logV1 && { log: logV1 }),
      ...(timestamps.one && { timestamp: timestamps.one }),
    },
    facts: {
      tlog,
      logV1: logV1 !== undefined,
      logV2: logs.version === 2,
      timestamp: timestamps.all.length > 0,
    },
    privateSigstore: given.trustedRoot !== undefined || given.tufMirror !== undefined,
    trustedRoot: trusted.trustedRoot,
    standIns: () => parts.standIns,
    ...(parts.fallback && { logOutage: parts.fallback.outage }),
  };
  return { services, fulcio };
}

/** Told before an outage: that is no time to learn it. */
function nothingToFallBackOn(): Failure {
  return new Failure(
    'bad-input',
    '`tlog-fallback: timestamp` needs a timestamp authority, and none is configured.',
    'Name one with `timestamp-url:` or `signing-config:`, or remove `tlog-fallback:`.',
  );
}

function trustOptions(request: WriteRequest, world: World): TrustOptions {
  const { rekorVersion, ...given } = request.services;
  return {
    ...given,
    // Of a log that is not used no version is asked for.
    ...(request.tlog && rekorVersion !== undefined ? { rekorVersion } : {}),
    needsSigningConfig:
      (request.key === undefined && given.fulcioUrl === undefined) ||
      (request.tlog && given.rekorUrl === undefined),
    cacheDir: world.files.cache,
    http: world.http,
    retryBudget: retryBudgetOf(request, world),
  };
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
