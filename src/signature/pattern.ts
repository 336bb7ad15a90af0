import { createContext, Script } from 'node:vm';
import { shown } from '../text/untrusted.ts';
import { Refusal } from './refusal.ts';

/** characters; longer than any list of workflows that a person would still read */
const longestPattern = 2_000;
/**
 * Milliseconds of computing for one text, and for all texts of a run that one pattern is held
 * against; up to `usual` does not count. V8 stops by the wall clock, so on a busy machine an honest
 * pattern, which needs less than one, may be stopped before it had its time: it is tried again with
 * more of the wall clock, up to `wall`.
 */
const patience = { text: 250, run: 2_000, usual: 20, wall: 8_000 };
const mostAnswers = 10_000;

/**
 * Makes a pattern out of what a person wrote: a JavaScript regular expression in Unicode mode,
 * where an unknown escape is an error and not a letter. It is matched against the whole text
 * (matcher.ts), whether or not it has `^` and `$`.
 * @throws {Error} with half a sentence that says what is wrong with it
 */
export function compilePattern(text: string): RegExp {
  if (text === '') throw new Error('is empty');
  if (text.length > longestPattern) throw new Error(`has more than ${longestPattern} characters`);
  if (/\p{Cc}/u.test(text)) throw new Error('has control characters');
  try {
    new RegExp(`^(?:${text})$`, 'u');
    return new RegExp(text, 'u');
  } catch (error) {
    const why =
      error instanceof SyntaxError
        ? (/: ([^:]+)$/.exec(error.message)?.[1] ?? 'syntax error')
        : 'syntax error';
    throw new Error(`is not a regular expression (${shown(why)})`, { cause: error });
  }
}

interface Memory {
  readonly answers: Map<string, boolean>;
  spent: number;
}

const memories = new WeakMap<RegExp, Memory>();
const script = new Script('pattern.test(text)');
let room: { pattern?: RegExp; text?: string } | undefined;

/**
 * `pattern.test(text)`, in bounded time. Who signs chooses the text (a branch may have any name),
 * and with a pattern such as `(a+)+` could make a backtracking engine run for hours; so V8 is told
 * to stop. A pattern that needs too long is a refusal, never a match.
 * @throws {Refusal} `wrong-identity`
 */
export function testBounded(pattern: RegExp, text: string): boolean {
  const memory = memories.get(pattern) ?? { answers: new Map(), spent: 0 };
  memories.set(pattern, memory);
  const known = memory.answers.get(text);
  if (known !== undefined) return known;
  if (memory.spent > patience.run) throw tooSlow(pattern);
  room ??= createContext({}) as NonNullable<typeof room>;
  Object.assign(room, { pattern, text });
  for (let timeout = patience.text; ; timeout *= 2) {
    const began = computed();
    try {
      const answer: unknown = script.runInContext(room, { timeout });
      if (memory.answers.size < mostAnswers) memory.answers.set(text, answer === true);
      return answer === true;
    } catch (error) {
      if (timeout >= patience.wall || computed() - began > patience.text / 2)
        throw tooSlow(pattern, error);
    } finally {
      memory.spent += Math.max(0, computed() - began - patience.usual);
    }
  }
}

/** Milliseconds that this thread has computed so far. */
function computed(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function tooSlow(pattern: RegExp, cause?: unknown): Refusal {
  return new Refusal(
    'wrong-identity',
    `The pattern /${shown(pattern.source)}/ takes too long to be held against the signer's identity; a repetition inside a repetition does that.`,
    { cause },
  );
}
