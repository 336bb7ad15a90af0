import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignReport } from '../../engine/sign.ts';
import type { Told, World } from '../../engine/world.ts';
import type { AheadConnections } from '../../http/ahead.ts';
import { shownMessage } from '../../text/untrusted.ts';
import type { WriteInputs } from '../inputs/sign.ts';
import { tagWarning } from '../report/image-words.ts';
import { type SignOutcome, signOutputs } from '../report/outputs.ts';
import {
  attestedLine,
  identityLines,
  refusedBundles,
  signErrors,
  signedLine,
  timestampOnly,
} from '../report/sign-lines.ts';
import { signVerdict } from '../report/verdict-line.ts';
import { type Asking, openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import { exitCodes, type Machine, printJson, type Run, runCommand, tellText } from './run.ts';
import { surroundingsOf } from './surroundings.ts';
import { verifyLine } from './verify-line.ts';

/** A command that writes something beside images. */
export interface WriteCommand<Inputs>
  extends Pick<Parameters<typeof runCommand<Inputs>>[2], 'read'> {
  /** "signing" */
  readonly doing: string;
  readonly ahead?: AheadConnections | undefined;
  readonly write: (inputs: Inputs, world: World) => Promise<SignReport>;
}

/**
 * Runs one. Never throws.
 * @returns the exit code: 0 when everything was written (and verified, where asked for)
 */
export function runWriting<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  asked: Asked,
  machine: Machine,
  command: WriteCommand<Inputs>,
): Promise<number> {
  const folder = asked.values.get('output-folder');
  return runCommand(asked, machine, {
    read: command.read,
    work: (inputs, run) => writeAndReport(inputs, run, command, folder),
    outputs: () => signOutputs({ results: [], readBack: true }),
  });
}

async function writeAndReport<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  inputs: Inputs,
  run: Run,
  { doing, write, ahead }: WriteCommand<Inputs>,
  folder: string | undefined,
): Promise<number> {
  const { terminal, env } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress(doing);
  const surface = {
    ...run,
    tell: (told: Told) => tell(told, run),
    surroundings: (parts: Asking) => surroundingsOf(env, inputs, parts),
  };
  const world = openWorld(inputs.timeout, surface, ahead === undefined ? {} : { ahead });
  try {
    const written = await write(inputs, world);
    const saved = folder === undefined ? {} : await save(written, folder, run);
    return world.exitCode(report(written, saved, inputs, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}

type Saved = Pick<SignOutcome, 'bundlePath' | 'policiesPath'>;

/**
 * Writes what `--output-folder` asks for. That a disk is full is no reason to fail what is in the
 * registry.
 */
async function save(written: SignReport, folder: string, { terminal }: Run): Promise<Saved> {
  try {
    const [first] = written.results;
    const bundlePath = join(folder, 'bundle.sigstore.json');
    await mkdir(folder, { recursive: true });
    if (first?.bundle !== undefined) await writeFile(bundlePath, first.bundle);
    const { savePolicies } = await import('../../engine/save-policies.ts');
    const isWritten = written.results.some(({ status }) => status !== 'failed');
    const policies = isWritten ? savePolicies(written, folder, 'policies') : undefined;
    return {
      ...(first?.bundle === undefined ? {} : { bundlePath }),
      ...(policies === undefined ? {} : { policiesPath: policies.folder }),
    };
  } catch (caught) {
    terminal.warning(`--output-folder could not be written: ${shownMessage(caught)}`);
    return {};
  }
}

function tell(told: Told, { terminal, env, clock }: Run): void {
  tellText(told, terminal);
  if (told.kind === 'tags') terminal.warning(tagWarning(told.tags));
  if (told.kind === 'signed') terminal.info(signedLine(told.result));
  if (told.kind === 'identity')
    terminal.info(identityLines(told.token, env.GITHUB_SERVER_URL, clock.date()));
}

/** Prints what became of the images. @returns the exit code */
function report(written: SignReport, saved: Saved, inputs: WriteInputs, run: Run): number {
  const { terminal, clock, started } = run;
  const { results } = written;
  const refused = refusedBundles(results);
  if (refused !== undefined) terminal.warning(refused);
  const unlogged = timestampOnly(results, written.logOutage);
  if (unlogged !== undefined) terminal.warning(unlogged);
  printJson(run, signOutputs({ results, readBack: inputs.verify, ...saved }));
  const attested = results.find((result) => result.attested !== undefined)?.attested;
  if (attested !== undefined) terminal.info(attestedLine(attested));
  const verdict = signVerdict(results, clock.now() - started);
  if (verdict !== undefined) terminal.info(verdict);
  const line = verdict === undefined ? undefined : verifyLine(written, inputs);
  if (line !== undefined) terminal.info(`Verify with: ${line}`);
  for (const { failure, about } of signErrors(results)) terminal.error(failure, about);
  return results.some(({ error }) => error !== undefined) || results.length === 0
    ? exitCodes.notDone
    : exitCodes.done;
}
