import type fc from 'fast-check';
import { Failure } from '../../src/failure.ts';
import { type Descriptor, mediaTypes } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import { referrerManifest } from '../../src/registry/referrer-manifest.ts';
import type { Repository } from '../../src/registry/repository.ts';
import { RunMemory } from '../../src/registry/run-memory.ts';
import { signatureLayer } from '../../src/registry/signature-tag.ts';
import { openStore } from '../../src/registry/store.ts';
import { MemoryRegistry } from './memory-registry.ts';

/**
 * What the registry does to the n-th write: well; says 201 and forgets it; applies it and breaks
 * the connection; breaks it before.
 */
export type WriteFate = 'applied' | 'lost' | 'applied, answer lost' | 'refused';

export interface World {
  readonly scheduler: fc.Scheduler;
  readonly format: 'bundle' | 'legacy';
  /** how many versions back the n-th read looks, if the staleness that is assumed allows it */
  readonly stale: readonly number[];
  readonly fates: readonly WriteFate[];
  /**
   * the assumption of docs/lossless-writes.md: whoever read before a pause of ours began has
   * written when it ends
   */
  readonly pausesOutlastWriters: boolean;
}

/** From a read that a write may be based on, until that write has arrived or will never come. */
interface Window {
  /** the last moment at which what was read was true */
  readonly since: number;
  readonly closed: PromiseWithResolvers<void>;
}

interface Document {
  readonly manifests?: readonly object[];
  readonly layers?: readonly object[];
}

const zeroTime = new Date(0);
/**
 * What a pause lasts with the dice of this model, on a quiet tag and on a busy one; other sleeps
 * promise nothing.
 */
const pauses = { calm: 175, busy: 625 };
/**
 * How long a step takes on a signer's clock: so little that a thousand steps are no part of a
 * pause.
 */
const stepMilliseconds = 1e-6;

/**
 * A registry whose every request on one shared tag is a step of fast-check's scheduler. Time is the
 * number of steps. It knows which writers are between their read and their write, so that a pause
 * can be said to outlast them.
 */
export class Model {
  readonly registry = new MemoryRegistry();
  readonly image: Descriptor = this.registry.pushImage();
  readonly #world: World;
  readonly #tag: string;
  /** every document that was shown to one */
  readonly #shown = new Map<string, Document[]>();
  readonly #windows = new Map<string, Window>();
  /** step at which the n-th document of the tag arrived */
  readonly #arrived: number[] = [];
  /** no read shows what was overwritten before this step */
  #freshSince = 0;
  #time = 0;
  /** milliseconds that each signer has slept */
  readonly #slept = new Map<string, number>();
  #reads = 0;
  #writes = 0;

  constructor(world: World) {
    this.#world = world;
    this.#tag = this.image.digest.replace(':', '-') + (world.format === 'legacy' ? '.sig' : '');
  }

  /**
   * One of ours: the real store. Answers true when it reported its signature as kept; after many
   * broken connections it may say "lost".
   */
  async signer(name: string): Promise<boolean> {
    const now = () => (this.#slept.get(name) ?? 0) + this.#time * stepMilliseconds;
    const sleep = (milliseconds: number) => this.#sleep(name, milliseconds);
    const store = openStore(this.#client(name), this.image.digest, {
      clock: { now },
      deadline: { remaining: () => Number.POSITIVE_INFINITY, sleep },
      random: () => 0.5,
      memory: new RunMemory(),
    });
    const text = Buffer.from(name);
    try {
      const attachment = await (this.#world.format === 'bundle'
        ? store.attachBundle(this.image, text, zeroTime)
        : store.attachLegacy(Buffer.from('payload'), { by: name }));
      await attachment.kept;
      return true;
    } catch (caught) {
      const honest =
        caught instanceof Failure &&
        caught.code === 'signature-lost' &&
        (caught.cause as Failure).code === 'network';
      if (!honest) throw caught;
      return false;
    } finally {
      this.#close(name);
    }
  }

  /**
   * cosign: reads, and later writes what it read with its own entry added, whatever has happened
   * since.
   */
  async cosign(name: string): Promise<void> {
    const { before, put } = await this.#readEntries(name);
    await put([...before, this.#entry(name)]);
    this.#close(name);
  }

  /** What one would write first: read, add, write, read back once, and again until it is there. */
  async naive(name: string): Promise<boolean> {
    for (;;) {
      const { before, put } = await this.#readEntries(name);
      if (before.some((entry) => this.#isBy(entry, name))) {
        this.#close(name);
        return true;
      }
      await put([...before, this.#entry(name)]);
    }
  }

  /** Who is in the document under the tag. */
  survivors(names: readonly string[]): string[] {
    return this.#namesIn(this.registry.json(this.#tag), names);
  }

  /** Whose entries this one's reads have shown. */
  shownTo(name: string, names: readonly string[]): string[] {
    const documents = this.#shown.get(name) ?? [];
    return names.filter((other) =>
      documents.some((document) => this.#namesIn(document, [other]).length > 0),
    );
  }

  #namesIn(document: Document | undefined, names: readonly string[]): string[] {
    const entries = document?.manifests ?? document?.layers ?? [];
    return names.filter((name) => entries.some((entry) => this.#isBy(entry, name)));
  }

  async #readEntries(name: string) {
    const client = this.#client(name);
    const fetched = await client.getManifest(this.#tag);
    const document = fetched && JSON.parse(String(fetched.bytes));
    const before: object[] = document?.manifests ?? document?.layers ?? [];
    const put = async (entries: readonly object[]) => {
      const isBundle = this.#world.format === 'bundle';
      const mediaType = isBundle ? mediaTypes.ociIndex : mediaTypes.ociManifest;
      const config = Buffer.from(JSON.stringify(entries));
      this.registry.blobs.set(digestOf(config), config);
      const list = isBundle
        ? { manifests: entries }
        : {
            config: {
              mediaType: mediaTypes.ociConfig,
              digest: digestOf(config),
              size: config.length,
            },
            layers: entries,
          };
      await client
        .putManifest(
          this.#tag,
          Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...list })),
          mediaType,
        )
        .catch(() => false);
    };
    return { before, put };
  }

  #entry(name: string): object {
    const bytes = Buffer.from(this.#world.format === 'bundle' ? name : 'payload');
    for (const blob of [bytes, Buffer.from('{}')]) this.registry.blobs.set(digestOf(blob), blob);
    if (this.#world.format === 'legacy') return signatureLayer(bytes, { by: name });
    const made = referrerManifest(this.image, bytes, zeroTime);
    this.registry.write(made.digest, made.bytes, mediaTypes.ociManifest);
    return made.entry;
  }

  #isBy(entry: object, name: string): boolean {
    const ours = this.#entry(name) as { digest: string; annotations?: { by?: string } };
    const other = entry as typeof ours;
    return ours.digest === other.digest && ours.annotations?.by === other.annotations?.by;
  }

  #client(name: string): Repository {
    const plain = this.registry.client();
    return {
      ...plain,
      getManifest: async (reference) => {
        if (reference !== this.#tag) return plain.getManifest(reference);
        await this.#step(`${name} reads`);
        return this.#read(name);
      },
      putManifest: async (reference, bytes, mediaType, condition) => {
        if (reference !== this.#tag)
          return plain.putManifest(reference, bytes, mediaType, condition);
        if (!this.#windows.has(name)) throw new Error(`${name} writes without having read`);
        await this.#step(`${name} writes`);
        this.#write(Buffer.from(bytes), mediaType);
        this.#close(name);
        return true;
      },
    };
  }

  #read(name: string) {
    const versions = this.registry.history.get(this.#tag) ?? [];
    const back = this.#world.stale[this.#reads++] ?? 0;
    let index = versions.length - 1;
    for (let n = 0; n < back && index >= 0 && (this.#arrived[index] ?? 0) > this.#freshSince; n++)
      index--;
    // What is current is true now; what has been replaced was true until just before.
    const since =
      index === versions.length - 1 ? this.#time : (this.#arrived[index + 1] ?? 0) - 0.5;
    this.#close(name);
    this.#windows.set(name, { since, closed: Promise.withResolvers() });
    const answer = index < 0 ? undefined : this.registry.read(this.#tag, versions[index]);
    if (answer !== undefined)
      this.#shown.set(name, [...(this.#shown.get(name) ?? []), JSON.parse(String(answer.bytes))]);
    return answer;
  }

  #write(bytes: Buffer, mediaType: string): void {
    const fate = this.#world.fates[this.#writes++] ?? 'applied';
    if (fate.startsWith('applied')) {
      this.registry.write(this.#tag, bytes, mediaType);
      this.#arrived.push(this.#time);
    }
    if (fate === 'refused' || fate === 'applied, answer lost')
      throw new Failure('network', 'reset', 'test');
  }

  /**
   * The rest of a pause, which began when a document was written or first seen. In its first part
   * every writer finishes whose knowledge is from before it began, and nobody gains such knowledge
   * any more; when its second part is over, reads show what was there when the second part began,
   * or later.
   */
  async #sleep(name: string, milliseconds: number): Promise<void> {
    this.#close(name);
    const start = this.#beginOfPause(milliseconds);
    await this.#step(`${name} sleeps`);
    this.#slept.set(name, (this.#slept.get(name) ?? 0) + milliseconds);
    if (start === undefined || !this.#world.pausesOutlastWriters) return;
    for (;;) {
      const early = [...this.#windows.values()].filter(({ since }) => since < start);
      if (early.length === 0) break;
      await Promise.all(early.map(({ closed }) => closed.promise));
    }
    this.#freshSince = Math.max(this.#freshSince, start);
    const fresh = this.#time;
    await this.#step(`${name} wakes`);
    this.#freshSince = Math.max(this.#freshSince, fresh);
  }

  /**
   * The step at which a pause began of which so much is left; undefined for a sleep that is none.
   */
  #beginOfPause(left: number): number | undefined {
    for (const whole of Object.values(pauses)) {
      const gone = Math.round((whole - left) / stepMilliseconds);
      if (gone >= 0 && gone <= this.#time) return this.#time - gone;
    }
    return undefined;
  }

  #close(name: string): void {
    this.#windows.get(name)?.closed.resolve();
    this.#windows.delete(name);
  }

  async #step(label: string): Promise<void> {
    if (this.#time > 2_000) throw new Error('this does not end');
    await this.#world.scheduler.schedule(Promise.resolve(), label);
    this.#time++;
  }
}
