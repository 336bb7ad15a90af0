import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { readYaml } from '../text/yaml.ts';
import { UnreadableYaml, type YamlLimits, type YamlMap, type YamlNode } from '../text/yaml-node.ts';

/**
 * A value of a policy file that knows where it stands. A file's own line is the line of the field's
 * name, where it has one.
 */
export interface PolicyNode {
  readonly file: string;
  /** counted from 1 */
  readonly line: number;
  /** e.g. `spec.authorities[0].key.data`; empty for a whole document */
  readonly field: string;
  readonly value: string | number | boolean | null | readonly PolicyNode[] | PolicyMap;
  /** of a text that stands in a block below its line: `literal` is `|`, `folded` is `>` */
  readonly block?: 'literal' | 'folded';
}

export type PolicyMap = ReadonlyMap<string, PolicyNode>;

/**
 * Something a person should know about a policy that was read: what the gate does not do as the
 * cluster does.
 */
export interface PolicyNote {
  readonly file: string;
  readonly line: number;
  /** names the field; one sentence or two */
  readonly text: string;
  /** images pass without a signature: a warning, not a notice */
  readonly loud?: true;
}

/** What one file may hold: less than a file of manifests. */
export const policyLimits: YamlLimits = {
  lexemes: 500_000,
  documents: 1000,
  depth: 40,
  values: 50_000,
};

/**
 * Reads a policy file of several documents into nodes that know their fields. Stricter than for
 * other files: a tag, or a value about which readers of YAML may differ, is refused.
 * @returns the documents that are not empty
 * @throws {Failure} `bad-policy` with the line
 */
export function readPolicyNodes(file: string, text: string): readonly PolicyNode[] {
  return documents(file, text).flatMap((document) => {
    const tree = placed(document, file, '');
    return tree.value === null ? [] : [tree];
  });
}

function documents(file: string, text: string): readonly YamlNode[] {
  try {
    return readYaml(text, policyLimits);
  } catch (caught) {
    if (!(caught instanceof UnreadableYaml)) throw caught;
    throw new Failure(
      'bad-policy',
      `${shown(file)}, line ${caught.line}: this is not a policy file that can be read: it ${shown(caught.message)}.`,
      fixFor(caught.message),
      { cause: caught },
    );
  }
}

/** `- *` and `subject: *@acme.com` are aliases in YAML; most who write them mean a wildcard. */
function fixFor(problem: string): string {
  if (/alias|reserved character|directive indicator/i.test(problem))
    return 'Put the value into quotes: `- "*"`. Without quotes a `*`, `&`, `@`, `%` or backtick at its start has a meaning of its own in YAML.';
  return 'Give YAML as `kubectl apply` takes it. A template (Helm, kustomize variables) must be rendered first, for example with `helm template`.';
}

function placed(node: YamlNode, file: string, field: string): PolicyNode {
  const place = { file, line: node.line, field, value: null };
  if (node.tag !== undefined)
    throw refusal(place, `has the tag ${shown(node.tag)}`, 'Write the value without a tag.');
  if (node.doubt !== undefined) throw refusal(place, node.doubt, 'Write the value once.');
  const { value, style } = node;
  if (value instanceof Map) {
    const fields = [...(value as YamlMap)].map(([name, child]) => {
      const inside = field === '' ? name : `${field}.${name}`;
      return [name, placed(child, file, inside)] as const;
    });
    return { ...place, value: new Map(fields) };
  }
  if (Array.isArray(value))
    return {
      ...place,
      value: (value as readonly YamlNode[]).map((item, index) =>
        placed(item, file, `${field}[${index}]`),
      ),
    };
  const block = style === 'literal' || style === 'folded' ? { block: style } : {};
  return { ...place, value: value as PolicyNode['value'], ...block };
}

/**
 * A Failure `bad-policy` that names file, line and field. `problem` is the end of a sentence that
 * starts with the field, without a full stop.
 */
export function refusal(
  node: PolicyNode,
  problem: string,
  fix: string,
  options?: { cause?: unknown },
): Failure {
  return new Failure('bad-policy', `${whereabouts(node)} ${problem}.`, fix, options);
}

/** The start of a sentence about a field: file, line and the field's name. */
export function whereabouts({ file, line, field }: PolicyNode): string {
  return `${shown(file)}, line ${line}${field === '' ? ': the document' : `: \`${shown(field)}\``}`;
}

/** A note about this field. `text` is the end of a sentence that starts with the field. */
export function noteOn(node: PolicyNode, text: string): PolicyNote {
  return { file: node.file, line: node.line, text: `\`${shown(node.field)}\` ${text}` };
}

/**
 * The node at the line where a place of its text stands: exact for literal blocks; of folded ones,
 * whose lines are joined, the first line of the text.
 * @param offset of a character of the text
 */
export function atOffset(node: PolicyNode, offset: number): PolicyNode {
  if (node.block === undefined || typeof node.value !== 'string') return node;
  const breaks = node.block === 'folded' ? 0 : node.value.slice(0, offset).split('\n').length - 1;
  return { ...node, line: node.line + 1 + breaks };
}

/** The map under a node; empty for anything else. */
export function mapOf(node: PolicyNode | undefined): PolicyMap {
  return node !== undefined && node.value instanceof Map ? node.value : new Map();
}

/** The items of a list; empty for anything else. */
export function listOf(node: PolicyNode | undefined): readonly PolicyNode[] {
  return node !== undefined && Array.isArray(node.value) ? node.value : [];
}

/**
 * The text of a field; undefined where it is absent, empty or something else. Its type was checked
 * before, with the table of fields.
 */
export function textOf(node: PolicyNode | undefined): string | undefined {
  return typeof node?.value === 'string' && node.value !== '' ? node.value : undefined;
}

/** A field further in, by the names of the fields on the way. */
export function nodeAt(node: PolicyNode, ...names: readonly string[]): PolicyNode | undefined {
  return names.reduce<PolicyNode | undefined>((inner, name) => mapOf(inner).get(name), node);
}

/** True only for the value `true`. */
export function isTrue(node: PolicyNode | undefined): boolean {
  return node?.value === true;
}

/** A map of texts as a plain object without a prototype: names like `__proto__` are names. */
export function labelsOf(node: PolicyNode | undefined): Record<string, string> {
  const labels: Record<string, string> = Object.create(null);
  for (const [name, { value }] of mapOf(node)) if (typeof value === 'string') labels[name] = value;
  return labels;
}

/**
 * The one field of these that has a value.
 * @param fix what to write instead of none or several
 * @throws {Failure} `bad-policy`
 */
export function onlyOneOf(
  parent: PolicyNode,
  names: readonly string[],
  fix = 'Keep one of them.',
): { readonly name: string; readonly node: PolicyNode } {
  const [one, second] = names.flatMap((name) => {
    const node = mapOf(parent).get(name);
    return node === undefined || node.value === null ? [] : [{ name, node }];
  });
  if (one !== undefined && second === undefined) return one;
  const quoted = names.map((name) => `\`${name}\``);
  const list = `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
  throw refusal(parent, `must have one of ${list}`, fix);
}
