import { generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Signature } from '@sigstore/sign';
import { decodeJwt } from 'jose';
import { type Clock, clockOffset } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import type { ImageSigner, SignerIdentity } from '../signature/signer.ts';
import { isJsonObject } from '../text/json.ts';
import { type FulcioCertificate, readFulcioCertificate } from './fulcio-certificate.ts';
import type { Turns } from './in-turn.ts';
import {
  badAnswer,
  callService,
  dateOf,
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
   * certificate lives, and again for another Fulcio; `url` is the one that it is sent to
   */
  readonly identityToken: (url: URL) => Promise<string>;
  /** milliseconds that may be spent waiting for Fulcio */
  readonly retryBudget: () => number;
  readonly tryLimit?: ServiceEndpoint['tryLimit'];
  /** where others than `url` will do as well */
  readonly turns?: Turns;
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
  /** on the scale of `clock.now()`: the clock of the runner may be wrong, how long it runs is not */
  readonly usableUntil: number;
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
    if (held.usableUntil - clock.now() > margin) return held;
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

/**
 * What Fulcio's clock says, within a second or two; undefined where it gives no answer soon. Nothing
 * is sent that says who asks.
 */
export async function askFulcioDate(
  options: Pick<FulcioOptions, 'http' | 'clock' | 'url' | 'retryBudget'>,
): Promise<Date | undefined> {
  const retryBudget = () => Math.min(timeOfDayPatience, options.retryBudget());
  const service: ServiceEndpoint = {
    name: 'Fulcio',
    code: 'fulcio-error',
    ...options,
    retryBudget,
  };
  try {
    const request = { accept: 'application/json', maxBytes: maxConfiguration } as const;
    return dateOf(await callService(service, { method: 'GET', path: configuration, ...request }));
  } catch {
    return undefined;
  }
}

const configuration = 'api/v2/configuration';
const maxConfiguration = 1024 * 1024;
/** milliseconds; only a sentence gets better by it */
const timeOfDayPatience = 5_000;

async function obtain(options: FulcioOptions): Promise<Credential> {
  if (options.turns === undefined) return obtainFrom(options);
  const [credential] = await options.turns((turn) => obtainFrom({ ...options, ...turn }), 1);
  return credential as Credential;
}

async function obtainFrom(options: FulcioOptions): Promise<Credential> {
  const service: ServiceEndpoint = { name: 'Fulcio', code: 'fulcio-error', ...options };
  const [token, { privateKey, publicKey }] = await Promise.all([
    options.identityToken(options.url),
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
  const asked = options.clock.now();
  const response = await callService(service, {
    method: 'POST',
    path: 'api/v2/signingCert',
    contentType: 'application/json',
    accept: 'application/json',
    body: Buffer.from(JSON.stringify(body)),
    maxBytes: maxAnswer,
  });
  if (response.status !== 200 && response.status !== 201) throw refused(service, response);
  const certificate = readAnswer(service, response, publicKey);
  return { privateKey, certificate, usableUntil: asked + lifetimeOf(certificate, response) };
}

/** Milliseconds that a certificate has left, by the clock of whoever issued it and not by ours. */
function lifetimeOf({ notBefore, notAfter }: FulcioCertificate, response: HttpResponse): number {
  const whole = notAfter.getTime() - notBefore.getTime();
  const left = notAfter.getTime() - (dateOf(response) ?? notBefore).getTime();
  return left > 0 && left < whole ? left : whole; // else a proxy with another time has answered
}

function readAnswer(
  service: ServiceEndpoint,
  response: HttpResponse,
  key: KeyObject,
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
    return readFulcioCertificate(chain, { key, embeddedSct: embedded !== undefined });
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
    const date = dateOf(response);
    const offset = date === undefined ? undefined : clockOffset(service.clock.date(), date);
    return badToken(
      offset === undefined ? message : `${message} ${offset}`,
      'Fulcio takes a token that has not expired, from an issuer it is configured for, with its audience: check `oidc-audience:` (usually `sigstore`), `identity-token:` and, on a private instance, that this issuer is in its configuration.',
    );
  }
  return new Failure(
    service.code,
    message,
    'Check that `fulcio-url:` (or the signing config) names a Fulcio with the API v2, and what its log says about this request.',
  );
}
