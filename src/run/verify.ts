import { setTimeout as afterwards } from 'node:timers/promises';
import { checkOneRegistry } from '../action/input-rules.ts';
import { createLog, type Log } from '../action/log.ts';
import { createMasker } from '../action/secrets.ts';
import { readVerifyInputs, type VerifyInputs } from '../action/verify-inputs.ts';
import { asFailure, Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { Image } from '../image/resolve.ts';
import { mergeTargets, readTargets, type Target } from '../image/targets.ts';
import { secretForms } from '../keys/mask.ts';
import type { FoundSignature } from '../signature/found.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import type { Trust } from '../signature/trust.ts';
import { policiesOf } from '../verifying/requirement.ts';
import { verifyImages } from '../verifying/verify-images.ts';
import type { FileFindings } from './files.ts';
import { type Network, openNetwork, openRegistries } from './network.ts';
import { needsTrust, openPolicy } from './policy.ts';
import type { Findings } from './report-findings.ts';
import { reportNothing, reportVerified, reportVerifyFailure, tellVerified } from './report-verify.ts';
import type { Machine } from './sign.ts';

/** A gate only reads, and waits more than it works: more connections than a signer's 16, which writes. */
const connectionsPerHost = 48;

/**
 * The action sign-image/verify, from inputs to outputs. Never throws.
 * @returns the exit code: 0 when every image verified (with `fail: false` also when not), else 1; of a cancelled job 128 and the signal's number
 */
export async function runVerify(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const machine = { env, log: createLog(), masker: createMasker(secretForms) };
  let inputs: VerifyInputs | undefined;
  try {
    inputs = readVerifyInputs(machine.masker);
    for (const warning of inputs.warnings) machine.log.warning(warning);
    if (inputs.sarif !== undefined) (await import('../action/sarif.ts')).sarifPath(inputs.sarif, env);
    const network = openNetwork(inputs.timeout, env, machine.log, connectionsPerHost);
    try {
      return network.exitCode(await verifyWhatIsNamed(inputs, network, machine));
    } catch (caught) {
      return network.exitCode(await reportStopped(caught, inputs, machine));
    } finally {
      network.http.close();
    }
  } catch (caught) {
    return reportStopped(caught, inputs, machine);
  }
}

async function reportStopped(caught: unknown, inputs: VerifyInputs | undefined, machine: Machine): Promise<number> {
  const failure = asFailure(caught);
  if (inputs !== undefined) await tellPullRequest({ failure }, inputs, machine);
  return reportVerifyFailure(failure, machine);
}

/** Images by name, and those that files name, each once. */
async function verifyWhatIsNamed(inputs: VerifyInputs, network: Network, machine: Machine): Promise<number> {
  const named = inputs.images.length > 0 || inputs.metadata !== undefined || inputs.digest !== undefined ? readTargets(inputs) : [];
  const found = inputs.files.length === 0 ? undefined : await (await import('./files.ts')).findReferences(inputs, network, machine);
  const targets = mergeTargets([...named, ...(found?.targets ?? [])]);
  if (found !== undefined && targets.length + found.unresolved.length === 0) {
    const nothing = nothingFound(found);
    await writeFindings({ nothing }, inputs, machine);
    await tellPullRequest({ nothing }, inputs, machine);
    return reportNothing(nothing, machine);
  }
  if (targets.length > mostImages) {
    throw new Failure(
      'too-large',
      `There are ${targets.length} images to verify; one step takes ${mostImages}.`,
      'Split them over several steps.',
    );
  }
  checkOneRegistry(
    targets.map(({ reference }) => reference.registry),
    inputs.registry.username,
  );
  return verifyTargets(targets, found, inputs, network, machine);
}

const mostImages = 2000;

/** @throws {Failure} `nothing-to-verify`, unless it is right that there is nothing */
function nothingFound({ changedOnly, files }: FileFindings): string {
  if (changedOnly) return 'The pull request changes no image reference in the files of this step.';
  const fix =
    'Check the globs of `files`, and that actions/checkout runs before this step:\n```yaml\nwith:\n  files: |\n    **/Dockerfile\n    deploy/**/*.yaml\n```';
  const message = files === 0 ? 'No file of the workspace fits input files.' : `The ${files} files that fit input files name no image.`;
  throw new Failure('nothing-to-verify', message, fix);
}

async function writeFindings(findings: Findings, inputs: VerifyInputs, machine: Machine): Promise<void> {
  if (inputs.sarif !== undefined) await (await import('./report-findings.ts')).reportSarif(findings, inputs, machine);
}

async function tellPullRequest(findings: Findings, inputs: VerifyInputs, machine: Machine): Promise<void> {
  if (inputs.comment) await (await import('./report-findings.ts')).reportComment(findings, inputs, machine);
}

async function verifyTargets(
  targets: readonly Target[],
  found: FileFindings | undefined,
  inputs: VerifyInputs,
  network: Network,
  machine: Machine,
): Promise<number> {
  const { env, log, masker } = machine;
  const opened = await openPolicy(inputs, machine, network);
  const required = targets.flatMap(({ reference, references, digest }) =>
    policiesOf(opened.requirementFor({ name: reference, references, ...(digest === undefined ? {} : { digest }) })),
  );
  const trust = trustOf(inputs, network, machine);
  if (required.some(needsTrust)) trust();
  const [registry] = targets.map(({ reference }) => reference.registry);
  const registries = openRegistries({ inputs: inputs.registry, registry, access: 'pull', env, masker, timeout: inputs.timeout }, network);
  const judging = afterSending(() => import('../signature/judge.ts'));
  judging.catch(() => {}); // awaited when there is something to judge
  const tools = {
    open: registries.open,
    sleep: network.deadline.sleep,
    recursive: inputs.recursive,
    found: (image: Image) => registries.store(image).found(['bundle', 'legacy'], 'all'),
    judge: async (signature: FoundSignature, digest: Digest, policy: SignaturePolicy) =>
      (await judging).judge(signature, digest, policy, needsTrust(policy) ? await trust() : { material: undefined }),
    onTagOnly: tagNotice(found === undefined, log),
  };
  const title = `Verifying ${targets.length === 1 ? targets[0]?.references[0] : `${targets.length} images`}`;
  const judged = await log.group(title, () => verifyImages(targets, opened.requirementFor, tools, (result) => tellVerified(result, log)));
  const results = found === undefined ? judged : (await import('./files.ts')).withPlaces(judged, found);
  await writeFindings({ results }, inputs, machine);
  const code = reportVerified(results, inputs, opened, machine);
  await tellPullRequest({ results }, inputs, machine);
  return code;
}

/** Files may name hundreds of tags; an annotation for each would bury what does not verify. */
function tagNotice(each: boolean, log: Log): (reference: string, digest: string) => void {
  return (reference, digest) => {
    const text = `${reference} is a tag, and a tag can move; it was ${digest} just now.`;
    if (each) log.notice(`${text} What later steps use should be output images.`);
    else log.info(text);
  };
}

/** The trusted root, loaded at the first call; code and network for it only where something is judged by it. */
function trustOf(inputs: VerifyInputs, network: Network, machine: Machine): () => Promise<Trust> {
  let trust: Promise<Trust> | undefined;
  return () => {
    trust ??= afterSending(() => import('./trust.ts')).then(({ openTrust }) => openTrust(inputs, network, machine));
    trust.catch(() => {}); // started beside the first requests and awaited when a signature is judged; until then it must not end the process
    return trust;
  };
}

/**
 * Loads code a moment later, when the first requests have left: what judges is large, and is loaded while the answers are on their way.
 * Loading stops everything else, so doing it at once would keep the requests waiting.
 */
async function afterSending<T>(load: () => Promise<T>): Promise<T> {
  await afterwards(10);
  return load();
}
