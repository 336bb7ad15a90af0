import { createHash } from 'node:crypto';

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The hash of a leaf (RFC 6962, 2.1): the prefix 0 keeps a leaf from being read as a node. */
export const leafHash = (leaf: Uint8Array): Buffer => sha256(Buffer.from([0]), leaf);
const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer =>
  sha256(Buffer.from([1]), left, right);

/**
 * A growing Merkle tree (RFC 6962, 2.1). Complete subtrees are kept, so every size up to the
 * present one can be asked for.
 */
export class MerkleTree {
  /** levels[k][i] is the hash of the complete subtree over the leaves i·2^k to (i+1)·2^k - 1. */
  readonly levels: Buffer[][] = [[]];

  get size(): number {
    return this.levels[0]?.length ?? 0;
  }

  /** Adds the hash of a leaf; returns its index. */
  append(hash: Buffer): number {
    const index = this.size;
    let current = hash;
    for (let level = 0; ; level++) {
      this.levels[level] ??= [];
      const row = this.levels[level] as Buffer[];
      row.push(current);
      if (row.length % 2 === 1) return index;
      current = nodeHash(row[row.length - 2] as Buffer, current);
    }
  }

  /** The root hash of the first `size` leaves. */
  root(size: number = this.size): Buffer {
    return size === 0 ? sha256() : this.#subtree(0, size);
  }

  /**
   * The audit path of the leaf `index` in the tree of `size` leaves (RFC 6962, 2.1.1), nearest
   * sibling first.
   */
  inclusionProof(index: number, size: number = this.size): Buffer[] {
    if (index < 0 || index >= size || size > this.size) throw new RangeError('no such leaf');
    return this.#path(index, 0, size);
  }

  /** The consistency proof between two sizes (RFC 6962, 2.1.2). */
  consistencyProof(first: number, last: number): Buffer[] {
    if (first < 1 || first > last || last > this.size) throw new RangeError('no such sizes');
    return first === last ? [] : this.#consistency(first, 0, last, true);
  }

  #path(index: number, start: number, end: number): Buffer[] {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    if (index < middle) return [...this.#path(index, start, middle), this.#subtree(middle, end)];
    return [...this.#path(index, middle, end), this.#subtree(start, middle)];
  }

  #consistency(first: number, start: number, end: number, whole: boolean): Buffer[] {
    if (first === end) return whole ? [] : [this.#subtree(start, end)];
    const middle = start + split(end - start);
    if (first <= middle)
      return [...this.#consistency(first, start, middle, whole), this.#subtree(middle, end)];
    return [...this.#consistency(first, middle, end, false), this.#subtree(start, middle)];
  }

  #subtree(start: number, end: number): Buffer {
    const width = end - start;
    const level = Math.log2(width);
    const kept =
      Number.isInteger(level) && start % width === 0
        ? this.levels[level]?.[start / width]
        : undefined;
    if (kept) return kept;
    const middle = start + split(width);
    return nodeHash(this.#subtree(start, middle), this.#subtree(middle, end));
  }
}

/** The largest power of two below `width`. */
function split(width: number): number {
  let power = 1;
  while (power * 2 < width) power *= 2;
  return power;
}
