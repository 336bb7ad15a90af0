import { asFailure, type Failure } from '../failure.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { type Addition, PendingEntries } from './pending-entries.ts';
import type { FetchedManifest, Repository } from './repository.ts';
import { RewritePause, type RewriteTools } from './rewrite-pause.ts';
import {
  emptyTag,
  type JsonObject,
  mergeEntries,
  type TagContent,
  type TagKind,
} from './tag-document.ts';
import { foreignTag, immutableTag, signatureLost } from './tag-failures.ts';

/** Failures that may pass; a write is then begun again with a fresh read. */
const passing: readonly string[] = ['network', 'registry-error'];
const maxTrouble = 5;
const maxRepairs = 12;

/**
 * A tag that many signers write without a lock. All writers of this run go through one object,
 * which remembers every entry it has ever read there, and puts back what others have overwritten.
 * The protocol and its argument are in docs/lossless-writes.md.
 */
export class SharedTag {
  readonly name: string;
  readonly #reference: string;
  readonly #kind: TagKind;
  readonly #repository: Repository;
  readonly #rewritePause: RewritePause;
  /** every entry that any read has shown, by key, as it stood at the latest read */
  readonly #memory = new Map<string, JsonObject>();
  readonly #ours = new Map<string, JsonObject>();
  readonly #pushedConfigs = new Set<Digest>();
  readonly #open = new Set<PendingEntries>();
  #rest: JsonObject | undefined;
  #working = false;
  #wake = Promise.withResolvers<void>();
  #detours = 0;
  #collisions = 0;
  #trouble = 0;
  #repairs = 0;
  #refusedAt: Digest | 'nothing' | undefined;
  #unconditional = false;

  constructor(name: string, kind: TagKind, repository: Repository, tools: RewriteTools) {
    this.name = name;
    this.#kind = kind;
    this.#repository = repository;
    this.#rewritePause = new RewritePause(tools);
    this.#reference = `${repository.name.registry}/${repository.name.repository}:${name}`;
  }

  /**
   * Reads the tag and remembers its entries. `foreign` says why what lies there is not ours to read
   * or write.
   * @throws {Failure} of the registry; `too-large`
   */
  async look(): Promise<
    | { fetched?: FetchedManifest; content: TagContent }
    | { fetched: FetchedManifest; foreign: string }
  > {
    const fetched = await this.#rewritePause.timed(() => this.#repository.getManifest(this.name));
    this.#rewritePause.saw(fetched?.digest);
    if (fetched === undefined) return { content: emptyTag };
    const content = this.#kind.parse(fetched);
    if ('foreign' in content) return { fetched, foreign: content.foreign };
    this.#rest = content.rest;
    for (const entry of content.entries) this.#memory.set(this.#kind.key(entry), entry);
    return { fetched, content };
  }

  /**
   * Pushes the config that adding these entries will need, if nobody else has written since the
   * last read: to be done beside other work, before `add`.
   */
  async prepare(coming: Promise<readonly JsonObject[]>): Promise<void> {
    const config = coming.then((entries) => {
      const ours = new Map([
        ...this.#ours,
        ...entries.map((entry) => [this.#kind.key(entry), entry] as const),
      ]);
      const { config } = this.#kind.render(
        this.#rest,
        mergeEntries(this.#kind, [...this.#memory.values()], this.#memory, ours),
      );
      if (config === undefined) throw new Error(`${this.#kind.title} has no config to prepare`);
      return config;
    });
    await this.#repository.putBlob(config);
    this.#pushedConfigs.add(digestOf(await config));
  }

  /**
   * Adds entries, and keeps at it until they are seen to stay. Never throws itself; neither promise
   * needs to be awaited.
   * @param ready settles when what the entries point to is in the registry; the tag is read beside
   * it. Its failure ends this addition.
   */
  add(entries: readonly JsonObject[], ready: Promise<unknown> = Promise.resolve()): Addition {
    const added = new PendingEntries(entries, ready);
    for (const entry of entries) this.#ours.set(this.#kind.key(entry), entry);
    this.#open.add(added);
    this.#wake.resolve();
    if (!this.#working) void this.#work();
    return added;
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
    await this.#rewritePause.refuseIfLate();
    const lookedAt = this.#rewritePause.now();
    const look = await this.look();
    if ('foreign' in look) throw foreignTag(this.#reference, this.#kind, look.foreign);
    const { content } = look;
    const open = [...this.#open];
    const missing = open.filter((wanted) => !this.#has(content, wanted));
    for (const wanted of open)
      if (!missing.includes(wanted)) wanted.found(content.digest as Digest);
    if (missing.length > 0 || this.#othersAreMissing(content)) {
      for (const wanted of open) wanted.overwritten();
      if (!(await this.#areReady(open))) return;
      if (!missing.some(({ sent }) => sent) || (await this.#settleCollision()))
        await this.#write(content, open);
      return;
    }
    this.#trouble = 0;
    const pauseEnd = () => this.#rewritePause.pauseEnd(this.#rewritePause.now());
    for (const wanted of open)
      if (wanted.stayed(content.digest as Digest, lookedAt, pauseEnd)) this.#open.delete(wanted);
    await this.#pause();
  }

  /**
   * Waits for what the entries point to. False when one of them will not come, or when waiting took
   * so long that the tag must be read again.
   */
  async #areReady(open: readonly PendingEntries[]): Promise<boolean> {
    const began = this.#rewritePause.now();
    const outcomes = await Promise.allSettled(open.map(({ ready }) => ready));
    open.forEach((wanted, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === 'rejected') this.#giveUp(wanted, outcome.reason);
    });
    return open.every((wanted) => this.#open.has(wanted)) && this.#rewritePause.isFresh(began);
  }

  /**
   * Somebody dropped an entry that is not ours. We put it back too, but not for ever: ours may be
   * safe, and somebody may mean it.
   */
  #othersAreMissing(content: TagContent): boolean {
    const there = new Set(content.entries.map((entry) => this.#kind.key(entry)));
    if ([...this.#memory.keys()].every((key) => there.has(key))) return false;
    this.#rewritePause.crowded();
    return this.#repairs++ < maxRepairs;
  }

  /** Until the next of ours may have stayed, or something new is to be written. */
  async #pause(): Promise<void> {
    const moments = [...this.#open].flatMap(({ due }) => due ?? []);
    if (moments.length > 0)
      await Promise.race([this.#rewritePause.until(Math.min(...moments)), this.#wake.promise]);
  }

  #has(content: TagContent, wanted: PendingEntries): boolean {
    return wanted.entries.every((ours) =>
      content.entries.some((entry) => this.#kind.says(entry, ours)),
    );
  }

  /**
   * Somebody overwrote us. The first time we write at once; from then on only after a jittered wait
   * and a fresh read, or two would alternate forever.
   */
  async #settleCollision(): Promise<boolean> {
    this.#rewritePause.crowded();
    this.#collisions++;
    if (this.#collisions % 2 === 1) return true;
    await this.#rewritePause.backOff(this.#collisions);
    return false;
  }

  async #write(content: TagContent, open: readonly PendingEntries[]): Promise<void> {
    const { bytes, mediaType, config } = this.#kind.render(
      content.rest,
      mergeEntries(this.#kind, content.entries, this.#memory, this.#ours),
    );
    // A request between read and write widens the time in which somebody else's write would be
    // overwritten: read again after it.
    if ((await this.#prepare(content, config)) && this.#detours++ < 2) return;
    this.#detours = 0;
    const written = await this.#repository.putManifest(this.name, bytes, mediaType, {
      ...this.#condition(content),
      once: true,
    });
    if (!written) return this.#refused(content);
    const digest = digestOf(bytes);
    this.#rewritePause.wrote(digest);
    this.#trouble = 0;
    const until = this.#rewritePause.pauseEnd(this.#rewritePause.now());
    for (const wanted of open) wanted.written(digest, until);
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

  /**
   * 412: the tag has moved. If the next read shows the very same document, this registry does not
   * mean it: write without a condition.
   */
  #refused(content: TagContent): void {
    const at = content.digest ?? 'nothing';
    this.#rewritePause.crowded();
    if (this.#refusedAt === at) this.#unconditional = true;
    this.#refusedAt = at;
  }

  /**
   * A registry that cannot do conditions may answer them with an error; one that lost the config
   * says that it is unknown.
   */
  #startOver(): void {
    this.#unconditional = true;
    this.#pushedConfigs.clear();
  }

  /**
   * A failure that may pass costs a wait and a fresh read; any other, or too many, ends it for
   * everything that is on its way.
   */
  async #stumble(failure: Failure): Promise<void> {
    if (passing.includes(failure.code) && ++this.#trouble < maxTrouble) {
      // A write whose answer got lost may have arrived.
      if (failure.code === 'network') for (const wanted of this.#open) wanted.sent = true;
      else if (this.#trouble > 1) this.#startOver();
      this.#rewritePause.crowded();
      try {
        return await this.#rewritePause.backOff(this.#trouble + 2);
      } catch {
        // no time left: give up with the failure that brought us here
      }
    }
    for (const wanted of this.#open) {
      this.#giveUp(
        wanted,
        wanted.sent && !final.includes(failure.code)
          ? signatureLost(this.#reference, this.#kind, failure)
          : this.#told(failure),
      );
    }
  }

  /** The registry does not know what its tag is for. */
  #told(failure: Failure): Failure {
    return failure.code === 'immutable-tag'
      ? immutableTag(this.#reference, this.#kind, failure)
      : failure;
  }

  #giveUp(wanted: PendingEntries, reason: unknown): void {
    this.#open.delete(wanted);
    if (!wanted.sent) for (const entry of wanted.entries) this.#ours.delete(this.#kind.key(entry));
    wanted.reject(reason);
  }
}

/** Failures that say themselves what is wrong. */
const final: readonly string[] = ['signature-lost', 'immutable-tag', 'registry-unsupported'];
