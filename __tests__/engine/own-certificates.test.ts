import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certified, openAuthorities } from '../../src/engine/own-certificates.ts';
import { Failure } from '../../src/failure.ts';
import { loadSigner } from '../../src/keys/local.ts';
import { readCertificate } from '../../src/signature/certificate.ts';
import { certify, email, Forge, type Leaf, signingTime } from '../attacks/forge.ts';
import {
  authority,
  mailbox,
  ownLeaf,
  ownPki,
  tomorrow,
  yesterday,
} from '../attacks/own-authority.ts';
import { extendedKeyUsage, keyUsage } from '../sandbox/sigstore/certificates.ts';
import { pem } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';

const forge = new Forge();
const pki = ownPki();
const stranger = ownPki();
const key = newEcKey();
const ofPkcs8 = key.export({ type: 'pkcs8', format: 'pem' }).toString();
const certificate = (leaf: Leaf = {}, of: KeyObject = key) =>
  pem('CERTIFICATE', forge.certificate(of, ownLeaf(pki, leaf)));
const chain = ({ step, root }: typeof pki) =>
  pem('CERTIFICATE', step.der) + pem('CERTIFICATE', root.der);

const masked: string[] = [];
const world = (files: Record<string, string> = {}, env: Record<string, string> = {}) => ({
  env,
  clock: { date: () => signingTime },
  mask: { maskPrivateKey: (text: string) => void masked.push(text) },
  files: {
    readFile: async (path: string) => {
      if (files[path] === undefined) throw new Error('ENOENT');
      return Buffer.from(files[path]);
    },
  },
});
type AnyWorld = Parameters<typeof certified>[2];

async function open(own: { certificate: string; chain: string }, at = world()) {
  const signer = await loadSigner({ key: ofPkcs8 });
  return certified(signer, own, at as unknown as AnyWorld);
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it was accepted'),
    (caught: unknown) => {
      expect(caught).toBeInstanceOf(Failure);
      const { code, message, fix } = caught as Failure;
      return { code, text: `${message}\n${fix}` };
    },
  );

describe('a key with a certificate of one\u2019s own', () => {
  it('signs with the key, and names its certificate and its chain', async () => {
    const own = certificate();
    const signer = await open({ certificate: own, chain: chain(pki) });
    const data = Buffer.from('what is signed');
    const { signature, key: by } = await signer.sign(data);
    expect(by).toEqual({ $case: 'x509Certificate', certificate: own });
    expect(verify('sha256', data, createPublicKey(key), signature)).toBe(true);
    expect(await signer.identity()).toEqual({ identity: mailbox });
    expect(await signer.publicKey()).toBeUndefined();
    expect((await signer.chain()).join('')).toBe(chain(pki));
  });

  it.each([
    ['a path', { 'ca/leaf.pem': certificate() }, {}, 'ca/leaf.pem'],
    ['a variable', {}, { LEAF: certificate() }, 'env://LEAF'],
    [
      'a variable with its lines written out',
      {},
      { LEAF: certificate().replaceAll('\n', '\\n') },
      'env://LEAF',
    ],
    ['text with Windows lines', {}, {}, certificate().replaceAll('\n', '\r\n')],
    ['what openssl prints in front', {}, {}, `Certificate:\n    Data:\n${certificate()}`],
  ] as const)('takes it as %s', async (_, files, env, value) => {
    const signer = await open({ certificate: value, chain: chain(pki) }, world(files, env));
    expect(await signer.identity()).toEqual({ identity: mailbox });
  });

  it('takes the first of several names for its own', async () => {
    const names = [email(mailbox), email('other@acme.example')];
    const signer = await open({ certificate: certificate({ names }), chain: chain(pki) });
    expect(await signer.identity()).toEqual({ identity: mailbox });
  });

  const late = ownPki({ stepPeriod: yesterday });
  const early = ownPki({ stepPeriod: tomorrow });
  const narrow = ownPki({ root: [authority(0)] });
  const below = ({ step }: typeof pki, more: Leaf = {}) =>
    pem('CERTIFICATE', forge.certificate(key, ownLeaf({ step }, more)));
  const damaged = certificate().replace(/\n.{10}/, '\n!!!!!!!!!!');
  it.each([
    ['of another key', certificate({}, newEcKey()), chain(pki), 'of another key'],
    [
      'of another authority',
      below(stranger),
      chain(pki),
      'has not signed the one in `certificate`',
    ],
    [
      'a chain from the root down',
      certificate(),
      pem('CERTIFICATE', pki.root.der) + pem('CERTIFICATE', pki.step.der),
      'in another order',
    ],
    [
      'a chain without its root',
      certificate(),
      pem('CERTIFICATE', pki.step.der),
      'does not end with a root',
    ],
    [
      'a chain without its intermediate',
      certificate(),
      pem('CERTIFICATE', pki.root.der),
      'has not signed',
    ],
    [
      'a chain that begins with the certificate',
      certificate(),
      certificate() + chain(pki),
      'none of an authority',
    ],
    ['a chain of nine', certificate(), pem('CERTIFICATE', pki.root.der).repeat(9), 'more than 8'],
    ['two certificates', certificate() + chain(pki), chain(pki), 'holds 3 certificates'],
    [
      'that has expired',
      certificate({ notBefore: yesterday[0], notAfter: yesterday[1] }),
      chain(pki),
      'was valid until',
    ],
    [
      'that is not valid yet',
      certificate({ notBefore: tomorrow[0] }),
      chain(pki),
      'begins to be valid',
    ],
    [
      'below one that has expired',
      below(late),
      chain(late),
      'Certificate 1 of input certificate-chain was valid until',
    ],
    ['below one that is not valid yet', below(early), chain(early), 'begins to be valid'],
    ['below a root that allows none', below(narrow), chain(narrow), 'so many authorities'],
    ['of an authority', certificate({ more: [authority()] }), chain(pki), 'certificate authority'],
    [
      'for servers',
      certificate({ purpose: extendedKeyUsage('1.3.6.1.5.5.7.3.1') }),
      chain(pki),
      'sign code',
    ],
    [
      'that may not sign',
      certificate({ usage: keyUsage.certificateSigning() }),
      chain(pki),
      'certificate authority',
    ],
    ['without a name', certificate({ names: [] }), chain(pki), 'no subject alternative name'],
    ['of a Fulcio', pem('CERTIFICATE', forge.certificate(key)), chain(pki), 'of a Fulcio'],
    ['damaged', damaged, chain(pki), 'not whole'],
    ['a private key', ofPkcs8, chain(pki), 'holds a private key'],
    ['no PEM', 'leaf.der', chain(pki), 'cannot be read'],
    ['a variable that is empty', 'env://LEAF', chain(pki), 'empty or not set'],
    [
      'a public key',
      createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
      chain(pki),
      'no certificate',
    ],
  ] as const)('refuses one %s', async (_, own, above, words) => {
    const { code, text } = await failure(open({ certificate: own, chain: above }));
    expect(code).toBe('bad-certificate');
    expect(text).toContain(words);
    expect(text).not.toContain(ofPkcs8.split('\n')[1]);
  });

  it('masks a private key that was given as the certificate, before it fails', async () => {
    masked.length = 0;
    await failure(open({ certificate: ofPkcs8, chain: chain(pki) }));
    expect(masked).toContain(ofPkcs8.trim());
  });
});

describe('authorities that a gate is told', () => {
  const roots = pem('CERTIFICATE', pki.root.der);
  const trust = (roots: string, intermediates?: string) =>
    openAuthorities(
      { roots, asksIssuer: false, ...(intermediates === undefined ? {} : { intermediates }) },
      world() as unknown as AnyWorld,
    );

  it('keeps them as PEM', async () => {
    const { pem: kept } = await trust(roots, pem('CERTIFICATE', pki.step.der));
    expect(kept).toEqual({ roots, intermediates: pem('CERTIFICATE', pki.step.der) });
  });

  it.each([
    ['an intermediate among the roots', pem('CERTIFICATE', pki.step.der), undefined, 'is no root'],
    ['a signing certificate', certificate(), undefined, 'none of an authority'],
    ['a signing certificate between', roots, certificate(), 'none of an authority'],
    ['no certificate', '-----', undefined, 'holds no certificate'],
    ['more than a hundred', roots.repeat(101), undefined, 'more than 100'],
    ['half a block', roots + roots.slice(0, 200), undefined, 'not whole'],
  ])('refuses %s', async (_, anchors, between, words) => {
    const { code, text } = await failure(trust(anchors, between));
    expect(code).toBe('bad-certificate');
    expect(text).toContain(words);
  });

  // Twelve that have all signed each other can be put into twelve factorial orders.
  it('gives up on authorities that name each other in a circle', async () => {
    const shared = newEcKey();
    const name = certify('acme-issuing', shared, undefined, []);
    const twins = Array.from({ length: 12 }, () =>
      certify('acme-issuing', shared, name, [authority(), keyUsage.certificateSigning()]),
    );
    const { issuersOf } = await trust(
      roots,
      twins.map(({ der }) => pem('CERTIFICATE', der)).join(''),
    );
    const leaf = readCertificate(forge.certificate(key, ownLeaf({ step: name })), 'own');
    expect(() => issuersOf(leaf, undefined, undefined)).toThrow(/no path leads/);
  });
});
