import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate authority made for one test, and a server certificate of it, all as PEM. */
export interface TestCertificates {
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes a P-256 certificate authority and a certificate for these host names (127.0.0.1 and
 * localhost always), valid for a day (or from yesterday to an hour ago, when `expired`). X.509 as
 * RFC 5280 writes it, in DER by hand: Node can read certificates, not make them.
 */
export function makeCertificates(
  names: readonly string[] = [],
  { expired = false } = {},
): TestCertificates {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const dns = ['localhost', ...names].map((name) => tlv(0x82, Buffer.from(name, 'latin1')));
  const ip = tlv(0x87, Buffer.from([127, 0, 0, 1]));
  const caExtensions = [
    extension('551d13', sequence(boolean)),
    extension('551d0f', tlv(0x03, Buffer.from([1, 0x06]))),
  ];
  const serverExtensions = [
    extension('551d11', sequence(...dns, ip)),
    extension('551d0f', tlv(0x03, Buffer.from([7, 0x80]))),
    extension('551d25', sequence(oid('2b06010505070301'))),
  ];
  return {
    ca: certificate(
      'Sandbox CA',
      'Sandbox CA',
      authority.publicKey,
      authority.privateKey,
      caExtensions,
      false,
    ),
    key: server.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: certificate(
      '127.0.0.1',
      'Sandbox CA',
      server.publicKey,
      authority.privateKey,
      serverExtensions,
      expired,
    ),
  };
}

function certificate(
  subject: string,
  issuer: string,
  key: KeyObject,
  issuerKey: KeyObject,
  extensions: Buffer[],
  expired: boolean,
): string {
  const now = Date.now();
  const [from, to] = expired
    ? [now - 86_400_000, now - 3_600_000]
    : [now - 3_600_000, now + 86_400_000];
  const serial = Buffer.concat([Buffer.from([0x40]), randomBytes(15)]);
  const algorithm = sequence(oid('2a8648ce3d040302')); // ecdsa-with-SHA256
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    algorithm,
    distinguished(issuer),
    sequence(time(from), time(to)),
    distinguished(subject),
    key.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, issuerKey)]));
  const text = sequence(body, algorithm, signature).toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${text.trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]) => tlv(0x30, ...parts);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
const boolean = tlv(0x01, Buffer.from([0xff]));
const distinguished = (name: string) =>
  sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(name)))));
const extension = (id: string, value: Buffer) => sequence(oid(id), tlv(0x04, value));
const time = (at: number) =>
  tlv(0x18, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')}`, 'latin1'));
