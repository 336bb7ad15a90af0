import { type Reply, refusal } from './registry-http.ts';
import { parseObject, type StoredRepository, sha256 } from './registry-store.ts';

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';
export const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
export const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

const ociEmpty = 'application/vnd.oci.empty.v1+json';
const digestGrammar = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const maxManifest = 4 * 1024 * 1024;

/** How a dialect answers a manifest whose child is missing. */
export interface ManifestDialect {
  readonly missingChild: { readonly status: number; readonly code: string };
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  urls?: unknown;
}

/**
 * Checks a pushed manifest as docker-registry 2.8 does, and a little harder (sizes, children that
 * are no manifests, an artifact without a type): what a careful registry may refuse, we must not
 * send.
 * @returns the refusal, or undefined where the manifest may be stored.
 */
export function checkManifest(
  bytes: Buffer,
  contentType: string,
  reference: string,
  repository: StoredRepository,
  dialect: ManifestDialect,
): Reply | undefined {
  const invalid = (message: string) =>
    refusal(400, 'MANIFEST_INVALID', `manifest invalid: ${message}`);
  const known = [ociManifest, ociIndex, dockerManifest, dockerList];
  if (!known.includes(contentType)) return invalid(`unknown content type "${contentType}"`);
  if (bytes.length > maxManifest)
    return invalid(`${bytes.length} bytes are more than ${maxManifest}`);
  if (reference.includes(':') && sha256(bytes) !== reference)
    return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  const json = parseObject(bytes);
  if (json === undefined) return invalid('not a JSON object');
  const wrong = checkShape(json, contentType);
  if (wrong !== undefined) return invalid(wrong);
  return contentType === ociIndex || contentType === dockerList
    ? checkChildren(json, repository, dialect)
    : checkBlobs(json, repository);
}

function checkShape(json: Record<string, unknown>, contentType: string): string | undefined {
  const isIndex = contentType === ociIndex || contentType === dockerList;
  const isDocker = contentType === dockerManifest || contentType === dockerList;
  if (json.schemaVersion !== 2) return `schemaVersion is ${JSON.stringify(json.schemaVersion)}`;
  if (json.mediaType !== contentType && (json.mediaType !== undefined || isDocker))
    return `mediaType is ${JSON.stringify(json.mediaType)}, content type ${contentType}`;
  if (isIndex && ('config' in json || 'layers' in json))
    return 'an index has no config and no layers';
  if (!isIndex && 'manifests' in json) return 'an image manifest has no manifests';
  if (isIndex ? !Array.isArray(json.manifests) : !Array.isArray(json.layers))
    return `no list of ${isIndex ? 'manifests' : 'layers'}`;
  const descriptors = isIndex
    ? (json.manifests as unknown[])
    : [json.config, ...(json.layers as unknown[])];
  const odd = [...descriptors, ...('subject' in json ? [json.subject] : [])].find(
    (entry) => !isDescriptor(entry),
  );
  if (odd !== undefined || descriptors.includes(undefined))
    return `not a descriptor: ${JSON.stringify(odd)?.slice(0, 200)}`;
  if (!isTextMap(json.annotations)) return 'annotations are not a map of strings';
  if (json.artifactType !== undefined && typeof json.artifactType !== 'string')
    return 'artifactType is not a string';
  // image-spec manifest.md: artifactType MUST be set when config.mediaType is the empty type
  if (!isIndex && (json.config as Descriptor).mediaType === ociEmpty && !json.artifactType)
    return 'an empty config needs an artifactType';
  return undefined;
}

function isDescriptor(value: unknown): value is Descriptor {
  if (typeof value !== 'object' || value === null) return false;
  const { mediaType, digest, size, annotations } = value as Record<string, unknown>;
  return (
    typeof mediaType === 'string' &&
    /^[^/\s]+\/[^/\s]+$/.test(mediaType) &&
    typeof digest === 'string' &&
    digestGrammar.test(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    isTextMap(annotations)
  );
}

function isTextMap(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return (
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'string')
  );
}

function checkBlobs(
  json: Record<string, unknown>,
  repository: StoredRepository,
): Reply | undefined {
  for (const { digest, size, urls } of [
    json.config,
    ...(json.layers as unknown[]),
  ] as Descriptor[]) {
    const blob = repository.blobs.get(digest);
    if (blob === undefined && urls === undefined)
      return refusal(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown to registry: ${digest}`);
    if (blob !== undefined && blob.length !== size)
      return refusal(400, 'SIZE_INVALID', `${digest} has ${blob.length} bytes, not ${size}`);
  }
  return undefined;
}

function checkChildren(
  json: Record<string, unknown>,
  repository: StoredRepository,
  dialect: ManifestDialect,
): Reply | undefined {
  for (const { digest, size, mediaType } of json.manifests as Descriptor[]) {
    const child = repository.manifests.get(digest);
    if (child === undefined)
      return refusal(
        dialect.missingChild.status,
        dialect.missingChild.code,
        `manifest unknown to registry: ${digest}`,
      );
    if (child.bytes.length !== size)
      return refusal(400, 'SIZE_INVALID', `${digest} has ${child.bytes.length} bytes, not ${size}`);
    if (child.mediaType !== mediaType)
      return refusal(400, 'MANIFEST_INVALID', `${digest} is ${child.mediaType}, not ${mediaType}`);
  }
  return undefined;
}
