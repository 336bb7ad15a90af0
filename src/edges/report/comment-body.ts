import { goodSignature, isWhole, type VerifyResult } from '../../engine/verify-result.ts';
import { failureBlocks, type StepFailure, stepBlock } from './failure-blocks.ts';
import { count } from './lists.ts';
import { type PageSetting, runPage } from './pages.ts';
import { shortSigner } from './signer-words.ts';
import { details, facts, lines, link, namesHtml, prose, shortDigest } from './summary-html.ts';

/** GitHub takes no longer comment (characters). */
export const mostCommentCharacters = 65_536;

/**
 * The comment on a pull request as Markdown: what does not verify first, with its places and what
 * to do; what verifies below, folded. Everything that came from files, registries and certificates
 * is text only: no mention, no link to an issue, no Markdown.
 * @param marker a line that finds the comment again
 */
export function commentBody(
  results: readonly VerifyResult[],
  marker: string,
  setting: PageSetting,
): string {
  const asked = results.filter((result) => result.asked);
  const bad = asked.filter((result) => !isWhole(result, results));
  const good = asked.filter((result) => !bad.includes(result));
  const head = [marker, heading(asked.length, bad.length)];
  for (const most of [200, 60, 15, 3, 0]) {
    const body = [
      ...head,
      ...(most > 0 ? failureBlocks(results, most, setting) : []),
      ...(good.length > 0 && most > 0 ? [goodBlock(good, most)] : []),
      ...runLine(setting),
    ].join('\n\n');
    if (body.length <= mostCommentCharacters) return body;
  }
  return head.join('\n\n');
}

/** The comment where the pull request names no image; `sentence` is shown as text. */
export function nothingCommentBody(sentence: string, marker: string, setting: PageSetting): string {
  return [marker, '### ✅ No image to verify', lines(prose(sentence)), ...runLine(setting)].join(
    '\n\n',
  );
}

/** The comment of a step that failed before any image was judged. */
export function failureCommentBody(
  failure: StepFailure,
  marker: string,
  setting: PageSetting,
): string {
  return [
    marker,
    '### ❌ Nothing was verified',
    stepBlock(failure, setting),
    ...runLine(setting),
  ].join('\n\n');
}

function heading(asked: number, bad: number): string {
  if (bad === 0) return `### ✅ ${count(asked, 'image')} verified`;
  return `### ❌ ${bad} of ${count(asked, 'image')} ${bad === 1 ? 'does' : 'do'} not verify`;
}

function goodBlock(good: readonly VerifyResult[], most: number): string {
  const blocks = good.slice(0, most).map((result) => {
    const { references, image, digest, reason = '–' } = result;
    const signature = goodSignature(result);
    const who = signature === undefined ? reason : `signed by ${shortSigner(signature)}`;
    return lines(
      `✅ ${namesHtml(references, image, undefined)}`,
      facts(shortDigest(digest), prose(who.slice(0, 500))),
    );
  });
  const left = good.length - most;
  const more = left > 0 ? [`<p>… and ${left} more: see the summary of the run.</p>`] : [];
  return details(`${count(good.length, 'image')} verified`, [...blocks, ...more].join('\n'));
}

function runLine(setting: PageSetting): readonly string[] {
  const page = runPage(setting);
  return page === undefined ? [] : [`<p>${link('The run and its summary', page)}</p>`];
}
