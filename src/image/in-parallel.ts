/**
 * Runs `work` for every item, at most `limit` at a time, and keeps the order of the results.
 * The first rejection rejects the whole; items that have not been started by then are not.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const worker = async () => {
    while (!failed && next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/**
 * Hands things on in the order of their keys, each as soon as it and all before it have come.
 * @returns takes the key of a thing, and the thing
 */
export function inOrder<K, T>(
  keys: readonly K[],
  handOn: (thing: T) => void,
): (key: K, thing: T) => void {
  const order = [...new Set(keys)];
  const waiting = new Map<K, T>();
  let next = 0;
  return (key, thing) => {
    waiting.set(key, thing);
    for (; next < order.length && waiting.has(order[next] as K); next++)
      handOn(waiting.get(order[next] as K) as T);
  };
}
