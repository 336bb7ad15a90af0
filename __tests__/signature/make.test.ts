import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Witness } from '@sigstore/sign';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseDigest } from '../../src/image/digest.ts';
import { parseBundle } from '../../src/signature/bundle.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import { judge } from '../../src/signature/judge.ts';
import { isSupportedKey, keyId } from '../../src/signature/key.ts';
import { signBundle, signLegacy } from '../../src/signature/make.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import type { ImageSigner } from '../../src/signature/signer.ts';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { makeStatement } from '../../src/signature/statement.ts';
import { createTrust } from '../../src/signature/trust.ts';
import { anyRsaPair } from '../sandbox/rsa-keys.ts';
import { PrivateSigstore } from './private-sigstore.ts';

const image = parseDigest(`sha256:${'ab'.repeat(32)}`);
const place = { digest: image, reference: 'r.test/app@sha256:ab' };
const annotations = { env: 'prod', note: '<ü>' };
const statement = makeStatement(image, annotations);
const payload = makePayload({ dockerReference: 'r.test/app', digest: image, annotations });
const noTrust = createTrust(undefined);

function signerOf(key: KeyObject, hash: string | undefined = 'sha256', hint?: string): ImageSigner {
  const publicKey = createPublicKey(key);
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    sign: async (data) => ({
      signature: sign(hash, data, key),
      key: { $case: 'publicKey', publicKey: pem, ...(hint && { hint }) },
    }),
    identity: async () => ({ keyId: keyId(publicKey) }),
    publicKey: async () => publicKey,
    chain: async () => [],
    warnings: [],
  };
}

function byKey(...keys: readonly [KeyObject, ...KeyObject[]]): SignaturePolicy {
  const [first, ...rest] = keys.map((key) => ({ key }));
  return { signers: [first ?? { key: keys[0] }, ...rest], annotations: {}, tlog: 'ignore' };
}

async function bothFormats(signer: ImageSigner): Promise<readonly FoundSignature[]> {
  const { bundle } = await signBundle({ signer, witnesses: [], statement });
  const layer = await signLegacy({ signer, witnesses: [], payload });
  return [
    { format: 'bundle', ...place, bundle },
    { format: 'legacy', ...place, payload: layer.payload, annotations: layer.annotations },
  ];
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const keys = {
  p256: ec('P-256'),
  p384: ec('P-384'),
  p521: ec('P-521'),
  rsa: anyRsaPair(),
  ed25519: generateKeyPairSync('ed25519'),
};

describe('signing with a key', () => {
  it.each<[keyof typeof keys, string | undefined]>([
    ['p256', 'sha256'],
    ['p384', 'sha256'],
    ['p384', 'sha384'],
    ['p521', 'sha256'],
    ['p521', 'sha512'],
    ['rsa', 'sha256'],
    ['ed25519', undefined],
  ])('%s with %s: both formats verify, with nothing but the key', async (name, hash) => {
    const { privateKey, publicKey } = keys[name];
    for (const found of await bothFormats(
      signerOf(privateKey, name === 'ed25519' ? (null as never) : hash),
    )) {
      expect(judge(found, image, byKey(publicKey), noTrust)).toEqual({
        format: found.format,
        ...place,
        verified: true,
        code: 'verified',
        keyId: keyId(publicKey),
        annotations,
      });
    }
  });

  it('writes what cosign 3 writes: the fields of its bundle in its order, an empty keyid, the hint of the key', async () => {
    const { bundle, logged } = await signBundle({
      signer: signerOf(keys.p256.privateKey, 'sha256', 'a hint'),
      witnesses: [],
      statement,
    });
    const { content } = parseBundle(bundle);
    const sig =
      content.$case === 'dsseEnvelope'
        ? content.dsseEnvelope.signatures[0]?.sig.toString('base64')
        : undefined;
    const hint = keyId(keys.p256.publicKey);
    expect(bundle.toString()).toBe(
      `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"${hint}"}},` +
        `"dsseEnvelope":{"payload":"${statement.toString('base64')}","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"${sig}"}]}}`,
    );
    expect(logged).toBe(false);
  });

  it('shows the witnesses the envelope as it will be written', async () => {
    const seen: unknown[] = [];
    const witness: Witness = {
      testify: async (content, publicKey) => {
        seen.push(
          content.$case === 'dsseEnvelope' && content.dsseEnvelope.signatures[0]?.keyid,
          publicKey.split('\n')[0],
        );
        return {};
      },
    };
    await signBundle({
      signer: signerOf(keys.p256.privateKey, 'sha256', 'a hint'),
      witnesses: [witness],
      statement,
    });
    expect(seen).toEqual(['', '-----BEGIN PUBLIC KEY-----']);
  });

  it('carries the log entry and verifies with it, in both formats', async () => {
    const sigstore = new PrivateSigstore();
    const input = { signer: signerOf(keys.p256.privateKey), witnesses: [sigstore.rekor()] };
    const { bundle } = await signBundle({ ...input, statement });
    const layer = await signLegacy({ ...input, payload });
    const required = { ...byKey(keys.p256.publicKey), tlog: 'required' as const };
    for (const found of [
      { format: 'bundle', ...place, bundle },
      { format: 'legacy', ...place, payload, annotations: layer.annotations },
    ] as const) {
      expect(judge(found, image, required, sigstore.trust)).toMatchObject({
        code: 'verified',
        tlogIndex: 1000,
        integratedTime: 1795176000,
      });
      expect(judge(found, image, required, new PrivateSigstore().trust)).toMatchObject({
        code: 'bad-log-entry',
      });
      expect(judge(found, image, required, noTrust)).toMatchObject({ code: 'bad-log-entry' });
      const ignored = judge(found, image, byKey(keys.p256.publicKey), noTrust);
      expect(ignored).toEqual({
        format: found.format,
        ...place,
        verified: true,
        code: 'verified',
        keyId: keyId(keys.p256.publicKey),
        annotations,
      });
    }
  });

  it('refuses to put an entry without promise into the legacy format', async () => {
    const rekor = new PrivateSigstore().rekor();
    const v2: Witness = {
      testify: async (content, key) => {
        const { tlogEntries = [] } = await rekor.testify(content, key);
        return {
          tlogEntries: tlogEntries.map((entry) => ({ ...entry, inclusionPromise: undefined })),
        };
      },
    };
    const signing = signLegacy({
      signer: signerOf(keys.p256.privateKey),
      witnesses: [v2],
      payload,
    });
    await expect(signing).rejects.toMatchObject({ name: 'Failure', code: 'internal' });
  });

  it('passes on what a signer or a witness throws', async () => {
    const broken = new Error('no network');
    const witness: Witness = { testify: () => Promise.reject(broken) };
    await expect(
      signBundle({ signer: signerOf(keys.p256.privateKey), witnesses: [witness], statement }),
    ).rejects.toBe(broken);
  });
});

describe('a key that did not sign', () => {
  let made: readonly FoundSignature[] = [];
  beforeAll(async () => {
    made = await bothFormats(signerOf(keys.p256.privateKey));
  });

  const weak = anyRsaPair(1024);
  const others: readonly (readonly [string, KeyObject])[] = [
    ['of the same kind', ec('P-256').publicKey],
    ['of another curve', keys.p384.publicKey],
    ['of RSA', keys.rsa.publicKey],
    ['of RSA, too short', weak.publicKey],
    ['of Ed25519', keys.ed25519.publicKey],
    ['for key agreement', generateKeyPairSync('x25519').publicKey],
    ['of a curve that Sigstore does not know', ec('secp256k1').publicKey],
  ];
  it.each(others)('%s is refused', (_, key) => {
    for (const found of made)
      expect(judge(found, image, byKey(key), noTrust)).toMatchObject({
        verified: false,
        code: 'wrong-key',
      });
  });

  it('does no harm beside the one that did', () => {
    const policy = byKey(keys.rsa.publicKey, keys.ed25519.publicKey, keys.p256.publicKey);
    for (const found of made)
      expect(judge(found, image, policy, noTrust)).toMatchObject({
        verified: true,
        keyId: keyId(keys.p256.publicKey),
      });
  });

  it.each<[string, KeyObject, string | undefined]>([
    ['RSA of 1024 bits', weak.privateKey, 'sha256'],
    ['a curve that Sigstore does not know', ec('secp256k1').privateKey, 'sha256'],
    ['sha1', keys.p256.privateKey, 'sha1'],
    ['sha512 on P-256', keys.p256.privateKey, 'sha512'],
    ['sha512 with RSA', keys.rsa.privateKey, 'sha512'],
  ])('nor does one that signed with %s', async (_, key, hash) => {
    for (const found of await bothFormats(signerOf(key, hash))) {
      expect(judge(found, image, byKey(createPublicKey(key)), noTrust).verified).toBe(false);
    }
  });

  it('is told from an identity, and the other way round', async () => {
    const asked: SignaturePolicy = {
      signers: [{ identities: [{ exact: 'a' }], issuers: [{ exact: 'b' }] }],
      annotations: {},
      tlog: 'ignore',
    };
    for (const found of made)
      expect(judge(found, image, asked, noTrust)).toMatchObject({ code: 'wrong-identity' });
    for (const found of await bothFormats(new PrivateSigstore().issue())) {
      expect(judge(found, image, byKey(keys.p256.publicKey), noTrust)).toMatchObject({
        code: 'wrong-key',
      });
      expect(judge(found, image, asked, noTrust)).toMatchObject({ code: 'untrusted-certificate' });
      expect(judge(found, image, asked, new PrivateSigstore().trust)).toMatchObject({
        code: 'no-timestamp',
      });
    }
  });

  it('is only supported where a signature could be checked', () => {
    expect(Object.values(keys).map(({ publicKey }) => isSupportedKey(publicKey))).toEqual([
      true,
      true,
      true,
      true,
      true,
    ]);
    expect(isSupportedKey(weak.publicKey)).toBe(false);
    expect(isSupportedKey(ec('secp256k1').publicKey)).toBe(false);
  });
});

describe('annotations', () => {
  it.each<[string, Record<string, string>, string]>([
    ['one of them', { env: 'prod' }, 'verified'],
    ['all of them', annotations, 'verified'],
    ['another value', { env: 'Prod' }, 'annotation-mismatch'],
    ['one that is not there', { env: 'prod', team: 'a' }, 'annotation-mismatch'],
    ['one that every object has', { constructor: 'x' }, 'annotation-mismatch'],
    ['an empty one that is not there', { team: '' }, 'annotation-mismatch'],
  ])('asked for %s', async (_, wanted, code) => {
    for (const found of await bothFormats(signerOf(keys.p256.privateKey))) {
      expect(
        judge(found, image, { ...byKey(keys.p256.publicKey), annotations: wanted }, noTrust),
      ).toMatchObject({ code });
    }
  });
});

it('a signature that could not be read is reported as what it was found to be', () => {
  const problem = { code: 'too-large', reason: 'It has 2 GB\u001b[31m.' } as const;
  expect(
    judge({ format: 'bundle', ...place, problem }, image, byKey(keys.p256.publicKey), noTrust),
  ).toEqual({
    format: 'bundle',
    ...place,
    verified: false,
    code: 'too-large',
    reason: 'It has 2 GB\\u001b[31m.',
    annotations: {},
  });
});
