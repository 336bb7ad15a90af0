import type { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { Format } from '../signature/found.ts';
import type { SignerIdentity } from '../signature/signer.ts';

/**
 * One signature of an image, as it stands in the registry. What is not stated was not checked by
 * this run.
 */
export interface SignatureResult {
  readonly format: Format;
  /** digest of the manifest that carries the signature */
  readonly digest: Digest;
  /** `registry/repository@digest` (bundle) or `registry/repository:tag` (legacy) */
  readonly reference: string;
  /** index in the log that `logId` names */
  readonly tlogIndex?: number;
  /** hex */
  readonly logId?: string;
  /** seconds since 1970 */
  readonly integratedTime?: number;
  /** ISO 8601, of the RFC 3161 timestamp */
  readonly timestamp?: string;
  /** every log was down: its timestamp alone proves when it was signed (`tlog-fallback`) */
  readonly withoutLog?: true;
  /** PEM of the signing certificate (keyless) */
  readonly certificate?: string;
  /** base64 of sha256 of the SPKI DER (keyed) */
  readonly keyId?: string;
}

/** What an attestation says, without saying it. */
export interface Attested {
  /** URI */
  readonly predicateType: string;
  /** `sha256:…` of the predicate's JSON, as it was signed */
  readonly predicateDigest: Digest;
}

/** Why one image failed; the same three parts as a Failure, as data. */
export interface ResultError {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  /** the error itself, for the log; not part of the output */
  readonly failure: Failure;
}

/** What became of one image or, with `recursive`, of one manifest inside an image index. */
export interface SignResult {
  /** `registry/repository@sha256:…`; as it was asked for where the registry could not resolve it */
  readonly image: string;
  /** absent where the registry could not resolve the reference */
  readonly digest?: Digest;
  /**
   * the references this image was asked for with, as a person reads them; several tags of one
   * digest are one image
   */
  readonly references: readonly string[];
  /** `os/architecture[/variant]`, or `attestation`, of a manifest inside an index */
  readonly platform?: string;
  /** `image` of the index this manifest was found in; absent for what was asked for by name */
  readonly partOf?: string;
  readonly status: 'signed' | 'already-signed' | 'failed';
  /** bundle first */
  readonly signatures: readonly SignatureResult[];
  readonly signer: SignerIdentity;
  readonly annotations: Readonly<Record<string, string>>;
  /** of an attestation; absent for a signature */
  readonly attested?: Attested;
  /** what the read-back found; absent when nothing was read back */
  readonly verified?: boolean;
  /** the bundle's bytes, for output `bundle`; not part of `results` */
  readonly bundle?: Buffer;
  /** why the registry took no bundle, where `format: auto` went on without; not part of `results` */
  readonly withoutBundle?: Failure;
  readonly error?: ResultError;
}
