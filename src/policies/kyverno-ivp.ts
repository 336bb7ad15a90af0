import type { Requirement } from '../engine/requirement.ts';
import type { SignaturePolicy, SignerRule } from '../signature/policy.ts';
import { shown } from '../text/untrusted.ts';
import { type NamedAttestor, OutsideOfSubset, readExpression } from './cel.ts';
import { checkFields, type Reader } from './fields.ts';
import { gobwasGlob, longestGlob } from './glob.ts';
import { textsAsWritten } from './image-names.ts';
import { keysIn } from './keys.ts';
import { withoutDigest } from './kyverno-cluster.ts';
import { narrowsWorkloads, validatingPolicyFields } from './kyverno-ivp-fields.ts';
import {
  atOffset,
  isTrue,
  labelsOf,
  listOf,
  mapOf,
  nodeAt,
  noteOn,
  type PolicyNode,
  refusal,
  textOf,
} from './node.ts';
import type { PolicyRule } from './rule.ts';
import {
  byPattern,
  exactlyWithoutWildcards,
  githubClaims,
  signerRule,
  theOneNamed,
} from './who.ts';

/**
 * Checks the fields of a Kyverno ImageValidatingPolicy.
 * @throws {Failure} `bad-policy`
 */
export function checkImageValidatingPolicy(document: PolicyNode, reader: Reader): void {
  checkFields(document, validatingPolicyFields, reader);
  const match = nodeAt(document, 'spec', 'matchConstraints');
  if (match !== undefined && narrowsWorkloads(match))
    reader.notes.push(
      noteOn(
        match,
        'selects workloads of the cluster; the gate holds every image against the policy, whatever uses it.',
      ),
    );
  const actions = nodeAt(document, 'spec', 'validationActions');
  if (actions !== undefined && !listOf(actions).some(({ value }) => value === 'Deny'))
    reader.notes.push(
      noteOn(
        actions,
        'has no Deny, so the cluster reports only; here an image that does not satisfy the policy fails. `fail: false` only reports.',
      ),
    );
}

/**
 * Reads a Kyverno ImageValidatingPolicy as Kyverno 1.18 and later do (pkg/image/verification): it
 * speaks of an image when one of its globs fits; all its validations must hold.
 * @returns one rule; none for a policy that asks for no signature
 * @throws {Failure} `bad-policy`
 */
export function readImageValidatingPolicy(
  document: PolicyNode,
  reader: Reader,
): readonly PolicyRule[] {
  const kind = textOf(nodeAt(document, 'kind')) ?? '';
  const policy = textOf(nodeAt(document, 'metadata', 'name'));
  const name = `${kind} ${shown(policy ?? '(without a name)')}`;
  if (kind.startsWith('Namespaced'))
    reader.notes.push(
      noteOn(
        { ...document, field: kind },
        'holds in one namespace of the cluster; the gate holds every image against it.',
      ),
    );
  const spec = nodeAt(document, 'spec');
  const attestors = readAttestors(nodeAt(document, 'spec', 'attestors') ?? document, reader);
  const validations = nodeAt(document, 'spec', 'validations');
  const checks = listOf(validations).flatMap((validation) => readCheck(validation, attestors));
  if (checks.length === 0) {
    reader.notes.push(
      noteOn(
        { ...(validations ?? spec ?? document), field: name },
        'asks for no signature and is not counted as a policy about its images.',
      ),
    );
    return [];
  }
  const { globs, speaksOf } = readGlobs(nodeAt(document, 'spec', 'matchImageReferences'));
  const asks: Requirement = { kind: 'count', of: checks, count: checks.length, name };
  const noDigest = refusesTags(document) ? withoutDigest(name) : undefined;
  return [
    {
      name,
      ...(policy === undefined ? {} : { policy }),
      file: document.file,
      line: document.line,
      patterns: { syntax: 'gobwas', include: globs, exclude: [] },
      asks,
      requirementFor: (image) => {
        if (!textsAsWritten(image).some(speaksOf)) return undefined;
        const byTag = image.references.some((text) => !text.includes('@'));
        return byTag ? (noDigest ?? asks) : asks;
      },
    },
  ];
}

/** Kyverno adds no digest to what is written, asks for one all the same, and denies. */
function refusesTags(document: PolicyNode): boolean {
  const configuration = nodeAt(document, 'spec', 'validationConfigurations');
  const isDenied = listOf(nodeAt(document, 'spec', 'validationActions')).some(
    ({ value }) => value === 'Deny',
  );
  return (
    isDenied &&
    nodeAt(document, 'spec', 'validationConfigurations', 'mutateDigest')?.value === false &&
    mapOf(configuration).get('verifyDigest')?.value !== false
  );
}

/** Without globs the policy speaks of every image. */
function readGlobs(references: PolicyNode | undefined) {
  const globs = listOf(references).map((reference) => {
    const glob = mapOf(reference).get('glob');
    const text = textOf(glob);
    if (glob === undefined || text === undefined)
      throw refusal(reference, 'names no image', 'Add `glob`.');
    const fits = text.length > longestGlob ? undefined : gobwasGlob(text);
    if (fits === undefined)
      throw refusal(
        glob,
        'is not a glob that is understood here',
        'Write `*`, `?`, `[abc]`, `{a,b}`; a backslash takes the next character as it is.',
      );
    return { text, fits };
  });
  if (globs.length === 0) return { globs: ['*'], speaksOf: () => true };
  return {
    globs: globs.map(({ text }) => text),
    speaksOf: (text: string) => globs.some(({ fits }) => fits(text)),
  };
}

type Attestors = ReadonlyMap<string, Requirement>;

function readCheck(validation: PolicyNode, attestors: Attestors): readonly Requirement[] {
  const expression = mapOf(validation).get('expression');
  const text = textOf(expression);
  if (expression === undefined || text === undefined)
    throw refusal(validation, 'has no `expression`', 'Add it, or take the validation out.');
  const check = understood(expression, text);
  if (check === 'nothing') return [];
  const of = check.attestors.map((named) => attestorOf(named, expression, attestors));
  return [{ kind: 'count', of, count: check.count, name: shown(validation.field) }];
}

function understood(expression: PolicyNode, text: string) {
  try {
    return readExpression(text);
  } catch (error) {
    if (!(error instanceof OutsideOfSubset)) throw error;
    throw refusal(
      atOffset(expression, error.offset),
      shown(error.message),
      'Write `images.containers.map(image, verifyImageSignatures(image, [attestors.NAME])).all(count, count > 0)`, one validation for each list of images. What is not understood is never evaluated: it could admit anybody.',
      { cause: error },
    );
  }
}

function attestorOf(
  { name, offset }: NamedAttestor,
  expression: PolicyNode,
  attestors: Attestors,
): Requirement {
  const attestor = attestors.get(name);
  if (attestor !== undefined) return attestor;
  throw refusal(
    atOffset(expression, offset),
    `names the attestor "${shown(name)}", which the policy does not have`,
    `Name one of its attestors: ${[...attestors.keys()].map((one) => shown(one)).join(', ')}.`,
  );
}

function readAttestors(node: PolicyNode, reader: Reader): Attestors {
  const attestors = new Map<string, Requirement>();
  for (const attestor of listOf(node)) {
    const name = textOf(mapOf(attestor).get('name'));
    if (name === undefined) throw refusal(attestor, 'has no `name`', 'Add it.');
    if (attestors.has(name))
      throw refusal(attestor, `is called "${shown(name)}", as another one is`, 'Rename one.');
    attestors.set(name, {
      kind: 'signature',
      policy: readCosign(attestor, reader),
      name: shown(name),
    });
  }
  return attestors;
}

function readCosign(attestor: PolicyNode, reader: Reader): SignaturePolicy {
  const cosign = mapOf(attestor).get('cosign');
  const fields = mapOf(cosign);
  const given = ['key', 'keyless'].flatMap((name) => fields.get(name) ?? []);
  const [one, second] = given;
  if (cosign === undefined || one === undefined || second !== undefined)
    throw refusal(
      cosign ?? attestor,
      'must have one of `key` and `keyless`',
      'Keep one; write the other one as an attestor of its own.',
    );
  const signers = one === fields.get('key') ? readKey(one, reader) : readIdentities(one, reader);
  const ctlog = fields.get('ctlog');
  const waived = mapOf(ctlog).get('insecureIgnoreSCT');
  if (waived !== undefined && isTrue(waived) && one === fields.get('keyless'))
    throw refusal(
      waived,
      'waives the certificate transparency log, and this gate never does',
      'Remove it: certificates of Fulcio carry the proof.',
    );
  const stamped = textOf(nodeAt(cosign, 'ctlog', 'tsaCertChain')) !== undefined;
  return {
    signers,
    annotations: labelsOf(fields.get('annotations')),
    tlog: logOf(ctlog),
    format: 'bundle-if-any',
    ...(stamped ? { timestamp: 'required' as const } : {}),
  };
}

/** A `ctlog` that waives no log must name one, or Kyverno denies whatever it is asked about. */
function logOf(ctlog: PolicyNode | undefined): SignaturePolicy['tlog'] {
  if (ctlog === undefined || ctlog.value === null) return 'required';
  if (isTrue(mapOf(ctlog).get('insecureIgnoreTlog'))) return 'ignore';
  if (textOf(mapOf(ctlog).get('url')) !== undefined) return 'required';
  throw refusal(
    ctlog,
    'has neither `url` nor `insecureIgnoreTlog`, so Kyverno denies every image',
    'Add `url: https://rekor.sigstore.dev`, or `insecureIgnoreTlog: true` for a key.',
  );
}

type Signers = readonly [SignerRule, ...SignerRule[]];

function readKey(node: PolicyNode, reader: Reader): Signers {
  const [one, second] = ['data', 'kms'].flatMap((name) => {
    const field = mapOf(node).get(name);
    return field !== undefined && textOf(field) !== undefined ? [field] : [];
  });
  if (one === undefined || second !== undefined)
    throw refusal(
      node,
      one === undefined ? 'holds no key' : 'has two keys',
      'Write either `data`, the public key as PEM, or `kms`.',
    );
  const [key, another] = keysIn(one, reader.keys);
  // Kyverno takes the first PEM block and drops the others without a word.
  if (another !== undefined)
    throw refusal(
      one,
      'holds several keys',
      'Write one attestor for each key, and name all of them in the expression.',
    );
  return [{ key }];
}

function readIdentities(node: PolicyNode, reader: Reader): Signers {
  const identities = mapOf(node).get('identities');
  const claims = githubClaims(mapOf(node).get('additionalExtensions'));
  const [first, ...rest] = listOf(identities).map((identity): SignerRule => {
    const who = (what: string) => {
      const exact = nodeAt(identity, what);
      const pattern = nodeAt(identity, `${what}RegExp`);
      return theOneNamed(identity, what, [
        { node: exact, matcher: exactlyWithoutWildcards(exact) },
        { node: pattern, matcher: byPattern(pattern, reader) },
      ]);
    };
    return signerRule(who('subject'), who('issuer'), claims);
  });
  if (first === undefined)
    throw refusal(
      identities ?? node,
      'names nobody',
      'Add `identities` with `issuer` and `subject`.',
    );
  return [first, ...rest];
}
