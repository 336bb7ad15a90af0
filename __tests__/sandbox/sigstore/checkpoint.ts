import { createHash, type KeyObject, sign } from 'node:crypto';
import { spkiOf } from './keys.ts';

/** The identifier of a log: SHA-256 of its key's SubjectPublicKeyInfo (RFC 6962, 3.2). */
export const logIdOf = (key: KeyObject): Buffer =>
  createHash('sha256').update(spkiOf(key)).digest();

/**
 * A signed checkpoint: the tree head as a C2SP signed note. `origin`, size and base64 root hash, a
 * line each; an empty line; `— name base64(hint || signature)`. The hint of an ECDSA key is the
 * first four bytes of the log's identifier, as both versions of Rekor have it.
 */
export function signedCheckpoint(
  log: { origin: string; name: string; key: KeyObject },
  size: number,
  rootHash: Uint8Array,
): string {
  const text = `${log.origin}\n${size}\n${Buffer.from(rootHash).toString('base64')}\n`;
  const signature = sign('sha256', Buffer.from(text), log.key);
  const line = Buffer.concat([logIdOf(log.key).subarray(0, 4), signature]).toString('base64');
  return `${text}\n— ${log.name} ${line}\n`;
}
