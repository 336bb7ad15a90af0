import { createHash, sign } from 'node:crypto';
import type { Certified } from '../sandbox/sigstore/certificates.ts';
import {
  context,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  setOf,
  tlv,
} from '../sandbox/sigstore/der.ts';

const tokenInfo = '1.2.840.113549.1.9.16.1.4';
const sha256 = oid('2.16.840.1.101.3.4.2.1');

/** What an authority may be made to sign that the sandbox's own never would. */
export interface Stamp {
  /** a GeneralizedTime, right or wrong, as it is to stand there */
  readonly time: string;
  /** the imprint's algorithm and digest */
  readonly imprint: { readonly id: string; readonly digest: Buffer };
}

/** An RFC 3161 response with such a token, truly signed by the authority. */
export function stamp({ time, imprint }: Stamp, authority: Certified, issuer: Certified): Buffer {
  const info = sequence(
    integer(1),
    oid('1.3.6.1.4.1.57264.2'),
    sequence(sequence(oid(imprint.id), nothing()), octetString(imprint.digest)),
    integer(5),
    tlv(0x18, Buffer.from(time)),
  );
  const attribute = (type: string, value: Buffer) => sequence(oid(type), setOf(value));
  const digest = createHash('sha256').update(info).digest();
  const signed = [
    attribute('1.2.840.113549.1.9.3', oid(tokenInfo)),
    attribute('1.2.840.113549.1.9.4', octetString(digest)),
  ];
  const signer = sequence(
    integer(1),
    sequence(issuer.name, integer(authority.serial)),
    sequence(sha256),
    context(0, ...signed),
    sequence(oid('1.2.840.10045.4.3.2')),
    octetString(sign('sha256', setOf(...signed), authority.key)),
  );
  const data = sequence(
    integer(3),
    setOf(sequence(sha256)),
    sequence(oid(tokenInfo), context(0, octetString(info))),
    setOf(signer),
  );
  return sequence(sequence(integer(0)), sequence(oid('1.2.840.113549.1.7.2'), context(0, data)));
}
