import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { anyRsaPair } from '../sandbox/rsa-keys.ts';
import { newEcKey, spkiOf } from '../sandbox/sigstore/keys.ts';
import { type Attack, made, type Scene } from './attack.ts';
import { base64, sha256 } from './forge.ts';
import { inRekor2, publicPem, type Wish } from './material.ts';

const curve = (namedCurve: string): KeyObject =>
  generateKeyPairSync('ec', { namedCurve }).privateKey;
const ours = newEcKey();
const stranger = newEcKey();
const p384 = curve('P-384');
const p521 = curve('P-521');
const koblitz = curve('secp256k1');
const edwards = generateKeyPairSync('ed25519').privateKey;
const rsa = anyRsaPair().privateKey;
const shortRsa = anyRsaPair(1024).privateKey;
const idOf = (key: KeyObject): string => base64(sha256(spkiOf(key)));

const by = (...keys: readonly KeyObject[]): Pick<Attack, 'policy'> => {
  const [first = ours, ...rest] = keys.map((key) => ({ key: createPublicKey(key) }));
  return {
    policy: () => ({
      signers: 'key' in first ? [first, ...rest] : [{ key: createPublicKey(ours) }],
      tlog: 'ignore',
    }),
  };
};
const logged: Pick<Attack, 'policy'> = {
  policy: () => ({ signers: [{ key: createPublicKey(ours) }] }),
};
const unlogged: Wish = { key: ours, log: 'none' };
const keyed = (
  name: string,
  code: Attack['code'],
  hostile: Wish | ((scene: Scene) => Wish),
  honest: Wish = unlogged,
  more = by(ours),
): Attack =>
  made(name, code, typeof hostile === 'function' ? hostile : () => hostile, honest, more);
const withHash = (hash: string) => (bytes: Buffer, key: KeyObject) => sign(hash, bytes, key);

/**
 * n - s is as good as s for plain ECDSA: anybody can make the second of the two out of the first.
 */
function otherHalf(bytes: Buffer, key: KeyObject): Buffer {
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const pair = sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
  const number = (from: number) => BigInt(`0x${pair.subarray(from, from + 32).toString('hex')}`);
  const [r, s] = [number(0), number(32)];
  const integer = (value: bigint) => {
    const hex = value.toString(16);
    const digits = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
    const positive = (digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
    return Buffer.concat([Buffer.from([2, positive.length]), positive]);
  };
  const body = Buffer.concat([integer(r), integer(order - s)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** Signatures by key: confusion of keys, curves and hashes, and key ids that lie. */
export const keyCases: readonly Attack[] = [
  keyed('another key', 'wrong-key', { key: stranger }),
  keyed('another key under our key\u2019s hint', 'bad-signature', {
    key: stranger,
    hint: idOf(ours),
  }),
  keyed('the subject edited, the hint ours', 'bad-signature', {
    signedBytes: () => Buffer.from('another statement'),
  }),
  keyed('the bare payload signed, without PAE', 'bad-signature', {
    signedBytes: (_type, payload) => payload,
  }),
  keyed(
    'a certificate where a key is wanted',
    'wrong-key',
    ({ forge: _ }) => ({ key: undefined as never }),
    unlogged,
    by(ours),
  ),
  keyed('the same key, in a certificate of the attacker', 'wrong-key', ({ forge: _ }) => ({
    key: undefined as never,
    signWith: ours,
  })),
  keyed(
    'a key where an identity is wanted',
    'wrong-identity',
    { key: stranger },
    { key: undefined as never },
    { policy: () => ({}) },
  ),
  keyed('SHA-512 with P-256', 'bad-signature', { signature: withHash('sha512') }),
  keyed('SHA-384 with P-256', 'bad-signature', { signature: withHash('sha384') }),
  keyed('SHA-1 with P-256', 'bad-signature', { signature: withHash('sha1') }),
  keyed(
    'SHA-512 with P-384',
    'bad-signature',
    { signature: withHash('sha512') },
    { key: p384, log: 'none' },
    by(p384),
  ),
  keyed(
    'SHA-384 with P-521',
    'bad-signature',
    { signature: withHash('sha384') },
    { key: p521, log: 'none' },
    by(p521),
  ),
  keyed(
    'SHA-1 with P-521',
    'bad-signature',
    { signature: withHash('sha1') },
    { key: p521, log: 'none', signature: withHash('sha512') },
    by(p521),
  ),
  keyed('another curve with as many bits', 'bad-signature', { key: koblitz, hint: idOf(ours) }),
  keyed(
    'a curve that is not supported, wanted by the policy',
    'bad-signature',
    { key: koblitz },
    unlogged,
    by(koblitz, ours),
  ),
  keyed('an RSA signature under the hint of an EC key', 'bad-signature', {
    key: rsa,
    hint: idOf(ours),
  }),
  keyed(
    'an EC signature under the hint of an RSA key',
    'bad-signature',
    { key: ours, hint: idOf(rsa) },
    { key: rsa, log: 'none' },
    by(rsa),
  ),
  keyed('an Ed25519 signature under the hint of an EC key', 'bad-signature', {
    key: edwards,
    hint: idOf(ours),
  }),
  keyed(
    'RSA-PSS for PKCS#1 v1.5',
    'bad-signature',
    {
      signature: (bytes, key) =>
        sign('sha256', bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING }),
    },
    { key: rsa, log: 'none' },
    by(rsa),
  ),
  keyed(
    'SHA-1 with RSA',
    'bad-signature',
    { signature: withHash('sha1') },
    { key: rsa, log: 'none' },
    by(rsa),
  ),
  keyed('RSA of 1024 bits', 'bad-signature', { key: shortRsa }, unlogged, by(shortRsa, ours)),
  keyed('the public key in place of the signature', 'bad-signature', {
    signature: (_bytes, key) => spkiOf(key),
  }),
  keyed('r and s of zero', 'bad-signature', {
    signature: () => Buffer.from('3006020100020100', 'hex'),
  }),
  keyed('an endless r', 'bad-signature', {
    signature: () => Buffer.concat([Buffer.from('30820fa002820f9c', 'hex'), Buffer.alloc(3996, 1)]),
  }),
  keyed('a signature in BER', 'bad-signature', {
    signature: (bytes, key) => {
      const der = sign('sha256', bytes, key);
      return Buffer.concat([Buffer.from([0x30, 0x81]), der.subarray(1)]);
    },
  }),
  keyed('no log entry where one is wanted', 'no-log-entry', { log: 'none' }, { key: ours }, logged),
  keyed(
    'the log entry of another key over the same statement',
    'bad-log-entry',
    { verifier: Buffer.from(publicPem(stranger)) },
    { key: ours },
    logged,
  ),
  keyed(
    'the log entry of another key (Rekor v2)',
    'bad-log-entry',
    { verifier: spkiOf(stranger) },
    { ...inRekor2, key: ours },
    logged,
  ),
  keyed(
    'the log entry of a certificate',
    'bad-log-entry',
    ({ forge }) => ({
      verifier: Buffer.from(
        `-----BEGIN CERTIFICATE-----\n${base64(forge.certificate(newEcKey()))}\n-----END CERTIFICATE-----\n`,
      ),
    }),
    { key: ours },
    logged,
  ),
  keyed(
    'a forged timestamp beside a good entry',
    'bad-timestamp',
    ({ forge }) => ({ timestamp: forge.timestamp(Buffer.from('x')) }),
    { key: ours },
    logged,
  ),
  {
    ...keyed('high-S: the other signature of the same key over the same bytes', 'verified', {
      signature: otherHalf,
    }),
    passes: true,
  },
];
