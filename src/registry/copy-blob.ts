import { createHash, type Hash } from 'node:crypto';
import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { BlobPlace, TakePiece } from './blob-streams.ts';
import { UploadRefused } from './blob-streams.ts';
import { wrongContent } from './manifests.ts';
import type { CopyRepository } from './repository.ts';

export interface CopyTools {
  /** waits, never beyond the end of the step */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** 0 ≤ x < 1; real chance when absent */
  readonly random?: () => number;
}

/** Blobs up to this size are held whole; larger ones pass through in pieces. */
export const heldBytes = 512 * 1024;
/** Tries in a row that bring nothing forward, before a blob is given up. */
const maxTries = 5;
/** The hash is kept so often, so that a read can begin again in the middle. */
const checkpointBytes = 16 * 1024 * 1024;

/** What became of a blob: it was there, the registry took it over by itself, or it was sent. */
export type BlobFate = 'there' | 'mounted' | 'sent';

/**
 * Copies one blob to another repository, byte for byte and checked against its digest. Holds one
 * piece at a time. Whatever breaks off goes on where it broke off: the source is read by range, and
 * the registry that takes it is asked how far it came.
 * @throws {Failure} `registry-error` where the source sends other bytes, and of the registries
 */
export async function copyBlob(
  blob: BlobPlace,
  source: CopyRepository,
  target: CopyRepository,
  tools: CopyTools,
): Promise<BlobFate> {
  if (await target.blobs.has(blob.digest)) return 'there';
  const mount =
    source.name.registry === target.name.registry &&
    source.name.repository !== target.name.repository
      ? { digest: blob.digest, from: source.name.repository }
      : undefined;
  if (mount === undefined && blob.size <= heldBytes) {
    const bytes = await source.getBlob(blob.digest, blob.size);
    // As declared in what names it, which is what its readers go by.
    if (bytes.length !== blob.size) throw wrongSize(source, blob, bytes.length);
    await target.putBlob(bytes);
    return 'sent';
  }
  const session = await target.blobs.begin(mount);
  if (session === undefined) return 'mounted';
  await pass(blob, source, target, session, tools);
  return 'sent';
}

type Session = NonNullable<Awaited<ReturnType<CopyRepository['blobs']['begin']>>>;

/** Sends a blob through, and begins again where it can, as long as it comes forward. */
async function pass(
  blob: BlobPlace,
  source: CopyRepository,
  target: CopyRepository,
  begun: Session,
  tools: CopyTools,
): Promise<void> {
  const reading = new Reading(blob, source, tools);
  let session = begun;
  let offset = 0;
  let best = 0;
  for (let tries = 1; ; tries++) {
    const pouring: Pouring = {};
    try {
      if (offset < blob.size || blob.size === 0)
        await session.append(offset, blob.size - offset, (to) => reading.pour(offset, to, pouring));
      await session.finish(blob.digest);
      return;
    } catch (caught) {
      if (pouring.failure !== undefined) throw pouring.failure;
      if (!mayPass(caught) || tries >= maxTries) throw told(caught);
      const asked = caught instanceof UploadRefused ? caught.pause : 0;
      await tools.sleep(Math.max(asked, pauseOf(tries, tools)));
      if (await target.blobs.has(blob.digest)) return; // the answer got lost, not the bytes
      const taken = await session.taken().catch(() => undefined);
      if (taken !== undefined && taken <= blob.size && offset + taken > 0) {
        if (taken > best) tries = 0; // it comes forward
        best = Math.max(best, taken);
        offset = taken;
      } else {
        session = (await target.blobs.begin()) as Session;
        offset = 0;
      }
    }
  }
}

/** Why the bytes did not come, where that is the source's doing. */
interface Pouring {
  failure?: Failure;
}

/** What the taker of a piece has thrown: not the source's doing. */
class NotTaken extends Error {}

/** Reads a blob of a hostile registry: every byte that is handed on has been hashed, in order. */
class Reading {
  readonly #blob: BlobPlace;
  readonly #source: CopyRepository;
  readonly #tools: CopyTools;
  readonly #checkpoints: { readonly at: number; readonly hash: Hash }[] = [
    { at: 0, hash: createHash('sha256') },
  ];

  constructor(blob: BlobPlace, source: CopyRepository, tools: CopyTools) {
    this.#blob = blob;
    this.#source = source;
    this.#tools = tools;
  }

  /**
   * Hands on the bytes from `from` on, and checks them at the end together with those before. The
   * caller must not finish its upload where this throws.
   */
  async pour(from: number, to: TakePiece, pouring: Pouring): Promise<void> {
    const { digest, size } = this.#blob;
    const start = this.#checkpoints.findLast(({ at }) => at <= from) as { at: number; hash: Hash };
    const hash = start.hash.copy();
    let position = start.at;
    const take = async (piece: Uint8Array) => {
      if (position + piece.length > size)
        throw wrongSize(this.#source, this.#blob, position + piece.length);
      hash.update(piece);
      const skipped = Math.min(piece.length, Math.max(0, from - position));
      position += piece.length;
      this.#keep(position, hash);
      if (skipped === piece.length) return;
      await to(piece.subarray(skipped)).catch((cause: unknown) => {
        throw new NotTaken('a piece was not taken', { cause });
      });
    };
    try {
      await this.#readOn(() => position, take);
      if (position !== size) throw wrongSize(this.#source, this.#blob, position);
      const actual = `sha256:${hash.digest('hex')}` as Digest;
      if (actual !== digest) throw wrongContent(whatOf(this.#source, this.#blob), actual);
    } catch (caught) {
      if (!(caught instanceof NotTaken) && caught instanceof Failure) pouring.failure = caught;
      throw caught;
    }
  }

  async #readOn(position: () => number, take: TakePiece): Promise<void> {
    for (let tries = 1; ; tries++) {
      const before = position();
      if (before > 0 && before === this.#blob.size) return; // it broke off after the last byte
      try {
        await this.#source.blobs.read(this.#blob, before, take);
        return;
      } catch (caught) {
        const passes = caught instanceof Failure && caught.code === 'network';
        if (position() > before) tries = 1; // it comes forward
        if (!passes || tries >= maxTries) throw caught;
        await this.#tools.sleep(pauseOf(tries, this.#tools));
      }
    }
  }

  #keep(position: number, hash: Hash): void {
    const last = this.#checkpoints.at(-1)?.at ?? 0;
    if (position - last >= checkpointBytes)
      this.#checkpoints.push({ at: position, hash: hash.copy() });
  }
}

function pauseOf(tries: number, { random = Math.random }: CopyTools): number {
  return random() * Math.min(5_000, 250 * 2 ** tries);
}

function mayPass(caught: unknown): boolean {
  if (caught instanceof UploadRefused) return caught.mayPass;
  return caught instanceof Failure && caught.code === 'network';
}

function told(caught: unknown): unknown {
  return caught instanceof UploadRefused ? caught.failure : caught;
}

function whatOf({ name }: CopyRepository, { digest }: BlobPlace): string {
  return `the blob ${name.registry}/${name.repository}@${digest}`;
}

function wrongSize(source: CopyRepository, blob: BlobPlace, bytes: number): Failure {
  return new Failure(
    'registry-error',
    `The registry sent ${bytes} bytes or more for ${whatOf(source, blob)}, and what names it says ${blob.size}.`,
    'Somebody or something on the way changes content: nothing of it was used. Run the job again; if it stays, ask the operator of the registry.',
  );
}
