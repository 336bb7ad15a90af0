import { createECDH, type KeyObject } from 'node:crypto';
import { type DerValue, readDer } from './der.ts';

// node:crypto verifies ECDSA over messages only, and a log is given nothing but the digest. So here
// is the verification itself (FIPS 186-5, 6.4.2). It handles public values only: timing does not
// matter.

interface Curve {
  readonly p: bigint;
  readonly n: bigint;
  readonly g: Point;
}
/** Jacobian coordinates: x = X/Z², y = Y/Z³; Z = 0 is the point at infinity. */
type Point = readonly [bigint, bigint, bigint];

const hex = (text: string): bigint => BigInt(`0x${text}`);
const primes: Record<string, { name: string; p: bigint; n: bigint }> = {
  'P-256': {
    name: 'prime256v1',
    p: hex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'),
    n: hex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  },
  'P-384': {
    name: 'secp384r1',
    p: hex(
      'fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff',
    ),
    n: hex(
      'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    ),
  },
  'P-521': {
    name: 'secp521r1',
    p: (1n << 521n) - 1n,
    n: hex(`1${'f'.repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`),
  },
};

/** The curve with its generator, which is the public key of the private key 1. */
function curveNamed(name: string): Curve | undefined {
  const found = primes[name];
  if (!found) return undefined;
  const one = createECDH(found.name);
  one.setPrivateKey('01', 'hex');
  const point = one.getPublicKey().subarray(1);
  return {
    ...found,
    g: [number(point.subarray(0, point.length / 2)), number(point.subarray(point.length / 2)), 1n],
  };
}

/**
 * Whether `signature` (DER or IEEE P1363) is the EC key's over the message with this digest. A
 * false answer also for anything malformed.
 */
export function verifyEcdsaDigest(
  key: KeyObject,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const jwk = key.export({ format: 'jwk' }) as { crv: string; x: string; y: string };
  const curve = curveNamed(jwk.crv);
  if (!curve) return false;
  const [r, s] = readSignature(signature);
  if (r === undefined || s === undefined || r < 1n || s < 1n || r >= curve.n || s >= curve.n)
    return false;
  const inverse = invert(s, curve.n);
  const u = modulo(truncated(digest, curve.n) * inverse, curve.n);
  const v = modulo(r * inverse, curve.n);
  const [x, , z] = twoProducts(curve, u, v, [
    number(Buffer.from(jwk.x, 'base64url')),
    number(Buffer.from(jwk.y, 'base64url')),
    1n,
  ]);
  if (z === 0n) return false;
  const inverseZ = invert(z, curve.p);
  return modulo(modulo(x * inverseZ * inverseZ, curve.p), curve.n) === r;
}

function readSignature(signature: Uint8Array): (bigint | undefined)[] {
  const half = signature.length / 2;
  const sequence = readSequence(signature);
  // IEEE P1363: two numbers of one length.
  if (sequence === undefined)
    return Number.isInteger(half)
      ? [number(signature.subarray(0, half)), number(signature.subarray(half))]
      : [];
  return sequence.children.map(({ tag, content }) =>
    tag === 2 && content.length > 0 && !((content[0] as number) & 0x80)
      ? number(content)
      : undefined,
  );
}

/**
 * The bytes as a sequence in DER, which is what a signature is there. One in 256 pairs of numbers
 * is some other, simple value by chance.
 */
export function readSequence(bytes: Uint8Array): DerValue | undefined {
  try {
    const value = readDer(bytes);
    return value.tag === 0x30 ? value : undefined;
  } catch {
    return undefined;
  }
}

const number = (bytes: Uint8Array): bigint => hex(Buffer.from(bytes).toString('hex') || '0');
const modulo = (value: bigint, by: bigint): bigint => ((value % by) + by) % by;

/** The leftmost bits of the digest, as many as the order of the curve has. */
function truncated(digest: Uint8Array, n: bigint): bigint {
  const excess = digest.length * 8 - n.toString(2).length;
  return excess > 0 ? number(digest) >> BigInt(excess) : number(digest);
}

function invert(value: bigint, by: bigint): bigint {
  let [a, b, x, y] = [modulo(value, by), by, 1n, 0n];
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return modulo(x, by);
}

/** u·G + v·Q, both in one pass over the bits. */
function twoProducts(curve: Curve, u: bigint, v: bigint, q: Point): Point {
  const both = add(curve, curve.g, q);
  let sum: Point = [1n, 1n, 0n];
  for (
    let bit = BigInt(Math.max(u.toString(2).length, v.toString(2).length)) - 1n;
    bit >= 0n;
    bit--
  ) {
    sum = double(curve, sum);
    const [ofU, ofV] = [(u >> bit) & 1n, (v >> bit) & 1n];
    if (ofU || ofV) sum = add(curve, sum, ofU && ofV ? both : ofU ? curve.g : q);
  }
  return sum;
}

function double({ p }: Curve, [x, y, z]: Point): Point {
  if (z === 0n || y === 0n) return [1n, 1n, 0n];
  const [yy, zz] = [(y * y) % p, (z * z) % p];
  const s = (4n * x * yy) % p;
  const m = (3n * (x - zz) * (x + zz)) % p; // a = -3 on all three curves
  const x2 = modulo(m * m - 2n * s, p);
  return [x2, modulo(m * (s - x2) - 8n * yy * yy, p), modulo(2n * y * z, p)];
}

function add(curve: Curve, left: Point, right: Point): Point {
  if (left[2] === 0n) return right;
  if (right[2] === 0n) return left;
  const { p } = curve;
  const [zz1, zz2] = [(left[2] * left[2]) % p, (right[2] * right[2]) % p];
  const [u1, u2] = [modulo(left[0] * zz2, p), modulo(right[0] * zz1, p)];
  const [s1, s2] = [modulo(left[1] * zz2 * right[2], p), modulo(right[1] * zz1 * left[2], p)];
  if (u1 === u2) return s1 === s2 ? double(curve, left) : [1n, 1n, 0n];
  const [h, r] = [u2 - u1, s2 - s1];
  const hh = (h * h) % p;
  const hhh = (h * hh) % p;
  const x = modulo(r * r - hhh - 2n * u1 * hh, p);
  return [x, modulo(r * (u1 * hh - x) - s1 * hhh, p), modulo(h * left[2] * right[2], p)];
}
