import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { mediaTypes } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { type RepositoryName, registryHost } from '../image/reference.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { errorsOf, refused } from './answers.ts';
import { type Connection, connect, type RegistryOptions } from './connection.ts';
import { nextPage } from './list-referrers.ts';

/** What lies in a repository, and taking things out of it: what an inventory needs. */
export interface Keeper {
  /**
   * Every tag, sorted, each once. What is no tag (distribution-spec, "Pulling manifests") is left
   * out.
   * @throws {Failure} `too-large` for more than 100,000 tags; `registry-error` for a list that breaks
   * off: what is not listed would look as if it were gone
   */
  tags(): Promise<readonly string[]>;
  /**
   * Whether a manifest is there. Only an answer that is nothing but "there is no such manifest" means
   * that it is missing: a refusal, a page of a proxy, or a failure says nothing.
   */
  presence(digest: Digest): Promise<Presence>;
  /**
   * Takes a manifest away by its digest, with all tags that name it; or a tag alone, where the
   * registry can do that.
   * @returns `unsupported` for a tag where only digests can be taken away
   * @throws {Failure} of the registry, with its words
   */
  remove(reference: string): Promise<'removed' | 'missing' | 'unsupported'>;
}

export type Presence = 'present' | 'missing' | { readonly unclear: string };

const maxPage = 4 * 1024 * 1024;
const mostTags = 100_000;
const mostPages = 2_000;
const maxManifest = 4 * 1024 * 1024;
const tagGrammar = /^\w[\w.-]{0,127}$/;
/**
 * A manifest of a type that was not asked for is "unknown" to some registries, so all there ever were
 * are asked for: it must not look as if it were gone.
 */
const anyManifest = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
  '*/*',
].join(', ');

/** Opens a repository for what is done beside reading and writing images. */
export function openKeeper(name: RepositoryName, options: RegistryOptions): Keeper {
  return new OpenKeeper(name, connect(name.registry, registryHost(name), options));
}

class OpenKeeper implements Keeper {
  readonly #name: RepositoryName;
  readonly #connection: Connection;

  constructor(name: RepositoryName, connection: Connection) {
    this.#name = name;
    this.#connection = connection;
  }

  async tags(): Promise<readonly string[]> {
    const { repository } = this.#name;
    const tags = new Set<string>();
    const seen = new Set<string>();
    let path: string | URL = `/v2/${repository}/tags/list?n=1000`;
    for (let pages = 0; pages < mostPages; pages++) {
      const response: HttpResponse = await this.#connection.send(repository, {
        method: 'GET',
        path,
        maxBytes: maxPage,
      });
      if (response.status !== 200) throw await this.#refused(response, 'the list of tags of');
      const page = tagsIn(response);
      if (page === undefined) throw brokenList(this.#name);
      for (const tag of page) tags.add(tag);
      if (tags.size > mostTags) throw tooMany(this.#name);
      seen.add(response.url.href);
      const next = nextPage(response);
      if (next === undefined) return [...tags].sort();
      // The token goes with the request, and a list that leads to itself never ends.
      if (next.origin !== this.#connection.origin() || seen.has(next.href))
        throw brokenList(this.#name);
      seen.add(next.href);
      path = next;
    }
    throw tooMany(this.#name);
  }

  async presence(digest: Digest): Promise<Presence> {
    const response = await this.#connection.send(this.#name.repository, {
      method: 'GET',
      path: this.#manifest(digest),
      headers: { accept: anyManifest },
      maxBytes: maxManifest,
    });
    if (response.status === 200) return 'present';
    const codes = errorsOf(response).map(({ code }) => code);
    const isMissing =
      response.status === 404 &&
      codes.length > 0 &&
      codes.every((code) => code === 'MANIFEST_UNKNOWN' || code === 'NOT_FOUND');
    if (isMissing) return 'missing';
    return { unclear: (await this.#refused(response, '', digest)).message };
  }

  async remove(reference: string): Promise<'removed' | 'missing' | 'unsupported'> {
    const response = await this.#connection.send(this.#name.repository, {
      method: 'DELETE',
      path: this.#manifest(reference),
      maxBytes: maxManifest,
    });
    const { status } = response;
    if (status === 200 || status === 202 || status === 204) return 'removed';
    if (status === 404) return 'missing';
    const codes = errorsOf(response).map(({ code }) => code);
    const wantsDigest =
      status === 405 ||
      codes.some((code) =>
        /^(UNSUPPORTED|DIGEST_INVALID|MANIFEST_INVALID|TAG_INVALID)$/.test(code),
      );
    if (!isDigest(reference) && wantsDigest) return 'unsupported';
    throw await this.#refused(response, 'the removal of', reference);
  }

  async #refused(response: HttpResponse, what: string, reference?: string): Promise<Failure> {
    const { repository } = this.#name;
    const at = reference === undefined ? '' : `${isDigest(reference) ? '@' : ':'}${reference}`;
    const circumstances = await this.#connection.circumstances(repository);
    return refused(response, `${what} ${repository}${at}`.trim(), circumstances);
  }

  #manifest(reference: string): string {
    return `/v2/${this.#name.repository}/manifests/${reference}`;
  }
}

/** Undefined for what is no list of tags. Go registries write an empty list as null. */
function tagsIn({ body }: HttpResponse): readonly string[] | undefined {
  const reading = readJson(body, 8);
  if ('problem' in reading || !isJsonObject(reading.value)) return undefined;
  const { tags } = reading.value;
  if (tags === null) return [];
  if (!Array.isArray(tags)) return undefined;
  return tags.filter((tag): tag is string => typeof tag === 'string' && tagGrammar.test(tag));
}

function brokenList({ registry, repository }: RepositoryName): Failure {
  return new Failure(
    'registry-error',
    `The list of tags of ${registry}/${repository} is no list, leads to another host, or to itself.`,
    'What an incomplete list leaves out would look as if it were gone, so it was not used. Report this to the operator of the registry.',
  );
}

function tooMany({ registry, repository }: RepositoryName): Failure {
  return new Failure(
    'too-large',
    `${registry}/${repository} has more than ${mostTags} tags (or ${mostPages} pages of them).`,
    'Remove tags that nobody needs, with the tools of the registry.',
  );
}
