import type { KeyObject } from 'node:crypto';
import { Failure } from '../failure.ts';
import { formatRepository } from '../image/reference.ts';
import { keyHint, missingFileHint } from '../keys/key-hint.ts';
import { isKeyReference, loadPublicKeys } from '../keys/providers.ts';
import { readPublicKeys } from '../keys/public.ts';
import { readKeySource } from '../keys/source.ts';
import type { KeyReference } from '../policies/keys.ts';
import type { Policies, PolicyFile, PolicyTools } from '../policies/read.ts';
import type { Pattern, SignaturePolicy, SignerRule } from '../signature/policy.ts';
import {
  attestationsOf,
  isPlaceOpen,
  keptIn,
  narrow,
  policiesOf,
  type RequirementFor,
  withAttestations,
} from '../signature/requirement.ts';
import type { Mirror } from '../signers/list.ts';
import type { OwnTrust, VerifyRequest } from './request.ts';
import type { World } from './world.ts';

/** What this run asks of an image. */
export interface OpenedPolicy {
  readonly requirementFor: RequirementFor;
  /** the one policy of inputs `key` or `certificate-identity…`; absent where policy files decide */
  readonly policy?: SignaturePolicy;
}

/**
 * Makes the inputs, or the policy files they name, into what images must satisfy.
 * @throws {Failure} `bad-key`, `unsupported-key`, `bad-policy`, `bad-input`, and what a key service
 * says of a key that a policy names
 */
export async function openPolicy(request: VerifyRequest, world: World): Promise<OpenedPolicy> {
  const { requirementFor, mirrors = [], ...opened } = await openOwn(request, world);
  const own: RequirementFor = (image) =>
    withAttestations(requirementFor(image), request.attestationTypes, request.signature);
  if (request.knownSigners !== true) return { ...opened, requirementFor: own };
  const { beside, published } = await import('../signers/gate.ts');
  // What is asked for is no longer one policy, so reports do not name it as such.
  return { requirementFor: beside(own, await published(mirrors)) };
}

/** What is asked for without known signers. */
interface OwnPolicy extends OpenedPolicy {
  /** of lists of one's own */
  readonly mirrors?: readonly Mirror[];
}

async function openOwn(request: VerifyRequest, world: World): Promise<OwnPolicy> {
  if (request.policy.length > 0) return readPolicyInput(request, world);
  if (request.key === undefined && request.identities.length === 0)
    return {
      requirementFor: () => ({ kind: 'fail', reason: 'Nobody is named.', isSilence: true }),
    };
  const [signers, authorities] = await Promise.all([
    signersOf(request, world),
    request.own &&
      import('./own-certificates.ts').then(({ openAuthorities }) =>
        openAuthorities(request.own as OwnTrust, world),
      ),
  ]);
  const policy = {
    signers,
    ...(authorities && { authorities }),
    annotations: request.annotations,
    tlog: request.tlog,
    fromInputs: true as const,
    ...(request.signatureRepository === undefined
      ? {}
      : { repository: request.signatureRepository }),
  };
  return { policy, requirementFor: () => ({ kind: 'signature', policy }) };
}

/**
 * Policies may say where signatures lie, and so does a list of signers: beside the image, where it
 * names no repository. What a policy leaves open, the step says.
 */
async function readPolicyInput(request: VerifyRequest, world: World): Promise<OwnPolicy> {
  const files = await world.files.policies(request.policy);
  if (!files.some(({ text }) => /KnownSigners/.test(text))) {
    const { requirementFor } = await policiesInFiles(files, request, world);
    return { requirementFor: (image) => narrow(requirementFor(image), request) };
  }
  const lists = (await import('../signers/own-lists.ts')).openOwnLists(files);
  const others =
    lists.others.length === 0 ? undefined : await policiesInFiles(lists.others, request, world);
  // Beside a list there may be a kustomization and no policy: then the list alone speaks.
  const policies = others?.rules.length === 0 ? undefined : others?.requirementFor;
  return {
    requirementFor: (image) => narrow(lists.requirementFor(image, policies?.(image)), request),
    mirrors: lists.mirrors,
  };
}

async function policiesInFiles(
  files: readonly PolicyFile[],
  request: VerifyRequest,
  world: World,
): Promise<Pick<Policies, 'requirementFor' | 'rules'>> {
  const { requirementFor, rules } = await openPolicies(files, request, world);
  const { signatureRepository: place } = request;
  if (place === undefined) return { requirementFor, rules };
  const open = rules.find(({ asks }) =>
    [...policiesOf(asks), ...attestationsOf(asks).map(({ policy }) => policy)].some(isPlaceOpen),
  );
  if (open !== undefined)
    world.tell({
      kind: 'notice',
      text: `${open.file}, line ${open.line}: ${open.name} does not say where signatures lie. Here they are read in ${formatRepository(place)}, as \`signature-repository\` says; a cluster with this policy looks beside the image.`,
    });
  return { requirementFor: (image) => keptIn(requirementFor(image), place), rules };
}

/**
 * Reads admission policies, opens the keys they name, and tells what there is to know about them.
 * @throws {Failure} `bad-policy`, and what a key service says
 */
export async function openPolicies(
  files: readonly PolicyFile[],
  request: Pick<VerifyRequest, 'services'>,
  world: World,
): Promise<Policies> {
  const { readPolicies } = await import('../policies/read.ts');
  const ownTrust =
    request.services.trustedRoot !== undefined || request.services.tufMirror !== undefined;
  const texts = files.map(({ text }) => text);
  const compilePattern = await loadPatterns(texts);
  const readAuthorities = await loadAuthorities(texts, world);
  const tools = { readPublicKeys, ownTrust, compilePattern, ...readAuthorities };
  const checked = readPolicies(files, tools);
  const { keys, certificates } = await openKeys(checked.keys, world);
  const policies = checked.withKeys(keys, certificates);
  for (const { file, line, text, loud } of policies.notes)
    world.tell({ kind: loud ? 'warning' : 'notice', text: `${file}, line ${line}: ${text}` });
  return policies;
}

/** Opens the keys that policies name and do not hold, one after another. */
async function openKeys(
  references: readonly KeyReference[],
  world: World,
): Promise<{
  readonly keys: ReadonlyMap<string, readonly KeyObject[]>;
  readonly certificates: ReadonlyMap<string, string>;
}> {
  const opened = new Map<string, readonly KeyObject[]>();
  const certificates = new Map<string, string>();
  for (const { kind, address, explain } of references) {
    try {
      if (kind === 'certificates') {
        certificates.set(address, await world.files.fileOfPolicy(address));
        continue;
      }
      const keys =
        kind === 'file'
          ? readPublicKeys(await world.files.fileOfPolicy(address))
          : await keysOfPolicy(address, world);
      opened.set(address, keys);
    } catch (error) {
      throw error instanceof Failure ? explain(error) : error;
    }
  }
  return { keys: opened, certificates };
}

/** Loads what reads authorities of one's own, but only where one of these texts has some. */
async function loadAuthorities(
  texts: readonly string[],
  { clock }: Pick<World, 'clock'>,
): Promise<Pick<PolicyTools, 'readAuthorities'>> {
  if (!texts.some((text) => /pki|\\/i.test(text))) return {};
  const { certificatesIn, ownAuthorities } = await import('../signature/own-authorities.ts');
  const now = clock.date();
  const read = (roots: string, intermediates: string) =>
    ownAuthorities(
      certificatesIn(roots),
      intermediates.trim() === '' ? [] : certificatesIn(intermediates),
      now,
    );
  return { readAuthorities: read };
}

/**
 * The public keys of an address that a policy names. A policy is a file of the repository: it may
 * not say which program or library of the machine is run, as the address of a token can.
 */
async function keysOfPolicy(address: string, world: World): Promise<readonly KeyObject[]> {
  if (!isKeyReference(address) || /^pkcs11:/i.test(address.trim()))
    throw new Failure(
      'bad-policy',
      'this is no service that a policy may name.',
      'Put the public key itself there, as PEM, or name a key of awskms, gcpkms, azurekms, hashivault, openbao or k8s.',
    );
  return keysOfService(address, world, 'policy');
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
  { key, identities, issuers, own, github, source }: VerifyRequest,
  world: World,
): Promise<[SignerRule, ...SignerRule[]]> {
  if (key === undefined)
    return [
      {
        identities,
        issuers,
        ...(own?.asksIssuer === false ? { noIssuer: 'allowed' } : {}),
        ...(Object.keys(github).length === 0 ? {} : { github }),
        ...(Object.keys(source).length === 0 ? {} : { source }),
      },
    ];
  const [first, ...rest] = isKeyReference(key)
    ? await keysOfService(key, world)
    : readPublicKeys(await keyText(key, world));
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
  world: World,
  input = 'key',
): Promise<readonly KeyObject[]> {
  const { keyTools } = await import('./keys.ts');
  return loadPublicKeys(key, keyTools(world), input);
}

async function keyText(key: string, { env, files, mask }: World): Promise<string> {
  const hint = keyHint(key.trim(), 'key', 'public');
  if (hint !== undefined) throw hint;
  try {
    const text = await readKeySource(key, { environment: env, readFile: files.readFile });
    mask.maskPrivateKey(text);
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
export function needsTrust({ signers, tlog, timestamp, authorities }: SignaturePolicy): boolean {
  if (tlog === 'required' || timestamp === 'required') return true;
  return authorities?.at === undefined && signers.some((rule) => !('key' in rule));
}
