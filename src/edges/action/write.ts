import type { SignReport } from '../../engine/sign.ts';
import type { Told, World } from '../../engine/world.ts';
import { asFailure } from '../../failure.ts';
import type { WriteInputs } from '../inputs/sign.ts';
import { tagWarning } from '../report/lists.ts';
import { identityLines, signedLine } from '../report/sign-lines.ts';
import { type BegunBefore, openWorld } from '../world.ts';
import { openRun, type Run, surroundingsOf, tellText } from './run.ts';

/** An action that writes something beside images. */
export interface WriteAction<Inputs> {
  readonly thing: 'signature' | 'attestation';
  readonly read: (mask: Run['mask']) => Inputs;
  readonly write: (inputs: Inputs, world: World) => Promise<SignReport>;
}

/**
 * Runs one: reads inputs, writes, reports. Never throws.
 * @returns the exit code: 0 when everything was written (and verified, where asked for), else 1; 128
 * and the signal's number for a cancelled job
 */
export async function runWriting<Inputs extends WriteInputs & { warnings: readonly string[] }>(
  { thing, read, write }: WriteAction<Inputs>,
  env: NodeJS.ProcessEnv,
  { connections }: BegunBefore,
): Promise<number> {
  const run = openRun(env);
  const { log } = run;
  try {
    const inputs = read(run.mask);
    for (const warning of inputs.warnings) log.warning(warning);
    const world = openWorld(
      inputs.timeout,
      {
        ...run,
        tell: (told) => tell(told, run),
        surroundings: (world) => surroundingsOf(env, inputs, world),
      },
      connections === undefined ? {} : { ahead: connections },
    );
    try {
      void world.sent.then(loadReport); // while the answer is on its way
      const report = await write(inputs, world);
      const { reportSigned } = await loadReport();
      return world.exitCode(await reportSigned(report, thing, inputs, run));
    } catch (caught) {
      return world.exitCode(await fail(caught));
    } finally {
      world.close();
    }
  } catch (caught) {
    return fail(caught);
  }

  async function fail(caught: unknown): Promise<number> {
    return (await loadReport()).reportFailure(asFailure(caught), thing, run);
  }
}

function loadReport() {
  return import('./report-sign.ts');
}

function tell(told: Told, { log, env, clock }: Run): void {
  tellText(told, log);
  if (told.kind === 'tags') log.warning(tagWarning(told.tags));
  if (told.kind === 'signed') log.info(signedLine(told.result));
  if (told.kind === 'identity')
    log.info(identityLines(told.token, env.GITHUB_SERVER_URL, clock.date()));
}
