/**
 * The log of the public-good instance that search.sigstore.dev shows (Rekor v1,
 * `rekor.sigstore.dev`), as hex of its key's sha256.
 */
const publicGoodLog = 'c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d';

/**
 * Where a person can look at a log entry. The checked log id decides, not an address: other logs
 * have no such page.
 */
export function logPage(
  entry: { readonly tlogIndex?: number; readonly logId?: string } | undefined,
): string | undefined {
  if (entry?.tlogIndex === undefined || entry.logId !== publicGoodLog) return undefined;
  return `https://search.sigstore.dev/?logIndex=${entry.tlogIndex}`;
}
