// Web pages in the place of an API, as proxies, gateways and login walls send them: the step says
// who is likely to have sent them, and signs nothing.
import { describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { type RegistryOptions, startRegistry } from '../sandbox/registry.ts';
import { type SigningConfigName, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { keyedInputs, makeKey } from './keyed-world.ts';
import { signed } from './signed.ts';

const page = '<!DOCTYPE html>\n<html><head><title>Web filter: blocked</title></head></html>';
const bare = '\ufeff<html><body>Sign in</body></html>';
const errorOf = (run: { annotations: readonly { kind: string; message: string }[] }) =>
  run.annotations.find(({ kind }) => kind === 'error')?.message ?? '';
/** Nobody waits an hour: what is sent is judged at once. */
const headers = { 'content-type': 'text/html', 'retry-after': '3600' };
const sender = /A proxy, a gateway or a login page on the way is the likely sender/;

describe.concurrent.each([
  ['oidc', 'v1', 'no-identity-token', "GitHub's OIDC provider"],
  ['fulcio', 'v1', 'fulcio-error', 'Fulcio'],
  ['rekor', 'v1', 'rekor-error', 'Rekor'],
  ['rekor2', 'v2', 'rekor-error', 'Rekor'],
  ['timestamp', 'tsa', 'timestamp-error', 'the timestamp authority'],
] as const)('a web page from the address of %s', (service, config, code, name) => {
  it.each([
    [200, 'text/html; charset=utf-8', page],
    [403, 'text/html', page],
    [404, 'TEXT/HTML', page],
    [201, 'application/json', bare],
    [503, 'text/html', page],
  ])('with status %i as %s', async (status, contentType, body) => {
    await using sigstore = Object.assign(await startSigstore(), {
      [Symbol.asyncDispose]: () => sigstore.close(),
    });
    await using registry = await startRegistry({ referrersApi: true, ociSubject: true });
    const { reference } = await pushImage(registry.host, 'acme/app');
    const before = registry.store.find('acme/app')?.manifests.size;
    sigstore.faults[service].inject({
      kind: 'status',
      status,
      contentType,
      body,
      retryAfter: 3600,
    });
    const run = await signed(
      {
        images: reference,
        'signing-config': JSON.stringify(sigstore.signingConfig[config as SigningConfigName]),
        'trusted-root': JSON.stringify(sigstore.trustedRoot),
        timeout: '20s',
      },
      {
        env: {
          ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
        },
      },
    );
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: [code] });
    expect(errorOf(run)).toMatch(sender);
    expect(errorOf(run)).toContain(`and not an answer of ${name}`);
    if (body === page) expect(errorOf(run)).toContain('a web page ("Web filter: blocked")');
    expect(registry.store.find('acme/app')?.manifests.size).toBe(before);
  });
});

describe.concurrent('a web page from a registry', () => {
  const key = makeKey();
  const html = { headers, body: page };
  const at =
    (pattern: RegExp, code: number): NonNullable<RegistryOptions['faults']> =>
    ({ method, path }) =>
      pattern.test(`${method} ${path}`) ? { kind: 'status', code, ...html } : undefined;

  it.each<[string, RegExp, number, string]>([
    ['for the image', /^(GET|HEAD) .*manifests\/sha256:/, 200, 'bad-manifest'],
    ['for the image', /^(GET|HEAD) .*manifests\/sha256:/, 403, 'registry-error'],
    ['for the image', /^(GET|HEAD) .*manifests\/sha256:/, 401, 'registry-error'],
    ['for the image', /^(GET|HEAD) .*manifests\/sha256:/, 502, 'registry-error'],
    ['for the image', /^(GET|HEAD) .*manifests\/sha256:/, 511, 'registry-error'],
    ['for an upload', /^POST .*uploads/, 200, 'registry-error'],
    ['for an upload', /^POST .*uploads/, 403, 'registry-error'],
    ['for bytes that are sent', /^PUT .*uploads/, 403, 'registry-error'],
    ['for a manifest that is sent', /^PUT .*manifests/, 403, 'registry-error'],
  ])('%s (%s, %i)', async (_, pattern, status, code) => {
    await using registry = await startRegistry();
    const { reference } = await pushImage(registry.host, 'acme/app');
    registry.set({ faults: at(pattern, status) });
    const run = await signed(keyedInputs(reference, key, { timeout: '20s' }));
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: [code] });
    expect(errorOf(run)).toMatch(/web page/);
    expect(errorOf(run)).toMatch(code === 'bad-manifest' ? /proxy, a gateway or a login/ : sender);
    if (code !== 'bad-manifest') expect(errorOf(run)).toContain('("Web filter: blocked")');
  });

  it('that hides the list of signatures is not taken for an empty list', async () => {
    await using registry = await startRegistry();
    const { reference, digest } = await pushImage(registry.host, 'acme/app');
    const tags = [digest.replace(':', '-'), `${digest.replace(':', '-')}.sig`];
    const first = await signed(keyedInputs(reference, makeKey()));
    expect(first, first.shown).toMatchObject({ code: 0 });
    const kept = () => tags.map((tag) => registry.store.json('acme/app', tag));
    const before = kept();
    registry.set({ faults: at(/^(GET|HEAD) .*(manifests\/sha256-|referrers)/, 403) });
    const run = await signed(keyedInputs(reference, key, { timeout: '20s' }));
    expect(run, run.shown).toMatchObject({ code: 1, outputs: { verified: 'false' } });
    expect(kept()).toEqual(before);
  });

  it('leaves the words of a size limit what they are', async () => {
    await using registry = await startRegistry();
    const { reference } = await pushImage(registry.host, 'acme/app');
    registry.set({ faults: at(/^PUT .*uploads/, 413) });
    const run = await signed(keyedInputs(reference, key));
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['registry-error'] });
    expect(errorOf(run)).not.toMatch(sender);
  });
});

describe.concurrent('a web page from a token service', () => {
  it.each([200, 403, 404, 500])('with status %i', async (status) => {
    const account = { username: 'octocat', password: 'a password' };
    await using registry = await startRegistry({ auth: { kind: 'token', accounts: [account] } });
    registry.set({
      faults: ({ path }) =>
        /token/.test(path) ? { kind: 'status', code: status, headers, body: page } : undefined,
    });
    const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
    const run = await signed(
      keyedInputs(`${registry.host}/acme/app@sha256:${'a'.repeat(64)}`, makeKey(), {
        timeout: '20s',
      }),
      {
        home: { '.docker/config.json': JSON.stringify({ auths: { [registry.host]: { auth } } }) },
      },
    );
    expect(run, run.shown).toMatchObject({ code: 1, errorCodes: ['registry-error'] });
    expect(errorOf(run)).toMatch(sender);
    expect(errorOf(run)).toContain(`an answer of the token service of ${registry.host}`);
  });
});

describe.concurrent('an upload that goes on elsewhere', () => {
  it.each<[string, string, RegExp]>([
    [
      'at an address that lost its port',
      'http://127.0.0.1/v2/acme/app/blobs/uploads/1',
      /The registry at http:\/\/127\.0\.0\.1:\d+ gave the address http:\/\/127\.0\.0\.1 for the upload, on another port than its own\..*REGISTRY_HTTP_HOST: http:\/\/127\.0\.0\.1:\d+/s,
    ],
    [
      'at another host that is not there',
      'http://127.0.0.2:9/v2/acme/app/blobs/uploads/1',
      /gave the address http:\/\/127\.0\.0\.2:9 for the upload\..*This runner must reach 127\.0\.0\.2:9 as well/s,
    ],
  ])('%s', async (_, location, words) => {
    await using registry = await startRegistry();
    const { reference } = await pushImage(registry.host, 'acme/app');
    registry.set({
      faults: ({ method, path }) =>
        method === 'POST' && /uploads/.test(path)
          ? { kind: 'status', code: 202, headers: { location } }
          : undefined,
    });
    const run = await signed(keyedInputs(reference, makeKey(), { timeout: '20s' }));
    expect(run, run.shown).toMatchObject({ code: 1, outputs: { verified: 'false' } });
    expect(errorOf(run)).toMatch(words);
  });
});
