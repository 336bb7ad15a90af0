import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { type Descriptor, mediaTypes } from '../image/descriptor.ts';
import { digestOf, isDigest } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { isOtherDocument } from '../image/other-document.ts';
import { errorsOf, refused } from './answers.ts';
import type { Connection } from './connection.ts';
import { meansMissing } from './hidden.ts';
import { meaningOf } from './refusal-meaning.ts';
import type { FetchedManifest, Repository } from './repository.ts';

/**
 * distribution-spec: registries should take manifests of 4 MiB; larger ones are an attack on our
 * memory.
 */
const maxManifest = 4 * 1024 * 1024;
const accept = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
].join(', ');

/** A refused HEAD says nothing of the reason, and a GET may be answered: proxies differ on the two. */
function asksForGet(status: number): boolean {
  return status === 501 || (status >= 400 && status < 500 && status !== 401 && status !== 429);
}

/**
 * Reads and writes the manifests of one repository (distribution-spec, "Pulling manifests" and
 * "Pushing Manifests").
 */
export class Manifests {
  readonly #connection: Connection;
  readonly #repository: string;
  readonly #pending = new Set<Promise<boolean>>();
  /** some manifest of this repository was read in this run */
  #readable = false;

  constructor(connection: Connection, repository: string) {
    this.#connection = connection;
    this.#repository = repository;
  }

  /**
   * A descriptor from the headers alone. The digest of a tag is then what the registry says, and no
   * more is known of any tag; under a digest it is that digest. Where a header is missing or
   * strange, or where the registry refuses a HEAD (proxies do), the manifest is read and hashed.
   */
  async head(reference: string): Promise<Descriptor | undefined> {
    const response = await this.#ask('HEAD', reference);
    if (response.status === 404) return undefined;
    const told = response.status === 200 ? descriptorIn(response, reference) : undefined;
    if (told !== undefined) return told;
    if (response.status !== 200 && !asksForGet(response.status))
      throw await this.#refused(response, reference);
    const manifest = await this.get(reference);
    return (
      manifest && {
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.length,
      }
    );
  }

  async get(reference: string, maxBytes = maxManifest): Promise<FetchedManifest | undefined> {
    const response = await this.#ask('GET', reference, maxBytes);
    if (response.status !== 200) {
      if (response.status === 404 || (await meansMissing(response, () => this.isReadable())))
        return undefined;
      throw await this.#refused(response, reference);
    }
    const digest = digestOf(response.body);
    const mediaType = mediaTypeOf(response);
    // The header `Docker-Content-Digest` proves nothing; the bytes do.
    if (isDigest(reference) && digest !== reference) {
      if (isOtherDocument(response.body, mediaType)) parseManifest(response.body, mediaType); // throws
      throw wrongContent(this.#what(reference), digest);
    }
    const { etag } = response.headers;
    return { digest, mediaType, bytes: response.body, ...(etag === undefined ? {} : { etag }) };
  }

  async put(
    ...[reference, bytes, mediaType, condition = {}]: Parameters<Repository['putManifest']>
  ): Promise<boolean> {
    const { ifMatch, ifNoneMatch, once } = condition;
    const response = await this.#connection.send(this.#repository, {
      method: 'PUT',
      path: this.#path(reference),
      headers: {
        'content-type': mediaType,
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
      },
      body: bytes,
      maxBytes: maxManifest,
      ...(once ? { retryBudget: 0 } : {}),
    });
    if (response.status >= 200 && response.status < 300) return true;
    const conditional = ifMatch !== undefined || ifNoneMatch !== undefined;
    if (!isDigest(reference) && isImmutable(response, conditional))
      throw immutable(this.#what(reference), response);
    // 409 says of some registries what 412 says of others: somebody else was faster.
    if (conditional && (response.status === 412 || response.status === 409)) return false;
    throw refused(
      response,
      `the write of ${this.#what(reference)}`,
      await this.#connection.circumstances(this.#repository),
    );
  }

  /** The answer, whatever its status; a 200 is remembered: this login reads this repository. */
  async #ask(
    method: 'GET' | 'HEAD',
    reference: string,
    maxBytes = maxManifest,
  ): Promise<HttpResponse> {
    const sent = this.#connection.send(this.#repository, {
      method,
      path: this.#path(reference),
      headers: { accept },
      maxBytes,
    });
    const readable = sent.then(
      ({ status }) => status === 200,
      () => false,
    );
    this.#pending.add(readable);
    const response = await sent.finally(() => this.#pending.delete(readable));
    if (response.status === 200) this.#readable = true;
    return response;
  }

  /**
   * Whether this login has read a manifest of this repository. A parallel read may be about to
   * tell; it settles by itself.
   */
  async isReadable(): Promise<boolean> {
    return this.#readable || (await Promise.all(this.#pending)).includes(true);
  }

  async #refused(response: HttpResponse, reference: string): Promise<Failure> {
    const circumstances = await this.#connection.circumstances(this.#repository);
    return refused(response, this.#what(reference), circumstances);
  }

  #path(reference: string): string {
    return `/v2/${this.#repository}/manifests/${reference}`;
  }

  #what(reference: string): string {
    // The tag where signatures are kept means nothing to a person; the image does.
    const [, hex] = /^sha256-([0-9a-f]{64})(?:\.\w+)?$/.exec(reference) ?? [];
    if (hex !== undefined) return `the signatures of ${this.#repository}@sha256:${hex}`;
    return `the manifest ${this.#repository}${isDigest(reference) ? '@' : ':'}${reference}`;
  }
}

/** What a HEAD says of a manifest; undefined where that is not the whole of it. */
function descriptorIn(response: HttpResponse, reference: string): Descriptor | undefined {
  const digest = response.headers['docker-content-digest'];
  const mediaType = mediaTypeOf(response);
  const size = Number(response.headers['content-length'] ?? 0);
  const matches = isDigest(reference) ? digest === undefined || digest === reference : true;
  const known = isDigest(reference) ? reference : digest;
  return matches && mediaType !== '' && isDigest(known) && Number.isSafeInteger(size) && size > 0
    ? { mediaType, digest: known, size }
    : undefined;
}

/** The Failure for bytes that are not what was asked for. */
export function wrongContent(what: string, digest: string): Failure {
  return new Failure(
    'registry-error',
    `The registry sent other bytes for ${what}: they have the digest ${digest}.`,
    'Somebody or something on the way changes content: nothing of it was used. Run the job again; if it stays, ask the operator of the registry.',
  );
}

function mediaTypeOf(response: HttpResponse): string {
  return (response.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/**
 * ECR says 400 TAG_INVALID, Harbor 412 PRECONDITION, others 403 or 409; all of them name it in
 * words. A bare 409 without a condition is one, too.
 */
function isImmutable(response: HttpResponse, conditional: boolean): boolean {
  if (![400, 403, 405, 409, 412].includes(response.status)) return false;
  const words = errorsOf(response).map(({ code, message }) => `${code} ${message}`);
  if (
    words.some((text) =>
      /immutab|cannot be overwritten|overwrit\w* (is )?not allowed|tag .*already exists/i.test(
        text,
      ),
    )
  )
    return true;
  return response.status === 409 && !conditional && meaningOf(409, words, false) === undefined;
}

function immutable(what: string, response: HttpResponse): Failure {
  const said = errorsOf(response)[0]?.message;
  return new Failure(
    'immutable-tag',
    `The registry does not let ${what} be replaced: its tags are immutable.${said ? ` It says: ${said}` : ''}`,
    'Exempt tags that start with "sha256-" from immutability in the settings of the registry; they hold the signatures.',
  );
}
