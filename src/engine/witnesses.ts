import type { Witness } from '@sigstore/sign';
import { Failure } from '../failure.ts';
import type { StandIn, Turns } from '../sigstore/in-turn.ts';
import { createRekor, type RekorVersion } from '../sigstore/rekor.ts';
import type { ChosenLog, ChosenServices, Need, ServiceKind } from '../sigstore/select-services.ts';
import { createTimestampWitness } from '../sigstore/timestamp.ts';
import { logIdsOf, type Trust } from '../sigstore/trust.ts';
import type { WriteRequest } from './request.ts';
import type { LogFallback, TurnTools } from './stand-ins.ts';
import type { World } from './world.ts';

/** The services of the signing config that will do at this time. @throws {Failure} */
export type Choose = (now: Date, more?: Pick<Need, 'rekorVersions'>) => ChosenServices;

/** Where certificates come from; with `turns`, others will do as well. */
export interface FulcioPlace {
  readonly url: URL;
  readonly turns?: Turns;
}

/** Those of one kind, as a bundle carries them, and the one that the legacy format has room for. */
export interface Witnesses {
  readonly all: readonly Witness[];
  readonly one?: Witness;
}

/** What it takes to open the services of a run. */
export interface Parts extends Pick<TurnTools, 'http' | 'clock' | 'tell' | 'logIds'> {
  readonly retryBudget: () => number;
  readonly choose: Choose;
  /** the end of the run */
  readonly end: Date;
  /** those that have stood in so far */
  readonly standIns: StandIn[];
  /** input `tlog-fallback` */
  readonly fallback?: LogFallback;
}

/** Gathers them. */
export async function openParts(
  { tlogFallback }: Pick<WriteRequest, 'tlogFallback'>,
  { http, clock, tell, deadline }: World,
  { trustedRoot }: Trust,
  own: Pick<Parts, 'choose' | 'retryBudget'>,
): Promise<Parts> {
  const logIds = async () => logIdsOf(trustedRoot);
  const end = new Date(clock.date().getTime() + deadline.remaining());
  const parts = { http, clock, tell, logIds, ...own, end, standIns: [] };
  if (tlogFallback === undefined) return parts;
  const { createLogFallback } = await import('./stand-ins.ts');
  return { ...parts, fallback: createLogFallback(parts) };
}

/** Where the certificate comes from; undefined where none is needed. */
export async function fulcioOf(
  chosen: ChosenServices,
  parts: Parts,
): Promise<FulcioPlace | undefined> {
  const url = chosen.fulcio;
  if (url === undefined || isAlone('fulcio', chosen, parts)) return url && { url };
  const { inTurn } = await import('./stand-ins.ts');
  return { url, turns: inTurn('fulcio', turnTools(parts)) };
}

/** @throws {Failure} `rekor-error` where a log had to be asked for its version and did not say it */
export async function logsOf(
  chosen: ChosenServices,
  parts: Parts,
): Promise<Witnesses & { readonly version?: RekorVersion }> {
  const [first] = chosen.logs;
  if (first === undefined) return { all: [] };
  if (parts.fallback !== undefined) return logsWithFallback(first, parts, parts.fallback);
  if (isAlone('logs', chosen, parts)) {
    const all = chosen.logs.map((log) => createRekor({ ...parts, ...log }));
    const versions = await Promise.all(all.map((log) => log.version()));
    const [version] = versions;
    return { all, ...(all[0] && { one: all[0] }), ...(version && { version }) };
  }
  return logsInTurn(first.version ?? 1, parts);
}

async function logsInTurn(version: RekorVersion, parts: Parts) {
  const { inTurn, logInTurn } = await import('./stand-ins.ts');
  // What the formats were chosen for: a log of another version that begins later does not do.
  const tools = turnTools(parts, { rekorVersions: [version] });
  const turns = inTurn('logs', tools);
  return { all: [logInTurn(turns, tools)], one: logInTurn(turns, tools, 1), version };
}

/**
 * Half of the time is the log's; the rest is for the registry, and for images whose turn comes
 * later. Of a log that does not even say its version, the formats are those of version 1.
 */
async function logsWithFallback(first: ChosenLog, given: Parts, fallback: LogFallback) {
  const { withFallback } = await import('./stand-ins.ts');
  const parts = { ...given, retryBudget: () => given.retryBudget() / 2 };
  const ask = () => createRekor({ ...parts, ...first }).version();
  const version = first.version ?? (await fallback.unlessDown(ask, 1));
  const choose: Choose = (...asked) => {
    const chosen = given.choose(...asked);
    return first.version === undefined ? { ...chosen, logs: [{ ...first, version }] } : chosen;
  };
  const { all, one } = await logsInTurn(version, { ...parts, choose });
  return {
    all: all.map((log) => withFallback(log, fallback)),
    one: withFallback(one, fallback),
    version,
  };
}

/** The timestamp authorities. */
export async function timestampsOf(chosen: ChosenServices, parts: Parts): Promise<Witnesses> {
  if (chosen.timestamps.length === 0) return { all: [] };
  if (isAlone('timestamps', chosen, parts)) {
    const all = chosen.timestamps.map((url) => createTimestampWitness({ ...parts, url }));
    return { all, ...(all[0] && { one: all[0] }) };
  }
  const { inTurn, timestampInTurn } = await import('./stand-ins.ts');
  const tools = turnTools(parts);
  const turns = inTurn('timestamps', tools);
  return { all: [timestampInTurn(turns, tools)], one: timestampInTurn(turns, tools, 1) };
}

/**
 * A config that prefers Rekor v2 may still name a v1, which is the only kind that legacy verifiers
 * understand.
 */
export async function olderLog(
  { format, services: { rekorUrl, rekorVersion } }: WriteRequest,
  parts: Parts,
): Promise<Witness | undefined> {
  if (format === 'bundle' || rekorUrl !== undefined || rekorVersion !== undefined) return undefined;
  try {
    const chosen = parts.choose(parts.clock.date(), { rekorVersions: [1] });
    return (await logsOf(chosen, parts)).one;
  } catch (error) {
    if (error instanceof Failure && error.code === 'bad-signing-config') return undefined;
    throw error;
  }
}

/** True where these services are used and no others, until the run ends. */
function isAlone(kind: ServiceKind, chosen: ChosenServices, { choose, end }: Parts): boolean {
  if (chosen.standIns?.[kind] !== undefined) return false;
  const rekorVersions = chosen.logs.flatMap(({ version }) => version ?? []);
  try {
    const later = choose(end, rekorVersions.length === 0 ? {} : { rekorVersions });
    return JSON.stringify(later[kind]) === JSON.stringify(chosen[kind]);
  } catch {
    return false;
  }
}

function turnTools(parts: Parts, more?: Parameters<Choose>[1]): TurnTools {
  const { standIns, choose, clock } = parts;
  return {
    ...parts,
    choose: () => choose(clock.date(), more),
    onStandIn: (standIn) => void standIns.push(standIn),
  };
}
