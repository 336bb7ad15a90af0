import { type Certified, certificatePem } from './certificates.ts';
import { type DerValue, dottedOid, integer, readDer } from './der.ts';
import type { Answer, Handler, ServiceRequest } from './service.ts';
import { swaggerError, swaggerMedia, swaggerMethod, swaggerNotFound, uncached } from './swagger.ts';
import {
  type StampedHash,
  type TimestampRequest,
  timestampPolicy,
  timestampResponse,
} from './timestamp-token.ts';

export interface TimestampParts {
  readonly root: Certified;
  readonly authority: Certified;
  readonly now: () => Date;
}

const path = '/api/v1/timestamp';
const reply = 'application/timestamp-reply';
const accepted = ['application/timestamp-query', 'application/json'];

/**
 * Digest lengths in bytes of the hashes that the authority takes, and of SHA-1, which it calls
 * weak.
 */
const hashes: Record<string, { name: StampedHash['name'] | 'sha1'; length: number }> = {
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', length: 32 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', length: 48 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', length: 64 },
  '1.3.14.3.2.26': { name: 'sha1', length: 20 },
};

/** A refused request; the message is told to the client. */
class Refused extends Error {}
const unreadable = 'Error generating timestamp response';

/**
 * The timestamp authority's HTTP interface: `POST /api/v1/timestamp` (RFC 3161, 3.4), `GET
 * /api/v1/timestamp/certchain`, `GET /ping`.
 */
export function newTimestampAuthority(parts: TimestampParts): Handler {
  return (request) => {
    const { pathname } = request.url;
    const wanted = { [path]: 'POST', [`${path}/certchain`]: 'GET', '/ping': 'GET' }[pathname];
    if (wanted === undefined) return swaggerNotFound(pathname);
    if (request.method !== wanted) return swaggerMethod(request.method, wanted);
    if (pathname === '/ping')
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: '.' };
    if (pathname !== path) return chain(parts);
    return timestamp(request, parts);
  };
}

const chain = ({ authority, root }: TimestampParts): Answer => ({
  status: 200,
  headers: {
    'content-type': 'application/pem-certificate-chain',
    'cache-control': 'max-age=86400, immutable',
    vary: 'Origin',
  },
  body: certificatePem(authority) + certificatePem(root),
});

function timestamp({ headers, body }: ServiceRequest, parts: TimestampParts): Answer {
  const type =
    (headers['content-type'] ?? 'application/octet-stream').split(';')[0]?.trim().toLowerCase() ??
    '';
  if (!accepted.includes(type))
    return { ...swaggerMedia(headers['content-type'] ?? type, accepted), headers: uncached };
  if (body.length === 0)
    return { ...swaggerError(422, 'request in body is required', 602), headers: uncached };
  // The real authority can write its answer in this one form, and fails when the client accepts
  // another.
  const accepts = headers.accept ?? '*/*';
  const writable = /\*\/\*|application\/(\*|timestamp-reply)/.test(accepts);
  if (!writable)
    return { status: 500, headers: { ...uncached, 'content-type': 'application/json' } };
  try {
    const query = type === 'application/json' ? readJson(body) : readQuery(body);
    const response = timestampResponse(query, parts.authority, parts.root, parts.now());
    return { status: 200, headers: { ...uncached, 'content-type': reply }, body: response };
  } catch (error) {
    const message = error instanceof Refused ? error.message : unreadable;
    // The content type is that of a reply even for an error.
    return {
      status: 400,
      headers: { ...uncached, 'content-type': reply },
      body: Buffer.from(JSON.stringify({ code: 400, message })),
    };
  }
}

/** Reads a TimeStampReq (RFC 3161, 2.4.1). */
function readQuery(der: Buffer): TimestampRequest {
  const [version, imprint, ...optional] = members(readDer(der), 0x30);
  if (version?.tag !== 0x02 || !imprint) throw new Refused(unreadable);
  const [algorithm, digest] = members(imprint, 0x30);
  const [hash] = algorithm ? members(algorithm, 0x30) : [];
  if (!hash || digest?.tag !== 0x04) throw new Refused(unreadable);
  const take = (tag: number): DerValue | undefined =>
    optional[0]?.tag === tag ? optional.shift() : undefined;
  const policy = take(0x06);
  const nonce = take(0x02);
  const certificates = take(0x01);
  const extensions = take(0xa0);
  if (optional.length > 0) throw new Refused(unreadable);
  const checked = checkedHash(dottedOid(hash), digest.content.length);
  if (policy && dottedOid(policy) !== timestampPolicy)
    throw new Refused('unaccepted policy: requested TSA policy is not supported by the TSA');
  if (extensions)
    throw new Refused('unaccepted extension: requested extensions are not supported by the TSA');
  return {
    hash: checked,
    digest: digest.content,
    certificates: certificates?.content[0] === 0xff,
    ...(nonce ? { nonce: nonce.raw } : {}),
  };
}

function members(value: DerValue, tag: number): readonly DerValue[] {
  if (value.tag !== tag) throw new Refused(unreadable);
  return value.children;
}

function checkedHash(dotted: string, length: number): StampedHash {
  const hash = hashes[dotted];
  if (!hash) throw new Refused(unreadable);
  if (hash.name === 'sha1') throw new Refused('Weak hash algorithm in timestamp request');
  if (hash.length !== length)
    throw new Refused('Message digest has incorrect length for specified algorithm');
  return { id: dotted, name: hash.name };
}

/**
 * Reads the JSON form that the real authority takes besides DER: `{artifactHash, hashAlgorithm,
 * nonce, certificates}`.
 */
function readJson(body: Buffer): TimestampRequest {
  const { artifactHash, hashAlgorithm, nonce, certificates } = JSON.parse(
    body.toString(),
  ) as Record<string, unknown>;
  const [hash] = Object.entries(hashes).find(([, { name }]) => name === hashAlgorithm) ?? [];
  if (!hash || typeof artifactHash !== 'string') throw new Refused(unreadable);
  const digest = Buffer.from(artifactHash, 'base64');
  const hex = Number(nonce ?? 0).toString(16);
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  return {
    hash: checkedHash(hash, digest.length),
    digest,
    certificates: certificates === true,
    ...(nonce === undefined ? {} : { nonce: integer(bytes) }),
  };
}
