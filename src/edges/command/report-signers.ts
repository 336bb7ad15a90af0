// The rest of `sign-image signers`: loaded apart, so that other commands do not share it.
import { prepare, readingLimits } from '../../engine/prepare.ts';
import { verify } from '../../engine/verify.ts';
import type { VerifyResult } from '../../engine/verify-result.ts';
import { Failure } from '../../failure.ts';
import { formatReference, parseReference } from '../../image/reference.ts';
import { publishedEntries } from '../../signers/gate.ts';
import type { KnownImages, KnownSigner } from '../../signers/list.ts';
import { shown } from '../../text/untrusted.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import { openWorld } from '../world.ts';
import { exitCodes, type Run, tellText } from './run.ts';

/** What `sign-image signers` is asked for. */
export interface SignersRequest {
  readonly inputs: VerifyInputs;
  readonly check: boolean;
}

/** Prints the list, or checks it. @returns the exit code */
export async function reportSigners({ inputs, check }: SignersRequest, run: Run): Promise<number> {
  const { terminal } = run;
  const world = openWorld(
    inputs.timeout,
    { ...run, tell: (told) => tellText(told, terminal) },
    readingLimits(inputs.timeout).network,
  );
  try {
    const entries =
      inputs.policy.length === 0
        ? await publishedEntries()
        : (await import('../../signers/own-lists.ts')).openOwnLists(
            await world.files.policies(inputs.policy),
          ).entries;
    if (!check) return print(entries, run);
    const checked = await checkEntries(entries, inputs, world);
    return world.exitCode(reportChecks(checked, run));
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}

function print(entries: readonly KnownImages[], { terminal, json }: Run): number {
  if (json) terminal.json({ outputs: {}, results: entries });
  else
    for (const [publisher, these] of Map.groupBy(entries, (entry) => entry.publisher))
      terminal.print([shown(publisher), ...these.flatMap(entryLines), ''].join('\n'));
  return exitCodes.done;
}

function entryLines(entry: KnownImages): readonly string[] {
  const { images, tags, since, signers = [], reason, repository, evidence, sources } = entry;
  const [what = { what: '' }] = sources;
  const read = [what.what, what.commit, what.date].filter((part) => part !== undefined);
  const lines = [
    `  ${images.join(', ')}`,
    ...(tags === undefined ? [] : [`    tags ${tags.join(', ')}`]),
    ...(since === undefined ? [] : [`    since ${since}`]),
    ...signers.map((signer) => `    ${signerText(signer)}`),
    ...(entry.attestationTypes ?? []).map((type) => `    by attestation ${type}`),
    ...(entry.onAttestationManifest === true ? ['    by provenance in the index'] : []),
    ...(repository === undefined ? [] : [`    signatures in ${repository}`]),
    ...(reason === undefined ? [] : [`    not judged: ${reason}`]),
    `    ${evidence ?? 'read'}: ${read.join(', ')}`,
  ];
  return lines.map((line) => shown(line, 500));
}

function signerText(signer: KnownSigner): string {
  if ('key' in signer) return `key ${signer.key.replace(/-----[^-]+-----|\s/g, '').slice(0, 44)}…`;
  const repository = signer.github?.repository ?? signer.source?.repository;
  return `${signer.identity}, ${signer.issuer}${repository === undefined ? '' : `, of ${repository}`}`;
}

/** What became of the image of an entry. */
interface Checked {
  readonly publisher: string;
  readonly image: string;
  readonly state: 'verified' | 'changed' | 'no-answer';
  readonly code?: string;
  readonly reason?: string;
}

/** Codes that say nothing of how a publisher signs. */
const unanswered: readonly (string | undefined)[] = ['registry-error', 'unresolved'];

async function checkEntries(
  entries: readonly KnownImages[],
  inputs: VerifyInputs,
  world: Parameters<typeof verify>[1],
): Promise<readonly Checked[]> {
  const checks = entries.flatMap(({ publisher, check }) =>
    check === undefined ? [] : [{ publisher, image: formatReference(parseReference(check)) }],
  );
  if (checks.length === 0)
    throw new Failure(
      'nothing-to-verify',
      'No entry of the list names an image to check.',
      'Add `check:` with an image to an entry.',
    );
  const request = {
    ...inputs,
    images: checks.map(({ image }) => image),
    knownSigners: inputs.policy.length === 0,
  };
  const { results } = await verify(request, world, prepare(request, world));
  return checks.map((check) => {
    const result = results.find(({ references }) => references.includes(check.image));
    return { ...check, ...stateOf(result) };
  });
}

function stateOf(result: VerifyResult | undefined): Omit<Checked, 'publisher' | 'image'> {
  if (result?.verified === true) return { state: 'verified' };
  const { code, reason } = result ?? { code: 'not-judged', reason: 'Nothing is asked of it.' };
  return {
    state: unanswered.includes(code) ? 'no-answer' : 'changed',
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function reportChecks(checked: readonly Checked[], { terminal, json }: Run): number {
  const words = { verified: '✓', changed: '✗', 'no-answer': '?' };
  for (const { publisher, image, state, code, reason } of checked)
    terminal.info(
      shown(
        `${words[state]} ${publisher}: ${image}${code === undefined ? '' : ` ${code}: ${reason ?? ''}`}`,
        600,
      ),
    );
  if (json) terminal.json({ outputs: {}, results: checked });
  const changed = checked.filter(({ state }) => state === 'changed').length;
  const silent = checked.filter(({ state }) => state === 'no-answer').length;
  terminal.info(
    `${checked.length - changed - silent} of ${checked.length} verified, ${changed} changed, ${silent} without an answer`,
  );
  return changed === 0 ? exitCodes.done : exitCodes.notDone;
}
