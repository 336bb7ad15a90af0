/** The text of a word, or the part of it that a build would have to tell. */
export type Expanded = { readonly text: string } | { readonly open: string };

/** What is known of variables. */
export interface Values {
  /** open for a name without a value */
  get(name: string): Expanded;
  /** `declared`: a name without a value, which is empty to some versions of BuildKit */
  status(name: string): 'unknown' | 'declared' | 'set';
}

/** Variables that a file sets one after the other. */
export class Variables implements Values {
  readonly #values = new Map<string, Expanded>();
  /** in lower case: on Windows BuildKit finds names in letters of either case */
  readonly #status = new Map<string, 'declared' | 'set'>();

  set(name: string, value: Expanded): void {
    this.#values.set(name, value);
    this.#status.set(name.toLowerCase(), 'set');
  }

  /** Without a value: versions differ in whether a value of before stays. */
  declare(name: string): void {
    if (this.status(name) === 'set') this.set(name, { open: `$${name}` });
    else this.#status.set(name.toLowerCase(), 'declared');
  }

  get(name: string): Expanded {
    return this.#values.get(name) ?? { open: `$${name}` };
  }

  status(name: string): 'unknown' | 'declared' | 'set' {
    return this.#status.get(name.toLowerCase()) ?? 'unknown';
  }
}

/** No reference is longer, and values of values double with every line. */
const longest = 4000;
const deepest = 8;

/**
 * Takes quotes and escapes away and puts values in the place of `$NAME`, `${NAME}`,
 * `${NAME:-word}`, `${NAME-word}`, `${NAME:+word}`, `${NAME:?word}`, as BuildKit's shell/lex.go
 * does. Other forms, letters that are not ASCII, and names without a value leave the word open.
 */
export function expand(word: string, values: Values, escaper = '\\'): Expanded {
  if (word.length > longest || /[^\t-~]/.test(word)) return { open: word };
  const lexer: Lexer = { word, values, escaper, at: 0 };
  const value = readUntil(lexer, undefined, 0);
  return value === undefined ? { open: word } : value;
}

interface Lexer {
  readonly word: string;
  readonly values: Values;
  readonly escaper: string;
  at: number;
}

/** Reads to a character, which is taken; undefined where it does not come. */
function readUntil(lexer: Lexer, stop: string | undefined, depth: number): Expanded | undefined {
  const { word, escaper } = lexer;
  let text = '';
  let open: string | undefined;
  for (; lexer.at < word.length; lexer.at++) {
    const character = word[lexer.at] ?? '';
    if (character === stop) {
      lexer.at++;
      return open === undefined ? { text } : { open };
    }
    if (character === '$' || character === '"' || character === "'") {
      const part =
        character === '$' ? readVariable(lexer, depth) : readQuoted(lexer, character, depth);
      if (part === undefined) return undefined;
      if ('open' in part) open ??= part.open;
      else text += part.text;
      lexer.at--;
    } else if (character !== escaper) text += character;
    else text += word[++lexer.at] ?? '';
    if (text.length > longest) return { open: word };
  }
  if (stop !== undefined) return undefined;
  return open === undefined ? { text } : { open };
}

/** Leaves the lexer behind the quote that ends it. */
function readQuoted(lexer: Lexer, quote: string, depth: number): Expanded | undefined {
  const { word, escaper } = lexer;
  let text = '';
  let open: string | undefined;
  for (lexer.at++; lexer.at < word.length; lexer.at++) {
    const character = word[lexer.at] ?? '';
    if (character === quote) {
      lexer.at++;
      return open === undefined ? { text } : { open };
    }
    if (quote === '"' && character === '$') {
      const part = readVariable(lexer, depth);
      if (part === undefined) return undefined;
      if ('open' in part) open ??= part.open;
      else text += part.text;
      lexer.at--;
      continue;
    }
    const next = word[lexer.at + 1] ?? '';
    const escapes =
      quote === '"' && character === escaper && (next === '"' || next === '$' || next === escaper);
    text += escapes ? (word[++lexer.at] ?? '') : character;
  }
  return undefined;
}

const plainName = /[A-Za-z_][A-Za-z0-9_]*/y;
const operators = /:?[-+?]/y;

/** Leaves the lexer behind the variable; undefined for a form that is not read. */
function readVariable(lexer: Lexer, depth: number): Expanded | undefined {
  const { word } = lexer;
  const start = lexer.at;
  const braces = word[start + 1] === '{';
  const name = matchAt(plainName, word, start + (braces ? 2 : 1));
  if (name === undefined || depth > deepest) return undefined;
  lexer.at = start + name.length + (braces ? 2 : 1);
  if (!braces) return lexer.values.get(name);
  const operator = matchAt(operators, word, lexer.at) ?? '';
  lexer.at += operator.length;
  if (operator === '' && word[lexer.at] !== '}') return undefined;
  const other = readUntil(lexer, '}', depth + 1);
  if (other === undefined) return undefined;
  return choose(lexer.values, name, operator, other);
}

function choose(values: Values, name: string, operator: string, other: Expanded): Expanded {
  const value = values.get(name);
  const isEmpty = 'text' in value && value.text === '' && operator.startsWith(':');
  if (operator === '' || operator.endsWith('?')) return isEmpty ? { open: `$${name}` } : value;
  if (operator.endsWith('-')) {
    const status = values.status(name);
    if (status === 'declared' && operator === '-') return value;
    return isEmpty || status !== 'set' ? other : value;
  }
  // Whether `+` takes its word depends on a value that nobody but the build knows.
  return 'text' in value && !isEmpty ? other : { open: `$${name}` };
}

function matchAt(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}
