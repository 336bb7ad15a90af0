import { abortAfter } from '../../clock.ts';
import { withGithub } from '../../engine/network.ts';
import type { NotJudged, VerifyResult } from '../../engine/verify-result.ts';
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
import { type CommentOutcome, commentMarker, keepComment } from './comment.ts';
import { readPullRequest } from './pull-request.ts';
import type { Machine } from './sign.ts';

/** What there is to tell: results; or nothing to verify; or why nothing could be verified. */
export type Findings =
  | { readonly results: readonly VerifyResult[]; readonly notJudged?: readonly NotJudged[] }
  | { readonly nothing: string; readonly notJudged?: readonly NotJudged[] }
  | { readonly failure: Failure };

/** A comment is worth less than the answer of the step: it gets no more than half a minute. */
const patience = 30_000;

/** Writes input `sarif` where it is asked for. @throws {Failure} `bad-input` */
export async function reportSarif(
  findings: Findings,
  { sarif }: Pick<VerifyInputs, 'sarif'>,
  { env, log }: Machine,
): Promise<void> {
  if (sarif === undefined || 'failure' in findings) return;
  const path = sarifPath(sarif, env);
  await writeSarif(path, sarifLog('results' in findings ? findings.results : [], env), env);
  log.info(`The findings are in ${sarif}.`);
}

/**
 * Keeps the comment of input `comment` up to date. Never ends the step, and never changes its
 * answer.
 */
export async function reportComment(
  findings: Findings,
  { comment, githubToken }: Pick<VerifyInputs, 'comment' | 'githubToken'>,
  { env, log, clock }: Machine,
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
      onlyUpdate: 'nothing' in findings,
      token: githubToken,
      waiting: { signal: abortAfter(patience, clock), clock },
    };
    const outcome = await withGithub({ env, log, clock }, (fetch) =>
      keepComment(openGithub(githubToken, { env, fetch }), pullRequest, setting),
    );
    tell(outcome, { log });
  } catch (caught) {
    log.notice(
      `The comment on the pull request was not written: ${caught instanceof Error ? caught.message : String(caught)}`,
    );
  }
}

function tell(outcome: CommentOutcome, { log }: Pick<Machine, 'log'>): void {
  if (outcome !== 'denied') log.debug(`The comment on the pull request: ${outcome}.`);
  else
    log.notice(
      'The comment on the pull request was not written, for want of permission. A job needs `permissions:` with `pull-requests: write` for it; runs for forks get no token that may write.',
    );
}

function bodyOf(findings: Findings, marker: string, env: NodeJS.ProcessEnv): string {
  if ('failure' in findings) return failureCommentBody(findings.failure, marker, { env });
  const body =
    'results' in findings
      ? commentBody(findings.results, marker, { env })
      : nothingCommentBody(findings.nothing, marker, { env });
  const whole = [body, ...notJudgedBlock(findings.notJudged ?? [], 30)].join('\n\n');
  return whole.length <= mostCommentCharacters ? whole : body;
}
