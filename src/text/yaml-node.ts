/** A value of a YAML or JSON file that knows its place. */
export interface YamlNode {
  /**
   * counted from 1: where a scalar begins; for a list or map the line of the key (of its dash) that
   * it stands under
   */
  readonly line: number;
  readonly value: string | number | boolean | null | readonly YamlNode[] | YamlMap;
  /** a scalar as it stands in the file, without quotes: `1.10`, where the value is the number 1.1 */
  readonly source?: string;
  /** of a scalar; `literal` is `|`, `folded` is `>` */
  readonly style?: 'plain' | 'quoted' | 'literal' | 'folded';
  /**
   * a tag that is not of the core schema: `!reset`, `tag:yaml.org,2002:binary`. Programs differ in
   * what they make of the value: some take its text, some decode it, some drop it
   */
  readonly tag?: string;
  /**
   * another reader may take another value here: a merge key stands behind the explicit one, or two
   * of them differ. The end of a sentence
   */
  readonly doubt?: string;
  /** where the doubt comes from: the line of the merge key */
  readonly doubtLine?: number;
}

export type YamlMap = ReadonlyMap<string, YamlNode>;

/** The map under a node; empty for anything else. */
export function mapOf(node: YamlNode | undefined): YamlMap {
  return node?.value instanceof Map ? node.value : empty;
}

const empty: YamlMap = new Map();

/** The items of a list; empty for anything else. */
export function listOf(node: YamlNode | undefined): readonly YamlNode[] {
  return Array.isArray(node?.value) ? node.value : [];
}

/**
 * The text of a node without blanks around it; undefined for anything that is not text, for an
 * empty one, and for one with a tag of its own.
 */
export function textOf(node: YamlNode | undefined): string | undefined {
  return typeof node?.value === 'string' && node.tag === undefined && node.value.trim() !== ''
    ? node.value.trim()
    : undefined;
}

/** True for a node that is there and holds something. */
export function isSet(node: YamlNode | undefined): node is YamlNode {
  return node !== undefined && node.value !== null && node.value !== '';
}

/**
 * The line of the file where a line of a scalar's text stands; exact for literal blocks, else where
 * the scalar begins.
 * @param line of the text, counted from 1
 */
export function lineInText(node: YamlNode, line: number): number {
  return node.style === 'literal' ? node.line + line : node.line;
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

/** Every node of a tree, from the outside in. */
export function* nodesIn(node: YamlNode): Generator<YamlNode> {
  yield node;
  if (node.value instanceof Map)
    for (const child of (node.value as YamlMap).values()) yield* nodesIn(child);
  else if (Array.isArray(node.value))
    for (const item of node.value as readonly YamlNode[]) yield* nodesIn(item);
}

/** The value without places, as `JSON.parse` gives it; maps have no prototype. */
export function plainValue({ value }: YamlNode): unknown {
  if (value instanceof Map) {
    const fields: Record<string, unknown> = Object.create(null);
    for (const [name, child] of value as YamlMap) fields[name] = plainValue(child);
    return fields;
  }
  return Array.isArray(value) ? (value as readonly YamlNode[]).map(plainValue) : value;
}

/** What one file may hold. */
export interface YamlLimits {
  /** of one document, in YAML's grammar: words, signs, line ends, the blanks between them */
  readonly lexemes: number;
  readonly documents: number;
  readonly depth: number;
  /** those behind aliases count each time, so a few lines cannot stand for millions */
  readonly values: number;
}

/** Why a text is no YAML that is read here; thrown, and caught by who reads the file. */
export class UnreadableYaml extends Error {
  /** counted from 1 */
  readonly line: number;
  /** an action `{{ }}` stands where YAML has a map in braces: the file is a template */
  readonly isTemplate: boolean;

  /** @param message the end of a sentence that starts with the file, without a full stop */
  constructor(line: number, message: string, options: UnreadableOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.line = line;
    this.isTemplate = options.isTemplate ?? false;
  }
}

interface UnreadableOptions {
  readonly isTemplate?: boolean;
  readonly cause?: unknown;
}
