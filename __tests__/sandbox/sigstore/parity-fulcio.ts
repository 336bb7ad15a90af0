import { sign, X509Certificate } from 'node:crypto';
import type { HashName } from './keys.ts';
import { defaultClaims } from './oidc.ts';
import { type Body, bent, post, rows, type Sender } from './parity-case.ts';
import {
  askToken,
  base64,
  certificateRequest,
  type Json,
  type KeyName,
  keyOf,
  publicPem,
  type World,
} from './well-formed.ts';

const oidcToken =
  (authorization?: string, query = ''): Sender =>
  (world) =>
    fetch(
      `${world.idTokenRequestUrl}${query}`,
      authorization
        ? { headers: { authorization: authorization.replace('TOKEN', world.idTokenRequestToken) } }
        : {},
    );

export const oidcCases = rows('oidc', {
  'a token': oidcToken('Bearer TOKEN', '&audience=sigstore'),
  'a token without audience': oidcToken('bearer TOKEN'),
  'no bearer': oidcToken(),
  'a wrong bearer': oidcToken('Bearer nobody'),
  discovery: ({ oidcUrl }) => fetch(`${oidcUrl}/.well-known/openid-configuration`),
  'the keys': ({ oidcUrl }) => fetch(`${oidcUrl}/.well-known/jwks`),
  'an unknown path': ({ oidcUrl }) => fetch(`${oidcUrl}/nowhere`),
});

const signingCert = '/api/v2/signingCert';
const certify =
  (bend: (request: Json) => Body, parameters: Record<string, string> = {}, type?: string): Sender =>
  async (world) =>
    post(
      world.fulcioUrl + signingCert,
      bend(certificateRequest(await askToken(world, parameters))),
      type,
    );
const certifyKey =
  (key: KeyName, hash: HashName | null): Sender =>
  async (world) =>
    post(
      world.fulcioUrl + signingCert,
      certificateRequest(await askToken(world), keyOf(key), hash),
    );
const inHeader =
  (scheme: string): Sender =>
  async (world) => {
    const token = await askToken(world);
    return post(
      world.fulcioUrl + signingCert,
      bent(certificateRequest(token), 'credentials'),
      undefined,
      {
        authorization: scheme + token,
      },
    );
  };
const proofOver = (text: string, dsaEncoding: 'der' | 'ieee-p1363' = 'der'): string =>
  base64(sign('sha256', Buffer.from(text), { key: keyOf('P-256'), dsaEncoding }));
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

export const fulcioCases = rows('fulcio', {
  'a certificate': certify(unbent),
  'a certificate for an e-mail address': certify(unbent, { email: 'dev@example.com' }),
  'an unverified e-mail address': certify(unbent, {
    email: 'dev@example.com',
    email_verified: 'false',
  }),
  'a called workflow': certify(unbent, {
    job_workflow_ref: 'acme/shared/.github/workflows/build.yml@refs/tags/v1',
  }),
  'a ref that is not ASCII': certify(unbent, {
    job_workflow_ref: 'a/b/.github/workflows/ä c.yml@refs/heads/"<ü>%41',
  }),
  'a ref with reserved characters': certify(unbent, {
    job_workflow_ref: "a/b/.github/workflows/c.yml@refs/heads/(x)!*'+%41;[1]",
  }),
  'text/plain': certify(unbent, {}, 'text/plain'),
  'no content type': certify(unbent, {}, ''),
  'an unknown field': certify((request) => ({ ...request, more: 1 })),
  'an unknown algorithm': certify((request) =>
    bent(request, 'publicKeyRequest.publicKey.algorithm', 'NONE'),
  ),
  'no algorithm': certify((request) => bent(request, 'publicKeyRequest.publicKey.algorithm')),
  'a proof over something else': certify((request) =>
    bent(request, proof, proofOver('something else')),
  ),
  'a proof as two numbers of one length': certify((request) =>
    bent(request, proof, proofOver(defaultClaims.sub ?? '', 'ieee-p1363')),
  ),
  'a proof by another key': certify((request) => bent(request, content, publicPem(keyOf('P-384')))),
  'no proof': certify((request) => bent(request, proof)),
  'a proof that is not base64': certify((request) => bent(request, proof, '***')),
  'no public key': certify((request) => bent(request, 'publicKeyRequest')),
  'a public key that is none': certify((request) => bent(request, content, 'nonsense')),
  'a public key in base64': certify((request) =>
    bent(request, content, base64(publicPem(keyOf('P-256')))),
  ),
  'an expired token': certify(unbent, { exp: '-60' }),
  'a token that is not valid yet': certify(unbent, { nbf: '400' }),
  'a token that is valid in a moment': certify(unbent, { nbf: '200' }),
  'another audience': certify(unbent, { aud: 'other' }),
  'no audience': certify(unbent, { drop: 'aud' }),
  'no expiry': certify(unbent, { drop: 'exp' }),
  'no subject': certify(unbent, { drop: 'sub' }),
  'another issuer': certify(unbent, { iss: 'https://token.actions.githubusercontent.com' }),
  'a token signed by a stranger': certify(unbent, { key: 'other' }),
  'a token that is none': certify((request) =>
    bent(request, 'credentials.oidcIdentityToken', 'abc'),
  ),
  'an unsigned token': certify((request) => {
    const [, claims] = ((request.credentials as Json).oidcIdentityToken as string).split('.');
    return bent(
      request,
      'credentials.oidcIdentityToken',
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`,
    );
  }),
  'no token': certify((request) => bent(request, 'credentials')),
  'the token as a bearer': inHeader('Bearer '),
  'the token as a bearer in small letters': inHeader('bearer '),
  'a good token in the body and a bad one as a bearer': async (world) =>
    post(world.fulcioUrl + signingCert, certificateRequest(await askToken(world)), undefined, {
      authorization: 'Bearer nobody',
    }),
  'a token that is a number': certify((request) =>
    bent(request, 'credentials.oidcIdentityToken', 1),
  ),
  'an empty object': certify(() => ({})),
  'an empty body': certify(() => ''),
  'half a body': certify(() => '{'),
  'an array': certify(() => []),
  null: certify(() => 'null'),
  'no JSON': certify(() => 'nope'),
  ...Object.fromEntries(
    requiredClaims.map((claim) => [`a token without ${claim}`, certify(unbent, { drop: claim })]),
  ),
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

/** The leaf certificate of a new key pair's first request. */
export async function certificateOf(world: World): Promise<X509Certificate> {
  const answer = (await (await certify(unbent)(world)).json()) as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  return new X509Certificate(answer.signedCertificateEmbeddedSct.chain.certificates[0] ?? '');
}
