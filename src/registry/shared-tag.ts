import { asFailure, type Failure } from '../failure.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import type { JsonObject } from './json-document.ts';
import type { FetchedManifest, Repository } from './repository.ts';
import { emptyTag, mergeEntries, type TagContent, type TagKind } from './tag-document.ts';
import { foreignTag, signatureLost } from './tag-failures.ts';
import { Tempo, type TempoTools } from './tempo.ts';

/** What became of the entries that were added. */
export interface Addition {
  /** digest of the document in which all of them were first seen, read after the write */
  readonly seen: Promise<Digest>;
  /** settles when they have been seen to stay; rejects with Failure `signature-lost` */
  readonly kept: Promise<void>;
}

/** Entries that are ours, on their way. */
interface Wanted {
  readonly entries: readonly JsonObject[];
  readonly seen: PromiseWithResolvers<Digest>;
  readonly kept: PromiseWithResolvers<void>;
  /** a write that may have arrived held them */
  sent: boolean;
  /** digest of the document at the last look, where they were in it and a whole pause has gone by since */
  lastLook?: Digest | undefined;
  looks: number;
}

/** Failures that may pass; a write is then begun again with a fresh read. */
const passing: readonly string[] = ['network', 'registry-error'];
const maxTrouble = 5;
const maxRepairs = 12;
/** Looks in a row that found our entries, although others keep changing the document. */
const enoughLooks = 12;

/**
 * A tag that many signers write without a lock. All writers of this run go through one object, which remembers every entry it has ever read
 * there, and puts back what others have overwritten. The protocol and its argument are in docs/lossless-writes.md.
 */
export class SharedTag {
  readonly name: string;
  readonly #reference: string;
  readonly #kind: TagKind;
  readonly #repository: Repository;
  readonly #tempo: Tempo;
  /** every entry that any read has shown, by key, as it stood at the latest read */
  readonly #memory = new Map<string, JsonObject>();
  readonly #ours = new Map<string, JsonObject>();
  readonly #pushedConfigs = new Set<Digest>();
  readonly #open = new Set<Wanted>();
  #rest: JsonObject | undefined;
  #working = false;
  #wake = Promise.withResolvers<void>();
  #detours = 0;
  #collisions = 0;
  #trouble = 0;
  #repairs = 0;
  #refusedAt: Digest | 'nothing' | undefined;
  #unconditional = false;

  constructor(name: string, kind: TagKind, repository: Repository, tools: TempoTools) {
    this.name = name;
    this.#kind = kind;
    this.#repository = repository;
    this.#tempo = new Tempo(tools);
    this.#reference = `${repository.name.registry}/${repository.name.repository}:${name}`;
  }

  /**
   * Reads the tag and remembers its entries. `foreign` says why what lies there is not ours to read or write.
   * @throws {Failure} of the registry; `too-large`
   */
  async look(): Promise<{ fetched?: FetchedManifest; content: TagContent } | { fetched: FetchedManifest; foreign: string }> {
    const fetched = await this.#tempo.timed(() => this.#repository.getManifest(this.name));
    this.#tempo.saw(fetched?.digest);
    if (fetched === undefined) return { content: emptyTag };
    const content = this.#kind.parse(fetched);
    if ('foreign' in content) return { fetched, foreign: content.foreign };
    this.#rest = content.rest;
    for (const entry of content.entries) this.#memory.set(this.#kind.key(entry), entry);
    return { fetched, content };
  }

  /** Pushes the config that adding these entries will need, if nobody else has written since the last read: to be done beside other work, before `add`. */
  async prepare(entries: readonly JsonObject[]): Promise<void> {
    const ours = new Map([...this.#ours, ...entries.map((entry) => [this.#kind.key(entry), entry] as const)]);
    const likely = mergeEntries(this.#kind, [...this.#memory.values()], this.#memory, ours);
    await this.#pushConfig(this.#kind.render(this.#rest, likely).config);
  }

  /** Adds entries, and keeps at it until they are seen to stay. Never throws itself; neither promise needs to be awaited. */
  add(entries: readonly JsonObject[]): Addition {
    const seen = Promise.withResolvers<Digest>();
    const kept = Promise.withResolvers<void>();
    // Whoever does not wait for one of the two must not bring the process down.
    seen.promise.catch(() => {});
    kept.promise.catch(() => {});
    for (const entry of entries) this.#ours.set(this.#kind.key(entry), entry);
    this.#open.add({ entries, seen, kept, sent: false, looks: 0 });
    this.#wake.resolve();
    if (!this.#working) void this.#work();
    return { seen: seen.promise, kept: kept.promise };
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#open.size > 0) {
      try {
        await this.#turn();
      } catch (caught) {
        await this.#stumble(asFailure(caught));
      }
    }
    this.#collisions = this.#trouble = this.#repairs = 0;
    this.#working = false;
  }

  /** Read; write if something of ours is missing; otherwise judge whether it stays. */
  async #turn(): Promise<void> {
    this.#wake = Promise.withResolvers();
    this.#tempo.refuseIfLate();
    const look = await this.look();
    if ('foreign' in look) throw foreignTag(this.#reference, this.#kind, look.foreign);
    const { content } = look;
    const open = [...this.#open];
    const missing = open.filter((wanted) => !this.#has(content, wanted));
    for (const wanted of open) if (!missing.includes(wanted)) wanted.seen.resolve(content.digest as Digest);
    if (missing.length > 0 || this.#othersAreMissing(content)) {
      for (const wanted of open) this.#forgetLooks(wanted);
      if (!missing.some(({ sent }) => sent) || (await this.#settleCollision())) await this.#write(content, open);
      return;
    }
    this.#trouble = 0;
    for (const wanted of open) this.#judge(wanted, content.digest as Digest);
    if (this.#open.size > 0) await this.#pause();
  }

  /** Somebody dropped an entry that is not ours. We put it back too, but not for ever: ours may be safe, and somebody may mean it. */
  #othersAreMissing(content: TagContent): boolean {
    const there = new Set(content.entries.map((entry) => this.#kind.key(entry)));
    if ([...this.#memory.keys()].every((key) => there.has(key))) return false;
    this.#tempo.crowded();
    return this.#repairs++ < maxRepairs;
  }

  #judge(wanted: Wanted, digest: Digest): void {
    wanted.looks++;
    // The same bytes a whole pause apart: nobody wrote in between, so whoever writes from now on has read our entry (see the document).
    if (wanted.lastLook === digest || wanted.looks >= enoughLooks) {
      this.#open.delete(wanted);
      wanted.kept.resolve();
    }
    wanted.lastLook = digest;
  }

  async #pause(): Promise<void> {
    const whole = await Promise.race([this.#tempo.pause().then(() => true), this.#wake.promise.then(() => false)]);
    if (!whole) for (const wanted of this.#open) this.#forgetLooks(wanted);
  }

  #forgetLooks(wanted: Wanted): void {
    wanted.lastLook = undefined;
    wanted.looks = 0;
  }

  #has(content: TagContent, wanted: Wanted): boolean {
    return wanted.entries.every((ours) => content.entries.some((entry) => this.#kind.says(entry, ours)));
  }

  /** Somebody overwrote us. The first time we write at once; from then on only after a jittered wait and a fresh read, or two would alternate forever. */
  async #settleCollision(): Promise<boolean> {
    this.#tempo.crowded();
    this.#collisions++;
    if (this.#collisions % 2 === 1) return true;
    await this.#tempo.backOff(this.#collisions);
    return false;
  }

  async #write(content: TagContent, open: readonly Wanted[]): Promise<void> {
    const { bytes, mediaType, config } = this.#kind.render(
      content.rest,
      mergeEntries(this.#kind, content.entries, this.#memory, this.#ours),
    );
    // A request between read and write widens the time in which somebody else's write would be overwritten: read again after it.
    if ((await this.#prepare(content, config)) && this.#detours++ < 2) return;
    this.#detours = 0;
    const written = await this.#repository.putManifest(this.name, bytes, mediaType, { ...this.#condition(content), once: true });
    if (!written) return this.#refused(content);
    this.#tempo.wrote(digestOf(bytes));
    this.#trouble = 0;
    for (const wanted of open) wanted.sent = true;
  }

  /** True when the registry had to be asked or given something. */
  async #prepare(content: TagContent, config: Buffer | undefined): Promise<boolean> {
    const doubt = this.#kind.doubt(content);
    const reason = await doubt;
    if (reason !== undefined) throw foreignTag(this.#reference, this.#kind, reason);
    return (await this.#pushConfig(config)) || doubt !== undefined;
  }

  async #pushConfig(config: Buffer | undefined): Promise<boolean> {
    if (config === undefined || this.#pushedConfigs.has(digestOf(config))) return false;
    await this.#repository.putBlob(config);
    this.#pushedConfigs.add(digestOf(config));
    return true;
  }

  #condition(content: TagContent): { ifMatch?: string; ifNoneMatch?: '*' } {
    if (this.#unconditional) return {};
    if (content.digest === undefined) return { ifNoneMatch: '*' };
    return content.etag === undefined ? {} : { ifMatch: content.etag };
  }

  /** 412: the tag has moved. If the next read shows the very same document, this registry does not mean it: write without a condition. */
  #refused(content: TagContent): void {
    const at = content.digest ?? 'nothing';
    this.#tempo.crowded();
    if (this.#refusedAt === at) this.#unconditional = true;
    this.#refusedAt = at;
  }

  /** A registry that cannot do conditions may answer them with an error; one that lost the config says that it is unknown. */
  #startOver(): void {
    this.#unconditional = true;
    this.#pushedConfigs.clear();
  }

  /** A failure that may pass costs a wait and a fresh read; any other, or too many, ends it for everything that is on its way. */
  async #stumble(failure: Failure): Promise<void> {
    if (passing.includes(failure.code) && ++this.#trouble < maxTrouble) {
      // A write whose answer got lost may have arrived.
      if (failure.code === 'network') for (const wanted of this.#open) wanted.sent = true;
      else if (this.#trouble > 1) this.#startOver();
      this.#tempo.crowded();
      try {
        return await this.#tempo.backOff(this.#trouble + 2);
      } catch {
        // no time left: give up with the failure that brought us here
      }
    }
    for (const wanted of this.#open) {
      const told = wanted.sent && !final.includes(failure.code) ? signatureLost(this.#reference, failure) : failure;
      wanted.seen.reject(told);
      wanted.kept.reject(told);
    }
    this.#open.clear();
  }
}

/** Failures that say themselves what is wrong. */
const final: readonly string[] = ['signature-lost', 'immutable-tag', 'registry-unsupported'];
