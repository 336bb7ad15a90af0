import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadSigner } from '../../src/keys/local.ts';
import { readPublicKeys } from '../../src/keys/public.ts';
import { type KeyPlaces, readKeySource } from '../../src/keys/source.ts';
import { cosign2, opensslLegacy, opensslPkcs8 } from './recorded.ts';
import { cheapEncrypted, failureOf, freshKey } from './samples.ts';

const fresh = freshKey();
const password = `hunter2-${randomBytes(12).toString('hex')}`;
/** Stands for key material in texts that are no key of ours. */
const secret = randomBytes(48).toString('base64');
const block = (label: string, body: string, end = label) =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${end}-----\n`;
const bodyOf = (text: string) => text.replaceAll(/-----[A-Z0-9 ]+-----|\s/g, '');
const lines = fresh.pkcs8.trimEnd().split('\n');

const noPlaces: KeyPlaces = {
  environment: { EMPTY: ' ', HUGE: secret.repeat(2000) },
  readFile: async (path) => {
    if (path === 'empty.key') return Buffer.from('\n');
    if (path === 'huge.key') return Buffer.alloc(64 * 1024 + 1, 'a');
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
      code: 'ENOENT',
      path,
    });
  },
};

type Case = [name: string, text: string, code: string, message: string | RegExp];

const asPrivate: Case[] = [
  ['an empty text', '', 'bad-key', '`key` is empty'],
  ['only quotes', '""', 'bad-key', '`key` is empty'],
  ['a public key', fresh.spki, 'bad-key', 'is a public key, not a private key'],
  ['a certificate', block('CERTIFICATE', secret), 'bad-key', 'is a certificate, not a private key'],
  ['a certificate request', block('CERTIFICATE REQUEST', secret), 'bad-key', 'is a certificate'],
  ['a DSA key', block('DSA PRIVATE KEY', secret), 'bad-key', 'a PEM of the kind "DSA PRIVATE KEY"'],
  ['an OpenSSH key', block('OPENSSH PRIVATE KEY', secret), 'bad-key', 'is an SSH key'],
  ['an SSH public key', `ssh-ed25519 ${secret} me@host`, 'bad-key', 'is an SSH key'],
  ['a PuTTY key', `PuTTY-User-Key-File-3: ssh-ed25519\n${secret}`, 'bad-key', 'is a PuTTY key'],
  [
    'a PGP key',
    `${block('PGP PRIVATE KEY BLOCK', `Version: 1\n\n${secret}\n=abcd`)}`,
    'bad-key',
    'is a PGP',
  ],
  ['an age key', `AGE-SECRET-KEY-1${secret}`, 'bad-key', 'is an age key'],
  ['an age file', block('AGE ENCRYPTED FILE', secret), 'bad-key', 'encrypted with age'],
  ['a JWK', JSON.stringify({ kty: 'EC', d: secret }), 'bad-key', 'is a JSON Web Key'],
  [
    'the inside of a cosign key',
    JSON.stringify({ kdf: { name: 'scrypt' }, ciphertext: secret }),
    'bad-key',
    'without the BEGIN and END lines',
  ],
  ['a key without its lines', bodyOf(fresh.pkcs8), 'bad-key', 'lacks its BEGIN and END lines'],
  [
    'base64 twice',
    Buffer.from(Buffer.from(fresh.pkcs8).toString('base64')).toString('base64'),
    'bad-key',
    'encoded more than once',
  ],
  ['no END line', lines.slice(0, -1).join('\n'), 'bad-key', 'is cut off or damaged'],
  ['no BEGIN line', lines.slice(1).join('\n'), 'bad-key', 'its BEGIN line is missing'],
  ['a cut BEGIN line', fresh.pkcs8.slice(3), 'bad-key', 'its BEGIN line is missing'],
  [
    'an END line of another kind',
    block('PRIVATE KEY', bodyOf(fresh.pkcs8), 'EC PRIVATE KEY'),
    'bad-key',
    'do not belong together',
  ],
  [
    'a BEGIN line inside',
    `-----BEGIN PRIVATE KEY-----\n${fresh.pkcs8}`,
    'bad-key',
    'is cut off or damaged',
  ],
  ['nothing inside', block('PRIVATE KEY', ''), 'bad-key', 'nothing between'],
  ['a line lost', [lines[0], ...lines.slice(2)].join('\n'), 'bad-key', 'is not a private key'],
  [
    'a character lost',
    fresh.pkcs8.replace(lines[1] ?? '', (lines[1] ?? '').slice(1)),
    'bad-key',
    'some of it is missing',
  ],
  [
    'a plus that became a star',
    block('PRIVATE KEY', `${secret.slice(0, 30)}**${secret.slice(32)}`),
    'bad-key',
    'other than base64',
  ],
  ['noise in a PEM', block('PRIVATE KEY', secret), 'bad-key', 'is not a private key'],
  ['noise in SEC1', block('EC PRIVATE KEY', secret), 'bad-key', 'is not a private key'],
  ['only parameters', block('EC PARAMETERS', 'BggqhkjOPQMBBw=='), 'bad-key', 'only the parameters'],
  [
    'two keys',
    `${fresh.pkcs8}${fresh.sec1}`,
    'bad-key',
    '2 PEM blocks (PRIVATE KEY, EC PRIVATE KEY)',
  ],
  [
    'a key with its certificate',
    `${fresh.pkcs8}${block('CERTIFICATE', secret)}`,
    'bad-key',
    '2 PEM blocks',
  ],
  ['an expression', '${{ secrets.KEY }}', 'bad-key', 'did not replace'],
  ['stars', '***', 'bad-key', 'the masked form'],
  [
    'stars between its lines',
    `-----BEGIN PRIVATE KEY-----\n***\n-----END PRIVATE KEY-----`,
    'bad-key',
    'the masked form',
  ],
  ['any word', 'hello', 'bad-key', 'is not a PEM'],
  [
    'a huge text',
    block('PRIVATE KEY', secret.repeat(4000)),
    'bad-key',
    'more than 131072 characters',
  ],
  [
    'a wrong password (cosign)',
    cheapEncrypted(Buffer.from('no matter'), 'hunter3'),
    'bad-password',
    'does not open the key',
  ],
  ['a wrong password (PKCS #8)', opensslPkcs8, 'bad-password', 'does not open the key'],
  ['a wrong password (OpenSSL)', opensslLegacy, 'bad-password', 'does not open the key'],
  [
    'a damaged cosign key',
    block('ENCRYPTED SIGSTORE PRIVATE KEY', secret),
    'bad-key',
    'holds something else',
  ],
  [
    'noise in encrypted PKCS #8',
    block('ENCRYPTED PRIVATE KEY', secret),
    'bad-password',
    'does not open',
  ],
  [
    'an old cipher',
    opensslLegacy.replace('AES-128-CBC', 'XYZ-999-CBC'),
    'bad-key',
    'not supported',
  ],
];

const asPublic: Case[] = [
  ['an empty text', ' ', 'bad-key', '`key` is empty'],
  ['a private key', fresh.pkcs8, 'bad-key', 'holds a private key'],
  [
    'a private key after a public one',
    `${fresh.spki}${fresh.sec1}`,
    'bad-key',
    'holds a private key',
  ],
  ['an encrypted private key', cosign2.key, 'bad-key', 'holds a private key'],
  [
    'a certificate',
    block('CERTIFICATE', secret),
    'bad-key',
    'holds a certificate, not a public key',
  ],
  [
    'something else',
    block('X9.42 DH PARAMETERS'.replace('.', ''), secret),
    'bad-key',
    'a PEM of the kind',
  ],
  ['noise', block('PUBLIC KEY', secret), 'bad-key', 'is not a key'],
  ['an SSH key', `ssh-ed25519 ${secret}`, 'bad-key', 'is an SSH key'],
  ['101 keys', fresh.spki.repeat(101), 'bad-key', 'holds 101 keys'],
];

const asSource: Case[] = [
  ['an empty input', '  ', 'bad-key', '`key` is empty'],
  [
    'a variable that is not set',
    'env://MISSING',
    'bad-key',
    'the variable MISSING, which is not set',
  ],
  [
    'a variable of every object',
    'env://toString',
    'bad-key',
    'the variable toString, which is not set',
  ],
  ['an empty variable', 'env://EMPTY', 'bad-key', 'The variable EMPTY that `key` names is empty'],
  ['a huge variable', 'env://HUGE', 'bad-key', 'The variable HUGE has more than 65536 bytes'],
  ['a key as variable', `env://${secret}/+`, 'bad-key', 'is not the name of a variable'],
  [
    'a path to nothing',
    'keys/cosign.key',
    'bad-key',
    '"keys/cosign.key" in `key` cannot be read (ENOENT)',
  ],
  [
    'a path that may be a key',
    `${secret.slice(0, 40)}`,
    'bad-key',
    'The path in `key` cannot be read (ENOENT)',
  ],
  ['an empty file', 'empty.key', 'bad-key', 'is empty'],
  ['a huge file', 'huge.key', 'bad-key', 'The file that `key` names has more than 65536 bytes'],
  ['a huge text', secret.repeat(2000), 'bad-key', 'more than 65536 bytes'],
  [
    'an unknown scheme',
    `vaultkms://${secret}`,
    'bad-key',
    'starts with "vaultkms://", which is not known',
  ],
];

/** Everything a log could print of an error: message, fix, stack, causes, properties. */
function printed(error: unknown): string {
  return inspect(error, {
    depth: 20,
    showHidden: true,
    maxStringLength: null,
    breakLength: Number.POSITIVE_INFINITY,
  });
}

function expectNothingLeaks(error: Error & { fix: string }, ...secrets: string[]) {
  const text = `${printed(error)}${error.stack}${error.fix}${printed(error.cause)}`;
  for (const value of secrets) {
    for (let start = 0; start + 10 <= value.length; start++)
      expect(text).not.toContain(value.slice(start, start + 10));
  }
}

const secrets = [
  secret,
  password,
  bodyOf(fresh.pkcs8),
  bodyOf(fresh.sec1),
  bodyOf(cosign2.key),
  bodyOf(opensslPkcs8),
];

describe('every error names the input, says what to do, and holds no part of key or password', () => {
  it.each(asPrivate)('as a private key: %s', async (_name, text, code, message) => {
    const failure = await failureOf(() => loadSigner({ key: text, password }));
    expect([failure.code, failure.message]).toEqual([
      code,
      expect.stringContaining(String(message)),
    ]);
    expect(failure.message).toContain('`key`');
    expect(failure.fix).not.toBe('');
    expectNothingLeaks(failure, ...secrets);
  });

  it.each(asPublic)('as a public key: %s', async (_name, text, code, message) => {
    const failure = await failureOf(() => readPublicKeys(text));
    expect([failure.code, failure.message]).toEqual([
      code,
      expect.stringContaining(String(message)),
    ]);
    expect(failure.fix).not.toBe('');
    expectNothingLeaks(failure, ...secrets);
  });

  it.each(asSource)('as a source: %s', async (_name, text, code, message) => {
    const failure = await failureOf(() => readKeySource(text, noPlaces));
    expect([failure.code, failure.message]).toEqual([
      code,
      expect.stringContaining(String(message)),
    ]);
    expect(failure.fix).not.toBe('');
    expectNothingLeaks(failure, ...secrets);
  });

  it('a refused kind of key', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const key = cheapEncrypted(privateKey.export({ type: 'pkcs8', format: 'der' }), password);
    expectNothingLeaks(await failureOf(() => loadSigner({ key: text })), bodyOf(text));
    expectNothingLeaks(
      await failureOf(() => loadSigner({ key, password })),
      bodyOf(text),
      bodyOf(key),
      password,
    );
  });

  it('says of the empty secret where it comes from', async () => {
    expect((await failureOf(() => loadSigner({ key: '' }))).fix).toContain(
      'a pull request from a fork',
    );
  });

  it('says how to store a key whole', async () => {
    expect(
      (await failureOf(() => loadSigner({ key: lines.slice(0, -1).join('\n') }))).fix,
    ).toContain('gh secret set COSIGN_PRIVATE_KEY < cosign.key');
  });

  it('names the schemes that are known', async () => {
    expect((await failureOf(() => readKeySource('foo://x', noPlaces))).fix).toBe(
      'Use the text of a PEM, `env://NAME`, a path, or a key in a service. Known schemes are env://, awskms://, gcpkms://, azurekms://, hashivault://, openbao://, k8s://, pkcs11:.',
    );
  });
});
