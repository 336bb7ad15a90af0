import { ASN1Obj, RFC3161Timestamp } from '@sigstore/core';
import { Refusal, shownError } from './refusal.ts';
import { checkTimestampShape } from './timestamp-shape.ts';

/**
 * An RFC 3161 response whose time is read as DER writes it: @sigstore/core knows no fraction of a
 * second but one of three digits.
 */
class Timestamp extends RFC3161Timestamp {
  override get signingTime(): Date {
    const genTime = this.tstInfo.root.subs[4];
    if (genTime === undefined) throw new Error('it carries no time');
    return parseGeneralizedTime(genTime.value.toString('latin1'));
  }
}

// X.690 11.7: UTC, seconds always, a fraction only without trailing zeros. One with them is refused
// by strict readers but is still a time: taken.
const generalizedTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z$/;

/**
 * A DER GeneralizedTime as a Date (milliseconds; finer digits are cut).
 * @throws {Error} when it is no such time, or a date that does not exist.
 */
export function parseGeneralizedTime(text: string): Date {
  const parts = generalizedTime.exec(text);
  if (parts === null) throw new Error('its time is not a GeneralizedTime in UTC');
  const [, year, month, day, hour, minute, second, fraction = ''] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const date = new Date(iso);
  // The 30th of February is rolled over by Date: a time must say what it is.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso)
    throw new Error('its time does not exist');
  return date;
}

/**
 * Reads an RFC 3161 TimeStampResp (DER). Nothing of it is verified yet, but it has a time.
 * @throws {Refusal} `bad-timestamp` when it cannot be read.
 */
export function parseTimestamp(der: Buffer): RFC3161Timestamp {
  try {
    const response = ASN1Obj.parseBuffer(Buffer.from(der));
    const timestamp = new Timestamp(response);
    // 0 granted, 1 grantedWithMods: any other status carries no token that counts (RFC 3161 section
    // 2.4.2).
    if (timestamp.status !== 0n && timestamp.status !== 1n)
      throw new Error('the authority did not grant it');
    checkTimestampShape(response);
    // @sigstore/verify asks for these outside of its own error handling: what is missing must be
    // found here.
    void [
      timestamp.signingTime,
      timestamp.signerIssuer.length,
      timestamp.signerSerialNumber.length,
    ];
    return timestamp;
  } catch (error) {
    throw new Refusal(
      'bad-timestamp',
      `The RFC 3161 timestamp cannot be read: ${shownError(error)}.`,
      { cause: error },
    );
  }
}
