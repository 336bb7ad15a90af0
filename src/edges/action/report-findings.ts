import { abortAfter } from '../../clock.ts';
import type { VerifyReport } from '../../engine/verify.ts';
import type { Failure } from '../../failure.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import {
  commentBody,
  failureCommentBody,
  mostCommentCharacters,
  nothingCommentBody,
} from '../report/comment-body.ts';
import { notJudgedBlock } from '../report/not-judged.ts';
import { sarifLog, sarifPath, writeSarif } from '../report/sarif.ts';
import { beside } from '../world.ts';
import { type CommentOutcome, commentMarker, keepComment } from './comment.ts';
import { readPullRequest } from './pull-request.ts';
import { type Run, tellText } from './run.ts';

/** What there is to tell: a report; or why nothing could be verified. */
export type Findings = VerifyReport | { readonly failure: Failure };

/** A comment is worth less than the answer of the step: it gets no more than half a minute. */
const retryBudget = 30_000;

/** Writes input `sarif` where it is asked for. @throws {Failure} `bad-input` */
export async function reportSarif(
  findings: Findings,
  { sarif }: Pick<VerifyInputs, 'sarif'>,
  { env, log }: Run,
): Promise<void> {
  if (sarif === undefined || 'failure' in findings) return;
  const path = sarifPath(sarif, env);
  await writeSarif(path, sarifLog(findings.results, env), env);
  log.info(`The findings are in ${sarif}.`);
}

/**
 * Keeps the comment of input `comment` up to date. Never ends the step, and never changes its
 * answer.
 */
export async function reportComment(
  findings: Findings,
  { comment, githubToken }: Pick<VerifyInputs, 'comment' | 'githubToken'>,
  { env, log, clock }: Run,
): Promise<void> {
  if (!comment) return;
  try {
    const pullRequest = await readPullRequest(env);
    if (pullRequest === undefined) {
      log.notice('There is no comment: this run does not belong to a pull request.');
      return;
    }
    if (githubToken === undefined) {
      log.notice('There is no comment: input github-token is empty.');
      return;
    }
    const { openGithub } = await import('./github-client.ts');
    const marker = commentMarker(env);
    const setting = {
      marker,
      body: bodyOf(findings, marker, env),
      onlyUpdate: !('failure' in findings) && findings.nothing !== undefined,
      token: githubToken,
      waiting: { signal: abortAfter(retryBudget, clock), clock },
    };
    const outcome = await beside({ env, clock, tell: (told) => tellText(told, log) }, (fetch) =>
      keepComment(openGithub(githubToken, { env, fetch }), pullRequest, setting),
    );
    tell(outcome, { log });
  } catch (caught) {
    log.notice(
      `The comment on the pull request was not written: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
}

function tell(outcome: CommentOutcome, { log }: Pick<Run, 'log'>): void {
  if (outcome !== 'denied') log.debug(`The comment on the pull request: ${outcome}.`);
  else
    log.notice(
      'The comment on the pull request was not written, for want of permission. A job needs `permissions:` with `pull-requests: write` for it; runs for forks get no token that may write.',
    );
}

function bodyOf(findings: Findings, marker: string, env: NodeJS.ProcessEnv): string {
  if ('failure' in findings) return failureCommentBody(findings.failure, marker, { env });
  const { results, nothing, notJudged } = findings;
  const body =
    nothing === undefined
      ? commentBody(results, marker, { env })
      : nothingCommentBody(nothing, marker, { env });
  const whole = [body, ...notJudgedBlock(notJudged, 30)].join('\n\n');
  return whole.length <= mostCommentCharacters ? whole : body;
}
