// Starts the floor (floor.mjs) as a row of the bench.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import type { BenchWorld, Command } from './scenarios.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();

/** A run that signs these images with the key of this bench: `sign` bundles, `step` both formats. */
export function signingFloor(
  { node }: BenchWorld,
  work: 'sign' | 'step',
  images: readonly string[],
): Command {
  return command(node, work, images, { FLOOR_KEY: pem, FLOOR_PUBLIC_KEY: publicPem });
}

/** A run that checks every signature of these images. @param publicKey PEM */
export function verifyingFloor(
  { node }: BenchWorld,
  images: readonly string[],
  publicKey: string,
): Command {
  return command(node, 'verify', images, { FLOOR_PUBLIC_KEY: publicKey });
}

function command(
  node: string,
  work: string,
  images: readonly string[],
  more: Readonly<Record<string, string>>,
): Command {
  return {
    program: node,
    args: [join(import.meta.dirname, 'floor.mjs'), work],
    env: { PATH: process.env.PATH ?? '', FLOOR_IMAGES: images.join('\n'), ...more },
  };
}
