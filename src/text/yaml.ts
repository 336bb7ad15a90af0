import { Composer, type CST, type Document, Lexer, LineCounter, type Node, Parser } from 'yaml';
import { readJsonNodes } from './json-nodes.ts';
import { YamlConverter } from './yaml-convert.ts';
import { UnreadableYaml, type YamlLimits, type YamlNode } from './yaml-node.ts';

/** Large enough for a bundle of custom resource definitions. */
export const yamlLimits: YamlLimits = {
  lexemes: 600_000,
  documents: 5000,
  depth: 60,
  values: 500_000,
};

/**
 * Reads a YAML or JSON file of several documents, as far as the readers of kubectl, kustomize,
 * Helm, compose and GitHub agree on what it says. Where they do not, an attacker would choose the
 * text that this reader takes for something else; so these are refused:
 * - line ends other than LF and CR LF (YAML 1.1 also ends lines, and so comments, at CR, U+0085,
 *   U+2028 and U+2029), a byte order mark inside, control characters;
 * - directives other than `%YAML`, and content on the line of `---`;
 * - keys that are aliases, have a tag or an anchor, or are no text in one line;
 * - a key that stands in a map twice;
 * - anchors with other characters than letters, digits, `-` and `_`.
 *
 * Merge keys (`<<`) are followed; where their place decides, the node has a `doubt`. Tags are kept
 * on the nodes. Texts in quotes and brackets may go on at any column, as in YAML 1.1. Scalars are
 * those of YAML 1.2's core schema. Time and memory are proportional to the text, within the limits.
 * @returns the documents that are not empty
 * @throws {UnreadableYaml} with the line
 */
export function readYaml(text: string, limits = yamlLimits): readonly YamlNode[] {
  return [...yamlDocuments(text, limits)];
}

/** The comments of a text that `readYaml` reads, each with its line. */
export function* commentsIn(
  text: string,
): Generator<{ readonly line: number; readonly text: string }> {
  let line = 1;
  let isScalar = false;
  for (const lexeme of lexemes(text)) {
    if (!isScalar && lexeme.startsWith('#')) yield { line, text: lexeme };
    isScalar = lexeme === scalarStart;
    for (let at = lexeme.indexOf('\n'); at !== -1; at = lexeme.indexOf('\n', at + 1)) line++;
  }
}

/**
 * The same, one document at a time: who is done with a document before the next one keeps little in
 * memory. What is wrong behind a document is thrown after it.
 */
export function* yamlDocuments(text: string, limits = yamlLimits): Generator<YamlNode> {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  refuseCharacters(source);
  const json = readJsonNodes(source, limits);
  if (json !== undefined) {
    yield json;
    return;
  }
  const lines = new LineCounter();
  const convert = new YamlConverter(source, lines, limits);
  let documents = 0;
  for (const document of parse(source, lines, limits)) {
    if (++documents > limits.documents)
      throw new UnreadableYaml(1, `has more than ${limits.documents} documents`);
    refuseProblems(document, lines);
    if (document.contents !== null) yield convert.document(document.contents as Node);
  }
}

function* parse(
  source: string,
  lines: LineCounter,
  limits: YamlLimits,
): Generator<Document.Parsed> {
  // Repeated keys are found by the converter: the library's own search takes quadratic time.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    resolveKnownTags: false,
    prettyErrors: false,
  });
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  const checkSize = sizeCheck(lines, limits);
  try {
    for (const lexeme of lexemes(source)) {
      checkSize(lexeme);
      for (const token of parser.next(lexeme)) {
        refuseToken(token, lines);
        yield* composer.next(token);
      }
    }
    for (const token of parser.end()) yield* composer.next(token);
    yield* composer.end(true, source.length);
  } catch (error) {
    if (error instanceof UnreadableYaml) throw error;
    throw new UnreadableYaml(lines.lineStarts.length, tooDeep, { cause: error });
  }
}

/** the library's signs for them */
const documentStart = '\x02';
const scalarStart = '\x1f';
const tooDeep = 'is nested too deep, or is not YAML';

/** Ends the reading before the library's parser has made a tree of what is too large. */
function sizeCheck(lines: LineCounter, limits: YamlLimits): (lexeme: string) => void {
  let count = 0;
  let brackets = 0;
  let dashes = 0;
  let before = '';
  return (lexeme) => {
    // Between two documents the library has `---` alone; behind its sign for one it is a scalar.
    if (lexeme === documentStart || (lexeme === '---' && before !== scalarStart))
      count = brackets = dashes = 0;
    before = lexeme;
    if (++count > limits.lexemes)
      throw new UnreadableYaml(
        lines.lineStarts.length,
        `has more than ${limits.lexemes} words and signs in one document`,
      );
    if (lexeme === '[' || lexeme === '{') brackets++;
    else if ((lexeme === ']' || lexeme === '}') && brackets > 0) brackets--;
    else if (lexeme === '\n' || lexeme === '\r\n') dashes = 0;
    else if (brackets === 0 && /^[-?:]$/.test(lexeme)) dashes++;
    if (brackets > limits.depth || dashes > 2 * limits.depth)
      throw new UnreadableYaml(lines.lineStarts.length, tooDeep);
  };
}

const breaks = { '\r': 'CR', '\u0085': 'U+0085', '\u2028': 'U+2028', '\u2029': 'U+2029' };

/**
 * Stops the comment that ends for kubectl where it goes on for YAML 1.2: behind the character
 * stands a container that only one of them sees.
 */
function refuseCharacters(source: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const found = /\r(?!\n)|[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u2028\u2029\uFEFF\uFFFE\uFFFF]/.exec(
    source,
  );
  if (found !== null) {
    const [character] = found;
    const name = Object.hasOwn(breaks, character)
      ? `the line end ${breaks[character as keyof typeof breaks]}, which only some readers of YAML know; write LF`
      : `the character U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}, which readers of YAML refuse or drop; take it out`;
    throw new UnreadableYaml(lineAt(source, found.index), `holds ${name}`);
  }
  // kubectl cuts a file at lines that start with `---`, before it reads YAML.
  const marker = /^---(?!(?:[ \t]+#.*|[ \t]*)\r?$)/m.exec(source);
  if (marker !== null)
    throw new UnreadableYaml(
      lineAt(source, marker.index),
      'has something behind `---`, which readers treat differently; write it on the next line',
    );
}

/** `%TAG` gives tags another meaning, and unknown directives are skipped or refused. */
function refuseToken(token: CST.Token, lines: LineCounter): void {
  if (token.type === 'error')
    throw new UnreadableYaml(lines.linePos(token.offset).line, notYaml(token.message));
  if (token.type === 'directive' && !/^%YAML[ \t]+1\.[12]$/.test(token.source))
    throw new UnreadableYaml(
      lines.linePos(token.offset).line,
      'has a directive, which readers treat differently; take the line with % out',
    );
}

function refuseProblems(document: Document.Parsed, lines: LineCounter): void {
  const problem =
    document.errors[0] ??
    document.warnings.find(({ code }) => code !== 'TAG_RESOLVE_FAILED' && code !== 'BAD_INDENT');
  if (problem === undefined) return;
  const { line } = lines.linePos(problem.pos[0]);
  if (problem.code === 'RESOURCE_EXHAUSTION') throw new UnreadableYaml(line, tooDeep);
  throw new UnreadableYaml(line, notYaml(problem.message), { cause: problem });
}

function notYaml(message: string): string {
  const [first = ''] = message.split('\n');
  return `is not YAML that can be read: ${first.replace(/[.:]?\s*$/, '')}`;
}

function lineAt(source: string, index: number): number {
  let line = 1;
  for (let at = source.indexOf('\n'); at !== -1 && at < index; at = source.indexOf('\n', at + 1))
    line++;
  return line;
}

/**
 * What this needs of the library's lexer: its steps are no part of its types. A test reads a text
 * that only this reader takes, so another version of the library cannot pass unnoticed.
 */
interface OpenLexer {
  indentNext: number;
  lex(source: string): Generator<string, void>;
  parseFlowCollection(): Step;
  parseQuotedScalar(): Step;
}

type Step = Generator<string, unknown, unknown>;

/**
 * YAML 1.2 asks that lines inside of quotes and brackets stand right of the key. The readers of
 * kubectl, kustomize, Helm and compose, and PyYAML, do not look at it there: a quote that closes at
 * its key's column is an ordinary file for them, and for this reader too.
 */
class IndentationFreeLexer extends (Lexer as unknown as new () => OpenLexer) {
  override *parseFlowCollection(): Step {
    return yield* this.#anywhere(super.parseFlowCollection());
  }

  override *parseQuotedScalar(): Step {
    return yield* this.#anywhere(super.parseQuotedScalar());
  }

  *#anywhere(step: Step): Step {
    const { indentNext } = this;
    this.indentNext = 0;
    try {
      return yield* step;
    } finally {
      this.indentNext = indentNext;
    }
  }
}

/** The lexemes of a text, as the library's parser takes them. */
export function lexemes(text: string): Generator<string, void> {
  return new IndentationFreeLexer().lex(text);
}
