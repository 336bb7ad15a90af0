import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml';
import { shown } from '../text/untrusted.ts';

/** A value of a YAML file that knows its line. */
export interface YamlNode {
  /** counted from 1 */
  readonly line: number;
  readonly value: string | number | boolean | null | readonly YamlNode[] | YamlMap;
  /** a scalar as it stands in the file: `1.10`, where the value is the number 1.1 */
  readonly source?: string;
}

export type YamlMap = ReadonlyMap<string, YamlNode>;

/** Why a text is no YAML that can be read; thrown, and caught by who reads the file. */
export class UnreadableYaml extends Error {
  readonly line: number;

  constructor(line: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.line = line;
  }
}

/**
 * What one file may hold. Aliases count every time they are used, so a few lines cannot stand for
 * millions of values.
 */
export const yamlLimits = { documents: 2000, depth: 60, values: 200_000 } as const;

/**
 * Reads a YAML or JSON file of several documents. A key that stands in a map twice is an error: of
 * two readers each may take another one, and the gate would look at the wrong image. Merge keys
 * (`<<`) are followed, tags such as `!reset` are left out.
 * @throws {UnreadableYaml} with the line
 */
export function readYamlNodes(text: string): readonly YamlNode[] {
  const lines = new LineCounter();
  const documents = parse(text, lines);
  if (documents.length > yamlLimits.documents)
    throw new UnreadableYaml(1, `it has more than ${yamlLimits.documents} documents`);
  const budget = { left: yamlLimits.values };
  return documents.flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) {
      const message = (problem.message.split('\n')[0] ?? '').replace(/[.:]?\s*$/, '');
      throw new UnreadableYaml(lines.linePos(problem.pos[0]).line, message, { cause: problem });
    }
    if (document.contents === null) return [];
    return [convert(document.contents as Node, { lines, anchors: new Map(), budget }, 1, 0)];
  });
}

function parse(text: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  try {
    // Repeated keys are found below: the library's own search takes quadratic time.
    const options = {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter,
    } as const;
    const read = parseAllDocuments(text, options);
    return 'empty' in read ? [] : read;
  } catch (error) {
    throw new UnreadableYaml(1, 'it is nested too deep, or is not YAML', { cause: error });
  }
}

interface Reading {
  readonly lines: LineCounter;
  /**
   * nodes by their anchor, those before the place that is read; the library's own search walks the
   * whole document for each alias
   */
  readonly anchors: Map<string, Node>;
  readonly budget: { left: number };
}

const coreTags = /^tag:yaml\.org,2002:(str|int|float|bool|null)$/;

function convert(node: Node | null, reading: Reading, line: number, depth: number): YamlNode {
  if (--reading.budget.left < 0)
    throw new UnreadableYaml(
      line,
      `it has more than ${yamlLimits.values} values, those behind aliases counted each time`,
    );
  if (depth > yamlLimits.depth)
    throw new UnreadableYaml(line, `it is nested deeper than ${yamlLimits.depth} levels`);
  if (node === null) return { line, value: null };
  if (isAlias(node)) {
    const target = reading.anchors.get(node.source);
    if (target === undefined) throw new UnreadableYaml(line, 'it has an alias of nothing');
    return { ...convert(target, reading, line, depth + 1), line };
  }
  if (node.anchor !== undefined) reading.anchors.set(node.anchor, node);
  if (isSeq(node)) {
    const items = node.items as readonly (Node | null)[];
    return {
      line,
      value: items.map((item) => convert(item, reading, lineOf(item, reading, line), depth + 1)),
    };
  }
  if (isMap(node))
    return { line, value: convertMap(node.items as readonly Pair[], reading, line, depth) };
  const value: unknown = isScalar(node) ? node.value : null;
  // Other readers may decode such a value (`!!binary`): it is no text here, and no reference
  // either.
  if (isScalar(node) && node.tag !== undefined && !coreTags.test(node.tag))
    return { line, value: `${node.tag} ${String(node.source ?? '')}` };
  const source = isScalar(node) && node.source !== undefined ? { source: node.source } : {};
  return {
    line,
    value:
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? value
        : null,
    ...source,
  };
}

interface Pair {
  readonly key: Node | null;
  readonly value: Node | null;
}

function convertMap(
  pairs: readonly Pair[],
  reading: Reading,
  outer: number,
  depth: number,
): YamlMap {
  const map = new Map<string, YamlNode>();
  const merged: YamlNode[] = [];
  for (const { key, value } of pairs) {
    const line = lineOf(key, reading, outer);
    // Numbers, truth values and empty keys are texts here: no image stands under them, but a file
    // may have them.
    const name = isScalar(key)
      ? typeof key.value === 'string'
        ? key.value
        : String(key.source ?? key.value)
      : JSON.stringify(key);
    const child = convert(value, reading, lineOf(value, reading, line), depth + 1);
    const placed = { ...child, line };
    if (name === '<<') merged.push(placed);
    else if (map.has(name))
      throw new UnreadableYaml(
        line,
        `the key "${shown(name, 60)}" stands there twice, and readers differ in which one counts`,
      );
    else map.set(name, placed);
  }
  for (const source of merged.flatMap((node) =>
    Array.isArray(node.value) ? (node.value as readonly YamlNode[]) : [node],
  )) {
    for (const [name, child] of mapOf(source)) if (!map.has(name)) map.set(name, child);
  }
  return map;
}

function lineOf(node: Node | null, { lines }: Reading, otherwise: number): number {
  const start = node?.range?.[0];
  return start === undefined ? otherwise : lines.linePos(start).line;
}

/** The map under a node; empty for anything else. */
export function mapOf(node: YamlNode | undefined): YamlMap {
  return node?.value instanceof Map ? node.value : new Map();
}

/** The items of a list; empty for anything else. */
export function listOf(node: YamlNode | undefined): readonly YamlNode[] {
  return Array.isArray(node?.value) ? node.value : [];
}

/** The text of a node; undefined for anything that is not text, and for an empty one. */
export function textOf(node: YamlNode | undefined): string | undefined {
  return typeof node?.value === 'string' && node.value.trim() !== ''
    ? node.value.trim()
    : undefined;
}

/** True for a node that is there and holds something. */
export function isSet(node: YamlNode | undefined): node is YamlNode {
  return node !== undefined && node.value !== null && node.value !== '';
}

/**
 * Every map in a tree with the key it stands under (of its list, for items), from the outside in.
 */
export function* mapsIn(
  node: YamlNode,
  key = '',
  skip: (key: string, map: YamlMap) => boolean = () => false,
): Generator<{ key: string; map: YamlMap }> {
  if (node.value instanceof Map) {
    yield { key, map: node.value };
    for (const [name, child] of node.value as YamlMap)
      if (!skip(name, node.value)) yield* mapsIn(child, name, skip);
  } else if (Array.isArray(node.value)) {
    for (const item of node.value as readonly YamlNode[]) yield* mapsIn(item, key, skip);
  }
}
