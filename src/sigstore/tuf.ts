import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import seeds from '@sigstore/tuf/seeds.json' with { type: 'json' };
import { type TargetFile, Updater } from 'tuf-js';
import { Failure } from '../failure.ts';
import type { Http } from '../http/http.ts';
import { shownMessage } from '../text/untrusted.ts';
import { openTufCache, type TufCache } from './tuf-cache.ts';
import { TufFetcher } from './tuf-fetcher.ts';

export interface TufOptions {
  /** base URL of the metadata; targets lie in `targets/` below it */
  readonly mirror: URL;
  /** the root.json that everything is checked from */
  readonly root: Buffer;
  /** folder for the cache, made where it is missing; an unwritable one means no cache */
  readonly cacheDir: string;
  readonly http: Http;
  readonly retryBudget: () => number;
  /** by the name of a target: what to change where the repository has none of that name */
  readonly instead?: Readonly<Record<string, string>>;
}

const maxTarget = 1024 * 1024;
/**
 * With a cache to fall back to, a dead mirror is not waited for longer than this (milliseconds),
 * and a quarter of the time there is.
 */
const retryBudgetWithCache = 10_000;

/** The first root.json of a repository that is built in (the public-good one), or undefined. */
export function builtInRoot(mirror: URL): Buffer | undefined {
  const address = mirror.href.replace(/\/+$/, '');
  const known: Readonly<Record<string, { 'root.json': string } | undefined>> = seeds;
  const seed = Object.hasOwn(known, address) ? known[address] : undefined;
  return seed === undefined ? undefined : Buffer.from(seed['root.json'], 'base64');
}

/**
 * Fetches targets from a TUF repository
 * (https://theupdateframework.github.io/specification/latest/, client workflow of section 5), with
 * tuf-js for the rules and our Http for the network. Every run starts from the given root and walks
 * the chain of newer roots, so the cache is a saving and not a trust anchor: whoever writes into it
 * can at most go back to metadata that has not expired. A mirror that gives no answer is replaced
 * by the cache while that is unexpired; a mirror that answers something wrong is an error.
 * @param names paths of targets
 * @returns their bytes, and what a person should know
 * @throws {Failure} `tuf-error`
 */
export async function fetchTufTargets(
  names: readonly string[],
  options: TufOptions,
): Promise<{ targets: ReadonlyMap<string, Buffer>; notices: readonly string[] }> {
  const identity = createHash('sha256')
    .update(options.mirror.href)
    .update('\0')
    .update(options.root)
    .digest('hex')
    .slice(0, 16);
  const cache = await openTufCache(join(options.cacheDir, 'sign-image', 'tuf', identity));
  const usable = await cache.has('timestamp.json');
  const retryBudget = () =>
    usable ? Math.min(retryBudgetWithCache, options.retryBudget() / 4) : options.retryBudget();
  const online = new TufFetcher({ ...options, retryBudget }, cache, 'online');
  try {
    return { targets: await update(names, options, cache, online), notices: [] };
  } catch (caught) {
    // Only silence is forgiven. An answer that breaks a rule is what an attacker would send, and
    // the cache must not hide it.
    if (online.outage === undefined)
      return {
        targets: await updateDistrustfully(names, options, cache, online, caught),
        notices: [],
      };
    if (!usable) throw down(options.mirror, online.outage, names);
    return {
      targets: await updateOffline(names, options, cache, online.outage),
      notices: [cacheNotice(options.mirror)],
    };
  }
}

/**
 * A broken root in the cache must not break the run: the roots are fetched anew. The rest of the
 * cache still guards against rollback.
 */
async function updateDistrustfully(
  names: readonly string[],
  options: TufOptions,
  cache: TufCache,
  { usedCachedRoots }: TufFetcher,
  problem: unknown,
): Promise<ReadonlyMap<string, Buffer>> {
  const fetcher = new TufFetcher(options, cache, 'distrustful');
  try {
    if (!usedCachedRoots) throw problem;
    return await update(names, options, cache, fetcher);
  } catch (caught) {
    throw fetcher.outage === undefined
      ? broken(options, caught, names)
      : down(options.mirror, fetcher.outage, names);
  }
}

async function updateOffline(
  names: readonly string[],
  options: TufOptions,
  cache: TufCache,
  outage: Failure,
): Promise<ReadonlyMap<string, Buffer>> {
  try {
    return await update(names, options, cache, new TufFetcher(options, cache, 'offline'));
  } catch (caught) {
    const expired = caught instanceof Error && /expired/.test(caught.message);
    const why = expired
      ? 'what the cache holds has expired'
      : 'what the cache holds is not complete';
    throw down(options.mirror, outage, names, `, and ${why}`, new AggregateError([outage, caught]));
  }
}

/**
 * One pass of the client workflow, in a folder of its own: tuf-js writes in place, and several jobs
 * may share the cache.
 */
async function update(
  names: readonly string[],
  { mirror, root }: TufOptions,
  cache: TufCache,
  fetcher: TufFetcher,
): Promise<ReadonlyMap<string, Buffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'sign-image-tuf-'));
  try {
    await Promise.all([writeFile(join(folder, 'root.json'), root), cache.copyMetadata(folder)]);
    const updater = new Updater({ metadataDir: folder, metadataBaseUrl: mirror.href, fetcher });
    await updater.refresh();
    const fetching = names.map(
      async (name) => [name, await target(name, updater, mirror, cache, folder)] as const,
    );
    // All have ended before their folder is removed: one that still wrote there would make its
    // removal fail, and hide what was wrong.
    await Promise.allSettled(fetching);
    const found = await Promise.all(fetching);
    if (fetcher.mode !== 'offline') await cache.keepMetadata(folder, fetcher.newRoots);
    return new Map(found);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function target(
  name: string,
  updater: Updater,
  mirror: URL,
  cache: TufCache,
  folder: string,
): Promise<Buffer> {
  const info = await updater.getTargetInfo(name);
  if (info === undefined) throw new NoSuchTarget(name);
  const sha256 = info.hashes.sha256;
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256))
    throw new Error(`the target ${name} has no sha256`);
  if (info.length > maxTarget)
    throw new Error(`the target ${name} is larger than ${maxTarget} bytes`);
  const cached = await cache.read(`${sha256}.target`, maxTarget);
  if (cached !== undefined && (await isIntact(info, cached))) return cached;
  const file = await updater.downloadTarget(
    info,
    join(folder, `${sha256}.target`),
    `${mirror.href.replace(/\/+$/, '')}/targets`,
  );
  const bytes = await readFile(file);
  await cache.write(`${sha256}.target`, bytes);
  return bytes;
}

async function isIntact(info: TargetFile, bytes: Buffer): Promise<boolean> {
  try {
    await info.verify(Readable.from([bytes]));
    return true;
  } catch {
    return false;
  }
}

/** What to give in place of these targets: a step that verifies has no signing config. */
function given(names: readonly string[]): string {
  return names.length > 1 ? '`trusted-root:` and `signing-config:`' : '`trusted-root:`';
}

/** The metadata is good, and lists no such file. */
class NoSuchTarget extends Error {
  readonly target: string;
  constructor(target: string) {
    super(`the repository has no target ${target}`);
    this.target = target;
  }
}

function broken(
  { mirror, instead = {} }: Pick<TufOptions, 'mirror' | 'instead'>,
  caught: unknown,
  names: readonly string[],
): Failure {
  const fix = caught instanceof NoSuchTarget ? instead[caught.target] : undefined;
  if (caught instanceof NoSuchTarget && fix !== undefined)
    return new Failure(
      'tuf-error',
      `The TUF repository ${mirror.href} publishes no ${caught.target}.`,
      fix,
      { cause: caught },
    );
  const why = caught instanceof Error ? shownMessage(caught) : 'unknown reason';
  return new Failure(
    'tuf-error',
    `The TUF repository ${mirror.href} was not accepted: ${why}`,
    `Expired metadata means that the repository, or a copy of it, is not maintained, or that the clock here is wrong; anything else, that it was changed by somebody without its keys. Check \`tuf-mirror:\` and \`tuf-root:\`, or pass ${given(names)}.`,
    { cause: caught },
  );
}

function down(
  mirror: URL,
  outage: Failure,
  names: readonly string[],
  andCache = ', and nothing is in the cache',
  cause: Error = outage,
): Failure {
  return new Failure(
    'tuf-error',
    `The TUF repository ${mirror.href} cannot be reached${andCache}: ${outage.message}`,
    `Run the job again when it is back; in a network without it, pass ${given(names)}, or a mirror with \`tuf-mirror:\` and \`tuf-root:\`.`,
    { cause },
  );
}

function cacheNotice(mirror: URL): string {
  return `The TUF repository ${mirror.href} cannot be reached; the trusted root is from the cache, where it has not expired.`;
}
