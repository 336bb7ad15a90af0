import {
  type AttestationResult,
  goodSignature,
  isWhole,
  type NotJudged,
  type VerifyResult,
} from '../../engine/verify-result.ts';
import type { Verdict } from '../../signature/verdict.ts';
import { notJudgedEntries, placeEntry } from './not-judged.ts';

/** GitHub takes about 1 MB of outputs from a job. */
const mostResultBytes = 900_000;
const mostSignatures = 20;

/**
 * The outputs of sign-image/verify by name, every one of them. `verified` is `true` only when there
 * were images and every one verified with all that was looked at inside it; `images` names what a
 * later step may use, `failed` the rest, as it was asked for.
 */
export function verifyOutputs(
  results: readonly VerifyResult[],
  notJudged: readonly NotJudged[] = [],
  report = '',
): Readonly<Record<string, string>> {
  const asked = results.filter((result) => result.asked);
  const [first] = asked;
  const good = first && goodSignature(first);
  const whole = asked.filter((result) => isWhole(result, results));
  return {
    verified: String(asked.length > 0 && results.every(({ verified }) => verified)),
    image: first?.digest === undefined ? '' : first.image,
    digest: first?.digest ?? '',
    images: JSON.stringify(whole.map(({ image }) => image)),
    'tlog-index': good?.tlogIndex?.toString() ?? '',
    identity: good?.identity ?? '',
    issuer: good?.issuer ?? '',
    attestations: attestationsJson(whole),
    failed: JSON.stringify(
      asked
        .filter((result) => !whole.includes(result))
        .map(({ references, image }) => references[0] ?? image),
    ),
    report,
    results: resultsJson(results, notJudgedEntries(notJudged)),
  };
}

/**
 * Output `results`. Where thousands of signatures would not fit into an output, the
 * rejected ones are cut first, then all of them.
 */
function resultsJson(results: readonly VerifyResult[], notJudged: readonly object[]): string {
  const sizes: readonly ((verdicts: readonly Verdict[]) => readonly object[])[] = [
    (verdicts) => verdicts.map(signatureEntry),
    (verdicts) =>
      goodFirst(verdicts).slice(0, mostSignatures).map(signatureEntry).map(withoutAnnotations),
    (verdicts) => goodFirst(verdicts).slice(0, 1).map(signatureEntry).map(withoutAnnotations),
    () => [],
  ];
  const most = [Number.POSITIVE_INFINITY, mostSignatures, mostSignatures, 0];
  for (const [index, size] of sizes.entries()) {
    const json = JSON.stringify([
      ...results.flatMap((result) =>
        resultEntries(result, {
          signatures: size(result.signatures),
          ...(result.attestations === undefined
            ? {}
            : {
                attestations: goodFirst(result.attestations)
                  .slice(0, most[index])
                  .map(attestationEntry),
              }),
        }),
      ),
      ...notJudged,
    ]);
    if (Buffer.byteLength(json) <= mostResultBytes) return json;
  }
  return '';
}

/**
 * Output `attestations`: what later steps may use, so only what belongs to images that verified with
 * all that was looked at inside them.
 */
function attestationsJson(results: readonly VerifyResult[]): string {
  const json = JSON.stringify(
    results.flatMap(({ image, attestations = [] }) =>
      attestations
        .filter(({ path }) => path !== undefined)
        .map(({ type, path, identity = null, issuer = null, tlogIndex = null }) => ({
          ...{ image, type, path, identity, issuer, tlogIndex },
        })),
    ),
  );
  return Buffer.byteLength(json) <= mostResultBytes ? json : '';
}

function goodFirst<T extends { readonly verified: boolean }>(verdicts: readonly T[]): readonly T[] {
  return verdicts.toSorted((one, other) => Number(other.verified) - Number(one.verified));
}

/**
 * One entry for each place in a file that names the image, and one for the names it was given
 * otherwise.
 */
function resultEntries(result: VerifyResult, lists: Lists): readonly object[] {
  const { image, references, sources = [] } = result;
  const inFiles = new Set(sources.map(({ reference }) => reference));
  const named = references.find((reference) => !inFiles.has(reference));
  const rest = resultEntry(result, named ?? references[0] ?? image, lists);
  const entries = sources.map((source) => ({
    ...resultEntry(result, source.reference, lists),
    ...placeEntry(source),
  }));
  return named !== undefined || entries.length === 0 ? [rest, ...entries] : entries;
}

function resultEntry(
  { image, digest, platform, verified, code, reason }: VerifyResult,
  reference: string,
  lists: Lists,
) {
  return {
    image,
    reference,
    digest: digest ?? null,
    ...(platform === undefined ? {} : { platform }),
    verified,
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    ...lists,
  };
}

interface Lists {
  readonly signatures: readonly object[];
  readonly attestations?: readonly object[];
}

function attestationEntry({
  certificate: _,
  expected: __,
  unfit: ___,
  ...result
}: AttestationResult): object {
  return result;
}

/**
 * The certificate is left out: it is in the registry, and what it says stands here. What was
 * expected stands in the workflow.
 */
function signatureEntry({ certificate: _, expected: __, ...verdict }: Verdict): object {
  return verdict;
}

function withoutAnnotations(entry: object): object {
  return { ...entry, annotations: {} };
}
