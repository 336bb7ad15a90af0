import type { PredicateCheck } from '../signature/judge-attestation.ts';
import { isJsonObject } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import { kyvernoWildcard } from './glob.ts';
import { listOf, mapOf, type PolicyNode, refusal, textOf } from './node.ts';

/**
 * Reads the conditions of an attestation of Kyverno's (pkg/engine/variables): plain comparisons of
 * fields of the predicate, `{{ path }}`, with texts, numbers and switches. What Kyverno would compute
 * or convert first is an error: the gate must not say yes where the cluster says no.
 * @returns undefined where there are none
 * @throws {Failure} `bad-policy`
 */
export function readConditions(node: PolicyNode | undefined): PredicateCheck | undefined {
  const groups = listOf(node).map((group) => {
    const [any, all] = ['any', 'all'].map((name) =>
      listOf(mapOf(group).get(name)).map((condition) => readCondition(condition)),
    );
    if (any === undefined || all === undefined || any.length + all.length === 0)
      throw refusal(group, 'holds no condition', 'Write `all:` or `any:` with conditions.');
    return { any, all };
  });
  if (groups.length === 0) return undefined;
  return (predicate) => {
    for (const { any, all } of groups) {
      const failed = all.map((holds) => holds(predicate)).find((why) => why !== undefined);
      if (failed !== undefined) return failed;
      const [first] = any.map((holds) => holds(predicate));
      if (any.length > 0 && any.every((holds) => holds(predicate) !== undefined)) return first;
    }
    return undefined;
  };
}

type Scalar = string | number | boolean;

function readCondition(condition: PolicyNode): PredicateCheck {
  const fields = mapOf(condition);
  const path = readPath(condition, fields.get('key'));
  const operator = fields.get('operator');
  const name = textOf(operator) ?? '';
  const compare = Object.hasOwn(comparisons, name) ? comparisons[name] : undefined;
  if (compare === undefined)
    throw refusal(
      operator ?? condition,
      'is no plain comparison',
      `Write one of ${Object.keys(comparisons).join(', ')}.`,
    );
  const holds = compare(
    readValue(condition, fields.get('value')),
    fields.get('value') ?? condition,
  );
  const where = `${path.join('.')} ${name}`;
  return (predicate) => {
    const value = at(predicate, path);
    const problem = value === undefined || value === null ? 'there is none' : holds(value);
    if (problem === undefined) return undefined;
    return `its condition "${shown(where)}" does not hold: ${problem}`;
  };
}

/** Names that Kyverno has values for, whatever a predicate says. */
const ofKyverno = ['request', 'images', 'element', 'elementIndex', 'target', 'image'];
const segment = /\.?(?:(?<name>[A-Za-z_]\w*)|"(?<quoted>[^"\\{}]+)")|\[(?<index>\d{1,4})\]/y;

/** `{{ builder.id }}`, `{{ scanner.result[0]."x-y" }}`: fields and places in lists, no more. */
function readPath(
  condition: PolicyNode,
  key: PolicyNode | undefined,
): readonly (string | number)[] {
  const inside = /^\{\{\s*(\S(?:.*\S)?)\s*\}\}$/s.exec(textOf(key) ?? '')?.[1] ?? '';
  const path: (string | number)[] = [];
  segment.lastIndex = 0;
  let end = 0;
  for (let found = segment.exec(inside); found !== null; found = segment.exec(inside)) {
    const { name, quoted, index } = found.groups ?? {};
    const isFirst = path.length === 0;
    if (isFirst === found[0].startsWith('.') && index === undefined) break;
    if (isFirst && index !== undefined) break;
    path.push(index === undefined ? (name ?? quoted ?? '') : Number(index));
    end = segment.lastIndex;
  }
  const [first] = path;
  if (end === 0 || end !== inside.length || ofKyverno.includes(String(first)))
    throw refusal(
      key ?? condition,
      'is not the path of a field of the predicate, and functions are not evaluated',
      'Write e.g. `key: "{{ builder.id }}"`.',
    );
  return path;
}

function readValue(condition: PolicyNode, node: PolicyNode | undefined): Scalar | Scalar[] {
  const scalar = (one: PolicyNode): Scalar => {
    const { value } = one;
    if (typeof value === 'string' && !value.includes('{{')) return value;
    if (typeof value === 'number' || typeof value === 'boolean') return value;
    throw refusal(one, 'is no plain text, number or switch', 'Write the value itself.');
  };
  if (node === undefined)
    throw refusal(condition, 'has no `value`', 'Add what the field is compared with.');
  return Array.isArray(node.value) ? listOf(node).map(scalar) : scalar(node);
}

/** Why a comparison does not hold; undefined where it does. */
type Holds = (value: unknown) => string | undefined;
type Comparison = (wanted: Scalar | Scalar[], node: PolicyNode) => Holds;

/** Kyverno compares what begins like a number as a quantity or a duration. */
const isQuantity = (text: string) => /^[+-]?\.?\d/.test(text);

const equals: Comparison = (wanted, node) => {
  if (Array.isArray(wanted)) throw refusal(node, 'is a list', 'Write one value, or use `AnyIn`.');
  return (value) => {
    if (typeof value !== typeof wanted) return `it is ${told(value)}`;
    if (value === wanted) return undefined;
    const isPattern =
      typeof value === 'string' && typeof wanted === 'string' && !isQuantity(value + wanted);
    return isPattern && !isQuantity(wanted) && kyvernoWildcard(wanted)(value)
      ? undefined
      : `it is ${told(value)}`;
  };
};

const notEquals: Comparison = (wanted, node) => {
  const same = equals(wanted, node);
  // "1.10" and "1.1" are one quantity in the cluster, and two texts here.
  if (typeof wanted === 'string' && isQuantity(wanted))
    throw refusal(node, 'is compared as a quantity in the cluster', 'Write it as a number.');
  return (value) =>
    typeof value === typeof wanted && same(value) !== undefined
      ? undefined
      : `it is ${told(value)}`;
};

const numeric =
  (holds: (value: number, wanted: number) => boolean): Comparison =>
  (wanted, node) => {
    if (typeof wanted !== 'number') throw refusal(node, 'is no number', 'Write it without quotes.');
    return (value) =>
      typeof value === 'number' && holds(value, wanted) ? undefined : `it is ${told(value)}`;
  };

/** Kyverno takes wildcards on both sides; here there are none. */
const membership =
  (holds: (value: readonly string[], wanted: ReadonlySet<string>) => boolean): Comparison =>
  (wanted, node) => {
    if (!Array.isArray(wanted) || wanted.length === 0)
      throw refusal(node, 'is no list', 'Write a list of values.');
    const texts = wanted.map(String);
    if (texts.some((text) => /[*?]/.test(text)))
      throw refusal(node, 'has wildcards', 'Write the values themselves.');
    const set = new Set(texts);
    return (value) => {
      const all: readonly unknown[] = Array.isArray(value) ? value : [value];
      const isPlain = all.every((one) => ['string', 'number', 'boolean'].includes(typeof one));
      const given = all.map(String);
      if (all.length === 0 || !isPlain || given.some((text) => /[*?]/.test(text)))
        return `it is ${told(value)}`;
      return holds(given, set) ? undefined : `it is ${told(value)}`;
    };
  };

const anyIn = membership((value, wanted) => value.some((one) => wanted.has(one)));
const allIn = membership((value, wanted) => value.every((one) => wanted.has(one)));
const allNotIn = membership((value, wanted) => !value.some((one) => wanted.has(one)));

const comparisons: Readonly<Record<string, Comparison>> = {
  Equals: equals,
  Equal: equals,
  NotEquals: notEquals,
  NotEqual: notEquals,
  GreaterThan: numeric((value, wanted) => value > wanted),
  GreaterThanOrEquals: numeric((value, wanted) => value >= wanted),
  LessThan: numeric((value, wanted) => value < wanted),
  LessThanOrEquals: numeric((value, wanted) => value <= wanted),
  AnyIn: anyIn,
  AllIn: allIn,
  AllNotIn: allNotIn,
};

function told(value: unknown): string {
  if (typeof value === 'string') return `"${shown(value, 100)}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  let current = value;
  for (const part of path) {
    if (typeof part === 'number') current = Array.isArray(current) ? current[part] : undefined;
    else
      current = isJsonObject(current) && Object.hasOwn(current, part) ? current[part] : undefined;
  }
  return current;
}
