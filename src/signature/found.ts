import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { Digest } from '../image/digest.ts';
import type { SignedContent } from './content.ts';
import type { Claim } from './statement.ts';
import type { Format, VerdictCode } from './verdict.ts';

export type { Format } from './verdict.ts';

/**
 * A signature as it was found in a registry; nothing of it is believed yet. Where it could not even
 * be read (`problem`: too large, gone, malformed, about another image), it is reported all the
 * same: a signature that is broken must never look like none. Ask `'problem' in found` first, then
 * `format`.
 */
export type FoundSignature =
  | {
      readonly format: 'bundle';
      /** digest of the manifest that carries it */
      readonly digest: Digest;
      /** `registry/repository@digest` or `registry/repository:tag` it was found at */
      readonly reference: string;
      /** the bundle's bytes */
      readonly bundle: Buffer;
    }
  | {
      readonly format: 'legacy';
      readonly digest: Digest;
      readonly reference: string;
      /** the simple-signing payload's bytes */
      readonly payload: Buffer;
      /** annotations of the layer: signature, certificate, chain, bundle, timestamp */
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly format: Format;
      readonly digest: Digest;
      readonly reference: string;
      /** what a verdict about it must say */
      readonly problem: { readonly code: VerdictCode; readonly reason: string };
    };

/**
 * Who says to have signed. The hint is what the signature calls its key, base64 of sha256 of the
 * SPKI DER by habit; it proves nothing.
 */
export type SignedBy = { readonly certificate: Buffer } | { readonly hint: string | undefined };

/** A signature whose bytes could be fetched. */
export type ReadableSignature = Exclude<FoundSignature, { readonly problem: unknown }>;

/** One signature of either format, taken apart. Nothing of it is believed yet. */
export interface Evidence {
  readonly claim: Claim;
  readonly content: SignedContent;
  readonly signedBy: SignedBy;
  readonly entries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses, over the signature's bytes */
  readonly timestamps: readonly Buffer[];
}
