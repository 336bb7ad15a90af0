import { shown } from './untrusted.ts';
import type { YamlLimits, YamlNode } from './yaml-node.ts';
import { UnreadableYaml } from './yaml-node.ts';

/** The text is no JSON; it may still be YAML. */
class NotJson extends Error {}

/**
 * Reads a text that is one JSON value (RFC 8259) into the same nodes as YAML, each with its line: a
 * tenth of the time and memory that YAML takes for what `kubectl get -o json` prints. kubectl, too,
 * tries JSON first.
 * @returns undefined for a text that is no JSON
 * @throws {UnreadableYaml} for a key that stands twice in an object, a key `<<`, which some readers
 * of YAML follow, and more than a file may hold
 */
export function readJsonNodes(text: string, limits: YamlLimits): YamlNode | undefined {
  if (!/^[ \t\r\n]*[{[]/.test(text)) return undefined;
  try {
    return new JsonReader(text, limits).document();
  } catch (caught) {
    if (caught instanceof NotJson) return undefined;
    throw caught;
  }
}

/** Sticky, so that each looks at one place of the text and no further than its end. */
const string = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const word = /true|false|null/y;

class JsonReader {
  readonly #text: string;
  readonly #limits: YamlLimits;
  #at = 0;
  #line = 1;
  #values = 0;

  constructor(source: string, limits: YamlLimits) {
    this.#text = source;
    this.#limits = limits;
  }

  document(): YamlNode {
    this.#skip();
    const node = this.#value(this.#line, 0);
    this.#skip();
    if (this.#at < this.#text.length) throw new NotJson();
    return node;
  }

  #value(line: number, depth: number): YamlNode {
    if (++this.#values > this.#limits.values)
      throw new UnreadableYaml(line, `has more than ${this.#limits.values} values`);
    if (depth > this.#limits.depth)
      throw new UnreadableYaml(line, `is nested deeper than ${this.#limits.depth} levels`);
    const first = this.#text[this.#at];
    if (first === '{') return { line, value: this.#object(depth) };
    if (first === '[') return { line, value: this.#list(depth) };
    if (first === '"') return { line: this.#line, value: this.#string(), style: 'quoted' };
    const source = this.#match(number) ?? this.#match(word);
    if (source === undefined) throw new NotJson();
    return { line: this.#line, value: JSON.parse(source), source, style: 'plain' };
  }

  #object(depth: number): Map<string, YamlNode> {
    const map = new Map<string, YamlNode>();
    this.#at++;
    for (let more = !this.#took('}'); more; more = this.#goesOn('}')) {
      this.#skip();
      const line = this.#line;
      const name = this.#string();
      if (!this.#took(':')) throw new NotJson();
      if (map.has(name) || name === '<<')
        throw new UnreadableYaml(
          line,
          name === '<<'
            ? 'has a merge key in quotes, which only some readers follow'
            : `has the key \`${shown(name, 60)}\` in one map twice, and readers differ in which one counts`,
        );
      this.#skip();
      map.set(name, this.#value(line, depth + 1));
    }
    return map;
  }

  #list(depth: number): YamlNode[] {
    const items: YamlNode[] = [];
    this.#at++;
    for (let more = !this.#took(']'); more; more = this.#goesOn(']')) {
      this.#skip();
      items.push(this.#value(this.#line, depth + 1));
    }
    return items;
  }

  /** True after a comma, false at the end of the object or list. */
  #goesOn(end: '}' | ']'): boolean {
    if (this.#took(',')) return true;
    if (this.#took(end)) return false;
    throw new NotJson();
  }

  #string(): string {
    const found = this.#match(string);
    if (found === undefined) throw new NotJson();
    try {
      return JSON.parse(found) as string;
    } catch {
      // An escape or a line end that JSON does not know; YAML may.
      throw new NotJson();
    }
  }

  #took(sign: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skip(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (character === '\n') this.#line++;
      else if (character !== ' ' && character !== '\t' && character !== '\r') return;
      this.#at++;
    }
  }
}
