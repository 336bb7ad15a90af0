// Drives one promotion through one fault, at the source or at the target, and looks at what is left:
// the run's words, the tag, and what lies at the target.
import { systemClock } from '../../src/clock.ts';
import { openWorld } from '../../src/edges/world.ts';
import { promote } from '../../src/engine/promote.ts';
import type { PromoteResult } from '../../src/engine/promote-result.ts';
import { createHttp } from '../../src/http/client.ts';
import { dockerLogin, ours, pushSigned, requestOf } from '../promote/promoting.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { faultTable } from '../sandbox/registry-fault-table.ts';
import type { RegistryStore } from '../sandbox/registry-store.ts';
import { storedSignatures } from '../sign-action/keyed-world.ts';
import { account, type Driven, type Ground, loginOf, optionsOf, passing } from './drive.ts';
import { shrunken } from './signing-run.ts';

/** The registry where something goes wrong. */
export type Side = 'source' | 'target';

export interface PromotionDrive {
  readonly grounds: readonly [source: Ground, target: Ground];
  readonly side: Side;
  readonly fault: string;
  readonly at: number;
  readonly forever: boolean;
}

const [from, to, tag] = ['acme/app', 'prod/app', 'v1'];

interface World {
  readonly source: SandboxRegistry;
  readonly target: SandboxRegistry;
  readonly image: string;
  readonly before: string;
  readonly close: () => Promise<unknown>;
}

const templates = new Map<Ground, Promise<{ store: RegistryStore; image: string }>>();

function templateOf(ground: Ground) {
  const known = templates.get(ground);
  const made = known ?? makeTemplate(ground);
  templates.set(ground, made);
  return made;
}

async function makeTemplate(ground: Ground) {
  await using registry = await startRegistry(optionsOf(ground));
  const image = await pushSigned(registry, from, { tag, platforms: 2, ...loginOf(ground) });
  return { store: registry.store, image: image.digest };
}

/** A signed image at the source; at the target another one, which the tag names. */
async function openBoth([one, other]: PromotionDrive['grounds']): Promise<World> {
  const template = await templateOf(one);
  const [source, target] = [
    await startRegistry(optionsOf(one)),
    await startRegistry(optionsOf(other)),
  ];
  const [here, there] = [template.store.open(from), source.store.open(from)];
  for (const [digest, bytes] of here.blobs) there.blobs.set(digest, bytes);
  for (const [digest, manifest] of here.manifests) there.manifests.set(digest, manifest);
  for (const [name, history] of here.tags) there.tags.set(name, [...history]);
  const { digest } = await pushImage(target.host, to, { tag, seed: 'before', ...loginOf(other) });
  source.requests.length = target.requests.length = 0;
  const close = () => Promise.all([source.close(), target.close()]);
  return { source, target, image: template.image, before: digest, close };
}

async function run({ source, target }: World): Promise<readonly PromoteResult[]> {
  const request = requestOf([`${source.host}/${from}:${tag}`], [`${target.host}/${to}`]);
  const DOCKER_CONFIG = dockerLogin([source.host, target.host], account);
  const none = () => {};
  const mask = { mask: none, maskKey: none, maskPrivateKey: none, maskBasic: none };
  const surface = { env: { DOCKER_CONFIG }, clock: systemClock, mask, tell: none, workspace: '.' };
  const world = openWorld(60_000, surface);
  const { deadline } = world;
  const { limits } = shrunken;
  const http = createHttp({ deadline, clock: systemClock, env: {}, limits, random: () => 0.1 });
  try {
    return (await promote(request, { ...world, http, sent: Promise.resolve() })).results;
  } finally {
    http.close();
    world.close();
  }
}

/** How many requests of a promotion without faults come to each side. */
export async function requestsOfPromotion(
  grounds: PromotionDrive['grounds'],
): Promise<Record<Side, number>> {
  const both = await openBoth(grounds);
  await run(both);
  const counts = { source: both.source.requests.length, target: both.target.requests.length };
  await both.close();
  return counts;
}

/** Promotes through the fault; judges what came of it. */
export async function drivePromoting(how: PromotionDrive): Promise<Omit<Driven, 'drive'>> {
  const both = await openBoth(how.grounds);
  const registry = both[how.side];
  const make = faultTable[how.fault];
  if (make === undefined) throw new Error(`no fault "${how.fault}"`);
  let reached = false;
  registry.set({
    faults: (_asked, index) => {
      if (index < how.at || (index > how.at && !how.forever)) return undefined;
      reached = true;
      return make();
    },
  });
  const start = performance.now();
  const [result] = await run(both);
  const milliseconds = performance.now() - start;
  registry.set({ faults: () => undefined });
  const isGood = result?.status === 'promoted';
  const { code, reason = '' } = result ?? {};
  const wrong = [
    ...wrongTag(both, how, result),
    ...(!isGood && reached && !how.forever && passing.has(how.fault)
      ? [`gives up although it passes: ${code}: ${reason}`]
      : []),
    ...(!isGood && (reason.length < 30 || /undefined|\[object|NaN|TypeError/.test(reason))
      ? [`says too little: ${code}: ${reason}`]
      : []),
    ...(code === 'internal' ? [`unclear: ${reason}`] : []),
    ...(milliseconds > 120_000 ? [`took ${Math.round(milliseconds)} ms`] : []),
    ...(isGood ? [] : await notRepaired(both, how)),
  ];
  await both.close();
  return {
    outcome: !reached ? 'not reached' : isGood ? 'signed' : 'failed',
    ...(code === undefined ? {} : { code, message: reason }),
    milliseconds,
    wrong,
  };
}

/** The tag names what it named, or the image, and then all of it is there and verifies. */
function wrongTag(both: World, how: PromotionDrive, result: PromoteResult | undefined): string[] {
  const { store } = both.target;
  const named = store.tagged(to, tag);
  const api = how.grounds[1] === 'referrers API';
  const dangling = store.dangling().map((text) => `dangling: ${text}`);
  if (named === both.before)
    return result?.status === 'failed'
      ? dangling
      : [...dangling, `told as ${result?.status}, and the tag was not moved`];
  if (named !== both.image) return [...dangling, `the tag names ${named}`];
  const good = storedSignatures(store, to, both.image, [ours], api).filter(
    ({ verdict, listed }) => verdict === 'verified' && listed,
  );
  return [
    ...dangling,
    // What the target would not take is told, and the gate is satisfied with the rest.
    ...(good.length < 2 && (result?.left.length ?? 0) === 0
      ? [`the tag was moved, and of two signatures ${good.length} are there`]
      : []),
    ...(result?.verified === true
      ? []
      : ['the tag was moved, and the run says it is not verified']),
  ];
}

/** The same step again, without the fault, must complete what the first left. */
async function notRepaired(both: World, how: PromotionDrive): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, 120)); // a registry that was gone is back after 100 ms
  const [again] = await run(both);
  if (again?.status === 'failed') return [`the next run fails too: ${again.code}: ${again.reason}`];
  return wrongTag(both, how, again).map((text) => `after the next run: ${text}`);
}
