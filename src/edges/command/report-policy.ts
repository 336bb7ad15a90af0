// The rest of `sign-image policy`: loaded apart, so that other commands do not share it.
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { openPolicies } from '../../engine/policy.ts';
import type { World } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { conversionTargets, convertPolicies } from '../../policies/convert.ts';
import type { ConversionRoots } from '../../policies/rule.ts';
import { loadTrust } from '../../sigstore/trust.ts';
import type { VerifyInputs } from '../inputs/verify.ts';
import { openWorld } from '../world.ts';
import { exitCodes, type Run, tellText } from './run.ts';

/** What `sign-image policy` is asked for. */
export interface PolicyRequest {
  readonly inputs: VerifyInputs;
  readonly to: string;
}

/** Reads policies, and prints them as another kind. @returns the exit code */
export async function reportPolicy({ inputs, to }: PolicyRequest, run: Run): Promise<number> {
  const { terminal } = run;
  const world = openWorld(inputs.timeout, { ...run, tell: (told) => tellText(told, terminal) });
  try {
    const target = conversionTargets.find((one) => one === to);
    if (target === undefined)
      throw new Failure(
        'bad-input',
        to === '' ? 'Nothing says what to write.' : 'There is no such kind to write.',
        `Write \`--to\` with one of ${conversionTargets.join(', ')}.`,
      );
    const policies = await openPolicies(await world.files.policies(inputs.policy), inputs, world);
    // Only these two name the certificates of the public-good instance themselves.
    const withPublicRoot =
      (target === 'openshift' || target === 'policy-json') &&
      JSON.stringify(policies.rules).includes('"identities"');
    const roots = await rootsFor(inputs, withPublicRoot, world);
    const { text, notes, left } = convertPolicies(policies, target, roots);
    for (const note of notes) terminal.warning(`${note.file}, line ${note.line}: ${note.text}`);
    if (left > 0) terminal.warning(`${left} of the rules cannot be said there and are left out.`);
    if (run.json)
      terminal.json({
        outputs: { policy: text },
        results: notes.map(({ file, line, text: reason }) => ({ file, line, reason })),
      });
    else if (text !== '') terminal.document(text);
    return world.exitCode(left > 0 || text === '' ? exitCodes.notDone : exitCodes.done);
  } catch (caught) {
    return world.exitCode(run.failed(caught));
  } finally {
    world.close();
  }
}

async function rootsFor(
  { services }: VerifyInputs,
  withPublicRoot: boolean,
  { http, files, deadline }: World,
): Promise<ConversionRoots> {
  const isOwn = services.trustedRoot !== undefined || services.tufMirror !== undefined;
  if (!isOwn && !withPublicRoot) return {};
  const { trustedRoot } = await loadTrust({
    ...services,
    needsSigningConfig: false,
    cacheDir: files.cache,
    http,
    retryBudget: deadline.remaining,
  });
  if (!isOwn) return { publicGood: trustedRoot };
  const json = JSON.stringify(TrustedRoot.toJSON(trustedRoot), null, 2);
  return { own: { parsed: trustedRoot, json } };
}
