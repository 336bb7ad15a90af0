import type { VerifyResult } from '../../engine/verify-result.ts';
import type { LoggedError, Place } from '../action/log.ts';
import { listed } from './list-words.ts';
import { imageChapter } from './own-repository.ts';
import { adviceFor } from './verify-advice.ts';

/** What a log says of images that did not verify. */
export interface Finding {
  readonly error: LoggedError;
  /** the images, as they were asked for */
  readonly about: string;
  /** where a file names the image */
  readonly place?: Place;
}

/**
 * One finding for all images that failed in the same way; of images that files name, one for each
 * place.
 */
export function findingsOf(results: readonly VerifyResult[]): readonly Finding[] {
  const bad = results.filter(({ verified }) => !verified);
  const groups = Map.groupBy(
    bad,
    (result) => `${result.code} ${result.reason} ${adviceFor(result)}`,
  );
  return [...groups.values()].flatMap(ofGroup);
}

function ofGroup(group: readonly VerifyResult[]): readonly Finding[] {
  const named = group.filter(({ sources = [] }) => sources.length === 0);
  const placed = group.flatMap((result) =>
    (result.sources ?? []).map((place) => ({
      error: errorOf(result),
      about: place.reference,
      place,
    })),
  );
  const [first] = named;
  if (first === undefined) return placed;
  const names = named.map(
    ({ references, image, asked, platform }) =>
      `${references[0] ?? image}${asked ? '' : ` ${platform ?? image}`}`,
  );
  return [{ error: errorOf(first), about: listed(names, 3) }, ...placed];
}

/** The one code of an image's error is that of its result, wherever it is shown. */
function errorOf(result: VerifyResult): LoggedError {
  const code = result.code ?? 'unsigned';
  return {
    code,
    message: result.reason ?? '',
    fix: adviceFor(result),
    chapter: imageChapter(code),
    cause: result.failure?.cause ?? result.failure,
  };
}
