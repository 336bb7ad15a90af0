import type { Log } from './action/log.ts';
import { appendSummary, writeOutputs } from './action/outputs.ts';
import { adviceFor } from './action/verify-advice.ts';
import type { VerifyInputs } from './action/verify-inputs.ts';
import { verifyOutputs } from './action/verify-outputs.ts';
import { verifyFailureSummary, verifySummary } from './action/verify-summary.ts';
import { resultLine } from './action/verify-words.ts';
import { Failure } from './failure.ts';
import type { OpenedPolicy } from './run-policy.ts';
import type { Machine } from './run-sign.ts';
import type { VerifyResult } from './verifying/result.ts';

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
 * Writes log, outputs and summary of a run that came as far as the images.
 * @returns the exit code: 0 when every image verified, and with `fail: false` always
 */
export function reportVerified(results: readonly VerifyResult[], inputs: VerifyInputs, opened: OpenedPolicy, machine: Machine): number {
  const { env, log } = machine;
  const bad = results.filter(({ verified }) => !verified);
  const groups = [...Map.groupBy(bad, (result) => `${result.code} ${result.reason} ${adviceFor(result)}`).values()];
  for (const group of groups.slice(0, mostAnnotations)) annotate(group, inputs.fail, log);
  const left = groups.slice(mostAnnotations).flat().length;
  if (left > 0) log.info(`and ${left} more that did not verify: see the lines above, the summary, or output results.`);
  const outputs = verifyOutputs(results);
  writeOutputs(outputs, log);
  const setting = { policyFiles: inputs.policy, fail: inputs.fail, ...(opened.policy === undefined ? {} : { policy: opened.policy }) };
  appendSummary(verifySummary(results, setting), log, env);
  return outputs.verified === 'true' || !inputs.fail ? 0 : 1;
}

/** One annotation for all images that failed in the same way. */
function annotate(group: readonly VerifyResult[], fail: boolean, log: Log): void {
  const [first] = group;
  if (first === undefined) return;
  const names = group.map(({ references, image, asked, platform }) => `${references[0] ?? image}${asked ? '' : ` ${platform ?? image}`}`);
  const about = names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  const failure = new Failure(first.failure?.code ?? 'not-verified', `${first.code}: ${first.reason}`, adviceFor(first), {
    cause: first.failure?.cause ?? first.failure,
  });
  if (fail) log.error(failure, about);
  else log.warning(`${about}: ${failure.message}`, `sign-image: ${first.code}`);
}

/** Writes log, outputs and summary of a run that could not look at any image. @returns the exit code */
export function reportVerifyFailure(failure: Failure, { env, log }: Machine): number {
  log.error(failure);
  writeOutputs(verifyOutputs([]), log);
  appendSummary(verifyFailureSummary(failure), log, env);
  return 1;
}
