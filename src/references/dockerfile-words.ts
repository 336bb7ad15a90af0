/**
 * Words of a line as BuildKit's shell lexer cuts them, quotes and escapes kept; undefined where a
 * quote has no end.
 */
export function quotedWords(text: string, escaper = '\\'): readonly string[] | undefined {
  const words: string[] = [];
  let word = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (/\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
    } else if (character === escaper) {
      word += character + (text[++at] ?? '');
    } else if (character === "'" || character === '"') {
      const end = endOfQuote(text, at, escaper);
      if (end < 0) return undefined;
      word += text.slice(at, end + 1);
      at = end;
    } else word += character;
  }
  return word === '' ? words : [...words, word];
}

function endOfQuote(text: string, start: number, escaper: string): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return at;
    if (quote === '"' && text[at] === escaper) at++;
  }
  return -1;
}

const longest = 4000;

/** The text of a word, or the part of it that a build would have to tell. */
export type Expanded = { readonly text: string } | { readonly open: string };

/**
 * Takes quotes and escapes away and puts values in the place of `$NAME`, `${NAME}`,
 * `${NAME:-word}`, `${NAME-word}`, `${NAME:+word}`, `${NAME:?word}` (shell/lex.go of BuildKit).
 * Other forms, and names without a value, leave the word open.
 */
export function expand(
  word: string,
  values: ReadonlyMap<string, string>,
  escaper = '\\',
  depth = 0,
): Expanded {
  let text = '';
  let quote = '';
  for (let at = 0; at < word.length; at++) {
    // Values of values double with every line; no reference is that long.
    if (word.length > longest || text.length > longest) return { open: word };
    const character = word[at] ?? '';
    if (quote === "'" && character !== "'") text += character;
    else if (character === escaper) text += word[++at] ?? '';
    else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character !== '$') text += character;
    else {
      const variable = readVariable(word.slice(at));
      if (variable === undefined || depth > 5) return { open: word.slice(at) };
      const value = readValue(variable, values, escaper, depth);
      if ('open' in value) return value;
      text += value.text;
      at += variable.length - 1;
    }
  }
  return quote === '' ? { text } : { open: word };
}

interface Variable {
  readonly name: string;
  readonly operator: string;
  readonly word: string;
  /** of the whole `${…}` */
  readonly length: number;
}

function readVariable(text: string): Variable | undefined {
  const plain = /^\$([A-Za-z_]\w*)/.exec(text);
  if (plain !== null)
    return { name: plain[1] ?? '', operator: '', word: '', length: plain[0].length };
  const head = /^\$\{([A-Za-z_]\w*)(:?[-+?])?/.exec(text);
  if (head === null) return undefined;
  const end = closing(text);
  if (end < 0 || (head[2] === undefined && end !== head[0].length)) return undefined;
  return {
    name: head[1] ?? '',
    operator: head[2] ?? '',
    word: text.slice(head[0].length, end),
    length: end + 1,
  };
}

/** The brace that closes the first one; -1 without. */
function closing(text: string): number {
  let open = 0;
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '{') open++;
    else if (text[at] === '}' && --open === 0) return at;
  }
  return -1;
}

function readValue(
  { name, operator, word }: Variable,
  values: ReadonlyMap<string, string>,
  escaper: string,
  depth: number,
): Expanded {
  const value = values.get(name);
  const there = value !== undefined && !(operator.startsWith(':') && value === '');
  if (operator.endsWith('-') && !there) return expand(word, values, escaper, depth + 1);
  // Whether `+` takes its word depends on a value that nobody but the build knows.
  if (operator.endsWith('+') && there) return expand(word, values, escaper, depth + 1);
  return value === undefined || (!there && operator !== '')
    ? { open: `$${name}` }
    : { text: value };
}
