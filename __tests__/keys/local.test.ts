import { createHook } from 'node:async_hooks';
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  verify,
} from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyAlgorithm } from '../../src/keys/algorithm.ts';
import { deriveAhead } from '../../src/keys/derive.ts';
import { encryptPrivateKey } from '../../src/keys/encrypted.ts';
import { keyIdOf, loadSigner } from '../../src/keys/local.ts';
import { readPem } from '../../src/keys/pem.ts';
import { anyRsaPair } from '../sandbox/rsa-keys.ts';
import {
  cosign2,
  cosign3,
  cosignEcho,
  opensslLegacy,
  opensslPkcs8,
  opensslWithParameters,
  recordedPassword,
} from './recorded.ts';
import { cheapEncrypted, damages, failureOf, freshKey, pem } from './samples.ts';

/** How often Node is asked for scrypt meanwhile: the work that a hostile key could ask for. */
async function countingScrypt<T>(action: () => Promise<T>) {
  let derivations = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'SCRYPTREQUEST') derivations++;
    },
  }).enable();
  try {
    return { result: await action(), derivations };
  } finally {
    hook.disable();
  }
}

const data = Buffer.from('what is signed');
const fresh = freshKey();
const freshDer = fresh.privateKey.export({ type: 'pkcs8', format: 'der' });
const rsa = anyRsaPair().privateKey;

/** Signs with a key text and verifies with the public key that is known from elsewhere. */
async function signs(
  key: string,
  publicKey: KeyObject,
  password?: string,
  digest: string | null = 'sha256',
) {
  const signer = await loadSigner({ key, password });
  const { signature, key: material } = await signer.sign(data);
  expect(verify(digest, data, publicKey, signature)).toBe(true);
  expect(verify(digest, Buffer.from('something else'), publicKey, signature)).toBe(false);
  expect(material).toEqual({
    $case: 'publicKey',
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  });
  return signer;
}

describe('a private key signs', () => {
  const { privateKey: p384, publicKey: p384Public } = generateKeyPairSync('ec', {
    namedCurve: 'P-384',
  });
  const { privateKey: ed, publicKey: edPublic } = generateKeyPairSync('ed25519');

  it.each([
    ['PKCS #8', fresh.pkcs8],
    ['SEC1', fresh.sec1],
    [
      'SEC1 after its parameters',
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${fresh.sec1}`,
    ],
    ['with a comment in front', `Bag Attributes: <Empty>\n${fresh.pkcs8}`],
  ])('P-256 as %s', async (_name, text) => {
    expect((await signs(text, fresh.publicKey)).warnings).toEqual([]);
  });

  it.each([
    ['PKCS #1', pem(rsa, 'pkcs1')],
    ['PKCS #8', pem(rsa, 'pkcs8')],
  ])('RSA 2048 as %s', async (_name, text) => {
    expect((await signs(text, createPublicKey(rsa))).warnings).toEqual([]);
  });

  it('P-384 with SHA-256, and says so', async () => {
    const { warnings } = await signs(pem(p384, 'pkcs8'), p384Public);
    expect(warnings).toEqual([expect.stringContaining('SHA-256')]);
  });

  it('Ed25519 over the data itself, and says so', async () => {
    const { warnings } = await signs(pem(ed, 'pkcs8'), edPublic, undefined, null);
    expect(warnings).toEqual([expect.stringContaining('Ed25519')]);
  });

  it.each([
    ['cosign 2', cosign2],
    ['cosign 3', cosign3],
    ['cosign, with a password of `echo`', cosignEcho],
  ])('an encrypted key of %s', async (_name, { key, pub, ...more }) => {
    const { password } = { password: recordedPassword, ...more };
    await signs(key, createPublicKey(pub), password);
  });

  it('a key under the older cosign heading', async () => {
    const key = cheapEncrypted(freshDer, recordedPassword);
    await signs(key.replaceAll('SIGSTORE', 'COSIGN'), fresh.publicKey, recordedPassword);
  });

  it.each([
    ['encrypted PKCS #8', opensslPkcs8],
    ["OpenSSL's old encryption", opensslLegacy],
    ['parameters of OpenSSL', opensslWithParameters],
  ])('%s', async (_name, key) => {
    const signer = await loadSigner({ key, password: recordedPassword });
    const { signature } = await signer.sign(data);
    expect(verify('sha256', data, (await signer.publicKey()) as KeyObject, signature)).toBe(true);
  });

  it('has an id, no certificate, and no hint that a bundle would carry as keyid', async () => {
    const signer = await loadSigner({ key: fresh.pkcs8 });
    const keyId = createHash('sha256')
      .update(fresh.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64');
    expect(await signer.identity()).toEqual({ keyId });
    expect(keyIdOf(fresh.publicKey)).toBe(keyId);
    expect(await signer.chain()).toEqual([]);
    expect((await signer.sign(data)).key).not.toHaveProperty('hint');
  });

  it('ignores a password that the key does not need', async () => {
    await signs(fresh.pkcs8, fresh.publicKey, 'unused');
  });
});

describe('a key that came damaged out of a secret store is repaired', () => {
  const expected = readPem(fresh.pkcs8, 'key', 'private');
  for (const [name, damage] of Object.entries(damages)) {
    it(name, async () => {
      expect(readPem(damage(fresh.pkcs8), 'key', 'private')).toEqual(expected);
      await signs(damage(fresh.sec1), fresh.publicKey);
    });
  }

  it.each(['CRLF', 'a literal \\n', 'newlines that became spaces', 'base64 of the whole'])(
    'OpenSSL headers survive %s',
    async (name) => {
      const signer = await loadSigner({
        key: damages[name]?.(opensslLegacy) ?? '',
        password: recordedPassword,
      });
      expect(await signer.identity()).toEqual(
        await (await loadSigner({ key: opensslLegacy, password: recordedPassword })).identity(),
      );
    },
  );

  it('whatever the key and however two damages follow each other', () => {
    const line = fc.constantFrom(
      ...Object.keys(damages).filter((name) => !name.startsWith('base64')),
    );
    const outer = fc.constantFrom(
      ...Object.keys(damages).filter((name) => !name.includes('vanished') && name !== 'JSON text'),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        line,
        outer,
        (bytes, first, second) => {
          const lines = Buffer.from(bytes)
            .toString('base64')
            .match(/.{1,64}/g)
            ?.join('\n');
          const text = `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
          // Quotes inside quotes are not what a store does, and indenting quotes splits them off.
          fc.pre(
            !(/quotes|JSON/.test(first) && /quotes|mark/.test(second)) &&
              !(first === 'a byte order mark' && second !== 'nothing at all'),
          );
          const damaged = damages[second]?.(damages[first]?.(text) ?? '') ?? '';
          const [block] = readPem(damaged, 'key', 'private');
          expect(block).toEqual({
            label: 'PRIVATE KEY',
            pem: text,
            der: Buffer.from(bytes),
            legacyEncrypted: false,
          });
        },
      ),
    );
  });
});

describe('a key that no verifier would take is refused with the reason', () => {
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
  const table: [name: string, key: KeyObject, message: string][] = [
    ['RSA 1024', anyRsaPair(1024).privateKey, 'an RSA key of 1024 bits, which is too short'],
    ['RSA-PSS', pss, 'bound to RSA-PSS'],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey, 'on the curve P-521'],
    [
      'secp256k1',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
      'on the curve secp256k1',
    ],
    [
      'explicit parameters',
      generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }).privateKey,
      'key',
    ],
    ['Ed448', generateKeyPairSync('ed448').privateKey, 'of the type ed448'],
    ['X25519', generateKeyPairSync('x25519').privateKey, 'of the type x25519'],
  ];
  it.each(table.filter(([name]) => name !== 'explicit parameters'))(
    '%s',
    async (_name, key, message) => {
      const failure = await failureOf(() => loadSigner({ key: pem(key, 'pkcs8') }));
      expect(failure.code).toBe('unsupported-key');
      expect(failure.message).toContain(message);
      expect(failure.fix).toContain('cosign generate-key-pair');
    },
  );

  it('RSA of more bits than is ever checked', async () => {
    const key = {
      asymmetricKeyType: 'rsa',
      asymmetricKeyDetails: { modulusLength: 32_768 },
    } as KeyObject;
    expect((await failureOf(() => keyAlgorithm(key, 'key'))).message).toContain(
      'an RSA key of 32768 bits, which is more than is ever checked',
    );
  });
});

describe('a password that is stretched before the program is loaded', () => {
  const key = cheapEncrypted(freshDer, 'hunter2');
  const open = (text: string, password: string, ahead: ReturnType<typeof deriveAhead>) =>
    countingScrypt(() => loadSigner({ key: text, password, ahead }));

  it.each(['hunter2', 'hunter2\n'])('is not stretched again: %j', async (password) => {
    const begun = await countingScrypt(async () => deriveAhead(key, password));
    expect(begun.derivations).toBe(1);
    const { derivations } = await open(key, password, begun.result);
    expect(derivations).toBe(password === 'hunter2' ? 0 : 1); // the first form has the break
  });

  it('opens no other key, and with no other password', async () => {
    const ahead = deriveAhead(key, 'hunter2');
    expect((await open(cheapEncrypted(freshDer, 'hunter2'), 'hunter2', ahead)).derivations).toBe(1);
    const failure = await failureOf(() => loadSigner({ key, password: 'hunter3', ahead }));
    expect(failure.code).toBe('bad-password');
  });

  it.each([
    ['a path', 'cosign.key'],
    ['a plain key', fresh.pkcs8],
    ['two keys', key + key],
    [
      'a key that asks for too much',
      key.replace(
        /\n[^-]+\n/,
        `\n${Buffer.from(JSON.stringify({ kdf: { name: 'scrypt', params: { N: 2 ** 21, r: 8, p: 1 }, salt: 'A'.repeat(44) }, cipher: { name: 'nacl/secretbox', nonce: 'A'.repeat(32) }, ciphertext: 'A'.repeat(64) })).toString('base64')}\n`,
      ),
    ],
    ['a damaged key', key.replace(/[A-Z]/, '!')],
  ])('is left alone where there is %s', async (_name, text) => {
    const { result, derivations } = await countingScrypt(async () => deriveAhead(text, 'hunter2'));
    expect([result, derivations]).toEqual([undefined, 0]);
  });
});

describe('an encrypted key', () => {
  it('that we write is read again, with its password only', async () => {
    const text = await encryptPrivateKey(freshDer, 'pässword');
    expect(text).toMatch(
      /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n$/,
    );
    await signs(text, fresh.publicKey, 'pässword');
    expect((await failureOf(() => loadSigner({ key: text, password: 'passwort' }))).code).toBe(
      'bad-password',
    );
  });

  it('with the empty password needs none', async () => {
    await signs(cheapEncrypted(freshDer, ''), fresh.publicKey);
  });

  it.each([
    ['cosign', cosign2.key],
    ['PKCS #8', opensslPkcs8],
    ['OpenSSL', opensslLegacy],
  ])('of %s without password: says which input is missing', async (_name, key) => {
    const failure = await failureOf(() => loadSigner({ key }));
    expect([failure.code, failure.message]).toEqual([
      'bad-password',
      'The key in `key` is encrypted, and neither `key-password` nor COSIGN_PASSWORD gives its password.',
    ]);
    expect(failure.fix).toContain('key-password: ${{ secrets.COSIGN_PASSWORD }}');
  });

  it.each([
    ['cosign', cheapEncrypted(freshDer, recordedPassword)],
    ['PKCS #8', opensslPkcs8],
    ['OpenSSL', opensslLegacy],
  ])('of %s opens with a line break too many, and with no other character', async (_name, key) => {
    for (const end of ['', '\n', '\r\n', '\n\n'])
      await loadSigner({ key, password: `${recordedPassword}${end}` });
    const failure = await failureOf(() => loadSigner({ key, password: `${recordedPassword} ` }));
    expect([failure.code, failure.message]).toEqual([
      'bad-password',
      'The password in `key-password` (or COSIGN_PASSWORD) does not open the key in `key`. The password given begins or ends with a space or a line break.',
    ]);
  });

  it.each(['', '\n', '\r\n'])(
    'whose password `echo` gave a line break opens with it and without: %j',
    async (end) => {
      const key = cheapEncrypted(freshDer, 'hunter2\n');
      await signs(key, fresh.publicKey, `hunter2${end}`);
      const failure = await failureOf(() => loadSigner({ key, password: `hunter3${end}` }));
      expect(failure.code).toBe('bad-password');
    },
  );

  it('with a masked output in place of its password', async () => {
    const failure = await failureOf(() =>
      loadSigner({ key: cheapEncrypted(freshDer, 'hunter2\n'), password: '***' }),
    );
    expect([failure.code, failure.message]).toEqual([
      'bad-password',
      expect.stringContaining('the masked form that a log shows'),
    ]);
  });

  const envelope = {
    kdf: {
      name: 'scrypt',
      params: { N: 65_536, r: 8, p: 1 },
      salt: Buffer.alloc(32).toString('base64'),
    },
    cipher: { name: 'nacl/secretbox', nonce: Buffer.alloc(24).toString('base64') },
    ciphertext: Buffer.alloc(64).toString('base64'),
  };
  const params = (change: object) => ({
    ...envelope,
    kdf: { ...envelope.kdf, params: { ...envelope.kdf.params, ...change } },
  });
  const hostile: [name: string, content: unknown, message: string][] = [
    ['asks for 1 GiB', params({ N: 2 ** 20 }), 'asks for more work'],
    ['asks for N = 2^30', params({ N: 2 ** 30 }), 'asks for more work'],
    ['asks for much time', params({ p: 16 }), 'asks for more work'],
    ['asks for a large r', params({ N: 2, r: 2 ** 20 }), 'asks for more work'],
    ['has an N that is no power of two', params({ N: 65_537 }), 'is damaged'],
    ['has N = 1', params({ N: 1 }), 'is damaged'],
    ['has a negative p', params({ p: -1 }), 'is damaged'],
    ['has N in text', params({ N: '65536' }), 'is damaged'],
    ['names another kdf', { ...envelope, kdf: { ...envelope.kdf, name: 'argon2' } }, 'is damaged'],
    [
      'names another cipher',
      { ...envelope, cipher: { ...envelope.cipher, name: 'aes' } },
      'is damaged',
    ],
    [
      'has a short nonce',
      { ...envelope, cipher: { ...envelope.cipher, nonce: 'AAAA' } },
      'is damaged',
    ],
    ['has no ciphertext', { ...envelope, ciphertext: '' }, 'is damaged'],
    ['has no kdf', { ...envelope, kdf: null }, 'is damaged'],
    ['is a list', [], 'is damaged'],
    ['is no JSON', undefined, 'is damaged'],
  ];
  it.each(hostile)('that %s is refused before any work', async (_name, content, message) => {
    const body = Buffer.from(JSON.stringify(content) ?? 'not JSON').toString('base64');
    const key = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${body}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
    const { result: failure, derivations } = await countingScrypt(() =>
      failureOf(() => loadSigner({ key, password: 'p' })),
    );
    expect([failure.code, derivations]).toEqual(['bad-key', 0]);
    expect(failure.message).toContain(message);
  });

  it('that asks for no more than cosign does is worked on', async () => {
    const key = await encryptPrivateKey(Buffer.from('no key'), 'p');
    const { derivations } = await countingScrypt(() =>
      failureOf(() => loadSigner({ key, password: 'p' })),
    );
    expect(derivations).toBe(1);
  });

  it('whose content is no key is damaged, not a wrong password', async () => {
    const failure = await failureOf(() =>
      loadSigner({ key: cheapEncrypted(Buffer.from('no key'), 'p'), password: 'p' }),
    );
    expect([failure.code, failure.message]).toEqual([
      'bad-key',
      'The key in `key` is damaged: what its PEM holds is not a private key.',
    ]);
  });

  it('one changed bit in the ciphertext does not open', async () => {
    const key = cheapEncrypted(freshDer, recordedPassword, true);
    expect((await failureOf(() => loadSigner({ key, password: recordedPassword }))).code).toBe(
      'bad-password',
    );
  });
});
