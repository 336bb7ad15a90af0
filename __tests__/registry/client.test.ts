import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { serve } from '../http/server.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { behaviours } from '../sandbox/registry-behaviours.ts';
import { login, open } from './server.ts';

const config = Buffer.from('{}');
const manifestOf = (note: string, more: object = {}) =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/vnd.test',
      config: { mediaType: mediaTypes.ociEmpty, digest: digestOf(config), size: 2 },
      layers: [{ mediaType: mediaTypes.ociEmpty, digest: digestOf(config), size: 2 }],
      annotations: { note },
      ...more,
    }),
  );
const authOf = {
  none: {},
  basic: { kind: 'basic' },
  token: { kind: 'token' },
  'token-with-refresh': { kind: 'token' },
} as const;
const accounts = [{ username: login.username, password: login.password }];
const zeros = `sha256:${'0'.repeat(64)}` as Digest;

describe('a walk through', () => {
  it.each(Object.entries(behaviours))(
    '%s: what is written is read back',
    async (_, { switches, auth }) => {
      await using registry = await startRegistry({
        ...switches,
        ...(auth === 'none' ? {} : { auth: { ...authOf[auth], accounts } as never }),
      });
      const app = open(registry.host, { login }).repository();
      const blob = Buffer.from('{"a":1}');
      await Promise.all([app.putBlob(config), app.putBlob(blob)]);
      expect(await app.getBlob(digestOf(blob), 100)).toEqual(blob);
      const bytes = manifestOf('first');
      expect(await app.putManifest('v1', bytes, mediaTypes.ociManifest)).toBe(true);
      const descriptor = {
        mediaType: mediaTypes.ociManifest,
        digest: digestOf(bytes),
        size: bytes.length,
      };
      expect([await app.head('v1'), await app.head(digestOf(bytes))]).toEqual([
        descriptor,
        descriptor,
      ]);
      for (const reference of ['v1', digestOf(bytes)])
        expect(await app.getManifest(reference)).toMatchObject({
          mediaType: mediaTypes.ociManifest,
          digest: digestOf(bytes),
          bytes,
        });
      expect([
        await app.head('none'),
        await app.getManifest('none'),
        await app.getManifest(zeros),
      ]).toEqual([undefined, undefined, undefined]);
      const hasApi = (switches as { referrersApi?: boolean }).referrersApi === true;
      expect(await app.listReferrers(digestOf(bytes))).toEqual(hasApi ? [] : undefined);
    },
  );
});

describe('what a registry sends is not believed', () => {
  const claimed = digestOf(Buffer.from('something else'));
  it('manifest and blob under a digest are hashed', async () => {
    await using server = await serve((_, response) => {
      response
        .writeHead(200, {
          'content-type': mediaTypes.ociManifest,
          'docker-content-digest': claimed,
        })
        .end('{"evil":true}');
    });
    const app = open(server.host).repository();
    await expect(app.getManifest(claimed)).rejects.toMatchObject({
      code: 'registry-error',
      message: expect.stringContaining('other bytes'),
    });
    await expect(app.getBlob(claimed, 100)).rejects.toMatchObject({
      code: 'registry-error',
      message: expect.stringContaining('other bytes'),
    });
  });

  it('a manifest under a tag gets the digest of its bytes, whatever the header says', async () => {
    await using server = await serve((_, response) => {
      response
        .writeHead(200, {
          'content-type': `${mediaTypes.ociManifest}; charset=utf-8`,
          'docker-content-digest': claimed,
          etag: '"e"',
        })
        .end('{}');
    });
    expect(await open(server.host).repository().getManifest('v1')).toEqual({
      digest: digestOf(config),
      mediaType: mediaTypes.ociManifest,
      bytes: config,
      etag: '"e"',
    });
  });

  it.each([
    ['without a digest', { 'content-type': mediaTypes.ociManifest }],
    [
      'with sha512',
      {
        'content-type': mediaTypes.ociManifest,
        'docker-content-digest': `sha512:${'0'.repeat(128)}`,
      },
    ],
    [
      'with nonsense',
      { 'content-type': mediaTypes.ociManifest, 'docker-content-digest': 'SHA256:00' },
    ],
    ['without a type', { 'docker-content-digest': claimed, 'content-length': '2' }],
  ])('a HEAD %s is followed by a GET', async (_, headers) => {
    await using server = await serve((request, response) => {
      response
        .writeHead(
          200,
          request.method === 'HEAD' ? headers : { 'content-type': mediaTypes.ociManifest },
        )
        .end('{}');
    });
    expect(await open(server.host).repository().head('v1')).toEqual({
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(config),
      size: 2,
    });
  });

  it('a manifest larger than 4 MiB is not read', async () => {
    await using server = await serve(
      (_, response) => void response.end(Buffer.alloc(4 * 1024 * 1024 + 1)),
    );
    await expect(open(server.host).repository().getManifest('v1')).rejects.toMatchObject({
      code: 'too-large',
    });
  });

  it('a blob larger than asked for is an error, and a missing one says so however few bytes were asked for', async () => {
    await using server = await serve(
      (_, response, count) => void response.writeHead(count === 1 ? 200 : 404).end('x'.repeat(50)),
    );
    const app = open(server.host).repository();
    await expect(app.getBlob(zeros, 49)).rejects.toMatchObject({ code: 'too-large' });
    await expect(app.getBlob(zeros, 10)).rejects.toMatchObject({
      code: 'registry-error',
      message: expect.stringContaining('answered 404'),
    });
  });

  it('its words come into errors as plain text', async () => {
    const message = 'x\n::set-output name=verified::true\n##[add-path]/evil\u001b[2J';
    await using server = await serve(
      (_, response) =>
        void response.writeHead(400).end(JSON.stringify({ errors: [{ code: 'BAD', message }] })),
    );
    await expect(open(server.host).repository().getManifest('v1')).rejects.toMatchObject({
      code: 'registry-error',
      message: `${server.host} answered 400 to the manifest acme/app:v1. It says: BAD: x ::set-output name=verified::true ## [add-path]/evil\\u001b[2J`,
    });
  });
});

describe('403 for what is missing', () => {
  const artifactory = (code: string, found: string[], message = 'no') =>
    serve((request, response) => {
      if (found.some((tag) => request.url?.endsWith(`/${tag}`)))
        response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end('{}');
      else response.writeHead(403).end(JSON.stringify({ errors: [{ code, message }] }));
    });
  it('is a refusal when nothing else was readable', async () => {
    await using server = await artifactory('DENIED', []);
    await expect(open(server.host).repository().getManifest('v1')).rejects.toMatchObject({
      code: 'registry-denied',
    });
    await expect(open(server.host).repository().listReferrers(zeros)).rejects.toMatchObject({
      code: 'registry-denied',
    });
  });
  it('is "missing" when its words say so', async () => {
    await using server = await artifactory('MANIFEST_UNKNOWN', []);
    expect(await open(server.host).repository().getManifest('v1')).toBeUndefined();
  });
  it('is "missing" beside a manifest that the same login reads, also in parallel', async () => {
    await using server = await artifactory('DENIED', ['v1', zeros]);
    const app = open(server.host).repository();
    const [none, there] = await Promise.all([app.getManifest('v2'), app.getManifest('v1')]);
    expect([none, there?.bytes.toString(), await app.listReferrers(zeros)]).toEqual([
      undefined,
      '{}',
      undefined,
    ]);
  });
  it('is a refusal where it has another reason, whatever else is readable', async () => {
    const reason = 'manifest not found in the allowed list: blocked by Xray policy';
    await using server = await artifactory('FORBIDDEN', ['v1'], reason);
    const app = open(server.host).repository();
    await app.getManifest('v1');
    const refused = { code: 'registry-denied', message: expect.stringContaining('A policy') };
    await expect(app.getManifest('v2')).rejects.toMatchObject(refused);
    await expect(app.listReferrers(zeros)).rejects.toMatchObject(refused);
  });
  it('in another repository proves nothing', async () => {
    await using server = await artifactory('DENIED', ['v1']);
    const { repository } = open(server.host);
    await repository('acme/public').getManifest('v1');
    await expect(repository('acme/app').getManifest('v2')).rejects.toMatchObject({
      code: 'registry-denied',
    });
  });
});

describe('uploads', () => {
  it('keep the query of the location, and send no credentials to another host', async () => {
    await using store = await serve((_, response) => void response.writeHead(201).end());
    await using server = await serve((request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
      else response.writeHead(202, { location: `${store.origin}/up?_state=a%2Bb%20c~%3D` }).end();
    });
    await open(server.host, { login }).repository().putBlob(config);
    expect(
      store.requests.map(({ url, headers, body }) => [url, headers.authorization, body]),
    ).toEqual([
      [`/up?_state=a%2Bb%20c~%3D&digest=${encodeURIComponent(digestOf(config))}`, undefined, '{}'],
    ]);
  });

  it('survive a reset after the registry had taken the blob', async () => {
    await using registry = await startRegistry({
      faults: ({ method }, index) =>
        method === 'PUT' && index === 1 ? { kind: 'reset-after' } : undefined,
    });
    await open(registry.host, { retryBudget: 2000 }).repository().putBlob(config);
    expect(registry.requests.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'POST 202',
      'PUT reset-after',
      'PUT 404',
      'HEAD 200',
    ]);
  });

  it('go by PATCH where a PUT is refused, also one that was under way when that came out', async () => {
    const { promise: learned, resolve: learn } = Promise.withResolvers<void>();
    let puts = 0;
    await using server = await serve(async (request, response) => {
      const { method } = request;
      // The second upload hears of the refusal when the first has gone by PATCH already.
      if (method === 'PUT' && !request.url?.includes('sent') && ++puts === 2) await learned;
      const status = method === 'PUT' ? (request.url?.includes('sent') ? 201 : 400) : 202;
      response.writeHead(status, { location: method === 'PATCH' ? '/up?sent' : '/up' }).end();
      if (status === 201) learn();
    });
    const repository = open(server.host).repository();
    await Promise.all([repository.putBlob(config), repository.putBlob(Buffer.from('other'))]);
    expect(server.requests.map(({ method }) => method).toSorted()).toEqual([
      ...['PATCH', 'PATCH', 'POST', 'POST', 'POST', 'POST', 'PUT', 'PUT', 'PUT', 'PUT'],
    ]);
  });

  it('begin anew when the session is gone, three times at most', async () => {
    await using server = await serve((request, response) => {
      response.writeHead(request.method === 'POST' ? 202 : 404, { location: '/up' }).end();
    });
    await expect(open(server.host).repository().putBlob(config)).rejects.toMatchObject({
      code: 'registry-error',
    });
    expect(server.requests.map(({ method }) => method)).toEqual([
      'POST',
      'PUT',
      'HEAD',
      'POST',
      'PUT',
      'HEAD',
      'POST',
      'PUT',
      'HEAD',
    ]);
  });

  it.each([[undefined], ['http://['], ['file:///etc/passwd']])(
    'the location %j is an error',
    async (location) => {
      await using server = await serve(
        (_, response) =>
          void response.writeHead(202, location === undefined ? {} : { location }).end(),
      );
      await expect(open(server.host).repository().putBlob(config)).rejects.toMatchObject({
        code: 'registry-error',
      });
    },
  );
});

describe('writing a manifest', () => {
  const answering = (status: number, code = '', message = '') =>
    serve(
      (_, response) =>
        void response.writeHead(status).end(JSON.stringify({ errors: [{ code, message }] })),
    );
  const ecr =
    "The image tag 'x' already exists in the 'y' repository and cannot be overwritten because the tag is immutable.";

  it('passes conditions on, and answers false when the tag has moved', async () => {
    await using server = await answering(412);
    const app = open(server.host).repository();
    expect(await app.putManifest('v1', config, mediaTypes.ociIndex, { ifMatch: '"e"' })).toBe(
      false,
    );
    expect(await app.putManifest('v1', config, mediaTypes.ociIndex, { ifNoneMatch: '*' })).toBe(
      false,
    );
    expect(
      server.requests.map(({ headers }) => [
        headers['content-type'],
        headers['if-match'],
        headers['if-none-match'],
      ]),
    ).toEqual([
      [mediaTypes.ociIndex, '"e"', undefined],
      [mediaTypes.ociIndex, undefined, '*'],
    ]);
  });

  it.each([
    ['ECR', 400, 'TAG_INVALID', ecr, {}],
    [
      'Harbor, also under a condition',
      412,
      'PRECONDITION',
      "Failed to process request due to 'app:x' configured as immutable.",
      { ifMatch: '"e"' },
    ],
    ['Artifact Registry', 400, 'DENIED', 'Tag x is immutable', {}],
    ['403 in words', 403, 'DENIED', 'tag is immutable', {}],
    ['a bare 409', 409, '', '', {}],
  ])('tells an immutable tag: %s', async (_, status, code, message, condition) => {
    await using server = await answering(status, code, message);
    await expect(
      open(server.host)
        .repository()
        .putManifest('sha256-x.sig', config, mediaTypes.ociIndex, condition),
    ).rejects.toMatchObject({
      code: 'immutable-tag',
    });
  });

  it.each([
    [400, 'MANIFEST_INVALID', 'registry-error'],
    [403, 'DENIED', 'registry-denied'],
    [412, '', 'registry-error'],
    [500, '', 'registry-error'],
  ])('%i %s is %s', async (status, code, expected) => {
    await using server = await answering(status, code);
    await expect(
      open(server.host).repository().putManifest('v1', config, mediaTypes.ociIndex),
    ).rejects.toMatchObject({ code: expected });
  });

  it('a digest cannot be immutable: its 409 is an error of the registry', async () => {
    await using server = await answering(409, 'CONFLICT', 'tag is immutable');
    await expect(
      open(server.host).repository().putManifest(zeros, config, mediaTypes.ociIndex),
    ).rejects.toMatchObject({
      code: 'registry-error',
    });
  });

  it('`once` is not tried again by itself', async () => {
    await using server = await answering(503);
    const app = open(server.host, { retryBudget: 100 }).repository();
    await expect(app.getManifest('v1')).rejects.toMatchObject({
      message: expect.stringMatching(/after \d+ tries/),
    });
    const before = server.requests.length;
    await expect(
      app.putManifest('v1', config, mediaTypes.ociIndex, { once: true }),
    ).rejects.toMatchObject({ code: 'registry-error' });
    expect(server.requests.length - before).toBe(1);
  });
});

describe('referrers', () => {
  const entry = {
    mediaType: mediaTypes.ociManifest,
    digest: zeros,
    size: 3,
    artifactType: 'a/b',
    annotations: { a: 'b' },
    extra: [1],
  };
  const page = (manifests: unknown) =>
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const index = { 'content-type': mediaTypes.ociIndex };
  const list = (host: string) => open(host).repository().listReferrers(zeros);

  it('are read from all pages, unknown fields and all', async () => {
    await using server = await serve((_, response, count) => {
      const link =
        count < 3
          ? { link: `</v2/acme/app/referrers/${zeros}?n=1&last=${count}>; rel="next"` }
          : {};
      response.writeHead(200, { ...index, ...link }).end(page([{ ...entry, size: count }]));
    });
    expect(await list(server.host)).toEqual([1, 2, 3].map((size) => ({ ...entry, size })));
  });

  it.each([400, 404, 405, 406, 501])('%i means that there is no such API', async (status) => {
    await using server = await serve((_, response) => void response.writeHead(status).end());
    expect(await list(server.host)).toBeUndefined();
  });

  it.each([
    ['a page for people', { 'content-type': 'text/html' }, '<html>'],
    ['another type', { 'content-type': 'application/json' }, page([])],
    ['no JSON', index, '{'],
    ['no list', index, page({})],
  ])('200 with %s is no such API', async (_, headers, body) => {
    await using server = await serve(
      (_request, response) => void response.writeHead(200, headers).end(body),
    );
    expect(await list(server.host)).toBeUndefined();
  });

  it.each([429, 500, 503])('%i is an error and not "no signatures"', async (status) => {
    await using server = await serve((_, response) => void response.writeHead(status).end());
    await expect(list(server.host)).rejects.toMatchObject({ code: 'registry-error' });
  });

  it('entries that are no descriptors are left out; null is an empty list', async () => {
    const broken = [null, 1, {}, { ...entry, digest: 'sha512:00' }, { ...entry, size: -1 }];
    await using server = await serve(
      (_, response, count) =>
        void response.writeHead(200, index).end(page(count === 1 ? [...broken, entry] : null)),
    );
    expect([await list(server.host), await list(server.host)]).toEqual([[entry], []]);
  });

  it('a strange field does not hide an entry: the field alone is left out', async () => {
    const {
      annotations: _,
      artifactType: __,
      ...bare
    } = entry as typeof entry & { annotations?: unknown };
    const strange = [
      { ...bare, annotations: { a: 1 } },
      { ...bare, annotations: null, artifactType: null },
      { ...bare, artifactType: 1 },
    ];
    await using server = await serve(
      (_request, response) => void response.writeHead(200, index).end(page(strange)),
    );
    expect(await list(server.host)).toEqual([bare, bare, bare]);
  });

  it.each([
    ['to itself', () => `</v2/acme/app/referrers/${zeros}>; rel="next"`, 'registry-error'],
    ['to another host', () => '<https://evil.example/v2/>; rel="next"', 'registry-error'],
    ['on and on', (count: number) => `</v2/x?${count}>; rel="next"`, 'too-large'],
  ])('a list that leads %s is an error', async (_, link, code) => {
    await using server = await serve(
      (_request, response, count) =>
        void response.writeHead(200, { ...index, link: link(count) }).end(page([])),
    );
    await expect(list(server.host)).rejects.toMatchObject({ code });
    expect(server.requests.length).toBeLessThanOrEqual(101);
  });

  it('a later page that is missing is an error: it could hold the signature', async () => {
    await using server = await serve((_, response, count) => {
      if (count === 1)
        response.writeHead(200, { ...index, link: '</v2/next>; rel="next"' }).end(page([entry]));
      else response.writeHead(404).end();
    });
    await expect(list(server.host)).rejects.toMatchObject({ code: 'registry-error' });
  });

  it('more than 10,000 are an error', async () => {
    const many = Array.from({ length: 3000 }, () => ({ mediaType: 'a', digest: zeros, size: 1 }));
    await using server = await serve(
      (_, response, count) =>
        void response
          .writeHead(200, { ...index, link: `</v2/x?${count}>; rel=next` })
          .end(page(many)),
    );
    await expect(list(server.host)).rejects.toMatchObject({ code: 'too-large' });
  });
});

describe('plain HTTP', () => {
  it('goes to loopback; a name elsewhere gets TLS unless plain HTTP was allowed', async () => {
    await using server = await serve((_, response) => void response.writeHead(404).end());
    const app = open(server.host);
    expect(await app.repository().head('v1')).toBeUndefined();
    // A proxy cannot be asked here: nothing listens under this name, and only the scheme is looked
    // at.
    for (const [allowHttp, port] of [
      [true, 80],
      [false, 443],
    ] as const) {
      const urls: URL[] = [];
      const { repository } = open('registry.test', {
        allowHttp,
        http: async ({ url }) => {
          urls.push(url);
          return { status: 404, headers: {}, body: Buffer.alloc(0), url };
        },
      });
      await repository().head('v1');
      expect(urls.map(({ protocol }) => protocol)).toEqual([port === 80 ? 'http:' : 'https:']);
    }
  });

  it('is given up for TLS where a loopback server answers as Go does, or hangs up', async () => {
    const hello: number[] = [];
    const tls = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        hello.push(data[0] ?? 0);
        if (data[0] === 0x16) socket.destroy();
        else
          socket.end(
            'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
          );
      });
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const { port } = tls.address() as { port: number };
    await expect(open(`127.0.0.1:${port}`).repository().head('v1')).rejects.toMatchObject({
      code: 'network',
    });
    // 0x48 is the H of HEAD, 0x16 a TLS handshake.
    expect(hello).toEqual([0x48, 0x16]);
    tls.close();
  });

  it('Docker Hub is contacted under its own host', async () => {
    const urls: string[] = [];
    const http = async ({ url }: { url: URL }) => {
      urls.push(url.href);
      return { status: 404, headers: {}, body: Buffer.alloc(0), url };
    };
    await open('docker.io', { http }).repository('library/nginx').head('latest');
    expect(urls).toEqual(['https://registry-1.docker.io/v2/library/nginx/manifests/latest']);
  });
});
