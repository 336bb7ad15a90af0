import type { KeyObject } from 'node:crypto';
import type { Signer } from '@sigstore/sign';
import type { GithubClaims, OwnAuthorities, SourceClaims } from './policy.ts';

/** Who signed, as a verifier must state it. */
export interface SignerIdentity {
  /** keyed: base64 of sha256 of the SPKI DER */
  readonly keyId?: string;
  /** keyless: the certificate's subject alternative name */
  readonly identity?: string;
  readonly issuer?: string;
  /** keyless: what the certificate says of the run */
  readonly github?: GithubClaims;
  readonly source?: SourceClaims;
}

/**
 * One who signs: a key (local or in a KMS), or a Fulcio certificate with its ephemeral key. `sign`
 * is @sigstore/sign's: it takes the whole data (not its hash) and answers the signature (ECDSA in
 * DER, RSA PKCS#1 v1.5, Ed25519 raw) with the public key or the leaf certificate as PEM.
 */
export interface ImageSigner extends Signer {
  identity(): Promise<SignerIdentity>;
  /** the key to verify with (keyed); undefined for a certificate */
  publicKey(): Promise<KeyObject | undefined>;
  /**
   * PEM certificates above the leaf up to the root, for the legacy format's `chain` (cosign 2 takes
   * the last one for the root and drops it); empty for a key
   */
  chain(): Promise<readonly string[]>;
  /** the certificate of an authority of one's own that signatures carry (PEM), and who issued it */
  readonly own?: { readonly certificate: string; readonly authorities: OwnAuthorities };
  /** what a person should know about this key, e.g. which verifiers do not take P-384 */
  readonly warnings: readonly string[];
}
