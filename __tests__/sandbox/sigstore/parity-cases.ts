import { X509Certificate } from 'node:crypto';
import { context, octetString, oid, sequence } from './der.ts';
import type { HashName } from './keys.ts';
import {
  askToken,
  base64,
  certificateRequest,
  dsseEntry,
  envelope,
  hashedRekord,
  hashedRekordRequest,
  type Json,
  type KeyName,
  keyOf,
  publicPem,
  timestampQuery,
  type World,
} from './well-formed.ts';

/** A request to one service. `sandboxOnly` says why the real stack cannot be asked. */
export interface ParityCase {
  readonly name: string;
  readonly send: (world: World) => Promise<Response>;
  readonly sandboxOnly?: string;
}

type Body = object | string | Uint8Array;
const isBytes = (body: Body): body is string | Uint8Array => typeof body === 'string' || body instanceof Uint8Array;

/** A POST of bytes as they are, or of anything else as JSON; `type` '' sends no content type. */
export function post(url: string, body: Body, type = 'application/json', headers: Record<string, string> = {}): Promise<Response> {
  const bytes = Buffer.from(isBytes(body) ? body : JSON.stringify(body));
  return fetch(url, { method: 'POST', body: bytes, headers: { ...headers, ...(type ? { 'content-type': type } : {}) } });
}

/** The request with the value at a path of names replaced, or left out. */
function bent(request: Json, path: string, value?: unknown): Json {
  const copy = structuredClone(request);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce<Json>((at, name) => at[name] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

type Sender = (world: World) => Promise<Response>;
const rows = (prefix: string, table: Record<string, Sender>): ParityCase[] =>
  Object.entries(table).map(([name, send]) => ({ name: `${prefix}: ${name}`, send }));

// ---- OIDC
const oidcToken =
  (authorization?: string, query = ''): Sender =>
  (world) =>
    fetch(
      `${world.idTokenRequestUrl}${query}`,
      authorization ? { headers: { authorization: authorization.replace('TOKEN', world.idTokenRequestToken) } } : {},
    );

const oidc = rows('oidc', {
  'a token': oidcToken('Bearer TOKEN', '&audience=sigstore'),
  'a token without audience': oidcToken('bearer TOKEN'),
  'no bearer': oidcToken(),
  'a wrong bearer': oidcToken('Bearer nobody'),
  discovery: ({ oidcUrl }) => fetch(`${oidcUrl}/.well-known/openid-configuration`),
  'the keys': ({ oidcUrl }) => fetch(`${oidcUrl}/.well-known/jwks`),
  'an unknown path': ({ oidcUrl }) => fetch(`${oidcUrl}/nowhere`),
});

// ---- Fulcio
const signingCert = '/api/v2/signingCert';
const certify =
  (bend: (request: Json) => Body, parameters: Record<string, string> = {}, type?: string): Sender =>
  async (world) =>
    post(world.fulcioUrl + signingCert, bend(certificateRequest(await askToken(world, parameters))), type);
const certifyKey =
  (key: KeyName, hash: HashName | null): Sender =>
  async (world) =>
    post(world.fulcioUrl + signingCert, certificateRequest(await askToken(world), keyOf(key), hash));
const unbent = (request: Json): Json => request;
const proof = 'publicKeyRequest.proofOfPossession';
const content = 'publicKeyRequest.publicKey.content';
const requiredClaims = [
  'job_workflow_ref',
  'sha',
  'event_name',
  'repository',
  'workflow',
  'ref',
  'job_workflow_sha',
  'runner_environment',
].concat([
  'repository_id',
  'repository_owner',
  'repository_owner_id',
  'repository_visibility',
  'workflow_ref',
  'workflow_sha',
  'run_id',
  'run_attempt',
]);

const fulcio = rows('fulcio', {
  'a certificate': certify(unbent),
  'a certificate for an e-mail address': certify(unbent, { email: 'dev@example.com' }),
  'an unverified e-mail address': certify(unbent, { email: 'dev@example.com', email_verified: 'false' }),
  'a called workflow': certify(unbent, { job_workflow_ref: 'acme/shared/.github/workflows/build.yml@refs/tags/v1' }),
  'a ref that is not ASCII': certify(unbent, { job_workflow_ref: 'a/b/.github/workflows/ä c.yml@refs/heads/"<ü>%41' }),
  'a ref with reserved characters': certify(unbent, { job_workflow_ref: "a/b/.github/workflows/c.yml@refs/heads/(x)!*'+%41;[1]" }),
  'text/plain': certify(unbent, {}, 'text/plain'),
  'no content type': certify(unbent, {}, ''),
  'an unknown field': certify((request) => ({ ...request, more: 1 })),
  'an unknown algorithm': certify((request) => bent(request, 'publicKeyRequest.publicKey.algorithm', 'NONE')),
  'no algorithm': certify((request) => bent(request, 'publicKeyRequest.publicKey.algorithm')),
  'a proof over something else': certify((request) =>
    bent(request, proof, certificateRequest('x.e30.x').publicKeyRequest && base64(Buffer.alloc(70, 1))),
  ),
  'a proof by another key': certify((request) => bent(request, content, publicPem(keyOf('P-384')))),
  'no proof': certify((request) => bent(request, proof)),
  'a proof that is not base64': certify((request) => bent(request, proof, '***')),
  'no public key': certify((request) => bent(request, 'publicKeyRequest')),
  'a public key that is none': certify((request) => bent(request, content, 'nonsense')),
  'a public key in base64': certify((request) => bent(request, content, base64(publicPem(keyOf('P-256'))))),
  'an expired token': certify(unbent, { exp: '-60' }),
  'a token that is not valid yet': certify(unbent, { nbf: '400' }),
  'a token that is valid in a moment': certify(unbent, { nbf: '200' }),
  'another audience': certify(unbent, { aud: 'other' }),
  'no audience': certify(unbent, { drop: 'aud' }),
  'no expiry': certify(unbent, { drop: 'exp' }),
  'no subject': certify(unbent, { drop: 'sub' }),
  'another issuer': certify(unbent, { iss: 'https://token.actions.githubusercontent.com' }),
  'a token signed by a stranger': certify(unbent, { key: 'other' }),
  'a token that is none': certify((request) => bent(request, 'credentials.oidcIdentityToken', 'abc')),
  'an unsigned token': certify((request) => {
    const [, claims] = ((request.credentials as Json).oidcIdentityToken as string).split('.');
    return bent(request, 'credentials.oidcIdentityToken', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`);
  }),
  'no token': certify((request) => bent(request, 'credentials')),
  'a token that is a number': certify((request) => bent(request, 'credentials.oidcIdentityToken', 1)),
  'an empty object': certify(() => ({})),
  'an empty body': certify(() => ''),
  'half a body': certify(() => '{'),
  'an array': certify(() => []),
  null: certify(() => 'null'),
  'no JSON': certify(() => 'nope'),
  ...Object.fromEntries(requiredClaims.map((claim) => [`a token without ${claim}`, certify(unbent, { drop: claim })])),
  'P-384 with SHA-384': certifyKey('P-384', 'sha384'),
  'P-384 with SHA-256': certifyKey('P-384', 'sha256'),
  'P-521 with SHA-512': certifyKey('P-521', 'sha512'),
  'RSA 2048': certifyKey('rsa-2048', 'sha256'),
  'RSA 1024': certifyKey('rsa-1024', 'sha256'),
  Ed25519: certifyKey('ed25519', null),
  'a curve of another family': certifyKey('secp256k1', 'sha256'),
  GET: ({ fulcioUrl }) => fetch(fulcioUrl + signingCert),
  'an unknown path': ({ fulcioUrl }) => fetch(`${fulcioUrl}/nowhere`),
  'the trust bundle': ({ fulcioUrl }) => fetch(`${fulcioUrl}/api/v2/trustBundle`),
  'the configuration': ({ fulcioUrl }) => fetch(`${fulcioUrl}/api/v2/configuration`),
});

// ---- Rekor v1
const entries = '/api/v1/log/entries';
const propose =
  (make: () => Body, type?: string): Sender =>
  ({ rekorUrl }) =>
    post(rekorUrl + entries, make(), type);
const get =
  (path: string, headers: Record<string, string> = {}): Sender =>
  ({ rekorUrl }) =>
    fetch(rekorUrl + path, { headers });
const bentRekord = (path: string, value?: unknown): Sender => propose(() => bent(hashedRekord(), path, value));
const bentEnvelope = (bend: (content: ReturnType<typeof envelope>) => object): Sender => propose(() => dsseEntry(bend(envelope())));
const proposed = 'spec.proposedContent';

/** The leaf certificate of a new key pair's first request. */
async function certificateOf(world: World): Promise<X509Certificate> {
  const answer = (await (await certify(unbent)(world)).json()) as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
  return new X509Certificate(answer.signedCertificateEmbeddedSct.chain.certificates[0] ?? '');
}

/** Proposes an entry, then asks for it by what the answer said of it. */
const thenGet =
  (path: (uuid: string, logIndex: number) => string): Sender =>
  async (world) => {
    const answer = (await (await propose(() => hashedRekord())(world)).json()) as Record<string, { logIndex: number }>;
    const [[uuid, { logIndex }] = ['', { logIndex: -1 }]] = Object.entries(answer);
    return fetch(world.rekorUrl + path(uuid, logIndex));
  };

const rekor = rows('rekor', {
  'a dsse entry': propose(() => dsseEntry()),
  'a dsse entry with a certificate': async (world) =>
    post(world.rekorUrl + entries, dsseEntry(envelope(), (await certificateOf(world)).toString())),
  'a hashedrekord entry': propose(() => hashedRekord()),
  'a hashedrekord entry with a certificate': async (world) =>
    post(world.rekorUrl + entries, hashedRekord(keyOf('P-256'), 'sha256', (await certificateOf(world)).toString())),
  'a content type with a character set': propose(() => hashedRekord(), 'application/json; charset=utf-8'),
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
  'dsse: P-384 with SHA-256': propose(() => dsseEntry(envelope(keyOf('P-384'), 'sha256'), publicPem(keyOf('P-384')))),
  'dsse: P-384 with SHA-384': propose(() => dsseEntry(envelope(keyOf('P-384'), 'sha384'), publicPem(keyOf('P-384')))),
  'dsse: RSA 2048': propose(() => dsseEntry(envelope(keyOf('rsa-2048')), publicPem(keyOf('rsa-2048')))),
  'dsse: Ed25519': propose(() => dsseEntry(envelope(keyOf('ed25519'), null), publicPem(keyOf('ed25519')))),
  'dsse: a curve of another family': propose(() => dsseEntry(envelope(keyOf('secp256k1')), publicPem(keyOf('secp256k1')))),
  'dsse: another payload': bentEnvelope((content) => ({ ...content, payload: base64('other') })),
  'dsse: another key': propose(() => dsseEntry(envelope(), publicPem(keyOf('P-384')))),
  'dsse: no signatures': bentEnvelope((content) => ({ ...content, signatures: [] })),
  'dsse: one signature without a key': bentEnvelope((content) => ({
    ...content,
    signatures: [...content.signatures, ...envelope(keyOf('rsa-2048')).signatures],
  })),
  'dsse: an envelope that is no JSON': propose(() => bent(dsseEntry(), `${proposed}.envelope`, 'nope')),
  'dsse: no envelope': propose(() => bent(dsseEntry(), `${proposed}.envelope`)),
  'dsse: no verifiers': propose(() => bent(dsseEntry(), `${proposed}.verifiers`)),
  'dsse: an empty list of verifiers': propose(() => bent(dsseEntry(), `${proposed}.verifiers`, [])),
  'dsse: a verifier that is not base64': propose(() => bent(dsseEntry(), `${proposed}.verifiers`, ['**'])),
  'dsse: a verifier that is not PEM': propose(() => dsseEntry(envelope(), 'nope')),
  'dsse: no proposed content': propose(() => bent(dsseEntry(), proposed)),
  'the entry by UUID': thenGet((uuid) => `${entries}/${uuid}`),
  'the entry by UUID without tree': thenGet((uuid) => `${entries}/${uuid.slice(16)}`),
  'the entry by index': thenGet((_, index) => `${entries}?logIndex=${index}`),
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
    fetch(rekorUrl + entries, { method: 'PUT', body: '{}', headers: { 'content-type': 'application/json' } }),
  'a path of v2': get('/api/v2/checkpoint'),
  'an entry for v2': ({ rekorUrl }) =>
    post(`${rekorUrl}/api/v2/log/entries`, hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256')),
});

const again: ParityCase = {
  name: 'rekor: an equivalent entry',
  sandboxOnly:
    "the real stack's tree is in memory and does not look for equal leaves; the message is that of Rekor's source (entryAlreadyExists)",
  send: async (world) => {
    const entry = hashedRekord();
    await (await post(world.rekorUrl + entries, entry)).arrayBuffer();
    return post(world.rekorUrl + entries, entry);
  },
};

// ---- Rekor v2
const entries2 = '/api/v2/log/entries';
const p256 = (): Json => hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256');
const request2 =
  (make: () => Body, type?: string): Sender =>
  ({ rekor2Url }) =>
    post(rekor2Url + entries2, make(), type);
const bent2 = (path: string, value?: unknown): Sender => request2(() => bent(p256(), `hashedRekordRequestV002${path}`, value));
const keyed = (key: KeyName, hash: HashName, details: string): Sender => request2(() => hashedRekordRequest(keyOf(key), hash, details));
const get2 =
  (path: string): Sender =>
  ({ rekor2Url }) =>
    fetch(rekor2Url + path);
const verifier = '.signature.verifier';

const rekor2 = rows('rekor2', {
  'an entry with a key': request2(p256),
  'an entry with a certificate': async (world) =>
    post(
      world.rekor2Url + entries2,
      hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256', (await certificateOf(world)).raw),
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
  'the name of older clients': request2(() => ({ hashedRekordRequestV0_0_2: p256().hashedRekordRequestV002 })),
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

// ---- timestamp authority
const stamp =
  (make: () => Body, type = 'application/timestamp-query', headers: Record<string, string> = {}): Sender =>
  ({ timestampUrl }) =>
    post(timestampUrl, make(), type, headers);
const jsonQuery = (): Json => ({
  artifactHash: base64(Buffer.alloc(32, 7)),
  hashAlgorithm: 'sha256',
  nonce: 0x1122334455,
  certificates: true,
});
const oneExtension = (): Buffer => context(0, sequence(oid('1.2.3.4'), octetString(Buffer.from([5, 0]))));

const timestamp = rows('timestamp', {
  'a timestamp': stamp(() => timestampQuery()),
  'without certificates': stamp(() => timestampQuery({ certificates: false })),
  'without nonce': stamp(() => timestampQuery({ nonce: false })),
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
  'a JSON query with MD5': stamp(() => ({ ...jsonQuery(), hashAlgorithm: 'md5' }), 'application/json'),
  'an empty JSON query': stamp(() => ({}), 'application/json'),
  'half a JSON query': stamp(() => '{', 'application/json'),
  'text/plain': stamp(() => timestampQuery(), 'text/plain'),
  'no content type': stamp(() => timestampQuery(), ''),
  'an answer in JSON': stamp(() => timestampQuery(), undefined, { accept: 'application/json' }),
  'an answer as a reply': stamp(() => timestampQuery(), undefined, { accept: 'application/timestamp-reply' }),
  GET: ({ timestampUrl }) => fetch(timestampUrl),
  'an unknown path': ({ timestampUrl }) => fetch(`${timestampUrl}x`),
  'the chain': ({ timestampUrl }) => fetch(`${timestampUrl}/certchain`),
});

/** The same good and bad requests for both worlds. The order matters: later ones look at what earlier ones wrote. */
export const parityCases: readonly ParityCase[] = [...oidc, ...fulcio, ...rekor, again, ...rekor2, ...timestamp];
