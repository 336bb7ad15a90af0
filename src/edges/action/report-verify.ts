import type { OpenedPolicy } from '../../engine/policy.ts';
import type { NotJudged, VerifyResult } from '../../engine/verify-result.ts';
import type { Failure } from '../../failure.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import { listed } from '../report/list-words.ts';
import { notJudgedBlock, notJudgedLines } from '../report/not-judged.ts';
import { appendSummary, writeOutputs } from '../report/outputs.ts';
import { imageChapter } from '../report/own-repository.ts';
import { pageSetting } from '../report/pages.ts';
import { verifyVerdict } from '../report/verdict-line.ts';
import { adviceFor } from '../report/verify-advice.ts';
import { verifyOutputs } from '../report/verify-outputs.ts';
import { verifyFailureSummary, verifySummary } from '../report/verify-summary.ts';
import { resultLine } from '../report/verify-words.ts';
import type { Log, LoggedError, Place } from './log.ts';
import type { Machine } from './sign.ts';

/** GitHub shows ten errors of a step. */
const mostAnnotations = 10;

/** One line of the log for an image that is done. */
export function tellVerified(result: VerifyResult, log: Log): void {
  log.info(resultLine(result));
  for (const { code, reason, reference } of result.signatures.filter(({ verified }) => !verified)) {
    log.debug(`${reference} does not count: ${code}: ${reason}`);
  }
}

/**
 * Writes outputs, summary and verdict of a run that came as far as the images.
 * @returns the exit code: 0 when every image verified, and with `fail: false` always
 */
export async function reportVerified(
  results: readonly VerifyResult[],
  notJudged: readonly NotJudged[],
  inputs: VerifyInputs,
  opened: OpenedPolicy,
  { env, log, clock, started }: Machine,
): Promise<number> {
  const outputs = verifyOutputs(results, notJudged);
  writeOutputs(outputs, log);
  const verdict = verifyVerdict(results, clock.now() - started);
  const images = results.map(({ image }) => image);
  const setting = {
    ...(await pageSetting(env, images)),
    ...(verdict === undefined ? {} : { verdict }),
    policyFiles: inputs.policy,
    fail: inputs.fail,
    ...(opened.policy === undefined ? {} : { policy: opened.policy }),
  };
  const blocks = [verifySummary(results, setting), ...notJudgedBlock(notJudged)];
  appendSummary(blocks.join('\n\n'), log, env);
  if (verdict !== undefined) log.info(verdict);
  return outputs.verified === 'true' || !inputs.fail ? 0 : 1;
}

/**
 * The end of the log: what did not verify, as annotations. Nothing that belongs before an error
 * comes after it, so this is told last.
 */
export function tellFindings(
  results: readonly VerifyResult[],
  { fail }: Pick<VerifyInputs, 'fail'>,
  log: Log,
): void {
  const bad = results.filter(({ verified }) => !verified);
  const groups = Map.groupBy(
    bad,
    (result) => `${result.code} ${result.reason} ${adviceFor(result)}`,
  );
  const annotations = [...groups.values()].flatMap(annotationsOf);
  const left = annotations.length - mostAnnotations;
  if (left > 0)
    log.info(
      `${annotations.length} findings; GitHub shows ${mostAnnotations} of a step, the others are in the lines above, the summary, and output results.`,
    );
  for (const { result, about, place } of annotations.slice(0, mostAnnotations))
    log.error(errorOf(result), about, place, fail ? 'error' : 'warning');
}

/** The one code of an image's error is that of its result, wherever it is shown. */
function errorOf(result: VerifyResult): LoggedError {
  const code = result.code ?? 'unsigned';
  return {
    code,
    message: result.reason ?? '',
    fix: adviceFor(result),
    chapter: imageChapter(code),
    cause: result.failure?.cause ?? result.failure,
  };
}

interface Annotation {
  readonly result: VerifyResult;
  readonly about: string;
  readonly place?: Place;
}

/**
 * One annotation for all images that failed in the same way; of images that files name, one for
 * each place.
 */
function annotationsOf(group: readonly VerifyResult[]): readonly Annotation[] {
  const named = group.filter(({ sources = [] }) => sources.length === 0);
  const placed = group.flatMap((result) =>
    (result.sources ?? []).map((place) => ({ result, about: place.reference, place })),
  );
  const [first] = named;
  if (first === undefined) return placed;
  const names = named.map(
    ({ references, image, asked, platform }) =>
      `${references[0] ?? image}${asked ? '' : ` ${platform ?? image}`}`,
  );
  return [{ result: first, about: listed(names, 3) }, ...placed];
}

/**
 * Writes log, outputs and summary of a run that rightly found nothing to verify. @returns the exit
 * code
 */
export function reportNothing(
  sentence: string,
  notJudged: readonly NotJudged[],
  { env, log }: Machine,
): number {
  for (const line of notJudgedLines(notJudged)) log.info(line);
  log.notice(sentence);
  writeOutputs({ ...verifyOutputs([], notJudged), verified: '' }, log);
  const blocks = ['## ✅ Nothing to verify', sentence, ...notJudgedBlock(notJudged)];
  appendSummary(blocks.join('\n\n'), log, env);
  return 0;
}

/**
 * Writes log, outputs and summary of a run that could not look at any image. @returns the exit code
 */
export function reportVerifyFailure(failure: Failure, { env, log }: Machine): number {
  writeOutputs(verifyOutputs([]), log);
  appendSummary(verifyFailureSummary(failure, { env }), log, env);
  log.error(failure);
  return 1;
}
