import { afterSpace, endOfString, readJson, textOf } from './json.ts';
import { shown } from './untrusted.ts';

/**
 * The members of the one object that a text is, each with its value as it stands there. Of a value
 * only its end is looked for: what to read is decided by other members first. A name that stands
 * twice is refused, whatever escapes it is written with, and so are more than `most` members. The
 * caller bounds the size. Never throws.
 */
export function readMembers(
  source: string | Uint8Array,
  most: number,
): { readonly members: ReadonlyMap<string, string> } | { readonly problem: string } {
  const text = textOf(source);
  if (text === undefined) return { problem: 'it is not UTF-8 text' };
  const members = new Map<string, string>();
  let at = afterSpace(text, 0);
  if (text[at] !== '{') return { problem: 'it is not a JSON object' };
  for (let sign: string | undefined = ','; sign === ','; sign = text[at]) {
    const begin = afterSpace(text, at + 1);
    const colonAt = afterSpace(text, endOfValue(text, begin));
    const start = afterSpace(text, colonAt + 1);
    const end = endOfValue(text, start);
    if (text[begin] === '}' && members.size === 0) at = begin;
    else if (text[begin] !== '"' || text[colonAt] !== ':' || start === end)
      return { problem: 'it is not JSON' };
    else {
      const name = readJson(text.slice(begin, endOfString(text, begin)), 0);
      if ('problem' in name) return name;
      if (members.has(String(name.value)))
        return { problem: `the key "${shown(String(name.value), 60)}" stands in one object twice` };
      members.set(String(name.value), text.slice(start, end));
      if (members.size > most) return { problem: `it has more than ${most} members` };
      at = afterSpace(text, end);
    }
  }
  return text[at] === '}' && afterSpace(text, at + 1) === text.length
    ? { members }
    : { problem: 'it is not JSON' };
}

/**
 * Where the value ends that begins here. What is no value has an end as well: whoever reads it finds
 * out.
 */
function endOfValue(text: string, start: number): number {
  if (text[start] === '"') return endOfString(text, start);
  const isScalar = text[start] !== '{' && text[start] !== '[';
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isScalar && endsScalar.has(code)) return at;
    if (code === quote) at = endOfString(text, at) - 1;
    else if (code === openObject || code === openList) depth++;
    else if ((code === closeObject || code === closeList) && --depth === 0) return at + 1;
  }
  return text.length;
}

const [quote, openObject, openList, closeObject, closeList] = [...'"{[}]'].map((character) =>
  character.charCodeAt(0),
);
const endsScalar: ReadonlySet<number> = new Set(
  [...',:{}[]" \t\n\r'].map((sign) => sign.charCodeAt(0)),
);
