import { open } from 'node:fs/promises';

/**
 * Reads at most `maxBytes` of a regular file, so that neither a device nor a large file named by
 * mistake fills the memory. Throws as node:fs does.
 */
export async function readKeyFile(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, 'r');
  if (!(await file.stat()).isFile())
    throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
  const { buffer, bytesRead } = await file.read({
    buffer: Buffer.alloc(maxBytes),
    position: 0,
    length: maxBytes,
  });
  return buffer.subarray(0, bytesRead);
}
