import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { loadSigner } from '../../src/keys/local.ts';
import { secretForms } from '../../src/keys/mask.ts';
import { readPublicKeys } from '../../src/keys/public.ts';
import { type KeyPlaces, readKeySource } from '../../src/keys/source.ts';
import { anyText } from '../any-text.ts';
import { anyRsaPair } from '../sandbox/rsa-keys.ts';
import { cosign2, cosign3, recordedPassword } from './recorded.ts';
import { damages, failureOf, freshKey } from './samples.ts';

const fresh = freshKey();

describe('where a key comes from', () => {
  const asked: [path: string, maxBytes: number][] = [];
  const places: KeyPlaces = {
    environment: { KEY: fresh.pkcs8 },
    readFile: async (path, maxBytes) => {
      asked.push([path, maxBytes]);
      return Buffer.from(fresh.sec1);
    },
  };

  it('a PEM is the key itself, however damaged', async () => {
    for (const damage of Object.values(damages))
      expect(await readKeySource(damage(fresh.pkcs8), places)).toBe(damage(fresh.pkcs8));
    expect(asked).toEqual([]);
  });
  it('env:// names a variable', async () => {
    expect(await readKeySource(' env://KEY ', places)).toBe(fresh.pkcs8);
  });
  it.each([
    'cosign.key',
    './keys/cosign.key',
    '/home/runner/work/_temp/cosign.key',
    'a folder/cosign.key',
    'D:\\a\\_temp\\new.key',
  ])('%s is a path, and no more than one byte over the limit is asked for', async (path) => {
    asked.length = 0;
    expect(await readKeySource(path, places)).toBe(fresh.sec1);
    expect(asked).toEqual([[path, 64 * 1024 + 1]]);
  });
  const utf16 = (text: string) => Buffer.from(text, 'utf16le');
  it.each<[string, (text: string) => Buffer]>([
    ['UTF-8', (text) => Buffer.from(text)],
    ['UTF-8 with a mark', (text) => Buffer.from(`\ufeff${text}`)],
    ['UTF-16 of PowerShell', (text) => utf16(`\ufeff${text}`)],
    ['UTF-16 without a mark', (text) => utf16(text)],
    ['UTF-16, the other byte first', (text) => utf16(`\ufeff${text}`).swap16()],
    ['UTF-16, the other byte first, without a mark', (text) => utf16(text).swap16()],
    [
      'UTF-16 that `Set-Content` ended in a lone byte',
      (text) => Buffer.concat([utf16(text), Buffer.of(10)]),
    ],
  ])('a file in %s is the same key', async (_, encode) => {
    for (const text of [fresh.sec1, fresh.spki, fresh.sec1.replaceAll('\n', '\r\n')]) {
      const read = await readKeySource('cosign.key', {
        environment: {},
        readFile: async () => encode(text),
      });
      expect(read).toBe(text);
    }
  });

  it.each(['***', ' ***\n', '*'.repeat(12)])('%j is what a log shows, no path', async (masked) => {
    for (const [value, environment] of [
      [masked, {}],
      ['env://KEY', { KEY: masked }],
    ] as const) {
      const failure = await failureOf(async () =>
        loadSigner({ key: await readKeySource(value, { environment, readFile: places.readFile }) }),
      );
      expect([failure.code, failure.message]).toEqual([
        'bad-key',
        expect.stringContaining('masked form'),
      ]);
    }
  });

  it('whatever is given: a text or a Failure', async () => {
    const empty: KeyPlaces = { environment: {}, readFile: async () => Buffer.from('') };
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        try {
          await loadSigner({ key: await readKeySource(text, empty) });
          throw new Error('this is no key');
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});

describe('public keys', () => {
  const rsa = anyRsaPair().publicKey;
  const spki = (pem: string) =>
    readPublicKeys(pem).map((key) => key.export({ type: 'spki', format: 'pem' }));

  it('of cosign, several in one text, each once', () => {
    expect(spki(`${cosign2.pub}\n# the old one\n${cosign3.pub}${cosign2.pub}`)).toEqual([
      cosign2.pub,
      cosign3.pub,
    ]);
  });
  it('RSA as PKCS #1', () => {
    const text = rsa.export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(spki(text)).toEqual([rsa.export({ type: 'spki', format: 'pem' })]);
  });
  it('are repaired as private keys are', () => {
    for (const damage of Object.values(damages))
      expect(spki(damage(fresh.spki))).toEqual([fresh.spki]);
  });
  it('of kinds that no image is signed with are refused', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    expect(() =>
      readPublicKeys(publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    ).toThrow('on the curve secp256k1');
  });
  it('on P-521 can be verified with, though not signed with', () => {
    const text = generateKeyPairSync('ec', { namedCurve: 'P-521' })
      .publicKey.export({ type: 'spki', format: 'pem' })
      .toString();
    expect(spki(text)).toEqual([text]);
  });
  it('fit the private keys', async () => {
    const signer = await loadSigner({ key: cosign2.key, password: recordedPassword });
    expect((await signer.publicKey())?.equals(readPublicKeys(cosign2.pub)[0])).toBe(true);
  });
});

describe('what is masked of a key', () => {
  const lines = fresh.pkcs8.trimEnd().split('\n');
  const body = lines.slice(1, -1);

  it('is every line and every one-line form, whatever form it came in', () => {
    for (const [name, damage] of Object.entries(damages)) {
      const forms = secretForms(damage(fresh.pkcs8));
      const long = body.filter((line) => line.length >= 8);
      expect(forms, name).toEqual(
        expect.arrayContaining([
          ...long,
          body.join(''),
          lines.join('\\n'),
          lines.join(' '),
          lines.join(''),
        ]),
      );
      expect(forms, name).toContain(Buffer.from(fresh.pkcs8).toString('base64'));
    }
  });
  it('is never a word of the log: no BEGIN line, nothing short, nothing of several lines', () => {
    for (const damage of Object.values(damages)) {
      for (const form of secretForms(damage(fresh.pkcs8))) {
        expect(form.length).toBeGreaterThanOrEqual(8);
        expect(form).not.toMatch(/^\s*-----(BEGIN|END) [A-Z ]+-----\s*$/);
        expect(form).not.toMatch(/[\r\n]/);
      }
    }
  });
  it('is the text itself where it is no PEM', () => {
    expect(secretForms('correct horse')).toContain('correct horse');
    expect(secretForms('')).toEqual([]);
  });
});
