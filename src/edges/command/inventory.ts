import { type InventoryInputs, readInventoryInputs } from '../inputs/inventory.ts';
import { loadPatterns } from '../inputs/verify.ts';
import { openWorld } from '../world.ts';
import type { Asked } from './arguments.ts';
import { type Machine, type Run, runCommand, tellText, thisMachine } from './run.ts';

/**
 * The command `sign-image inventory`. Never throws.
 * @returns the exit code: 0 when everything was read, and all that was to be done is done
 */
export function runInventory(asked: Asked, machine: Machine = thisMachine): Promise<number> {
  return runCommand(asked, machine, {
    read: async (source, { mask }) => readInventoryInputs(mask, source, await loadPatterns(source)),
    work: listAndReport,
    outputs: () => ({ complete: 'false' }),
  });
}

async function listAndReport(inputs: InventoryInputs, run: Run): Promise<number> {
  const { terminal } = run;
  for (const warning of inputs.warnings) terminal.warning(warning);
  terminal.progress('listing tags');
  const world = openWorld(inputs.timeout, { ...run, tell: (told) => tellText(told, terminal) });
  try {
    const { reportInventory } = await import('./report-inventory.ts');
    return world.exitCode(await reportInventory(inputs, world, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}
