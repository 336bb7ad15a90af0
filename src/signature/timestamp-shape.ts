import type { ASN1Obj } from '@sigstore/core';
import { hasDerHeader } from './der-certificate.ts';

const oid = {
  signedData: '1.2.840.113549.1.7.2',
  tokenInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
} as const;

/** Bytes of a digest, by the algorithms that are taken. */
const digestLengths: Readonly<Record<string, number | undefined>> = {
  '2.16.840.1.101.3.4.2.1': 32,
  '2.16.840.1.101.3.4.2.2': 48,
  '2.16.840.1.101.3.4.2.3': 64,
};

/** What one element has to be, by its tag. */
type Kind = (tag: ASN1Obj['tag']) => boolean;

const universal =
  (number: number, constructed: boolean): Kind =>
  (tag) =>
    tag.isUniversal() && tag.number === number && tag.constructed === constructed;
const integer = universal(0x02, false);
const bitString = universal(0x03, false);
const octetString = universal(0x04, false);
const identifier = universal(0x06, false);
const boolean = universal(0x01, false);
const nothing = universal(0x05, false);
const sequence = universal(0x10, true);
const set = universal(0x11, true);
const time = universal(0x18, false);
const context =
  (number: number): Kind =>
  (tag) =>
    tag.isContextSpecific(number) && tag.constructed;

/**
 * Checks that a granted TimeStampResp is what RFC 3161 (2.4.2) and RFC 5652 (5.1 to 5.4) say, in
 * DER: every field in its place, nothing twice, nothing besides. @sigstore/core takes fields by
 * their position from the front or from the end, and the first that fits: with a second signer, a
 * second digest or a field in between, two readers could see two timestamps.
 * @throws {Error} with what is not so
 */
export function checkTimestampShape(response: ASN1Obj): void {
  refuseOtherThanDer(response);
  const [status, token] = fields(response, 'the response', [sequence, sequence]);
  fields(status, 'its status', [integer], [sequence, bitString]);
  const [type, wrapped] = fields(token, 'its token', [identifier, context(0)]);
  if (type?.toOID() !== oid.signedData) throw new Error('its token is not signed data');
  const [data] = fields(wrapped, 'its token', [sequence]);
  const parts = dataFields(data);
  checkContent(parts.content);
  const [signer] = fields(parts.signers, 'its list of signers', [sequence]);
  checkSigner(signer);
}

function dataFields(data: ASN1Obj | undefined) {
  const subs = data?.subs ?? [];
  const optional = subs.slice(3, -1).map(({ tag }) => tag);
  const isOptional =
    optional.length === 0 ||
    (optional.length === 1 && optional.some((tag) => context(0)(tag) || context(1)(tag))) ||
    (optional.length === 2 && optional.every((tag, number) => context(number)(tag)));
  const front = subs.slice(0, 3);
  const signers = subs.at(-1);
  const isFront = [integer, set, sequence].every((kind, index) => {
    const tag = front[index]?.tag;
    return tag !== undefined && kind(tag);
  });
  if (subs.length < 4 || !isFront || !isOptional || signers === undefined || !set(signers.tag))
    throw new Error('its signed data has other fields than it should');
  return { content: front[2], signers };
}

function checkContent(content: ASN1Obj | undefined): void {
  const [type, wrapped] = fields(content, 'its content', [identifier, context(0)]);
  if (type?.toOID() !== oid.tokenInfo) throw new Error('its content is not a timestamp');
  const [octets] = fields(wrapped, 'its content', [octetString]);
  const [info, ...more] = octets?.subs ?? [];
  if (info === undefined || more.length > 0) throw new Error('its content is not one timestamp');
  refuseOtherThanDer(info);
  const [version, , imprint] = fields(
    info,
    'its timestamp',
    [integer, identifier, sequence, integer, time],
    [sequence, boolean, integer, context(0), context(1)],
  );
  if (version?.toInteger() !== 1n) throw new Error('its timestamp is of another version');
  const [algorithm, digest] = fields(imprint, 'its imprint', [sequence, octetString]);
  if (digestLengths[digestOf(algorithm)] !== digest?.value.length)
    throw new Error('its imprint is no digest');
  // RFC 3161, 2.4.2: an extension that is critical and unknown is a reason to refuse; none is known.
  const extensions = info.subs.find(({ tag }) => context(1)(tag))?.subs ?? [];
  if (extensions.some(({ subs }) => subs.length !== 2))
    throw new Error('its timestamp has a critical extension that is not known here');
}

function checkSigner(signer: ASN1Obj | undefined): void {
  const [, issuer, digest, attributes] = fields(
    signer,
    'its signer',
    [integer, sequence, sequence, context(0), sequence, octetString],
    [context(1)],
  );
  fields(issuer, 'the name of its signer', [sequence, integer]);
  const length = digestLengths[digestOf(digest)];
  if (length === undefined) throw new Error('its digest is of another kind');
  const values = new Map<string, ASN1Obj | undefined>();
  for (const attribute of attributes?.subs ?? []) {
    const [type, list] = fields(attribute, 'a signed attribute', [identifier, set]);
    const id = type?.toOID() ?? '';
    if (values.has(id) || list?.subs.length !== 1)
      throw new Error('it has a signed attribute twice, or without a value');
    values.set(id, list.subs[0]);
  }
  const [type, message] = [values.get(oid.contentType), values.get(oid.messageDigest)];
  if (type === undefined || !identifier(type.tag) || type.toOID() !== oid.tokenInfo)
    throw new Error('its signed attributes do not say that it is a timestamp');
  if (message === undefined || !octetString(message.tag) || message.value.length !== length)
    throw new Error('its signed attributes have no digest');
}

function digestOf(algorithm: ASN1Obj | undefined): string {
  const [id] = fields(algorithm, 'an algorithm', [identifier], [nothing]);
  return id?.toOID() ?? '';
}

/** The fields of a value: all of the first kinds, then any of the others, each once and in order. */
function fields(
  value: ASN1Obj | undefined,
  what: string,
  required: readonly Kind[],
  optional: readonly Kind[] = [],
): readonly (ASN1Obj | undefined)[] {
  const subs = value?.subs ?? [];
  let at = 0;
  const isThere = required.every((kind) => {
    const tag = subs[at++]?.tag;
    return tag !== undefined && kind(tag);
  });
  for (const kind of optional) {
    const tag = subs[at]?.tag;
    if (tag !== undefined && kind(tag)) at++;
  }
  if (!isThere || at !== subs.length) throw new Error(`${what} has other fields than it should`);
  return subs;
}

/** What is wrapped in an OCTET STRING is another value, and mostly none at all. */
function refuseOtherThanDer(value: ASN1Obj): void {
  if (!hasDerHeader(value)) throw new Error('it is not in DER');
  if (value.tag.constructed) value.subs.forEach(refuseOtherThanDer);
}
