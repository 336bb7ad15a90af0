import { testBounded } from './pattern.ts';
import type { Matcher } from './policy.ts';

const anchored = new WeakMap<RegExp, RegExp>();

/**
 * True when the whole text is what the matcher asks for. Patterns are anchored here: `a|b` cannot
 * escape, and part of an identity never counts. A pattern with flags other than `u` and `v` matches
 * nothing: `m` would move the anchors into the text, `i` makes look-alikes equal, `g` and `y`
 * remember.
 * @throws {Refusal} `wrong-identity` where a pattern takes too long
 */
export function matches(matcher: Matcher, text: string): boolean {
  if ('exact' in matcher) return matcher.exact === text;
  const { pattern } = matcher;
  if (/[^uv]/.test(pattern.flags)) return false;
  let whole = anchored.get(pattern);
  if (whole === undefined) {
    whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags);
    anchored.set(pattern, whole);
  }
  return testBounded(whole, text);
}

/** How a matcher is told to a person. */
export function matcherText(matcher: Matcher): string {
  return 'exact' in matcher ? matcher.exact : `/${matcher.pattern.source}/`;
}
