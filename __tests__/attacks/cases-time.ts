import { createHash } from 'node:crypto';
import {
  type Certified,
  codeSigning,
  extendedKeyUsage,
  keyUsage,
  newRoot,
  newTimestamper,
  timeStamping,
} from '../sandbox/sigstore/certificates.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { flip } from '../signature/tampering.ts';
import { type Attack, edited, made, type Scene } from './attack.ts';
import { base64, certify, chainOf, type Forge, minutes, sha256 } from './forge.ts';
import { inRekor2, type Json, stampedOnly } from './material.ts';
import { stamp } from './stamp.ts';
import { honestShapes, hostileShapes, inBer, shaped } from './timestamp-shapes.ts';

const ignoring = { policy: () => ({ tlog: 'ignore' as const }) };

/** A bundle in no log whose timestamp an attacker makes anew over the right signature. */
function restamped(
  name: string,
  stamp: (signature: Buffer, forge: Forge) => Buffer,
  more: Partial<Attack> = {},
): Attack {
  const lay = ({ forge, store, bundle }: Scene, evil: boolean): void => {
    const good = bundle(stampedOnly);
    const signature = Buffer.from(good.dsseEnvelope.signatures[0].sig, 'base64');
    const [own] = good.verificationMaterial.timestampVerificationData.rfc3161Timestamps;
    if (evil) own.signedTimestamp = base64(stamp(signature, forge));
    store.bundle(good);
  };
  return { name, code: 'bad-timestamp', lay, ...ignoring, ...more };
}

/** A timestamp authority that nobody trusts. */
function stranger(name = 'tsa'): { root: Certified; authority: Certified } {
  const root = newRoot('tsa-root', 'P-256', 0);
  return { root, authority: newTimestamper(name, root) };
}

const sha256Id = '2.16.840.1.101.3.4.2.1';

/** A timestamp that the trusted authority signs with its time as it is to stand there. */
const timeAs =
  (time: string) =>
  (signature: Buffer, forge: Forge): Buffer =>
    stamp(
      { time, imprint: { id: sha256Id, digest: sha256(signature) } },
      forge.timestamper,
      forge.timestampRoot,
    );

const imprintAs =
  (id: string, digestOf: (signature: Buffer) => Buffer) =>
  (signature: Buffer, forge: Forge): Buffer =>
    stamp(
      { time: '20261120120100Z', imprint: { id, digest: digestOf(signature) } },
      forge.timestamper,
      forge.timestampRoot,
    );

/** Time: what proves when it was signed, and what the certificate says to that. */
export const timeCases: readonly Attack[] = [
  restamped('a timestamp over other bytes', (_signature, forge) =>
    forge.timestamp(Buffer.from('x'), minutes(1)),
  ),
  restamped('a timestamp over the payload instead of the signature', (_signature, forge) =>
    forge.timestamp(sha256('payload'), minutes(1)),
  ),
  restamped('a timestamp of an unknown authority', (signature, forge) => {
    const { root, authority } = stranger('evil');
    return forge.timestamp(signature, minutes(1), authority, root);
  }),
  restamped(
    'a timestamp of an unknown authority that takes the name and number of the right one',
    (signature, forge) => {
      const { root, authority } = stranger();
      const { serial, name } = forge.timestamper;
      return forge.timestamp(
        signature,
        minutes(1),
        { ...authority, serial, name },
        { ...root, name: forge.timestampRoot.name },
      );
    },
  ),
  restamped('a timestamp by the root of the authority', (signature, forge) =>
    forge.timestamp(signature, minutes(1), forge.timestampRoot, forge.timestampRoot),
  ),
  restamped('a timestamp by a code-signing certificate of Fulcio', (signature, forge) => {
    const key = newEcKey();
    const der = forge.certificate(key);
    const own = { key, der, name: forge.intermediate.name, serial: Buffer.from([1]) };
    return forge.timestamp(signature, minutes(1), own, forge.intermediate);
  }),
  restamped('a timestamp by a sister certificate with another purpose', (signature, forge) => {
    const sister = certify('tsa', newEcKey(), forge.timestampRoot, [
      keyUsage.digitalSignature(),
      extendedKeyUsage(codeSigning, true),
    ]);
    return forge.timestamp(signature, minutes(1), sister);
  }),
  restamped(
    'a timestamp over the SHA-1 of the signature',
    imprintAs('1.3.14.3.2.26', (signature) => createHash('sha1').update(signature).digest()),
  ),
  restamped(
    'a timestamp over an empty digest',
    imprintAs(sha256Id, () => Buffer.alloc(0)),
  ),
  restamped(
    'a timestamp over the start of the digest',
    imprintAs(sha256Id, (signature) => sha256(signature).subarray(0, 16)),
  ),
  restamped('a timestamp that was not granted', (signature, forge) => {
    const der = forge.timestamp(signature, minutes(1));
    der.writeUInt8(2, der.indexOf(Buffer.from([0x30, 0x03, 0x02, 0x01, 0x00])) + 4);
    return der;
  }),
  restamped('a timestamp with a bit of its time turned', (signature, forge) => {
    const der = forge.timestamp(signature, minutes(1));
    der.writeUInt8((der[der.indexOf('20261120') + 11] ?? 0) ^ 1, der.indexOf('20261120') + 11);
    return der;
  }),
  restamped('a timestamp with bytes behind it', (signature, forge) =>
    Buffer.concat([forge.timestamp(signature, minutes(1)), Buffer.from([5, 0])]),
  ),
  restamped('a timestamp cut short', (signature, forge) =>
    forge.timestamp(signature, minutes(1)).subarray(0, -10),
  ),
  restamped('a timestamp of 20,000 nested sequences', () => nested(20_000)),
  restamped('a timestamp that is an empty sequence', () => Buffer.from([0x30, 0])),
  edited(
    'a timestamp that is nothing',
    'bad-timestamp',
    'timestamps.0.signedTimestamp',
    '',
    stampedOnly,
    ignoring,
  ),
  edited(
    'the timestamp twice',
    'bad-timestamp',
    'timestamps',
    (old: unknown[]) => [...old, ...old],
    stampedOnly,
    ignoring,
  ),
  edited(
    'nine timestamps',
    'malformed',
    'timestamps',
    (old: unknown[]) => Array(9).fill(old[0]),
    stampedOnly,
    ignoring,
  ),
  edited(
    'a good timestamp and a forged one',
    'bad-timestamp',
    'timestamps',
    (old: Json[]) => [...old, { signedTimestamp: flip(old[0]?.signedTimestamp, -9 + 4000) }],
    stampedOnly,
    ignoring,
  ),
  ...Object.entries(hostileShapes).map(([name, edit]) =>
    restamped(`a timestamp with ${name}`, (signature, forge) => shaped(signature, forge, edit)),
  ),
  restamped('a timestamp in BER', (signature, forge) => inBer(shaped(signature, forge, {}))),
  ...Object.entries(honestShapes).map(([name, edit]) =>
    restamped(
      `a timestamp with ${name} is one`,
      (signature, forge) => shaped(signature, forge, edit),
      { code: 'verified', passes: true },
    ),
  ),
  ...['20261120120100.500Z', '20261120120100.10Z', '20261120120100.123456789Z'].map((time) =>
    passing(`the time ${time} is one`, time),
  ),
  ...[
    '20261120120100+0100',
    '20261120120100',
    '2026112012Z',
    '20261320120100Z',
    '20260230120100Z',
    '20261120126000Z',
    '99999999999999Z',
    '20261120120100.Z',
  ].map((time) => restamped(`the time ${time} is none`, timeAs(time))),
  restamped(
    'a timestamp of before the certificate',
    (signature, forge) => forge.timestamp(signature, minutes(-2)),
    {
      code: 'untrusted-certificate',
    },
  ),
  restamped(
    'a timestamp of after the certificate',
    (signature, forge) => forge.timestamp(signature, minutes(10)),
    {
      code: 'untrusted-certificate',
    },
  ),
  restamped('a timestamp one millisecond after the certificate', timeAs('20261120120900.001Z'), {
    code: 'untrusted-certificate',
  }),
  restamped(
    'a timestamp of before the authority was trusted',
    (signature, forge) => forge.timestamp(signature, minutes(1)),
    {
      lay: ({ store, bundle }) => void store.bundle(bundle(stampedOnly)),
      trust: (forge, evil) =>
        evil
          ? forge.trust(
              (root) => (root.timestampAuthorities[0].validFor.start = minutes(5).toISOString()),
            )
          : forge.trust(),
    },
  ),
  restamped('a timestamp of after the authority\u2019s own certificate', () => Buffer.alloc(0), {
    lay: ({ forge, store, bundle }, evil) => {
      const short = shortLived(forge);
      const good = bundle({ log: 'none' });
      const signature = Buffer.from(good.dsseEnvelope.signatures[0].sig, 'base64');
      const stamp = forge.timestamp(signature, minutes(evil ? 5 : 1), short);
      good.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [
        { signedTimestamp: base64(stamp) },
      ];
      store.bundle(good);
    },
    trust: (forge) =>
      forge.trust(
        (root) =>
          (root.timestampAuthorities[0].certChain = chainOf(
            shortLived(forge),
            forge.timestampRoot,
          )),
      ),
  }),
  made('a log entry of after the certificate', 'untrusted-certificate', () => ({
    at: minutes(10),
  })),
  made('a log entry of before the certificate', 'untrusted-certificate', () => ({
    at: minutes(-2),
  })),
  made(
    'a log entry in time and a timestamp that is not',
    'untrusted-certificate',
    () => ({ timestamp: minutes(20) }),
    {
      timestamp: minutes(1),
    },
  ),
  made(
    'a timestamp in time and a log entry that is not',
    'untrusted-certificate',
    () => ({ at: minutes(20) }),
    { timestamp: minutes(1) },
  ),
  made(
    'a Rekor v2 entry with a timestamp of after the certificate',
    'untrusted-certificate',
    () => ({ timestamp: minutes(10) }),
    inRekor2,
  ),
];

const lives = new WeakMap<Forge, Certified>();
/** An authority whose certificate ends two minutes after the honest signing time. */
function shortLived(forge: Forge): Certified {
  const extensions = [keyUsage.digitalSignature(), extendedKeyUsage(timeStamping, true)];
  const known =
    lives.get(forge) ??
    certify('tsa-short', newEcKey(), forge.timestampRoot, extensions, [minutes(-60), minutes(2)]);
  lives.set(forge, known);
  return known;
}

function passing(name: string, time: string): Attack {
  return restamped(name, timeAs(time), { passes: true, code: 'verified' });
}

function nested(levels: number): Buffer {
  let der = Buffer.alloc(0);
  const parts: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < levels; level++) {
    const head =
      length < 128
        ? Buffer.from([0x30, length])
        : length < 65536
          ? Buffer.from([0x30, 0x82, length >> 8, length & 255])
          : Buffer.from([0x30, 0x83, length >> 16, (length >> 8) & 255, length & 255]);
    parts.push(head);
    length += head.length;
  }
  der = Buffer.concat(parts.reverse());
  return der;
}
