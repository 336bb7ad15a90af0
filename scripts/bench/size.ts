// What a job downloads and loads, in bytes and in multiples of an empty Node: no peer needed to
// compare with.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAction } from '../../__tests__/sandbox/runner.ts';
import { actionEnvironment, median, peakMemory, timed } from './measure.ts';
import { type BenchWorld, freshImages, keyPair } from './scenarios.ts';

const root = join(import.meta.dirname, '..', '..');
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;

/**
 * Prints the measures that are no comparison with cosign. @returns how many are over their limit
 */
export async function measureSize(world: BenchWorld): Promise<number> {
  const results = [archive(), await coldStart(world), await keyedLoad(world), await memory(world)];
  console.log('');
  return tellRows(results);
}

/** Prints measures that are no comparison with cosign. @returns how many are over their limit */
export function tellRows(rows: readonly Row[]): number {
  for (const { name, value, limit, ok } of rows)
    console.log(
      `${name.padEnd(49)} ${value.padStart(9)}  ${limit.padStart(12)}  ${ok ? 'ok' : 'OVER'}`,
    );
  return rows.filter(({ ok }) => !ok).length;
}

export interface Row {
  readonly name: string;
  readonly value: string;
  readonly limit: string;
  readonly ok: boolean;
}

function archive(): Row {
  const bytes = execFileSync('git', ['archive', '--format=tar.gz', 'HEAD'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  }).length;
  return {
    name: 'git archive of HEAD, tar.gz',
    value: kilobytes(bytes),
    limit: '≤ 1500 kB',
    ok: bytes <= 1_500_000,
  };
}

async function coldStart(world: BenchWorld): Promise<Row> {
  const { env, remove } = actionEnvironment({});
  const empty = join(env.RUNNER_TEMP ?? '', 'empty.mjs');
  writeFileSync(empty, '');
  const [nothing, entry]: [number[], number[]] = [[], []];
  for (let pair = 0; pair < 15; pair++) {
    nothing.push((await timed(world.node, [empty], env)).milliseconds);
    entry.push((await timed(world.node, [world.entry('sign.js')], env)).milliseconds);
  }
  remove();
  const ratio = median(entry) / median(nothing);
  return {
    name: 'start until "nothing to sign", × empty Node',
    value: ratio.toFixed(2),
    limit: '≤ 4',
    ok: ratio <= 4,
  };
}

async function keyedLoad(world: BenchWorld): Promise<Row> {
  const [image] = await freshImages(world.withReferrers, 'load', 1);
  const key = await world.read(`${await keyPair(world)}.key`);
  const inputs = { images: image ?? '', key, 'key-password': world.keyPassword, tlog: 'false' };
  const { loaded = [], code } = await runAction({ inputs, measure: true });
  if (code !== 0) throw new Error('the measured keyed run failed');
  const bytes = loaded.reduce((sum, file) => sum + file.bytes, 0);
  return {
    name: 'JavaScript that a keyed run loads',
    value: kilobytes(bytes),
    limit: '≤ 1000 kB',
    ok: bytes <= 1_000_000,
  };
}

async function memory(world: BenchWorld): Promise<Row> {
  const images = await freshImages(world.withReferrers, 'memory', 50);
  const key = await world.read(`${await keyPair(world)}.key`);
  const inputs = {
    images: images.join('\n'),
    key,
    'key-password': world.keyPassword,
    tlog: 'false',
  };
  const { env, remove } = actionEnvironment(inputs);
  const peak = await peakMemory(world.node, [world.entry('sign.js')], env);
  remove();
  return {
    name: 'peak memory, 50 images, both formats',
    value: `${peak.toFixed(0)} MiB`,
    limit: '≤ 150 MiB',
    ok: peak <= 150,
  };
}
