import { systemClock } from '../../clock.ts';
import { type Network, openNetwork } from '../../engine/network.ts';
import { openReading, type Reading, readingLimits } from '../../engine/prepare.ts';
import type { AheadConnections } from '../../http/ahead.ts';
import { readTargets } from '../../image/targets.ts';
import { secretForms } from '../../keys/mask.ts';
import { runnerInputs } from '../inputs/sign.ts';
import { hasPatterns, readVerifyInputs, type VerifyInputs } from '../inputs/verify.ts';
import { createLog } from './log.ts';
import { createMasker } from './masker.ts';
import type { Machine } from './sign.ts';

/**
 * The action sign-image/verify, from inputs to outputs. Never throws. What judges and reports is
 * large, and loading it stops everything else: so the first requests leave before, and it is loaded
 * while their answers are on the way.
 * @param ahead connections to the registry of the first image, begun before
 * @returns the exit code: 0 when every image verified (with `fail: false` also when not), else 1;
 * of a cancelled job 128 and the signal's number
 */
export async function runVerify(env: NodeJS.ProcessEnv, ahead: AheadConnections): Promise<number> {
  const machine = {
    env,
    log: createLog(),
    masker: createMasker(secretForms),
    clock: systemClock,
    started: systemClock.now(),
  };
  let inputs: VerifyInputs | undefined;
  try {
    inputs = readVerifyInputs(machine.masker, runnerInputs, await loadPatterns());
    for (const warning of inputs.warnings) machine.log.warning(warning);
    if (inputs.sarif !== undefined)
      (await import('../report/sarif.ts')).sarifPath(inputs.sarif, env);
    const network = openNetwork(inputs.timeout, machine, {
      ...readingLimits(inputs.timeout).network,
      ahead,
    });
    try {
      const reading = readNamed(inputs, machine, network);
      await reading?.sent;
      const { verifyWhatIsNamed } = await import('../../engine/verify.ts');
      return network.exitCode(await verifyWhatIsNamed(inputs, reading, network, machine));
    } catch (caught) {
      return network.exitCode(await reportStopped(caught, inputs, machine));
    } finally {
      network.http.close();
    }
  } catch (caught) {
    return reportStopped(caught, inputs, machine);
  }
}

async function loadPatterns() {
  return hasPatterns() ? (await import('../../signature/pattern.ts')).compilePattern : undefined;
}

/**
 * Begins to read where the inputs alone say which images there are. Policy files may want no
 * signature of an image, so those come first.
 */
function readNamed(inputs: VerifyInputs, machine: Machine, network: Network): Reading | undefined {
  if (inputs.files.length > 0) return undefined;
  return openReading(readTargets(inputs), inputs, machine, network, inputs.policy.length === 0);
}

async function reportStopped(
  caught: unknown,
  inputs: VerifyInputs | undefined,
  machine: Machine,
): Promise<number> {
  return (await import('../../engine/verify.ts')).reportStopped(caught, inputs, machine);
}
