import type { Requirement } from '../engine/requirement.ts';
import { shown } from '../text/untrusted.ts';
import type { PolicyRule } from './cluster-image-policy.ts';
import { checkFields, type Reader } from './fields.ts';
import { type Fits, kyvernoWildcard } from './glob.ts';
import { kyvernoNames } from './image-names.ts';
import { type Asked, readAttestors } from './kyverno-attestors.ts';
import { auditNote, kyvernoPolicyFields, ruleFields } from './kyverno-fields.ts';
import { labelsOf, listOf, mapOf, noteOn, type PolicyNode, refusal, textOf } from './node.ts';
import type { ReadPublicKeys } from './who.ts';

/**
 * Reads the image rules of a Kyverno ClusterPolicy or Policy as Kyverno 1.16 does
 * (pkg/engine/internal/imageverifier.go): an entry of `verifyImages` speaks of an image when one of
 * its references fits and none of those to skip; all its attestor sets must hold.
 * @returns one rule for each entry of `verifyImages`; none for a policy about other things
 * @throws {Failure} `bad-policy`
 */
export function readKyvernoPolicy(
  document: PolicyNode,
  reader: Reader,
  readKeys: ReadPublicKeys,
): readonly PolicyRule[] {
  const spec = mapOf(mapOf(document).get('spec'));
  const kind = textOf(mapOf(document).get('kind')) ?? 'ClusterPolicy';
  const name = `${kind} ${shown(textOf(mapOf(mapOf(document).get('metadata')).get('name')) ?? '(without a name)')}`;
  const rules = listOf(spec.get('rules'));
  const imageRules = rules.filter((rule) => mapOf(rule).has('verifyImages'));
  if (imageRules.length === 0) {
    // A misspelt `verifyImages` must not look like a policy about something else.
    for (const rule of rules) checkOther(rule);
    if (rules.length === 0) throw refusal(document, 'has no rules', 'Add `spec.rules`.');
    reader.notes.push(
      noteOn({ ...document, field: name }, 'has no rule about images and is not looked at.'),
    );
    return [];
  }
  checkFields(document, kyvernoPolicyFields, reader);
  noteScope(document, kind, spec, reader);
  return rules.flatMap((rule) =>
    imageRules.includes(rule) ? readRule(rule, name, reader, readKeys) : checkOther(rule),
  );
}

function noteScope(
  document: PolicyNode,
  kind: string,
  spec: ReadonlyMap<string, PolicyNode>,
  reader: Reader,
): void {
  const action = spec.get('validationFailureAction');
  if (String(action?.value).toLowerCase() === 'audit')
    reader.notes.push(noteOn(action as PolicyNode, auditNote));
  if (kind !== 'Policy') return;
  reader.notes.push(
    noteOn(
      { ...document, field: 'Policy' },
      'holds in one namespace of the cluster; the gate holds every image against it.',
    ),
  );
}

/** A rule without `verifyImages` must be one of another kind that we know. */
function checkOther(rule: PolicyNode): [] {
  const fields = mapOf(rule);
  const known = ['validate', 'mutate', 'generate'].some((name) => fields.has(name));
  if (known && [...fields.keys()].every((name) => Object.hasOwn(ruleFields, name))) return [];
  throw refusal(
    rule,
    'is neither a rule with `verifyImages` nor of another kind that Kyverno has',
    'Look for a misspelt field.',
  );
}

function readRule(
  rule: PolicyNode,
  policy: string,
  reader: Reader,
  readKeys: ReadPublicKeys,
): readonly PolicyRule[] {
  checkFields(rule, ruleFields, reader);
  const match = mapOf(rule).get('match');
  if (match !== undefined && narrows(match)) {
    reader.notes.push(
      noteOn(
        match,
        'selects workloads of the cluster; the gate holds every image against the rule, whatever uses it.',
      ),
    );
  }
  const name = `${policy}, rule ${shown(textOf(mapOf(rule).get('name')) ?? '(without a name)')}`;
  const entries = listOf(mapOf(rule).get('verifyImages'));
  if (entries.length === 0)
    throw refusal(rule, 'has an empty `verifyImages`', 'Say which images must be signed by whom.');
  return entries.flatMap((entry) => readEntry(entry, name, reader, readKeys));
}

/** True where a match block says more than which kinds of resources. */
function narrows(node: PolicyNode): boolean {
  if (Array.isArray(node.value)) return listOf(node).some(narrows);
  const plain = new Set(['any', 'all', 'resources', 'kinds', 'operations']);
  return [...mapOf(node)].some(([name, child]) => !plain.has(name) || narrows(child));
}

function readEntry(
  entry: PolicyNode,
  name: string,
  reader: Reader,
  readKeys: ReadPublicKeys,
): readonly PolicyRule[] {
  const fields = mapOf(entry);
  const applies = wildcards([
    ...listOf(fields.get('imageReferences')),
    ...nodes(fields.get('image')),
  ]);
  if (applies.length === 0) throw refusal(entry, 'names no image', 'Add `imageReferences`.');
  const skips = wildcards(listOf(fields.get('skipImageReferences')));
  const asked: Asked = {
    bundle: textOf(fields.get('type')) === 'SigstoreBundle',
    annotations: labelsOf(fields.get('annotations')),
    reader,
    readKeys,
  };
  const sets = readAttestors(entry, asked);
  if (sets.length === 0) {
    reader.notes.push(
      noteOn(
        entry,
        'asks for no signature (it has no `attestors`) and is not counted as a rule about its images.',
      ),
    );
    return [];
  }
  const requirement: Requirement = { kind: 'count', of: sets, count: sets.length, name };
  const skipped: Requirement = {
    kind: 'pass',
    reason: 'the policy exempts it (`skipImageReferences`).',
    name,
  };
  return [
    (image) => {
      const names = kyvernoNames(image);
      if (!names.all.some((text) => applies.some((fits) => fits(text)))) return undefined;
      // Under one of its names it might not be exempt, so all of them must be.
      return names.written.every((text) => skips.some((fits) => fits(text)))
        ? skipped
        : requirement;
    },
  ];
}

function wildcards(patterns: readonly PolicyNode[]): readonly Fits[] {
  return patterns.flatMap((node) => {
    const text = textOf(node);
    return text === undefined ? [] : [kyvernoWildcard(text)];
  });
}

function nodes(node: PolicyNode | undefined): readonly PolicyNode[] {
  return node === undefined ? [] : [node];
}
