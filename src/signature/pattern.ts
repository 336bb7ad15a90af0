import { RE2JS } from 're2js';
import { shown } from '../text/untrusted.ts';
import type { Pattern } from './policy.ts';

/** characters; longer than any list of workflows that a person would still read */
const longestPattern = 2_000;
/**
 * Steps of the compiled pattern. A repetition is written out as often as it may happen, so a short
 * pattern can become a large program, and a text costs up to this many steps a character.
 */
const largestProgram = 5_000;
/**
 * Characters of a text that is looked at. Who signs chooses it; the longest identity that Fulcio's
 * issuers give has a few hundred.
 */
const longestText = 4_096;

/**
 * Compiles a regular expression of Go (RE2 syntax), which is what cosign, policy-controller and
 * Kyverno read. It matches a text as a whole: neither `a|b` nor an unanchored part lets more in.
 * Matching takes time in proportion to pattern times text, whatever either holds, so that nobody
 * can stop the gate with a branch's name.
 * @throws {Error} with half a sentence that says what is wrong with it
 */
export function compilePattern(source: string): Pattern {
  if (source === '') throw new Error('is empty');
  if (source.length > longestPattern) throw new Error(`has more than ${longestPattern} characters`);
  if (/\p{Cc}/u.test(source)) throw new Error('has a line break or another control character');
  if (!source.isWellFormed()) throw new Error('is not well-formed Unicode');
  const program = compile(source);
  if (program.programSize() > largestProgram)
    throw new Error('repeats too much, so it would take too long to match');
  return {
    source,
    matches: (text) => text.length <= longestText && program.testExact(text),
    sibling: compilePattern,
  };
}

function compile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    const unsupported = foreign.find(({ form }) => form.test(source));
    if (unsupported !== undefined)
      throw new Error(
        `has ${unsupported.what}, which Go's regular expressions (RE2) do not have; cosign refuses it too`,
        { cause: error },
      );
    const said = error instanceof Error ? error.message : String(error);
    const why = /^error parsing regexp: (.+)$/s.exec(said)?.[1] ?? 'it nests too deeply';
    throw new Error(`is not a regular expression of Go (${shown(why)})`, { cause: error });
  }
}

/** What other languages have; an unescaped backslash stands before none of them. */
const foreign: readonly { readonly form: RegExp; readonly what: string }[] = [
  { form: /(?<!\\)(?:\\\\)*\(\?<?[=!]/, what: 'a look-around such as `(?!…)`' },
  { form: /(?<!\\)(?:\\\\)*\\(?:[1-9]|k<)/, what: 'a back-reference such as `\\1`' },
  { form: /(?<!\\)(?:\\\\)*\(\?>/, what: 'an atomic group' },
];
