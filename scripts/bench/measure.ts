// Runs programs to their end and measures them from outside, as a job sees them.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Measured {
  readonly code: number;
  readonly output: string;
  readonly milliseconds: number;
}

/**
 * Wall time of one whole process. A process that fails is an error: a benchmark of failures says
 * nothing.
 */
export async function timed(
  program: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
): Promise<Measured> {
  const started = performance.now();
  const child = spawn(program, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number>((resolve, reject) =>
    child.once('error', reject).once('close', (status) => resolve(status ?? 1)),
  );
  return { code, output, milliseconds: performance.now() - started };
}

/** As `timed`, and throws with the program's output unless it exits with 0. */
export async function timedOk(
  program: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
): Promise<number> {
  const { code, output, milliseconds } = await timed(program, args, env);
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')} exited with ${code}:\n${output.slice(-3000)}`);
  return milliseconds;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Environment of a step on a runner, with inputs, and nothing of this shell's but PATH. */
export function actionEnvironment(
  inputs: Record<string, string>,
  extra: Record<string, string> = {},
): { env: Record<string, string>; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'sign-image-bench-'));
  for (const file of ['output', 'summary']) writeFileSync(join(folder, file), '');
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    RUNNER_TEMP: folder,
    GITHUB_OUTPUT: join(folder, 'output'),
    GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    ...extra,
  };
  for (const [name, value] of Object.entries(inputs))
    env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] = value;
  return { env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Peak resident memory of a run, in MiB, as the kernel counted it. */
export async function peakMemory(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<number> {
  const report =
    "process.on('exit',()=>process.stderr.write('\\nPEAK '+process.resourceUsage().maxRSS+'\\n'))";
  const preload = join(env.HOME ?? tmpdir(), 'peak.cjs');
  writeFileSync(preload, report);
  const { code, output } = await timed(program, ['--require', preload, ...args], env);
  const match = /PEAK (\d+)/.exec(output);
  if (code !== 0 || match === null)
    throw new Error(`no peak memory from ${program}: ${output.slice(-2000)}`);
  return Number(match[1]) / 1024;
}
