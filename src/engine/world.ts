import type { Clock } from '../clock.ts';
import type { Deadline } from '../http/deadline.ts';
import type { Http } from '../http/http.ts';
import type { PolicyFile } from '../policies/read.ts';
import type { Globs } from '../references/glob.ts';
import type { IdentityToken, TokenClaims } from '../sigstore/identity-token.ts';
import type { InventoryImage, Orphan } from './inventory-result.ts';
import type { PromoteResult } from './promote-result.ts';
import type { SignResult } from './sign-result.ts';
import type { VerifyResult } from './verify-result.ts';

/** What the engine has of the machine that it runs on. An edge opens one for each run. */
export interface World {
  readonly clock: Clock;
  /** the end of the run's `timeout` */
  readonly deadline: Deadline;
  readonly http: Http;
  /**
   * Resolves when a first request is on its way: the moment to load what is needed with its answer.
   * Never rejects.
   */
  readonly sent: Promise<void>;
  readonly programs: Programs;
  readonly files: Files;
  /** where registries and key services find their logins; nothing else is read from it */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly mask: Masker;
  readonly tell: (told: Told) => void;
  readonly surroundings: Surroundings;
}

/**
 * Runs a program of the machine, with the environment of the run and `env`. What still runs at the
 * deadline, or when the world is closed, is stopped.
 * @throws Node's error where there is no such program; {Failure} `timeout`, `cancelled`
 */
export type Programs = (
  command: string,
  args: readonly string[],
  options?: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: Uint8Array },
) => Promise<ProgramEnd>;

/** How a program ended: by itself, or `stopped` and why, as the end of a sentence about it. */
export type ProgramEnd =
  | { readonly exitCode: number; readonly stdout: Buffer; readonly stderr: string }
  | { readonly stopped: string };

/** The disk, or the pull request that stands in its place. */
export interface Files {
  /** the files that globs choose @throws {Failure} `too-large`, `github-error` */
  choose(globs: Globs): Promise<ChosenFiles>;
  /** the policy files that paths and globs name @throws {Failure} `bad-policy` */
  policies(entries: readonly string[]): Promise<readonly PolicyFile[]>;
  /** the text of a file that a policy names by its path @throws {Failure} `bad-policy` */
  fileOfPolicy(path: string): Promise<string>;
  /** at most `maxBytes` of a regular file; throws as node:fs does */
  readFile(path: string, maxBytes: number): Promise<Uint8Array>;
  /**
   * Keeps what was verified for later steps, under this name in a folder of the run. Throws as
   * node:fs does.
   */
  keep(name: string, bytes: Uint8Array): Promise<KeptFile>;
  readonly home: string;
  /** a folder for what may be kept from run to run */
  readonly cache: string;
}

export interface KeptFile {
  readonly path: string;
  /** Takes it away again: it shall not be found where its image does not verify. */
  readonly discard: () => Promise<void>;
}

export interface ChosenFiles {
  /** paths with `/`, relative to the workspace */
  readonly files: readonly string[];
  /** what can bring in a file that is none of these */
  readonly problems: readonly FileProblem[];
  readonly contentOf: (file: string) => Promise<Content>;
  /** any file, chosen or not; undefined where there is none. A link is not followed */
  readonly lookUp: (path: string) => Promise<Content | undefined>;
  /** true for anything but a folder */
  readonly exists: (path: string) => Promise<boolean>;
  /** files that count only if they are compose files: what sets their variables changes */
  readonly onlyCompose?: ReadonlySet<string>;
  /** only what a pull request changes; then finding nothing is no mistake */
  readonly changedOnly: boolean;
}

/** A path that can bring in a file which nobody judges, and why. */
export interface FileProblem {
  readonly file: string;
  /** the end of a sentence */
  readonly why: string;
}

/** The content of a file; or why there is none, the end of a sentence. */
export type Content = { readonly bytes: Uint8Array } | { readonly why: string };

/** Hides secrets in all that is printed from now on. */
export interface Masker {
  /** a password or token; its lines one by one */
  mask(secret: string | undefined): void;
  /** text of input `key`: masked when it may be a key, not when it is a path or an address */
  maskKey(text: string | undefined): void;
  /**
   * text that is to be a public key, whose lines a report shows: masked when it is a private one. Who
   * pastes one by mistake must not find it in the log.
   */
  maskPrivateKey(text: string | undefined): void;
  /** the pair as it travels in a `Basic` authorization header */
  maskBasic(username: string | undefined, password: string | undefined): void;
}

/** What a person may want to know while the run is on its way. Texts are not cleaned. */
export type Told =
  | { readonly kind: 'debug' | 'notice' | 'warning'; readonly text: string }
  /** references that name only a tag, before the first image is done */
  | { readonly kind: 'tags'; readonly tags: readonly TagOnly[] }
  /** who signs keyless; the token itself must not be printed */
  | { readonly kind: 'identity'; readonly token: IdentityToken }
  /** one image is done; in the order of the results */
  | { readonly kind: 'signed'; readonly result: SignResult }
  | { readonly kind: 'verified'; readonly result: VerifyResult }
  /** one image is at one target, or will not be */
  | { readonly kind: 'promoted'; readonly result: PromoteResult }
  /** one image of an inventory is read; it is signed again, or will not be */
  | { readonly kind: 'listed' | 'resigned'; readonly image: InventoryImage }
  | { readonly kind: 'orphan'; readonly orphan: Orphan }
  /** how far a run is, for a person who watches */
  | { readonly kind: 'progress'; readonly words: string };

/** A reference that names no digest, and the digest it stood for when this run looked. */
export interface TagOnly {
  readonly reference: string;
  readonly digest: string;
}

/** What the CI system knows of the run. */
export interface Surroundings {
  /** true where a service has to be asked for an identity; else it is known at once */
  readonly asksForIdentity: boolean;
  /**
   * A fresh identity token of this run, masked.
   * @param retryBudget how long its issuer may be waited for, in milliseconds, whenever it is asked
   * @throws {Failure} `no-identity-token`, `bad-identity-token`
   */
  identityToken(audience: string, retryBudget: () => number): Promise<IdentityToken>;
  /** whether the names of the repository that this run belongs to are public */
  visibility(): Promise<KnownVisibility>;
  /**
   * The same for the repository that a token is for.
   * @returns undefined for a token that says nothing beyond what is known of the run
   */
  tokenVisibility(claims: TokenClaims): Promise<KnownVisibility | undefined>;
}

export type Visibility = 'public' | 'private' | 'internal';

/** A visibility, and what it was found out from (for the message of a refusal). */
export interface KnownVisibility {
  readonly visibility: Visibility;
  readonly from: 'event' | 'variable' | 'api' | 'token' | 'unknown';
}

/**
 * Does some work on images. References that name only a tag are told together and in their order,
 * before the first image is: all of them are resolved by then, whichever was answered first.
 */
export async function withTags<T>(
  { tell }: Pick<World, 'tell'>,
  targets: readonly { readonly references: readonly string[] }[],
  work: (onTagOnly: (reference: string, digest: string) => void, tell: World['tell']) => Promise<T>,
): Promise<T> {
  const tags: TagOnly[] = [];
  const places = new Map(
    targets.flatMap(({ references }, place) => references.map((one) => [one, place])),
  );
  const placeOf = ({ reference }: TagOnly) => places.get(reference) ?? targets.length;
  const byPlace = (one: TagOnly, other: TagOnly) => placeOf(one) - placeOf(other);
  const tellTags = () => {
    if (tags.length > 0) tell({ kind: 'tags', tags: tags.splice(0).sort(byPlace) });
  };
  return work(
    (reference, digest) => void tags.push({ reference, digest }),
    (told) => {
      tellTags();
      tell(told);
    },
  ).finally(tellTags);
}
