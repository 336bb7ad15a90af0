import { constants, createECDH, type KeyObject, privateEncrypt, randomBytes } from 'node:crypto';

/**
 * Signs a digest that was made elsewhere, which node:crypto has no function for. ECDSA by FIPS
 * 186-5, 6.4.1; RSA PKCS #1 v1.5 by RFC 8017.
 */
export function signDigest(
  privateKey: KeyObject,
  digest: Buffer,
  hash: string,
  form: 'der' | 'raw' = 'der',
): Buffer {
  if (privateKey.asymmetricKeyType === 'rsa') {
    const info = Buffer.from(digestInfo[hash] ?? '', 'hex');
    return privateEncrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_PADDING },
      Buffer.concat([info, digest]),
    );
  }
  const { crv = '', d = '' } = privateKey.export({ format: 'jwk' });
  const { name, order } = curves[crv] as (typeof curves)[string];
  const size = Math.ceil(order.toString(2).length / 8);
  const excess = BigInt(Math.max(0, digest.length * 8 - order.toString(2).length));
  const z = number(digest) >> excess;
  for (;;) {
    const k = number(randomBytes(size)) % order;
    if (k === 0n) continue;
    const ecdh = createECDH(name);
    ecdh.setPrivateKey(bytes(k, size));
    const r = number(ecdh.getPublicKey().subarray(1, 1 + size)) % order;
    const s = (power(k, order - 2n, order) * (z + r * number(Buffer.from(d, 'base64url')))) % order;
    if (r === 0n || s === 0n) continue;
    if (form === 'raw') return Buffer.concat([bytes(r, size), bytes(s, size)]);
    const content = Buffer.concat([integer(r), integer(s)]);
    return Buffer.concat([
      Buffer.from(content.length < 128 ? [0x30, content.length] : [0x30, 0x81, content.length]),
      content,
    ]);
  }
}

const digestInfo: Readonly<Record<string, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

/** The orders of the curves' base points (SP 800-186, 3.2.1). */
const curves: Readonly<Record<string, { name: string; order: bigint }>> = {
  'P-256': {
    name: 'prime256v1',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  'P-384': {
    name: 'secp384r1',
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
};

const number = (data: Uint8Array) => BigInt(`0x${Buffer.from(data).toString('hex') || '0'}`);
const bytes = (value: bigint, size: number) =>
  Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (
    let [square, rest] = [base % modulus, exponent];
    rest > 0n;
    square = (square * square) % modulus, rest >>= 1n
  ) {
    if (rest & 1n) result = (result * square) % modulus;
  }
  return result;
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const plain = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const padded = (plain[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), plain]) : plain;
  return Buffer.concat([Buffer.from([2, padded.length]), padded]);
}
