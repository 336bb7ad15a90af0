import { promote } from '../../engine/promote.ts';
import type { Told } from '../../engine/world.ts';
import { asFailure } from '../../failure.ts';
import { type PromoteInputs, readPromoteInputs } from '../inputs/promote.ts';
import { loadPatterns } from '../inputs/verify.ts';
import { tagNotice } from '../report/lists.ts';
import { appendSummary, writeOutputs } from '../report/outputs.ts';
import { pageSetting } from '../report/pages.ts';
import {
  leftInWords,
  promotedLine,
  promoteErrors,
  promoteFailureSummary,
  promoteOutputs,
  promoteSummary,
  promoteVerdict,
} from '../report/promote-report.ts';
import { type OpenWorld, openWorld } from '../world.ts';
import type { Log } from './log.ts';
import { openRun, type Run, tellText } from './run.ts';

/** GitHub shows ten errors of a step. */
const mostAnnotations = 10;

/**
 * The action sign-image/promote: reads inputs, promotes, reports. Never throws.
 * @returns the exit code: 0 when every image is at every target and verified there, else 1; of a
 * cancelled job 128 and the signal's number
 */
export async function runPromote(env: NodeJS.ProcessEnv): Promise<number> {
  const run = openRun(env);
  try {
    const inputs = readPromoteInputs(run.mask, undefined, await loadPatterns());
    for (const warning of inputs.warnings) run.log.warning(warning);
    const world = openWorld(inputs.timeout, { ...run, tell: (told) => tell(told, run.log) });
    try {
      return world.exitCode(await promoteAndReport(inputs, world, run));
    } catch (caught) {
      return world.exitCode(reportStopped(caught, run));
    } finally {
      world.close();
    }
  } catch (caught) {
    return reportStopped(caught, run);
  }
}

function tell(told: Told, log: Log): void {
  tellText(told, log);
  if (told.kind === 'tags') log.notice(tagNotice(told.tags));
  if (told.kind !== 'promoted') return;
  log.info(promotedLine(told.result));
  const left = leftInWords(told.result);
  if (left !== undefined) log.warning(left);
}

async function promoteAndReport(
  inputs: PromoteInputs,
  world: OpenWorld,
  { env, log, clock, started }: Run,
): Promise<number> {
  const { results } = await promote(inputs, world);
  const outputs = promoteOutputs(results);
  writeOutputs(outputs, log);
  const verdict = promoteVerdict(results, clock.now() - started);
  const setting = await pageSetting(
    env,
    results.map(({ image }) => image),
  );
  appendSummary(
    promoteSummary(results, { ...setting, ...(verdict === undefined ? {} : { verdict }) }),
    log,
    env,
  );
  if (verdict !== undefined) log.info(verdict);
  const errors = promoteErrors(results);
  if (errors.length > mostAnnotations)
    log.info(
      `${errors.length} errors; GitHub shows ${mostAnnotations} of a step, the others are in the lines above, the summary, and output results.`,
    );
  for (const { error, about } of errors.slice(0, mostAnnotations)) log.error(error, about);
  return outputs.verified === 'true' ? 0 : 1;
}

/** Tells what ended a run before any image was copied. @returns the exit code */
function reportStopped(caught: unknown, { env, log }: Run): number {
  const failure = asFailure(caught);
  writeOutputs(promoteOutputs([]), log);
  appendSummary(promoteFailureSummary(failure, { env }), log, env);
  log.error(failure);
  return 1;
}
