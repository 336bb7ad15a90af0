import type { Digest } from '../image/digest.ts';
import type { Verdict, VerdictCode } from '../signature/verdict.ts';

/** What was found out about one image or platform manifest: an element of the verify action's output `results` (CONTRACT.md). */
export interface VerifyResult {
  /** `registry/repository@sha256:…`; as the user wrote it where the digest could not be found out */
  readonly image: string;
  /** as the user wrote it */
  readonly reference: string;
  readonly digest?: Digest;
  readonly platform?: string;
  readonly verified: boolean;
  /** why not; absent when verified */
  readonly code?: VerdictCode;
  readonly reason?: string;
  /** every signature that was found, the rejected ones with their code and sentence */
  readonly signatures: readonly Verdict[];
  /** where the reference was read, for references out of files */
  readonly source?: { readonly file: string; readonly line: number };
}
