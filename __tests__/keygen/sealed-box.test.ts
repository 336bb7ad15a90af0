import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seal } from '../../src/keys/sealed-box.ts';
import { openSealed, rawKey, x25519Pair } from '../sandbox/kms/github-secrets.ts';

describe('a sealed box', () => {
  it('is opened here as libsodium closed it', () => {
    // Made by libsodium (PyNaCl's SealedBox) to the key 0102…20.
    const { privateKey, publicKey } = x25519Pair(
      Buffer.from(Array.from({ length: 32 }, (_, index) => index + 1)),
    );
    expect(rawKey(publicKey).toString('hex')).toBe(
      '07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c',
    );
    const box =
      'GU+yoPceDeDxoRGvwm1EkjrVU1EeeS63Vp7GlN9HDwnzwIsSzIh6JqBfjxUapjMEfZ5i5sFdj/HcCxUyWqvakPTbBEPS2VHOGsKXl8Ho';
    expect(openSealed(Buffer.from(box, 'base64'), privateKey, publicKey)?.toString()).toBe(
      'a secret that libsodium sealed',
    );
  });

  it('is opened by its owner, by nobody else, and not when a byte was changed', () => {
    const owner = generateKeyPairSync('x25519');
    const other = generateKeyPairSync('x25519');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (message, at) => {
        const box = seal(message, rawKey(owner.publicKey));
        expect(box.length).toBe(message.length + 48);
        expect(openSealed(box, owner.privateKey, owner.publicKey)).toEqual(Buffer.from(message));
        expect(openSealed(box, other.privateKey, other.publicKey)).toBeUndefined();
        box[at % box.length] = (box[at % box.length] as number) ^ 0x01;
        expect(openSealed(box, owner.privateKey, owner.publicKey)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  it.each([Buffer.alloc(32), Buffer.from(`01${'00'.repeat(31)}`, 'hex'), Buffer.alloc(31, 7)])(
    'is made for no key of small order or length',
    (recipient) => {
      expect(() => seal(Buffer.from('x'), recipient)).toThrow('that is none');
    },
  );
});
