import type { Log, Place } from '../action/log.ts';
import { appendSummary, writeOutputs } from '../action/outputs.ts';
import { adviceFor } from '../action/verify-advice.ts';
import type { VerifyInputs } from '../action/verify-inputs.ts';
import { verifyOutputs } from '../action/verify-outputs.ts';
import { verifyFailureSummary, verifySummary } from '../action/verify-summary.ts';
import { resultLine } from '../action/verify-words.ts';
import { Failure } from '../failure.ts';
import type { VerifyResult } from '../verifying/result.ts';
import type { OpenedPolicy } from './policy.ts';
import type { Machine } from './sign.ts';

/** GitHub shows ten errors of a step. */
const mostAnnotations = 10;
const mostPlaces = 200;

/** One line of the log for an image that is done. */
export function tellVerified(result: VerifyResult, log: Log): void {
  log.info(resultLine(result));
  for (const { code, reason, reference } of result.signatures.filter(({ verified }) => !verified)) {
    log.debug(`${reference} does not count: ${code}: ${reason}`);
  }
}

/**
 * Writes log, outputs and summary of a run that came as far as the images.
 * @returns the exit code: 0 when every image verified, and with `fail: false` always
 */
export function reportVerified(
  results: readonly VerifyResult[],
  inputs: VerifyInputs,
  opened: OpenedPolicy,
  machine: Machine,
): number {
  const { env, log } = machine;
  const bad = results.filter(({ verified }) => !verified);
  const groups = [
    ...Map.groupBy(
      bad,
      (result) => `${result.code} ${result.reason} ${adviceFor(result)}`,
    ).values(),
  ];
  const annotations = groups.flatMap(annotationsOf);
  for (const annotation of annotations.slice(0, mostAnnotations))
    annotate(annotation, inputs.fail, log);
  const left = annotations.slice(mostAnnotations);
  if (left.length > 0)
    log.info(
      `and ${left.length} more that did not verify: see the lines above, the summary, or output results.`,
    );
  for (const { place, about } of left.slice(0, mostPlaces))
    if (place !== undefined) log.info(`✗ ${place.file}:${place.line} ${about}`);
  const outputs = verifyOutputs(results);
  writeOutputs(outputs, log);
  const setting = {
    policyFiles: inputs.policy,
    fail: inputs.fail,
    ...(opened.policy === undefined ? {} : { policy: opened.policy }),
  };
  appendSummary(verifySummary(results, setting), log, env);
  return outputs.verified === 'true' || !inputs.fail ? 0 : 1;
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
  const about =
    names.length > 3
      ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
      : names.join(', ');
  return [{ result: first, about }, ...placed];
}

function annotate({ result, about, place }: Annotation, fail: boolean, log: Log): void {
  const failure = new Failure(
    result.failure?.code ?? 'not-verified',
    `${result.code}: ${result.reason}`,
    adviceFor(result),
    {
      cause: result.failure?.cause ?? result.failure,
    },
  );
  if (fail) log.error(failure, about, place);
  else log.warning(`${about}: ${failure.message}`, `sign-image: ${result.code}`, place);
}

/**
 * Writes log, outputs and summary of a run that rightly found nothing to verify. @returns the exit
 * code
 */
export function reportNothing(sentence: string, { env, log }: Machine): number {
  log.notice(sentence);
  writeOutputs({ ...verifyOutputs([]), verified: '' }, log);
  appendSummary(`## ✅ Nothing to verify\n\n${sentence}`, log, env);
  return 0;
}

/**
 * Writes log, outputs and summary of a run that could not look at any image. @returns the exit code
 */
export function reportVerifyFailure(failure: Failure, { env, log }: Machine): number {
  log.error(failure);
  writeOutputs(verifyOutputs([]), log);
  appendSummary(verifyFailureSummary(failure), log, env);
  return 1;
}
