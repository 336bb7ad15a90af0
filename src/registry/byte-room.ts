/**
 * Memory that many share: so many bytes at once, and who comes later waits for those before. More
 * than all of it is granted alone.
 */
export class ByteRoom {
  readonly #all: number;
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly enter: () => void }[] = [];

  constructor(bytes: number) {
    this.#all = bytes;
    this.#free = bytes;
  }

  /** Does some work that holds so many bytes until it is done. */
  async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.#all);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes: taken, enter: resolve });
    this.#letIn();
    await promise;
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#letIn();
    }
  }

  #letIn(): void {
    for (
      let [next] = this.#waiting;
      next !== undefined && next.bytes <= this.#free;
      [next] = this.#waiting
    ) {
      this.#waiting.shift();
      this.#free -= next.bytes;
      next.enter();
    }
  }
}
