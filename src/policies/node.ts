import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';

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

/** A note about this field. `text` is the end of a sentence that starts with the field. */
export function noteOn(node: PolicyNode, text: string): PolicyNote {
  return { file: node.file, line: node.line, text: `\`${shown(node.field)}\` ${text}` };
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

function whereabouts({ file, line, field }: PolicyNode): string {
  return `${shown(file)}, line ${line}${field === '' ? ': the document' : `: \`${shown(field)}\``}`;
}
