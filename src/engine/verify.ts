import type { JudgedBy } from '../edges/action/base.ts';
import type { Findings } from '../edges/action/report-findings.ts';
import {
  reportNothing,
  reportVerified,
  reportVerifyFailure,
  tellFindings,
  tellVerified,
} from '../edges/action/report-verify.ts';
import type { Machine } from '../edges/action/sign.ts';
import type { VerifyInputs } from '../edges/inputs/verify.ts';
import { type TagOnly, tagNotice } from '../edges/report/image-words.ts';
import { notJudgedLines } from '../edges/report/not-judged.ts';
import { asFailure, Failure } from '../failure.ts';
import { mergeTargets, readTargets } from '../image/targets.ts';
import type { FileFindings } from './files.ts';
import { openJudge } from './judging.ts';
import type { Network } from './network.ts';
import { openPolicy } from './policy.ts';
import { openReading, type Reading } from './prepare.ts';
import { policiesOf } from './requirement.ts';
import { verifyImages } from './verify-images.ts';
import type { VerifyResult } from './verify-result.ts';

/**
 * Verifies the images of the inputs and reports.
 * @param reading of the images by name, begun already; undefined where files of the workspace name
 * images too
 * @returns the exit code
 * @throws {Failure} what ends the run before any image is judged
 */
export async function verifyWhatIsNamed(
  inputs: VerifyInputs,
  reading: Reading | undefined,
  network: Network,
  machine: Machine,
): Promise<number> {
  if (reading !== undefined) return verifyTargets(reading, undefined, { inputs }, network, machine);
  const named =
    inputs.images.length > 0 || inputs.metadata !== undefined || inputs.digest !== undefined
      ? readTargets(inputs)
      : [];
  const { found, judgedBy } = await readPullRequest(inputs, network, machine);
  const targets = mergeTargets([...named, ...found.targets]);
  if (targets.length + found.unresolved.length === 0) {
    const { notJudged } = found;
    const nothing = nothingFound(found);
    await writeFindings({ nothing }, inputs, machine);
    await tellPullRequest({ nothing, notJudged }, inputs, machine);
    return reportNothing(nothing, notJudged, machine);
  }
  return verifyTargets(
    openReading(targets, inputs, machine, network, false),
    found,
    judgedBy,
    network,
    machine,
  );
}

/** What the files name; and the inputs, of which paths are read from the base with `changed-only`. */
async function readPullRequest(
  inputs: VerifyInputs,
  network: Network,
  machine: Machine,
): Promise<{ found: FileFindings; judgedBy: JudgedBy }> {
  const { findReferences } = await import('./files.ts');
  if (!inputs.changedOnly) {
    const found = await findReferences(inputs, undefined, network, machine);
    return { found, judgedBy: { inputs } };
  }
  const [{ openPullRequest }, { inputsOfBase }] = await Promise.all([
    import('../edges/action/changed.ts'),
    import('../edges/action/base.ts'),
  ]);
  const opened = await openPullRequest(inputs, network, machine);
  const [found, judgedBy] = await Promise.all([
    findReferences(inputs, opened, network, machine),
    opened === undefined ? { inputs } : inputsOfBase(inputs, opened, machine),
  ]);
  return { found, judgedBy };
}

/** Tells what ended a run before its end. @returns the exit code */
export async function reportStopped(
  caught: unknown,
  inputs: VerifyInputs | undefined,
  machine: Machine,
): Promise<number> {
  const failure = asFailure(caught);
  if (inputs !== undefined) await tellPullRequest({ failure }, inputs, machine);
  return reportVerifyFailure(failure, machine);
}

/** @throws {Failure} `nothing-to-verify`, unless it is right that there is nothing */
function nothingFound({ changedOnly, files, notJudged }: FileFindings): string {
  const left = `${notJudged.length === 1 ? 'one image, and' : `${notJudged.length} images, and`} \`only-images\` and \`skip-images\` leave ${notJudged.length === 1 ? 'it' : 'all of them'} out`;
  if (changedOnly && notJudged.length > 0) return `The changed files of this step name ${left}.`;
  if (changedOnly) return 'The pull request changes no image reference in the files of this step.';
  const fix =
    'Check the globs of `files`, and that actions/checkout runs before this step:\n```yaml\nwith:\n  files: |\n    **/Dockerfile\n    deploy/**/*.yaml\n```';
  const message =
    files === 0
      ? 'No file of the workspace fits input files.'
      : `The ${files} files that fit input files name no image.`;
  if (notJudged.length > 0)
    throw new Failure(
      'nothing-to-verify',
      `The files name ${left}: nothing is judged.`,
      'Check the globs of `only-images` and `skip-images`: they fit the whole name of an image without its tag, such as `ghcr.io/acme/**`.',
    );
  throw new Failure('nothing-to-verify', message, fix);
}

async function writeFindings(
  findings: Findings,
  inputs: VerifyInputs,
  machine: Machine,
): Promise<void> {
  if (inputs.sarif !== undefined)
    await (await import('../edges/action/report-findings.ts')).reportSarif(
      findings,
      inputs,
      machine,
    );
}

async function tellPullRequest(
  findings: Findings,
  inputs: VerifyInputs,
  machine: Machine,
): Promise<void> {
  if (inputs.comment)
    await (await import('../edges/action/report-findings.ts')).reportComment(
      findings,
      inputs,
      machine,
    );
}

async function verifyTargets(
  { targets, open, found, signed }: Reading,
  findings: FileFindings | undefined,
  { inputs, policyFiles }: JudgedBy,
  network: Network,
  machine: Machine,
): Promise<number> {
  const { log } = machine;
  const opened = await openPolicy(inputs, machine, network, policyFiles);
  const required = targets.flatMap(({ reference, references, digest }) =>
    policiesOf(
      opened.requirementFor({
        name: reference,
        references,
        ...(digest === undefined ? {} : { digest }),
      }),
    ),
  );
  const tags: TagOnly[] = [];
  const tools = {
    open,
    sleep: network.deadline.sleep,
    recursive: inputs.recursive,
    describedBy: 'headers' as const,
    found,
    judge: openJudge(required, signed, inputs, network, machine),
    onTagOnly: (reference: string, digest: string) => void tags.push({ reference, digest }),
  };
  // All tags are resolved before the first image is done. Files may name hundreds, and their
  // result lines say what each was.
  const notice = () => {
    if (tags.length > 0 && findings === undefined) log.notice(tagNotice(tags.splice(0)));
  };
  const judged = await verifyImages(targets, opened.requirementFor, tools, (result) => {
    notice();
    tellVerified(withPlaces(result, findings), log);
  }).finally(notice);
  const unresolved = findings?.unresolved ?? [];
  for (const result of unresolved) tellVerified(result, log);
  const notJudged = findings?.notJudged ?? [];
  for (const line of notJudgedLines(notJudged)) log.info(line);
  const results = [...judged.map((result) => withPlaces(result, findings)), ...unresolved];
  await writeFindings({ results }, inputs, machine);
  const code = await reportVerified(results, notJudged, inputs, opened, machine);
  await tellPullRequest({ results, notJudged }, inputs, machine);
  tellFindings(results, inputs, log);
  return code;
}

/** With the places of the files that name the image. */
function withPlaces(result: VerifyResult, findings: FileFindings | undefined): VerifyResult {
  if (findings === undefined || !result.asked) return result;
  const sources = result.references.flatMap((reference) => findings.places.get(reference) ?? []);
  return sources.length === 0 ? result : { ...result, sources };
}
