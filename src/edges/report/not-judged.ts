import type { NotJudged, Source } from '../../engine/verify-result.ts';
import { workloadName } from '../../references/image-use.ts';
import { shown } from '../../text/untrusted.ts';
import { count } from './lists.ts';
import { code, details, facts, lines, prose } from './summary-html.ts';

// Images that inputs `only-images` and `skip-images` leave out, and those of which nobody is known to
// sign them: nobody looked at them, which is told wherever results are, and fails nothing.

const leftOut =
  'Inputs only-images and skip-images leave it out, so its signatures were not looked at.';
const mostRows = 100;

/** Lines of the log. */
export function notJudgedLines(list: readonly NotJudged[]): readonly string[] {
  const lines = list.slice(0, mostRows).map(({ reference, reason, sources: [place, ...more] }) => {
    const where = place === undefined ? '' : `, ${place.file}:${place.line}`;
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    const why = reason === undefined ? 'only-images, skip-images' : withoutStop(reason);
    return `– ${shown(reference)}: not judged (${shown(why)})${shown(where)}${others}`;
  });
  return list.length > mostRows ? [...lines, `– and ${list.length - mostRows} more`] : lines;
}

/** A block of the summary or of the comment, folded; nothing where all images were judged. */
export function notJudgedBlock(list: readonly NotJudged[], most = mostRows): readonly string[] {
  if (list.length === 0) return [];
  const rows = list.slice(0, most).map(({ reference, reason, sources }) => {
    const places = sources.slice(0, 3).map(({ file, line }) => code(`${file}:${line}`));
    const more = sources.length > 3 ? [`and ${sources.length - 3} more`] : [];
    const why = reason === undefined ? [] : [prose(reason)];
    return lines(`<b>${code(reference)}</b>`, ...why, facts(...places, ...more));
  });
  const rest = list.length > most ? [lines(`… and ${list.length - most} more.`)] : [];
  const inputs = list.some(({ reason }) => reason === undefined)
    ? ` (${code('only-images')}, ${code('skip-images')})`
    : '';
  const title = `${count(list.length, 'image')} not judged${inputs}`;
  return [details(title, [...rows, ...rest].join('\n'))];
}

/** Entries of output `results`, one for each place. */
export function notJudgedEntries(list: readonly NotJudged[]): readonly object[] {
  return list.flatMap(({ reference, digest, reason, sources }) => {
    const entry = {
      image: reference,
      reference,
      digest: digest ?? null,
      verified: false,
      code: 'not-judged',
      reason: reason ?? leftOut,
      signatures: [],
    };
    if (sources.length === 0) return [entry];
    return sources.map((source) => ({ ...entry, ...placeEntry(source) }));
  });
}

/** Where an entry of output `results` was named, and by which workload of a cluster. */
export function placeEntry({ file, line, workload }: Source): object {
  return {
    source: { file, line },
    ...(workload === undefined ? {} : { workload: workloadName(workload) }),
  };
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
