import type { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { Workload } from '../references/image-use.ts';
import type { AttestationVerdict } from '../signature/judge-attestation.ts';
import type { Verdict, VerdictCode } from '../signature/verdict.ts';

/**
 * What was found out about one image or platform manifest: an element of the verify action's output
 * `results`.
 */
export interface VerifyResult {
  /**
   * `registry/repository@sha256:…`; as the user wrote it where the digest could not be found out
   */
  readonly image: string;
  /**
   * the references it was asked for with, as the user wrote them: several tags of one digest are
   * one image. Of a manifest inside an index, those of the index.
   */
  readonly references: readonly string[];
  readonly digest?: Digest;
  /** `os/architecture[/variant]`, or `attestation`, of a manifest inside an index */
  readonly platform?: string;
  /** `image` of every index it was found in; empty for what was asked for by name alone */
  readonly partOf: readonly string[];
  /** asked for by name; false for what only stands in an index */
  readonly asked: boolean;
  readonly verified: boolean;
  /** why not; absent when verified */
  readonly code?: VerdictCode;
  /** one sentence; of a verified image only where a policy lets it through without a signature */
  readonly reason?: string;
  /** every signature that was found, the rejected ones with their code and sentence */
  readonly signatures: readonly Verdict[];
  /** where attestations were asked for: every one that was found */
  readonly attestations?: readonly AttestationResult[];
  /** what the registry said, for the log and its way out; not part of the output */
  readonly failure?: Failure;
  /** it is not judged, for this `reason` */
  readonly isOpen?: true;
  /** every place in a file where the image is named, with how it is named there */
  readonly sources?: readonly Source[];
}

/** What became of an attestation. */
export interface AttestationResult extends Omit<AttestationVerdict, 'predicate'> {
  /** the file with its predicate; only where the attestation and its image verified */
  readonly path?: string;
}

/** An image that the step does not ask about, or about which nobody can say who must have signed it. */
export interface NotJudged {
  /** one sentence; absent where inputs `only-images` and `skip-images` leave it out */
  readonly reason?: string;
  /** normalized; as it is written where it cannot be resolved */
  readonly reference: string;
  readonly digest?: Digest;
  readonly sources: readonly Source[];
}

/** A place in a file of the workspace. */
export interface Source {
  /** normalized; as it is written where it cannot be resolved */
  readonly reference: string;
  /** relative to the workspace, with `/` */
  readonly file: string;
  /** counted from 1 */
  readonly line: number;
  /** what runs it in a cluster */
  readonly workload?: Workload;
}

/**
 * True when an image that was asked for verified, and everything inside it that was looked at: only
 * then may a later step use it.
 */
export function isWhole(result: VerifyResult, all: readonly VerifyResult[]): boolean {
  return (
    result.verified &&
    all.every(({ partOf, verified }) => verified || !partOf.includes(result.image))
  );
}

/** What a good signature, or an attestation in its place, tells of who made it and when. */
export type SignedBy = Omit<Verdict, 'annotations'>;

/**
 * The signature to tell of an image: a good one, if possible one that a log entry stands behind.
 * Where only attestations count it is one of these.
 */
export function goodSignature({
  signatures,
  attestations = [],
}: Pick<VerifyResult, 'signatures' | 'attestations'>): SignedBy | undefined {
  const signed: readonly SignedBy[] = signatures.filter(({ verified }) => verified);
  const good = signed.length > 0 ? signed : attestations.filter(({ verified }) => verified);
  return good.find(({ tlogIndex }) => tlogIndex !== undefined) ?? good[0];
}
