import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { Format, FoundAttestation, FoundSignature } from '../signature/found.ts';
import type { LargeAttestation } from './read-attestations.ts';
import type { LayerKind } from './signature-tag.ts';

/** A signature of ours in the registry. */
export interface Attachment {
  readonly format: Format;
  /**
   * of the manifest written: the bundle's own, or the `.sig` manifest as it stood when ours was
   * first seen in it
   */
  readonly digest: Digest;
  /** `registry/repository@digest`, or `registry/repository:sha256-….sig` */
  readonly reference: string;
  /**
   * Resolves when the signature has been seen to stay; rejects with Failure `signature-lost`
   * otherwise. Need not be awaited.
   */
  readonly kept: Promise<void>;
}

/**
 * How far a reader looks for referrers: `all` also reads the referrers tag where the registry has
 * the API (others may have written there).
 */
export type Reach = 'all' | 'listed';

/** What lies beside one image, for one who reads it. */
export interface SignatureReading {
  /**
   * Every signature there is, in all formats asked for; formats do not hide each other. One read,
   * shared by later calls. Nothing of it is believed.
   * @throws {Failure} of the registry; `too-large` for more than `maxSignatures`. An error is never
   * "no signature".
   */
  found(formats?: readonly Format[], reach?: Reach): Promise<readonly FoundSignature[]>;
  /**
   * Every attestation there may be: bundles, and the layers of the `.att` manifest. Only judging one
   * tells what it is: signatures in bundles are among them. Those with more bytes than a signature
   * may have are not fetched yet. Lists and bundles are read once, for this and `found` together.
   * @param types those that somebody asks for; large ones that say themselves to be of another type
   * are then problems
   * @throws {Failure} as `found`
   */
  attestations(
    types?: readonly string[],
    formats?: readonly Format[],
  ): Promise<readonly (FoundAttestation | LargeAttestation)[]>;
}

/** The place where the signatures of one image lie. */
export interface SignatureStore extends SignatureReading {
  /**
   * Writes a bundle as an OCI 1.1 referrer. The upload begins while the bundle is still being made.
   * Resolves when it is listed: at once with the referrers API, after a read-back with the tag.
   * @param predicateType of an attestation; absent for a signature
   * @throws {Failure} `signature-lost`, `immutable-tag`, `registry-unsupported`, of the registry,
   * or what `bundle` rejects with
   */
  attachBundle(
    subject: Descriptor,
    bundle: Buffer | Promise<Buffer>,
    created: Date,
    predicateType?: string,
  ): Promise<Attachment>;
  /**
   * Adds a layer to the `.sig` manifest: the simple-signing payload, and the annotations that sign
   * it; or to the `.att` manifest: the DSSE envelope, and what proves it. Both may still be being
   * made. Resolves when it was read back. @throws {Failure} as
   * `attachBundle`
   */
  attachLegacy(
    payload: Buffer | Promise<Buffer>,
    annotations: LayerAnnotations | Promise<LayerAnnotations>,
    kind?: LayerKind,
  ): Promise<Attachment>;
  /**
   * Fetches what was attached from the registry again, as a stranger would find it.
   * @throws {Failure} `signature-lost` where it is not listed
   */
  readBack(attachment: Attachment): Promise<readonly FoundSignature[]>;
  /** The same of an attestation. */
  readBackAttestation(
    attachment: Attachment,
  ): Promise<readonly (FoundAttestation | LargeAttestation)[]>;
}

/** What signs a simple-signing payload, or proves an envelope: the annotations of its layer. */
export type LayerAnnotations = Readonly<Record<string, string>>;
