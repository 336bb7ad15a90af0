import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { pushImage } from './images.ts';
import { type RegistryOptions, startRegistry } from './registry.ts';
import { behaviours, immutable } from './registry-behaviours.ts';
import { RegistryClient } from './registry-client.ts';
import { ociIndex, ociManifest } from './registry-manifest-check.ts';
import { sha256 } from './registry-store.ts';

const unknown = `sha256:${'0'.repeat(64)}`;

/** A registry with one image `a/b:latest`, and what a test needs to talk to it. */
async function withImage(options: RegistryOptions = {}) {
  const registry = await startRegistry(options);
  const image = await pushImage(registry.host, 'a/b', { tag: 'latest' });
  const client = new RegistryClient(registry.host);
  const put = (reference: string, manifest: unknown, headers: Record<string, string> = {}) => {
    const type = (manifest as { mediaType?: string }).mediaType ?? ociManifest;
    const body = Buffer.from(JSON.stringify(manifest));
    return client.ask('PUT', `/v2/a/b/manifests/${reference}`, {
      body,
      headers: { 'content-type': type, ...headers },
    });
  };
  const get = (path: string) =>
    client.ask('GET', `/v2/a/b/${path}`, { headers: { accept: `${ociManifest}, ${ociIndex}` } });
  const config = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: registry.store.addBlob('a/b', '{}'),
    size: 2,
  };
  const base = {
    schemaVersion: 2,
    mediaType: ociManifest,
    artifactType: 'application/x',
    config,
    layers: [],
  };
  const referrer = (note: string, type = 'application/x') => ({
    ...base,
    artifactType: type,
    subject: { mediaType: image.mediaType, digest: image.digest, size: image.size },
    annotations: { note },
  });
  return {
    registry,
    image,
    put,
    get,
    client,
    config,
    base,
    referrer,
    [Symbol.asyncDispose]: registry.close,
  };
}

const json = (body: Buffer) => JSON.parse(body.toString('utf8'));
const codeOf = (body: Buffer) => json(body).errors[0].code;

describe('a manifest is refused', () => {
  it.each<[string, (base: Record<string, unknown>) => unknown, string]>([
    [
      'when a layer is missing',
      (base) => ({ ...base, layers: [{ mediaType: 'a/b', digest: unknown, size: 1 }] }),
      'MANIFEST_BLOB_UNKNOWN',
    ],
    [
      'when a size is wrong',
      (base) => ({ ...base, config: { ...(base.config as object), size: 3 } }),
      'SIZE_INVALID',
    ],
    [
      'when a size is text',
      (base) => ({ ...base, config: { ...(base.config as object), size: '2' } }),
      'MANIFEST_INVALID',
    ],
    [
      'when a digest is of another form',
      (base) => ({ ...base, config: { ...(base.config as object), digest: 'sha256:00' } }),
      'MANIFEST_INVALID',
    ],
    [
      'when its subject is no descriptor',
      (base) => ({ ...base, subject: { digest: unknown } }),
      'MANIFEST_INVALID',
    ],
    [
      'when an annotation is a number',
      (base) => ({ ...base, annotations: { a: 1 } }),
      'MANIFEST_INVALID',
    ],
    [
      'when it has an empty config and no artifactType',
      ({ artifactType: _, ...base }) => base,
      'MANIFEST_INVALID',
    ],
    ['when it is a list', () => [], 'MANIFEST_INVALID'],
  ])('%s', async (_name, change, code) => {
    await using setting = await withImage();
    const good = await setting.put('good', setting.base);
    const bad = await setting.put('bad', change(setting.base));
    expect([good.status, bad.status, codeOf(bad.body)]).toEqual([201, 400, code]);
    expect(setting.registry.store.tagged('a/b', 'bad')).toBeUndefined();
  });

  it('when an index calls a child by another media type', async () => {
    await using setting = await withImage();
    const { digest, size } = setting.image;
    const index = (mediaType: string) => ({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [{ mediaType, digest, size }],
    });
    expect((await setting.put('good', index(ociManifest))).status).toBe(201);
    expect((await setting.put('bad', index(ociIndex))).status).toBe(400);
  });
});

describe('the referrers API', () => {
  it('lists referrers with artifactType and annotations, filters and says so, and answers OCI-Subject', async () => {
    await using setting = await withImage({ referrersApi: true, ociSubject: true });
    const { image, put, get, referrer } = setting;
    const pushed = await put(sha256(JSON.stringify(referrer('one'))), referrer('one'));
    await put(
      sha256(JSON.stringify(referrer('two', 'application/y'))),
      referrer('two', 'application/y'),
    );
    expect(pushed.headers['oci-subject']).toBe(image.digest);
    const all = await get(`referrers/${image.digest}`);
    expect([all.headers['content-type'], all.headers['oci-filters-applied']]).toEqual([
      ociIndex,
      undefined,
    ]);
    expect(
      json(all.body).manifests.map((entry: { annotations: unknown }) => entry.annotations),
    ).toEqual([{ note: 'one' }, { note: 'two' }]);
    const filtered = await get(`referrers/${image.digest}?artifactType=application%2Fy`);
    expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
    expect(json(filtered.body).manifests).toEqual([
      {
        mediaType: ociManifest,
        digest: sha256(JSON.stringify(referrer('two', 'application/y'))),
        size: JSON.stringify(referrer('two', 'application/y')).length,
        artifactType: 'application/y',
        annotations: { note: 'two' },
      },
    ]);
  });

  it('comes in pages that Link leads through', async () => {
    await using setting = await withImage({ referrersApi: true, referrersPage: 2 });
    const { image, put, client, referrer } = setting;
    for (const note of ['1', '2', '3', '4', '5'])
      await put(sha256(JSON.stringify(referrer(note))), referrer(note));
    const seen: string[] = [];
    let path: string | undefined = `/v2/a/b/referrers/${image.digest}`;
    while (path !== undefined) {
      const page = await client.ask('GET', path, { wanted: [200] });
      seen.push(
        json(page.body)
          .manifests.map((entry: { annotations: { note: string } }) => entry.annotations.note)
          .join(),
      );
      path = /<([^>]+)>; rel="next"/.exec(String(page.headers.link))?.[1];
    }
    expect(seen).toEqual(['1,2', '3,4', '5']);
  });

  it.each([404, 405, 406, 403])('is %i where there is none', async (referrersStatus) => {
    await using setting = await withImage({ referrersStatus });
    expect((await setting.get(`referrers/${setting.image.digest}`)).status).toBe(referrersStatus);
  });

  it('is a page of HTML with status 200 where a proxy answers for it', async () => {
    await using setting = await withImage({ referrersStatus: 'wrong-type' });
    const answer = await setting.get(`referrers/${setting.image.digest}`);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html']);
  });
});

describe('tags', () => {
  it('are conditional where If-Match is honoured: who saw an older manifest gets 412', async () => {
    await using setting = await withImage({ ifMatch: 'honoured' });
    const etag = `"${setting.image.digest}"`;
    const first = await setting.put('latest', setting.base, { 'if-match': etag });
    const second = await setting.put(
      'latest',
      { ...setting.base, annotations: { late: 'yes' } },
      { 'if-match': etag },
    );
    const exists = await setting.put('latest', setting.base, { 'if-none-match': '*' });
    const fresh = await setting.put('fresh', setting.base, { 'if-none-match': '*' });
    expect([first, second, exists, fresh].map(({ status }) => status)).toEqual([
      201, 412, 412, 201,
    ]);
  });

  it.each(Object.entries(immutable))(
    'cannot be moved where they are immutable (%s)',
    async (_name, immutableTags) => {
      await using setting = await withImage({ immutableTags, mutableTags: /^sha256-/ });
      const again = setting.registry.store.json('a/b', 'latest');
      const moved = await setting.put('latest', setting.base);
      expect([moved.status, codeOf(moved.body)]).toEqual([
        immutableTags.status,
        immutableTags.code,
      ]);
      expect((await setting.put('latest', again)).status).toBe(
        immutableTags.sameAgain === 'taken' ? 201 : immutableTags.status,
      );
      expect((await setting.put(`sha256-${'0'.repeat(64)}`, setting.base)).status).toBe(201);
      expect((await setting.put(`sha256-${'0'.repeat(64)}`, again)).status).toBe(201);
    },
  );

  it('are late for some milliseconds where the registry is', async () => {
    await using setting = await withImage({ lateManifests: 5000 });
    expect((await setting.get('manifests/latest')).status).toBe(404);
    setting.registry.store.now = () => systemClock.now() + 5001;
    expect((await setting.get('manifests/latest')).status).toBe(200);
  });

  it('are stale for some milliseconds where the registry is', async () => {
    await using setting = await withImage({ staleTags: 5000 });
    setting.registry.store.now = () => systemClock.now() + 60_000;
    await setting.put('latest', setting.base);
    expect((await setting.get('manifests/latest')).headers['docker-content-digest']).toBe(
      setting.image.digest,
    );
    setting.registry.store.now = () => systemClock.now() + 66_000;
    expect((await setting.get('manifests/latest')).headers['docker-content-digest']).toBe(
      sha256(JSON.stringify(setting.base)),
    );
  });

  it('of GitLab answer the image itself for its referrers tag, until there is one', async () => {
    await using setting = await withImage({ ...behaviours.gitlab.switches, blobRedirect: false });
    const tag = setting.image.digest.replace(':', '-');
    expect((await setting.get(`manifests/${tag}`)).headers['docker-content-digest']).toBe(
      setting.image.digest,
    );
    await setting.put(tag, { schemaVersion: 2, mediaType: ociIndex, manifests: [] });
    expect(json((await setting.get(`manifests/${tag}`)).body).mediaType).toBe(ociIndex);
  });
});

describe('uploads', () => {
  it.each(['relative', 'absolute', 'other-host'] as const)(
    'have a Location that is %s',
    async (uploadLocation) => {
      await using setting = await withImage({ uploadLocation });
      const { headers } = await setting.client.ask('POST', '/v2/a/b/blobs/uploads/');
      const location = new URL(headers.location ?? '', 'http://relative.example');
      const host = {
        relative: 'relative.example',
        absolute: setting.registry.host,
        'other-host': location.host,
      }[uploadLocation];
      expect(location.host).toBe(host);
      expect(location.host === setting.registry.host).toBe(uploadLocation === 'absolute');
    },
  );

  it('want their content with PATCH where PUT takes none', async () => {
    await using registry = await startRegistry({ putNeedsPatch: true });
    await expect(pushImage(registry.host, 'a/b')).rejects.toThrow('BLOB_UPLOAD_INVALID');
  });
});

it('a rate limit answers 429 with Retry-After, in seconds or as a date', async () => {
  for (const retryAfter of ['seconds', 'date'] as const) {
    await using registry = await startRegistry({ rateLimit: 3, retryAfter });
    registry.store.now = () => 1000;
    const client = new RegistryClient(registry.host);
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await client.ask('GET', '/v2/'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    const header = answers[4]?.headers['retry-after'] ?? '';
    registry.store.now = () => 2000;
    expect((await client.ask('GET', '/v2/')).status).toBe(200);
    expect(retryAfter === 'seconds' ? header === '1' : Date.parse(header) > Date.now()).toBe(true);
  }
});

describe('a blob on another host', () => {
  it('is given to who comes without credentials; who brings them is refused, and close() tells', async () => {
    const registry = await startRegistry({ blobRedirect: true });
    const digest = registry.store.addBlob('a/b', 'content');
    const { status, headers } = await new RegistryClient(registry.host).ask(
      'GET',
      `/v2/a/b/blobs/${digest}`,
    );
    const location = headers.location ?? '';
    expect([status, await (await fetch(location)).text()]).toEqual([307, 'content']);
    expect((await fetch(location.replace(/signature=\w+/, 'signature=0'))).status).toBe(403);
    expect(registry.leaks).toEqual([]);
    expect((await fetch(location, { headers: { authorization: 'Bearer abc' } })).status).toBe(400);
    await expect(registry.close()).rejects.toThrow('bearer at storage: GET');
  });
});

describe('the hooks', () => {
  it('replace an answer, or spoil the usual one', async () => {
    await using setting = await withImage();
    setting.registry.set({
      override: (asked, usual) =>
        asked.path.endsWith('/latest') ? { ...usual(), body: '{"evil":true}' } : undefined,
    });
    expect((await setting.get('manifests/latest')).body.toString()).toBe('{"evil":true}');
    expect((await setting.get(`manifests/${setting.image.digest}`)).status).toBe(200);
  });

  it('log what was asked, without credentials', async () => {
    await using registry = await startRegistry();
    await fetch(`${registry.url}/v2/a/b/tags/list?n=1`, {
      headers: { authorization: 'Basic c2VjcmV0', 'user-agent': 'test' },
    });
    expect(registry.requests).toEqual([
      {
        listener: 'registry',
        method: 'GET',
        path: '/v2/a/b/tags/list?n=1',
        status: 404,
        authorization: 'basic',
        userAgent: 'test',
      },
    ]);
  });
});

it('every recorded signature of real cosign is taken: it refuses nothing that real clients wrote', async () => {
  const folder = new URL('../fixtures/', import.meta.url);
  const { cases, loadCase }: Fixtures = await import(new URL('load.mjs', folder).href);
  await using registry = await startRegistry();
  await Promise.all(
    cases().map((name) =>
      loadCase(fileURLToPath(new URL(name, folder)), registry.host, `recorded/${name}`),
    ),
  );
  expect(
    registry.requests.filter(
      ({ status }) => typeof status !== 'number' || (status >= 400 && status !== 404),
    ),
  ).toEqual([]);
  expect(registry.store.dangling()).toEqual([]);
});

interface Fixtures {
  cases(): string[];
  loadCase(folder: string, host: string, repository: string): Promise<unknown>;
}
