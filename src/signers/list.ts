import type { GithubClaims, SourceClaims } from '../signature/policy.ts';

// Who signs well-known images: plain data, as the files in signers/ have it (docs/known-signers.md).

/** What the name of a requirement begins with that a list asks for. */
export const knownSignersMark = 'Known signers, ';

/** One that may have signed: a key, or an identity and who vouches for it. */
export type KnownSigner =
  /** a public key, PEM */
  | { readonly key: string }
  | {
      /** exactly; or, with `*` in it, a pattern (pattern.ts) */
      readonly identity: string;
      readonly isPattern?: true;
      /** exactly */
      readonly issuer: string;
      readonly github?: GithubClaims;
      readonly source?: SourceClaims;
    };

/** Where a fact was read. */
export interface SignerSource {
  /** a repository and its files, or an address */
  readonly what: string;
  readonly commit?: string;
  /** YYYY-MM-DD */
  readonly date?: string;
}

/** Images of one publisher, and what is known of their signatures. */
export interface KnownImages {
  readonly publisher: string;
  /** globs over names without tag and digest */
  readonly images: readonly string[];
  /** globs over tags that this is about; absent = all */
  readonly tags?: readonly string[];
  /** the first version that is known to be signed */
  readonly since?: string;
  /** any of them; absent where there is a `reason` */
  readonly signers?: readonly KnownSigner[];
  /** why nothing is asked of these images: they have no signatures, or none that can be judged */
  readonly reason?: string;
  /** absent: an entry of the transparency log is asked for */
  readonly tlog?: 'ignore';
  /** what these images carry in the place of a signature */
  readonly attestationTypes?: readonly string[];
  /** `registry/repository` where signatures lie, in the place of beside the image */
  readonly repository?: string;
  /** signed is the attestation manifest that BuildKit puts into the index, not the index */
  readonly onAttestationManifest?: true;
  /** an image that `signers check` verifies */
  readonly check?: string;
  /** `proven`: a recorded signature verifies; `cited`: the publisher says so */
  readonly evidence?: 'proven' | 'cited';
  readonly sources: readonly SignerSource[];
}

/** A place that has copies of the images of another one, under the same names behind it. */
export interface Mirror {
  /** `registry[/path]` */
  readonly at: string;
  /** the same of what is copied */
  readonly of: string;
}

/** One file, or several together: the first entry that fits an image counts. */
export interface SignerList {
  readonly entries: readonly KnownImages[];
  readonly mirrors: readonly Mirror[];
}
