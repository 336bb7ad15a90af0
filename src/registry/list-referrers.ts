import { Failure } from '../failure.ts';
import type { HttpResponse } from '../http/http.ts';
import { type Descriptor, mediaTypes } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { refused } from './answers.ts';
import type { Connection } from './connection.ts';
import { meansMissing } from './hidden.ts';

const maxPage = 4 * 1024 * 1024;
const maxTotal = 16 * 1024 * 1024;
const maxPages = 100;
const maxDescriptors = 10_000;
/** What registries without the API answer to its address. */
const withoutApi: ReadonlySet<number> = new Set([400, 404, 405, 406, 501]);

/**
 * All pages of the referrers API (distribution-spec, "Listing Referrers"), unfiltered: others write
 * wrong artifact types.
 * @param isReadable whether this login reads manifests of the repository; asked only after a 403
 * @returns undefined where there is no such API. With it the answer is 200 and an OCI index, also
 * for an image without referrers.
 * @throws {Failure} `too-large` for an endless list; `registry-error` for a later page that is
 * missing or is no index
 */
export async function listReferrers(
  connection: Connection,
  repository: string,
  digest: Digest,
  isReadable: () => Promise<boolean>,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  const seen = new Set<string>();
  let path: string | URL = `/v2/${repository}/referrers/${digest}`;
  for (let bytes = 0, pages = 0; ; ) {
    const response: HttpResponse = await connection.send(repository, {
      method: 'GET',
      path,
      headers: { accept: mediaTypes.ociIndex },
      maxBytes: maxPage,
      ...(pages === 0 ? {} : { grace: 0 }), // a hundred pages, each just in time, would be minutes
    });
    const entries = response.status === 200 ? entriesOf(response) : undefined;
    if (entries === undefined) {
      if (pages === 0 && (response.status === 200 || withoutApi.has(response.status)))
        return undefined;
      if (pages === 0 && (await meansMissing(response, isReadable))) return undefined;
      throw response.status === 200
        ? brokenList(repository)
        : refused(response, what(repository, digest), await connection.circumstances(repository));
    }
    found.push(...entries);
    bytes += response.body.length;
    if (++pages > maxPages || found.length > maxDescriptors || bytes > maxTotal)
      throw endless(repository, digest);
    seen.add(response.url.href);
    const next = nextPage(response);
    if (next === undefined) return found;
    // The token goes with the request, and a list that leads to itself never ends.
    if (next.origin !== connection.origin() || seen.has(next.href)) throw brokenList(repository);
    seen.add(next.href);
    path = next;
  }
}

function entriesOf(response: HttpResponse): readonly Descriptor[] | undefined {
  const type = (response.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== mediaTypes.ociIndex) return undefined;
  const reading = readJson(response.body, 32);
  if ('problem' in reading || !isJsonObject(reading.value)) return undefined;
  const { manifests } = reading.value;
  // Go registries write an empty list as null.
  if (manifests === null || manifests === undefined) return [];
  return Array.isArray(manifests) ? manifests.flatMap(descriptorOf) : undefined;
}

/**
 * Entries that are no descriptors, or of another digest algorithm, cannot be signatures that we
 * could read: left out, not fatal. Of the others only the fields that are not usable are left out
 * (some registries write null there): a strange annotation must not hide a signature.
 */
function descriptorOf(entry: unknown): Descriptor[] {
  if (!isJsonObject(entry)) return [];
  const { mediaType, digest, size, artifactType, annotations, ...others } = entry;
  if (
    typeof mediaType !== 'string' ||
    !isDigest(digest) ||
    !Number.isSafeInteger(size) ||
    Number(size) < 0
  )
    return [];
  return [
    {
      ...others,
      mediaType,
      digest,
      size: Number(size),
      ...(typeof artifactType === 'string' && { artifactType }),
      ...(areTexts(annotations) && { annotations }),
    },
  ];
}

function areTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

/** The address in `Link: <…>; rel="next"` (RFC 8288). */
export function nextPage(response: HttpResponse): URL | undefined {
  const { link: header = '' } = response.headers;
  if (header === '') return undefined; // to compile the pattern costs more than the answer
  const link = /<([^<>]{1,4096})>\s*;[^<]*?\brel\s*=\s*"?next\b/i.exec(
    header.slice(0, 16_384),
  )?.[1];
  return link === undefined ? undefined : (URL.parse(link, response.url.href) ?? undefined);
}

function what(repository: string, digest: Digest): string {
  return `the list of referrers of ${repository}@${digest}`;
}

function brokenList(repository: string): Failure {
  return new Failure(
    'registry-error',
    `The registry's list of referrers in ${repository} breaks off, leads to another host or to itself.`,
    'An incomplete list could hide signatures, so it was not used. Report this to the operator of the registry.',
  );
}

function endless(repository: string, digest: Digest): Failure {
  return new Failure(
    'too-large',
    `The registry lists more than ${maxDescriptors} referrers (or ${maxPages} pages) for ${repository}@${digest}.`,
    'Remove referrers that are no longer needed from the registry.',
  );
}
