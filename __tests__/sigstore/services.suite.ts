// One suite, two worlds: the same sentences hold for the sandbox and for real Fulcio, Rekor v1,
// Rekor v2 and a real timestamp authority.

import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import type { SignatureBundle, Signer } from '@sigstore/sign';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { HttpRequest } from '../../src/http/http.ts';
import { createFulcioSigner } from '../../src/sigstore/fulcio.ts';
import { createRekor, type RekorVersion } from '../../src/sigstore/rekor.ts';
import { chooseServices } from '../../src/sigstore/select-services.ts';
import { parseSigningConfig } from '../../src/sigstore/signing-config.ts';
import { createTimestampWitness } from '../../src/sigstore/timestamp.ts';
import { logIdsOf } from '../../src/sigstore/trust.ts';
import { anyRsaPair } from '../sandbox/rsa-keys.ts';
import { plainHttp } from './plain-http.ts';
import { judge, type SigstoreWorld, signEnvelope, signMessage } from './world.ts';

export function describeServices(name: string, start: () => Promise<SigstoreWorld>): void {
  describe(`the services of ${name}`, () => {
    let world: SigstoreWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterAll(() => world.close());

    const asked: HttpRequest[] = [];
    const http = plainHttp(asked);
    const retryBudget = () => 10_000;
    const fulcio = (identityToken = () => world.token()) =>
      createFulcioSigner({
        http,
        clock: systemClock,
        url: new URL(world.fulcioUrl),
        identityToken,
        retryBudget,
      });
    const rekor = (
      version?: RekorVersion,
      address = version === 2 ? world.rekor2Url : world.rekorUrl,
    ) =>
      createRekor({
        http,
        clock: systemClock,
        url: new URL(address),
        retryBudget,
        logIds: async () => logIdsOf(TrustedRoot.fromJSON(world.trustedRoot)),
        ...(version === undefined ? {} : { version }),
      });
    const timestamp = () =>
      createTimestampWitness({
        http,
        clock: systemClock,
        url: new URL(world.timestampUrl),
        retryBudget,
      });
    const signer = () => ({ identity: world.certificateIdentity, issuer: world.issuer });

    describe.each([
      ['v1', { logs: 1, times: 1 }, 1],
      ['v1_tsa', { logs: 1, times: 2 }, 1],
      ['v2', { logs: 1, times: 1 }, 2],
      ['tsa', { logs: 0, times: 1 }, undefined],
    ] as const)('chosen by the signing config %s', (config, counts, version) => {
      const services = () =>
        chooseServices(
          parseSigningConfig(JSON.stringify(world.signingConfig[config])),
          {},
          { fulcio: true, log: true },
          new Date(),
        );
      const witnesses = () => [
        ...services().logs.map((log) =>
          createRekor({ http, clock: systemClock, retryBudget, ...log }),
        ),
        ...services().timestamps.map((url) =>
          createTimestampWitness({ http, clock: systemClock, retryBudget, url }),
        ),
      ];

      it('make an envelope that a stranger verifies, signed by exactly this identity', async () => {
        const signing = createFulcioSigner({
          http,
          clock: systemClock,
          retryBudget,
          url: services().fulcio as URL,
          identityToken: () => world.token(),
        });
        const bundle = await signEnvelope(signing, witnesses(), `{"config":"${config}"}`);
        expect(services().logs.map((log) => log.version)).toEqual(
          version === undefined ? [] : [version],
        );
        expect(judge(bundle, world.trustedRoot, counts)).toEqual(signer());
        expect(await signing.identity()).toEqual(signer());
      });

      // A Rekor v2 entry about a message has no format that would carry it.
      const withPromise = version === 2 ? [] : ['a message'];
      it.each(withPromise)('make a signature of %s that a stranger verifies', async () => {
        const bundle = await signMessage(fulcio(), witnesses(), config);
        expect(judge(bundle, world.trustedRoot, counts, config)).toEqual(signer());
        expect(() => judge(bundle, world.trustedRoot, counts, 'another message')).toThrow();
      });
    });

    it('give one certificate to signatures made at once, with its chain up to the root', async () => {
      const signing = fulcio();
      asked.length = 0;
      const made = await Promise.all(
        ['a', 'b', 'c', 'd'].map((text) => signing.sign(Buffer.from(text))),
      );
      expect(asked).toHaveLength(1);
      const leaves = new Set(
        made.map(({ key }) => (key.$case === 'x509Certificate' ? key.certificate : '')),
      );
      expect([...leaves]).toEqual([await signing.certificate()]);
      const chain = [await signing.certificate(), ...(await signing.chain())].map(
        (pem) => new X509Certificate(pem),
      );
      expect(chain).toHaveLength(3);
      expect(
        chain.map((certificate, index) =>
          certificate.verify((chain[index + 1] ?? certificate).publicKey),
        ),
      ).toEqual([true, true, true]);
    });

    it.each([
      ['has expired', { exp: '-60' }],
      ['is for another audience', { aud: 'somebody-else' }],
      ['is signed by a stranger', { key: 'other' }],
      ['is of an issuer that Fulcio does not know', { iss: 'http://127.0.0.1:9' }],
    ])(
      'refuse a token that %s, and the token is in no text of the error',
      async (_what, claims) => {
        const token = await world.token(claims as Record<string, string>);
        const failure = await fulcio(async () => token)
          .identity()
          .catch((caught: unknown) => caught);
        expect(failure).toMatchObject({
          name: 'Failure',
          code: 'bad-identity-token',
          message: expect.stringContaining('400'),
        });
        expect(
          JSON.stringify([
            String(failure),
            (failure as Error).stack,
            (failure as { fix: string }).fix,
          ]),
        ).not.toContain(token.split('.')[2]);
      },
    );

    it.each([
      [1, 'rekorUrl'],
      [2, 'rekor2Url'],
    ] as const)('tell that a Rekor is of version %i, asked once', async (version, address) => {
      const log = rekor(undefined, world[address]);
      asked.length = 0;
      expect(await Promise.all([log.version(), log.version()])).toEqual([version, version]);
      expect(asked).toHaveLength(2);
    });

    it.each([1, 2] as const)(
      'give the same entry of Rekor v%i to who asks twice',
      async (version) => {
        const signing = fulcio();
        const { content, pem } = await messageBy(signing, `twice, version ${version}`);
        const log = rekor(version);
        const first = await log.testify(content, pem);
        const second = await log.testify(content, pem);
        expect(second.tlogEntries?.map(stable)).toEqual(first.tlogEntries?.map(stable));
        const bundle = await signMessage(signing, [], `twice, version ${version}`);
        bundle.content = content as typeof bundle.content;
        bundle.verificationMaterial.tlogEntries = second.tlogEntries ?? [];
        const { rfc3161Timestamps = [] } = await timestamp().testify(content, pem);
        bundle.verificationMaterial.timestampVerificationData = { rfc3161Timestamps };
        expect(
          judge(bundle, world.trustedRoot, { logs: 1, times: 1 }, `twice, version ${version}`),
        ).toEqual(signer());
      },
    );

    it.each([
      [
        'P-256',
        () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
        ['dsse', 'hashedrekord', 'hashedrekord'],
      ],
      [
        'P-384',
        () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
        ['dsse', 'unsupported-key', 'unsupported-key'],
      ],
      [
        'Ed25519',
        () => generateKeyPairSync('ed25519'),
        ['dsse', 'unsupported-key', 'unsupported-key'],
      ],
      ['RSA 2048', () => anyRsaPair(), ['dsse', 'hashedrekord', 'hashedrekord']],
    ] as const)(
      'record signatures of a %s key, or say why not',
      async (_kind, makeKey, expected) => {
        const signing = keySigner(makeKey().privateKey);
        const outcome = async (
          made: Promise<{
            verificationMaterial: { tlogEntries: { kindVersion: { kind: string } }[] };
          }>,
        ) =>
          made.then(
            (bundle) => bundle.verificationMaterial.tlogEntries[0]?.kindVersion.kind,
            (caught: { code: string }) => caught.code,
          );
        expect([
          await outcome(signEnvelope(signing, [rekor(1)], 'envelope')),
          await outcome(signMessage(signing, [rekor(1)], 'message')),
          await outcome(signEnvelope(signing, [rekor(2)], 'envelope')),
        ]).toEqual(expected);
      },
    );

    it('refuse an entry whose signature does not fit', async () => {
      const { content, pem } = await messageBy(fulcio(), 'one');
      const { content: other } = await messageBy(fulcio(), 'other');
      if (content.$case !== 'messageSignature' || other.$case !== 'messageSignature')
        throw new Error('unexpected content');
      const forged = {
        ...content,
        messageSignature: {
          ...content.messageSignature,
          signature: other.messageSignature.signature,
        },
      };
      for (const version of [1, 2] as const) {
        await expect(rekor(version).testify(forged, pem)).rejects.toMatchObject({
          code: 'rekor-error',
          message: expect.stringContaining('400'),
        });
      }
    });
  });
}

function keySigner(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString();
  const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return {
    sign: async (data) => ({
      signature: sign(algorithm, data, privateKey),
      key: { $case: 'publicKey', publicKey },
    }),
  };
}

async function messageBy(
  signer: Signer,
  text: string,
): Promise<{ content: SignatureBundle; pem: string }> {
  const { signature, key } = await signer.sign(Buffer.from(text));
  const digest = createHash('sha256').update(text).digest();
  return {
    content: {
      $case: 'messageSignature',
      messageSignature: { messageDigest: { algorithm: 1, digest }, signature },
    },
    pem: key.$case === 'x509Certificate' ? key.certificate : key.publicKey,
  };
}

/** What does not change when the tree grows. */
function stable(entry: {
  logIndex: string;
  logId: { keyId: Buffer };
  kindVersion: object;
  canonicalizedBody: Buffer;
  integratedTime: string;
}) {
  const { logIndex, logId, kindVersion, canonicalizedBody, integratedTime } = entry;
  return {
    logIndex,
    logId: logId.keyId.toString('hex'),
    kindVersion,
    integratedTime,
    body: canonicalizedBody.toString(),
  };
}
