import { generateKeyPair, generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { promisify } from 'node:util';

const pairs = new Map<string, Promise<KeyPairKeyObjectResult>>();

/**
 * The RSA key of a role in a sandbox, such as "GitHub's issuer". A search for primes takes longer
 * than all the rest of a sandbox's start, so a process makes one key for each role, and every
 * sandbox in it has the same; keys of two roles differ.
 */
export function rsaPairOf(role: string): Promise<KeyPairKeyObjectResult> {
  const pair = pairs.get(role) ?? promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  pairs.set(role, pair);
  return pair;
}

const keys = new Map<number, KeyPairKeyObjectResult>();

/**
 * An RSA key for tests that ask what a key of this kind does, whoever has it: one for each length
 * in a process. Where two keys meet, each has a role.
 */
export function anyRsaPair(modulusLength = 2048): KeyPairKeyObjectResult {
  const pair = keys.get(modulusLength) ?? generateKeyPairSync('rsa', { modulusLength });
  keys.set(modulusLength, pair);
  return pair;
}
