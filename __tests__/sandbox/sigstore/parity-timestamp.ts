import { context, octetString, oid, sequence } from './der.ts';
import { type Body, post, rows, type Sender } from './parity-case.ts';
import { base64, type Json, timestampQuery } from './well-formed.ts';

const stamp =
  (
    make: () => Body,
    type = 'application/timestamp-query',
    headers: Record<string, string> = {},
  ): Sender =>
  ({ timestampUrl }) =>
    post(timestampUrl, make(), type, headers);
const jsonQuery = (): Json => ({
  artifactHash: base64(Buffer.alloc(32, 7)),
  hashAlgorithm: 'sha256',
  nonce: 0x1122334455,
  certificates: true,
});
const oneExtension = (): Buffer =>
  context(0, sequence(oid('1.2.3.4'), octetString(Buffer.from([5, 0]))));

export const timestampCases = rows('timestamp', {
  'a timestamp': stamp(() => timestampQuery()),
  'without certificates': stamp(() => timestampQuery({ certificates: false })),
  'without nonce': stamp(() => timestampQuery({ nonce: false })),
  'a negative nonce': stamp(() =>
    timestampQuery({ nonce: false, rest: Buffer.from([2, 1, 0xfb]), certificates: false }),
  ),
  'a nonce of 20 bytes': stamp(() => timestampQuery({ nonce: Buffer.alloc(20, 0xee) })),
  'a nonce of zero': stamp(() => timestampQuery({ nonce: Buffer.alloc(1) })),
  'SHA-384': stamp(() => timestampQuery({ hash: 'sha384' })),
  'SHA-512': stamp(() => timestampQuery({ hash: 'sha512' })),
  'SHA-224': stamp(() => timestampQuery({ hash: 'sha224' })),
  'SHA-1': stamp(() => timestampQuery({ hash: 'sha1' })),
  MD5: stamp(() => timestampQuery({ hash: 'md5' })),
  'a digest of another length': stamp(() => timestampQuery({ digest: Buffer.alloc(20) })),
  'another version': stamp(() => timestampQuery({ version: 2 })),
  'the policy of the authority': stamp(() => timestampQuery({ policy: '1.3.6.1.4.1.57264.2' })),
  'another policy': stamp(() => timestampQuery({ policy: '1.2.3.4' })),
  'an extension': stamp(() => timestampQuery({ rest: oneExtension() })),
  'a byte too many': stamp(() => Buffer.concat([timestampQuery(), Buffer.alloc(1)])),
  'a byte too few': stamp(() => timestampQuery().subarray(0, -1)),
  'no DER': stamp(() => 'hello'),
  'an empty body': stamp(() => ''),
  'DER as JSON': stamp(() => timestampQuery(), 'application/json'),
  'JSON as DER': stamp(jsonQuery),
  'a JSON query': stamp(jsonQuery, 'application/json'),
  'a JSON query with MD5': stamp(
    () => ({ ...jsonQuery(), hashAlgorithm: 'md5' }),
    'application/json',
  ),
  'an empty JSON query': stamp(() => ({}), 'application/json'),
  'half a JSON query': stamp(() => '{', 'application/json'),
  'text/plain': stamp(() => timestampQuery(), 'text/plain'),
  'no content type': stamp(() => timestampQuery(), ''),
  'an answer in JSON': stamp(() => timestampQuery(), undefined, { accept: 'application/json' }),
  'an answer as a reply': stamp(() => timestampQuery(), undefined, {
    accept: 'application/timestamp-reply',
  }),
  GET: ({ timestampUrl }) => fetch(timestampUrl),
  'an unknown path': ({ timestampUrl }) => fetch(`${timestampUrl}x`),
  'the chain': ({ timestampUrl }) => fetch(`${timestampUrl}/certchain`),
});
