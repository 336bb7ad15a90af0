import type { KeyObject } from 'node:crypto';
import type { X509Certificate } from '@sigstore/core';
import type { TrustMaterial } from '@sigstore/verify';
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
      /** a certificate that names no issuer counts too: one of an authority of one's own */
      readonly noIssuer?: 'allowed';
      /** names that the certificate must carry besides, each of its kind */
      readonly subject?: { readonly email?: string; readonly hostname?: string };
      readonly github?: GithubClaims;
      readonly source?: SourceClaims;
    };

/**
 * Certificate authorities of one's own, in the place of those of the trusted root
 * (own-authorities.ts).
 */
export interface OwnAuthorities {
  /** PEM, for whoever writes or tells them */
  readonly pem: { readonly roots: string; readonly intermediates: string };
  /**
   * certificates must be valid at this time, and nothing has to prove when they were used: containers'
   * `pki`; absent: at a time that a log or a timestamp authority proves
   */
  readonly at?: Date;
  /**
   * The authorities that may have issued a certificate, each as a path that ends at a root.
   * @param sent certificates that came with the signature: they count only as steps of a path
   * @param material the trusted root, where there is one
   * @returns also whether a log of certificates must have it: the certificate is one of Fulcio's
   * @throws Refusal `untrusted-certificate`
   */
  issuersOf(
    certificate: { readonly x509: X509Certificate; readonly issuer: string | undefined },
    sent: SentChain | undefined,
    material: TrustMaterial | undefined,
  ): {
    readonly authorities: TrustMaterial['certificateAuthorities'];
    readonly logged: boolean;
  };
}

/** What a signature brings beside its certificate: PEM (legacy), or DER. */
export type SentChain = string | readonly Buffer[];

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
  /** what certificates are checked with, in the place of the trusted root's authorities */
  readonly authorities?: OwnAuthorities;
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
