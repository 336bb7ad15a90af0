import type { KeyObject } from 'node:crypto';
import type { Machine } from '../edges/action/sign.ts';
import type { VerifyInputs } from '../edges/inputs/verify.ts';
import { maskPrivateKey } from '../edges/inputs/verify.ts';
import { Failure } from '../failure.ts';
import { keyHint, missingFileHint } from '../keys/key-hint.ts';
import { isKeyReference, loadPublicKeys } from '../keys/providers.ts';
import { readPublicKeys } from '../keys/public.ts';
import { readKeySource } from '../keys/source.ts';
import type { PolicyFile } from '../policies/read.ts';
import type { Pattern, SignaturePolicy, SignerRule } from '../signature/policy.ts';
import { readKeyFile } from './key-file.ts';
import type { Network } from './network.ts';
import { narrow, type RequirementFor } from './requirement.ts';

/** What this run asks of an image. */
export interface OpenedPolicy {
  readonly requirementFor: RequirementFor;
  /** the one policy of inputs `key` or `certificate-identity…`; absent where policy files decide */
  readonly policy?: SignaturePolicy;
}

/**
 * Makes the inputs, or the policy files they name, into what images must satisfy.
 * @param policyFiles those files, where they are not the ones of the workspace
 * @throws {Failure} `bad-key`, `unsupported-key`, `bad-policy`, `bad-input`
 */
export async function openPolicy(
  inputs: VerifyInputs,
  machine: Machine,
  network: Network,
  policyFiles?: readonly PolicyFile[],
): Promise<OpenedPolicy> {
  if (inputs.policy.length > 0) return readPolicyInput(inputs, machine, policyFiles);
  const signers = await signersOf(inputs, machine, network);
  const policy = {
    signers,
    annotations: inputs.annotations,
    tlog: inputs.tlog,
    fromInputs: true as const,
  };
  return { policy, requirementFor: () => ({ kind: 'signature', policy }) };
}

async function readPolicyInput(
  inputs: VerifyInputs,
  { env, log }: Machine,
  policyFiles: readonly PolicyFile[] | undefined,
): Promise<OpenedPolicy> {
  const [{ readPolicies }, { readPolicyFiles }] = await Promise.all([
    import('../policies/read.ts'),
    import('../policies/files.ts'),
  ]);
  const files = policyFiles ?? (await readPolicyFiles(inputs.policy, env.GITHUB_WORKSPACE ?? '.'));
  const ownTrust =
    inputs.services.trustedRoot !== undefined || inputs.services.tufMirror !== undefined;
  const compilePattern = await loadPatterns(files.map(({ text }) => text));
  const { requirementFor, notes } = readPolicies(files, {
    readPublicKeys,
    ownTrust,
    compilePattern,
  });
  for (const { file, line, text } of notes) log.notice(`${file}, line ${line}: ${text}`);
  return { requirementFor: (image) => narrow(requirementFor(image), inputs) };
}

/**
 * Loads what compiles patterns, but only where one of these texts has one: the fields are named
 * `subjectRegExp` and `issuerRegExp`, and a name may be written with escapes.
 */
async function loadPatterns(texts: readonly string[]): Promise<(source: string) => Pattern> {
  if (texts.some((text) => /RegExp|\\/.test(text)))
    return (await import('../signature/pattern.ts')).compilePattern;
  return () => {
    throw new Error('is a pattern, and patterns are not loaded');
  };
}

async function signersOf(
  { key, identities, issuers, github }: VerifyInputs,
  machine: Machine,
  network: Network,
): Promise<[SignerRule, ...SignerRule[]]> {
  if (key === undefined)
    return [{ identities, issuers, ...(Object.keys(github).length === 0 ? {} : { github }) }];
  const [first, ...rest] = isKeyReference(key)
    ? await keysOfService(key, machine, network)
    : readPublicKeys(await keyText(key, machine));
  if (first === undefined)
    throw new Failure('bad-key', '`key` names no public key.', 'Use `key: cosign.pub`.');
  return [{ key: first }, ...rest.map((other) => ({ key: other }))];
}

/**
 * The public halves of a key that a service keeps, of all its versions: an image may have been
 * signed before a rotation.
 */
async function keysOfService(
  key: string,
  { env, masker }: Machine,
  network: Network,
): Promise<readonly KeyObject[]> {
  const { keyTools } = await import('./keys.ts');
  return loadPublicKeys(key, keyTools(network, env, masker));
}

async function keyText(key: string, { env, masker }: Machine): Promise<string> {
  const hint = keyHint(key.trim(), 'key', 'public');
  if (hint !== undefined) throw hint;
  try {
    const text = await readKeySource(key, { environment: env, readFile: readKeyFile });
    maskPrivateKey(masker, text);
    return text;
  } catch (caught) {
    if (!(caught instanceof Failure)) throw caught;
    const missing = missingFileHint(key.trim(), 'key', 'public');
    if (missing !== undefined) throw missing;
    // The same source reads private keys for signing; what to change differs.
    const fix =
      'Give the public key as a file of the repository (with actions/checkout before this step), `key: cosign.pub`; as `env://NAME`; or as the text of the PEM itself, `-----BEGIN PUBLIC KEY-----` …';
    throw new Failure(caught.code, caught.message, fix, { cause: caught });
  }
}

/**
 * True where the signatures asked for cannot be judged without a trusted root: certificates, log
 * entries, timestamps.
 */
export function needsTrust({ signers, tlog }: SignaturePolicy): boolean {
  return tlog === 'required' || signers.some((rule) => !('key' in rule));
}
