import type { NotJudged } from '../../engine/verify-result.ts';
import { shown } from '../../text/untrusted.ts';
import { count } from './list-words.ts';
import { code, details, facts, lines } from './summary-html.ts';

// Images that files name and that inputs `only-images` and `skip-images` leave out: nobody looked
// at them, which is told wherever results are, and fails nothing.

const reason =
  'Inputs only-images and skip-images leave it out, so its signatures were not looked at.';
const mostRows = 100;

/** Lines of the log. */
export function notJudgedLines(list: readonly NotJudged[]): readonly string[] {
  const lines = list.slice(0, mostRows).map(({ reference, sources: [place, ...more] }) => {
    const where = place === undefined ? '' : `, ${place.file}:${place.line}`;
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    return `– ${shown(reference)}: not judged (only-images, skip-images)${shown(where)}${others}`;
  });
  return list.length > mostRows ? [...lines, `– and ${list.length - mostRows} more`] : lines;
}

/** A block of the summary or of the comment, folded; nothing where all images were judged. */
export function notJudgedBlock(list: readonly NotJudged[], most = mostRows): readonly string[] {
  if (list.length === 0) return [];
  const rows = list.slice(0, most).map(({ reference, sources }) => {
    const places = sources.slice(0, 3).map(({ file, line }) => code(`${file}:${line}`));
    const more = sources.length > 3 ? [`and ${sources.length - 3} more`] : [];
    return lines(`<b>${code(reference)}</b>`, facts(...places, ...more));
  });
  const rest = list.length > most ? [lines(`… and ${list.length - most} more.`)] : [];
  const title = `${count(list.length, 'image')} not judged (${code('only-images')}, ${code('skip-images')})`;
  return [details(title, [...rows, ...rest].join('\n'))];
}

/** Entries of output `results`, one for each place. */
export function notJudgedEntries(list: readonly NotJudged[]): readonly object[] {
  return list.flatMap(({ reference, digest, sources }) =>
    sources.map(({ file, line }) => ({
      image: reference,
      reference,
      digest: digest ?? null,
      verified: false,
      code: 'not-judged',
      reason,
      signatures: [],
      source: { file, line },
    })),
  );
}
