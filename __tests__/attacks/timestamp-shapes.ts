// RFC 3161 responses whose fields are not where they should be, each truly signed by the authority
// over what it holds: nothing but the shape can be refused.
import { createHash, sign } from 'node:crypto';
import { extension } from '../sandbox/sigstore/certificates.ts';
import {
  bitString,
  boolean,
  context,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  setOf,
  tlv,
} from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { sha256 as digestOf, type Forge } from './forge.ts';

const tokenInfo = '1.2.840.113549.1.9.16.1.4';
const sha256 = '2.16.840.1.101.3.4.2.1';
const attribute = (type: string, ...values: Buffer[]): Buffer =>
  sequence(oid(type), setOf(...values));

/** Every list of fields of a response, to be edited; what is signed is signed afterwards. */
interface Parts {
  readonly response: Buffer[];
  readonly status: Buffer[];
  readonly token: Buffer[];
  readonly data: Buffer[];
  readonly content: Buffer[];
  readonly info: Buffer[];
  readonly imprint: Buffer[];
  readonly attributes: Buffer[];
  readonly signer: Buffer[];
  readonly signers: Buffer[];
}
type Edit = Partial<{ readonly [Name in keyof Parts]: (fields: Buffer[]) => Buffer[] }>;

/** A response over these bytes with its fields edited. */
export function shaped(
  data: Uint8Array,
  { timestamper, timestampRoot }: Forge,
  edit: Edit,
): Buffer {
  const fields = (name: keyof Parts, ...list: Buffer[]) => edit[name]?.(list) ?? list;
  const imprint = sequence(
    ...fields('imprint', sequence(oid(sha256), nothing()), octetString(digestOf(data))),
  );
  const info = sequence(
    ...fields(
      'info',
      integer(1),
      oid('1.3.6.1.4.1.57264.2'),
      imprint,
      integer(5),
      tlv(0x18, Buffer.from('20261120120100Z')),
    ),
  );
  const attributes = fields(
    'attributes',
    attribute('1.2.840.113549.1.9.3', oid(tokenInfo)),
    attribute('1.2.840.113549.1.9.4', octetString(createHash('sha256').update(info).digest())),
  );
  const signature = sign('sha256', tlv(0x31, ...attributes), timestamper.key);
  const signer = sequence(
    ...fields(
      'signer',
      integer(1),
      sequence(timestampRoot.name, integer(timestamper.serial)),
      sequence(oid(sha256)),
      context(0, ...attributes),
      sequence(oid('1.2.840.10045.4.3.2')),
      octetString(signature),
    ),
  );
  const content = sequence(...fields('content', oid(tokenInfo), context(0, octetString(info))));
  const signedData = sequence(
    ...fields(
      'data',
      integer(3),
      setOf(sequence(oid(sha256))),
      content,
      tlv(0x31, ...fields('signers', signer)),
    ),
  );
  const token = sequence(...fields('token', oid('1.2.840.113549.1.7.2'), context(0, signedData)));
  return sequence(...fields('response', sequence(...fields('status', integer(0))), token));
}

const more =
  (...extra: Buffer[]) =>
  (fields: Buffer[]): Buffer[] => [...fields, ...extra];
const put =
  (index: number, value: Buffer) =>
  (fields: Buffer[]): Buffer[] =>
    fields.with(index, value);
const insert =
  (index: number, ...extra: Buffer[]) =>
  (fields: Buffer[]): Buffer[] =>
    fields.toSpliced(index, 0, ...extra);

/** A signer that nobody trusts, with an attribute of its own. */
function stranger(): Buffer {
  const attributes = [attribute('1.2.840.113549.1.9.3', oid(tokenInfo))];
  return sequence(
    integer(1),
    sequence(sequence(), integer(1)),
    sequence(oid(sha256)),
    context(0, ...attributes),
    sequence(oid('1.2.840.10045.4.3.2')),
    octetString(sign('sha256', tlv(0x31, ...attributes), newEcKey())),
  );
}

/** All that RFC 3161 leaves to the authority. */
export const honestShapes: Readonly<Record<string, Edit>> = {
  'nothing besides': {},
  'an accuracy, an order, a nonce and a name': {
    info: more(sequence(integer(1)), boolean(true), integer(7), context(0, context(4, sequence()))),
  },
  'an extension that is not critical': {
    info: more(tlv(0xa1, extension('1.2.3', octetString(Buffer.of(1))))),
  },
  'a status with words': { status: more(sequence(tlv(0x0c, Buffer.from('granted')))) },
  'granted with changes': { status: () => [integer(1)] },
  'certificates and revocations': {
    data: insert(3, context(0, sequence()), context(1, sequence())),
  },
  'other signed attributes': {
    attributes: more(attribute('1.2.840.113549.1.9.5', tlv(0x17, Buffer.from('261120120100Z')))),
  },
  'attributes that are not signed': { signer: more(context(1, attribute('1.2.3', integer(1)))) },
  'an algorithm with NULL': { signer: put(2, sequence(oid(sha256), nothing())) },
};

export const hostileShapes: Readonly<Record<string, Edit>> = {
  'a third field of the response': { response: more(sequence()) },
  'no status': { response: ([, token]) => [token ?? Buffer.alloc(0)] },
  'a status that is a text': { status: more(tlv(0x0c, Buffer.from('granted'))) },
  'a status with a field too many': {
    status: more(sequence(), bitString(Buffer.of(0)), integer(1)),
  },
  'a token of another type': { token: put(0, oid('1.2.840.113549.1.7.1')) },
  'a token with two contents': { token: (all) => [...all, ...all.slice(1)] },
  'a second signer behind': { signers: more(stranger()) },
  'a second signer in front': { signers: (all) => [stranger(), ...all] },
  'no signer': { signers: () => [] },
  'a second list of signers behind': { data: more(tlv(0x31, stranger())) },
  'a second list of signers in front': { data: insert(3, tlv(0x31, stranger())) },
  'a field between content and signers': { data: insert(3, sequence()) },
  'revocations before certificates': {
    data: insert(3, context(1, sequence()), context(0, sequence())),
  },
  'certificates twice': { data: insert(3, context(0, sequence()), context(0, sequence())) },
  'no list of algorithms': { data: (all) => all.toSpliced(1, 1) },
  'content of another type': { content: put(0, oid('1.2.840.113549.1.7.1')) },
  'content twice': { content: (all) => [...all, ...all.slice(1)] },
  'content and an empty one': { content: more(context(0)) },
  'a timestamp of version 2': { info: put(0, integer(2)) },
  'a timestamp with a critical extension': {
    info: more(tlv(0xa1, extension('1.2.3', octetString(Buffer.of(1)), true))),
  },
  'a nonce before the accuracy': { info: more(integer(7), sequence(integer(1))) },
  'two nonces': { info: more(integer(7), integer(8)) },
  'a second time': { info: more(tlv(0x18, Buffer.from('20260101000000Z'))) },
  'an imprint with a second digest': { imprint: more(octetString(Buffer.alloc(32))) },
  'an imprint without an algorithm': { imprint: (all) => all.slice(1) },
  'no digest of the content': { attributes: (all) => all.slice(0, 1) },
  'no type of the content': { attributes: (all) => all.slice(1) },
  'another type of the content': {
    attributes: put(0, attribute('1.2.840.113549.1.9.3', oid('1.2.840.113549.1.7.1'))),
  },
  'the digest twice': { attributes: (all) => [...all, ...all.slice(1)] },
  'an attribute with two values': { attributes: more(attribute('1.2.3', integer(1), integer(2))) },
  'an attribute without a value': { attributes: more(sequence(oid('1.2.3'), setOf())) },
  'attributes in two lists': {
    signer: (all) => [...all, context(0, attribute('1.2.3', integer(1)))],
  },
  'a signer with a field too many': { signer: more(octetString(Buffer.from('x'))) },
  'a signer without an algorithm': { signer: (all) => all.toSpliced(4, 1) },
  'a signer named by its key': { signer: put(1, tlv(0x80, Buffer.alloc(20))) },
  'a signer with a longer name': {
    signer: put(1, sequence(sequence(), integer(1), integer(2))),
  },
  'a digest of MD5': { signer: put(2, sequence(oid('1.2.840.113549.2.5'))) },
};

/** The length of the whole, written in one byte more than it needs (BER, not DER). */
export function inBer(der: Buffer): Buffer {
  const [tag = 0, length = 0] = der;
  const count = length & 0x7f;
  return Buffer.concat([Buffer.of(tag, 0x80 | (count + 1), 0), der.subarray(2)]);
}
