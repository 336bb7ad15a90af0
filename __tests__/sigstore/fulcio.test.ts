import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Failure } from '../../src/failure.ts';
import type { Http, HttpRequest, HttpResponse } from '../../src/http/http.ts';
import {
  askFulcioDate,
  createFulcioSigner,
  type FulcioOptions,
} from '../../src/sigstore/fulcio.ts';
import { readFulcioCertificate } from '../../src/sigstore/fulcio-certificate.ts';
import {
  certificatePem,
  codeSigning,
  extendedKeyUsage,
  extension,
  keyUsage,
  nameOf,
  newSerial,
  signCertificate,
} from '../sandbox/sigstore/certificates.ts';
import { implicit, sequence } from '../sandbox/sigstore/der.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { plainHttp } from './plain-http.ts';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const signerWith = (options: Partial<FulcioOptions> = {}) =>
  createFulcioSigner({
    http: plainHttp(),
    clock: systemClock,
    url: new URL(sigstore.fulcioUrl),
    identityToken: () => sigstore.token(),
    retryBudget: () => 5000,
    ...options,
  });

/** An Http between us and Fulcio that edits the chain in its answer. */
const editingChain = (
  edit: (certificates: string[]) => unknown,
  field = 'signedCertificateEmbeddedSct',
): Http =>
  editing((answer) => {
    const { certificates } = (
      answer as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } }
    ).signedCertificateEmbeddedSct.chain;
    return { [field]: { chain: { certificates: edit(certificates) } } };
  });

const editing =
  (edit: (answer: unknown) => unknown): Http =>
  async (request) => {
    const response = await plainHttp()(request);
    return {
      ...response,
      body: Buffer.from(JSON.stringify(edit(JSON.parse(response.body.toString())))),
    };
  };

const answering =
  (status: number, body: string, headers = {}): Http =>
  async ({ url }): Promise<HttpResponse> => ({
    status,
    headers,
    body: Buffer.from(body),
    url,
    attempts: 7,
  });

describe('a Fulcio signer', () => {
  it('asks for nothing before it is used, and then for one certificate and one token, however many sign', async () => {
    const asked: HttpRequest[] = [];
    let tokens = 0;
    const identityToken = () => {
      tokens++;
      return sigstore.token();
    };
    const signer = signerWith({ http: plainHttp(asked), identityToken });
    expect([asked.length, tokens]).toEqual([0, 0]);
    await Promise.all(Array.from({ length: 80 }, (_, n) => signer.sign(Buffer.from(String(n)))));
    await Promise.all([signer.identity(), signer.chain(), signer.certificate()]);
    expect([asked.length, tokens]).toEqual([1, 1]);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      url: new URL('/api/v2/signingCert', sigstore.fulcioUrl),
      redirect: 'manual',
    });
  });

  it('renews the certificate only when it would expire within the margin, with one request and another key', async () => {
    const asked: HttpRequest[] = [];
    let now = 0;
    const signer = signerWith({
      http: plainHttp(asked),
      // The time of day is years off, and plays no part.
      clock: { ...systemClock, now: () => now, date: () => new Date(0) },
      safetyMargin: 120_000,
    });
    const first = await signer.certificate();
    now = 7 * 60_000;
    expect([await signer.certificate(), asked.length]).toEqual([first, 1]);
    now = 8.5 * 60_000;
    const renewed = await Promise.all([
      signer.certificate(),
      signer.certificate(),
      signer.certificate(),
    ]);
    expect(asked).toHaveLength(2);
    expect(new Set(renewed).size).toBe(1);
    expect(renewed[0]).not.toBe(first);
  });

  it('signs for an e-mail address where the token has one', async () => {
    const url = sigstore.idTokenRequestUrl.replace('127.0.0.1', 'localhost');
    const response = await fetch(`${url}&audience=sigstore&email=me@example.test`, {
      headers: { authorization: `bearer ${sigstore.idTokenRequestToken}` },
    });
    const { value } = (await response.json()) as { value: string };
    expect(await signerWith({ identityToken: async () => value }).identity()).toEqual({
      identity: 'me@example.test',
      issuer: sigstore.oidcUrl.replace('127.0.0.1', 'localhost'),
    });
  });

  it('takes a certificate whose timestamp of the CT log comes apart', async () => {
    const signer = signerWith({
      http: editingChain((chain) => chain, 'signedCertificateDetachedSct'),
    });
    expect(await signer.identity()).toEqual({
      identity: sigstore.certificateIdentity,
      issuer: sigstore.issuer,
    });
  });

  it('takes a chain without the root', async () => {
    expect(
      await signerWith({ http: editingChain((chain) => chain.slice(0, 2)) }).chain(),
    ).toHaveLength(1);
  });

  it('asks below the path of its address', async () => {
    const asked: HttpRequest[] = [];
    await signerWith({ http: plainHttp(asked), url: new URL(`${sigstore.fulcioUrl}/ca/`) })
      .identity()
      .catch(() => undefined);
    expect(asked[0]?.url.pathname).toBe('/ca/api/v2/signingCert');
  });
});

describe('an answer of Fulcio is refused when', () => {
  it('the certificate is for another key', async () => {
    const stolen = await signerWith().certificate();
    await expect(
      signerWith({ http: editingChain(([, ...rest]) => [stolen, ...rest]) }).identity(),
    ).rejects.toMatchObject({
      code: 'fulcio-error',
      message: expect.stringContaining('for another key than ours'),
    });
  });

  it.each([
    ['it has no certificates', (_: string[]) => [], 'it holds 0 certificates'],
    [
      'it has more than any chain has',
      (chain: string[]) => Array(11).fill(chain[0]),
      'it holds 11 certificates',
    ],
    [
      'the chain is in the wrong order',
      ([leaf, middle, root]: string[]) => [leaf, root, middle],
      'is not signed by the next one',
    ],
    [
      'a certificate is missing in the middle',
      ([leaf, , root]: string[]) => [leaf, root],
      'is not signed by the next one',
    ],
    ['a certificate is garbage', ([leaf]: string[]) => [leaf, 'garbage'], 'cannot be read'],
    ['a certificate is no text', ([leaf]: string[]) => [leaf, 7], 'is not text'],
    ['the chain is no list', () => 'chain', 'it holds no certificates'],
  ])('%s', async (_what, edit, message) => {
    await expect(
      signerWith({ http: editingChain(edit as (chain: string[]) => unknown) }).identity(),
    ).rejects.toMatchObject({
      code: 'fulcio-error',
      message: expect.stringContaining(message),
    });
  });

  it.each([
    ['it is empty', '{}', 'it holds no certificates'],
    ['it is no JSON', 'certificate', 'it is not JSON'],
    ['it is a list', '[]', 'it is not a JSON object'],
  ])('%s', async (_what, body, message) => {
    await expect(signerWith({ http: answering(200, body) }).identity()).rejects.toMatchObject({
      code: 'fulcio-error',
      message: expect.stringContaining(message),
      fix: expect.stringContaining(sigstore.fulcioUrl),
    });
  });

  it('it is the login page of a proxy', async () => {
    const page = '<html><title>Sign in</title>';
    await expect(signerWith({ http: answering(200, page) }).identity()).rejects.toMatchObject({
      code: 'fulcio-error',
      message: expect.stringContaining('a web page ("Sign in") and not an answer of Fulcio'),
    });
  });

  it.each([-365, -1, 1, 365])('is usable where the clock here is %i days off', async (days) => {
    const date = () => new Date(Date.now() + days * 86_400_000);
    const asked: HttpRequest[] = [];
    const signer = signerWith({ http: plainHttp(asked), clock: { ...systemClock, date } });
    await signer.sign(Buffer.of(1));
    await signer.sign(Buffer.of(2));
    expect(await signer.identity()).toMatchObject({ issuer: sigstore.oidcUrl });
    expect(asked).toHaveLength(1);
  });
});

describe('the clock of Fulcio', () => {
  const options = (http: Http) => ({
    http,
    clock: systemClock,
    url: new URL(sigstore.fulcioUrl),
    retryBudget: () => 100,
  });

  it('is read without telling who asks', async () => {
    const asked: HttpRequest[] = [];
    const http: Http = async (request) => {
      asked.push(request);
      const headers = { date: 'Sat, 28 Nov 2026 20:00:00 GMT' };
      return { status: 404, headers, body: Buffer.alloc(0), url: request.url };
    };
    expect(await askFulcioDate(options(http))).toEqual(new Date('2026-11-28T20:00:00Z'));
    expect(asked).toMatchObject([{ method: 'GET', headers: { accept: 'application/json' } }]);
    expect(asked[0]?.body).toBeUndefined();
  });

  it('is unknown where Fulcio gives no answer, or no time', async () => {
    const gone: Http = () => Promise.reject(new Failure('network', 'Gone.', 'Wait.'));
    expect(await askFulcioDate(options(gone))).toBeUndefined();
    for (const headers of [{}, { date: '' }, { date: 'yesterday' }]) {
      const http: Http = async ({ url }) => ({ status: 200, headers, body: Buffer.of(), url });
      expect(await askFulcioDate(options(http))).toBeUndefined();
    }
  });

  it('is told where Fulcio refuses a token and the clock here differs', async () => {
    const refusing =
      (date: string): Http =>
      async ({ url }) => {
        const body = Buffer.from('{"message":"There was an error processing the identity token"}');
        return { status: 400, headers: { date }, body, url };
      };
    const clock = { ...systemClock, date: () => new Date('2026-11-28T21:30:00Z') };
    const failure = (date: string) =>
      signerWith({ http: refusing(date), clock })
        .identity()
        .catch((caught: Failure) => caught.message);
    expect(await failure('Sat, 28 Nov 2026 20:00:00 GMT')).toMatch(
      /The clock of this runner is 90 minutes ahead: it says 2026-11-28T21:30:00Z, and that of Fulcio 2026-11-28T20:00:00Z\.$/,
    );
    expect(await failure('Sat, 28 Nov 2026 21:29:30 GMT')).not.toContain('clock');
  });
});

describe('a failure of Fulcio', () => {
  it.each([
    [
      400,
      '{"code":3,"message":"There was an error processing the identity token"}',
      'bad-identity-token',
    ],
    [401, '', 'bad-identity-token'],
    [
      400,
      '{"code":3,"message":"The signature supplied in the request could not be verified"}',
      'fulcio-error',
    ],
    [404, 'page not found', 'fulcio-error'],
    [302, '', 'fulcio-error'],
    [429, '{"message":"slow down"}', 'fulcio-error'],
    [503, '', 'fulcio-error'],
  ])('with status %i and %j is told', async (status, body, code) => {
    await expect(signerWith({ http: answering(status, body) }).identity()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(String(status)),
    });
  });

  it('that lasts names the service, how long and how often', async () => {
    const failure = await signerWith({ http: answering(503, 'upstream CT log is away') })
      .identity()
      .catch((caught: unknown) => caught);
    expect((failure as Failure).message).toMatch(
      /^Fulcio at http:\/\/127\.0\.0\.1:\d+ answered 503 for 0\.0 s, asked 7 times: upstream CT log is away$/,
    );
  });

  it('is waited for once: who comes later fails at once with the same', async () => {
    let asked = 0;
    const http: Http = async () => {
      asked++;
      throw new Failure('network', '127.0.0.1:1 refused the connection 5 times.', 'Start it.');
    };
    const signer = signerWith({ http });
    const failures = [
      await signer.identity().catch((caught: unknown) => caught),
      await signer.sign(Buffer.of(1)).catch((caught: unknown) => caught),
    ];
    expect(failures[0]).toBe(failures[1]);
    expect(failures[0]).toMatchObject({
      code: 'fulcio-error',
      message: expect.stringContaining('127.0.0.1:1 refused the connection 5 times.'),
    });
    expect(asked).toBe(1);
  });

  it('never tells the token, also when Fulcio sends it back', async () => {
    const token = await sigstore.token();
    for (const body of [
      JSON.stringify({ message: `bad identity token ${token}!` }),
      `bad token: ${token}`,
      `${token}`,
    ]) {
      const failure = (await signerWith({
        http: answering(400, body),
        identityToken: async () => token,
      })
        .identity()
        .catch((caught) => caught)) as Failure;
      for (const part of token.split('.'))
        expect([failure.message, failure.fix, failure.stack].join()).not.toContain(part);
    }
  });
});

describe('a token', () => {
  const jwt = (claims: object) =>
    [{ alg: 'RS256' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .concat('c2ln')
      .join('.');
  it.each([
    ['that is none', 'secret-text', 'not a JSON Web Token'],
    ['with broken claims', 'a.b.c', 'not a JSON Web Token'],
    ['that names nobody', jwt({ iss: 'x' }), 'names nobody'],
    ['with an empty subject', jwt({ sub: '' }), 'names nobody'],
    [
      'for an unverified address',
      jwt({ sub: 'x', email: 'a@example.test', email_verified: false }),
      'has not verified',
    ],
  ])('%s is refused before Fulcio is asked', async (_what, token, message) => {
    const asked: HttpRequest[] = [];
    const failure = (await signerWith({ http: plainHttp(asked), identityToken: async () => token })
      .identity()
      .catch((caught) => caught)) as Failure;
    expect(failure).toMatchObject({
      code: 'bad-identity-token',
      message: expect.stringContaining(message),
    });
    expect(failure.cause).toBeUndefined();
    expect(failure.message + failure.fix).not.toContain(token);
    expect(asked).toEqual([]);
  });

  it('that cannot be had is the failure of who should give it', async () => {
    const none = new Failure('no-identity-token', 'GitHub gives none.', 'Add `id-token: write`.');
    await expect(signerWith({ identityToken: () => Promise.reject(none) }).identity()).rejects.toBe(
      none,
    );
  });
});

describe('a certificate without a timestamp of a CT log', () => {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = 'https://issuer.example';
  const leaf = signCertificate(
    {
      serial: newSerial(),
      issuer: nameOf('example', 'ca'),
      subject: sequence(),
      notBefore: new Date(Date.now() - 1000),
      notAfter: new Date(Date.now() + 600_000),
      spki: publicKey.export({ format: 'der', type: 'spki' }),
      extensions: [
        keyUsage.digitalSignature(),
        extendedKeyUsage(codeSigning),
        extension('2.5.29.17', sequence(implicit(1, Buffer.from('me@example.test'))), true),
        extension('1.3.6.1.4.1.57264.1.1', Buffer.from(issuer)),
      ],
    },
    key,
  );
  const read = (embeddedSct: boolean) =>
    readFulcioCertificate([certificatePem({ der: leaf })], {
      key: publicKey,
      embeddedSct,
    });

  it('is taken where none was promised', () => {
    expect(read(false)).toMatchObject({ identity: 'me@example.test', issuer, chain: [] });
  });

  it('is refused where Fulcio says that it is embedded', () => {
    expect(() => read(true)).toThrow('carries no signed certificate timestamp');
  });
});
