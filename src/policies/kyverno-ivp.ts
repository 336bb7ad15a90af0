import { attestedInstead, type Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import { type NamedAttestor, OutsideOfSubset, readExpression } from './cel.ts';
import { checkFields, type Reader } from './check-fields.ts';
import { aboutWorkloads, inOneNamespace } from './fields.ts';
import { gobwasGlob, longestGlob } from './glob.ts';
import { textsAsWritten } from './image-names.ts';
import { withoutDigest } from './kyverno-cluster.ts';
import { type Attestors, readAttestors } from './kyverno-ivp-attestors.ts';
import { narrowsWorkloads, validatingPolicyFields } from './kyverno-ivp-fields.ts';
import {
  atOffset,
  listOf,
  mapOf,
  nodeAt,
  noteOn,
  type PolicyNode,
  refusal,
  textOf,
} from './node.ts';
import type { PolicyRule } from './rule.ts';
import { predicateTypeIn } from './who.ts';

/**
 * Checks the fields of a Kyverno ImageValidatingPolicy.
 * @throws {Failure} `bad-policy`
 */
export function checkImageValidatingPolicy(document: PolicyNode, reader: Reader): void {
  checkFields(document, validatingPolicyFields, reader);
  const match = nodeAt(document, 'spec', 'matchConstraints');
  if (match !== undefined && narrowsWorkloads(match))
    reader.notes.push(noteOn(match, aboutWorkloads));
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
    reader.notes.push(noteOn({ ...document, field: kind }, inOneNamespace));
  const spec = nodeAt(document, 'spec');
  const attestors = readAttestors(nodeAt(document, 'spec', 'attestors') ?? document, reader);
  const validations = nodeAt(document, 'spec', 'validations');
  const types = readTypes(nodeAt(document, 'spec', 'attestations'));
  const checks = listOf(validations).flatMap((validation) =>
    readCheck(validation, attestors, types),
  );
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

/** Predicate types by the names that the policy gives to its attestations. */
type Types = ReadonlyMap<string, string>;

function readTypes(attestations: PolicyNode | undefined): Types {
  const types = new Map<string, string>();
  for (const attestation of listOf(attestations)) {
    const name = textOf(mapOf(attestation).get('name'));
    if (name === undefined) throw refusal(attestation, 'has no `name`', 'Add it.');
    if (types.has(name))
      throw refusal(attestation, `is called "${shown(name)}", as another one is`, 'Rename one.');
    const intoto = mapOf(attestation).get('intoto');
    if (intoto === undefined)
      throw refusal(attestation, 'does not say of which type it is', 'Add `intoto: {type: …}`.');
    types.set(name, predicateTypeIn(intoto, 'type'));
  }
  return types;
}

function readCheck(
  validation: PolicyNode,
  attestors: Attestors,
  types: Types,
): readonly Requirement[] {
  const expression = mapOf(validation).get('expression');
  const text = textOf(expression);
  if (expression === undefined || text === undefined)
    throw refusal(validation, 'has no `expression`', 'Add it, or take the validation out.');
  const check = understood(expression, text);
  if (check === 'nothing') return [];
  const type = check.attestation && typeOf(check.attestation, expression, types);
  const of = check.attestors.map((named) => {
    const attestor = attestorOf(named, expression, attestors);
    return type === undefined ? attestor : attestedInstead(attestor, type);
  });
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

function typeOf({ name, offset }: NamedAttestor, expression: PolicyNode, types: Types): string {
  const type = types.get(name);
  if (type !== undefined) return type;
  throw refusal(
    atOffset(expression, offset),
    `names the attestation "${shown(name)}", which the policy does not have`,
    'Add it to `spec.attestations`, with `intoto.type`.',
  );
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
