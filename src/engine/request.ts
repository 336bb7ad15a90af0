import type { Digest } from '../image/digest.ts';
import type { RepositoryName } from '../image/reference.ts';
import type { Destination } from '../image/targets.ts';
import type { Included } from '../registry/copy-attached.ts';
import type { GithubClaims, Matcher, SourceClaims } from '../signature/policy.ts';
import type { FormatChoice } from './formats.ts';

// What the engine is asked for: plain data. Texts that another room understands (references,
// metadata, key, trusted root) are handed on as they were written.

/** What to sign, with what, and how. */
export interface SignRequest extends WriteRequest {
  /** all of them, those of the surroundings included */
  readonly annotations: Readonly<Record<string, string>>;
}

/** What to attest of images: exactly one of `predicate` and `sbom`. */
export interface AttestRequest extends WriteRequest {
  /** one of cosign's names, or a URI; of an SBOM its own text says the type */
  readonly predicateType?: string;
  /** JSON text, or a path */
  readonly predicate?: string;
  /** path of an SBOM in JSON */
  readonly sbom?: string;
}

/** What signing and attesting have in common: with what, and how. */
export interface WriteRequest extends ImagesRequest {
  /** absent = keyless */
  readonly key?: string;
  /** may be the empty password */
  readonly keyPassword?: string;
  /** of the key; absent: signatures name the key alone */
  readonly own?: OwnCertificate;
  readonly format: FormatChoice;
  readonly tlog: boolean;
  /** what stands in for the log entry while every log is down; absent = nothing, the run fails */
  readonly tlogFallback?: 'timestamp';
  readonly skipExisting: boolean;
  readonly verify: boolean;
  /** instead of the one that the surroundings give */
  readonly identityToken?: string;
  readonly oidcAudience: string;
  readonly services: ServiceRequest;
  readonly disclosePrivateRepository: boolean;
}

/** A certificate of one's own: text of PEM, `env://NAME` or a path. */
export interface OwnCertificate {
  readonly certificate: string;
  /** from who issued it to the root */
  readonly chain: string;
}

/** Authorities of one's own: text of PEM, `env://NAME` or a path. */
export interface OwnTrust {
  readonly roots: string;
  readonly intermediates?: string;
  /** the inputs name the issuer that certificates must say */
  readonly asksIssuer: boolean;
}

/** What to verify, and whose signature counts. */
export interface VerifyRequest extends ImagesRequest {
  /** text, `env://NAME`, a path, or the address of a key in a service */
  readonly key?: string;
  /** empty = no identity asked for */
  readonly identities: readonly Matcher[];
  readonly issuers: readonly [Matcher, ...Matcher[]];
  /** who may have issued certificates; absent: the authorities of the trusted root */
  readonly own?: OwnTrust;
  readonly github: GithubClaims;
  readonly source: SourceClaims;
  readonly annotations: Readonly<Record<string, string>>;
  /** URIs of predicate types: attestations that an image must carry, by the same signers */
  readonly attestationTypes: readonly string[];
  /** `ignore`: only the attestations count */
  readonly signature: 'required' | 'ignore';
  /** paths or globs of policy files */
  readonly policy: readonly string[];
  /** images of well-known publishers must be signed by these; absent = false */
  readonly knownSigners?: boolean;
  /** globs of files that name images */
  readonly files: readonly string[];
  /** globs over the images that `files` name */
  readonly onlyImages: readonly string[];
  readonly skipImages: readonly string[];
  readonly tlog: 'required' | 'ignore';
  readonly services: Pick<ServiceRequest, 'trustedRoot' | 'tufMirror' | 'tufRoot'>;
}

/** What to promote: whose signature counts, as for a gate; where to; and what goes along. */
export interface PromoteRequest extends VerifyRequest {
  readonly to: readonly [Destination, ...Destination[]];
  readonly include: readonly Included[];
  /** where what is signed lies at the targets; absent: beside each copy */
  readonly toSignatureRepository?: RepositoryName;
}

/** What to list, whose signatures count, and what to do about it. */
export interface InventoryRequest extends Omit<VerifyRequest, 'services'> {
  readonly services: ServiceRequest;
  readonly repository: RepositoryName;
  /** a private key: what verifies and is not signed by it is signed again */
  readonly resignWith?: string;
  readonly keyPassword?: string;
  readonly prune: boolean;
  /** nothing is written, and nothing taken away */
  readonly dryRun: boolean;
}

/** Which images, and how to reach them. */
export interface ImagesRequest {
  /** references as written */
  readonly images: readonly string[];
  readonly digest?: Digest;
  /** JSON text: the `metadata` output of docker/build-push-action or docker/bake-action */
  readonly metadata?: string;
  readonly recursive: boolean;
  readonly registry: RegistryRequest;
  /** where signatures and attestations lie; absent: in the repository of each image */
  readonly signatureRepository?: RepositoryName;
  /** milliseconds for everything */
  readonly timeout: number;
}

/**
 * Where keyless signing and the log are. What is absent comes from the public-good instance's TUF
 * repository.
 */
export interface ServiceRequest {
  readonly fulcioUrl?: URL;
  readonly rekorUrl?: URL;
  readonly timestampUrl?: URL;
  readonly rekorVersion?: 1 | 2;
  /** path or JSON */
  readonly signingConfig?: string;
  /** path or JSON */
  readonly trustedRoot?: string;
  readonly tufMirror?: URL;
  /** path or JSON */
  readonly tufRoot?: string;
}

export interface RegistryRequest {
  /** the registry that the login is for, as in a reference; default: the one of `images` */
  readonly host?: string;
  /** both or neither */
  readonly username?: string;
  readonly password?: string;
  readonly allowHttp: boolean;
  readonly allowInsecure: boolean;
}
