import { strangeAnswer } from './ask.ts';

/**
 * An ECDSA signature as two numbers side by side (IEEE P1363, JWS) in DER (RFC 3279, 2.2.3), as
 * verifiers of images read it.
 * @param size bytes of each number: 32 for P-256, 48 for P-384
 * @throws {Failure} `kms-error` when the length does not fit
 */
export function derOfRaw(raw: Buffer, size: number, service: string): Buffer {
  if (raw.length !== 2 * size)
    throw strangeAnswer(service, `with a signature of ${raw.length} bytes in place of ${2 * size}`);
  const content = Buffer.concat([integer(raw.subarray(0, size)), integer(raw.subarray(size))]);
  // At most 2 · (2 + 49) bytes: the short form of the length is enough.
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const number = bytes.subarray(start);
  const padded = (number[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), number]) : number;
  return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
}
