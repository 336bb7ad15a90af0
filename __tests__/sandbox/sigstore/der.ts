/**
 * One DER value as it was read: its tag byte, its content, the values inside it and its own bytes.
 */
export interface DerValue {
  readonly tag: number;
  readonly content: Buffer;
  readonly children: readonly DerValue[];
  readonly raw: Buffer;
}

const maxDepth = 32;

/** Writes a value: tag byte, definite length in its shortest form (X.690, 10.1), content. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.length), body]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.from(evenHex(length.toString(16)), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

const evenHex = (hex: string): string => (hex.length % 2 === 0 ? hex : `0${hex}`);

export const sequence = (...content: readonly Uint8Array[]): Buffer => tlv(0x30, ...content);
export const octetString = (content: Uint8Array): Buffer => tlv(0x04, content);
export const bitString = (content: Uint8Array, unusedBits = 0): Buffer =>
  tlv(0x03, Buffer.from([unusedBits]), content);
export const utf8String = (text: string): Buffer => tlv(0x0c, Buffer.from(text));
export const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.from([value ? 0xff : 0]));
export const nothing = (): Buffer => tlv(0x05);
/**
 * A context-specific constructed value: `[number] EXPLICIT`, or an implicit one when `content` is
 * the inside of a SEQUENCE or SET.
 */
export const context = (number: number, ...content: readonly Uint8Array[]): Buffer =>
  tlv(0xa0 | number, ...content);
/** A context-specific primitive value: `[number] IMPLICIT` of a string type. */
export const implicit = (number: number, content: Uint8Array): Buffer =>
  tlv(0x80 | number, content);
/** A SET OF: DER orders its elements by their bytes. */
export const setOf = (...content: readonly Buffer[]): Buffer =>
  tlv(0x31, ...[...content].sort(Buffer.compare));

/** An INTEGER. Bytes are taken as an unsigned number. */
export function integer(value: number | bigint | Uint8Array): Buffer {
  let bytes =
    value instanceof Uint8Array
      ? Buffer.from(value)
      : Buffer.from(evenHex(value.toString(16)), 'hex');
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1);
  return tlv(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.from([0]) : Buffer.alloc(0), bytes);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

const digits = (date: Date): string =>
  date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
/** A GeneralizedTime of whole seconds. */
export const generalizedTime = (date: Date): Buffer => tlv(0x18, Buffer.from(digits(date)));
/** A UTCTime (RFC 5280, 4.1.2.5.1: for the years up to 2049). */
export const utcTime = (date: Date): Buffer => tlv(0x17, Buffer.from(digits(date).slice(2)));

/**
 * Reads exactly one DER value and everything inside its constructed values.
 * @throws {RangeError} for truncated or trailing bytes, indefinite or non-minimal lengths, tags of
 * several bytes, deep nesting.
 */
export function readDer(bytes: Uint8Array): DerValue {
  const { value, end } = readAt(Buffer.from(bytes), 0, 0);
  if (end !== bytes.length) throw new RangeError('trailing bytes after a DER value');
  return value;
}

function readAt(bytes: Buffer, start: number, depth: number): { value: DerValue; end: number } {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined || depth > maxDepth || (tag & 0x1f) === 0x1f)
    throw new RangeError('not a DER value');
  let begin = start + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || begin + count > bytes.length)
      throw new RangeError('not a DER length');
    length = bytes.readUIntBE(begin, count);
    begin += count;
    if (length < 0x80 || length < 2 ** (8 * (count - 1)))
      throw new RangeError('not the shortest DER length');
  }
  const end = begin + length;
  if (end > bytes.length) throw new RangeError('truncated DER value');
  const children: DerValue[] = [];
  if (tag & 0x20) {
    for (let at = begin; at < end; ) {
      const child = readAt(bytes.subarray(0, end), at, depth + 1);
      children.push(child.value);
      at = child.end;
    }
  }
  return {
    value: { tag, content: bytes.subarray(begin, end), children, raw: bytes.subarray(start, end) },
    end,
  };
}

/** The dotted form of an OBJECT IDENTIFIER's content. */
export function dottedOid(value: DerValue): string {
  if (value.tag !== 0x06 || value.content.length === 0)
    throw new RangeError('not an OBJECT IDENTIFIER');
  const numbers: number[] = [];
  let current = 0;
  for (const byte of value.content) {
    current = current * 128 + (byte & 0x7f);
    if (!(byte & 0x80)) {
      numbers.push(current);
      current = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** Bytes as PEM, 64 characters a line. */
export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
