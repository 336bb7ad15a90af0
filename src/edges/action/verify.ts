import { prepare, readingLimits } from '../../engine/prepare.ts';
import type { AheadConnections } from '../../http/ahead.ts';
import { loadPatterns, readVerifyInputs, type VerifyInputs } from '../inputs/verify.ts';
import { openWorld } from '../world.ts';
import { openRun, type Run, tellText } from './run.ts';

/**
 * The action sign-image/verify: reads inputs, verifies, reports. Never throws. What judges and
 * reports is large, and loading it stops everything else: so the first requests leave before, and it
 * is loaded while their answers are on the way.
 * @param ahead connections to the registry of the first image, begun before
 * @returns the exit code: 0 when every image verified (with `fail: false` also when not), else 1;
 * of a cancelled job 128 and the signal's number
 */
export async function runVerify(env: NodeJS.ProcessEnv, ahead: AheadConnections): Promise<number> {
  const run = openRun(env);
  let inputs: VerifyInputs | undefined;
  try {
    inputs = readVerifyInputs(run.mask, undefined, await loadPatterns());
    for (const warning of inputs.warnings) run.log.warning(warning);
    if (inputs.sarif !== undefined)
      (await import('../report/sarif.ts')).sarifPath(inputs.sarif, env);
    const world = openWorld(
      inputs.timeout,
      { ...run, tell: (told) => tellText(told, run.log) },
      { ...readingLimits(inputs.timeout).network, ahead },
    );
    try {
      // Which files a pull request changes, GitHub has to be asked first.
      const prepared = inputs.changedOnly ? undefined : prepare(inputs, world);
      await prepared?.reading?.sent;
      const { verifyAndReport } = await import('./report-verify.ts');
      return world.exitCode(await verifyAndReport(inputs, prepared, world, run));
    } catch (caught) {
      return world.exitCode(await reportStopped(caught, inputs, run));
    } finally {
      world.close();
    }
  } catch (caught) {
    return reportStopped(caught, inputs, run);
  }
}

async function reportStopped(
  caught: unknown,
  inputs: VerifyInputs | undefined,
  run: Run,
): Promise<number> {
  return (await import('./report-verify.ts')).reportStopped(caught, inputs, run);
}
