// Ours and cosign 3 side by side, and a bare program that does only what must be done (floor.mjs):
// the same registry behind a proxy that adds 50 ms to every response and 20 ms to every connection,
// whole processes, interleaved, medians. `npm run bench [-- ROUNDS [ROW…]]`, where a ROW is a part
// of the name of rows; needs the peers and the private Sigstore of the interop tests. With
// BENCH_EARLIER=FOLDER, the `dist` of an earlier commit is a fourth in each round.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDockerRegistry } from '../../__tests__/interop/peers.ts';
import { startDelayProxyProcess } from '../../__tests__/sandbox/proxy.ts';
import { keylessScenarios, keylessWeight, slowServices } from './keyless.ts';
import { median, timedOk } from './measure.ts';
import { type BenchWorld, type Command, type Scenario, scenarios } from './scenarios.ts';
import { measureSize, tellRows } from './size.ts';
import { verifyMemory, verifyScenarios } from './verify-scenarios.ts';

const rounds = Math.max(1, Number(process.argv[2] ?? 5));
const rows = process.argv.slice(3);
const isAsked = (...names: readonly string[]) =>
  rows.length === 0 || names.some((name) => rows.some((row) => name.includes(row)));
const earlierDist = process.env.BENCH_EARLIER;
const folder = await mkdtemp(join(tmpdir(), 'sign-image-bench-'));
const closers: (() => void | Promise<void>)[] = [
  () => rm(folder, { recursive: true, force: true }),
];
let failed = 0;
try {
  const world = await openWorld();
  console.log(
    `medians of ${rounds} interleaved rounds, in ms; +50 ms a response, +20 ms a connection\n`,
  );
  console.log(
    line([
      ...['scenario', 'ours', 'cosign 3', 'floor', '÷ cosign', 'limit', '÷ floor', 'limit'],
      ...['requests', 'depth', 'cosign req.', '', ...(earlierDist ? ['÷ earlier'] : [])],
    ]),
  );
  for (const scenario of [...scenarios, ...keylessScenarios, ...verifyScenarios])
    if (isAsked(scenario.name)) await measure(scenario, world);
  if (isAsked('size')) failed += await measureSize(world);
  if (isAsked('verify', 'memory')) failed += tellRows([await verifyMemory(world)]);
  if (isAsked('keyless', 'size')) failed += tellRows(await keylessWeight(world));
} finally {
  for (const close of closers.reverse()) await close();
}
console.log(failed === 0 ? '\nall within their limits' : `\n${failed} over their limit`);
process.exitCode = failed === 0 ? 0 : 1;

async function measure(scenario: Scenario, world: BenchWorld): Promise<void> {
  const [ours, theirs, bare]: [number[], number[], number[]] = [[], [], []];
  const earlier: number[] = [];
  let counts = { requests: 0, depth: 0 };
  let certificates = 0;
  let cosignCounts = { requests: 0, depth: 0 };
  const last = Math.min(rounds, scenario.pairs ?? rounds);
  for (let round = 0; round < last; round++) {
    const place = (round + 0.5) / last;
    const prepared = await scenario.prepare(world, round);
    ours.push(await timedAll(prepared.ours, scenario, world, place));
    counts = await world.counts();
    certificates = await world.services.certificates();
    theirs.push(await timedAll(prepared.theirs, scenario, world, place));
    cosignCounts = await world.counts();
    if (prepared.floor !== undefined)
      bare.push(await timedAll([prepared.floor], scenario, world, place));
    prepared.cleanUp();
    if (earlierDist !== undefined) earlier.push(await timedEarlier(scenario, world, round, place));
  }
  const { limit, floorLimit, depth } = scenario;
  const ratio = median(ours) / median(theirs);
  const aboveFloor = bare.length === 0 ? undefined : median(ours) / median(bare);
  const over =
    ratio > limit ||
    (aboveFloor ?? 0) > (floorLimit ?? Number.POSITIVE_INFINITY) ||
    counts.depth > (depth ?? Number.POSITIVE_INFINITY) ||
    certificates !== (scenario.certificates ?? certificates);
  if (over) failed += 1;
  const milliseconds = (values: readonly number[]) =>
    values.length === 0 ? '' : median(values).toFixed(0);
  console.log(
    line([
      ...[scenario.name, milliseconds(ours), milliseconds(theirs), milliseconds(bare)],
      ...[ratio.toFixed(3), `≤ ${limit}`],
      ...[aboveFloor?.toFixed(3) ?? '', floorLimit === undefined ? '' : `≤ ${floorLimit}`],
      ...[String(counts.requests), `${counts.depth}${depth === undefined ? '' : ` (≤ ${depth})`}`],
      ...[String(cosignCounts.requests), over ? 'OVER' : 'ok'],
      ...(earlier.length === 0 ? [] : [(median(ours) / median(earlier)).toFixed(3)]),
    ]),
  );
}

/** Milliseconds of the same work, on images of its own, by the earlier `dist`. */
async function timedEarlier(
  scenario: Scenario,
  world: BenchWorld,
  round: number,
  place: number,
): Promise<number> {
  const entry = (name: string) => join(earlierDist ?? '', name);
  const { ours, cleanUp } = await scenario.prepare({ ...world, entry }, round);
  try {
    return await timedAll(ours, scenario, world, place);
  } finally {
    cleanUp();
  }
}

/** Milliseconds of these commands, one after the other, begun at `place` (0 to 1) of the beat. */
async function timedAll(
  commands: readonly Command[],
  { apartFromRekor2 = false, beat }: Scenario,
  world: BenchWorld,
  place: number,
): Promise<number> {
  await world.reset();
  if (beat !== undefined) await sleep((place * beat - (Date.now() % beat) + beat) % beat);
  let total = 0;
  for (const { program, args, env } of commands) total += await timedOk(program, args, env);
  return total - (apartFromRekor2 ? await world.services.waiting() : 0);
}

function line(cells: readonly string[]): string {
  const widths = [49, 6, 9, 6, 9, 7, 8, 7, 9, 9, 12, 5, 10];
  return cells
    .map((cell, index) =>
      index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
    )
    .join(' ');
}

async function openWorld(): Promise<BenchWorld> {
  const docker = await startDockerRegistry(folder);
  closers.push(docker.stop);
  const need = (name: string) => {
    const value = process.env[name];
    if (!value)
      throw new Error(
        `${name} is not set: npm run bench needs the peers and the private Sigstore of the interop tests (CONTRIBUTING.md)`,
      );
    return value;
  };
  const withReferrers = await startDelayProxyProcess({ target: need('REGISTRY_REFERRERS') });
  const withoutReferrers = await startDelayProxyProcess({ target: docker.host });
  closers.push(withReferrers.close, withoutReferrers.close);
  const services = await slowServices(folder, need);
  closers.push(...services.proxies.map(({ close }) => close));
  const registries = [withReferrers, withoutReferrers];
  const all = [...registries, ...services.proxies];
  return {
    folder,
    node: process.execPath,
    entry: (name) => join(import.meta.dirname, '..', '..', 'dist', name),
    cosign: need('COSIGN3'),
    oras: need('ORAS'),
    withReferrers: { direct: need('REGISTRY_REFERRERS'), slow: withReferrers.host },
    withoutReferrers: { direct: docker.host, slow: withoutReferrers.host },
    keyPassword: 'bench-password',
    services,
    read: (file) => readFile(file, 'utf8'),
    reset: async () => void (await Promise.all(all.map((proxy) => proxy.reset()))),
    counts: async () => {
      const counts = await Promise.all(registries.map((proxy) => proxy.statistics()));
      return {
        requests: counts.reduce((sum, { requests }) => sum + requests, 0),
        depth: Math.max(...counts.map(({ depth }) => depth)),
      };
    },
  };
}
