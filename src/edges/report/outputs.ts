import { appendFileSync, existsSync } from 'node:fs';
import { setOutput } from '@actions/core';
import type { SignatureResult, SignResult } from '../../engine/sign-result.ts';
import type { Log } from '../action/log.ts';

/**
 * What a step of sign-image has to tell the steps after it; what is not known (yet, or ever) is
 * absent.
 */
export interface SignOutcome {
  /** in the order asked for, the manifests of an index after it */
  readonly results: readonly SignResult[];
  /** input `verify` */
  readonly readBack: boolean;
  /** files under RUNNER_TEMP */
  readonly bundlePath?: string;
  readonly policiesPath?: string;
}

/** GitHub takes about 1 MB of outputs from a job. */
const mostResultBytes = 900_000;

/**
 * The outputs of sign-image and of sign-image/attest by name, every one of them, empty where there is nothing to say. Also
 * right for a step that fails: `verified` is `true` only when there were images and every one was
 * read back, and `images` names only those that did not fail.
 */
export function signOutputs({
  results,
  readBack,
  bundlePath,
  policiesPath,
}: SignOutcome): Readonly<Record<string, string>> {
  const asked = results.filter(({ partOf }) => partOf === undefined);
  const first = asked[0];
  const logged = first?.signatures.find(({ tlogIndex }) => tlogIndex !== undefined);
  const allVerified =
    results.length > 0 &&
    results.every(({ status, verified }) => status !== 'failed' && verified === true);
  return {
    verified: readBack ? String(allVerified) : '',
    'tlog-index': logged?.tlogIndex?.toString() ?? '',
    'tlog-url': logPage(logged) ?? '',
    image: first?.digest === undefined ? '' : first.image,
    digest: first?.digest ?? '',
    images: JSON.stringify(asked.filter(isGood).map(({ image }) => image)),
    'signature-digest': first?.signatures[0]?.digest ?? '',
    bundle: bundlePath ?? '',
    certificate:
      first?.signatures.find(({ certificate }) => certificate !== undefined)?.certificate ?? '',
    identity: first?.signer.identity ?? '',
    issuer: first?.signer.issuer ?? '',
    'github-repository-id': first?.signer.github?.repositoryId ?? '',
    'github-repository-owner-id': first?.signer.github?.repositoryOwnerId ?? '',
    policies: policiesPath ?? '',
    results: resultsJson(results),
  };
}

/**
 * Hands the outputs to the runner. A run without GITHUB_OUTPUT (a test, a shell) gets none:
 * @actions/core would print them instead, and a later line of an output could be read as a workflow
 * command. Outputs never end the step.
 */
export function writeOutputs(outputs: Readonly<Record<string, string>>, log: Log): void {
  const file = process.env.GITHUB_OUTPUT;
  if (!file || !existsSync(file)) {
    log.debug(
      file
        ? `GITHUB_OUTPUT names no file: ${file}`
        : 'GITHUB_OUTPUT is not set: the outputs are not written.',
    );
    return;
  }
  for (const [name, value] of Object.entries(outputs)) {
    try {
      setOutput(name, value);
    } catch (error) {
      log.warning(
        `Output ${name} could not be written: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** Appends Markdown to the job summary, where there is one. Never ends the step. */
export function appendSummary(
  markdown: string,
  log: Log,
  env: NodeJS.ProcessEnv = process.env,
): void {
  const file = env.GITHUB_STEP_SUMMARY;
  if (!file) {
    log.debug('GITHUB_STEP_SUMMARY is not set: the summary is not written.');
    return;
  }
  try {
    appendFileSync(file, `${markdown}\n`);
  } catch (error) {
    log.debug(
      `The summary could not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function isGood({ status, verified }: SignResult): boolean {
  return status !== 'failed' && verified !== false;
}

/**
 * Output `results`. Certificates are left out, then all signatures, when hundreds of
 * images would not fit into an output.
 */
function resultsJson(results: readonly SignResult[]): string {
  const full = JSON.stringify(results.map((result) => resultEntry(result, signatureEntry)));
  if (Buffer.byteLength(full) <= mostResultBytes) return full;
  const lean = JSON.stringify(results.map((result) => resultEntry(result, withoutCertificate)));
  if (Buffer.byteLength(lean) <= mostResultBytes) return lean;
  const bare = JSON.stringify(
    results.map((result) => ({
      ...resultEntry(result, signatureEntry),
      signatures: [],
      annotations: {},
    })),
  );
  return Buffer.byteLength(bare) <= mostResultBytes ? bare : '';
}

function resultEntry(result: SignResult, entry: (signature: SignatureResult) => object): object {
  const { image, digest, platform, status, signatures, signer, annotations } = result;
  const { attested = {}, verified, error } = result;
  return {
    image,
    digest: digest ?? null,
    ...(platform === undefined ? {} : { platform }),
    status,
    signatures: signatures.map(entry),
    signer,
    annotations,
    ...attested,
    verified: verified ?? null,
    ...(error === undefined
      ? {}
      : { error: { code: error.code, message: error.message, fix: error.fix } }),
  };
}

function signatureEntry(signature: SignatureResult): object {
  const {
    format,
    digest,
    reference,
    tlogIndex = null,
    logId = null,
    integratedTime = null,
    timestamp = null,
  } = signature;
  const { withoutLog, certificate, keyId } = signature;
  return {
    ...{ format, digest, reference, tlogIndex, logId, integratedTime, timestamp },
    ...(withoutLog === undefined ? {} : { withoutLog }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(keyId === undefined ? {} : { keyId }),
  };
}

function withoutCertificate({ certificate: _, ...signature }: SignatureResult): object {
  return signatureEntry(signature);
}

/**
 * The log of the public-good instance that search.sigstore.dev shows (Rekor v1,
 * `rekor.sigstore.dev`), as hex of its key's sha256.
 */
const publicGoodLog = 'c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d';

/**
 * Where a person can look at a log entry. The checked log id decides, not an address: other logs
 * have no such page.
 */
export function logPage(
  entry: { readonly tlogIndex?: number; readonly logId?: string } | undefined,
): string | undefined {
  if (entry?.tlogIndex === undefined || entry.logId !== publicGoodLog) return undefined;
  return `https://search.sigstore.dev/?logIndex=${entry.tlogIndex}`;
}
