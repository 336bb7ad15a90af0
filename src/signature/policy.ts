import type { KeyObject } from 'node:crypto';
import type { RepositoryName } from '../image/reference.ts';

/** A pattern, compiled: a regular expression, or a policy's wildcards. */
export interface Pattern {
  /** as it was written */
  readonly source: string;
  /** True when it matches the whole text; a match of a part is none. Takes bounded time. */
  readonly matches: (text: string) => boolean;
  /** another one of the same syntax, where there is a compiler; throws as that does */
  readonly sibling?: (source: string) => Pattern;
}

/** Text to be equal to, or a pattern that matches the whole text. */
export type Matcher = { readonly exact: string } | { readonly pattern: Pattern };

/**
 * What Fulcio's certificate extensions say of a GitHub run (OIDs 1.3.6.1.4.1.57264.1.x). Absent =
 * not asked.
 */
export interface GithubClaims {
  /** owner/name */
  readonly repository?: string;
  readonly ref?: string;
  readonly sha?: string;
  readonly event?: string;
  /** owner/name/path@ref of the workflow that was started */
  readonly workflowRef?: string;
  readonly runnerEnvironment?: string;
  /** numbers: they survive a rename, and whoever takes an abandoned name has other ones */
  readonly repositoryId?: string;
  readonly repositoryOwnerId?: string;
  /** the deployment environment that the job ran in */
  readonly environment?: string;
  /** commit of the file of the workflow that was started */
  readonly workflowSha?: string;
}

/**
 * What the same extensions say of a build on any CI system: GitHub, GitLab, CircleCI, Buildkite.
 * Absent = not asked.
 */
export interface SourceClaims {
  /** the whole address */
  readonly repository?: string;
  readonly ref?: string;
  readonly sha?: string;
  /** address of the file that says how to build */
  readonly buildConfig?: string;
  readonly buildTrigger?: string;
  readonly runnerEnvironment?: string;
}

/** Who may have signed. One rule that fits is enough. */
export type SignerRule =
  | { readonly key: KeyObject }
  | {
      readonly identities: readonly Matcher[];
      readonly issuers: readonly Matcher[];
      readonly github?: GithubClaims;
      readonly source?: SourceClaims;
    };

/** What simple signing must call the image that it is about (`docker-reference`). */
export interface ClaimedName {
  readonly fits: (dockerReference: string) => boolean;
  /** for a person: the name, or what names there may be */
  readonly expected: string;
  /** as a policy.json says it */
  readonly written?: Readonly<Record<string, string>>;
}

/** What a signature must be to count. */
export interface SignaturePolicy {
  readonly signers: readonly [SignerRule, ...SignerRule[]];
  /** all of these must be signed */
  readonly annotations: Readonly<Record<string, string>>;
  /**
   * `ignore`: log entries are not looked at; a keyless signature must then carry a trusted
   * timestamp
   */
  readonly tlog: 'required' | 'ignore';
  /**
   * asks for a trusted timestamp, also of a signature that does not need one; absent: only where
   * nothing else proves the time
   */
  readonly timestamp?: 'required';
  /**
   * only this format counts, as for the verifier in the cluster; `bundle-if-any`: of an image that
   * carries a bundle of any kind only bundles count, else the legacy format
   */
  readonly format?: 'bundle' | 'legacy' | 'bundle-if-any';
  /**
   * only simple signing (the legacy format) counts, and this is what it must call the image: podman,
   * CRI-O and OpenShift read nothing else
   */
  readonly claimedName?: ClaimedName;
  /** where its signatures lie, in the place of beside the image */
  readonly repository?: RepositoryName;
  /** the inputs of the step ask for it, not a policy file: advice can name them */
  readonly fromInputs?: true;
}

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
