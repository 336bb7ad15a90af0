import { Failure } from '../failure.ts';
import { isJsonObject, readJson } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import { type Descriptor, mediaTypes } from './descriptor.ts';
import { type Digest, digestProblem, isDigest } from './digest.ts';
import { manifestDepth, otherDocument, otherFix } from './other-document.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** A manifest as the registry sent it; the digest is that of the bytes. */
export interface ReadManifest {
  readonly digest: Digest;
  /** the header it came with */
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

interface Common {
  readonly mediaType: string;
  readonly artifactType?: string;
  /** the manifest that this one is about (OCI 1.1 referrers) */
  readonly subject?: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
  /** the whole document as parsed, for fields that are not named here */
  readonly raw: JsonObject;
}

/**
 * An image or artifact manifest. The descriptors are the very objects of the document, fields
 * unknown to us included.
 */
export interface ImageManifest extends Common {
  readonly kind: 'manifest';
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** An OCI image index or a Docker manifest list. */
export interface ImageIndex extends Common {
  readonly kind: 'index';
  readonly manifests: readonly Descriptor[];
}

export type ParsedManifest = ImageManifest | ImageIndex;

/** bytes; registries accept no more (OCI distribution-spec) */
export const maxManifestBytes = 4 * 1024 * 1024;
export const maxIndexEntries = 1000;

const manifestTypes: readonly string[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];
const indexTypes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerList];
const schema1Types = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/;
const unspecific = ['', 'application/json', 'application/octet-stream', 'text/plain'];
const knownFields = byLowerCase([
  ...['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'manifests'],
  ...['subject', 'annotations', 'fsLayers'],
]);
const descriptorFields = byLowerCase([
  ...['mediaType', 'digest', 'size', 'artifactType', 'annotations', 'platform', 'urls', 'data'],
]);

/** True for a media type of an index: OCI's or Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return indexTypes.includes(mediaType);
}

/** True for a media type of an image manifest: OCI's or Docker's. */
export function isManifestType(mediaType: string): boolean {
  return manifestTypes.includes(mediaType);
}

/**
 * Reads a manifest or an index (OCI image-spec 1.1 manifest.md, image-index.md; Docker image
 * manifest v2.2) from bytes that a registry sent.
 * @param contentType the header it came with; it must say the same as the body, where both say
 * something
 * @throws {Failure} `bad-manifest` for anything that two readers could understand differently, and
 * for what is too large.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): ParsedManifest {
  if (bytes.byteLength > maxManifestBytes)
    throw bad(`it has ${bytes.byteLength} bytes, more than ${maxManifestBytes}`);
  const reading = readJson(bytes, manifestDepth);
  const other = otherDocument(bytes, contentType, reading);
  if (other !== undefined) throw bad(other, otherFix);
  if ('problem' in reading) throw bad(reading.problem);
  const document = reading.value;
  if (!isJsonObject(document)) throw bad('it is not a JSON object');
  refuseLookalikes(document, knownFields);
  const mediaType = mediaTypeOf(document, contentType);
  if (document.schemaVersion !== 2) throw bad('its `schemaVersion` is not 2');
  const common = commonFields(document, mediaType);
  if (isIndexType(mediaType)) {
    return {
      kind: 'index',
      ...common,
      manifests: descriptors(document, 'manifests', maxIndexEntries),
    };
  }
  return {
    kind: 'manifest',
    ...common,
    config: descriptor(document.config, 'config'),
    layers: descriptors(document, 'layers', maxManifestBytes),
  };
}

/**
 * What a manifest is, by its own bytes: the descriptor that a signature names as its subject. What a
 * registry says of it in headers is not asked.
 * @throws {Failure} `bad-manifest`
 */
export function describe({ bytes, mediaType, digest }: ReadManifest): Descriptor {
  return { mediaType: parseManifest(bytes, mediaType).mediaType, digest, size: bytes.byteLength };
}

function commonFields(document: JsonObject, mediaType: string): Common {
  const { artifactType, subject } = document;
  if (artifactType !== undefined && typeof artifactType !== 'string')
    throw bad('its `artifactType` is not text');
  return {
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && subject !== null && { subject: descriptor(subject, 'subject') }),
    annotations: annotations(document.annotations, 'annotations'),
    raw: document,
  };
}

/**
 * The media type on which header, body and shape agree. A document that is both is the confusion
 * attack of CVE-2021-41190.
 */
function mediaTypeOf(document: JsonObject, contentType: string | undefined): string {
  const header = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const body = document.mediaType;
  if (body !== undefined && typeof body !== 'string') throw bad('its `mediaType` is not text');
  if (
    document.schemaVersion === 1 ||
    document.fsLayers !== undefined ||
    schema1Types.test(header) ||
    schema1Types.test(body ?? '')
  ) {
    throw bad(
      "it is a Docker schema 1 manifest: Docker's schema 1 was given up in 2020, and its digest does not cover its bytes",
      'Build and push the image again with a current Docker or buildx, then sign the new digest.',
    );
  }
  const isManifest = document.layers !== undefined || document.config !== undefined;
  const isIndex = document.manifests !== undefined;
  if (isManifest && isIndex)
    throw bad('it is an image and an index at once, which different tools would read differently');
  if (!isManifest && !isIndex) throw bad('it has neither `layers` nor `manifests`');
  if (body !== undefined && !unspecific.includes(header) && header !== body) {
    throw bad(
      `the registry calls it "${shown(header, 100)}" and it calls itself "${shown(body, 100)}"`,
    );
  }
  const fallback = isIndex ? mediaTypes.ociIndex : mediaTypes.ociManifest;
  const mediaType = body ?? (unspecific.includes(header) ? fallback : header);
  const allowed = isIndex ? indexTypes : manifestTypes;
  if (!allowed.includes(mediaType)) {
    throw bad(
      `its media type "${shown(mediaType, 100)}" is not that of ${isIndex ? 'an index' : 'an image manifest'}`,
    );
  }
  return mediaType;
}

function descriptors(document: JsonObject, field: string, most: number): Descriptor[] {
  const list = document[field];
  if (!Array.isArray(list)) throw bad(`its \`${field}\` is not a list`);
  if (list.length > most)
    throw bad(`its \`${field}\` has ${list.length} entries, more than ${most}`);
  return list.map((entry, index) => descriptor(entry, `${field}[${index}]`));
}

/**
 * Checks the fields that we rely on and hands back the same object, so that fields unknown to us
 * survive a rewrite.
 */
function descriptor(value: unknown, where: string): Descriptor {
  if (!isJsonObject(value)) throw bad(`its \`${where}\` is not a descriptor`);
  refuseLookalikes(value, descriptorFields);
  const { mediaType, digest, size, artifactType, platform } = value;
  if (typeof mediaType !== 'string' || mediaType === '')
    throw bad(`its \`${where}\` has no \`mediaType\``);
  if (!isDigest(digest)) {
    throw bad(
      `the digest of its \`${where}\` is not usable: ${typeof digest === 'string' ? digestProblem(digest) : 'it is not text'}`,
    );
  }
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    throw bad(`the size of its \`${where}\` is not a number of bytes`);
  if (artifactType !== undefined && typeof artifactType !== 'string')
    throw bad(`the \`artifactType\` of its \`${where}\` is not text`);
  annotations(value.annotations, `${where}.annotations`);
  if (platform !== undefined && platform !== null) checkPlatform(platform, where);
  return value as unknown as Descriptor;
}

function checkPlatform(platform: unknown, where: string): void {
  const { os, architecture, variant } = isJsonObject(platform) ? platform : {};
  const fits =
    typeof os === 'string' &&
    typeof architecture === 'string' &&
    (variant === undefined || typeof variant === 'string');
  if (!fits) throw bad(`the platform of its \`${where}\` is not \`os\` and \`architecture\``);
}

function annotations(value: unknown, where: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value) || !Object.values(value).every((entry) => typeof entry === 'string')) {
    throw bad(`its \`${where}\` are not names with text`);
  }
  return value as Readonly<Record<string, string>>;
}

/**
 * Go's JSON reader takes `Layers` for `layers`; ours does not. A document that uses this shows two
 * faces.
 */
function refuseLookalikes(object: JsonObject, fields: ReadonlyMap<string, string>): void {
  for (const key of Object.keys(object)) {
    const field = fields.get(key.toLowerCase());
    if (field !== undefined && field !== key)
      throw bad(`its field "${shown(key)}" is spelled unlike \`${field}\``);
  }
}

function byLowerCase(fields: readonly string[]): ReadonlyMap<string, string> {
  return new Map(fields.map((field) => [field.toLowerCase(), field]));
}

function bad(
  problem: string,
  fix = 'Push the image again; if the message stays, the registry or a proxy in front of it changes manifests.',
): Failure {
  return new Failure(
    'bad-manifest',
    `The manifest that the registry sent is not usable: ${problem}.`,
    fix,
  );
}
