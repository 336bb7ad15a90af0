import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Certified, certificatePem } from './certificates.ts';
import {
  BadMessage,
  bytesOf,
  type Fields,
  gatewayError,
  gatewayMethod,
  gatewayNotFound,
  messageOf,
  parseMessage,
  stringOf,
} from './gateway.ts';
import { type Identity, type TrustedIssuer, verifyToken } from './identity-token.ts';
import { defaultHash, isReadable, isStrong, verifiesMessage } from './keys.ts';
import type { Answer, Handler, ServiceRequest } from './service.ts';
import { issueSigningCertificate } from './signing-certificate.ts';

export interface FulcioParts {
  readonly root: Certified;
  readonly intermediate: Certified;
  /** The key of the certificate log, whose promise is in every certificate. */
  readonly certificateLog: KeyObject;
  readonly issuers: readonly TrustedIssuer[];
  readonly audience: string;
  readonly now: () => Date;
}

const wrong = {
  token: 'There was an error processing the identity token',
  key: 'The public key supplied in the request could not be parsed',
  insecure: 'The public key supplied in the request is insecure',
  signature: 'The signature supplied in the request could not be verified',
};

/**
 * Fulcio's HTTP interface: `POST /api/v2/signingCert`, `GET /api/v2/trustBundle`, `GET
 * /api/v2/configuration`.
 */
export function newFulcio(parts: FulcioParts): Handler {
  return async (request) => {
    try {
      return {
        ...(await route(request, parts)),
        headers: { vary: 'Origin', 'content-type': 'application/json' },
      };
    } catch (error) {
      if (error instanceof BadMessage) return gatewayError(3, error.message, { vary: 'Origin' });
      throw error;
    }
  };
}

async function route(request: ServiceRequest, parts: FulcioParts): Promise<Answer> {
  const wanted = {
    '/api/v2/signingCert': 'POST',
    '/api/v2/trustBundle': 'GET',
    '/api/v2/configuration': 'GET',
    '/healthz': 'GET',
  }[request.url.pathname];
  if (wanted === undefined) return gatewayNotFound();
  if (request.method !== wanted) return gatewayMethod();
  if (wanted === 'POST') return signingCertificate(request, parts);
  if (request.url.pathname === '/healthz') return { status: 200, body: { status: 'SERVING' } };
  if (request.url.pathname === '/api/v2/configuration')
    return {
      status: 200,
      body: { issuers: parts.issuers.map((issuer) => described(issuer, parts.audience)) },
    };
  return {
    status: 200,
    body: { chains: [{ certificates: [parts.intermediate, parts.root].map(certificatePem) }] },
  };
}

const described = ({ url, type }: TrustedIssuer, audience: string): object => ({
  issuerUrl: url,
  audience,
  challengeClaim: type === 'email' ? 'email' : 'sub',
  spiffeTrustDomain: '',
  issuerType: type,
  subjectDomain: '',
  skipEmailVerification: false,
});

const fields = (...names: string[]): Fields => ({ names, others: 'ignored' });

async function signingCertificate(
  { body, headers }: ServiceRequest,
  parts: FulcioParts,
): Promise<Answer> {
  const message = parseMessage(
    body,
    fields('credentials', 'publicKeyRequest', 'certificateSigningRequest'),
  );
  const credentials = messageOf(message.credentials, fields('oidcIdentityToken'));
  const keyRequest = messageOf(message.publicKeyRequest, fields('publicKey', 'proofOfPossession'));
  const publicKey = messageOf(keyRequest.publicKey, fields('algorithm', 'content'));
  const [token, content, proof] = [
    // Some clients present the token as a bearer's; the one in the body comes first.
    stringOf(credentials, 'oidcIdentityToken') ||
      (headers.authorization ?? '').replace('Bearer ', ''),
    stringOf(publicKey, 'content'),
    bytesOf(keyRequest, 'proofOfPossession'),
  ];
  const identity = await verifyToken(token, parts.issuers, parts.audience, parts.now()).catch(
    () => undefined,
  );
  if (!identity) return gatewayError(3, wrong.token);
  // The sandbox knows one of Fulcio's two ways to show a key; the other is refused, not ignored.
  if (message.certificateSigningRequest)
    return gatewayError(3, 'The certificate signing request could not be parsed');
  const key = parsePublicKey(content);
  if (!key) return gatewayError(3, wrong.key);
  return certify(identity, key, proof, parts);
}

function certify(identity: Identity, key: KeyObject, proof: Buffer, parts: FulcioParts): Answer {
  if (!isStrong(key)) return gatewayError(3, wrong.insecure);
  // Without this check a stranger's public key could be bound to the caller's name.
  if (!verifiesMessage(key, defaultHash(key), Buffer.from(identity.challenge), proof))
    return gatewayError(3, wrong.signature);
  const leaf = issueSigningCertificate(
    identity,
    key,
    parts.intermediate,
    parts.certificateLog,
    parts.now(),
  );
  const certificates = [{ der: leaf }, parts.intermediate, parts.root].map((certificate) =>
    certificatePem(certificate).trimEnd(),
  );
  return { status: 200, body: { signedCertificateEmbeddedSct: { chain: { certificates } } } };
}

function parsePublicKey(content: string): KeyObject | undefined {
  try {
    const key = /^-----BEGIN (RSA )?PUBLIC KEY-----/m.test(content)
      ? createPublicKey(content)
      : undefined;
    return key && isReadable(key) ? key : undefined;
  } catch {
    return undefined;
  }
}
