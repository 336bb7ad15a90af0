import { type Prepared, prepare } from '../../engine/prepare.ts';
import { type VerifyReport, verify } from '../../engine/verify.ts';
import type { NotJudged, VerifyResult } from '../../engine/verify-result.ts';
import type { Files, Told, World } from '../../engine/world.ts';
import { asFailure, type Failure } from '../../failure.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import { tagNotice } from '../report/lists.ts';
import { notJudgedBlock, notJudgedLines } from '../report/not-judged.ts';
import { appendSummary, writeOutputs } from '../report/outputs.ts';
import { pageSetting } from '../report/pages.ts';
import { writeReport } from '../report/report-files.ts';
import { verifyVerdict } from '../report/verdict-line.ts';
import { verifyOutputs } from '../report/verify-outputs.ts';
import { verifyFailureSummary, verifySummary } from '../report/verify-summary.ts';
import { findingsOf, resultLine } from '../report/verify-words.ts';
import { workloadBlocks, workloadLines, workloadReports } from '../report/workloads.ts';
import type { Log } from './log.ts';
import type { Findings } from './report-findings.ts';
import { type Run, tellText } from './run.ts';

/** GitHub shows ten errors of a step. */
const mostAnnotations = 10;

/**
 * The rest of the action sign-image/verify, loaded when its first requests are on their way.
 * @param prepared what was begun for these inputs, unless `changed-only` says other files
 * @returns the exit code
 * @throws {Failure} what ends the run before any image is judged
 */
export async function verifyAndReport(
  inputs: VerifyInputs,
  prepared: Prepared | undefined,
  world: World,
  run: Run,
): Promise<number> {
  const told = { ...world, tell: (event: Told) => tell(event, inputs, run.log) };
  const report = inputs.changedOnly
    ? await verifyChanged(inputs, told, run)
    : await verify(inputs, told, prepared);
  for (const line of notJudgedLines(report.notJudged)) run.log.info(line);
  for (const line of workloadLines(workloadReports(report.results, report.notJudged)))
    run.log.info(line);
  await writeFindings(report, inputs, run);
  const code = await reportVerified(report, inputs, run);
  await tellPullRequest(report, inputs, run);
  tellFindings(report.results, inputs, run.log);
  return code;
}

/**
 * Verifies what a pull request changes, as its head has it. What it is judged by is read as the base
 * has it.
 */
async function verifyChanged(inputs: VerifyInputs, world: World, run: Run): Promise<VerifyReport> {
  const [{ openPullRequest, openChanged }, { requestOfBase }] = await Promise.all([
    import('./changed.ts'),
    import('./base.ts'),
  ]);
  const opened = await openPullRequest(inputs, world, run);
  if (opened === undefined) return verify(inputs, world);
  const choose: Files['choose'] = async (globs) =>
    (await openChanged(opened, globs, run)) ?? world.files.choose(globs);
  const prepared = prepare(inputs, { ...world, files: { ...world.files, choose } });
  const [{ request, policyFiles, fileOfPolicy: fileOfBase }] = await Promise.all([
    requestOfBase(inputs, opened, run),
    prepared.findings,
  ]);
  const policies: Files['policies'] = async (entries) =>
    policyFiles ?? world.files.policies(entries);
  const fileOfPolicy: Files['fileOfPolicy'] = async (path) =>
    (await fileOfBase(path)) ?? world.files.fileOfPolicy(path);
  const files = { ...world.files, policies, fileOfPolicy };
  return verify(request, { ...world, files }, prepared);
}

function tell(told: Told, inputs: VerifyInputs, log: Log): void {
  tellText(told, log);
  // Files may name hundreds, and their result lines say what each was.
  if (told.kind === 'tags' && inputs.files.length === 0) log.notice(tagNotice(told.tags));
  if (told.kind === 'verified') tellVerified(told.result, log);
}

/** Tells what ended a run before its end. @returns the exit code */
export async function reportStopped(
  caught: unknown,
  inputs: VerifyInputs | undefined,
  run: Run,
): Promise<number> {
  const failure = asFailure(caught);
  if (inputs !== undefined) await tellPullRequest({ failure }, inputs, run);
  return reportVerifyFailure(failure, run);
}

async function writeFindings(report: Findings, inputs: VerifyInputs, run: Run): Promise<void> {
  if (inputs.sarif !== undefined)
    await (await import('./report-findings.ts')).reportSarif(report, inputs, run);
}

async function tellPullRequest(report: Findings, inputs: VerifyInputs, run: Run): Promise<void> {
  if (inputs.comment)
    await (await import('./report-findings.ts')).reportComment(report, inputs, run);
}

/** One line of the log for an image that is done. */
function tellVerified(result: VerifyResult, log: Log): void {
  log.info(resultLine(result));
  const found = [...result.signatures, ...(result.attestations ?? [])];
  for (const { code, reason, reference } of found.filter(({ verified }) => !verified)) {
    log.debug(`${reference} does not count: ${code}: ${reason}`);
  }
}

/**
 * Writes outputs, summary and verdict of a run that came as far as the images.
 * @returns the exit code: 0 when every image verified, and with `fail: false` always
 */
async function reportVerified(
  { results, notJudged, nothing, policy }: VerifyReport,
  inputs: VerifyInputs,
  { env, log, clock, started }: Run,
): Promise<number> {
  if (nothing !== undefined) return reportNothing(nothing, notJudged, { env, log });
  const outputs = verifyOutputs(
    results,
    notJudged,
    reportFolder({ results, notJudged }, { env, log }),
  );
  writeOutputs(outputs, log);
  const verdict = verifyVerdict(results, clock.now() - started);
  const images = results.map(({ image }) => image);
  const setting = {
    ...(await pageSetting(env, images)),
    ...(verdict === undefined ? {} : { verdict }),
    policyFiles: inputs.policy.filter((entry) => !entry.startsWith('!')),
    attestationTypes: inputs.attestationTypes,
    signature: inputs.signature,
    knownSigners: inputs.knownSigners === true,
    fail: inputs.fail,
    ...(policy === undefined ? {} : { policy }),
  };
  const blocks = [
    verifySummary(results, setting),
    ...workloadBlocks(workloadReports(results, notJudged)),
    ...notJudgedBlock(notJudged),
  ];
  appendSummary(blocks.join('\n\n'), log, env);
  if (verdict !== undefined) log.info(verdict);
  return outputs.verified === 'true' || !inputs.fail ? 0 : 1;
}

/** Never ends the step: what a README shows is worth less than its answer. */
function reportFolder(
  report: Pick<VerifyReport, 'results' | 'notJudged'>,
  { env, log }: Pick<Run, 'env' | 'log'>,
): string {
  try {
    return writeReport(report, env);
  } catch (error) {
    log.notice(
      `The files of output report were not written: ${error instanceof Error ? error.message : String(error)}`,
    );
    return '';
  }
}

/**
 * The end of the log: what did not verify, as annotations. Nothing that belongs before an error
 * comes after it, so this is told last.
 */
function tellFindings(
  results: readonly VerifyResult[],
  { fail }: Pick<VerifyInputs, 'fail'>,
  log: Log,
): void {
  const annotations = findingsOf(results);
  const left = annotations.length - mostAnnotations;
  if (left > 0)
    log.info(
      `${annotations.length} findings; GitHub shows ${mostAnnotations} of a step, the others are in the lines above, the summary, and output results.`,
    );
  for (const { error, about, place } of annotations.slice(0, mostAnnotations))
    log.error(error, about, place, fail ? 'error' : 'warning');
}

/**
 * Writes log, outputs and summary of a run that rightly found nothing to verify. @returns the exit
 * code
 */
async function reportNothing(
  sentence: string,
  notJudged: readonly NotJudged[],
  { env, log }: Pick<Run, 'env' | 'log'>,
): Promise<number> {
  log.notice(sentence);
  const folder = reportFolder({ results: [], notJudged }, { env, log });
  writeOutputs({ ...verifyOutputs([], notJudged, folder), verified: '' }, log);
  const blocks = [
    '## ✅ Nothing to verify',
    sentence,
    ...workloadBlocks(workloadReports([], notJudged)),
    ...notJudgedBlock(notJudged),
  ];
  appendSummary(blocks.join('\n\n'), log, env);
  return 0;
}

/**
 * Writes log, outputs and summary of a run that could not look at any image. @returns the exit code
 */
function reportVerifyFailure(failure: Failure, { env, log }: Run): number {
  writeOutputs(verifyOutputs([]), log);
  appendSummary(verifyFailureSummary(failure, { env }), log, env);
  log.error(failure);
  return 1;
}
