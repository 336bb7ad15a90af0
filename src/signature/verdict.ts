import type { Digest } from '../image/digest.ts';
import type { GithubClaims, SignaturePolicy, SourceClaims } from './policy.ts';

/**
 * How a signature lies in the registry: Sigstore bundle v0.3 as a referrer, or a `simplesigning`
 * layer of cosign 1 and 2.
 */
export type Format = 'bundle' | 'legacy';

/** Every code a verdict can have. The list is closed and documented in docs/results.md. */
export const verdictCodes = [
  'verified',
  'unsigned',
  'no-attestation',
  'wrong-identity',
  'wrong-issuer',
  'wrong-claim',
  'wrong-key',
  'untrusted-certificate',
  'no-log-entry',
  'bad-log-entry',
  'no-timestamp',
  'bad-timestamp',
  'bad-signature',
  'wrong-subject',
  'wrong-predicate',
  'annotation-mismatch',
  'malformed',
  'too-large',
  'registry-error',
  'not-allowed',
  'unresolved',
] as const;

export type VerdictCode = (typeof verdictCodes)[number];

/** What a signature that verified proves of who made it, and when. */
export interface SignerFacts {
  readonly identity?: string;
  readonly issuer?: string;
  /** base64 of sha256 of the SPKI DER */
  readonly keyId?: string;
  /** only where it is authenticated, as the time below */
  readonly tlogIndex?: number;
  /** hex */
  readonly logId?: string;
  /** seconds since 1970, from the SET or the entry */
  readonly integratedTime?: number;
  /** ISO 8601, of the RFC 3161 timestamp */
  readonly timestamp?: string;
  /** PEM of the signing certificate */
  readonly certificate?: string;
  readonly github?: GithubClaims;
  readonly source?: SourceClaims;
}

/** How a judgement ended. */
export interface Conclusion {
  readonly verified: boolean;
  readonly code: VerdictCode;
  /** One sentence for a person; absent when verified. */
  readonly reason?: string;
  /** where the signer is another one: what was asked of it; not part of the output */
  readonly expected?: SignaturePolicy;
}

/**
 * What was found out about one signature. Only what this run checked cryptographically is stated.
 */
export interface Verdict extends Conclusion, SignerFacts {
  readonly format: Format;
  readonly digest: Digest;
  readonly reference: string;
  /** annotations that are signed */
  readonly annotations: Readonly<Record<string, string>>;
}
