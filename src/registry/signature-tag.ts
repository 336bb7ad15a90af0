import { Failure } from '../failure.ts';
import { mediaTypes } from '../image/descriptor.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../image/digest.ts';
import { isJsonObject } from '../text/json.ts';
import type { FetchedManifest } from './repository.ts';
import {
  type JsonObject,
  objectsOf,
  type RenderedTag,
  readDocument,
  type TagContent,
  type TagKind,
  writeDocument,
} from './tag-document.ts';

const maxBytes = 4 * 1024 * 1024;
const zeroTime = '0001-01-01T00:00:00Z';
const manifestTypes: readonly unknown[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];

/** What lies in layers under a tag of cosign 1 and 2. */
export type LayerKind = 'signature' | 'attestation';

const kinds = {
  signature: { suffix: 'sig', mediaType: mediaTypes.simpleSigning, title: 'the signature tag' },
  attestation: { suffix: 'att', mediaType: mediaTypes.dsseEnvelope, title: 'the attestation tag' },
} as const;

/** The tag of cosign 1 and 2 where the signatures of an image lie, or its attestations. */
export function signatureTag(image: Digest, kind: LayerKind = 'signature'): string {
  return `sha256-${hexOf(image)}.${kinds[kind].suffix}`;
}

/** One layer of the `.sig` manifest, or of the `.att` manifest, fields in cosign's order. */
export function signatureLayer(
  payload: Uint8Array,
  annotations: Readonly<Record<string, string>>,
  kind: LayerKind = 'signature',
): JsonObject {
  return {
    mediaType: kinds[kind].mediaType,
    size: payload.byteLength,
    digest: digestOf(payload),
    annotations,
  };
}

/**
 * The image manifest under the `.sig` or `.att` tag, for the protocol of shared-tag.ts: one layer
 * for each signature. Two signatures over one payload are two layers with one digest, so a layer is known by
 * digest and annotations together.
 */
export class SignatureManifest implements TagKind {
  readonly title: string;
  readonly otherFormat = 'bundle';
  readonly holds: LayerKind;
  readonly #maxSignatures: number;

  constructor(maxSignatures: number, kind: LayerKind = 'signature') {
    this.#maxSignatures = maxSignatures;
    this.title = kinds[kind].title;
    this.holds = kind;
  }

  parse(fetched: FetchedManifest): TagContent | { foreign: string } {
    const document = readDocument(fetched.bytes);
    const layers = document && objectsOf(document, 'layers');
    const mediaType = document?.mediaType ?? fetched.mediaType;
    if (
      document === undefined ||
      layers === undefined ||
      !manifestTypes.includes(mediaType) ||
      document.manifests !== undefined
    ) {
      return { foreign: 'what lies there is not an image manifest' };
    }
    // Somebody's image under this tag: adding a layer to it would be vandalism, and no verifier
    // would read it.
    const { mediaType: ours } = kinds[this.holds];
    if (layers.length > 0 && !layers.some((layer) => layer.mediaType === ours))
      return { foreign: `what lies there holds no ${this.holds}s` };
    this.#refuseTooMany(layers.length);
    const { layers: _layers, ...rest } = document;
    return {
      digest: fetched.digest,
      ...(fetched.etag !== undefined && { etag: fetched.etag }),
      rest,
      entries: layers,
    };
  }

  doubt(): undefined {
    return undefined;
  }

  key(layer: JsonObject): string {
    const annotations = isJsonObject(layer.annotations) ? Object.entries(layer.annotations) : [];
    return JSON.stringify([layer.digest, annotations.sort(([a], [b]) => (a < b ? -1 : 1))]);
  }

  says(layer: JsonObject, wanted: JsonObject): boolean {
    return layer.mediaType === wanted.mediaType && this.key(layer) === this.key(wanted);
  }

  /**
   * With the config that cosign writes: the layers' digests as `diff_ids` (they are not
   * compressed), and one empty history entry each.
   */
  render(rest: JsonObject | undefined, layers: readonly JsonObject[]): RenderedTag {
    this.#refuseTooMany(layers.length);
    const config = writeDocument({
      architecture: '',
      created: zeroTime,
      history: layers.map(() => ({ created: zeroTime })),
      os: '',
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest).filter(isDigest) },
      config: {},
    });
    const {
      schemaVersion = 2,
      mediaType = mediaTypes.ociManifest,
      config: before,
      ...others
    } = rest ?? {};
    const known = isJsonObject(before) ? before : { mediaType: mediaTypes.ociConfig };
    // `data` would be the old config, embedded.
    const descriptor = { ...known, data: undefined, size: config.length, digest: digestOf(config) };
    const bytes = writeDocument({
      schemaVersion,
      mediaType,
      config: descriptor,
      layers,
      ...others,
    });
    if (bytes.length > maxBytes)
      throw this.#tooMany(`would have ${bytes.length} bytes, more than ${maxBytes}`);
    return { bytes, mediaType: String(mediaType), config };
  }

  #refuseTooMany(count: number): void {
    if (count > this.#maxSignatures)
      throw this.#tooMany(`has ${count} layers, more than ${this.#maxSignatures}`);
  }

  #tooMany(what: string): Failure {
    return new Failure(
      'too-large',
      `The manifest of the image's legacy ${this.holds}s ${what}.`,
      `Remove the \`.${kinds[this.holds].suffix}\` tag of the image, then ${this.holds === 'signature' ? 'sign' : 'attest'} it again.`,
    );
  }
}
