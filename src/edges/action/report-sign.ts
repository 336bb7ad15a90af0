import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Thing } from '../../engine/formats.ts';
import { type SavedPolicies, savePolicies } from '../../engine/save-policies.ts';
import type { SignReport } from '../../engine/sign.ts';
import type { Failure } from '../../failure.ts';
import { formatRepository } from '../../image/reference.ts';
import type { WriteInputs } from '../inputs/sign.ts';
import { appendSummary, signOutputs, writeOutputs } from '../report/outputs.ts';
import { pageSetting } from '../report/pages.ts';
import { attestedLine, refusedBundles, signErrors, timestampOnly } from '../report/sign-lines.ts';
import { failureSummary, signSummary } from '../report/sign-summary.ts';
import { signVerdict } from '../report/verdict-line.ts';
import type { Log } from './log.ts';
import type { Run } from './run.ts';

/**
 * Writes outputs, summary and errors of a run that came as far as the images. @returns the exit
 * code
 */
export async function reportSigned(
  report: SignReport,
  thing: Thing,
  inputs: WriteInputs,
  { env, log, clock, started }: Run,
): Promise<number> {
  const { results, publicKey, authorities, tlog, privateSigstore, standIns = [] } = report;
  const { signatureRepository } = report;
  const refused = refusedBundles(results);
  if (refused !== undefined) log.warning(refused);
  const unlogged = timestampOnly(results, report.logOutage);
  if (unlogged !== undefined) log.warning(unlogged);
  const bundlePath = saveBundle(results[0]?.bundle, env, log);
  const policies = policiesFor(report, env, log);
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
    thing,
    ...(await pageSetting(env, images)),
    ...(verdict === undefined ? {} : { verdict }),
    sameInputs: sameInputs(inputs),
    tlog,
    privateSigstore,
    standIns,
    logOutage: report.logOutage,
    readBack: inputs.verify,
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(authorities === undefined ? {} : { authorities }),
    plainHttp: () => inputs.registry.allowHttp,
    ...(signatureRepository === undefined ? {} : { signatureRepository }),
    ...(policies === undefined ? {} : { policies: policies.files }),
  };
  appendSummary(signSummary(results, shown), log, env);
  const attested = results.find((result) => result.attested !== undefined)?.attested;
  if (attested !== undefined) log.info(attestedLine(attested));
  if (verdict !== undefined) log.info(verdict);
  // Last: nothing that belongs before an error comes after it.
  for (const { failure, about } of signErrors(results)) log.error(failure, about);
  return results.some(({ error }) => error !== undefined) || results.length === 0 ? 1 : 0;
}

/** Inputs that the gate has too, and needs as this step has them. */
function sameInputs({
  recursive,
  registry,
  signatureRepository,
}: WriteInputs): Readonly<Record<string, string>> {
  return {
    ...(signatureRepository === undefined
      ? {}
      : { 'signature-repository': formatRepository(signatureRepository) }),
    ...(recursive ? { recursive: 'true' } : {}),
    ...(registry.allowHttp ? { 'allow-http-registry': 'true' } : {}),
    ...(registry.allowInsecure ? { 'allow-insecure-registry': 'true' } : {}),
  };
}

/**
 * Writes log, outputs and summary of a run that failed before any image was looked at. @returns the
 * exit code
 */
export function reportFailure(
  failure: Failure,
  thing: Thing,
  { env, log }: Pick<Run, 'env' | 'log'>,
): number {
  writeOutputs(signOutputs({ results: [], readBack: true }), log);
  appendSummary(failureSummary(failure, { thing, env }), log, env);
  log.error(failure);
  return 1;
}

/**
 * The folder of ready policies. That they cannot be written is no reason to fail a signature that
 * is there.
 */
function policiesFor(
  report: SignReport,
  env: NodeJS.ProcessEnv,
  log: Log,
): SavedPolicies | undefined {
  if (!env.RUNNER_TEMP || report.results.every(({ status }) => status === 'failed'))
    return undefined;
  try {
    return savePolicies(report, env.RUNNER_TEMP);
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
