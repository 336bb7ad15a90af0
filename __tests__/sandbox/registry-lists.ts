import type { Switches } from './registry-behaviours.ts';
import { type Asked, jsonReply, pageNotFound, type Reply, refusal } from './registry-http.ts';
import { ociIndex } from './registry-manifest-check.ts';
import { methodUnknown, referrerEntry } from './registry-manifests.ts';
import type { RegistryStore } from './registry-store.ts';

/** GET /v2/<name>/tags/list, with `n` and `last`. */
export function answerTags(
  asked: Asked,
  name: string,
  store: RegistryStore,
  switches: Switches,
): Reply {
  if (asked.method !== 'GET') return methodUnknown(switches);
  const repository = store.find(name);
  if (repository === undefined || repository.manifests.size === 0)
    return refusal(404, 'NAME_UNKNOWN', 'repository name not known to registry');
  const n = Number(asked.url.searchParams.get('n') ?? 1000);
  if (!Number.isSafeInteger(n) || n < 0)
    return refusal(400, 'PAGINATION_NUMBER_INVALID', 'n is not a number');
  const last = asked.url.searchParams.get('last') ?? '';
  const tags = [...repository.tags.keys()].sort().filter((tag) => tag > last);
  const more: Record<string, string> =
    tags.length > n
      ? { link: `</v2/${name}/tags/list?n=${n}&last=${tags[n - 1] ?? ''}>; rel="next"` }
      : {};
  return jsonReply(200, { name, tags: tags.slice(0, n) }, more);
}

/** GET /v2/<name>/referrers/<digest>: the API, or what a registry without it says there. */
export function answerReferrers(
  asked: Asked,
  name: string,
  digest: string,
  store: RegistryStore,
  switches: Switches,
): Reply {
  if (!switches.referrersApi) return noSuchApi(switches);
  if (asked.method !== 'GET') return methodUnknown(switches);
  if (!/^sha256:[0-9a-f]{64}$/.test(digest))
    return refusal(400, 'DIGEST_INVALID', 'provided digest is not one');
  if (store.find(name) === undefined)
    return refusal(404, 'NAME_UNKNOWN', 'repository name not known to registry');
  const wanted = switches.referrersFilter ? asked.url.searchParams.get('artifactType') : null;
  const ready = store.now() - switches.lateManifests;
  const entries = store
    .referrers(name, digest)
    .filter(({ manifest }) => switches.lateManifests === 0 || manifest.at <= ready)
    .map(({ digest: of, manifest, json }) => referrerEntry(of, manifest, json, switches))
    .filter((entry) => wanted === null || entry.artifactType === wanted)
    .filter(() => !switches.referrersForgotten);
  const from = Number(asked.url.searchParams.get('from') ?? 0);
  const next = from + switches.referrersPage;
  const headers: Record<string, string> = { 'content-type': ociIndex };
  if (wanted !== null) headers['oci-filters-applied'] = 'artifactType';
  if (next < entries.length) {
    const filter = wanted === null ? '' : `&artifactType=${encodeURIComponent(wanted)}`;
    headers.link = `</v2/${name}/referrers/${digest}?from=${next}${filter}>; rel="next"`;
  }
  return jsonReply(
    200,
    { schemaVersion: 2, mediaType: ociIndex, manifests: entries.slice(from, next) },
    headers,
  );
}

function noSuchApi({ referrersStatus }: Switches): Reply {
  if (referrersStatus === 'wrong-type')
    return {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<!doctype html><title>Registry</title>',
    };
  if (referrersStatus === 404) return pageNotFound;
  return refusal(
    referrersStatus,
    referrersStatus === 403 ? 'DENIED' : 'UNSUPPORTED',
    'The operation is unsupported.',
  );
}
