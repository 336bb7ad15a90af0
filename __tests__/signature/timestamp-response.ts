import { createHash, type KeyObject, sign } from 'node:crypto';
import { commonName, der, integer, octets, oid, sequence } from './der.ts';

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
const sha256Algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'));
const tstInfoType = oid('1.2.840.113549.1.9.16.1.4');

/** Who stamps: its key, and how its certificate names issuer and serial number. */
export interface Stamper {
  readonly key: KeyObject;
  readonly issuer: string;
  readonly serial: number;
}

/**
 * An RFC 3161 response over `data`, with the time as it is to stand there (a GeneralizedTime, right
 * or wrong).
 */
export function timestampResponse(
  data: Uint8Array,
  time: string,
  stamper: Stamper,
  status = 0,
): Buffer {
  const imprint = sequence(sha256Algorithm, octets(sha256(data)));
  const info = sequence(
    integer(1),
    oid('1.3.6.1.4.1.57264.2'),
    imprint,
    integer(5),
    der(0x18, Buffer.from(time)),
  );
  const attribute = (type: string, value: Buffer) => sequence(oid(type), der(0x31, value));
  const attributes = [
    attribute('1.2.840.113549.1.9.3', tstInfoType),
    attribute('1.2.840.113549.1.9.4', octets(sha256(info))),
  ];
  const signature = sign('sha256', der(0x31, ...attributes), stamper.key);
  const signerInfo = sequence(
    integer(1),
    sequence(commonName(stamper.issuer), integer(stamper.serial)),
    sha256Algorithm,
    der(0xa0, ...attributes),
    sequence(oid('1.2.840.10045.4.3.2')),
    octets(signature),
  );
  const content = sequence(tstInfoType, der(0xa0, octets(info)));
  const signedData = sequence(
    integer(3),
    der(0x31, sha256Algorithm),
    content,
    der(0x31, signerInfo),
  );
  return sequence(
    sequence(integer(status)),
    sequence(oid('1.2.840.113549.1.7.2'), der(0xa0, signedData)),
  );
}
