import { sign } from 'node:crypto';
import { dsse } from '@sigstore/core';
import { type Body, bent, post, rows, type Sender } from './parity-case.ts';
import { certificateOf } from './parity-fulcio.ts';
import {
  base64,
  dsseEntry,
  envelope,
  hashedRekord,
  hashedRekordRequest,
  keyOf,
  publicPem,
} from './well-formed.ts';

const entries = '/api/v1/log/entries';
const propose =
  (make: () => Body, type?: string): Sender =>
  ({ rekorUrl }) =>
    post(rekorUrl + entries, make(), type);
const get =
  (path: string, headers: Record<string, string> = {}): Sender =>
  ({ rekorUrl }) =>
    fetch(rekorUrl + path, { headers });
const bentRekord = (path: string, value?: unknown): Sender =>
  propose(() => bent(hashedRekord(), path, value));
const bentEnvelope = (bend: (content: ReturnType<typeof envelope>) => object): Sender =>
  propose(() => dsseEntry(bend(envelope())));
const proposed = 'spec.proposedContent';

/** Proposes an entry, then asks for it by what the answer said of it. */
const thenGet =
  (path: (uuid: string, logIndex: number) => string): Sender =>
  async (world) => {
    const answer = (await (await propose(() => hashedRekord())(world)).json()) as Record<
      string,
      { logIndex: number }
    >;
    const [[uuid, { logIndex }] = ['', { logIndex: -1 }]] = Object.entries(answer);
    return fetch(world.rekorUrl + path(uuid, logIndex));
  };

export const rekorCases = rows('rekor', {
  'a dsse entry': propose(() => dsseEntry()),
  'a dsse entry with a certificate': async (world) =>
    post(world.rekorUrl + entries, dsseEntry(envelope(), (await certificateOf(world)).toString())),
  'a hashedrekord entry': propose(() => hashedRekord()),
  'a hashedrekord entry with a certificate': async (world) =>
    post(
      world.rekorUrl + entries,
      hashedRekord(keyOf('P-256'), 'sha256', (await certificateOf(world)).toString()),
    ),
  'a content type with a character set': propose(
    () => hashedRekord(),
    'application/json; charset=utf-8',
  ),
  'text/plain': propose(() => hashedRekord(), 'text/plain'),
  'no content type': propose(() => hashedRekord(), ''),
  'an empty body': propose(() => ''),
  'an empty object': propose(() => ({})),
  null: propose(() => 'null'),
  'half a body': propose(() => '{'),
  'no JSON': propose(() => 'nope'),
  'an array': propose(() => []),
  'a text': propose(() => '"x"'),
  'an unknown kind': bentRekord('kind', 'nope'),
  'no version': bentRekord('apiVersion'),
  'a version that is none': bentRekord('apiVersion', 'x'),
  'an unknown version': bentRekord('apiVersion', '0.0.9'),
  'no spec': bentRekord('spec'),
  'an unknown field': bentRekord('spec.more', 1),
  'no data': bentRekord('spec.data'),
  'no hash': bentRekord('spec.data.hash'),
  'no hash algorithm': bentRekord('spec.data.hash.algorithm'),
  'an unknown hash algorithm': bentRekord('spec.data.hash.algorithm', 'md5'),
  'no hash value': bentRekord('spec.data.hash.value'),
  'a short hash': bentRekord('spec.data.hash.value', '00'),
  'a hash that is not hex': bentRekord('spec.data.hash.value', 'z'.repeat(64)),
  'another hash': bentRekord('spec.data.hash.value', '0'.repeat(64)),
  'no signature': bentRekord('spec.signature'),
  'no signature content': bentRekord('spec.signature.content'),
  'a signature that is not base64': bentRekord('spec.signature.content', '***'),
  'a signature that is not DER': bentRekord('spec.signature.content', 'AAAA'),
  'no key': bentRekord('spec.signature.publicKey'),
  'no key content': bentRekord('spec.signature.publicKey.content'),
  'a key that is not base64': bentRekord('spec.signature.publicKey.content', '**'),
  'a key that is not PEM': bentRekord('spec.signature.publicKey.content', base64('nope')),
  'another key': bentRekord('spec.signature.publicKey.content', base64(publicPem(keyOf('P-384')))),
  'P-384 with SHA-384': propose(() => hashedRekord(keyOf('P-384'), 'sha384')),
  'P-384 with SHA-256': propose(() => hashedRekord(keyOf('P-384'), 'sha256')),
  'P-256 with SHA-512': propose(() => hashedRekord(keyOf('P-256'), 'sha512')),
  'P-521 with SHA-512': propose(() => hashedRekord(keyOf('P-521'), 'sha512')),
  'RSA 2048': propose(() => hashedRekord(keyOf('rsa-2048'))),
  'RSA 1024': propose(() => hashedRekord(keyOf('rsa-1024'))),
  Ed25519: propose(() => hashedRekord(keyOf('ed25519'), 'sha512')),
  'a curve of another family': propose(() => hashedRekord(keyOf('secp256k1'))),
  'dsse: P-384 with SHA-256': propose(() =>
    dsseEntry(envelope(keyOf('P-384'), 'sha256'), publicPem(keyOf('P-384'))),
  ),
  'dsse: P-384 with SHA-384': propose(() =>
    dsseEntry(envelope(keyOf('P-384'), 'sha384'), publicPem(keyOf('P-384'))),
  ),
  'dsse: RSA 2048': propose(() =>
    dsseEntry(envelope(keyOf('rsa-2048')), publicPem(keyOf('rsa-2048'))),
  ),
  'dsse: Ed25519': propose(() =>
    dsseEntry(envelope(keyOf('ed25519'), null), publicPem(keyOf('ed25519'))),
  ),
  'dsse: a curve of another family': propose(() =>
    dsseEntry(envelope(keyOf('secp256k1')), publicPem(keyOf('secp256k1'))),
  ),
  'dsse: another payload': bentEnvelope((content) => ({ ...content, payload: base64('other') })),
  'dsse: another key': propose(() => dsseEntry(envelope(), publicPem(keyOf('P-384')))),
  'dsse: no signatures': bentEnvelope((content) => ({ ...content, signatures: [] })),
  'dsse: one signature without a key': bentEnvelope((content) => ({
    ...content,
    signatures: [...content.signatures, ...envelope(keyOf('rsa-2048')).signatures],
  })),
  'dsse: an envelope that is no JSON': propose(() =>
    bent(dsseEntry(), `${proposed}.envelope`, 'nope'),
  ),
  'dsse: an envelope that is null': propose(() =>
    bent(dsseEntry(), `${proposed}.envelope`, 'null'),
  ),
  'dsse: an envelope that is an array': propose(() =>
    bent(dsseEntry(), `${proposed}.envelope`, '[]'),
  ),
  'dsse: an envelope that is an object': propose(() =>
    bent(dsseEntry(), `${proposed}.envelope`, {}),
  ),
  'dsse: a payload that is a number': bentEnvelope((content) => ({ ...content, payload: 1 })),
  'dsse: a payload that is not base64': bentEnvelope((content) => ({ ...content, payload: '***' })),
  'dsse: signatures that are none': bentEnvelope((content) => ({ ...content, signatures: [1] })),
  'dsse: a signature without content': bentEnvelope((content) => ({
    ...content,
    signatures: [{}],
  })),
  'dsse: a signature that is not base64': bentEnvelope((content) => ({
    ...content,
    signatures: [{ sig: '***' }],
  })),
  'dsse: a signature with a key id': bentEnvelope((content) => ({
    ...content,
    signatures: [{ ...content.signatures[0], keyid: 'mine' }],
  })),
  'dsse: a key twice': propose(() =>
    bent(
      dsseEntry(),
      `${proposed}.verifiers`,
      [publicPem(keyOf('P-256')), publicPem(keyOf('P-256'))].map(base64),
    ),
  ),
  'dsse: a key that signed nothing in second place': propose(() =>
    bent(
      dsseEntry(),
      `${proposed}.verifiers`,
      [publicPem(keyOf('P-256')), publicPem(keyOf('P-384'))].map(base64),
    ),
  ),
  'dsse: a key that signed nothing in first place': propose(() =>
    bent(
      dsseEntry(),
      `${proposed}.verifiers`,
      [publicPem(keyOf('P-384')), publicPem(keyOf('P-256'))].map(base64),
    ),
  ),
  'dsse: two signatures by two keys': propose(() => {
    const one = envelope();
    const message = dsse.preAuthEncoding(
      'application/vnd.in-toto+json',
      Buffer.from(one.payload, 'base64'),
    );
    const sig = base64(sign('sha256', message, keyOf('rsa-2048')));
    const entry = dsseEntry({ ...one, signatures: [...one.signatures, { sig }] });
    return bent(
      entry,
      `${proposed}.verifiers`,
      [publicPem(keyOf('P-256')), publicPem(keyOf('rsa-2048'))].map(base64),
    );
  }),
  'a spec that is a text': bentRekord('spec', 'x'),
  'a spec that is an array': bentRekord('spec', []),
  'a signature as two numbers of one length': propose(() =>
    hashedRekord(keyOf('P-256'), 'sha256', undefined, 'ieee-p1363'),
  ),
  'dsse: no envelope': propose(() => bent(dsseEntry(), `${proposed}.envelope`)),
  'dsse: no verifiers': propose(() => bent(dsseEntry(), `${proposed}.verifiers`)),
  'dsse: an empty list of verifiers': propose(() => bent(dsseEntry(), `${proposed}.verifiers`, [])),
  'dsse: a verifier that is not base64': propose(() =>
    bent(dsseEntry(), `${proposed}.verifiers`, ['**']),
  ),
  'dsse: a verifier that is not PEM': propose(() => dsseEntry(envelope(), 'nope')),
  'dsse: no proposed content': propose(() => bent(dsseEntry(), proposed)),
  'the entry by UUID': thenGet((uuid) => `${entries}/${uuid}`),
  'the entry by UUID without tree': thenGet((uuid) => `${entries}/${uuid.slice(16)}`),
  'the entry by index': thenGet((_, index) => `${entries}?logIndex=${index}`),
  'the UUID in another tree': thenGet((uuid) => `${entries}/${'1'.repeat(16)}${uuid.slice(16)}`),
  'an unknown UUID': get(`${entries}/${'0'.repeat(64)}`),
  'a UUID that is none': get(`${entries}/zz`),
  'an unknown index': get(`${entries}?logIndex=9999999`),
  'no index': get(entries),
  'an index that is none': get(`${entries}?logIndex=abc`),
  'a negative index': get(`${entries}?logIndex=-1`),
  'an answer in plain text': get(`${entries}?logIndex=0`, { accept: 'text/plain' }),
  'the tree head': get('/api/v1/log'),
  'the public key': get('/api/v1/log/publicKey'),
  'a consistency proof': get('/api/v1/log/proof?firstSize=1&lastSize=3'),
  'a consistency proof backwards': get('/api/v1/log/proof?firstSize=3&lastSize=1'),
  'a consistency proof too far': get('/api/v1/log/proof?firstSize=1&lastSize=999999'),
  'PUT entries': ({ rekorUrl }) =>
    fetch(rekorUrl + entries, {
      method: 'PUT',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    }),
  'a path of v2': get('/api/v2/checkpoint'),
  'an entry for v2': ({ rekorUrl }) =>
    post(
      `${rekorUrl}/api/v2/log/entries`,
      hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256'),
    ),
});
