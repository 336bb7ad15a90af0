/**
 * What one registry does differently from another. Every switch has a value in `plain`; a behaviour
 * names only what differs.
 */
export interface Switches {
  /**
   * Statuses and codes as docker-registry 2.8 or as go-containerregistry's registry gives them.
   * What is stored is checked either way.
   */
  readonly dialect: 'distribution' | 'ggcr';
  /** GET /v2/<name>/referrers/<digest> works */
  readonly referrersApi: boolean;
  /** entries a page of referrers; the next page is in `Link` */
  readonly referrersPage: number;
  /** `artifactType` is applied by the registry (and said so in OCI-Filters-Applied) */
  readonly referrersFilter: boolean;
  /**
   * `config`: entries carry the config's media type as artifactType and no annotations
   * (go-containerregistry 0.20)
   */
  readonly referrersEntries: 'spec' | 'config';
  /** without the API: the status of its path; `wrong-type`: 200 with an HTML page */
  readonly referrersStatus: number | 'wrong-type';
  /** a pushed manifest with a subject is answered with OCI-Subject */
  readonly ociSubject: boolean;
  /** If-Match and If-None-Match on PUT of a manifest */
  readonly ifMatch: 'honoured' | 'ignored';
  /** a tag cannot be moved: how that is refused */
  readonly immutableTags: false | ImmutableTags;
  /** tags that may be moved although tags are immutable */
  readonly mutableTags: RegExp | undefined;
  /** how a manifest that is not there is answered */
  readonly missingManifest: { readonly status: number; readonly code: string };
  /** the tag sha256-<hex>, if nobody wrote it, answers the manifest with that digest */
  readonly referrersTagAnswersImage: boolean;
  /** OCI manifests are shown only to clients whose Accept names them */
  readonly acceptNeeded: boolean;
  readonly uploadLocation: 'relative' | 'absolute' | 'other-host';
  /** POST with ?digest= and a body stores the blob */
  readonly singlePost: boolean;
  /** PUT of an upload takes no body: everything must have come with PATCH */
  readonly putNeedsPatch: boolean;
  /** GET of a blob is a 307 to another host, which refuses whoever sends Authorization */
  readonly blobRedirect: boolean;
  /** a pushed manifest is unknown for so many milliseconds */
  readonly lateManifests: number;
  /** a tag answers what it was so many milliseconds ago */
  readonly staleTags: number;
  /** requests a second; the next are 429 */
  readonly rateLimit: number | undefined;
  readonly retryAfter: 'seconds' | 'date' | 'none';
  /** media types of manifests that are refused, e.g. an OCI index */
  readonly refusedMediaTypes: readonly string[];
  /** DELETE of a manifest by tag removes the tag */
  readonly deleteTags: boolean;
  /** every request of an upload is moved to another host, which refuses whoever sends Authorization */
  readonly movedUploads: false | 307 | 308;
  /** HEAD of a manifest is refused with this status, GET is not */
  readonly refusedHead: false | number;
  /** how a manifest with a subject is refused */
  readonly refusedArtifacts: false | Omit<ImmutableTags, 'sameAgain'>;
  /** with the referrers API: its list stays empty, whatever is pushed */
  readonly referrersForgotten: boolean;
  /**
   * an image without a signature is shown only to a token that may push, of a client with `cosign`
   * in its name (Harbor's deployment security: src/server/middleware/util)
   */
  readonly onlySigned: boolean;
}

/**
 * How a tag is refused that cannot be moved, and whether the same manifest may be put under it
 * again (ECR refuses even that).
 */
export interface ImmutableTags {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly sameAgain: 'taken' | 'refused';
}

/** docker-registry 2.8: what most switches are measured against. */
export const plain: Switches = {
  dialect: 'distribution',
  referrersApi: false,
  referrersPage: 1000,
  referrersFilter: true,
  referrersEntries: 'spec',
  referrersStatus: 404,
  ociSubject: false,
  ifMatch: 'ignored',
  immutableTags: false,
  mutableTags: undefined,
  missingManifest: { status: 404, code: 'MANIFEST_UNKNOWN' },
  referrersTagAnswersImage: false,
  acceptNeeded: true,
  uploadLocation: 'absolute',
  singlePost: false,
  putNeedsPatch: false,
  blobRedirect: false,
  lateManifests: 0,
  staleTags: 0,
  rateLimit: undefined,
  retryAfter: 'seconds',
  refusedMediaTypes: [],
  deleteTags: false,
  movedUploads: false,
  refusedHead: false,
  refusedArtifacts: false,
  referrersForgotten: false,
  onlySigned: false,
};

/** Three registries' words for a tag that cannot be moved. */
export const immutable = {
  ecr: {
    status: 400,
    code: 'TAG_INVALID',
    message:
      'The image tag already exists in the repository and cannot be overwritten because the tag is immutable.',
    sameAgain: 'refused',
  },
  harbor: {
    status: 412,
    code: 'PRECONDITION',
    message: 'Failed to process request due to the tag configured as immutable.',
    sameAgain: 'taken',
  },
  gar: {
    status: 400,
    code: 'MANIFEST_INVALID',
    message: 'cannot update tag. The repository has enabled tag immutability',
    sameAgain: 'taken',
  },
} as const satisfies Record<string, ImmutableTags>;

/** A registry by name. `auth` is how it lets people in; `source` where we know it from. */
export interface Behaviour {
  readonly switches: Partial<Switches>;
  readonly auth: 'none' | 'basic' | 'token' | 'token-with-refresh';
  /**
   * `seen`: compared with the running program; `documented`: its documents; `reported`: told by
   * others, not checked by us
   */
  readonly source: 'seen' | 'documented' | 'reported';
}

/**
 * The registries people use, as switches. A behaviour that turns out different is corrected here,
 * and every test follows.
 */
export const behaviours = {
  distribution28: { switches: {}, auth: 'none', source: 'seen' },
  distribution3: {
    switches: { uploadLocation: 'absolute', singlePost: false },
    auth: 'none',
    source: 'documented',
  },
  ggcr: {
    switches: {
      dialect: 'ggcr',
      referrersApi: true,
      referrersFilter: false,
      referrersEntries: 'config',
      acceptNeeded: false,
      uploadLocation: 'relative',
      singlePost: true,
      deleteTags: true,
      missingManifest: { status: 404, code: 'MANIFEST_UNKNOWN' },
    },
    auth: 'none',
    source: 'seen',
  },
  ghcr: {
    switches: { acceptNeeded: false, uploadLocation: 'relative', blobRedirect: true },
    auth: 'token',
    source: 'reported',
  },
  dockerhub: {
    switches: { acceptNeeded: false, blobRedirect: true, retryAfter: 'seconds' },
    auth: 'token',
    source: 'reported',
  },
  ecr: {
    switches: {
      ociSubject: true,
      acceptNeeded: false,
      blobRedirect: true,
      uploadLocation: 'absolute',
    },
    auth: 'basic',
    source: 'reported',
  },
  ecrImmutable: {
    switches: {
      ociSubject: true,
      acceptNeeded: false,
      blobRedirect: true,
      immutableTags: immutable.ecr,
    },
    auth: 'basic',
    source: 'reported',
  },
  acr: {
    switches: {
      referrersApi: true,
      ociSubject: true,
      acceptNeeded: false,
      uploadLocation: 'relative',
      blobRedirect: true,
    },
    auth: 'token-with-refresh',
    source: 'documented',
  },
  gar: {
    switches: { acceptNeeded: false, uploadLocation: 'relative', blobRedirect: true },
    auth: 'token',
    source: 'reported',
  },
  garImmutable: {
    switches: { acceptNeeded: false, uploadLocation: 'relative', immutableTags: immutable.gar },
    auth: 'token',
    source: 'reported',
  },
  quay: {
    switches: { referrersApi: true, ociSubject: true, acceptNeeded: false, blobRedirect: true },
    auth: 'token',
    source: 'documented',
  },
  harbor: {
    switches: { referrersApi: true, ociSubject: true, uploadLocation: 'relative' },
    auth: 'token',
    source: 'documented',
  },
  harborImmutable: {
    switches: {
      referrersApi: true,
      ociSubject: true,
      uploadLocation: 'relative',
      immutableTags: immutable.harbor,
    },
    auth: 'token',
    source: 'documented',
  },
  gitlab: {
    switches: { referrersTagAnswersImage: true, blobRedirect: true },
    auth: 'token',
    source: 'reported',
  },
  artifactory: {
    switches: {
      acceptNeeded: false,
      missingManifest: { status: 403, code: 'DENIED' },
      referrersStatus: 403,
    },
    auth: 'token',
    source: 'reported',
  },
  nexus: {
    switches: { referrersStatus: 406, uploadLocation: 'relative', acceptNeeded: false },
    auth: 'basic',
    source: 'reported',
  },
  zot: {
    switches: {
      referrersApi: true,
      ociSubject: true,
      uploadLocation: 'relative',
      singlePost: true,
      acceptNeeded: false,
      deleteTags: true,
    },
    auth: 'none',
    source: 'documented',
  },
  ttlsh: { switches: { blobRedirect: true }, auth: 'none', source: 'reported' },
} as const satisfies Record<string, Behaviour>;

export type BehaviourName = keyof typeof behaviours;
