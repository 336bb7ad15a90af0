import type { Requirement } from '../signature/requirement.ts';
import { shown } from '../text/untrusted.ts';
import { checkFields, type Reader } from './check-fields.ts';
import { type Fits, kyvernoWildcard } from './glob.ts';
import { kyvernoNames, type PolicyImage } from './image-names.ts';
import { type Asked, readAttestations, readAttestors } from './kyverno-cluster-attestors.ts';
import { auditNote, kyvernoPolicyFields, ruleFields } from './kyverno-cluster-fields.ts';
import {
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
import { placeOfEntry, withPlace } from './signature-place.ts';

/**
 * Checks the fields of a Kyverno ClusterPolicy or Policy, as far as it is about images.
 * @throws {Failure} `bad-policy`
 */
export function checkKyvernoPolicy(document: PolicyNode, reader: Reader): void {
  const rules = listOf(nodeAt(document, 'spec', 'rules'));
  const imageRules = rules.filter((rule) => mapOf(rule).has('verifyImages'));
  // A misspelt `verifyImages` must not look like a policy about something else.
  for (const rule of rules) if (!imageRules.includes(rule)) checkOther(rule);
  if (rules.length === 0) throw refusal(document, 'has no rules', 'Add `spec.rules`.');
  if (imageRules.length === 0) return;
  checkFields(document, kyvernoPolicyFields, reader);
  const applyRules = nodeAt(document, 'spec', 'applyRules');
  if (applyRules?.value === 'One' && rules.length > 1)
    throw refusal(
      applyRules,
      'is One: of several rules the cluster stops at the first that applies, and which one that is depends on its workloads',
      'Write one rule, or `applyRules: All`.',
    );
  for (const rule of imageRules) checkRule(rule, reader);
}

/**
 * Reads the image rules of a Kyverno ClusterPolicy or Policy as Kyverno 1.16 does
 * (pkg/engine/internal/imageverifier.go): an entry of `verifyImages` speaks of an image when one of
 * its references fits and none of those to skip; all its attestor sets must hold.
 * @returns one rule for each entry of `verifyImages`; none for a policy about other things
 * @throws {Failure} `bad-policy`
 */
export function readKyvernoPolicy(document: PolicyNode, reader: Reader): readonly PolicyRule[] {
  const kind = textOf(nodeAt(document, 'kind')) ?? 'ClusterPolicy';
  const policy = textOf(nodeAt(document, 'metadata', 'name'));
  const name = `${kind} ${shown(policy ?? '(without a name)')}`;
  const spec = nodeAt(document, 'spec');
  const rules = listOf(nodeAt(document, 'spec', 'rules')).filter((rule) =>
    mapOf(rule).has('verifyImages'),
  );
  if (rules.length === 0) {
    reader.notes.push(
      noteOn({ ...document, field: name }, 'has no rule about images and is not looked at.'),
    );
    return [];
  }
  noteScope(document, kind, mapOf(spec), reader);
  return rules
    .flatMap((rule) => readRule(rule, name, mapOf(spec), reader))
    .map((rule) => (policy === undefined ? rule : { ...rule, policy }));
}

function noteScope(
  document: PolicyNode,
  kind: string,
  spec: ReadonlyMap<string, PolicyNode>,
  reader: Reader,
): void {
  const deprecated = noteOn(
    { ...document, field: kind },
    'is deprecated since Kyverno 1.17: 1.20 is to take no new one, 1.21 none at all. ImageValidatingPolicy takes its place.',
  );
  if (!reader.notes.some(({ text }) => text === deprecated.text)) reader.notes.push(deprecated);
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

function checkRule(rule: PolicyNode, reader: Reader): void {
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
}

function readRule(
  rule: PolicyNode,
  policy: string,
  spec: ReadonlyMap<string, PolicyNode>,
  reader: Reader,
): readonly PolicyRule[] {
  const name = `${policy}, rule ${shown(textOf(mapOf(rule).get('name')) ?? '(without a name)')}`;
  const entries = listOf(mapOf(rule).get('verifyImages'));
  if (entries.length === 0)
    throw refusal(rule, 'has an empty `verifyImages`', 'Say which images must be signed by whom.');
  return entries.flatMap((entry) => {
    const enforced = isEnforced(entry, spec.get('validationFailureAction'));
    return readEntry(entry, name, enforced, reader);
  });
}

/** True where a match block says more than which kinds of resources. */
function narrows(node: PolicyNode): boolean {
  if (Array.isArray(node.value)) return listOf(node).some(narrows);
  const plain = new Set(['any', 'all', 'resources', 'kinds', 'operations']);
  return [...mapOf(node)].some(([name, child]) => !plain.has(name) || narrows(child));
}

/** Kyverno reports only, unless the entry, or else the policy, says Enforce. */
function isEnforced(entry: PolicyNode, ofPolicy: PolicyNode | undefined): boolean {
  const action = mapOf(entry).get('failureAction') ?? ofPolicy;
  return String(action?.value).toLowerCase() === 'enforce';
}

/**
 * True where Kyverno refuses an image that is written without a digest: it does not add one, and
 * asks for one all the same.
 */
function wantsDigest(entry: PolicyNode): boolean {
  const fields = mapOf(entry);
  return fields.get('mutateDigest')?.value === false && fields.get('verifyDigest')?.value !== false;
}

function readEntry(
  entry: PolicyNode,
  name: string,
  enforced: boolean,
  reader: Reader,
): readonly PolicyRule[] {
  const fields = mapOf(entry);
  const applies = wildcards([
    ...listOf(fields.get('imageReferences')),
    ...nodes(fields.get('image')),
  ]);
  if (applies.length === 0) throw refusal(entry, 'names no image', 'Add `imageReferences`.');
  const skips = wildcards(listOf(fields.get('skipImageReferences')));
  const type = textOf(fields.get('type'));
  // Without a type Kyverno takes Cosign, which sees legacy signatures alone.
  const bundle = type === 'SigstoreBundle';
  const asked: Asked = {
    bundle,
    ...withPlace(placeOfEntry(fields.get('repository'), bundle)),
    format: bundle ? 'bundle' : 'legacy',
    annotations: labelsOf(fields.get('annotations')),
    reader,
  };
  const sets = [...readAttestors(entry, asked), ...readAttestations(entry, asked)];
  if (sets.length === 0) {
    reader.notes.push(
      noteOn(
        entry,
        'asks for no signature (it has no `attestors` and no `attestations`) and is not counted as a rule about its images.',
      ),
    );
    return [];
  }
  const asks: Requirement = { kind: 'count', of: sets, count: sets.length, name };
  const skipped: Requirement = {
    kind: 'pass',
    reason: 'the policy exempts it (`skipImageReferences`).',
    name,
  };
  const noDigest = enforced && wantsDigest(entry) ? withoutDigest(name) : undefined;
  const requirementFor = (image: PolicyImage) => {
    const names = kyvernoNames(image);
    if (!names.all.some((text) => applies.some((fits) => fits(text)))) return undefined;
    // Under one of its names it might not be exempt, so all of them must be.
    if (names.written.every((text) => skips.some((fits) => fits(text)))) return skipped;
    return names.written.some((text) => !text.includes('@')) ? (noDigest ?? asks) : asks;
  };
  const include = [...listOf(fields.get('imageReferences')), ...nodes(fields.get('image'))];
  const patterns = {
    syntax: 'kyverno' as const,
    include: include.flatMap((node) => textOf(node) ?? []),
    exclude: listOf(fields.get('skipImageReferences')).flatMap((node) => textOf(node) ?? []),
  };
  return [{ name, file: entry.file, line: entry.line, patterns, asks, requirementFor }];
}

/** The answer to an image by tag where the cluster wants a digest. */
export function withoutDigest(name: string): Requirement {
  return {
    kind: 'fail',
    reason:
      'it is written without a digest, and the cluster refuses that: `mutateDigest` is false and `verifyDigest` is not.',
    name,
  };
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
