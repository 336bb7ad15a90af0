import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SavedPolicies } from '../../engine/save-policies.ts';
import type { SignReport } from '../../engine/sign.ts';
import type { SignResult } from '../../engine/sign-result.ts';
import { Failure } from '../../failure.ts';
import type { IdentityToken } from '../../sigstore/identity-token.ts';
import type { SignInputs } from '../inputs/sign.ts';
import { namesInWords } from '../report/image-words.ts';
import { listed } from '../report/list-words.ts';
import { appendSummary, signOutputs, writeOutputs } from '../report/outputs.ts';
import { pageSetting } from '../report/pages.ts';
import { failureSummary, signSummary } from '../report/sign-summary.ts';
import { signerInWords } from '../report/signer-words.ts';
import { describeToken, expectedIdentity } from '../report/token-words.ts';
import { signVerdict } from '../report/verdict-line.ts';
import type { Log } from './log.ts';
import type { Run } from './run.ts';

/** What the log says of who signs keyless. */
export function identityLines(token: IdentityToken, env: NodeJS.ProcessEnv, now: Date): string {
  const server = env.GITHUB_SERVER_URL;
  const signer = signerInWords({ identity: expectedIdentity(token.claims, server) });
  return [
    `\`key\` is empty, so this step signs keyless as ${signer}`,
    ...describeToken(token, server, now.getTime()).map((line) => `  ${line}`),
  ].join('\n');
}

/** The line of the log for an image that is done, with all its names. */
export function signedLine(result: SignResult): string {
  const { image, references, platform, digest, status, signatures, verified, error } = result;
  const name = platform === undefined ? namesInWords(references, image) : `  ${platform}`;
  const about = [name, ...(digest === undefined ? [] : [digest])].join(' ');
  if (status === 'failed') return `✗ ${about}: failed: ${error?.code}`;
  const formats = signatures.map(({ format }) => format).join(' and ');
  const index = signatures.find(({ tlogIndex }) => tlogIndex !== undefined)?.tlogIndex;
  const words = [
    `${status === 'signed' ? 'signed' : 'already signed'} (${formats})`,
    ...(index === undefined ? [] : [`log index ${index}`]),
    ...(verified === true ? ['read back and verified'] : []),
  ];
  return `${verified === false ? '✗' : '✓'} ${about}: ${words.join(', ')}`;
}

/** Verifiers that read bundles only find nothing there: whoever signs has to know. Told once. */
function tellRefusedBundles(results: readonly SignResult[], log: Log): void {
  const [first, ...more] = results.flatMap(({ withoutBundle }) => withoutBundle ?? []);
  if (first === undefined) return;
  const images = more.length === 0 ? '' : ` (so with ${more.length} more images)`;
  log.warning(
    `${first.message} Only the legacy signature (sha256-….sig) was written${images}. Verifiers that read bundles alone do not see it; \`format: legacy\` says that this is meant, and asks nothing of the registry that it does not do.`,
  );
}

/**
 * Writes outputs, summary and errors of a run that came as far as the images. @returns the exit
 * code
 */
export async function reportSigned(
  report: SignReport,
  inputs: SignInputs,
  { env, log, clock, started }: Run,
): Promise<number> {
  const { results, publicKey, tlog, privateSigstore } = report;
  tellRefusedBundles(results, log);
  const bundlePath = saveBundle(results[0]?.bundle, env, log);
  const policies = await policiesFor(report, env, log);
  const outcome = {
    results,
    readBack: inputs.verify,
    ...(bundlePath === undefined ? {} : { bundlePath }),
    ...(policies === undefined ? {} : { policiesPath: policies.folder }),
  };
  writeOutputs(signOutputs(outcome), log);
  const verdict = signVerdict(results, clock.now() - started);
  const images = results.map(({ image }) => image);
  const shown = {
    ...(await pageSetting(env, images)),
    ...(verdict === undefined ? {} : { verdict }),
    sameInputs: sameInputs(inputs),
    tlog,
    privateSigstore,
    readBack: inputs.verify,
    ...(publicKey === undefined ? {} : { publicKey }),
    plainHttp: () => inputs.registry.allowHttp,
    ...(policies === undefined ? {} : { policies: policies.files }),
  };
  appendSummary(signSummary(results, shown), log, env);
  if (verdict !== undefined) log.info(verdict);
  // Last: nothing that belongs before an error comes after it.
  tellErrors(results, log);
  return results.some(({ error }) => error !== undefined) || results.length === 0 ? 1 : 0;
}

/** Inputs that the gate has too, and needs as this step has them. */
function sameInputs({ recursive, registry }: SignInputs): Readonly<Record<string, string>> {
  return {
    ...(recursive ? { recursive: 'true' } : {}),
    ...(registry.allowHttp ? { 'allow-http-registry': 'true' } : {}),
    ...(registry.allowInsecure ? { 'allow-insecure-registry': 'true' } : {}),
  };
}

/** One error for each different thing that went wrong, with the images it happened to. */
function tellErrors(results: readonly SignResult[], log: Log): void {
  const failed = results.filter(({ error }) => error !== undefined);
  for (const [, same] of Map.groupBy(failed, ({ error }) => `${error?.code} ${error?.message}`)) {
    const failure = same[0]?.error?.failure;
    const names = same.map(({ references, image }) => references[0] ?? image);
    if (failure !== undefined) log.error(withWritten(failure, results), listed(names, 3));
  }
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

/**
 * Writes log, outputs and summary of a run that failed before any image was looked at. @returns the
 * exit code
 */
export function reportFailure(failure: Failure, { env, log }: Pick<Run, 'env' | 'log'>): number {
  writeOutputs(signOutputs({ results: [], readBack: true }), log);
  appendSummary(failureSummary(failure, { env }), log, env);
  log.error(failure);
  return 1;
}

/**
 * The folder of ready policies. That they cannot be written is no reason to fail a signature that
 * is there.
 */
async function policiesFor(
  report: SignReport,
  env: NodeJS.ProcessEnv,
  log: Log,
): Promise<SavedPolicies | undefined> {
  if (!env.RUNNER_TEMP || report.results.every(({ status }) => status === 'failed'))
    return undefined;
  try {
    const { savePolicies } = await import('../../engine/save-policies.ts');
    return await savePolicies(report, env.RUNNER_TEMP);
  } catch (error) {
    log.warning(
      `The policies could not be written: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

/**
 * The bundle of the first image, for steps that want the file. A disk that is full is no reason to
 * fail a signature that is there.
 */
function saveBundle(
  bundle: Buffer | undefined,
  env: NodeJS.ProcessEnv,
  log: Log,
): string | undefined {
  if (bundle === undefined || !env.RUNNER_TEMP) return undefined;
  const path = join(env.RUNNER_TEMP, `sign-image-${process.pid}.sigstore.json`);
  try {
    writeFileSync(path, bundle);
    return path;
  } catch (error) {
    log.warning(
      `The bundle could not be written to ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}
