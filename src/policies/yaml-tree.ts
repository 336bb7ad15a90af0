import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
} from 'yaml';
import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { type PolicyNode, refusal } from './node.ts';

/**
 * What one file may hold. Aliases count every time they are used, so a few lines cannot stand for
 * millions of values.
 */
export const yamlLimits = {
  characters: 512 * 1024,
  documents: 1000,
  depth: 40,
  values: 50_000,
} as const;

/**
 * Reads a YAML file (YAML 1.2, core schema) of several documents into nodes that know their lines.
 * Stricter than the standard asks: a key that stands in a map twice (two readers may each take
 * another one), keys that are not text, merge keys and tags of other types are refused.
 * @returns the documents that are not empty
 * @throws {Failure} `bad-policy` with the line
 */
export function readYaml(file: string, text: string): readonly PolicyNode[] {
  if (text.length > yamlLimits.characters)
    throw unreadable(file, `it has more than ${yamlLimits.characters} characters`);
  const lines = new LineCounter();
  const documents = parse(file, text, lines);
  if (documents.length > yamlLimits.documents)
    throw unreadable(file, `it has more than ${yamlLimits.documents} documents`);
  const budget = { left: yamlLimits.values };
  return documents.flatMap((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined)
      throw unreadable(
        file,
        firstLine(problem.message),
        lines.linePos(problem.pos[0]).line,
        problem,
      );
    if (document.contents === null) return [];
    const reading = { file, lines, targets: targetsOf(document), budget };
    const contents = document.contents as Node;
    const tree = convert(contents, reading, {
      line: lineOf(contents, reading, 1),
      field: '',
      depth: 0,
    });
    return tree.value === null ? [] : [tree];
  });
}

function parse(file: string, text: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  try {
    // Repeated keys are found below: the library's own search takes quadratic time.
    const read = parseAllDocuments(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter,
    });
    return 'empty' in read ? [] : read;
  } catch (error) {
    // Nesting that overflows the parser's stack, above all.
    throw unreadable(file, 'it is nested too deep, or is not YAML', undefined, error);
  }
}

/**
 * Every alias with the node it stands for: the last one before it with that anchor. The library's
 * own search walks the document for each alias.
 */
function targetsOf(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias: (_, alias) => {
      const target = anchors.get(alias.source);
      if (target !== undefined) targets.set(alias, target);
    },
    Value: (_, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

interface Reading {
  readonly file: string;
  readonly lines: LineCounter;
  /** what each alias stands for */
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly budget: { left: number };
}

interface Spot {
  readonly line: number;
  readonly field: string;
  readonly depth: number;
}

function convert(node: Node | null, reading: Reading, spot: Spot): PolicyNode {
  const { file } = reading;
  const place = { file, line: spot.line, field: spot.field, value: null };
  if (--reading.budget.left < 0)
    throw refusal(
      place,
      `is one value too many: a file may hold ${yamlLimits.values}`,
      'Split the file.',
    );
  if (spot.depth > yamlLimits.depth)
    throw refusal(
      place,
      `is nested deeper than ${yamlLimits.depth} levels`,
      'Write it without aliases.',
    );
  if (node === null) return place;
  if (isAlias(node)) {
    const target = reading.targets.get(node);
    if (target === undefined)
      throw refusal(place, 'is an alias of nothing', 'Write the value itself.');
    return convert(target, reading, { ...spot, depth: spot.depth + 1 });
  }
  if (isScalar(node)) return { ...place, value: scalar(node.value, place) };
  if (isSeq(node)) {
    const value = node.items.map((item, index) =>
      convert(item as Node | null, reading, {
        line: lineOf(item as Node | null, reading, spot.line),
        field: `${spot.field}[${index}]`,
        depth: spot.depth + 1,
      }),
    );
    return { ...place, value };
  }
  if (isMap(node))
    return { ...place, value: convertMap(node.items as readonly Pair[], reading, spot) };
  throw refusal(
    place,
    'is no value that a policy can have',
    'Write a text, a number, true or false, a list or a map.',
  );
}

interface Pair {
  readonly key: Node | null;
  readonly value: Node | null;
}

function convertMap(pairs: readonly Pair[], reading: Reading, spot: Spot): Map<string, PolicyNode> {
  const map = new Map<string, PolicyNode>();
  for (const { key, value } of pairs) {
    const line = lineOf(key, reading, spot.line);
    const place = { file: reading.file, line, field: spot.field, value: null };
    if (!isScalar(key) || typeof key.value !== 'string')
      throw refusal(place, 'has a key that is not a text', 'Write the key in quotes.');
    const field = spot.field === '' ? key.value : `${spot.field}.${key.value}`;
    if (map.has(key.value))
      throw refusal({ ...place, field }, 'stands there twice', 'Keep one of the two.');
    map.set(key.value, convert(value, reading, { line, field, depth: spot.depth + 1 }));
  }
  return map;
}

function scalar(value: unknown, place: PolicyNode): string | number | boolean | null {
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'boolean'
  )
    return value;
  throw refusal(place, 'is no value that a policy can have', 'Write it as a text in quotes.');
}

function lineOf(node: Node | null, { lines }: Reading, otherwise: number): number {
  const start = node?.range?.[0];
  return start === undefined ? otherwise : lines.linePos(start).line;
}

function unreadable(file: string, problem: string, line?: number, cause?: unknown): Failure {
  const where = line === undefined ? '' : `, line ${line}`;
  return new Failure(
    'bad-policy',
    `${shown(file)}${where}: this is not a policy file that can be read: ${shown(problem)}.`,
    'Give YAML as `kubectl apply` takes it. A template (Helm, kustomize variables) must be rendered first, for example with `helm template`.',
    { cause },
  );
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/[.:]?\s*$/, '');
}
