import type { Verdict } from '../signature/verdict.ts';
import { goodSignature, isWhole, type VerifyResult } from '../verifying/result.ts';

/** GitHub takes about 1 MB of outputs from a job. */
const mostResultBytes = 900_000;
const mostSignatures = 20;

/**
 * The outputs of sign-image/verify by name, every one of them. `verified` is `true` only when there were images and every one verified with all
 * that was looked at inside it; `images` names what a later step may use, `failed` the rest, as it was asked for.
 */
export function verifyOutputs(results: readonly VerifyResult[]): Readonly<Record<string, string>> {
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
    failed: JSON.stringify(asked.filter((result) => !whole.includes(result)).map(({ references, image }) => references[0] ?? image)),
    results: resultsJson(results),
  };
}

/** `results` of the contract. Where thousands of signatures would not fit into an output, the rejected ones are cut first, then all of them. */
function resultsJson(results: readonly VerifyResult[]): string {
  const sizes: readonly ((verdicts: readonly Verdict[]) => readonly object[])[] = [
    (verdicts) => verdicts.map(signatureEntry),
    (verdicts) => goodFirst(verdicts).slice(0, mostSignatures).map(signatureEntry).map(withoutAnnotations),
    (verdicts) => goodFirst(verdicts).slice(0, 1).map(signatureEntry).map(withoutAnnotations),
    () => [],
  ];
  for (const size of sizes) {
    const json = JSON.stringify(results.map((result) => resultEntry(result, size(result.signatures))));
    if (Buffer.byteLength(json) <= mostResultBytes) return json;
  }
  return '';
}

function goodFirst(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.toSorted((one, other) => Number(other.verified) - Number(one.verified));
}

function resultEntry(result: VerifyResult, signatures: readonly object[]): object {
  const { image, references, digest, platform, verified, code, reason, source } = result;
  return {
    image,
    reference: references[0] ?? image,
    digest: digest ?? null,
    ...(platform === undefined ? {} : { platform }),
    verified,
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    signatures,
    ...(source === undefined ? {} : { source }),
  };
}

/** The certificate is left out: it is in the registry, and what it says stands here. */
function signatureEntry({ certificate: _, ...verdict }: Verdict): object {
  return verdict;
}

function withoutAnnotations(entry: object): object {
  return { ...entry, annotations: {} };
}
