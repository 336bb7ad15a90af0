import type { HashName } from './keys.ts';
import { type Body, bent, post, rows, type Sender } from './parity-case.ts';
import { certificateOf } from './parity-fulcio.ts';
import {
  base64,
  envelope,
  hashedRekordRequest,
  type Json,
  type KeyName,
  keyOf,
  publicPem,
} from './well-formed.ts';

const entries2 = '/api/v2/log/entries';
const p256 = (): Json => hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256');
const request2 =
  (make: () => Body, type?: string): Sender =>
  ({ rekor2Url }) =>
    post(rekor2Url + entries2, make(), type);
const bent2 = (path: string, value?: unknown): Sender =>
  request2(() => bent(p256(), `hashedRekordRequestV002${path}`, value));
const keyed = (key: KeyName, hash: HashName, details: string): Sender =>
  request2(() => hashedRekordRequest(keyOf(key), hash, details));
const get2 =
  (path: string): Sender =>
  ({ rekor2Url }) =>
    fetch(rekor2Url + path);
const verifier = '.signature.verifier';

export const rekor2Cases = rows('rekor2', {
  'an entry with a key': request2(p256),
  'an entry with a certificate': async (world) =>
    post(
      world.rekor2Url + entries2,
      hashedRekordRequest(
        keyOf('P-256'),
        'sha256',
        'PKIX_ECDSA_P256_SHA_256',
        (await certificateOf(world)).raw,
      ),
    ),
  'an equivalent entry': async (world) => {
    const entry = p256();
    await (await post(world.rekor2Url + entries2, entry)).arrayBuffer();
    return post(world.rekor2Url + entries2, entry);
  },
  'text/plain': request2(p256, 'text/plain'),
  'another digest': bent2('.digest', base64(Buffer.alloc(32))),
  'a short digest': bent2('.digest', 'AAAA'),
  'no digest': bent2('.digest'),
  'a digest that is not base64': bent2('.digest', '***'),
  'no signature': bent2('.signature'),
  'no signature content': bent2('.signature.content'),
  'a signature that is not DER': bent2('.signature.content', 'AAAA'),
  'a signature as two numbers of one length': request2(() =>
    hashedRekordRequest(
      keyOf('P-256'),
      'sha256',
      'PKIX_ECDSA_P256_SHA_256',
      undefined,
      'ieee-p1363',
    ),
  ),
  'no verifier': bent2(verifier),
  'no key in the verifier': bent2(`${verifier}.publicKey`),
  'a key that is none': bent2(`${verifier}.publicKey.rawBytes`, 'AAAA'),
  'a key in PEM': bent2(`${verifier}.publicKey.rawBytes`, base64(publicPem(keyOf('P-256')))),
  'key and certificate': bent2(`${verifier}.x509Certificate`, { rawBytes: 'AAAA' }),
  'no key details': bent2(`${verifier}.keyDetails`),
  'other key details': bent2(`${verifier}.keyDetails`, 'PKIX_ECDSA_P384_SHA_384'),
  'unknown key details': bent2(`${verifier}.keyDetails`, 'NOPE'),
  'an unknown field': bent2('.more', 1),
  'P-384 with SHA-384': keyed('P-384', 'sha384', 'PKIX_ECDSA_P384_SHA_384'),
  'P-384 with SHA-256': keyed('P-384', 'sha256', 'PKIX_ECDSA_P384_SHA_256'),
  'P-521 with SHA-512': keyed('P-521', 'sha512', 'PKIX_ECDSA_P521_SHA_512'),
  'RSA 2048': keyed('rsa-2048', 'sha256', 'PKIX_RSA_PKCS1V15_2048_SHA256'),
  'RSA 1024': keyed('rsa-1024', 'sha256', 'PKIX_RSA_PKCS1V15_2048_SHA256'),
  Ed25519: keyed('ed25519', 'sha512', 'PKIX_ED25519'),
  'a curve of another family': keyed('secp256k1', 'sha256', 'PKIX_ECDSA_P256_SHA_256'),
  'a dsse request': request2(() => ({ dsseRequestV002: { envelope: envelope(), verifiers: [] } })),
  'the name of older clients': request2(() => ({
    hashedRekordRequestV0_0_2: p256().hashedRekordRequestV002,
  })),
  'an empty object': request2(() => ({})),
  'an empty body': request2(() => ''),
  'half a body': request2(() => '{'),
  'no JSON': request2(() => 'nope'),
  'an array': request2(() => []),
  'GET entries': get2(entries2),
  'a path of v1': get2('/api/v1/log'),
  'the checkpoint': get2('/api/v2/checkpoint'),
  'a partial tile': get2('/api/v2/tile/0/000.p/1'),
  'a partial bundle of entries': get2('/api/v2/tile/entries/000.p/1'),
  'a whole tile that is not there': get2('/api/v2/tile/1/000'),
  'a tile beyond the tree': get2('/api/v2/tile/0/x001/000'),
  'a tile that is none': get2('/api/v2/tile/x'),
});
