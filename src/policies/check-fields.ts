import type { Pattern } from '../signature/policy.ts';
import { shown } from '../text/untrusted.ts';
import type { Field, Fields } from './fields.ts';
import { isKeyAddress, type KeyRing, type ReadAuthorities } from './keys.ts';
import {
  listOf,
  mapOf,
  noteOn,
  type PolicyNode,
  type PolicyNote,
  refusal,
  textOf,
} from './node.ts';

/** What reading a policy depends on, and where its notes go. */
export interface Reader {
  /** the user gave a trusted root or a TUF mirror of their own */
  readonly ownTrust: boolean;
  readonly notes: PolicyNote[];
  readonly keys: KeyRing;
  /** signature/pattern.ts, which is loaded where policies have patterns */
  readonly compilePattern: (source: string) => Pattern;
  /** signature/own-authorities.ts, which is loaded where policies have authorities of their own */
  readonly readAuthorities: ReadAuthorities;
}

/**
 * Holds a map of a policy against the table of its fields: types, unknown and unsupported fields,
 * templates. A field without a value counts as absent, as in Kubernetes.
 * @throws {Failure} `bad-policy` for the first field that is not as it should be
 */
export function checkFields(node: PolicyNode, fields: Fields, reader: Reader): void {
  if (!(node.value instanceof Map))
    throw refusal(
      node,
      'must be a map of fields',
      'Compare it with the documentation of the policy.',
    );
  for (const [name, child] of mapOf(node)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw unknown(child, name, fields);
    if (child.value !== null) checkField(child, field, reader);
  }
}

function checkField(node: PolicyNode, field: Field, reader: Reader): void {
  switch (field.as) {
    case 'ignored':
      return;
    case 'noted':
      if (field.of !== undefined) checkValue(node, { as: 'text', of: field.of });
      if (field.when === undefined || field.when === node.value)
        reader.notes.push(noteOn(node, field.note));
      return;
    case 'refused':
      if (!isEmpty(node)) throw refusal(node, field.why, field.fix);
      return;
    case 'key':
    case 'kms':
      wantText(node);
      if (isKeyAddress(node)) reader.keys.elsewhere.set(node, String(node.value).trim());
      else if (field.as === 'kms' && textOf(node) !== undefined)
        throw refusal(
          node,
          'is not the address of a key in a service',
          'Write e.g. `awskms:///alias/release` or `hashivault://release`.',
        );
      return;
    case 'secret':
      checkSecret(node, field.namespace, reader);
      return;
    case 'anchor':
      checkAnchor(node, reader);
      return;
    case 'service':
      checkService(node, field.publicGood, reader);
      return;
    case 'object':
      checkFields(node, tableOf(field.fields), reader);
      return;
    case 'objects':
      wantList(node);
      for (const item of listOf(node)) checkFields(item, tableOf(field.fields), reader);
      return;
    default:
      checkValue(node, field);
  }
}

function checkValue(
  node: PolicyNode,
  field: Extract<Field, { as: 'text' | 'texts' | 'flag' | 'count' | 'labels' }>,
): void {
  switch (field.as) {
    case 'text':
      wantWord(node, field.of);
      return;
    case 'texts':
      wantList(node);
      for (const item of listOf(node)) wantWord(item, field.of);
      return;
    case 'labels':
      if (!(node.value instanceof Map))
        throw refusal(node, 'must be a map of texts', 'Write `name: "value"`, one a line.');
      mapOf(node).forEach(wantText);
      return;
    case 'flag':
      if (typeof node.value !== 'boolean')
        throw refusal(node, 'must be true or false', 'Write it without quotes.');
      return;
    case 'count':
      if (!Number.isSafeInteger(node.value) || (node.value as number) < 1)
        throw refusal(node, 'must be a number from 1', 'Write e.g. `1`.');
  }
}

const secretFields: Fields = { name: { as: 'text' }, namespace: { as: 'text' } };

function checkSecret(node: PolicyNode, ownNamespace: string | undefined, reader: Reader): void {
  checkFields(node, secretFields, reader);
  const name = textOf(mapOf(node).get('name'));
  const namespace = textOf(mapOf(node).get('namespace')) ?? ownNamespace;
  if (name === undefined || namespace === undefined)
    throw refusal(node, 'does not name a secret', 'Write its `name` and its `namespace`.');
  reader.keys.elsewhere.set(node, `k8s://${namespace}/${name}`);
}

function wantWord(node: PolicyNode, of: readonly string[] | undefined): void {
  wantText(node);
  if (of === undefined || node.value === '' || of.includes(node.value as string)) return;
  throw refusal(
    node,
    `is "${shown(String(node.value))}", which is not supported`,
    `Supported is ${of.join(', ')}.`,
  );
}

function wantText(node: PolicyNode): void {
  if (typeof node.value !== 'string') throw refusal(node, 'must be a text', 'Write it in quotes.');
  const variable = /\$\{[A-Za-z_][^}]*\}/.exec(node.value)?.[0];
  if (variable !== undefined) {
    throw refusal(
      node,
      `holds ${shown(variable)}, a variable that Flux substitutes and this gate does not`,
      'Write the value itself, or give the gate what `flux build kustomization` prints.',
    );
  }
  if (/\{\{|\$\(/.test(node.value)) {
    throw refusal(
      node,
      'holds a variable, and only the cluster knows its value',
      'Write the value itself, or give the gate a policy file where the variable is replaced.',
    );
  }
}

function wantList(node: PolicyNode): void {
  if (!Array.isArray(node.value))
    throw refusal(node, 'must be a list', 'Write each entry on a line that starts with "- ".');
}

const giveTrust =
  'Give the trusted root of that Sigstore instance: add `trusted-root: trusted_root.json` (or `tuf-mirror`) to the step.';

function checkAnchor(node: PolicyNode, { ownTrust, notes }: Reader): void {
  if (isEmpty(node)) return;
  if (!ownTrust)
    throw refusal(node, 'names a root of trust of its own, and the gate was given none', giveTrust);
  notes.push(
    noteOn(
      node,
      'is not looked at: what the gate trusts is the input `trusted-root` or `tuf-mirror`, else the public-good instance.',
    ),
  );
}

function checkService(node: PolicyNode, publicGood: string, { ownTrust, notes }: Reader): void {
  wantText(node);
  const url = String(node.value).replace(/\/+$/, '');
  if (url === '' || url === publicGood) return;
  if (!ownTrust) throw refusal(node, `names a service other than ${publicGood}`, giveTrust);
  notes.push(
    noteOn(
      node,
      'is not contacted: signatures are checked with the input `trusted-root` or `tuf-mirror`.',
    ),
  );
}

function unknown(node: PolicyNode, name: string, fields: Fields): Error {
  const near = Object.keys(fields).find((known) => known.toLowerCase() === name.toLowerCase());
  const known = Object.keys(fields).join(', ');
  return refusal(
    node,
    'is not a field of such a policy',
    near === undefined
      ? `Known here are: ${known}.`
      : `Write \`${near}\`: upper and lower case count.`,
  );
}

function isEmpty({ value }: PolicyNode): boolean {
  return (
    value === '' ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (value instanceof Map && value.size === 0)
  );
}

function tableOf(fields: Fields | (() => Fields)): Fields {
  return typeof fields === 'function' ? fields() : fields;
}
