import type { SigstoreWorld } from '../sigstore/world.ts';

/**
 * The body of an entry, read from the log itself by its index, as anybody can who knows nothing of
 * the signature.
 */
export async function loggedEntry(
  sigstore: SigstoreWorld,
  version: 1 | 2,
  index: number,
): Promise<string> {
  return version === 1
    ? entryOfRekor1(sigstore.rekorUrl, index)
    : entryOfRekor2(sigstore.rekor2Url, index);
}

async function entryOfRekor1(url: string, index: number): Promise<string> {
  const answer = await fetch(`${url}/api/v1/log/entries?logIndex=${index}`);
  const [entry] = Object.values((await answer.json()) as Record<string, { body: string }>);
  return Buffer.from(entry?.body ?? '', 'base64').toString();
}

/**
 * https://github.com/C2SP/C2SP/blob/main/tlog-tiles.md: a bundle of 256 entries, each behind its
 * length in two bytes.
 */
async function entryOfRekor2(url: string, index: number): Promise<string> {
  const checkpoint = await (await fetch(`${url}/api/v2/checkpoint`)).text();
  const size = Number(checkpoint.split('\n')[1]);
  const tile = Math.floor(index / 256);
  const path = `${String(tile).padStart(3, '0')}${size >= (tile + 1) * 256 ? '' : `.p/${size % 256}`}`;
  const bytes = Buffer.from(
    await (await fetch(`${url}/api/v2/tile/entries/${path}`)).arrayBuffer(),
  );
  let offset = 0;
  for (let skipped = index % 256; skipped > 0; skipped--) offset += 2 + bytes.readUInt16BE(offset);
  return bytes.subarray(offset + 2, offset + 2 + bytes.readUInt16BE(offset)).toString();
}
