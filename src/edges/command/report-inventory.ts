// The rest of `sign-image inventory`, loaded when its flags are read.
import { inventory } from '../../engine/inventory.ts';
import type { Told, World } from '../../engine/world.ts';
import type { InventoryInputs } from '../inputs/inventory.ts';
import {
  inventoryOutputs,
  inventoryVerdict,
  isComplete,
  leftByRotation,
  listedLine,
  orphanLine,
  resignedLine,
} from '../report/inventory-words.ts';
import { exitCodes, printJson, type Run, tellText } from './run.ts';

/**
 * Lists a repository, and prints what is in it.
 * @returns the exit code: 0 when everything was read, and all that was to be done is done
 * @throws {Failure} what ends the run before the first image
 */
export async function reportInventory(
  inputs: InventoryInputs,
  world: World,
  run: Run,
): Promise<number> {
  const { terminal, clock, started } = run;
  const report = await inventory(inputs, {
    ...world,
    tell: (told) => tell(told, inputs, run),
  });
  printJson(run, inventoryOutputs(report));
  terminal.info(inventoryVerdict(report, clock.now() - started));
  for (const { failure } of [...report.images, ...report.orphans])
    if (failure !== undefined) terminal.debug(`${failure.code}: ${failure.message}`);
  const left = inputs.resignWith === undefined ? undefined : leftByRotation(report);
  if (left !== undefined) terminal.warning(left);
  if (inputs.dryRun && (inputs.prune || inputs.resignWith !== undefined))
    terminal.notice('Nothing was changed. Add `--dry-run=false` to do it.');
  return isComplete(report) ? exitCodes.done : exitCodes.notDone;
}

function tell(told: Told, { prune, dryRun }: InventoryInputs, { terminal }: Run): void {
  tellText(told, terminal);
  if (told.kind === 'progress') terminal.progress(told.words);
  if (told.kind === 'listed') terminal.info(listedLine(told.image));
  if (told.kind === 'orphan') terminal.info(orphanLine(told.orphan, prune && dryRun));
  if (told.kind !== 'resigned') return;
  const line = resignedLine(told.image);
  if (line !== undefined) terminal.info(line);
}
