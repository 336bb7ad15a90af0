import { Failure } from '../failure.ts';
import { type Descriptor, mediaTypes } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import { type ImageManifest, parseManifest } from '../image/manifest.ts';
import type { Format, FoundSignature } from '../signature/found.ts';
import type { VerdictCode } from '../signature/verdict.ts';
import { isJsonObject } from '../text/json.ts';
import { shown } from '../text/untrusted.ts';
import type { Repository } from './repository.ts';
import type { JsonObject } from './tag-document.ts';

/** What reading needs of a repository. */
export type Reader = Pick<Repository, 'name' | 'getManifest' | 'getBlob'>;

/**
 * What the judge reads of one signature (signature/bundle.ts, simple-signing.ts); one has about ten
 * thousand bytes.
 */
export const maxBundleBytes = 256 * 1024;
export const maxPayloadBytes = 256 * 1024;
/** A statement with a predicate of 16 MiB in base64, in base64's own JSON, and what proves it. */
export const maxAttestationBytes = 23 << 20;
/**
 * A bundle's manifest has about a thousand bytes, and many are in flight: of larger ones a hostile
 * registry would fill the memory.
 */
const maxManifestBytes = 256 * 1024;
/** All signatures of one image are held in memory until they are judged. */
const maxTotalBytes = 32 * 1024 * 1024;
/** Their manifests are parsed, which costs time and more memory than they have bytes. */
const maxTotalManifestBytes = 8 * 1024 * 1024;
/** As many as a gate has connections: with fewer, some would stand idle. */
const atOnce = 64;
/** `….bundle.v0.3+json`, and `….bundle+json;version=0.1` of the early days */
const bundleType = 'application/vnd.dev.sigstore.bundle';
/**
 * cosign up to 3.1.2 lists its bundles under the type of their empty config; others leave the field
 * out.
 */
const untyped: readonly unknown[] = [undefined, null, '', mediaTypes.ociEmpty];

/** A blob that holds a signature, or the sentence why there is none to fetch. */
interface Pointer {
  readonly format: Format;
  /** of the manifest */
  readonly digest: Digest;
  readonly reference: string;
  readonly blob: Digest;
  /** bytes, as declared */
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}
export type Broken = Extract<FoundSignature, { problem: unknown }> & {
  /** too large for a signature, but an attestation may have so many bytes */
  readonly large?: LargeBlob;
};
export interface LargeBlob {
  readonly blob: Digest;
  /** bytes, as declared */
  readonly size: number;
  /** of the layer; of a bundle those of its manifest */
  readonly annotations: Readonly<Record<string, string>>;
}
type Lead = Pointer | Broken;

/** True when an entry of a list of referrers may be a signature; only its manifest tells. */
function maybeSignature({ artifactType }: { readonly artifactType?: unknown }): boolean {
  return (
    untyped.includes(artifactType) ||
    artifactType === mediaTypes.cosignSignature ||
    isBundleType(artifactType)
  );
}

/**
 * Reads the signatures that lists of referrers may hold: Sigstore bundles, and cosign's legacy
 * signatures stored as OCI 1.1 referrers. What is listed as a signature and cannot be read is in
 * the answer as a problem; other things are not.
 * @param lists each is followed as soon as it is there: registries answer one sooner than the
 * other. An entry of several lists counts once.
 * @throws {Failure} `network`, `timeout`, `registry-denied`; `too-large` when together they are
 * more than `most` signatures, or they are more than 32 MiB, or their manifests more than 8
 */
export async function readReferrers(
  repository: Reader,
  image: Digest,
  lists: readonly (readonly JsonObject[] | Promise<readonly JsonObject[]>)[],
  most: number,
): Promise<(FoundSignature | Broken)[]> {
  const candidates = new Set<unknown>();
  let [left, bytes] = [most, 0];
  // Counted while they come: a manifest may name thousands of signatures, and there may be a
  // thousand such manifests.
  const take = (leads: readonly Lead[], size: number) => {
    bytes += size;
    left -= leads.length;
    if (left < 0) throw tooMany(most - left, most);
    if (bytes > maxTotalManifestBytes)
      throw tooLarge(`have manifests of ${bytes} bytes, more than ${maxTotalManifestBytes}`);
    return leads;
  };
  const follow = async (list: readonly JsonObject[] | Promise<readonly JsonObject[]>) => {
    const fresh = new Map(
      (await list).filter(maybeSignature).map((entry) => [entry.digest, entry]),
    );
    for (const digest of fresh.keys()) if (candidates.has(digest)) fresh.delete(digest);
    for (const digest of fresh.keys()) candidates.add(digest);
    if (candidates.size > most) throw tooMany(candidates.size, most);
    return inParallel([...fresh.values()], atOnce, async (entry) => {
      const { leads, size = 0 } = await followReferrer(repository, image, entry);
      return take(leads, size);
    });
  };
  const leads = await Promise.all(lists.map(follow));
  return readBlobs(repository, leads.flat(2), most);
}

/**
 * Reads the signatures in the layers of a `.sig` manifest, or with their media type the attestations
 * of an `.att` manifest.
 * @throws {Failure} as `readReferrers`
 */
export async function readLayers(
  repository: Reader,
  place: { readonly digest: Digest; readonly reference: string },
  layers: readonly JsonObject[],
  most: number,
  mediaType: string = mediaTypes.simpleSigning,
): Promise<(FoundSignature | Broken)[]> {
  const ours = layers.filter((layer) => layer.mediaType === mediaType);
  if (ours.length > most) throw tooMany(ours.length, most);
  return readBlobs(
    repository,
    ours.map((layer) => pointer('legacy', place, layer)),
    most,
  );
}

/**
 * Reads one manifest, and says where its signatures lie. The manifest decides what it is, not the
 * list that named it.
 * @returns no leads where it is something else, an SBOM for example; `size` is the manifest's, in
 * bytes
 */
async function followReferrer(
  repository: Reader,
  image: Digest,
  entry: JsonObject,
): Promise<{ readonly leads: readonly Lead[]; readonly size?: number }> {
  const format: Format = entry.artifactType === mediaTypes.cosignSignature ? 'legacy' : 'bundle';
  const { registry, repository: path } = repository.name;
  if (!isDigest(entry.digest)) {
    // An object from JSON may have a `toString` that is no function.
    const nameless = `${registry}/${path}@${typeof entry.digest === 'string' ? shown(entry.digest, 80) : 'nothing'}`;
    const reason = 'it is listed under a digest that is not sha256';
    return {
      leads: untyped.includes(entry.artifactType)
        ? []
        : [broken(format, { digest: image, reference: nameless }, 'malformed', reason)],
    };
  }
  const place = { digest: entry.digest, reference: `${registry}/${path}@${entry.digest}` };
  // The size in the list is not looked at: where two lists name one manifest, the wrong one would
  // hide it. The bytes are bounded as they come.
  let manifest: ImageManifest;
  let size = 0;
  try {
    const fetched = await repository.getManifest(entry.digest, maxManifestBytes);
    if (fetched === undefined)
      return {
        leads: [
          broken(
            format,
            place,
            'registry-error',
            'it is listed, but the registry does not have its manifest',
          ),
        ],
      };
    size = fetched.bytes.length;
    const parsed = parseManifest(fetched.bytes, fetched.mediaType);
    if (parsed.kind === 'index')
      return {
        size,
        leads: untyped.includes(entry.artifactType)
          ? []
          : [broken(format, place, 'malformed', 'its manifest is an index')],
      };
    manifest = parsed;
  } catch (caught) {
    return { size, leads: [problemOf(caught, format, place)] };
  }
  return { size, leads: leadsOf(manifest, image, place) };
}

function leadsOf(
  manifest: ImageManifest,
  image: Digest,
  place: { digest: Digest; reference: string },
): Lead[] {
  const types = [manifest.artifactType, manifest.config.mediaType];
  const bundles = manifest.layers.filter(({ mediaType }) => isBundleType(mediaType));
  const payloads = manifest.layers.filter(
    ({ mediaType }) => mediaType === mediaTypes.simpleSigning,
  );
  const isBundle = bundles.length > 0 || types.some(isBundleType);
  if (!isBundle && payloads.length === 0 && !types.includes(mediaTypes.cosignSignature)) return [];
  const format: Format = isBundle ? 'bundle' : 'legacy';
  // Signed or not, it says itself that it is about something else: a copy that would make this
  // image look signed.
  if (manifest.subject?.digest !== image) {
    return [
      broken(
        format,
        place,
        'wrong-subject',
        `its manifest is about ${manifest.subject?.digest ?? 'nothing'}, not about this image`,
      ),
    ];
  }
  const layers = isBundle ? bundles : payloads;
  if (layers.length === 0 || (isBundle && layers.length > 1)) {
    return [
      broken(
        format,
        place,
        'malformed',
        `its manifest has ${layers.length} layers that could be the signature`,
      ),
    ];
  }
  return layers.map((layer) => pointer(format, place, layer, manifest.annotations));
}

/**
 * The descriptor of a layer, as a place to fetch a signature from. Sizes are judged before anything
 * is fetched.
 */
function pointer(
  format: Format,
  place: { digest: Digest; reference: string },
  layer: JsonObject | Descriptor,
  aboutBundle: Readonly<Record<string, string>> = {},
): Lead {
  const { digest: blob, size, annotations = {} } = layer;
  const limit = format === 'bundle' ? maxBundleBytes : maxPayloadBytes;
  if (!isDigest(blob))
    return broken(format, place, 'malformed', 'the digest of its layer is not sha256');
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    return broken(format, place, 'malformed', 'the size of its layer is not a number of bytes');
  if (!areTexts(annotations))
    return broken(format, place, 'malformed', 'the annotations of its layer are not text');
  if (Number(size) > limit) {
    const problem = broken(format, place, 'too-large', `it has ${size} bytes, more than ${limit}`);
    if (Number(size) > maxAttestationBytes) return problem;
    const large = { blob, size: Number(size), annotations: { ...aboutBundle, ...annotations } };
    return { ...problem, large };
  }
  return {
    format,
    digest: place.digest,
    reference: place.reference,
    blob,
    size: Number(size),
    annotations,
  };
}

async function readBlobs(
  repository: Reader,
  leads: readonly Lead[],
  most: number,
): Promise<(FoundSignature | Broken)[]> {
  if (leads.length > most) throw tooMany(leads.length, most);
  // A stranger's manifest may name the blob of a good signature with a size that is too small: the
  // largest counts, the digest tells the rest.
  const sizes = new Map<Digest, number>();
  for (const lead of leads)
    if ('blob' in lead) sizes.set(lead.blob, Math.max(lead.size, sizes.get(lead.blob) ?? 0));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total > maxTotalBytes) throw tooLarge(`have ${total} bytes, more than ${maxTotalBytes}`);
  // Several signatures over one payload are one blob.
  const blobs = new Map<Digest, Promise<Buffer>>();
  const fetchOnce = (lead: Pointer) => {
    const blob =
      blobs.get(lead.blob) ?? repository.getBlob(lead.blob, sizes.get(lead.blob) ?? lead.size);
    blobs.set(lead.blob, blob);
    return blob;
  };
  return inParallel(leads, atOnce, async (lead) => {
    if (!('blob' in lead)) return lead;
    try {
      return foundSignature(lead, await fetchOnce(lead));
    } catch (caught) {
      return problemOf(caught, lead.format, lead);
    }
  });
}

function foundSignature(
  { format, digest, reference, annotations }: Pointer,
  bytes: Buffer,
): FoundSignature {
  return format === 'bundle'
    ? { format, digest, reference, bundle: bytes }
    : { format, digest, reference, payload: bytes, annotations };
}

/**
 * A reader that fetches a blob whose digest is known already, while the manifest that leads to it
 * is still on its way.
 */
export function readerWithEarlyBlob(
  repository: Reader,
  known: { readonly digest: Digest; readonly size: number },
): Reader {
  const early = repository.getBlob(known.digest, known.size);
  // It is awaited only if the manifest leads there.
  early.catch(() => {});
  return {
    name: repository.name,
    getManifest: (reference) => repository.getManifest(reference),
    getBlob: (digest, maxBytes) =>
      digest === known.digest ? early : repository.getBlob(digest, maxBytes),
  };
}

/**
 * One signature that cannot be read must not hide the others; what concerns the whole registry is
 * not about one signature.
 */
export function problemOf(
  caught: unknown,
  format: Format,
  place: { digest: Digest; reference: string },
): Broken {
  const codes: Partial<Record<string, VerdictCode>> = {
    'bad-manifest': 'malformed',
    'too-large': 'too-large',
    'bad-digest': 'malformed',
    'registry-error': 'registry-error',
  };
  const code = caught instanceof Failure ? codes[caught.code] : undefined;
  if (code === undefined) throw caught;
  return broken(format, place, code, (caught as Failure).message);
}

function broken(
  format: Format,
  { digest, reference }: { digest: Digest; reference: string },
  code: VerdictCode,
  reason: string,
): Broken {
  return { format, digest, reference, problem: { code, reason } };
}

function isBundleType(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith(bundleType);
}

function areTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

/**
 * Failure `too-large`: more signatures than anybody should read. Never a silent cut: the good one
 * could be behind it.
 */
export function tooMany(count: number, most: number): Failure {
  return tooLarge(`are ${count}, more than ${most}`);
}

export function tooLarge(what: string): Failure {
  return new Failure(
    'too-large',
    `The signatures of this image ${what}.`,
    'Remove signatures that nobody needs any more, or build and sign the image afresh.',
  );
}
