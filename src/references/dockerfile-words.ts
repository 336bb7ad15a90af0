// Words, flags and variables as BuildKit cuts them. Texts have one character a byte (Latin-1), and
// every function takes linear time.

// The white space of Go's unicode.IsSpace, in UTF-8: what only one of two readers takes for a blank
// hides a FROM.
const leading =
  /^(?:[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)+/;
const trailing =
  /(?:[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)$/;

export function trimStart(text: string): string {
  return text.replace(leading, '');
}

export function trim(text: string): string {
  let end = text.length;
  for (;;) {
    const blank = trailing.exec(text.slice(Math.max(0, end - 3), end));
    if (blank === null) return trimStart(text.slice(0, end));
    end -= blank[0].length;
  }
}

/** Without the blanks and tabs at its end. */
export function withoutBlanks(line: string): string {
  let end = line.length;
  while (line[end - 1] === ' ' || line[end - 1] === '\t') end--;
  return line.slice(0, end);
}

/** Flags in front of an instruction's words, quotes and escapes taken away. */
export interface Flags {
  readonly flags: readonly string[];
  /** what follows them, trimmed */
  readonly rest: string;
  /** false where a quote in them has no end */
  readonly whole: boolean;
}

/**
 * Cuts flags off as BuildKit does (extractBuilderFlags in parser/split_command.go), byte by byte:
 * the second byte of a no-break space is a blank there, and ends a flag.
 */
export function readFlags(text: string, escaper: string): Flags {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (isByteSpace(text[at])) at++;
    if (!text.startsWith('--', at)) return { flags, rest: trim(text.slice(at)), whole: true };
    const word = readFlag(text, at, escaper);
    at = word.end;
    if (!word.whole) return { flags: [...flags, word.text], rest: '', whole: false };
    if (word.text === '--') return { flags, rest: trim(text.slice(at)), whole: true };
    flags.push(word.text);
  }
}

function readFlag(
  text: string,
  start: number,
  escaper: string,
): { text: string; end: number; whole: boolean } {
  let word = '';
  let quote = '';
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at] ?? '';
    if (quote === '' && isByteSpace(character)) break;
    if (quote === character && quote !== '') quote = '';
    else if (quote === '' && (character === "'" || character === '"')) quote = character;
    else if (character !== escaper) word += character;
    else if (at + 1 < text.length) word += text[++at] ?? '';
    else quote = '';
  }
  return { text: word, end: at, whole: quote === '' };
}

function isByteSpace(character: string | undefined): boolean {
  return character !== undefined && /[\t-\r \x85\xa0]/.test(character);
}

/**
 * Words of a line, quotes and escapes kept; undefined where a quote has no end. `<<` and the blanks
 * behind it belong to the next word, as BuildKit reads here-documents.
 */
export function shellWords(text: string, escaper = '\\'): readonly string[] | undefined {
  const words: string[] = [];
  let word = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (/[\t-\r ]/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
    } else if (character === escaper) {
      word += character + (text[++at] ?? '');
    } else if (character === "'" || character === '"') {
      const end = endOfQuote(text, at, escaper);
      if (end < 0) return undefined;
      word += text.slice(at, end + 1);
      at = end;
    } else if (character === '<' && text[at + 1] === '<') {
      word += '<<';
      for (at++; /[\t\r ]/.test(text[at + 1] ?? ''); at++) word += text[at + 1];
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

/** One character a byte; a text in UTF-8. */
export function latin1(file: Uint8Array | string): string {
  return Buffer.from(file as Uint8Array).toString('latin1');
}

/** What a person reads of such a text. */
export function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

/**
 * The flags of an instruction, once for each way in which versions of BuildKit read them: until
 * 1.14 a backslash escapes in flags whatever the escape directive says. One reading where they
 * agree.
 */
export function readingsOf(rest: string, escaper: string): readonly Flags[] {
  const now = readFlags(rest, escaper);
  if (escaper === '\\') return [now];
  const before = readFlags(rest, '\\');
  return JSON.stringify(now) === JSON.stringify(before) ? [now] : [now, before];
}
