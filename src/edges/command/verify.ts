import { type Prepared, prepare, readingLimits } from '../../engine/prepare.ts';
import type { AheadConnections } from '../../http/ahead.ts';
import { loadPatterns, readVerifyInputs, type VerifyInputs } from '../inputs/verify.ts';
import { type BegunBefore, type OpenWorld, openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import { type Machine, type Run, runCommand, tellText, thisMachine } from './run.ts';

/**
 * The command `sign-image verify`. Never throws. As in the action, the first requests leave before
 * what judges is loaded.
 * @param begun connections to the registry of the first image
 * @returns the exit code: 0 when every image verified (with `fail: false` also when not)
 */
export function runVerify(
  asked: Asked,
  { connections: ahead }: BegunBefore = {},
  machine: Machine = thisMachine,
): Promise<number> {
  return runCommand(asked, machine, {
    read: async (source, { mask, env }) => {
      const inputs = readVerifyInputs(mask, source, await loadPatterns(source));
      if (inputs.sarif !== undefined)
        (await import('../report/sarif.ts')).sarifPath(inputs.sarif, env);
      return inputs;
    },
    work: (inputs, run) => verifyAndReport(inputs, run, ahead),
    outputs: () => nothingVerified,
  });
}

/** As the action's outputs are when no image was looked at. */
const nothingVerified = {
  verified: 'false',
  image: '',
  digest: '',
  images: '[]',
  'tlog-index': '',
  identity: '',
  issuer: '',
  failed: '[]',
};

async function verifyAndReport(
  inputs: VerifyInputs,
  run: Run,
  ahead: AheadConnections | undefined,
): Promise<number> {
  const { terminal } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress('verifying');
  const world: OpenWorld = openWorld(
    inputs.timeout,
    { ...run, tell: (told) => tellText(told, terminal) },
    { ...readingLimits(inputs.timeout).network, ...(ahead === undefined ? {} : { ahead }) },
  );
  try {
    const prepared: Prepared = prepare(inputs, world);
    await prepared.reading?.sent;
    const { reportVerify } = await import('./report-verify.ts');
    return world.exitCode(await reportVerify(inputs, prepared, world, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}
