import { isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, Scalar } from 'yaml';
import { shown } from './untrusted.ts';
import type { YamlLimits, YamlMap, YamlNode } from './yaml-node.ts';
import { UnreadableYaml } from './yaml-node.ts';

interface Pair {
  readonly key: Node | null;
  readonly value: Node | null;
}

/** What an anchor stands for; without a node while that is still read. */
interface Anchored {
  node?: YamlNode;
  values: number;
  height: number;
}

const coreTag = /^(?:!|tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq))$/;
const templateKey =
  'is a template, with {{ }} outside of a text; render it and give the result, for example of `helm template`';

/** Turns the library's nodes into ours, and refuses what readers do not agree about. */
export class YamlConverter {
  readonly #source: string;
  readonly #lines: LineCounter;
  readonly #limits: YamlLimits;
  #anchors = new Map<string, Anchored>();
  #left: number;
  #deepest = 0;

  constructor(source: string, lines: LineCounter, limits: YamlLimits) {
    this.#source = source;
    this.#lines = lines;
    this.#limits = limits;
    this.#left = limits.values;
  }

  /** @throws {UnreadableYaml} */
  document(contents: Node): YamlNode {
    this.#anchors = new Map();
    return this.#convert(contents, this.#lineOf(contents, 1), 0);
  }

  /** @param line of the key or the dash in front */
  #convert(node: Node | null, line: number, depth: number): YamlNode {
    this.#spend(1, line);
    this.#reach(depth, line);
    if (node === null) return { line, value: null };
    if (isAlias(node)) return this.#alias(node.source, this.#lineOf(node, line), depth);
    if (node.anchor === undefined) return this.#value(node, line, depth);
    const anchored: Anchored = { values: 0, height: 0 };
    this.#anchors.set(checkedName(node.anchor, line), anchored);
    const left = this.#left;
    const deepest = this.#deepest;
    this.#deepest = depth;
    anchored.node = this.#value(node, line, depth);
    anchored.values = left - this.#left;
    anchored.height = this.#deepest - depth;
    this.#deepest = Math.max(deepest, this.#deepest);
    return anchored.node;
  }

  /**
   * The value as it was at the anchor: aliases inside of it mean the anchors before them, not those
   * before this place.
   */
  #alias(name: string, line: number, depth: number): YamlNode {
    const target = this.#anchors.get(checkedName(name, line));
    if (target?.node === undefined)
      throw new UnreadableYaml(line, `has an alias \`*${shown(name, 60)}\` of nothing`);
    this.#spend(target.values, line);
    this.#reach(depth + target.height, line);
    return { ...target.node, line };
  }

  #value(node: Node, line: number, depth: number): YamlNode {
    const tag =
      'tag' in node && node.tag !== undefined && !coreTag.test(node.tag) ? { tag: node.tag } : {};
    if (isSeq(node)) {
      const items = node.items as readonly (Node | null)[];
      const value = items.map((item) => this.#convert(item, this.#lineOf(item, line), depth + 1));
      return { line, value, ...tag };
    }
    if (isMap(node)) {
      const value = this.#map(node.items as readonly Pair[], line, depth);
      return { line, value, ...tag };
    }
    return isScalar(node) ? { ...this.#scalar(node, line), ...tag } : { line, value: null, ...tag };
  }

  #scalar(node: Scalar, line: number): YamlNode {
    const { value } = node;
    // `!!str 1` is as much a text as `"1"`.
    const isText = node.tag === '!' || node.tag === 'tag:yaml.org,2002:str';
    const style = isText ? 'quoted' : node.type === undefined ? undefined : styles[node.type];
    return {
      line: node.source === '' && style === 'plain' ? line : this.#lineOf(node, line),
      value:
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? value
          : null,
      ...(node.source === undefined ? {} : { source: node.source }),
      ...(style === undefined ? {} : { style }),
    };
  }

  #map(pairs: readonly Pair[], outer: number, depth: number): YamlMap {
    const map = new Map<string, YamlNode>();
    const merged = new Set<string>();
    for (const { key, value } of pairs) {
      const line = this.#lineOf(key, outer);
      const name = this.#key(key, line);
      const child = this.#convert(value, line, depth + 1);
      if (name === '<<') this.#merge(child, map, merged);
      else if (map.has(name) && !merged.has(name))
        throw new UnreadableYaml(
          line,
          `has the key \`${shown(name, 60)}\` in one map twice, and readers differ in which one counts`,
        );
      else {
        map.delete(name);
        map.set(name, child);
        merged.delete(name);
      }
    }
    return map;
  }

  /**
   * Numbers, truth values and empty keys are texts here: no image stands under them, but a file may
   * have them. An alias, a tag (`!!binary`) or text in several lines may be `image` for one reader
   * alone.
   */
  #key(key: Node | null, line: number): string {
    if (key === null) return '';
    if (!isScalar(key)) {
      const isTemplate = this.#source.startsWith('{{', (key.range?.[0] ?? 1) - 1);
      throw new UnreadableYaml(
        line,
        isTemplate ? templateKey : 'has a key that is not a text; write the text itself',
        { isTemplate },
      );
    }
    const isText =
      key.type === Scalar.PLAIN ||
      key.type === Scalar.QUOTE_DOUBLE ||
      key.type === Scalar.QUOTE_SINGLE;
    if (!isText || key.tag !== undefined || key.anchor !== undefined)
      throw new UnreadableYaml(
        line,
        'has a key with a tag, an anchor or several lines, which readers take differently; write the text itself',
      );
    const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
    if (name === '<<' && key.type !== Scalar.PLAIN)
      throw new UnreadableYaml(line, 'has a merge key in quotes, which only some readers follow');
    return name;
  }

  /**
   * For kubectl (go-yaml v2) the later one of a merge key and an explicit key counts, for others
   * the explicit one: an image that is good for the gate alone would hide behind a merge key.
   */
  #merge(source: YamlNode, map: Map<string, YamlNode>, merged: Set<string>): void {
    const sources = Array.isArray(source.value) ? (source.value as readonly YamlNode[]) : [source];
    const added = new Map<string, YamlNode>();
    for (const { line, value } of sources) {
      if (!(value instanceof Map))
        throw new UnreadableYaml(line, 'merges (`<<`) something that is no map');
      this.#spend(value.size, line);
      for (const [name, child] of value as YamlMap) if (!added.has(name)) added.set(name, child);
    }
    for (const [name, child] of added) {
      const other = map.get(name);
      if (other === undefined) {
        map.set(name, child);
        merged.add(name);
      } else if (!this.#isSame(other, child))
        map.set(name, { ...other, doubt: mergedLate, doubtLine: source.line });
    }
  }

  #isSame(one: YamlNode, other: YamlNode): boolean {
    if (one.value === other.value) return one.tag === other.tag;
    this.#spend(1, other.line);
    const [a, b] = [one.value, other.value];
    if (a instanceof Map && b instanceof Map)
      return (
        a.size === b.size &&
        [...a].every(([name, child]) => {
          const match = (b as YamlMap).get(name);
          return match !== undefined && this.#isSame(child, match);
        })
      );
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => this.#isSame(item, b[index]))
    );
  }

  #spend(values: number, line: number): void {
    this.#left -= values;
    if (this.#left < 0)
      throw new UnreadableYaml(
        line,
        `has more than ${this.#limits.values} values, those behind aliases counted each time`,
      );
  }

  #reach(depth: number, line: number): void {
    this.#deepest = Math.max(this.#deepest, depth);
    if (depth > this.#limits.depth)
      throw new UnreadableYaml(line, `is nested deeper than ${this.#limits.depth} levels`);
  }

  #lineOf(node: Node | null, otherwise: number): number {
    const start = node?.range?.[0];
    return start === undefined ? otherwise : this.#lines.linePos(start).line;
  }
}

const mergedLate =
  'has another value in a merge key `<<` behind it, and readers differ in which one counts; write the merge key first';

const styles = {
  PLAIN: 'plain',
  QUOTE_DOUBLE: 'quoted',
  QUOTE_SINGLE: 'quoted',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
} as const;

/** The names that YAML 1.1 knows: for it `*k:` is a key that is an alias, for 1.2 the alias `k:`. */
function checkedName(name: string, line: number): string {
  if (/^[\w-]+$/.test(name)) return name;
  throw new UnreadableYaml(
    line,
    `has an anchor \`${shown(name, 60)}\`; only letters, digits, - and _ mean the same to all readers`,
  );
}
