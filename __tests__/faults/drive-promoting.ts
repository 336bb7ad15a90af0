// Drives one promotion through one fault, at the source or at the target, and looks at what is left:
// the run's words, the tag, and what lies at the target. On a clock and a network of its own: with the
// limits of a real run, and how busy the machine is makes no difference.
import { openWorld } from '../../src/edges/world.ts';
import { promote } from '../../src/engine/promote.ts';
import type { PromoteResult } from '../../src/engine/promote-result.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { dockerLogin, ours, pushSigned, requestOf } from '../promote/promoting.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { faultTable } from '../sandbox/registry-fault-table.ts';
import type { RegistryStore } from '../sandbox/registry-store.ts';
import { storedSignatures } from '../sign-action/keyed-world.ts';
import {
  account,
  type Driven,
  fill,
  type Ground,
  hasApi,
  loginOf,
  optionsOf,
  passing,
} from './drive.ts';

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

/** The `timeout` of a step, by default. */
const timeout = 300_000;

interface World {
  readonly clock: FakeClock;
  readonly network: MemoryNetwork;
  readonly source: SandboxRegistry;
  readonly target: SandboxRegistry;
  readonly image: string;
  readonly before: string;
}

interface Template {
  readonly store: RegistryStore;
  readonly digest: string;
}

/** Made once, with its modules, over real sockets. */
function once(make: (ground: Ground) => Promise<Template>): (ground: Ground) => Promise<Template> {
  const made = new Map<Ground, Promise<Template>>();
  return (ground) => {
    const template = made.get(ground) ?? make(ground);
    made.set(ground, template);
    return template;
  };
}

const signed = once(async (ground) => {
  await using registry = await startRegistry(optionsOf(ground));
  const image = await pushSigned(registry, from, { tag, platforms: 2, ...loginOf(ground) });
  return { store: registry.store, digest: image.digest };
});

const other = once(async (ground) => {
  await using registry = await startRegistry(optionsOf(ground));
  const { digest } = await pushImage(registry.host, to, {
    tag,
    seed: 'before',
    ...loginOf(ground),
  });
  return { store: registry.store, digest };
});

/** A signed image at the source; at the target another one, which the tag names. */
async function openBoth([one, two]: PromotionDrive['grounds']): Promise<World> {
  const [image, before] = [await signed(one), await other(two)];
  const [clock, network] = [new FakeClock(new Date()), new MemoryNetwork()];
  const source = await startRegistry({ ...optionsOf(one), clock, network });
  const target = await startRegistry({ ...optionsOf(two), clock, network });
  fill(source.store, image);
  fill(target.store, before);
  return { clock, network, source, target, image: image.digest, before: before.digest };
}

async function run({ clock, network, source, target }: World): Promise<readonly PromoteResult[]> {
  const request = requestOf([`${source.host}/${from}:${tag}`], [`${target.host}/${to}`], {
    timeout,
  });
  const none = () => {};
  const mask = { mask: none, maskKey: none, maskPrivateKey: none, maskBasic: none };
  const DOCKER_CONFIG = dockerLogin([source.host, target.host], account);
  const surface = { env: { DOCKER_CONFIG }, clock, mask, tell: none, workspace: '.' };
  const world = openWorld(timeout, surface, { ahead: network });
  try {
    return (await promote(request, { ...world, sent: Promise.resolve() })).results;
  } finally {
    world.close();
  }
}

/** In no time. @param loading real milliseconds, where modules are not there yet */
const inNoTime = <T>({ clock }: World, work: () => Promise<T>, loading = 0): Promise<T> =>
  clock.run(work, loading);

/** How many requests of a promotion without faults come to each side. */
export async function requestsOfPromotion(
  grounds: PromotionDrive['grounds'],
): Promise<Record<Side, number>> {
  const both = await openBoth(grounds);
  await inNoTime(both, () => run(both), 10_000);
  const counts = { source: both.source.requests.length, target: both.target.requests.length };
  await close(both);
  return counts;
}

/** @throws Error when credentials came to where they must not go */
const close = ({ source, target }: World) => Promise.all([source.close(), target.close()]);

/** Promotes through the fault; judges what came of it. One at a time: a clock watches the process. */
export async function drivePromoting(how: PromotionDrive): Promise<Omit<Driven, 'drive'>> {
  const both = await openBoth(how.grounds);
  const { clock } = both;
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
  const [result] = await inNoTime(both, () => run(both));
  const milliseconds = clock.now();
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
    ...(milliseconds > timeout + 1_000 ? [`took ${Math.round(milliseconds)} ms`] : []),
    ...(isGood ? [] : await notRepaired(both, how)),
  ];
  await close(both);
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
  const api = hasApi(how.grounds[1]);
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
  await both.clock.advance(120); // a registry that was gone is back after 100 ms
  const [again] = await inNoTime(both, () => run(both));
  if (again?.status === 'failed') return [`the next run fails too: ${again.code}: ${again.reason}`];
  return wrongTag(both, how, again).map((text) => `after the next run: ${text}`);
}
