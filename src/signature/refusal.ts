import type { VerdictCode } from './verdict.ts';

/**
 * Why one signature does not count. Thrown inside this folder only: `judge` turns it into a
 * verdict.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: VerdictCode;

  /**
   * `message` is one sentence for a person; text taken from the signature must have gone through
   * `shown`.
   */
  constructor(code: VerdictCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

// C0 and C1 controls, zero-width and bidirectional marks, line separators, and lone surrogates:
// they would forge log lines or hide text.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Text from outside, made safe to print in a log line: no control or invisible characters, at most
 * 300 characters.
 */
export function shown(text: string): string {
  const clean = text.slice(0, 1000).replace(unprintable, '\u{fffd}');
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

/**
 * The message of anything caught, made safe to print. What a parser says when it trips over a part
 * that is not there helps nobody.
 */
export function shownError(caught: unknown): string {
  if (caught instanceof TypeError || caught instanceof RangeError)
    return 'it is not built as it should be';
  return shown(caught instanceof Error ? caught.message : String(caught));
}
