import type { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import type { Digest } from '../image/digest.ts';
import { refused } from './answers.ts';
import { type Connection, locationOf, type RegistryRequest } from './connection.ts';

/** A blob as a descriptor names it. */
export interface BlobPlace {
  readonly digest: Digest;
  /** bytes, as declared */
  readonly size: number;
}

/** Takes one piece of a blob; awaited before the next one comes. */
export type TakePiece = (piece: Uint8Array) => Promise<void>;

/** An upload under way: the registry keeps what it has taken. */
export interface UploadSession {
  /**
   * Sends the bytes from `from` on, `bytes` of them, as `write` gives them. One try.
   * @throws {Failure} of the network, {UploadRefused}, and what `write` throws
   */
  append(
    from: number,
    bytes: number,
    write: (to: (piece: Uint8Array) => Promise<void>) => Promise<void>,
  ): Promise<void>;
  /** How many bytes the registry has of it; undefined where it does not say, or has lost it. */
  taken(): Promise<number | undefined>;
  /** @throws {UploadRefused} also where the registry got other bytes than the digest says */
  finish(digest: Digest): Promise<void>;
}

/** An answer to an upload that is not a yes. `mayPass`: a later try may well be taken. */
export class UploadRefused extends Error {
  readonly failure: Failure;
  readonly mayPass: boolean;
  /** milliseconds that the registry asks to be left alone for */
  readonly pause: number;

  constructor(failure: Failure, { status, headers }: HttpResponse) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.mayPass = [404, 408, 416, 429].includes(status) || status >= 500;
    const seconds = Number(headers['retry-after'] ?? 0);
    this.pause = Number.isFinite(seconds) ? Math.min(60, Math.max(0, seconds)) * 1000 : 0;
  }
}

const maxAnswer = 256 * 1024;

/**
 * The blobs of one repository that are too large to be held (distribution-spec, "Pulling blobs",
 * "Pushing a blob in chunks", "Mounting a blob from another repository"). Nothing here tries again
 * by itself, but for requests without a body: how far one came, copy-blob.ts finds out.
 */
export class BlobStreams {
  readonly #connection: Connection;
  readonly #repository: string;

  constructor(connection: Connection, repository: string) {
    this.#connection = connection;
    this.#repository = repository;
  }

  /**
   * Undefined where the registry does not say: some answer 403 for what is not there (Artifactory),
   * some proxies 405 to every HEAD. The upload, or the read, says what is so.
   * @throws {Failure} for any other answer
   */
  async has(digest: Digest): Promise<boolean | undefined> {
    const response = await this.#send({ method: 'HEAD', path: this.#path(digest), maxBytes: 0 });
    if (response.status === 200) return true;
    if (response.status === 404) return false;
    if (response.status === 403 || response.status === 405) return undefined;
    throw await this.#refused(response, `the blob ${this.#repository}@${digest}`);
  }

  /**
   * The bytes from `from` on, of at most `size` altogether, unchecked. One try; where the registry
   * knows no ranges, what comes before is let go.
   * @throws {Failure} `network` where it breaks off, `too-large`, of the registry, and what `take`
   * throws
   */
  async read({ digest, size }: BlobPlace, from: number, take: TakePiece): Promise<void> {
    let given = 0;
    const response = await this.#send({
      method: 'GET',
      path: this.#path(digest),
      headers: from === 0 ? {} : { range: `bytes=${from}-` },
      maxBytes: Math.max(size, maxAnswer),
      timeout: Number.POSITIVE_INFINITY,
      grace: Number.POSITIVE_INFINITY,
      receive: ({ status, headers }) => {
        if (status !== 200 && status !== 206) return undefined;
        const start =
          status === 206 ? Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1]) : 0;
        // Another place than asked for would be other bytes under the same digest.
        if (!(start <= from)) return undefined;
        // The first request to a registry may be sent twice: what has come is not handed on again.
        let before = from + given - start;
        return async (piece) => {
          const skipped = Math.min(before, piece.length);
          before -= skipped;
          if (skipped === piece.length) return;
          given += piece.length - skipped;
          await take(piece.subarray(skipped));
        };
      },
    });
    if (response.status === 200 || (response.status === 206 && response.body.length === 0)) return;
    throw await this.#refused(response, `the blob ${this.#repository}@${digest}`);
  }

  /**
   * Begins an upload, or has the registry take the blob over from another of its repositories.
   * @returns undefined where it did
   */
  async begin(mount?: {
    readonly digest: Digest;
    readonly from: string;
  }): Promise<UploadSession | undefined> {
    const query =
      mount === undefined
        ? ''
        : `?mount=${encodeURIComponent(mount.digest)}&from=${encodeURIComponent(mount.from)}`;
    const response = await this.#send({
      method: 'POST',
      path: `/v2/${this.#repository}/blobs/uploads/${query}`,
      maxBytes: maxAnswer,
      ...(mount === undefined ? {} : { alsoPull: mount.from }),
    });
    if (mount !== undefined && response.status === 201) return undefined;
    if (response.status === 202) return this.#session(locationOf(response));
    throw await this.#refused(response, `the upload of a blob to ${this.#repository}`);
  }

  #session(begun: URL): UploadSession {
    let location = begun;
    const moved = (response: HttpResponse) => {
      if (response.headers.location !== undefined) location = locationOf(response);
    };
    return {
      append: async (from, bytes, write) => {
        const range = from === 0 ? {} : { 'content-range': `${from}-${from + bytes - 1}` };
        const response = await this.#send({
          method: 'PATCH',
          path: location,
          headers: { 'content-type': 'application/octet-stream', ...range },
          maxBytes: maxAnswer,
          timeout: Number.POSITIVE_INFINITY,
          retryBudget: 0,
          upload: { bytes, write },
        });
        if (response.status < 200 || response.status > 299) throw await this.#notTaken(response);
        moved(response);
      },
      taken: async () => {
        const response = await this.#send({ method: 'GET', path: location, maxBytes: maxAnswer });
        const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.range ?? '') ?? [];
        if (response.status < 200 || response.status > 299 || last === undefined) return undefined;
        moved(response);
        // `0-0` is said of nothing, and of one byte.
        return last === '0' ? undefined : Number(last) + 1;
      },
      finish: async (digest) => {
        const url = new URL(location);
        // By hand: the registry's own parameters are signed as they are written.
        url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
        const response = await this.#send({
          method: 'PUT',
          path: url,
          headers: { 'content-type': 'application/octet-stream' },
          maxBytes: maxAnswer,
          timeout: 120_000, // a registry may move a large blob to its place before it answers
        });
        if (response.status < 200 || response.status > 299) throw await this.#notTaken(response);
      },
    };
  }

  #path(digest: Digest): string {
    return `/v2/${this.#repository}/blobs/${digest}`;
  }

  #send(request: RegistryRequest): Promise<HttpResponse> {
    return this.#connection.send(this.#repository, request);
  }

  async #notTaken(response: HttpResponse): Promise<UploadRefused> {
    const failure = await this.#refused(response, `the upload of a blob to ${this.#repository}`);
    return new UploadRefused(failure, response);
  }

  async #refused(response: HttpResponse, what: string): Promise<Failure> {
    return refused(response, what, await this.#connection.circumstances(this.#repository));
  }
}
