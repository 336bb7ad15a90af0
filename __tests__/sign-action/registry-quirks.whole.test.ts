// What registries do that the distribution API does not foresee, one by one, through the built
// actions: what is written, what is refused, and what is said.
import { describe, expect, it } from 'vitest';
import { type ImageOptions, pushImage } from '../sandbox/images.ts';
import { type RegistryOptions, type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { refusal } from '../sandbox/registry-http.ts';
import { sha256 } from '../sandbox/registry-store.ts';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import { keyedInputs, makeKey, storedSignatures } from './keyed-world.ts';
import { signed } from './signed.ts';

const key = makeKey();
const publicKey = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const repository = 'acme/app';
const account = { username: 'octocat', password: 'pAss-w0rd-of-a-registry' };
const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');

interface World {
  readonly registry: SandboxRegistry;
  readonly digest: string;
  readonly reference: string;
  readonly home: Readonly<Record<string, string>>;
}

/** A registry with a login and a quirk, and an image in it that was put there past both. */
async function world(options: RegistryOptions, image: ImageOptions = {}): Promise<World> {
  await using plain = await startRegistry();
  const { digest } = await pushImage(plain.host, repository, { tag: 'v1', ...image });
  const registry = await startRegistry({
    auth: { kind: 'token', accounts: [account] },
    ...options,
  });
  const { blobs, manifests } = plain.store.open(repository);
  for (const bytes of blobs.values()) registry.store.addBlob(repository, bytes);
  for (const [name, { bytes, mediaType }] of manifests)
    registry.store.addManifest(repository, bytes, mediaType, name === digest ? 'v1' : undefined);
  return {
    registry,
    digest,
    reference: `${registry.host}/${repository}@${digest}`,
    home: { '.docker/config.json': JSON.stringify({ auths: { [registry.host]: { auth } } }) },
  };
}

const sign = ({ reference, home }: Pick<World, 'reference' | 'home'>, more = {}) =>
  signed(keyedInputs(reference, key, more), { home, secrets: [account.password, auth] });

const verify = ({ reference, home }: Pick<World, 'reference' | 'home'>): Promise<RunResult> =>
  runAction({
    entry: 'dist/verify.js',
    inputs: { images: reference, key: publicKey, tlog: 'ignore' },
    home,
  });

describe.concurrent('signs, and is verified, on a registry that', () => {
  it.each<[string, RegistryOptions]>([
    ['moves uploads to another host (307)', { movedUploads: 307 }],
    ['moves uploads to another host (308)', { movedUploads: 308 }],
    ['moves uploads, and wants PATCH', { movedUploads: 307, putNeedsPatch: true }],
    ['refuses HEAD with 403', { refusedHead: 403 }],
    ['refuses HEAD with 404', { refusedHead: 404 }],
    ['refuses HEAD with 405', { refusedHead: 405 }],
    ['shows nothing that is not signed (Harbor)', { onlySigned: true, referrersApi: true }],
    ['lists no referrers in its API', { referrersApi: true, referrersForgotten: true }],
    [
      'lies in the headers of a HEAD',
      {
        override: (asked, usual) => {
          const reply = usual();
          if (asked.method !== 'HEAD' || !asked.path.includes('/manifests/')) return reply;
          const headers = { ...reply.headers, 'content-length': '7' };
          return {
            ...reply,
            headers: { ...headers, 'content-type': 'application/vnd.oci.image.index.v1+json' },
          };
        },
      },
    ],
    [
      'calls its manifests application/json',
      {
        override: (asked, usual) => {
          const reply = usual();
          if (asked.method === 'PUT' || reply.status !== 200) return reply;
          return asked.path.includes('/manifests/')
            ? { ...reply, headers: { ...reply.headers, 'content-type': 'application/json' } }
            : reply;
        },
      },
    ],
  ])('%s', async (_, options) => {
    const there = await world(options);
    await using registry = there.registry;
    const result = await sign(there);
    expect(result, result.shown).toMatchObject({
      code: 0,
      results: [{ status: 'signed', verified: true }],
    });
    const kept = storedSignatures(registry.store, repository, there.digest, [key], false);
    expect(kept.map(({ format, verdict }) => [format, verdict])).toEqual([
      ['bundle', 'verified'],
      ['legacy', 'verified'],
    ]);
    const bundle = registry.store.referrers(repository, there.digest)[0]?.json;
    const manifest = registry.store.find(repository)?.manifests.get(there.digest);
    expect(bundle?.subject).toEqual({
      mediaType: manifest?.mediaType,
      size: manifest?.bytes.length,
      digest: there.digest,
    });
    const gate = await verify(there);
    expect(gate, gate.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const again = await sign(there);
    expect(again, again.shown).toMatchObject({ code: 0, results: [{ status: 'already-signed' }] });
  });
});

describe.concurrent('a referrers API that lists nothing', () => {
  it('has the bundle under the referrers tag as well, and that is told', async () => {
    const there = await world({ referrersApi: true, referrersForgotten: true });
    await using registry = there.registry;
    const result = await sign(there, { format: 'bundle' });
    expect(result.shown).toContain('does not list what the registry took');
    const index = registry.store.json(repository, there.digest.replace(':', '-'));
    expect(index).toMatchObject({
      manifests: [{ artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    });
  });
});

describe.concurrent('an image that Harbor shows to nobody', () => {
  it('is told in its words to who only reads', async () => {
    const there = await world({ onlySigned: true, referrersApi: true });
    await using _ = there.registry;
    const gate = await verify(there);
    expect(gate).toMatchObject({ code: 1 });
    expect(JSON.parse(gate.outputs.results ?? '')).toMatchObject([{ code: 'registry-error' }]);
    expect(gate.shown).toContain('The image is not signed by cosign.');
    expect(gate.shown).toContain('A policy of the registry forbids it.');
  });
});

const page = {
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!doctype html><title>Sign in</title>',
};
const json = { 'content-type': 'application/json' };
const oci = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };

describe.concurrent('never signed: a manifest URL that answers', () => {
  it.each<[string, { status: number; headers: Record<string, string>; body: string }, string]>([
    ['a web page', page, 'it is a web page'],
    ['a web page that is called a manifest', { ...page, headers: oci }, 'it is a web page'],
    [
      'an error document',
      { ...page, headers: json, body: '{"errors":[{"code":"DENIED","message":"log in first"}]}' },
      'says "DENIED: log in first"',
    ],
    [
      'an error document that is called a manifest',
      { ...page, headers: oci, body: '{"message":"Not authorised"}' },
      'says "Not authorised"',
    ],
    ['XML', { ...page, headers: { 'content-type': 'application/xml' }, body: '<Error/>' }, 'XML'],
    [
      'a line of text',
      { ...page, headers: { 'content-type': 'text/plain' }, body: 'Forbidden' },
      'JSON',
    ],
    [
      'a line of text that is called a manifest',
      { ...page, headers: oci, body: 'Forbidden' },
      'JSON',
    ],
    [
      'a problem document (RFC 9457)',
      {
        ...page,
        headers: { 'content-type': 'application/problem+json' },
        body: '{"type":"about:blank","title":"Forbidden","status":403}',
      },
      'says "Forbidden"',
    ],
    ['any other JSON', { ...page, headers: json, body: '{"ok":true}' }, 'neither `layers`'],
    ['a list', { ...page, headers: json, body: '[]' }, 'not a JSON object'],
    ['nothing', { ...page, headers: oci, body: '' }, 'not JSON'],
  ])('%s', async (_, reply, sentence) => {
    const there = await world({});
    await using registry = there.registry;
    registry.set({
      override: ({ method, path }, usual) =>
        method !== 'PUT' && /\/manifests\/(v1|sha256:)/.test(path)
          ? {
              ...reply,
              headers: { ...reply.headers, 'docker-content-digest': sha256(reply.body) },
            }
          : usual(),
    });
    const tagged = { ...there, reference: `${registry.host}/${repository}:v1` };
    for (const asked of reply.body === '' ? [tagged] : [there, tagged]) {
      const result = await sign(asked);
      expect(result, result.shown).toMatchObject({ code: 1, errorCodes: ['bad-manifest'] });
      expect(result.shown).toContain(sentence);
    }
    expect(registry.store.referrers(repository, sha256(reply.body))).toEqual([]);
    expect(registry.requests.filter(({ method }) => method === 'PUT')).toEqual([]);
    const gate = await verify(tagged);
    expect(gate).toMatchObject({ code: 1 });
    expect(JSON.parse(gate.outputs.results ?? '')).toMatchObject([{ verified: false }]);
  });
});

describe.concurrent('a registry that refuses bundles', () => {
  const words = 'manifest invalid: artifacts are not supported';
  it.each([400, 405, 406, 415, 501])(
    'with %i has the legacy signature by `auto`, is told so, and fails by `bundle`',
    async (status) => {
      const there = await world({
        refusedArtifacts: { status, code: 'UNSUPPORTED', message: words },
      });
      await using registry = there.registry;
      const auto = await sign(there);
      expect(auto, auto.shown).toMatchObject({
        code: 0,
        outputs: { verified: 'true' },
        results: [{ status: 'signed', verified: true, signatures: [{ format: 'legacy' }] }],
      });
      const warned = auto.annotations.filter(({ kind }) => kind === 'warning');
      expect(warned.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/does not take Sigstore bundles.*Only the legacy signature/s),
      );
      expect(await verify(there)).toMatchObject({ code: 0 });
      const again = await sign(there);
      expect(again, again.shown).toMatchObject({
        code: 0,
        results: [{ status: 'already-signed', signatures: [{ format: 'legacy' }] }],
      });
      for (const format of ['bundle', 'both']) {
        const asked = await sign(there, { format });
        expect(asked, asked.shown).toMatchObject({ code: 1, errorCodes: ['registry-unsupported'] });
        expect(asked.results[0]?.error?.fix).toContain('`format: legacy`');
        expect(asked.results[0]?.error?.message).toContain(words);
      }
      expect(registry.store.dangling()).toEqual([]);
    },
  );

  it('with 415 for an index only: the same', async () => {
    const there = await world({
      refusedMediaTypes: ['application/vnd.oci.image.index.v1+json'],
    });
    await using _ = there.registry;
    const auto = await sign(there);
    expect(auto, auto.shown).toMatchObject({
      code: 0,
      results: [{ verified: true, signatures: [{ format: 'legacy' }] }],
    });
  });

  it('and legacy signatures as well fails with what stops the legacy one', async () => {
    const there = await world({});
    await using registry = there.registry;
    registry.set({
      override: ({ method, path }, usual) =>
        method === 'PUT' && path.includes('/manifests/')
          ? refusal(405, 'UNSUPPORTED', 'The operation is unsupported.')
          : usual(),
    });
    const result = await sign(there);
    expect(result, result.shown).toMatchObject({ code: 1 });
    expect(result.results[0]?.error?.message).toContain('mirror of another registry');
    expect(result.results[0]?.error?.fix).not.toContain('format: legacy');
  });
});

describe.concurrent('a refusal has the registry’s own words, and what they mean', () => {
  it.each<[string, number, string, string, RegExp, RegExp]>([
    [
      'Harbor, quota',
      403,
      'DENIED',
      'adding 1.2 KiB of storage resource, which when updated to current usage of 5.0 GiB will exceed the configured upper limit of 5.0 GiB.',
      /quota of the registry is used up/,
      /have the quota raised/,
    ],
    ['Quay, quota', 403, 'DENIED', 'Quota has been exceeded on namespace', /quota/, /raised/],
    [
      'Amazon ECR, limit',
      400,
      'LimitExceededException',
      'The repository has reached the maximum',
      /quota/,
      /raised/,
    ],
    ['a full disk', 507, 'UNKNOWN', 'no space left on device', /quota|room/, /Delete/],
    [
      'a limit of size',
      413,
      'SIZE_INVALID',
      'request entity too large',
      /more in one request/,
      /client_max_body_size/,
    ],
    [
      'Harbor, proxy project',
      403,
      'DENIED',
      'can not push artifact to a proxy project: cache',
      /mirror of another registry/,
      /its own registry/,
    ],
    [
      'distribution as a mirror',
      405,
      'UNSUPPORTED',
      'The operation is unsupported.',
      /mirror of another registry/,
      /its own registry/,
    ],
    [
      'Harbor, read-only',
      403,
      'DENIED',
      'The system is in read only mode. Any modification is prohibited.',
      /read-only/,
      /again later/,
    ],
    [
      'a policy',
      412,
      'PROJECTPOLICYVIOLATION',
      'The image is not signed by notation.',
      /A policy of the registry forbids it/,
      /exempt/,
    ],
    [
      'Artifactory, Xray',
      403,
      'FORBIDDEN',
      'Artifact download request rejected: blocked by Xray policy',
      /A policy of the registry forbids it/,
      /exempt/,
    ],
    [
      'words that nobody knows',
      418,
      'TEAPOT',
      'short and stout',
      /answered 418/,
      /ask the people who run the registry/,
    ],
  ])('%s', async (_, status, code, message, meaning, fix) => {
    const there = await world({});
    await using registry = there.registry;
    registry.set({
      override: ({ method }, usual) =>
        method === 'POST' || method === 'PUT' ? refusal(status, code, message) : usual(),
    });
    const result = await sign(there, { timeout: '20s' });
    const error = result.results[0]?.error;
    expect(result, result.shown).toMatchObject({ code: 1 });
    expect(error?.message).toContain(message.slice(0, 40));
    expect(error?.message).toMatch(meaning);
    expect(error?.fix).toMatch(fix);
    expect(result.shown).not.toMatch(/please report/i);
  });

  it.each([
    ['one object', { 'content-type': 'application/json' }, '{"message":"Quota exceeded"}'],
    ['plain text', { 'content-type': 'text/plain' }, 'Quota exceeded\n'],
  ])('in another form: %s', async (_, headers, body) => {
    const there = await world({});
    await using registry = there.registry;
    registry.set({
      override: ({ method }, usual) =>
        method === 'POST' ? { status: 400, headers, body } : usual(),
    });
    const result = await sign(there);
    expect(result.results[0]?.error?.message).toContain('It says: Quota exceeded');
    expect(result.results[0]?.error?.message).toContain('a quota of the registry is used up');
  });

  it('Amazon’s word for a missing right is about the account, not about a policy', async () => {
    const there = await world({});
    await using registry = there.registry;
    registry.set({
      override: ({ method }, usual) =>
        method === 'POST'
          ? refusal(
              403,
              'DENIED',
              'User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:PutImage because no identity-based policy allows the ecr:PutImage action',
            )
          : usual(),
    });
    const result = await sign(there);
    expect(result).toMatchObject({ errorCodes: ['registry-denied'] });
    expect(result.results[0]?.error?.fix).toContain('Let that account push to this repository');
  });
});
