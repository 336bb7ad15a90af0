import { escapeHtml } from '../text/untrusted.ts';
import { goodSignature, isWhole, type VerifyResult } from '../verifying/result.ts';
import { signerInWords } from './signer-words.ts';
import { code, count, fixHtml, prose, table } from './summary-html.ts';
import { adviceFor } from './verify-advice.ts';

/** GitHub takes no longer comment (characters). */
export const mostCommentCharacters = 65_536;

/**
 * The comment on a pull request as Markdown: what does not verify first, with its places and what
 * to do; what verifies below, folded. Everything that came from files, registries and certificates
 * is text only: no mention, no link to an issue, no Markdown.
 * @param marker a line that finds the comment again
 * @param page where the run is
 */
export function commentBody(
  results: readonly VerifyResult[],
  marker: string,
  page: string | undefined,
): string {
  const asked = results.filter((result) => result.asked);
  const bad = asked.filter((result) => !isWhole(result, results));
  const good = asked.filter((result) => !bad.includes(result));
  for (const most of [200, 60, 15, 3, 0]) {
    const body = [
      marker,
      heading(asked.length, bad.length),
      ...(bad.length > 0 && most > 0 ? [badTable(bad, results, most)] : []),
      ...(good.length > 0 && most > 0 ? [goodTable(good, most)] : []),
      ...(page === undefined ? [] : [`<a href="${escapeHtml(page)}">The run and its summary</a>`]),
    ].join('\n\n');
    if (body.length <= mostCommentCharacters) return body;
  }
  return `${marker}\n\n${heading(asked.length, bad.length)}`;
}

/**
 * The comment where nothing was judged: the pull request names no image, or the step failed before.
 * `sentence` is shown as text.
 */
export function plainCommentBody(title: string, sentence: string, marker: string): string {
  return `${marker}\n\n### ${title}\n\n<p>${prose(sentence)}</p>`;
}

function heading(asked: number, bad: number): string {
  if (bad === 0) return `### ✅ ${count(asked, 'image')} verified`;
  return `### ❌ ${bad} of ${count(asked, 'image')} ${bad === 1 ? 'does' : 'do'} not verify`;
}

function badTable(
  bad: readonly VerifyResult[],
  results: readonly VerifyResult[],
  most: number,
): string {
  const rows = bad.slice(0, most).map((result) => {
    const failed = result.verified
      ? (results.find(({ partOf, verified }) => !verified && partOf.includes(result.image)) ??
        result)
      : result;
    const why = `${code(failed.code ?? '')}<br>${prose(failed.reason ?? '')}`;
    const advice = fixHtml(adviceFor(failed));
    // One column for both: a third one would not be seen without scrolling, as the advice holds
    // lines of YAML that do not wrap.
    return [`${code(nameOf(result))}${places(result)}`, `${why}<br><br>${advice}`];
  });
  return [table(['Image', 'Why, and what to do'], rows), ...more(bad.length - most)].join('\n');
}

function goodTable(good: readonly VerifyResult[], most: number): string {
  const rows = good.slice(0, most).map((result) => {
    const signature = goodSignature(result);
    const digest = result.digest === undefined ? '' : `<br>${code(result.digest)}`;
    return [
      `${code(nameOf(result))}${digest}`,
      prose(signature === undefined ? (result.reason ?? '–') : signerInWords(signature)),
    ];
  });
  const content = [table(['Image', 'Signed by'], rows), ...more(good.length - most)].join('\n');
  return `<details>\n<summary>${count(good.length, 'image')} verified</summary>\n${content}\n</details>`;
}

function more(left: number): readonly string[] {
  return left > 0 ? [`<p>… and ${left} more: see the summary of the run.</p>`] : [];
}

function places({ sources = [] }: VerifyResult): string {
  const shown = sources.slice(0, 5).map(({ file, line }) => `<br>${code(`${file}:${line}`)}`);
  return [
    ...shown,
    ...(sources.length > 5 ? [`<br>and ${sources.length - 5} more places`] : []),
  ].join('');
}

function nameOf({ references, image }: VerifyResult): string {
  return (references[0] ?? image).replace(/@sha256:.*$/s, '').slice(0, 300);
}
