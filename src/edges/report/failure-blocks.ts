import type { VerifyResult } from '../../engine/verify-result.ts';
import { withOwnUses } from './own-repository.ts';
import { chapterPage, type PageSetting } from './pages.ts';
import { code, errorBlock, facts, namesHtml, prose, shortDigest } from './summary-html.ts';
import { adviceFor, codeTitles } from './verify-advice.ts';

/** What ended a step before it came to an image. */
export interface StepFailure {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

/** The block of a step that failed as a whole. */
export function stepBlock(
  { code: why, message, fix }: StepFailure,
  setting: PageSetting,
  images: readonly string[] = [],
): string {
  const page = chapterPage(why, 'step', setting);
  return errorBlock({ code: why, message, fix: withOwnUses(fix, setting.env), page }, images);
}

const mostNames = 10;
const mostPlaces = 5;

/**
 * One block for each different failure, with the images that share it and the places that name
 * them, what happened, and what to do; for the summary and the comment alike.
 * @param most blocks; a line says how many are left out
 */
export function failureBlocks(
  results: readonly VerifyResult[],
  most: number,
  setting: PageSetting,
): readonly string[] {
  const bad = results.filter(({ verified }) => !verified);
  const groups = [
    ...Map.groupBy(
      bad,
      (result) => `${result.code}\n${result.reason}\n${adviceFor(result)}`,
    ).values(),
  ];
  const blocks = groups
    .slice(0, most)
    .flatMap(([first, ...others]) =>
      first === undefined ? [] : [block([first, ...others], setting)],
    );
  const left = groups.length - most;
  return left > 0
    ? [...blocks, `<p>… and ${left} more failures: see output <code>results</code>.</p>`]
    : blocks;
}

function block(group: readonly [VerifyResult, ...VerifyResult[]], setting: PageSetting): string {
  const [first] = group;
  const names = group.slice(0, mostNames).map(nameHtml);
  const more = group.length > mostNames ? [`and ${group.length - mostNames} more`] : [];
  const why = first.code ?? 'unsigned';
  const fix = withOwnUses(adviceFor(first), setting.env);
  // Where the advice holds who signed beside who was expected, the sentence says nothing more.
  const reason = fix.includes('```text\n') ? [] : [prose(first.reason ?? '')];
  const page = chapterPage(why, 'image', setting);
  const message = `${codeTitles[why]}.`;
  return errorBlock({ code: why, message, fix, page }, [...names, ...more], reason);
}

/** The names of an image that failed; below them its digest, and the places that name it. */
function nameHtml(result: VerifyResult): string {
  const { references, image, platform, asked, digest, sources = [] } = result;
  const names = namesHtml(references, image, undefined);
  const places = sources.slice(0, mostPlaces).map(({ file, line }) => code(`${file}:${line}`));
  const more =
    sources.length > mostPlaces ? [`and ${sources.length - mostPlaces} more places`] : [];
  const inside = asked ? undefined : code(platform ?? 'inside it');
  const about = facts(inside, shortDigest(digest), ...places, ...more);
  return about === '' ? names : `${names}<br>${about}`;
}
