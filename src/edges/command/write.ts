import type { Thing } from '../../engine/formats.ts';
import type { SignReport } from '../../engine/sign.ts';
import type { Told, World } from '../../engine/world.ts';
import type { WriteInputs } from '../inputs/sign.ts';
import { tagWarning } from '../report/image-words.ts';
import { attestOutputs, signOutputs } from '../report/outputs.ts';
import {
  attestedLine,
  identityLines,
  refusedBundles,
  signErrors,
  signedLine,
} from '../report/sign-lines.ts';
import { signVerdict } from '../report/verdict-line.ts';
import { openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import { exitCodes, type Machine, printJson, type Run, runCommand, tellText } from './run.ts';
import { surroundingsOf } from './surroundings.ts';
import { verifyLine } from './verify-line.ts';

/** A command that writes something beside images. */
export interface WriteCommand<Inputs>
  extends Pick<Parameters<typeof runCommand<Inputs>>[2], 'read'> {
  readonly thing: Thing;
  /** "signing" */
  readonly doing: string;
  readonly write: (inputs: Inputs, world: World) => Promise<SignReport>;
}

const outputsOf = { signature: signOutputs, attestation: attestOutputs } as const;

/**
 * Runs one. Never throws.
 * @returns the exit code: 0 when everything was written (and verified, where asked for)
 */
export function runWriting<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  asked: Asked,
  machine: Machine,
  command: WriteCommand<Inputs>,
): Promise<number> {
  return runCommand(asked, machine, {
    read: command.read,
    work: (inputs, run) => writeAndReport(inputs, run, command),
    outputs: () => outputsOf[command.thing]({ results: [], readBack: true }),
  });
}

async function writeAndReport<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  inputs: Inputs,
  run: Run,
  { thing, doing, write }: WriteCommand<Inputs>,
): Promise<number> {
  const { terminal, env } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress(doing);
  const world = openWorld(inputs.timeout, {
    ...run,
    tell: (told) => tell(told, run),
    surroundings: (parts) => surroundingsOf(env, inputs, parts),
  });
  try {
    return world.exitCode(report(await write(inputs, world), thing, inputs, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
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
function report(written: SignReport, thing: Thing, inputs: WriteInputs, run: Run): number {
  const { terminal, clock, started } = run;
  const { results } = written;
  const refused = refusedBundles(results);
  if (refused !== undefined) terminal.warning(refused);
  printJson(run, outputsOf[thing]({ results, readBack: inputs.verify }));
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
