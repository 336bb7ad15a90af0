import { checkOneRegistry } from './action/input-rules.ts';
import { createLog } from './action/log.ts';
import { createMasker } from './action/secrets.ts';
import { readVerifyInputs, type VerifyInputs } from './action/verify-inputs.ts';
import { asFailure, Failure } from './failure.ts';
import type { Digest } from './image/digest.ts';
import type { Image } from './image/resolve.ts';
import { readTargets, type Target } from './image/targets.ts';
import { secretForms } from './keys/mask.ts';
import { reportVerified, reportVerifyFailure, tellVerified } from './report-verify.ts';
import { needsTrust, openPolicy } from './run-policy.ts';
import { type Network, openNetwork, openRegistries } from './run-registry.ts';
import type { Machine } from './run-sign.ts';
import type { FoundSignature } from './signature/found.ts';
import { judge } from './signature/judge.ts';
import type { SignaturePolicy } from './signature/policy.ts';
import { createTrust, type Trust } from './signature/trust.ts';
import { policiesOf } from './verifying/requirement.ts';
import { verifyImages } from './verifying/verify-images.ts';

/**
 * The action sign-image/verify, from inputs to outputs. Never throws.
 * @returns the exit code: 0 when every image verified (with `fail: false` also when not), else 1
 */
export async function runVerify(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const machine = { env, log: createLog(), masker: createMasker(secretForms) };
  try {
    const inputs = readVerifyInputs(machine.masker);
    for (const warning of inputs.warnings) machine.log.warning(warning);
    refuseWhatIsNotBuilt(inputs);
    const targets = readTargets(inputs);
    checkOneRegistry(
      targets.map(({ reference }) => reference.registry),
      inputs.registry.username,
    );
    const network = openNetwork(inputs.timeout, env, machine.log);
    try {
      return await verifyTargets(targets, inputs, network, machine);
    } finally {
      network.http.close();
    }
  } catch (caught) {
    return reportVerifyFailure(asFailure(caught), machine);
  }
}

async function verifyTargets(targets: readonly Target[], inputs: VerifyInputs, network: Network, machine: Machine): Promise<number> {
  const { env, log, masker } = machine;
  const opened = await openPolicy(inputs, machine, network);
  const required = targets.flatMap(({ reference, references, digest }) =>
    policiesOf(opened.requirementFor({ name: reference, references, ...(digest === undefined ? {} : { digest }) })),
  );
  const trust = trustOf(inputs, network, machine);
  if (required.some(needsTrust)) trust();
  const [registry] = targets.map(({ reference }) => reference.registry);
  const registries = openRegistries({ inputs: inputs.registry, registry, access: 'pull', env, masker, timeout: inputs.timeout }, network);
  const tools = {
    open: registries.open,
    sleep: network.deadline.sleep,
    recursive: inputs.recursive,
    found: (image: Image) => registries.store(image).found(['bundle', 'legacy'], 'all'),
    judge: async (found: FoundSignature, digest: Digest, policy: SignaturePolicy) =>
      judge(found, digest, policy, needsTrust(policy) ? await trust() : createTrust(undefined)),
    onTagOnly: (reference: string, digest: string) =>
      log.notice(`${reference} is a tag, and a tag can move; it was ${digest} just now. What later steps use should be output images.`),
  };
  const title = `Verifying ${targets.length === 1 ? targets[0]?.references[0] : `${targets.length} images`}`;
  const results = await log.group(title, () => verifyImages(targets, opened.requirementFor, tools, (result) => tellVerified(result, log)));
  return reportVerified(results, inputs, opened, machine);
}

/** The trusted root, loaded at the first call; code and network for it only where something is judged by it. */
function trustOf(inputs: VerifyInputs, network: Network, machine: Machine): () => Promise<Trust> {
  let trust: Promise<Trust> | undefined;
  return () => {
    trust ??= import('./run-trust.ts').then(({ openTrust }) => openTrust(inputs, network, machine));
    trust.catch(() => {}); // started beside the first requests and awaited when a signature is judged; until then it must not end the process
    return trust;
  };
}

/** A check that was asked for and is not made must not look like one that passed. */
function refuseWhatIsNotBuilt({ files, comment, sarif }: VerifyInputs): void {
  const missing = [files.length > 0 && 'files', comment && 'comment', sarif !== undefined && 'sarif'].find((name) => name !== false);
  if (missing === undefined) return;
  throw new Failure('bad-input', `This version cannot do \`${missing}\` yet.`, `Remove \`${missing}\` from this step.`);
}
