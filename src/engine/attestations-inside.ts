// Loaded where attestations are asked for and none that count lie beside the image.
import { type Descriptor, isAttestationManifest, platformName } from '../image/descriptor.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import { isIndexType, parseManifest } from '../image/manifest.ts';
import { formatRepository, type RepositoryName } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import type { Repository } from '../registry/repository.ts';
import type { ByteRoom } from '../registry/run-memory.ts';
import { maxStatementBytes } from '../signature/attestation.ts';
import { mostTelling } from '../signature/evaluation.ts';
import type { FoundAttestation, FoundSignature } from '../signature/found.ts';
import type { AttestationPolicy } from '../signature/judge-attestation.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import { shown } from '../text/untrusted.ts';
import type { VerifyingTools } from './verify-images.ts';
import type { AttestationResult } from './verify-result.ts';

/** What reading inside an index needs. */
export interface InsideTools extends Pick<VerifyingTools, 'found' | 'judge'> {
  readonly open: (name: RepositoryName) => Pick<Repository, 'getManifest' | 'getBlob'>;
  /** for statements, which may be large */
  readonly room: ByteRoom;
}

/** For each policy of a run what it says of one attestation. */
type Row = readonly AttestationResult[];
type Judge = (found: FoundAttestation, about: Digest) => Promise<Row>;

const mostPlatforms = 64;
/** of the types that are asked for, in one manifest; BuildKit writes an SBOM for each stage */
const mostStatements = 256;
const maxManifestBytes = 256 << 10;
const atOnce = 8;
const statementLayer = 'application/vnd.in-toto+json';
const typeAnnotation = 'in-toto.io/predicate-type';

/**
 * The attestations that BuildKit puts into an index: manifests that hold in-toto statements about the
 * platforms beside them. They count where the manifest that holds them is signed as an image is
 * (docker/github-builder signs just these). An index counts only as a whole: everything in it has to
 * be a platform that is attested, or a manifest of attestations that is signed. Otherwise one good
 * platform would vouch for what a stranger has put beside it.
 * @param image an index, or a manifest that was found inside one
 * @throws {Failure} of the registry; `bad-manifest`
 */
export async function attestationsInside(
  image: Image,
  asked: readonly AttestationPolicy[],
  judge: Judge,
  tools: InsideTools,
): Promise<readonly Row[]> {
  const isIndex = isIndexType((await image.subject).mediaType);
  const parent = image.partOf?.split('@').at(-1);
  const index = isIndex ? image.digest : parent;
  if (index === undefined || !isDigest(index)) return [];
  const children = await childrenOf(index, image, tools);
  const platforms = children.filter((child) => !isAttestationManifest(child));
  const holders = children.filter(isAttestationManifest);
  const wanted = isIndex ? platforms : platforms.filter(({ digest }) => digest === image.digest);
  if (wanted.length === 0 || holders.length === 0) return [];
  if (holders.length > mostPlatforms || platforms.length > mostPlatforms) {
    const reason = `it lists more than ${mostPlatforms} platforms or attestation manifests`;
    const place = { format: 'bundle' as const, digest: index, reference: nameOf(image, index) };
    return [await judge({ ...place, problem: { code: 'too-large', reason } }, image.digest)];
  }
  const about = new Set<unknown>(wanted.map(({ digest }) => digest));
  const relevant = holders.filter((holder) => isIndex || about.has(subjectOf(holder)));
  const read = await inParallel(relevant, atOnce, (holder) =>
    readHolder(holder, image, asked, judge, tools),
  );
  const rows = read.flatMap(({ rows: found }) => found);
  if (!isIndex) return rows.map(({ row }) => row);
  return rows.map(({ row }) =>
    row.map((result, at) => {
      const missing = result.verified ? whatIsMissing(result.type, at, platforms, read) : undefined;
      return missing === undefined ? result : refused(result, missing);
    }),
  );
}

interface Held {
  readonly holder: Descriptor;
  /** by policy: its manifest is signed */
  readonly signed: readonly boolean[];
  readonly rows: readonly { readonly about: Digest; readonly row: Row }[];
}

/** Why attestations of this type do not vouch for the whole index; undefined where they do. */
function whatIsMissing(
  type: string | undefined,
  policy: number,
  platforms: readonly Descriptor[],
  held: readonly Held[],
): string | undefined {
  const unsigned = held.find(({ signed }) => signed[policy] !== true);
  if (unsigned !== undefined)
    return `the index also holds ${unsigned.holder.digest}, which says to be an attestation manifest and is not signed`;
  const rows = held.flatMap((one) => one.rows);
  const bare = platforms.find(
    ({ digest }) =>
      !rows.some(({ about, row }) => {
        const result = row[policy];
        return about === digest && result?.verified === true && result.type === type;
      }),
  );
  return bare && `${platformName(bare) ?? bare.digest} has none, and the index counts as a whole`;
}

function refused({ path: _, ...result }: AttestationResult, why: string): AttestationResult {
  const reason = `It is about one platform of the index: ${shown(why)}.`;
  return { ...result, verified: false, code: 'wrong-subject', reason };
}

async function childrenOf(
  index: Digest,
  image: Image,
  { open }: InsideTools,
): Promise<readonly Descriptor[]> {
  const fetched = await open(image.name).getManifest(index);
  if (fetched === undefined) return [];
  const manifest = parseManifest(fetched.bytes, fetched.mediaType);
  return fetched.digest === index && manifest.kind === 'index' ? manifest.manifests : [];
}

function subjectOf({ annotations }: Descriptor): unknown {
  return annotations?.['vnd.docker.reference.digest'];
}

/** Judges the statements of one attestation manifest by its best signature. */
async function readHolder(
  holder: Descriptor,
  image: Image,
  asked: readonly AttestationPolicy[],
  judge: Judge,
  tools: InsideTools,
): Promise<Held> {
  const { digest } = holder;
  const about = subjectOf(holder);
  const { name, references } = image;
  const subject = Promise.resolve(holder);
  const [fetched, signatures] = await Promise.all([
    tools.open(name).getManifest(digest),
    // One place for all that is asked here (attested.ts): attestation manifests are signed there too.
    tools.found({ name, references, digest, subject }, asked[0]?.policy.repository),
  ]);
  const best = await Promise.all(
    asked.map(({ policy }) => bestOf(signatures, digest, policy, tools)),
  );
  const signed = best.map(({ verified }) => verified);
  if (fetched === undefined || fetched.bytes.length > maxManifestBytes || !isDigest(about))
    return { holder, signed, rows: [] };
  const manifest = parseManifest(fetched.bytes, fetched.mediaType);
  const types = new Set<unknown>(asked.flatMap((one) => one.types));
  const layers = (manifest.kind === 'manifest' ? manifest.layers : []).filter(
    ({ mediaType, annotations }) =>
      mediaType === statementLayer && types.has(annotations?.[typeAnnotation]),
  );
  const place = { digest, reference: nameOf(image, digest) };
  const rows = await inParallel(layers.slice(0, mostStatements), atOnce, async (layer) => {
    if (layer.size > maxStatementBytes) {
      const reason = `its statement has ${layer.size} bytes, more than ${maxStatementBytes}`;
      const problem = { code: 'too-large' as const, reason };
      return { about, row: await judge({ ...place, format: 'bundle', problem }, about) };
    }
    return tools.room.with(layer.size, async () => {
      const statement = await tools.open(name).getBlob(layer.digest, layer.size);
      const judged = await Promise.all(
        best.map(async ({ signature }, at) => {
          const found = { ...place, format: signature.format, signature, statement };
          return (await judge(found, about))[at];
        }),
      );
      return { about, row: judged.flatMap((result) => result ?? []) };
    });
  });
  return { holder, signed, rows };
}

/** The signature that came furthest under a policy. */
async function bestOf(
  signatures: readonly FoundSignature[],
  digest: Digest,
  policy: SignaturePolicy,
  { judge }: InsideTools,
): Promise<{ signature: FoundSignature; verified: boolean }> {
  const bare = { ...policy, annotations: {} };
  const judged = await Promise.all(
    signatures.map(async (signature) => {
      const { verified, code } = await judge(signature, digest, bare);
      return { signature, verified, code };
    }),
  );
  const problem = { code: 'unsigned' as const, reason: 'the manifest that holds it is not signed' };
  const none = { format: 'bundle' as const, digest, reference: digest, problem };
  return mostTelling(judged) ?? { signature: none, verified: false };
}

function nameOf({ name }: Image, digest: Digest): string {
  return `${formatRepository(name)}@${digest}`;
}
