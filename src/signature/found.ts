import type { Digest } from '../image/digest.ts';
import type { VerdictCode } from './verdict.ts';

/**
 * How a signature lies in the registry: Sigstore bundle v0.3 as a referrer, or a `simplesigning`
 * layer of cosign 1 and 2.
 */
export type Format = 'bundle' | 'legacy';

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
