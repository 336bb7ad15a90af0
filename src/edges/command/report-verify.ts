// The rest of `sign-image verify`, loaded when its first requests are on their way.
import type { Prepared } from '../../engine/prepare.ts';
import { type VerifyReport, verify } from '../../engine/verify.ts';
import type { Told, World } from '../../engine/world.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import { tagNotice } from '../report/lists.ts';
import { notJudgedLines } from '../report/not-judged.ts';
import { verifyVerdict } from '../report/verdict-line.ts';
import { verifyOutputs } from '../report/verify-outputs.ts';
import { findingsOf, resultLine } from '../report/verify-words.ts';
import { exitCodes, printJson, type Run, tellText } from './run.ts';
import type { Terminal } from './terminal.ts';

/**
 * Verifies, and prints what became of the images.
 * @returns the exit code: 0 when every image verified, and with `fail: false` always
 * @throws {Failure} what ends the run before any image is judged
 */
export async function reportVerify(
  inputs: VerifyInputs,
  prepared: Prepared,
  world: World,
  run: Run,
): Promise<number> {
  const { terminal, clock, started } = run;
  const told = { ...world, tell: (event: Told) => tell(event, inputs, terminal) };
  const report = await verify(inputs, told, prepared);
  for (const line of notJudgedLines(report.notJudged)) terminal.info(line);
  if (inputs.files.length > 0) await tellWorkloads(report, terminal);
  await writeSarif(report, inputs, run);
  const outputs = verifyOutputs(report.results, report.notJudged);
  printJson(run, report.nothing === undefined ? outputs : { ...outputs, verified: '' });
  if (report.nothing !== undefined) {
    terminal.notice(report.nothing);
    return exitCodes.done;
  }
  const verdict = verifyVerdict(report.results, clock.now() - started);
  if (verdict !== undefined) terminal.info(verdict);
  const level = inputs.fail ? 'error' : 'warning';
  for (const { error, about, place } of findingsOf(report.results))
    terminal.error(error, about, place, level);
  return outputs.verified === 'true' || !inputs.fail ? exitCodes.done : exitCodes.notDone;
}

function tell(told: Told, { files }: VerifyInputs, terminal: Terminal): void {
  tellText(told, terminal);
  // Files may name hundreds, and their result lines say what each was.
  if (told.kind === 'tags' && files.length === 0) terminal.notice(tagNotice(told.tags));
  if (told.kind !== 'verified') return;
  terminal.info(resultLine(told.result));
  const { signatures, attestations = [] } = told.result;
  for (const { verified, code, reason, reference } of [...signatures, ...attestations])
    if (!verified) terminal.debug(`${reference} does not count: ${code}: ${reason}`);
}

async function tellWorkloads(
  { results, notJudged }: VerifyReport,
  terminal: Terminal,
): Promise<void> {
  const { workloadLines, workloadReports } = await import('../report/workloads.ts');
  for (const line of workloadLines(workloadReports(results, notJudged))) terminal.info(line);
}

async function writeSarif(
  { results }: VerifyReport,
  { sarif }: VerifyInputs,
  { env, terminal }: Run,
): Promise<void> {
  if (sarif === undefined) return;
  const { sarifLog, sarifPath, writeSarif: write } = await import('../report/sarif.ts');
  await write(sarifPath(sarif, env), sarifLog(results, env), env);
  terminal.info(`The findings are in ${sarif}.`);
}
