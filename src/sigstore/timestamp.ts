import { randomBytes } from 'node:crypto';
import { ASN1Obj, RFC3161Timestamp } from '@sigstore/core';
import type { SignatureBundle, VerificationMaterial, Witness } from '@sigstore/sign';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import { checkTimestampShape } from '../signature/timestamp-shape.ts';
import { shownInOneLine } from '../text/untrusted.ts';
import { sha256 } from './log-entry.ts';
import { badAnswer, callService, refusalText, type ServiceEndpoint } from './service-call.ts';

export interface TimestampOptions {
  readonly http: Http;
  readonly clock: Clock;
  /** the full URL that takes requests (RFC 3161 section 3.4) */
  readonly url: URL;
  /** milliseconds that may be spent waiting for the authority */
  readonly retryBudget: () => number;
  readonly tryLimit?: ServiceEndpoint['tryLimit'];
  /** the nonce of a request; random where absent */
  readonly nonce?: () => Buffer;
}

const maxAnswer = 256 * 1024;
const sha256Oid = '2.16.840.1.101.3.4.2.1';
const nonceLength = 16;

/**
 * Has an RFC 3161 authority say when a signature existed. The answer must be granted, be about this
 * signature (imprint) and an answer to this very request (nonce); whether the authority is trusted
 * is for the judge to say before a push. `testify` throws {Failure} `timestamp-error`.
 */
export function createTimestampWitness(options: TimestampOptions): Witness {
  const service: ServiceEndpoint = {
    name: 'the timestamp authority',
    code: 'timestamp-error',
    ...options,
  };
  return {
    async testify(content: SignatureBundle): Promise<VerificationMaterial> {
      const imprint = sha256(signatureOf(content));
      const nonce = (options.nonce ?? (() => randomBytes(nonceLength)))();
      const response = await callService(service, {
        method: 'POST',
        contentType: 'application/timestamp-query',
        accept: 'application/timestamp-reply',
        body: timestampRequest(imprint, nonce),
        maxBytes: maxAnswer,
      });
      if (response.status !== 200 && response.status !== 201) throw refused(service, response);
      checkAnswer(service, response.body, imprint, positiveInteger(nonce));
      return { rfc3161Timestamps: [{ signedTimestamp: response.body }] };
    },
  };
}

/** What is timestamped: the signature itself, of the envelope or of the message. */
function signatureOf(content: SignatureBundle): Buffer {
  if (content.$case === 'messageSignature') return content.messageSignature.signature;
  const [only, ...more] = content.dsseEnvelope.signatures;
  if (only === undefined || more.length > 0)
    throw new Error('the envelope has not exactly one signature');
  return only.sig;
}

/**
 * TimeStampReq of RFC 3161 section 2.4.1, with the certificates asked for (a verifier may hold the
 * root only).
 */
function timestampRequest(imprint: Buffer, nonce: Buffer): Buffer {
  const sha256Algorithm = der(
    0x30,
    Buffer.from('0609608648016503040201', 'hex'),
    Buffer.from('0500', 'hex'),
  );
  return der(
    0x30,
    der(0x02, Buffer.of(1)),
    der(0x30, sha256Algorithm, der(0x04, imprint)),
    der(0x02, positiveInteger(nonce)),
    der(0x01, Buffer.of(0xff)),
  );
}

/**
 * The content of a DER INTEGER that is these bytes, read as a positive number in the fewest bytes.
 */
function positiveInteger(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return ((trimmed[0] ?? 0) & 0x80) === 0 ? trimmed : Buffer.concat([Buffer.of(0), trimmed]);
}

/**
 * One DER element; everything in a request is shorter than 128 bytes, so its length is one byte.
 */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag, content.length), content]);
}

function checkAnswer(
  service: ServiceEndpoint,
  bytes: Buffer,
  imprint: Buffer,
  nonce: Buffer,
): void {
  let answer: { status: bigint; why: string; problem: string | undefined };
  try {
    answer = readAnswer(Buffer.from(bytes), imprint, nonce);
  } catch (caught) {
    throw badAnswer(service, 'it is not a timestamp response (RFC 3161)', caught);
  }
  if (answer.status !== 0n) {
    throw new Failure(
      service.code,
      `The timestamp authority at ${service.url.origin} refused the request (status ${answer.status}${answer.why}).`,
      'Use an authority that takes SHA-256 and returns its certificates, in `timestamp-url:` or the signing config.',
    );
  }
  if (answer.problem !== undefined) throw badAnswer(service, answer.problem);
}

/** Status 1 (granted with modifications) is refused too: nothing that was asked may be changed. */
function readAnswer(
  bytes: Buffer<ArrayBuffer>,
  imprint: Buffer,
  nonce: Buffer,
): { status: bigint; why: string; problem: string | undefined } {
  const root = ASN1Obj.parseBuffer(bytes);
  const status = root.subs[0]?.subs[0]?.toInteger();
  if (status === undefined) throw new Error('no status');
  if (status !== 0n) return { status, why: statusText(root), problem: undefined };
  checkTimestampShape(root);
  const { tstInfo } = new RFC3161Timestamp(root);
  const [algorithm, digest] = tstInfo.root.subs[2]?.subs ?? [];
  let problem: string | undefined;
  // Somebody else's timestamp, or one that was recorded earlier, would vouch for a time at which
  // this signature was not there.
  if (algorithm?.subs[0]?.toOID() !== sha256Oid || !digest?.value.equals(imprint))
    problem = 'the timestamp is about something else than our signature';
  const answered = tstInfo.root.subs.slice(5).find(({ tag }) => tag.isInteger())?.value;
  if (problem === undefined && !answered?.equals(nonce))
    problem = 'the timestamp does not answer our request: its nonce is another one';
  return { status, why: '', problem };
}

/** PKIStatusInfo: free text, for a person; cut, and in one line. */
function statusText(root: ASN1Obj): string {
  const texts = root.subs[0]?.subs[1];
  const text =
    texts?.tag.constructed === true
      ? texts.subs.map(({ value }) => value.toString('utf8')).join(' ')
      : '';
  const line = shownInOneLine(text, 200);
  return line === '' ? '' : `: ${line}`;
}

function refused(service: ServiceEndpoint, response: HttpResponse): Failure {
  const said = refusalText(response);
  return new Failure(
    service.code,
    `The timestamp authority at ${service.url.href} did not answer with a timestamp (${response.status}${said === '' ? '' : `: ${said}`}).`,
    "Check `timestamp-url:`: it is the full address that takes RFC 3161 requests, for Sigstore's server `https://HOST/api/v1/timestamp`.",
  );
}
