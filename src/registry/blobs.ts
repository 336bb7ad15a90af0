import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { isWebPage } from '../text/web-page.ts';
import { pageCame, refused } from './answers.ts';
import { type Connection, locationOf } from './connection.ts';
import { wrongContent } from './manifests.ts';

/** Answers to uploads are short; error pages may be a little longer. */
const maxAnswer = 256 * 1024;
const maxRefusal = 16 * 1024;
/**
 * An upload session can be lost (a restarted registry, a load balancer); a new one is begun so
 * often.
 */
const maxUploads = 3;
/**
 * How a registry may refuse bytes that come with the closing PUT: it wants them by PATCH. Of size
 * (413) and session (404, 416) they say nothing.
 */
const wantsPatch: ReadonlySet<number> = new Set([400, 405, 411, 415, 501]);

/**
 * Reads and writes the blobs of one repository (distribution-spec, "Pulling blobs" and "Pushing
 * blobs": POST then PUT, or POST, PATCH, PUT).
 */
export class Blobs {
  readonly #connection: Connection;
  readonly #repository: string;
  /** this registry refused bytes in a PUT, and took them by PATCH */
  #byPatch = false;

  constructor(connection: Connection, repository: string) {
    this.#connection = connection;
    this.#repository = repository;
  }

  async get(digest: Digest, maxBytes: number): Promise<Buffer> {
    // The words of a refusal may be longer than the blob that was expected.
    const bounds = { maxBytes: Math.max(maxBytes, maxRefusal) };
    const response = await this.#connection.send(this.#repository, {
      method: 'GET',
      path: this.#path(digest),
      ...bounds,
    });
    if (response.status !== 200)
      throw await this.#refused(response, `the blob ${this.#repository}@${digest}`);
    if (response.body.length > maxBytes) throw tooLarge(`${this.#repository}@${digest}`, maxBytes);
    const actual = digestOf(response.body);
    if (actual !== digest && isWebPage(response))
      throw pageCame(response, `the blob ${this.#repository}@${digest}`, 'the registry');
    if (actual !== digest) throw wrongContent(`the blob ${this.#repository}@${digest}`, actual);
    return response.body;
  }

  /**
   * No HEAD first: what we write is new, or so small that asking costs more than sending. The
   * session is opened while the bytes are still being made; when they are not made after all, it is
   * left to the registry's own cleaning.
   */
  async put(content: Uint8Array | Promise<Uint8Array>): Promise<void> {
    for (let uploads = 1; ; uploads++) {
      const [begun, bytes] = await Promise.all([this.#begin(), content]);
      const digest = digestOf(bytes);
      // As it is now: another upload may find out meanwhile that this registry wants PATCH.
      const byPatch = this.#byPatch;
      const response = await this.#finish(begun, bytes, digest, byPatch);
      if (response.status >= 200 && response.status < 300) return;
      if (!byPatch && wantsPatch.has(response.status) && (await this.#patched(bytes, digest)))
        return;
      // After a reset, the retried PUT finds its session gone: either it is lost, or the first PUT
      // has arrived.
      const gone = response.status === 404 || response.status === 416;
      if (gone && (await this.#exists(digest))) return;
      if (!gone || uploads === maxUploads) {
        const what = `the upload of a blob to ${this.#repository}`;
        const failure = await this.#refused(response, what);
        throw elsewhere(failure, response.url, this.#connection.origin());
      }
    }
  }

  async #begin(): Promise<HttpResponse> {
    const begun = await this.#connection.send(this.#repository, {
      method: 'POST',
      path: `/v2/${this.#repository}/blobs/uploads/`,
      maxBytes: maxAnswer,
    });
    if (begun.status !== 202)
      throw await this.#refused(begun, `the upload of a blob to ${this.#repository}`);
    return begun;
  }

  async #finish(
    begun: HttpResponse,
    bytes: Uint8Array,
    digest: Digest,
    byPatch: boolean,
  ): Promise<HttpResponse> {
    if (!byPatch) return this.#send('PUT', this.#uploadUrl(begun, digest), bytes);
    const sent = await this.#send('PATCH', this.#uploadUrl(begun), bytes);
    // The session may have moved: the newest Location counts.
    return sent.status === 202 ? this.#send('PUT', this.#uploadUrl(sent, digest)) : sent;
  }

  /** A second upload, the other way. True when it is taken: from then on all are sent so. */
  async #patched(bytes: Uint8Array, digest: Digest): Promise<boolean> {
    const begun = await this.#begin();
    const sent = await this.#send('PATCH', this.#uploadUrl(begun), bytes);
    if (sent.status !== 202) return false;
    const { status } = await this.#send('PUT', this.#uploadUrl(sent, digest));
    const taken = status >= 200 && status < 300;
    this.#byPatch ||= taken;
    return taken;
  }

  async #send(method: 'PUT' | 'PATCH', url: URL, body?: Uint8Array): Promise<HttpResponse> {
    try {
      return await this.#connection.send(this.#repository, {
        method,
        path: url,
        headers: { 'content-type': 'application/octet-stream' },
        ...(body === undefined ? {} : { body }),
        maxBytes: maxAnswer,
      });
    } catch (caught) {
      throw caught instanceof Failure ? elsewhere(caught, url, this.#connection.origin()) : caught;
    }
  }

  #uploadUrl(begun: HttpResponse, digest?: Digest): URL {
    const url = locationOf(begun);
    // By hand: URLSearchParams would write the registry's own parameters anew, and `_state` is
    // signed.
    if (digest !== undefined)
      url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
    return url;
  }

  async #exists(digest: Digest): Promise<boolean> {
    const { status } = await this.#connection.send(this.#repository, {
      method: 'HEAD',
      path: this.#path(digest),
      maxBytes: 0,
    });
    return status === 200;
  }

  #path(digest: Digest): string {
    return `/v2/${this.#repository}/blobs/${digest}`;
  }

  async #refused(response: HttpResponse, what: string): Promise<Failure> {
    return refused(response, what, await this.#connection.circumstances(this.#repository));
  }
}

/**
 * An upload goes on where the registry says, and a registry that does not know its own address
 * (behind a proxy, or a published port) may name another one: then that is what is wrong.
 */
function elsewhere(failure: Failure, url: URL, origin: string): Failure {
  if (url.origin === origin) return failure;
  const registry = new URL(origin);
  const lost = url.hostname === registry.hostname && url.port !== registry.port;
  return new Failure(
    failure.code,
    `${failure.message} The registry at ${origin} gave the address ${url.origin} for the upload${lost ? ', on another port than its own' : ''}.`,
    lost
      ? `Let the registry know the address that it is reached at: \`REGISTRY_HTTP_HOST: ${origin}\` for distribution, or \`X-Forwarded-Host: ${registry.host}\` from the proxy in front of it.`
      : `This runner must reach ${url.host} as well. If the registry should not name it, let it know its own address.`,
    { cause: failure },
  );
}

function tooLarge(what: string, maxBytes: number): Failure {
  return new Failure(
    'too-large',
    `The blob ${what} has more than ${maxBytes} bytes.`,
    'Nothing that belongs to an image signature is that large: look at what lies there.',
  );
}
