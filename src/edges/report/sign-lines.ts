import type { Attested, SignResult } from '../../engine/sign-result.ts';
import { Failure } from '../../failure.ts';
import { formatRepository, parseReference } from '../../image/reference.ts';
import type { IdentityToken } from '../../sigstore/identity-token.ts';
import { shown } from '../../text/untrusted.ts';
import { count, listed, namesInWords } from './lists.ts';
import { signerInWords } from './signer-words.ts';
import { describeToken, expectedIdentity } from './token-words.ts';

/** What a log says of who signs keyless. @param server the GitHub server of the run */
export function identityLines(token: IdentityToken, server: string | undefined, now: Date): string {
  const signer = signerInWords({ identity: expectedIdentity(token.claims, server) });
  return [
    `\`key\` is empty, so this step signs keyless as ${signer}`,
    ...describeToken(token, server, now.getTime()).map((line) => `  ${line}`),
  ].join('\n');
}

/** The line of a log for an image that is done, with all its names. */
export function signedLine(result: SignResult): string {
  const { image, references, platform, digest, status, signatures, verified, error } = result;
  const name = platform === undefined ? namesInWords(references, image) : `  ${platform}`;
  const about = [name, ...(digest === undefined ? [] : [digest])].join(' ');
  if (status === 'failed') return `✗ ${about}: failed: ${error?.code}`;
  const formats = signatures.map(({ format }) => format).join(' and ');
  const index = signatures.find(({ tlogIndex }) => tlogIndex !== undefined)?.tlogIndex;
  const place = placeOf(result);
  const words = [
    `${statusInWords(result)} (${formats})${place === undefined ? '' : ` in ${place}`}`,
    ...(index === undefined ? [] : [`log index ${index}`]),
    ...(lacksLog(result)
      ? [isInNoLog(result) ? 'in no log, timestamp only' : 'in part in no log']
      : []),
    ...(verified === true ? ['read back and verified'] : []),
  ];
  return `${verified === false ? '✗' : '✓'} ${about}: ${words.join(', ')}`;
}

/** The repository where the signatures lie; undefined where that is the image's own. */
function placeOf({ image, signatures: [first] }: SignResult): string | undefined {
  if (first === undefined) return undefined;
  const place = formatRepository(parseReference(first.reference));
  return place === formatRepository(parseReference(image)) ? undefined : place;
}

/** "signed", "already attested". */
export function statusInWords({ status, attested }: SignResult): string {
  const done = attested === undefined ? 'signed' : 'attested';
  return status === 'signed' ? done : `already ${done}`;
}

/** What is attested, in one line. */
export function attestedLine({ predicateType, predicateDigest }: Attested): string {
  return `Attested ${shown(predicateType)}, predicate ${predicateDigest}`;
}

/**
 * Verifiers that read bundles only find nothing there: whoever signs has to know.
 * @returns undefined where every registry took its bundles
 */
export function refusedBundles(results: readonly SignResult[]): string | undefined {
  const [first, ...more] = results.flatMap(({ withoutBundle }) => withoutBundle ?? []);
  if (first === undefined) return undefined;
  const legacy = results.some(({ attested }) => attested !== undefined)
    ? 'attestation (sha256-….att)'
    : 'signature (sha256-….sig)';
  const images = more.length === 0 ? '' : ` (so with ${more.length} more images)`;
  return `${first.message} Only the legacy ${legacy} was written${images}. Verifiers that read bundles alone do not see it; \`format: legacy\` says that this is meant, and asks nothing of the registry that it does not do.`;
}

/** True where every log was down, and its timestamp alone proves when this was signed. */
export function lacksLog({ signatures }: Pick<SignResult, 'signatures'>): boolean {
  return signatures.some(({ withoutLog }) => withoutLog === true);
}

/** True where a verifier who asks for the log refuses this image. */
export function isInNoLog({ signatures }: Pick<SignResult, 'signatures'>): boolean {
  return signatures.length > 0 && signatures.every(({ withoutLog }) => withoutLog === true);
}

/**
 * What was signed while every log was down, and what verifiers make of it.
 * @param outage why no log took it in
 * @returns undefined where all is in a log, or was not to be in one
 */
export function timestampOnly(
  results: readonly SignResult[],
  outage: string | undefined,
): string | undefined {
  const all = results.flatMap(({ signatures }) => signatures);
  const without = all.filter(({ withoutLog }) => withoutLog === true);
  if (without.length === 0) return undefined;
  const thing = results.some(({ attested }) => attested !== undefined)
    ? 'attestation'
    : 'signature';
  const some = `${without.length} of ${count(all.length, thing)} ${without.length === 1 ? 'is' : 'are'}`;
  return [
    `${some} in no transparency log and ${without.length === 1 ? 'has' : 'have'} a timestamp only, as \`tlog-fallback: timestamp\` allows while every log is down.`,
    ...(outage === undefined ? [] : [outage]),
    'Verifiers that ask for the log refuse that: cosign accepts it with `--use-signed-timestamps --insecure-ignore-tlog=true`, the verify action with `tlog: ignore`, a cluster with a policy that does not look at the log.',
    'Run this step again when the log is back: it adds what is missing.',
  ].join(' ');
}

/** One error for each different thing that went wrong, with the images it happened to. */
export function signErrors(
  results: readonly SignResult[],
): readonly { readonly failure: Failure; readonly about: string }[] {
  const failed = results.filter(({ error }) => error !== undefined);
  const groups = Map.groupBy(failed, ({ error }) => `${error?.code} ${error?.message}`);
  return [...groups.values()].flatMap((same) => {
    const failure = same[0]?.error?.failure;
    const names = same.map(({ references, image }) => references[0] ?? image);
    return failure === undefined
      ? []
      : [{ failure: withWritten(failure, results), about: listed(names, 3) }];
  });
}

/** A failure that says, for who comes to repair, what is in the registry all the same. */
function withWritten(failure: Failure, results: readonly SignResult[]): Failure {
  const written = results.flatMap(({ signatures }) =>
    signatures.map(({ format, reference }) => `${format} ${reference}`),
  );
  const more = written.length > 5 ? ` and ${written.length - 5} more` : '';
  const sentence =
    written.length === 0
      ? 'Nothing was written to the registry.'
      : `Already in the registry: ${written.slice(0, 5).join(', ')}${more}.`;
  return new Failure(failure.code, `${failure.message} ${sentence}`, failure.fix, {
    cause: failure.cause,
  });
}
