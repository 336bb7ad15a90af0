/**
 * A regular expression of Go (RE2 syntax) as one of JavaScript that means the same of a whole text;
 * or why there is none.
 */
export type GoPattern =
  | { readonly pattern: RegExp; readonly whole: boolean }
  | { readonly problem: string };

const maxLength = 1000;
/** Each more could multiply the time that matching takes. */
const maxUnbounded = 10;

/**
 * Translates the part of Go's syntax that identities need: characters, classes, groups,
 * alternatives, repetitions. What the two languages read differently, or what could make matching
 * slow, is a problem, not a guess: flags, named groups, POSIX and Unicode classes, `\A`, `\z`,
 * `\Q`, a repetition inside a repetition. `whole` is false for a pattern that Go would also find in
 * the middle of a text: it has no `^` or `.*` in front, no `$` or `.*` at its end, or alternatives
 * outside a group.
 */
export function goPattern(source: string): GoPattern {
  if (source.length > maxLength) return { problem: `is longer than ${maxLength} characters` };
  const reading: Reading = {
    source,
    position: 0,
    output: '',
    groups: [],
    unbounded: 0,
    topLevelOr: false,
    lastGroup: undefined,
  };
  while (reading.position < source.length) {
    const problem = readStep(reading);
    if (problem !== undefined) return { problem };
  }
  if (reading.unbounded > maxUnbounded)
    return { problem: `has more than ${maxUnbounded} unbounded repetitions` };
  try {
    const pattern = new RegExp(reading.output, 'u');
    const whole =
      /^(?:\^|\.\*)/.test(source) &&
      /(?:(?<!\\)(?:\\\\)*\$|(?<!\\)(?:\\\\)*\.\*)$/.test(source) &&
      !reading.topLevelOr;
    return { pattern, whole };
  } catch {
    return { problem: 'is not a regular expression' };
  }
}

interface Reading {
  readonly source: string;
  position: number;
  output: string;
  /** of each open group, whether something in it repeats without bound or offers alternatives */
  readonly groups: { risky: boolean }[];
  /** the group that was closed just now */
  lastGroup: { risky: boolean } | undefined;
  unbounded: number;
  topLevelOr: boolean;
}

function readStep(reading: Reading): string | undefined {
  const character = String.fromCodePoint(reading.source.codePointAt(reading.position) ?? 0);
  if ('*+?{'.includes(character)) return readRepetition(reading);
  const closed = character === ')' ? reading.groups.pop() : undefined;
  if (character === ')' && closed === undefined) return 'has a ")" without "("';
  reading.lastGroup = closed;
  const outer = reading.groups.at(-1);
  if (closed?.risky && outer !== undefined) outer.risky = true;
  if (character === '\\') return readEscape(reading);
  if (character === '[') return readClass(reading);
  if (character === '(') return openGroup(reading);
  if (character === '|') {
    if (outer === undefined) reading.topLevelOr = true;
    else outer.risky = true;
  }
  if (character === ']' || character === '}') return take(reading, 1, `\\${character}`);
  return take(reading, character.length, character);
}

function take(reading: Reading, length: number, output: string): undefined {
  reading.position += length;
  reading.output += output;
}

function openGroup(reading: Reading): string | undefined {
  const plain = reading.source.startsWith('(?:', reading.position);
  if (!plain && reading.source[reading.position + 1] === '?')
    return 'has a group with flags or a name, which is not read here';
  reading.groups.push({ risky: false });
  return take(reading, plain ? 3 : 1, '(?:');
}

function readRepetition(reading: Reading): string | undefined {
  const found = /^(?:[*+?]|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??/.exec(
    reading.source.slice(reading.position),
  );
  if (found === null) return 'has a "{" that starts no repetition; write "\\{"';
  const [text, least, comma, most] = found;
  if (Math.max(Number(least ?? 0), Number(most ?? 0)) > 1000)
    return 'repeats something more than 1000 times';
  const times =
    /^[*+]/.test(text) || (comma !== undefined && most === '')
      ? Number.POSITIVE_INFINITY
      : Math.max(Number(least ?? 0), Number(most ?? 0));
  if (times > 3) {
    // (a+)+ and (a|a)* take exponential time on a text that someone else chose.
    if (reading.lastGroup?.risky)
      return 'repeats a group that holds a repetition or alternatives, which can take endless time';
    reading.unbounded++;
    for (const group of reading.groups) group.risky = true;
  }
  reading.lastGroup = undefined;
  return take(reading, text.length, text);
}

const escapes: Readonly<Record<string, string>> = { s: '[\\t\\n\\f\\r ]', S: '[^\\t\\n\\f\\r ]' };

function readEscape(reading: Reading): string | undefined {
  const next = reading.source[reading.position + 1];
  if (next === undefined) return 'ends with a backslash';
  if (/[dDwWbBtnrfv]/.test(next)) return take(reading, 2, `\\${next}`);
  if (Object.hasOwn(escapes, next)) return take(reading, 2, escapes[next] as string);
  if (!/[!-/:-@[-`{-~]/.test(next)) return `has "\\${next}", which is not read here`;
  return take(reading, 2, literal(next));
}

function readClass(reading: Reading): string | undefined {
  const found = /^\[(\^?)((?:\\[\s\S]|[^\]\\])+)\]/.exec(reading.source.slice(reading.position));
  if (found === null) return 'has a "[" whose class is empty or not closed';
  const [text, negated, body = ''] = found;
  if (body.includes('[:')) return 'has a class by name such as [:alpha:], which is not read here';
  let output = '';
  for (const [part] of body.matchAll(/\\[\s\S]|[\s\S]/gu)) {
    const next = part[1];
    if (part.length !== 2 || part[0] !== '\\' || next === undefined) output += part;
    else if (/[dDwWtnrfv]/.test(next)) output += part;
    else if (next === 's') output += '\\t\\n\\f\\r ';
    else if (/[!-/:-@[-`{-~]/.test(next))
      output += /[\^$\\.*+?()[\]{}|/-]/.test(next) ? part : next;
    else return `has "${part}" in a class, which is not read here`;
  }
  return take(reading, text.length, `[${negated}${output}]`);
}

/**
 * A character that stands for itself, for a pattern with the flag `u`, which takes no needless
 * backslash.
 */
function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

/** The pattern, of Go and of JavaScript, that only this text fits (without anchors). */
export function quotedPattern(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|]/g, '\\$&');
}
