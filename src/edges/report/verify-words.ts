import { goodSignature, type SignedBy, type VerifyResult } from '../../engine/verify-result.ts';
import { shown } from '../../text/untrusted.ts';
import type { LoggedError, Place } from '../action/log.ts';
import { listed, namesInWords } from './lists.ts';
import { imageChapter } from './own-repository.ts';
import { signerInWords } from './signer-words.ts';
import { adviceFor } from './verify-advice.ts';

/**
 * What a signature proves, for one line: `workflow release.yml of acme/app at refs/heads/main,
 * 2026-11-20 12:00 UTC, log index 123`.
 */
export function signatureInWords(verdict: SignedBy): string {
  const time = timeInWords(verdict);
  return [
    signerInWords(verdict),
    ...(time === undefined ? [] : [time]),
    ...(verdict.tlogIndex === undefined ? [] : [`log index ${verdict.tlogIndex}`]),
  ].join(', ');
}

/** When it was signed, by the log or the timestamp authority: `2026-11-20 12:00 UTC`. */
export function timeInWords({ integratedTime, timestamp }: SignedBy): string | undefined {
  const date =
    integratedTime === undefined
      ? timestamp === undefined
        ? undefined
        : new Date(timestamp)
      : new Date(integratedTime * 1000);
  if (date === undefined || Number.isNaN(date.getTime())) return undefined;
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/**
 * The name a person knows an image by, without its digest; of a manifest inside an index with its
 * platform.
 */
export function nameInWords({ asked, platform, references, image }: VerifyResult): string {
  const name = (references[0] ?? image).replace(/@sha256:.*$/s, '');
  return asked ? name : `${name} ${platform ?? '(manifest inside)'}`;
}

/**
 * The line of the log for an image that is done; one line, whatever a certificate or a registry
 * says.
 */
export function resultLine(result: VerifyResult): string {
  return shown(lineOf(result), 4000);
}

/** The predicate types of the attestations that verified, each once. */
export function attestedInWords({ attestations = [] }: VerifyResult): string {
  const good = attestations.filter(({ verified }) => verified);
  return listed([...new Set(good.flatMap(({ type }) => type ?? []))], 8);
}

/** False where only attestations count. */
export function hasGoodSignature({ signatures }: VerifyResult): boolean {
  return signatures.some(({ verified }) => verified);
}

function lineOf(result: VerifyResult): string {
  const { digest, verified, code, reason, sources = [] } = result;
  const places = listed(
    sources.map(({ file, line }) => `${file}:${line}`),
    5,
  );
  const about = [
    result.asked ? namesInWords(result.references, result.image) : nameInWords(result),
    ...(digest === undefined ? [] : [digest]),
    ...(places === '' ? [] : [`(${places})`]),
  ].join(' ');
  const good = goodSignature(result);
  if (!verified) return `✗ ${about}: ${code}: ${reason}`;
  if (good === undefined) return `✓ ${about}: let through without a signature: ${reason}`;
  const attested = attestedInWords(result);
  const also = attested === '' ? '' : `; attested: ${attested}`;
  const did = hasGoodSignature(result) ? 'signed' : 'attested';
  return `✓ ${about}: ${did} by ${signatureInWords(good)}${also}`;
}

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
