// Ours and cosign 3 side by side: the same registry behind a proxy that adds 50 ms to every
// response and 20 ms to every connection, whole processes, interleaved, medians. `npm run bench
// [pairs]`; needs the peers and the private Sigstore of the interop tests.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerRegistry } from '../../__tests__/interop/peers.ts';
import { startDelayProxyProcess } from '../../__tests__/sandbox/proxy.ts';
import { keylessScenarios, keylessWeight, slowServices } from './keyless.ts';
import { median, timedOk } from './measure.ts';
import { type BenchWorld, type Scenario, scenarios } from './scenarios.ts';
import { measureSize, tellRows } from './size.ts';
import { verifyMemory, verifyScenarios } from './verify-scenarios.ts';

const pairs = Math.max(5, Number(process.argv[2] ?? 5));
const only = process.argv[3];
const folder = await mkdtemp(join(tmpdir(), 'sign-image-bench-'));
const closers: (() => void | Promise<void>)[] = [
  () => rm(folder, { recursive: true, force: true }),
];
let failed = 0;
try {
  const world = await openWorld();
  console.log(
    `medians of ${pairs} interleaved pairs, in ms; +50 ms a response, +20 ms a connection\n`,
  );
  console.log(
    line([
      'scenario',
      'ours',
      'cosign 3',
      'ratio',
      'limit',
      'requests',
      'depth',
      'cosign req.',
      '',
    ]),
  );
  for (const scenario of [...scenarios, ...keylessScenarios, ...verifyScenarios])
    if (only === undefined || scenario.name.includes(only)) await measure(scenario, world);
  if (only === undefined) failed += await measureSize(world);
  if (only === undefined || only === 'verify') failed += tellRows([await verifyMemory(world)]);
  if (only === undefined || only === 'keyless') failed += tellRows(await keylessWeight(world));
} finally {
  for (const close of closers.reverse()) await close();
}
console.log(failed === 0 ? '\nall within their limits' : `\n${failed} over their limit`);
process.exitCode = failed === 0 ? 0 : 1;

async function measure(scenario: Scenario, world: BenchWorld): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  let counts = { requests: 0, depth: 0 };
  let certificates = 0;
  let cosignCounts = { requests: 0, depth: 0 };
  for (let pair = 0; pair < pairs; pair++) {
    const prepared = await scenario.prepare(world, pair);
    await world.reset();
    let total = 0;
    for (const command of prepared.ours)
      total += await timedOk(command.program, command.args, command.env);
    const waited = async () =>
      scenario.apartFromRekor2 === true ? await world.services.waiting() : 0;
    ours.push(total - (await waited()));
    counts = await world.counts();
    certificates = await world.services.certificates();
    await world.reset();
    total = 0;
    for (const command of prepared.theirs)
      total += await timedOk(command.program, command.args, command.env);
    theirs.push(total - (await waited()));
    cosignCounts = await world.counts();
    prepared.cleanUp();
  }
  const ratio = median(ours) / median(theirs);
  const overDepth = scenario.depth !== undefined && counts.depth > scenario.depth;
  const wrongCertificates =
    scenario.certificates !== undefined && certificates !== scenario.certificates;
  const over = ratio > scenario.limit || overDepth || wrongCertificates;
  if (over) failed += 1;
  console.log(
    line([
      scenario.name,
      median(ours).toFixed(0),
      median(theirs).toFixed(0),
      ratio.toFixed(3),
      `≤ ${scenario.limit}`,
      String(counts.requests),
      `${counts.depth}${scenario.depth === undefined ? '' : ` (≤ ${scenario.depth})`}`,
      String(cosignCounts.requests),
      over ? 'OVER' : 'ok',
    ]),
  );
}

function line(cells: readonly string[]): string {
  const widths = [46, 8, 9, 7, 8, 9, 9, 12, 5];
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
