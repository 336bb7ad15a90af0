import { promote } from '../../engine/promote.ts';
import type { Told } from '../../engine/world.ts';
import { type PromoteInputs, readPromoteInputs } from '../inputs/promote.ts';
import { loadPatterns } from '../inputs/verify.ts';
import { tagNotice } from '../report/lists.ts';
import {
  leftInWords,
  promotedLine,
  promoteErrors,
  promoteOutputs,
  promoteVerdict,
} from '../report/promote-report.ts';
import { openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import {
  exitCodes,
  type Machine,
  printJson,
  type Run,
  runCommand,
  tellText,
  thisMachine,
} from './run.ts';
import type { Terminal } from './terminal.ts';

/**
 * The command `sign-image promote`. Never throws.
 * @returns the exit code: 0 when every image is at every target and verified there
 */
export function runPromote(asked: Asked, machine: Machine = thisMachine): Promise<number> {
  return runCommand(asked, machine, {
    read: async (source, { mask }) => readPromoteInputs(mask, source, await loadPatterns(source)),
    work: promoteAndReport,
    outputs: () => promoteOutputs([]),
  });
}

async function promoteAndReport(inputs: PromoteInputs, run: Run): Promise<number> {
  const { terminal, clock, started } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress('verifying');
  const world = openWorld(inputs.timeout, { ...run, tell: (told) => tell(told, terminal) });
  try {
    const { results } = await promote(inputs, world);
    const outputs = promoteOutputs(results);
    printJson(run, outputs);
    const verdict = promoteVerdict(results, clock.now() - started);
    if (verdict !== undefined) terminal.info(verdict);
    for (const { error, about } of promoteErrors(results)) terminal.error(error, about);
    return world.exitCode(outputs.verified === 'true' ? exitCodes.done : exitCodes.notDone);
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}

function tell(told: Told, terminal: Terminal): void {
  tellText(told, terminal);
  if (told.kind === 'tags') terminal.notice(tagNotice(told.tags));
  if (told.kind === 'progress') terminal.progress(told.words);
  if (told.kind !== 'promoted') return;
  terminal.info(promotedLine(told.result));
  const left = leftInWords(told.result);
  if (left !== undefined) terminal.warning(left);
}
