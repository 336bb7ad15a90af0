import { generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Signature } from '@sigstore/sign';
import { decodeJwt } from 'jose';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import type { ImageSigner, SignerIdentity } from '../signature/signer.ts';
import { isJsonObject } from '../text/json.ts';
import { type FulcioCertificate, readFulcioCertificate } from './fulcio-certificate.ts';
import {
  badAnswer,
  callService,
  jsonAnswer,
  refusalText,
  type ServiceEndpoint,
} from './service-call.ts';

export interface FulcioOptions {
  readonly http: Http;
  readonly clock: Clock;
  /** base URL; the API lies below `/api/v2` */
  readonly url: URL;
  /**
   * a fresh OIDC token; called once for each certificate, so once in a run that is shorter than the
   * certificate lives
   */
  readonly identityToken: () => Promise<string>;
  /** milliseconds that may be spent waiting for Fulcio */
  readonly patience: () => number;
  /**
   * a certificate that lives for less than these milliseconds is not used for another signature;
   * default two minutes
   */
  readonly safetyMargin?: number;
}

/** A signer whose key is certified by Fulcio. */
export interface FulcioSigner extends ImageSigner {
  /**
   * PEM of the certificate that the next signature is made with; asks for one where there is none
   */
  certificate(): Promise<string>;
}

interface Credential {
  readonly privateKey: KeyObject;
  readonly certificate: FulcioCertificate;
}

const generate = promisify(generateKeyPair);
const maxAnswer = 128 * 1024;

/**
 * Signs with an ephemeral P-256 key that never leaves memory, under one Fulcio certificate for the
 * whole run: parallel signatures share it, and it is renewed only when it would expire within the
 * safety margin (the log entry and the timestamp must still fall into its life). Protocol:
 * https://github.com/sigstore/fulcio/blob/main/docs/how-certificate-issuing-works.md. Nothing is
 * asked before the first use.
 *
 * Every method throws {Failure} `fulcio-error`, or `bad-identity-token` where the token is at
 * fault; a failure holds for the rest of the run, so that a dead Fulcio is waited for once and not
 * once per image.
 */
export function createFulcioSigner(options: FulcioOptions): FulcioSigner {
  const { clock } = options;
  const margin = options.safetyMargin ?? 120_000;
  let current: Promise<Credential> | undefined;

  /** Single flight: who comes while a certificate is on its way waits for that one. */
  async function credential(): Promise<Credential> {
    current ??= obtain(options);
    const pending = current;
    const held = await pending;
    if (held.certificate.notAfter.getTime() - clock.date().getTime() > margin) return held;
    if (current === pending) current = obtain(options);
    return current;
  }

  return {
    async sign(data: Buffer): Promise<Signature> {
      const { privateKey, certificate } = await credential();
      return {
        signature: sign('sha256', data, privateKey),
        key: { $case: 'x509Certificate', certificate: certificate.leaf },
      };
    },
    async identity(): Promise<SignerIdentity> {
      const { identity, issuer } = (await credential()).certificate;
      return { identity, issuer };
    },
    async publicKey() {
      return undefined;
    },
    async chain() {
      return (await credential()).certificate.chain;
    },
    async certificate() {
      return (await credential()).certificate.leaf;
    },
    warnings: [],
  };
}

async function obtain(options: FulcioOptions): Promise<Credential> {
  const service: ServiceEndpoint = { name: 'Fulcio', code: 'fulcio-error', ...options };
  const [token, { privateKey, publicKey }] = await Promise.all([
    options.identityToken(),
    generate('ec', { namedCurve: 'P-256' }),
  ]);
  const body = {
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ format: 'pem', type: 'spki' }) },
      proofOfPossession: sign('sha256', Buffer.from(challengeOf(token)), privateKey).toString(
        'base64',
      ),
    },
  };
  const response = await callService(service, {
    method: 'POST',
    path: 'api/v2/signingCert',
    contentType: 'application/json',
    accept: 'application/json',
    body: Buffer.from(JSON.stringify(body)),
    maxBytes: maxAnswer,
  });
  if (response.status !== 200 && response.status !== 201) throw refused(service, response);
  return {
    privateKey,
    certificate: readAnswer(service, response, publicKey, options.clock.date()),
  };
}

function readAnswer(
  service: ServiceEndpoint,
  response: HttpResponse,
  key: KeyObject,
  now: Date,
): FulcioCertificate {
  const answer = jsonAnswer(service, response);
  const embedded = answer.signedCertificateEmbeddedSct;
  // A private Fulcio without a CT log, or with one that answers apart, uses the other field;
  // whether that is enough the trusted root says.
  const holder = embedded ?? answer.signedCertificateDetachedSct;
  const chain =
    isJsonObject(holder) && isJsonObject(holder.chain) ? holder.chain.certificates : undefined;
  if (!Array.isArray(chain)) throw badAnswer(service, 'it holds no certificates');
  try {
    return readFulcioCertificate(chain, { key, now, embeddedSct: embedded !== undefined });
  } catch (caught) {
    throw badAnswer(
      service,
      caught instanceof Error ? caught.message : 'the certificates cannot be read',
      caught,
    );
  }
}

/**
 * What the proof of possession signs: the e-mail address where the token has one (Fulcio's e-mail
 * issuers), the subject otherwise, as cosign does. The token is not verified here: that is what
 * Fulcio is for.
 */
function challengeOf(token: string): string {
  let claims: Readonly<Record<string, unknown>>;
  try {
    claims = decodeJwt(token);
  } catch {
    // The error of the parser is dropped on purpose: nothing that was made from the token may reach
    // a log.
    throw badToken(
      'The identity token is not a JSON Web Token.',
      'Pass the token as it was issued in `identity-token:`, or leave it empty.',
    );
  }
  const { email, email_verified: verified, sub } = claims;
  if (typeof email === 'string' && email !== '') {
    if (verified === true || verified === 'true') return email;
    throw badToken(
      'The identity token is for an e-mail address that its issuer has not verified.',
      'Verify the address with the issuer.',
    );
  }
  if (typeof sub === 'string' && sub !== '') return sub;
  throw badToken(
    'The identity token names nobody: it has neither `sub` nor `email`.',
    'Use a token of an OIDC provider that Fulcio knows.',
  );
}

function badToken(message: string, fix: string): Failure {
  return new Failure('bad-identity-token', message, fix);
}

function refused(service: ServiceEndpoint, response: HttpResponse): Failure {
  const said = refusalText(response);
  const message = `Fulcio at ${service.url.origin} refused to issue a certificate (${response.status}${said === '' ? '' : `: ${said}`}).`;
  if (
    /identity token|issuer|audience|unauthori[sz]ed|authenticat/i.test(said) ||
    response.status === 401 ||
    response.status === 403
  ) {
    return badToken(
      message,
      'Fulcio takes a token that has not expired, from an issuer it is configured for, with its audience: check `oidc-audience:` (usually `sigstore`), `identity-token:` and, on a private instance, that this issuer is in its configuration.',
    );
  }
  return new Failure(
    service.code,
    message,
    'Check that `fulcio-url:` (or the signing config) names a Fulcio with the API v2, and what its log says about this request.',
  );
}
