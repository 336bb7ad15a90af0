import { Failure } from '../failure.ts';
import { secondsOf } from './deadline.ts';
import type { ExchangeError } from './exchange.ts';

const untrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_SIGNATURE_FAILURE',
]);

const certificateProblems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'shows a TLS certificate that has expired',
  CERT_NOT_YET_VALID: 'shows a TLS certificate that is not valid yet',
  CERT_REVOKED: 'shows a TLS certificate that was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a TLS certificate of another host',
};

const happenings: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection without a complete answer',
  EPIPE: 'closed the connection without a complete answer',
  ENOTFOUND: 'is a name that no name server knows',
  EAI_AGAIN: 'could not be looked up: the name server did not answer',
  ENETUNREACH: 'cannot be reached from this machine',
  EHOSTUNREACH: 'cannot be reached from this machine',
  CONNECT_TIMEOUT: 'did not accept a connection in time',
  ETIMEDOUT: 'did not accept a connection in time',
  TIMEOUT: 'did not answer completely in time',
  ERR_PROXY_TUNNEL: 'could not be reached through the proxy',
  PROXY_LOGIN: 'could not be reached: the proxy wants another user name and password',
  PROXY_REFUSAL: 'could not be reached: the proxy lets nobody through to it',
};

/** True for failures that a certificate caused: a registry for tests has an input for them. */
export function isCertificateFailure(failure: Failure): boolean {
  const code = codeOf(failure.cause);
  return untrusted.has(code) || Object.hasOwn(certificateProblems, code);
}

/** True when the other side does not speak TLS. */
export function isPlainTextFailure(failure: Failure): boolean {
  return notTls(codeOf(failure.cause));
}

/**
 * The Failure `network` for an exchange that brought no answer: who, what happened, how often and
 * how long it was tried.
 */
export function networkFailure(
  error: ExchangeError,
  url: URL,
  attempts: number,
  milliseconds: number,
): Failure {
  const [what, fix] = explain(error.code);
  const effort =
    attempts > 1
      ? ` (${attempts} tries in ${secondsOf(milliseconds)})`
      : milliseconds >= 1000
        ? ` (${secondsOf(milliseconds)})`
        : '';
  return new Failure('network', `${url.host} ${what}${effort}.`, fix, { cause: error });
}

function explain(code: string): readonly [string, string] {
  if (untrusted.has(code))
    return [
      'shows a TLS certificate of an authority that this machine does not know',
      'Give the step the authority of your company: `env: { NODE_EXTRA_CA_CERTS: /path/to/ca.pem }`.',
    ];
  const certificate = Object.hasOwn(certificateProblems, code)
    ? certificateProblems[code]
    : undefined;
  if (certificate !== undefined)
    return [certificate, 'The operator of that host has to renew or correct its certificate.'];
  if (notTls(code))
    return [
      'does not speak TLS on this port',
      'Check the port; a server without TLS has to be allowed by name.',
    ];
  const happened = Object.hasOwn(happenings, code) ? happenings[code] : undefined;
  return [
    happened ?? `gave no answer (${code.replace(/[^A-Z0-9_]/g, '?').slice(0, 40)})`,
    fixFor(code),
  ];
}

function fixFor(code: string): string {
  if (code === 'ENOTFOUND')
    return 'Check the spelling of the host, and that this runner may look it up.';
  if (code === 'PROXY_LOGIN')
    return 'Write them into HTTPS_PROXY (for plain http HTTP_PROXY), percent-encoded: `http://user:password@proxy.corp.example:3128`.';
  if (code === 'PROXY_REFUSAL')
    return 'Have the proxy allow this host, or list it in NO_PROXY where it can be reached directly.';
  if (code === 'ERR_PROXY_TUNNEL')
    return 'Check HTTPS_PROXY, and list hosts that need no proxy in NO_PROXY.';
  return 'Check that the server runs and that this runner may reach it; behind a company proxy set HTTPS_PROXY and NO_PROXY.';
}

function notTls(code: string): boolean {
  return (
    code === 'EPROTO' ||
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
    code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
  );
}

function codeOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}
