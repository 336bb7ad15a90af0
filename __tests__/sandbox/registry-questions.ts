import { createHash, randomBytes } from 'node:crypto';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const dockerType = 'application/vnd.docker.distribution.manifest.v2+json';
const listType = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** One request to the registry in question; `said` is the body's text. */
export type Ask = (
  method: string,
  path: string,
  options?: { body?: string | Uint8Array; type?: string; headers?: Record<string, string> },
) => Promise<Response & { said: string }>;

/** What a question needs. */
export interface Setting {
  ask: Ask;
  /** a repository nobody has used */
  name: string;
  /** POST + PUT of a blob; its digest */
  blob: (text: string) => Promise<string>;
  session: (name?: string) => Promise<string>;
}

export const sha256 = (bytes: string | Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const unknown = `sha256:${'0'.repeat(64)}`;
const json = (value: unknown) => JSON.stringify(value);

function image(config: string, extra: Record<string, unknown> = {}, layers: unknown[] = []): string {
  const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 };
  return json({ schemaVersion: 2, mediaType: manifestType, config: descriptor, layers, ...extra });
}

const index = (children: unknown[], extra: Record<string, unknown> = {}) =>
  json({ schemaVersion: 2, mediaType: indexType, manifests: children, ...extra });

const put = async ({ ask, name }: Setting, reference: string, body: string, type = manifestType, headers = {}) =>
  ask('PUT', `/v2/${name}/manifests/${reference}`, { body, type, headers });

/** Every question, by name. */
export const questions: Record<string, (s: Setting) => Promise<Response & { said: string }>> = {
  'GET /v2/': ({ ask }) => ask('GET', '/v2/'),
  'HEAD /v2/': ({ ask }) => ask('HEAD', '/v2/'),
  'GET /v2': ({ ask }) => ask('GET', '/v2'),
  'GET /': ({ ask }) => ask('GET', '/'),
  'GET /v1/x': ({ ask }) => ask('GET', '/v1/x'),
  'PUT /v2/': ({ ask }) => ask('PUT', '/v2/'),
  'manifest of a repository that is not there': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/latest`),
  'HEAD manifest of a repository that is not there': ({ ask, name }) => ask('HEAD', `/v2/${name}/manifests/latest`),
  'manifest of an unknown tag': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`);
  },
  'manifest of an unknown digest': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/manifests/${unknown}`);
  },
  'blob of a repository that is not there': ({ ask, name }) => ask('GET', `/v2/${name}/blobs/${unknown}`),
  'unknown blob': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/blobs/${unknown}`);
  },
  'HEAD unknown blob': async (s) => {
    await s.blob('{}');
    return s.ask('HEAD', `/v2/${s.name}/blobs/${unknown}`);
  },
  'blob that is there': async (s) => s.ask('GET', `/v2/${s.name}/blobs/${await s.blob('{}')}`),
  'HEAD blob that is there': async (s) => s.ask('HEAD', `/v2/${s.name}/blobs/${await s.blob('{}')}`),
  'range of a blob': async (s) => s.ask('GET', `/v2/${s.name}/blobs/${await s.blob('0123456789')}`, { headers: { range: 'bytes=2-5' } }),
  'blob of another repository': async (s) =>
    s.ask('GET', `/v2/${s.name}x/blobs/${await s.blob(`only here ${randomBytes(8).toString('hex')}`)}`),
  'blob with a bad digest': ({ ask, name }) => ask('GET', `/v2/${name}/blobs/sha256:abc`),
  'manifest with a bad digest': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/sha256:abc`),
  'name in upper case': ({ ask }) => ask('GET', '/v2/Upper/case/manifests/latest'),
  'PUT of a name in upper case': ({ ask }) => ask('PUT', '/v2/Upper/case/manifests/latest', { body: '{}', type: manifestType }),
  'POST of a name in upper case': ({ ask }) => ask('POST', '/v2/Upper/case/blobs/uploads/'),
  'tag with a bad sign': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/a+b`),
  'tag of 129 letters': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/${'a'.repeat(129)}`),
  'POST upload': ({ ask, name }) => ask('POST', `/v2/${name}/blobs/uploads/`),
  'POST upload without slash': ({ ask, name }) => ask('POST', `/v2/${name}/blobs/uploads`),
  'POST upload with digest and body': ({ ask, name }) => ask('POST', `/v2/${name}/blobs/uploads/?digest=${sha256('one')}`, { body: 'one' }),
  'POST mount of a blob that is there': async (s) =>
    s.ask('POST', `/v2/${s.name}x/blobs/uploads/?mount=${await s.blob('mounted')}&from=${s.name}`),
  'POST mount of an unknown blob': ({ ask, name }) => ask('POST', `/v2/${name}x/blobs/uploads/?mount=${unknown}&from=${name}`),
  'GET upload': async (s) => s.ask('GET', await s.session()),
  'GET upload after PATCH': async (s) => {
    const patched = await s.ask('PATCH', await s.session(), { body: 'abc', type: 'application/octet-stream' });
    return s.ask('GET', patched.headers.get('location') ?? '');
  },
  'PATCH upload': async (s) => s.ask('PATCH', await s.session(), { body: 'abc', type: 'application/octet-stream' }),
  'PATCH from the wrong byte': async (s) =>
    s.ask('PATCH', await s.session(), { body: 'abc', type: 'application/octet-stream', headers: { 'content-range': '5-7' } }),
  'PATCH with the right range': async (s) =>
    s.ask('PATCH', await s.session(), { body: 'abc', type: 'application/octet-stream', headers: { 'content-range': '0-2' } }),
  'PATCH with the Location of before the last PATCH': async (s) => {
    const first = await s.session();
    await s.ask('PATCH', first, { body: 'abc', type: 'application/octet-stream' });
    return s.ask('PATCH', first, { body: 'def', type: 'application/octet-stream' });
  },
  'PUT with the Location of before the last PATCH': async (s) => {
    const first = await s.session();
    await s.ask('PATCH', first, { body: 'abc', type: 'application/octet-stream' });
    return s.ask('PUT', withDigest(first, sha256('abc')));
  },
  'PUT again after a wrong digest': async (s) => {
    const first = await s.session();
    await s.ask('PUT', withDigest(first, unknown), { body: 'abc' });
    return s.ask('PUT', withDigest(first, sha256('abc')), { body: 'abc' });
  },
  'PATCH of an unknown session': ({ ask, name }) =>
    ask('PATCH', `/v2/${name}/blobs/uploads/11111111-1111-4111-8111-111111111111`, { body: 'abc', type: 'application/octet-stream' }),
  'PUT of an unknown session': ({ ask, name }) =>
    ask('PUT', `/v2/${name}/blobs/uploads/11111111-1111-4111-8111-111111111111?digest=${sha256('abc')}`, { body: 'abc' }),
  'PUT without digest': async (s) => s.ask('PUT', await s.session(), { body: 'abc' }),
  'PUT with a wrong digest': async (s) => s.ask('PUT', withDigest(await s.session(), unknown), { body: 'abc' }),
  'PUT with a bad digest': async (s) => s.ask('PUT', withDigest(await s.session(), 'sha256:abc'), { body: 'abc' }),
  'PUT with sha512': async (s) =>
    s.ask('PUT', withDigest(await s.session(), `sha512:${createHash('sha512').update('abc').digest('hex')}`), { body: 'abc' }),
  'PUT in one': async (s) => s.ask('PUT', withDigest(await s.session(), sha256('abc')), { body: 'abc' }),
  'PATCH then PUT': async (s) => {
    const patched = await s.ask('PATCH', await s.session(), { body: 'abc', type: 'application/octet-stream' });
    return s.ask('PUT', withDigest(patched.headers.get('location') ?? '', sha256('abc')));
  },
  'PUT twice in one session': async (s) => {
    const session = withDigest(await s.session(), sha256('abc'));
    await s.ask('PUT', session, { body: 'abc' });
    return s.ask('PUT', session, { body: 'abc' });
  },
  'DELETE upload': async (s) => s.ask('DELETE', await s.session()),
  'DELETE unknown upload': ({ ask, name }) => ask('DELETE', `/v2/${name}/blobs/uploads/11111111-1111-4111-8111-111111111111`),
  'DELETE blob': async (s) => s.ask('DELETE', `/v2/${s.name}/blobs/${await s.blob('{}')}`),
  'DELETE unknown blob': async (s) => {
    await s.blob('{}');
    return s.ask('DELETE', `/v2/${s.name}/blobs/${unknown}`);
  },
  'PUT manifest': async (s) => put(s, 'latest', image(await s.blob('{}'))),
  'PUT manifest by its digest': async (s) => {
    const body = image(await s.blob('{}'));
    return put(s, sha256(body), body);
  },
  'PUT manifest under another digest': async (s) => put(s, unknown, image(await s.blob('{}'))),
  'PUT manifest, config missing': async (s) => {
    await s.blob('x');
    return put(s, 'latest', image(unknown));
  },
  'PUT manifest, layer missing': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), {}, [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: unknown, size: 1 }])),
  'PUT manifest, subject missing': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { subject: { mediaType: manifestType, digest: unknown, size: 1 } })),
  'PUT manifest, not JSON': async (s) => put(s, 'latest', 'not json'),
  'PUT manifest, empty': async (s) => put(s, 'latest', ''),
  'PUT manifest, mediaType differs from content type': async (s) => put(s, 'latest', image(await s.blob('{}')), dockerType),
  'PUT manifest without mediaType': async (s) => put(s, 'latest', image(await s.blob('{}'), { mediaType: undefined })),
  'PUT manifest, docker type without mediaType': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { mediaType: undefined }), dockerType),
  'PUT manifest, unknown content type': async (s) => put(s, 'latest', image(await s.blob('{}')), 'application/json'),
  'PUT manifest without content type': async (s) => put(s, 'latest', image(await s.blob('{}')), ''),
  'PUT manifest, schemaVersion 1': async (s) => put(s, 'latest', image(await s.blob('{}'), { schemaVersion: 1 })),
  'PUT manifest without config': async (s) => {
    await s.blob('{}');
    return put(s, 'latest', json({ schemaVersion: 2, mediaType: manifestType, layers: [] }));
  },
  'PUT manifest that is an index': async (s) => put(s, 'latest', image(await s.blob('{}'), { manifests: [] })),
  'PUT manifest to a bad tag': async (s) => put(s, 'a+b', image(await s.blob('{}'))),
  'PUT manifest of 5 MB': async (s) => put(s, 'latest', image(await s.blob('{}'), { annotations: { a: 'x'.repeat(5_000_000) } })),
  'PUT manifest with an If-Match that fails': async (s) => {
    await put(s, 'latest', image(await s.blob('{}')));
    return put(s, 'latest', image(await s.blob('{}'), { annotations: { a: 'b' } }), manifestType, { 'if-match': `"${unknown}"` });
  },
  'PUT docker manifest': async (s) => put(s, 'latest', image(await s.blob('{}'), { mediaType: dockerType }), dockerType),
  'PUT index, empty': async (s) => {
    await s.blob('{}');
    return put(s, 'latest', index([]), indexType);
  },
  'PUT index, child missing': async (s) => {
    await s.blob('{}');
    return put(s, 'latest', index([{ mediaType: manifestType, digest: unknown, size: 1 }]), indexType);
  },
  'PUT index, child of a strange type missing': async (s) => {
    await s.blob('{}');
    return put(s, 'latest', index([{ mediaType: 'application/x', digest: unknown, size: 1 }]), indexType);
  },
  'PUT index, child that is a blob': async (s) => {
    const digest = await s.blob('{}');
    return put(s, 'latest', index([{ mediaType: 'application/x', digest, size: 2 }]), indexType);
  },
  'PUT index, child there': async (s) => put(s, 'latest', index([await child(s)]), indexType),
  'PUT index, child of the wrong size': async (s) => put(s, 'latest', index([{ ...(await child(s)), size: 1 }]), indexType),
  'PUT index with subject': async (s) =>
    put(s, 'latest', index([await child(s)], { subject: { mediaType: manifestType, digest: unknown, size: 1 } }), indexType),
  'PUT index as manifest': async (s) => put(s, 'latest', index([await child(s)]), manifestType),
  'PUT docker list': async (s) =>
    put(s, 'latest', index([{ ...(await child(s)), platform: { os: 'linux', architecture: 'amd64' } }], { mediaType: listType }), listType),
  'GET manifest by tag': async (s) => {
    await child(s, 'latest');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept());
  },
  'HEAD manifest by tag': async (s) => {
    await child(s, 'latest');
    return s.ask('HEAD', `/v2/${s.name}/manifests/latest`, accept());
  },
  'GET manifest by digest': async (s) => s.ask('GET', `/v2/${s.name}/manifests/${(await child(s)).digest}`, accept()),
  'GET manifest without Accept': async (s) => {
    await child(s, 'latest');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`);
  },
  'GET manifest that Accept does not name': async (s) => {
    await child(s, 'latest');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept(dockerType));
  },
  'GET index that Accept does not name': async (s) => {
    await put(s, 'latest', index([await child(s)]), indexType);
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept(manifestType));
  },
  'GET docker list that Accept does not name': async (s) => {
    await put(
      s,
      'latest',
      index([{ ...(await child(s)), platform: { os: 'linux', architecture: 'amd64' } }], { mediaType: listType }),
      listType,
    );
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept(dockerType));
  },
  'GET manifest, If-None-Match': async (s) => {
    const { digest } = await child(s, 'latest');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, { headers: { ...accept().headers, 'if-none-match': `"${digest}"` } });
  },
  'GET manifest as blob': async (s) => s.ask('GET', `/v2/${s.name}/blobs/${(await child(s)).digest}`),
  'DELETE manifest by tag': async (s) => {
    await child(s, 'latest');
    return s.ask('DELETE', `/v2/${s.name}/manifests/latest`);
  },
  'DELETE manifest by digest': async (s) => s.ask('DELETE', `/v2/${s.name}/manifests/${(await child(s)).digest}`),
  'DELETE unknown manifest': async (s) => {
    await child(s);
    return s.ask('DELETE', `/v2/${s.name}/manifests/${unknown}`);
  },
  'GET by tag after DELETE by digest': async (s) => {
    const { digest } = await child(s, 'latest');
    await s.ask('DELETE', `/v2/${s.name}/manifests/${digest}`);
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept());
  },
  'POST manifest': ({ ask, name }) => ask('POST', `/v2/${name}/manifests/latest`),
  'PATCH blob': ({ ask, name }) => ask('PATCH', `/v2/${name}/blobs/${unknown}`),
  'tags of a repository that is not there': ({ ask, name }) => ask('GET', `/v2/${name}/tags/list`),
  'tags of a repository with blobs only': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/tags/list`);
  },
  tags: async (s) => {
    await child(s, 'b');
    await child(s, 'a');
    return s.ask('GET', `/v2/${s.name}/tags/list`);
  },
  'tags, n=1': async (s) => {
    await child(s, 'b');
    await child(s, 'a');
    return s.ask('GET', `/v2/${s.name}/tags/list?n=1`);
  },
  'tags, last=a': async (s) => {
    await child(s, 'b');
    await child(s, 'a');
    return s.ask('GET', `/v2/${s.name}/tags/list?n=5&last=a`);
  },
  'tags, n=x': async (s) => {
    await child(s, 'b');
    return s.ask('GET', `/v2/${s.name}/tags/list?n=x`);
  },
  'POST tags': ({ ask, name }) => ask('POST', `/v2/${name}/tags/list`),
  'referrers of nothing': async (s) => {
    await child(s);
    return s.ask('GET', `/v2/${s.name}/referrers/${unknown}`);
  },
  'referrers in a repository that is not there': ({ ask, name }) => ask('GET', `/v2/${name}/referrers/${unknown}`),
  'referrers of a bad digest': async (s) => {
    await child(s);
    return s.ask('GET', `/v2/${s.name}/referrers/sha256:abc`);
  },
  'referrers of an image': async (s) => s.ask('GET', `/v2/${s.name}/referrers/${await referred(s)}`),
  'referrers filtered': async (s) => s.ask('GET', `/v2/${s.name}/referrers/${await referred(s)}?artifactType=application/y`),
};

async function child(s: Setting, reference?: string) {
  const body = image(await s.blob('{}'));
  const digest = sha256(body);
  await put(s, reference ?? digest, body);
  return { mediaType: manifestType, digest, size: body.length };
}

async function referred(s: Setting): Promise<string> {
  const subject = await child(s);
  const body = image(await s.blob('{}'), { subject, artifactType: 'application/x', annotations: { a: 'b' } });
  await put(s, sha256(body), body);
  return subject.digest;
}

const accept = (...types: string[]) => ({ headers: { accept: (types.length > 0 ? types : [manifestType, indexType]).join(', ') } });

/** An upload's Location with the digest that ends it. */
export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
}
