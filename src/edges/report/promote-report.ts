import { secondsInWords } from '../../clock.ts';
import type { PromoteResult } from '../../engine/promote-result.ts';
import { shown } from '../../text/untrusted.ts';
import type { LoggedError } from '../action/log.ts';
import { type StepFailure, stepBlock } from './failure-blocks.ts';
import { bareNames, count, listed, namesInWords } from './lists.ts';
import { imageChapter } from './own-repository.ts';
import { chapterPage, type PageSetting } from './pages.ts';
import {
  code,
  details,
  errorBlock,
  facts,
  leftOut,
  lines,
  prose,
  summaryOf,
} from './summary-html.ts';
import { adviceFor } from './verify-advice.ts';

/** GitHub takes about 1 MB of outputs from a job. */
const mostResultBytes = 900_000;
const mostLeft = 20;

/**
 * The outputs of sign-image/promote by name, every one of them. `verified` is `true` only when there
 * were images and every one was verified at every target; `images` names what a later step may use.
 */
export function promoteOutputs(
  results: readonly PromoteResult[],
): Readonly<Record<string, string>> {
  const good = results.filter(({ status }) => status !== 'failed');
  return {
    images: JSON.stringify([...new Set(good.map(({ image }) => image))]),
    verified: String(results.length > 0 && good.length === results.length),
    results: resultsJson(results),
  };
}

function resultsJson(results: readonly PromoteResult[]): string {
  for (const most of [mostLeft, 1, 0]) {
    const json = JSON.stringify(results.map((result) => entryOf(result, most)));
    if (Buffer.byteLength(json) <= mostResultBytes) return json;
  }
  return '';
}

function entryOf(result: PromoteResult, most: number): object {
  const { failure: _, judged: __, digest = null, left, ...entry } = result;
  return { ...entry, digest, left: left.slice(0, most) };
}

/** The line of the log for an image that is done at one target. */
export function promotedLine(result: PromoteResult): string {
  const { references, source, image, tags, digest, status, code: why } = result;
  const from = namesInWords(references, source);
  const [place = image] = bareNames([], image);
  const names =
    tags.length === 0
      ? place
      : listed(
          tags.map(({ tag }) => `${place}:${tag}`),
          10,
        );
  const about = `${from} → ${names}${digest === undefined ? '' : ` ${digest}`}`;
  if (status === 'failed') return shown(`✗ ${about}: ${why}`, 4000);
  return shown(`✓ ${about}: ${didInWords(result)}, verified there`, 4000);
}

function didInWords({ status, copied }: PromoteResult): string {
  if (status === 'already-promoted') return 'is there already';
  const { manifests, blobs, bytes, mounted, entries } = copied;
  const done = [
    manifests > 0 && count(manifests, 'manifest'),
    blobs > 0 && `${count(blobs, 'blob')} (${bytesInWords(bytes)})`,
    mounted > 0 && `${mounted} mounted`,
    entries > 0 && `${entries} added under shared tags`,
  ].filter((part): part is string => part !== false);
  return done.length === 0 ? 'tagged' : `copied ${done.join(', ')}`;
}

function bytesInWords(bytes: number): string {
  const [unit, name] = bytes < 1e6 ? [1e3, 'kB'] : bytes < 1e9 ? [1e6, 'MB'] : [1e9, 'GB'];
  return `${(bytes / Number(unit)).toFixed(1)} ${name}`;
}

/** What did not go over though the image did: a person may miss it. One sentence, or none. */
export function leftInWords({
  references,
  source,
  image,
  left,
}: PromoteResult): string | undefined {
  if (left.length === 0) return undefined;
  const [place = image] = bareNames([], image);
  return shown(
    `Of what refers to ${namesInWords(references, source)}, ${left.length} did not go over to ${place}: ${listed(left, 3)}`,
    4000,
  );
}

/** One error for all results that failed in the same way. */
export function promoteErrors(
  results: readonly PromoteResult[],
): readonly { readonly error: LoggedError; readonly about: string }[] {
  return results
    .filter(({ status }) => status === 'failed')
    .map((result) => ({
      error: errorOf(result),
      about: namesInWords(result.references, result.source),
    }));
}

function errorOf({
  code: why = 'not-verified',
  reason = '',
  failure,
  judged,
}: PromoteResult): LoggedError {
  const isOfImage = judged !== undefined;
  return {
    code: why,
    message: reason,
    fix: isOfImage ? adviceFor(judged) : (failure?.fix ?? ''),
    ...(isOfImage ? { chapter: imageChapter(why) } : {}),
    cause: failure?.cause ?? failure,
  };
}

/** The run in one sentence; undefined where anything failed. @param elapsed milliseconds */
export function promoteVerdict(
  results: readonly PromoteResult[],
  elapsed: number,
): string | undefined {
  if (results.length === 0 || results.some(({ status }) => status === 'failed')) return undefined;
  const fresh = results.filter(({ status }) => status === 'promoted').length;
  const what =
    fresh === 0
      ? 'Everything is there already'
      : `${count(fresh, 'copy').replace('copys', 'copies')} promoted`;
  return `${what}, verified where it lies, ${secondsInWords(elapsed)}`;
}

/** The job summary of sign-image/promote as Markdown, below 1 MiB. */
export function promoteSummary(
  results: readonly PromoteResult[],
  setting: PageSetting & { readonly verdict?: string },
): string {
  const bad = results.filter(({ status }) => status === 'failed');
  const good = results.filter(({ status }) => status !== 'failed');
  const head =
    bad.length === 0
      ? `## ✅ ${count(good.length, 'image')} promoted`
      : `## ❌ ${bad.length} of ${count(results.length, 'image')} not promoted`;
  return summaryOf(head, setting.verdict, [results.length, 100, 20], (most) => [
    ...bad.slice(0, most).map((result) => failedBlock(result, setting)),
    ...good.slice(0, most).map(goodBlock),
    ...leftOut(Math.max(0, bad.length - most) + Math.max(0, good.length - most)),
  ]);
}

function failedBlock(result: PromoteResult, setting: PageSetting): string {
  const { code: why, message, fix } = errorOf(result);
  const page = chapterPage(why, result.judged === undefined ? 'step' : 'image', setting);
  const names = bareNames(result.references, result.source).slice(0, 10).map(code);
  return errorBlock({ code: why, message, fix, page }, names);
}

function goodBlock(result: PromoteResult): string {
  const { references, source, image, tags, digest = '', left } = result;
  const [place = image] = bareNames([], image);
  const named = tags.map(({ tag, before }) =>
    before === undefined
      ? code(`${place}:${tag}`)
      : `${code(`${place}:${tag}`)} (was ${code(before)})`,
  );
  const block = lines(
    `✅ ${bareNames(references, source).slice(0, 10).map(code).join(', ')}`,
    `→ ${(named.length === 0 ? [code(place)] : named.slice(0, 10)).join(', ')}`,
    facts(code(digest), prose(didInWords(result))),
  );
  if (left.length === 0) return block;
  const rest = lines(...left.slice(0, mostLeft).map(prose));
  return `${block}\n\n${details(`${left.length} did not go over`, rest)}`;
}

/** The summary of a step that failed before any image was copied. */
export function promoteFailureSummary(failure: StepFailure, setting: PageSetting): string {
  return `## ❌ Nothing was promoted\n\n${stepBlock(failure, setting)}`;
}
