import type { Matcher } from './policy.ts';

/**
 * True when the whole text is what the matcher asks for: exactly that, upper and lower case
 * included, or what its pattern matches from end to end. Part of an identity never counts.
 */
export function matches(matcher: Matcher, text: string): boolean {
  return 'exact' in matcher ? matcher.exact === text : matcher.pattern.matches(text);
}

/** How a matcher is told to a person: as it was written. */
export function matcherText(matcher: Matcher): string {
  return 'exact' in matcher ? matcher.exact : matcher.pattern.source;
}
