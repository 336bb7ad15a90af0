import { readFileSync } from 'node:fs';
import { bundleFromJSON, bundleToJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } from '@sigstore/sign';
import { toSignedEntity, toTrustMaterial, Verifier, type VerifierOptions } from '@sigstore/verify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../fake-clock.ts';
import { runs } from '../../sampled.ts';
import { type BundleWish, signBundle } from './bundle.ts';
import { leafHash, MerkleTree } from './merkle.ts';
import { post } from './parity-case.ts';
import { type Sigstore, startSigstore } from './sigstore.ts';
import { askToken, hashedRekord, hashedRekordRequest, type Json, keyOf } from './well-formed.ts';

const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  predicate: {},
};
const literal = (text: string): RegExp =>
  new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$`);

let sigstore: Sigstore;
let stranger: Sigstore;
beforeAll(async () => {
  [sigstore, stranger] = await Promise.all([startSigstore(), startSigstore()]);
});
afterAll(() => Promise.all([sigstore.close(), stranger.close()]));

/** What @sigstore/verify says of a bundle, with the trusted root and the identity of a sandbox. */
function verify(
  bundle: Json,
  options: VerifierOptions,
  { trustedRoot, certificateIdentity, issuer } = sigstore,
): string {
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trustedRoot)), {
    ctlogThreshold: 1,
    ...options,
  });
  try {
    const policy = { subjectAlternativeName: literal(certificateIdentity), extensions: { issuer } };
    verifier.verify(toSignedEntity(bundleFromJSON(bundle)), policy);
    return 'verified';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const wishes: [string, BundleWish, VerifierOptions][] = [
  ['Rekor v1', { log: 1, timestamp: false }, { tlogThreshold: 1 }],
  [
    'Rekor v1 and a timestamp',
    { log: 1, timestamp: true },
    { tlogThreshold: 1, timestampThreshold: 1 },
  ],
  [
    'Rekor v2 and a timestamp',
    { log: 2, timestamp: true },
    { tlogThreshold: 1, timestampThreshold: 1 },
  ],
  [
    'a timestamp alone',
    { log: undefined, timestamp: true },
    { tlogThreshold: 0, timestampThreshold: 1 },
  ],
];

describe('a bundle made with the sandbox', () => {
  it.each(wishes)('verifies with %s', async (_, wish, options) => {
    const bundle = await signBundle(sigstore, statement, wish);
    expect(verify(bundle, options)).toBe('verified');
  });

  it.each(wishes)('does not verify with another trusted root: %s', async (_, wish, options) => {
    const bundle = await signBundle(sigstore, statement, wish);
    expect(verify(bundle, options, { ...stranger, issuer: sigstore.issuer })).not.toBe('verified');
  });

  it.each(wishes)('does not verify for another workflow: %s', async (_, wish, options) => {
    const bundle = await signBundle(sigstore, statement, {
      ...wish,
      token: { job_workflow_ref: 'evil/repo/.github/workflows/x.yml@refs/heads/main' },
    });
    expect(verify(bundle, options)).toBe('UNTRUSTED_SIGNER_ERROR');
  });

  it('verifies after the logs have grown, with longer proofs', async () => {
    for (let i = 0; i < runs(9); i++) {
      await post(`${sigstore.rekorUrl}/api/v1/log/entries`, hashedRekord());
      await post(
        `${sigstore.rekor2Url}/api/v2/log/entries`,
        hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256'),
      );
      for (const [, wish, options] of wishes)
        expect(verify(await signBundle(sigstore, statement, wish), options)).toBe('verified');
    }
  });

  it('carries the claims of the called workflow', async () => {
    const job_workflow_ref = 'acme/shared/.github/workflows/build.yml@refs/tags/v1';
    const bundle = await signBundle(sigstore, statement, {
      log: 1,
      timestamp: false,
      token: { job_workflow_ref },
    });
    const called = { ...sigstore, certificateIdentity: `https://github.com/${job_workflow_ref}` };
    expect(verify(bundle, { tlogThreshold: 1 }, called)).toBe('verified');
  });
});

// Not in the parity table: the real stack's tree is in memory and does not look for equal leaves.
// The words are those of Rekor's source.
describe('Rekor v1 in the sandbox', () => {
  it('answers 409 with the place of the equivalent entry', async () => {
    const url = `${sigstore.rekorUrl}/api/v1/log/entries`;
    const entry = hashedRekord();
    const first = await post(url, entry);
    const second = await post(url, entry);
    const [uuid = ''] = Object.keys((await first.json()) as object);
    expect({
      status: second.status,
      location: second.headers.get('location'),
      body: await second.json(),
    }).toEqual({
      status: 409,
      location: `/api/v1/log/entries/${uuid}`,
      body: {
        code: 409,
        message: `an equivalent entry already exists in the transparency log with UUID ${uuid}`,
      },
    });
    const existing = await fetch(new URL(second.headers.get('location') ?? '', sigstore.rekorUrl));
    expect(Object.keys((await existing.json()) as object)).toEqual([uuid]);
    expect([first.headers.get('location'), first.headers.get('etag')]).toEqual([
      `/api/v1/log/entries/${uuid}`,
      uuid,
    ]);
  });

  it('stores a key with other line ends as the same entry', async () => {
    const url = `${sigstore.rekorUrl}/api/v1/log/entries`;
    const entry = hashedRekord() as { spec: { signature: { publicKey: { content: string } } } };
    const first = await post(url, entry);
    const { publicKey } = entry.spec.signature;
    publicKey.content = Buffer.from(
      Buffer.from(publicKey.content, 'base64').toString().replaceAll('\n', '\r\n'),
    ).toString('base64');
    expect([first.status, (await post(url, entry)).status]).toEqual([201, 409]);
  });
});

describe('Rekor v2 in the sandbox', () => {
  it('gives entries that came together one checkpoint, and each its own proof', async () => {
    const clock = new FakeClock();
    const slow = await startSigstore({ rekor2BatchMilliseconds: 50, clock });
    const send = (): Promise<Response> =>
      post(
        `${slow.rekor2Url}/api/v2/log/entries`,
        hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256'),
      );
    const sent = [send(), send(), send()];
    const asked = () => slow.requests.filter(({ service }) => service === 'rekor2').length;
    await vi.waitFor(() => expect(asked()).toBe(3), { timeout: 10_000 });
    await clock.advance(50);
    const answers = (await Promise.all(sent.map(async (each) => (await each).json()))) as {
      logIndex: string;
      inclusionProof: { treeSize: string; hashes: string[] };
    }[];
    await slow.close();
    expect(
      answers
        .map(({ logIndex, inclusionProof }) => [
          logIndex,
          inclusionProof.treeSize,
          inclusionProof.hashes.length,
        ])
        .sort(),
    ).toEqual([
      ['0', '3', 2],
      ['1', '3', 2],
      ['2', '3', 1],
    ]);
  });

  it('publishes tiles from which the root of its checkpoint can be computed', async () => {
    const own = await startSigstore({ rekor2BatchMilliseconds: 0 });
    for (let i = 0; i < 5; i++)
      await post(
        `${own.rekor2Url}/api/v2/log/entries`,
        hashedRekordRequest(keyOf('P-256'), 'sha256', 'PKIX_ECDSA_P256_SHA_256'),
      );
    const get = async (path: string): Promise<Buffer> =>
      Buffer.from(await (await fetch(`${own.rekor2Url}/api/v2/${path}`)).arrayBuffer());
    const [, size = '', root] = (await get('checkpoint')).toString().split('\n');
    const [hashes, bundle] = [
      await get(`tile/0/000.p/${size}`),
      await get(`tile/entries/000.p/${size}`),
    ];
    await own.close();
    const [fromHashes, fromEntries] = [new MerkleTree(), new MerkleTree()];
    for (let at = 0; at < hashes.length; at += 32) fromHashes.append(hashes.subarray(at, at + 32));
    for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at))
      fromEntries.append(leafHash(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at))));
    expect([
      size,
      fromHashes.root().toString('base64'),
      fromEntries.root().toString('base64'),
    ]).toEqual(['5', root, root]);
  });
});

describe('the clients of @sigstore/sign', () => {
  it('sign with the sandbox what @sigstore/verify verifies', async () => {
    const builder = new DSSEBundleBuilder({
      signer: new FulcioSigner({
        fulcioBaseURL: sigstore.fulcioUrl,
        identityProvider: { getToken: () => sigstore.token() },
      }),
      witnesses: [
        new RekorWitness({ rekorBaseURL: sigstore.rekorUrl, entryType: 'dsse' }),
        new TSAWitness({ tsaBaseURL: new URL(sigstore.timestampUrl).origin }),
      ],
    });
    const bundle = await builder.create({
      data: Buffer.from(JSON.stringify(statement)),
      type: 'application/vnd.in-toto+json',
    });
    expect(
      verify(bundleToJSON(bundle) as unknown as Json, { tlogThreshold: 1, timestampThreshold: 1 }),
    ).toBe('verified');
  });
});

describe('the trusted root and the signing configs', () => {
  // Names and kinds of values, without the values.
  const form = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(form);
    if (typeof value !== 'object' || value === null) return typeof value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, form(inner)]));
  };

  it('have the form of those of a real deployment', () => {
    const real = JSON.parse(
      readFileSync(new URL('../../fixtures/trusted_root.json', import.meta.url), 'utf8'),
    ) as object;
    expect(form(sigstore.trustedRoot)).toEqual(form(real));
  });

  it.each([
    ['v1', [1], false],
    ['v1_tsa', [1], true],
    ['v2', [2], true],
    ['tsa', undefined, true],
  ] as const)('%s names its logs and authorities', (name, versions, timestamp) => {
    const config = sigstore.signingConfig[name] as {
      rekorTlogUrls?: { majorApiVersion: number }[];
      tsaUrls?: { url: string }[];
    };
    expect(config.rekorTlogUrls?.map(({ majorApiVersion }) => majorApiVersion)).toEqual(versions);
    expect(config.tsaUrls?.map(({ url }) => url)).toEqual(
      timestamp ? [sigstore.timestampUrl] : undefined,
    );
  });
});

describe('the sandbox', () => {
  it('makes tokens without being asked over HTTP, with the claims it was started with', async () => {
    const own = await startSigstore({ claims: { repository: 'acme/app' } });
    const claims = (jwt: string): unknown =>
      JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    const [direct, asked] = [
      claims(await own.token({ actor: 'hubot' })),
      claims(await askToken(own)),
    ];
    await own.close();
    expect(direct).toMatchObject({
      aud: 'sigstore',
      iss: own.issuer,
      repository: 'acme/app',
      actor: 'hubot',
    });
    expect(asked).toMatchObject({
      aud: 'sigstore',
      iss: own.issuer,
      repository: 'acme/app',
      actor: 'octocat',
    });
  });

  it('logs every request, and no token', async () => {
    const own = await startSigstore();
    await signBundle(own, statement, { log: 2, timestamp: true });
    await own.close();
    expect(own.requests.map(({ service, method, status }) => [service, method, status])).toEqual([
      ['oidc', 'GET', 200],
      ['fulcio', 'POST', 200],
      ['rekor2', 'POST', 201],
      ['timestamp', 'POST', 200],
    ]);
    expect(JSON.stringify(own.requests)).not.toContain('eyJ');
  });

  it('issues certificates for the time it is told', async () => {
    const own = await startSigstore({ now: () => new Date('2025-05-05T05:05:05.678Z') });
    const bundle = await signBundle(own, statement, { log: 1, timestamp: true });
    await own.close();
    expect(verify(bundle, { tlogThreshold: 1, timestampThreshold: 1 }, own)).toBe('verified');
  });
});
