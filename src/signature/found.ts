import type { TransparencyLogEntry } from '@sigstore/bundle';
import type { Digest } from '../image/digest.ts';
import type { SignedContent } from './content.ts';
import type { SentChain } from './policy.ts';
import type { Claim } from './statement.ts';
import type { Format, VerdictCode } from './verdict.ts';

export type { Format } from './verdict.ts';

/**
 * An attestation as it was found in a registry, read as far as a `FoundSignature` is: a bundle; a
 * DSSE layer of the `.att` manifest of cosign 1 and 2; or a statement in a manifest that is signed as
 * an image is (BuildKit's attestation manifests). Ask `'problem' in found` first.
 */
export type FoundAttestation =
  | Extract<FoundSignature, { readonly bundle: Buffer } | { readonly problem: unknown }>
  | {
      readonly format: 'legacy';
      /** digest of the manifest that carries it */
      readonly digest: Digest;
      readonly reference: string;
      /** JSON of the DSSE envelope */
      readonly envelope: Buffer;
      /** annotations of the layer: certificate, chain, bundle, timestamp */
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly format: Format;
      /** of the manifest that holds the statement, and whose signature this is */
      readonly digest: Digest;
      readonly reference: string;
      /** one signature of that manifest */
      readonly signature: FoundSignature;
      /** what the manifest holds under its digest: an in-toto statement, itself not signed */
      readonly statement: Buffer;
    };

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
export type SignedBy =
  | {
      readonly certificate: Buffer;
      /** certificates that came with it */
      readonly chain?: SentChain;
    }
  | { readonly hint: string | undefined };

/** A signature whose bytes could be fetched. */
export type ReadableSignature = Exclude<FoundSignature, { readonly problem: unknown }>;

/** What proves a signature, whatever it signs, taken apart. Nothing of it is believed yet. */
export interface SignedEvidence {
  readonly content: SignedContent;
  readonly signedBy: SignedBy;
  readonly entries: readonly TransparencyLogEntry[];
  /** DER of RFC 3161 responses, over the signature's bytes */
  readonly timestamps: readonly Buffer[];
  /** what the timestamps are over instead */
  readonly stamped?: Buffer;
}

/** One signature of an image, of either format. */
export interface Evidence extends SignedEvidence {
  readonly claim: Claim;
}

/** What an envelope signs, not read yet, and what proves it. */
export type OpenedEnvelope = SignedEvidence & { readonly payload: Buffer };
