import type { Switches } from './registry-behaviours.ts';
import { type Asked, pageNotFound, type Reply, refusal } from './registry-http.ts';
import { checkManifest, dockerList, ociIndex, ociManifest } from './registry-manifest-check.ts';
import { parseObject, type RegistryStore, type StoredManifest, sha256 } from './registry-store.ts';

const tagGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestGrammar = /^sha256:[0-9a-f]{64}$/;

/** GET, HEAD, PUT and DELETE of /v2/<name>/manifests/<reference>. */
export function answerManifest(
  asked: Asked,
  name: string,
  reference: string,
  store: RegistryStore,
  switches: Switches,
): Reply {
  if (reference.includes(':') && !digestGrammar.test(reference))
    return refusal(400, 'DIGEST_INVALID', 'provided digest is not one');
  if (!reference.includes(':') && !tagGrammar.test(reference)) return pageNotFound;
  switch (asked.method) {
    case 'GET':
    case 'HEAD':
      if (asked.method === 'HEAD' && switches.refusedHead !== false)
        return refusal(switches.refusedHead, 'UNSUPPORTED', 'HEAD is not supported');
      return readManifest(asked, name, reference, store, switches);
    case 'PUT':
      return writeManifest(asked, name, reference, store, switches);
    case 'DELETE':
      return deleteManifest(name, reference, store, switches);
    default:
      return methodUnknown(switches);
  }
}

/** How a method is refused that a path does not have. */
export function methodUnknown(switches: Switches): Reply {
  if (switches.dialect === 'ggcr')
    return refusal(400, 'METHOD_UNKNOWN', "We don't understand your method + url");
  return {
    status: 405,
    headers: { 'content-type': 'text/plain; charset=utf-8', allow: 'DELETE, GET, HEAD, PUT' },
    body: 'Method not allowed\n',
  };
}

function readManifest(
  asked: Asked,
  name: string,
  reference: string,
  store: RegistryStore,
  switches: Switches,
): Reply {
  const accepted = asked.headers.accept ?? '';
  const named = findManifest(name, reference, store, switches);
  const found =
    switches.acceptNeeded &&
    named?.manifest.mediaType === dockerList &&
    !accepted.includes(dockerList)
      ? amd64(named.manifest, name, store)
      : named;
  if (found === undefined) return missing(name, store, switches);
  const { manifest, digest } = found;
  const isOci = manifest.mediaType === ociManifest || manifest.mediaType === ociIndex;
  if (switches.acceptNeeded && isOci && found === named && !accepted.includes(manifest.mediaType))
    return refusal(
      404,
      'MANIFEST_UNKNOWN',
      'OCI manifest found, but accept header does not support OCI manifests',
    );
  if (
    switches.dialect === 'distribution' &&
    asked.headers['if-none-match']?.includes(digest) === true
  )
    return { status: 304 };
  const etag: Record<string, string> =
    switches.dialect === 'distribution' || switches.ifMatch === 'honoured'
      ? { etag: `"${digest}"` }
      : {};
  return {
    status: 200,
    headers: { 'content-type': manifest.mediaType, 'docker-content-digest': digest, ...etag },
    body: manifest.bytes,
  };
}

/**
 * docker-registry 2.8 answers a client that does not know manifest lists with the linux/amd64
 * image: another digest than the tag's.
 */
function amd64(list: StoredManifest, name: string, store: RegistryStore) {
  const { manifests } = parseObject(list.bytes) as {
    manifests: { digest: string; platform?: { os: string; architecture: string } }[];
  };
  const digest = manifests.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64',
  )?.digest;
  const manifest = digest === undefined ? undefined : store.find(name)?.manifests.get(digest);
  return digest === undefined || manifest === undefined ? undefined : { digest, manifest };
}

function findManifest(name: string, reference: string, store: RegistryStore, switches: Switches) {
  const repository = store.find(name);
  const tagged = reference.includes(':')
    ? reference
    : store.tagged(name, reference, switches.staleTags);
  const image =
    switches.referrersTagAnswersImage && /^sha256-[0-9a-f]{64}$/.test(reference)
      ? reference.replace('-', ':')
      : undefined;
  const digest = tagged ?? image;
  const manifest = digest === undefined ? undefined : repository?.manifests.get(digest);
  if (
    digest === undefined ||
    manifest === undefined ||
    store.now() - manifest.at < switches.lateManifests
  )
    return undefined;
  return { digest, manifest };
}

function missing(name: string, store: RegistryStore, switches: Switches): Reply {
  if (switches.dialect === 'ggcr' && (store.find(name)?.manifests.size ?? 0) === 0)
    return refusal(404, 'NAME_UNKNOWN', 'Unknown name');
  return refusal(
    switches.missingManifest.status,
    switches.missingManifest.code,
    'manifest unknown',
  );
}

function writeManifest(
  asked: Asked,
  name: string,
  reference: string,
  store: RegistryStore,
  switches: Switches,
): Reply {
  const contentType = asked.headers['content-type'] ?? '';
  if (switches.refusedMediaTypes.includes(contentType))
    return refusal(400, 'MANIFEST_INVALID', `media type ${contentType} is not supported`);
  const artifact = switches.refusedArtifacts;
  if (artifact !== false && parseObject(asked.body)?.subject !== undefined)
    return refusal(artifact.status, artifact.code, artifact.message);
  const missingChild =
    switches.dialect === 'ggcr'
      ? { status: 404, code: 'MANIFEST_UNKNOWN' }
      : { status: 400, code: 'MANIFEST_BLOB_UNKNOWN' };
  const refused =
    checkManifest(asked.body, contentType, reference, store.open(name), { missingChild }) ??
    checkCondition(asked, name, reference, store, switches) ??
    checkMutable(asked.body, name, reference, store, switches);
  if (refused !== undefined) return refused;
  const digest = store.addManifest(
    name,
    asked.body,
    contentType,
    reference.includes(':') ? undefined : reference,
  );
  const subject = (parseObject(asked.body)?.subject as { digest: string } | undefined)?.digest;
  const headers: Record<string, string> = { 'docker-content-digest': digest };
  if (switches.dialect === 'distribution')
    headers.location = place(asked, switches, `/v2/${name}/manifests/${digest}`);
  if (switches.ociSubject && subject !== undefined) headers['oci-subject'] = subject;
  return { status: 201, headers };
}

/** Where something lies, as this registry writes it. */
export function place(asked: Asked, switches: Switches, path: string): string {
  return switches.uploadLocation === 'relative' ? path : `${asked.url.origin}${path}`;
}

function checkCondition(
  asked: Asked,
  name: string,
  reference: string,
  store: RegistryStore,
  switches: Switches,
): Reply | undefined {
  if (switches.ifMatch === 'ignored') return undefined;
  const now = reference.includes(':') ? reference : store.tagged(name, reference);
  const match = asked.headers['if-match'];
  const noneMatch = asked.headers['if-none-match'];
  const moved =
    match !== undefined && (now === undefined || (match !== '*' && !match.includes(now)));
  const exists =
    noneMatch !== undefined && now !== undefined && (noneMatch === '*' || noneMatch.includes(now));
  return moved || exists
    ? refusal(412, 'PRECONDITION_FAILED', 'the tag is not what the condition says')
    : undefined;
}

function checkMutable(
  bytes: Buffer,
  name: string,
  reference: string,
  store: RegistryStore,
  switches: Switches,
): Reply | undefined {
  const { immutableTags, mutableTags } = switches;
  const now = reference.includes(':') ? undefined : store.tagged(name, reference);
  if (immutableTags === false || now === undefined || mutableTags?.test(reference) === true)
    return undefined;
  if (now === sha256(bytes) && immutableTags.sameAgain === 'taken') return undefined;
  return refusal(immutableTags.status, immutableTags.code, immutableTags.message);
}

function deleteManifest(
  name: string,
  reference: string,
  store: RegistryStore,
  switches: Switches,
): Reply {
  const repository = store.find(name);
  if (!reference.includes(':')) {
    if (!switches.deleteTags)
      return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    return repository?.tags.delete(reference) === true
      ? { status: 202 }
      : refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  }
  if (repository?.manifests.delete(reference) !== true)
    return refusal(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  for (const tag of [...repository.tags.keys()])
    if (store.tagged(name, tag) === reference) repository.tags.delete(tag);
  return { status: 202 };
}

/**
 * The descriptor of a stored manifest as a list of referrers shows it (distribution spec, "Listing
 * Referrers").
 */
export function referrerEntry(
  digest: string,
  { bytes, mediaType }: StoredManifest,
  json: Record<string, unknown>,
  switches: Switches,
): Record<string, unknown> {
  const config = (json.config as { mediaType?: string } | undefined)?.mediaType;
  const artifactType =
    switches.referrersEntries === 'config' ? config : (json.artifactType ?? config);
  const annotations = switches.referrersEntries === 'config' ? undefined : json.annotations;
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** Whether this names an image (no signature itself) that nobody has signed, to Harbor's knowledge. */
export function isUnsigned(name: string, reference: string, store: RegistryStore): boolean {
  const digest = reference.includes(':') ? reference : store.tagged(name, reference);
  const json = digest === undefined ? undefined : store.json(name, digest);
  if (digest === undefined || json === undefined || reference.endsWith('.sig')) return false;
  if ((json as { subject?: unknown }).subject !== undefined) return false;
  const types = store.referrers(name, digest).map(({ json: { artifactType } }) => artifactType);
  return (
    !types.includes('application/vnd.dev.sigstore.bundle.v0.3+json') &&
    store.tagged(name, `${digest.replace(':', '-')}.sig`) === undefined
  );
}
