// Trusted authorities that may not vouch for everything, and keys that cost their reader time.
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSupportedKey, isTooCostly, verifies } from '../../src/signature/key.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { everyThird } from '../sampled.ts';
import { anyRsaPair } from '../sandbox/rsa-keys.ts';
import { newRoot } from '../sandbox/sigstore/certificates.ts';
import { keyless, sceneOf } from './attack.ts';
import { authorityCases, chainFor, stamperCases, stampingChain } from './authorities.ts';
import { base64, certify, chainOf, Forge, identity, issuer, minutes, uri } from './forge.ts';
import { gate } from './gate.ts';
import { stampedOnly } from './material.ts';
import { ownLeaf, ownPolicy } from './own-authority.ts';
import { Stage } from './store.ts';

const forge = new Forge();
let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start();
});
afterAll(() => stage.close());

/** A key whose exponent has so many bits. Its signatures are as good as any. */
function rsaKey(bits: number, exponentBits: number): KeyObject {
  const { privateKey } = anyRsaPair(bits);
  if (exponentBits <= 17) return privateKey;
  const jwk = privateKey.export({ format: 'jwk' });
  const number = (text: string | undefined) =>
    BigInt(`0x${Buffer.from(text ?? '', 'base64url').toString('hex')}`);
  const [p, q] = [number(jwk.p), number(jwk.q)];
  const phi = (p - 1n) * (q - 1n);
  let e = (1n << BigInt(exponentBits - 1)) | 1n;
  while (inverse(e, phi) === undefined) e += 2n;
  const d = inverse(e, phi) as bigint;
  const text = (value: bigint) => {
    const hex = value.toString(16);
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
  };
  return createPrivateKey({
    format: 'jwk',
    key: { ...jwk, e: text(e), d: text(d), dp: text(d % (p - 1n)), dq: text(d % (q - 1n)) },
  });
}

function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b > 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return a === 1n ? ((x % modulus) + modulus) % modulus : undefined;
}

for (const [subject, authorities] of Object.entries(authorityCases)) {
  describe(`a Fulcio limited by ${subject}`, () => {
    it.each(everyThird(authorities))('$name: $accepted', async (authority) => {
      const chain = chainFor(authority);
      const store = stage.store();
      store.bundle(sceneOf(forge, store).bundle({ leaf: { ...authority.leaf, by: chain[0] } }));
      const trust = forge.trust(
        (root) => (root.certificateAuthorities[0].certChain = chainOf(...chain)),
      );
      const who = authority.identity ?? identity;
      const policy = {
        ...keyless,
        signers: [{ identities: [{ exact: who }], issuers: [{ exact: issuer }] }] as never,
      };
      expect(await gate(store.image, policy, trust, { retryBudget: 0 })).toMatchObject({
        verified: authority.accepted,
        codes: [authority.accepted ? 'verified' : 'untrusted-certificate'],
      });
    });
  });
}

for (const [subject, authorities] of Object.entries(authorityCases)) {
  describe(`an authority of one's own limited by ${subject}`, () => {
    it.each(everyThird(authorities))('$name: $accepted', async (authority) => {
      const [step, root] = chainFor(authority);
      const store = stage.store();
      const names = authority.leaf?.names ?? [uri(identity)];
      store.bundle(sceneOf(forge, store).bundle({ leaf: ownLeaf({ step }, { names }) }));
      const policy = attempt(() => ownPolicy({ root, step }, authority.identity ?? identity));
      // What is none of an authority cannot even be named.
      if (policy === undefined) return expect(authority.accepted).toBe(false);
      expect(await gate(store.image, policy, forge.trust(), { retryBudget: 0 })).toMatchObject({
        verified: authority.accepted,
        codes: [authority.accepted ? 'verified' : 'untrusted-certificate'],
      });
    });
  });
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

describe('a timestamp authority', () => {
  it.each(everyThird(stamperCases))('$name: $accepted', async (stamper) => {
    const chain = stampingChain(stamper);
    const store = stage.store();
    const good = sceneOf(forge, store).bundle(stampedOnly);
    const signature = Buffer.from(good.dsseEnvelope.signatures[0].sig, 'base64');
    good.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [
      { signedTimestamp: base64(forge.timestamp(signature, minutes(1), ...chain)) },
    ];
    store.bundle(good);
    const trust = forge.trust(
      (root) => (root.timestampAuthorities[0].certChain = chainOf(...chain)),
    );
    expect(
      await gate(store.image, { ...keyless, tlog: 'ignore' }, trust, { retryBudget: 0 }),
    ).toMatchObject({
      verified: stamper.accepted,
      codes: [stamper.accepted ? 'verified' : 'bad-timestamp'],
    });
  });
});

describe('a key that costs its reader time', () => {
  const data = Buffer.from('what is signed');
  it.each([
    ['RSA 2048', 2048, 17, true],
    ['RSA 3072', 3072, 17, true],
    ['an exponent of 31 bits', 2048, 31, true],
    ['an exponent of 32 bits', 2048, 32, false],
    ['an exponent of 2,040 bits', 2048, 2040, false],
  ] as const)('%s: is used: %s', (_, bits, exponentBits, used) => {
    const key = rsaKey(bits, exponentBits);
    expect([isTooCostly(key), isSupportedKey(key)]).toEqual([!used, used]);
    expect(verifies(key, data, sign('sha256', data, key))).toBe(used);
  });

  it('is not looked at in a certificate that nobody of the trusted root has issued', async () => {
    const stranger = newRoot('a stranger', 'P-384', 1);
    const store = stage.store();
    // The signature is none: whoever used the key first would say so.
    store.bundle(
      sceneOf(forge, store).bundle({ leaf: { by: stranger }, signature: () => Buffer.from('x') }),
    );
    expect(await gate(store.image, keyless, forge.trust(), { retryBudget: 0 })).toMatchObject({
      codes: ['untrusted-certificate'],
    });
    const honest = stage.store();
    honest.bundle(sceneOf(forge, honest).bundle({ signature: () => Buffer.from('x') }));
    expect(await gate(honest.image, keyless, forge.trust(), { retryBudget: 0 })).toMatchObject({
      codes: ['bad-signature'],
    });
  });

  it.each([
    ['an authority', 'certificateAuthorities'],
    ['a timestamp authority', 'timestampAuthorities'],
  ])('makes a trusted root unusable: %s', (_, list) => {
    for (const [exponentBits, usable] of [
      [17, true],
      [2000, false],
    ] as const) {
      const root = forge.trustedRoot();
      const costly = certify('costly', rsaKey(2048, exponentBits), forge.root, []);
      root[list][0].certChain = chainOf(costly, forge.root);
      const parse = () => parseTrustedRoot(Buffer.from(JSON.stringify(root)));
      if (usable) parse();
      else expect(parse).toThrow('larger modulus or exponent');
    }
  });
});
