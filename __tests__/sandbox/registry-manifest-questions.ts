import {
  accept,
  child,
  dockerType,
  image,
  index,
  indexType,
  json,
  listType,
  manifestType,
  put,
  referred,
  sha256,
  unknown,
} from './registry-asking.ts';
import type { questions } from './registry-questions.ts';

/** Questions about manifests, tags and referrers. */
export const manifestQuestions: typeof questions = {
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
    put(
      s,
      'latest',
      image(await s.blob('{}'), {}, [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: unknown, size: 1 },
      ]),
    ),
  'PUT manifest, subject missing': async (s) =>
    put(
      s,
      'latest',
      image(await s.blob('{}'), { subject: { mediaType: manifestType, digest: unknown, size: 1 } }),
    ),
  'PUT manifest, not JSON': async (s) => put(s, 'latest', 'not json'),
  'PUT manifest, empty': async (s) => put(s, 'latest', ''),
  'PUT manifest, mediaType differs from content type': async (s) =>
    put(s, 'latest', image(await s.blob('{}')), dockerType),
  'PUT manifest without mediaType': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { mediaType: undefined })),
  'PUT manifest, docker type without mediaType': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { mediaType: undefined }), dockerType),
  'PUT manifest, unknown content type': async (s) =>
    put(s, 'latest', image(await s.blob('{}')), 'application/json'),
  'PUT manifest without content type': async (s) => put(s, 'latest', image(await s.blob('{}')), ''),
  'PUT manifest, schemaVersion 1': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { schemaVersion: 1 })),
  'PUT manifest without config': async (s) => {
    await s.blob('{}');
    return put(s, 'latest', json({ schemaVersion: 2, mediaType: manifestType, layers: [] }));
  },
  'PUT manifest that is an index': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { manifests: [] })),
  'PUT manifest to a bad tag': async (s) => put(s, 'a+b', image(await s.blob('{}'))),
  'PUT manifest of 5 MB': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { annotations: { a: 'x'.repeat(5_000_000) } })),
  'PUT manifest with an If-Match that fails': async (s) => {
    await put(s, 'latest', image(await s.blob('{}')));
    return put(s, 'latest', image(await s.blob('{}'), { annotations: { a: 'b' } }), manifestType, {
      'if-match': `"${unknown}"`,
    });
  },
  'PUT docker manifest': async (s) =>
    put(s, 'latest', image(await s.blob('{}'), { mediaType: dockerType }), dockerType),
  'PUT index, empty': async (s) => {
    await s.blob('{}');
    return put(s, 'latest', index([]), indexType);
  },
  'PUT index, child missing': async (s) => {
    await s.blob('{}');
    return put(
      s,
      'latest',
      index([{ mediaType: manifestType, digest: unknown, size: 1 }]),
      indexType,
    );
  },
  'PUT index, child of a strange type missing': async (s) => {
    await s.blob('{}');
    return put(
      s,
      'latest',
      index([{ mediaType: 'application/x', digest: unknown, size: 1 }]),
      indexType,
    );
  },
  'PUT index, child that is a blob': async (s) => {
    const digest = await s.blob('{}');
    return put(s, 'latest', index([{ mediaType: 'application/x', digest, size: 2 }]), indexType);
  },
  'PUT index, child there': async (s) => put(s, 'latest', index([await child(s)]), indexType),
  'PUT index, child of the wrong size': async (s) =>
    put(s, 'latest', index([{ ...(await child(s)), size: 1 }]), indexType),
  'PUT index with subject': async (s) =>
    put(
      s,
      'latest',
      index([await child(s)], { subject: { mediaType: manifestType, digest: unknown, size: 1 } }),
      indexType,
    ),
  'PUT index as manifest': async (s) => put(s, 'latest', index([await child(s)]), manifestType),
  'PUT docker list': async (s) =>
    put(
      s,
      'latest',
      index([{ ...(await child(s)), platform: { os: 'linux', architecture: 'amd64' } }], {
        mediaType: listType,
      }),
      listType,
    ),
  'GET manifest by tag': async (s) => {
    await child(s, 'latest');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept());
  },
  'HEAD manifest by tag': async (s) => {
    await child(s, 'latest');
    return s.ask('HEAD', `/v2/${s.name}/manifests/latest`, accept());
  },
  'GET manifest by digest': async (s) =>
    s.ask('GET', `/v2/${s.name}/manifests/${(await child(s)).digest}`, accept()),
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
      index([{ ...(await child(s)), platform: { os: 'linux', architecture: 'amd64' } }], {
        mediaType: listType,
      }),
      listType,
    );
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, accept(dockerType));
  },
  'GET manifest, If-None-Match': async (s) => {
    const { digest } = await child(s, 'latest');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`, {
      headers: { ...accept().headers, 'if-none-match': `"${digest}"` },
    });
  },
  'GET manifest as blob': async (s) =>
    s.ask('GET', `/v2/${s.name}/blobs/${(await child(s)).digest}`),
  'DELETE manifest by tag': async (s) => {
    await child(s, 'latest');
    return s.ask('DELETE', `/v2/${s.name}/manifests/latest`);
  },
  'DELETE manifest by digest': async (s) =>
    s.ask('DELETE', `/v2/${s.name}/manifests/${(await child(s)).digest}`),
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
  'referrers in a repository that is not there': ({ ask, name }) =>
    ask('GET', `/v2/${name}/referrers/${unknown}`),
  'referrers of a bad digest': async (s) => {
    await child(s);
    return s.ask('GET', `/v2/${s.name}/referrers/sha256:abc`);
  },
  'referrers of an image': async (s) =>
    s.ask('GET', `/v2/${s.name}/referrers/${await referred(s)}`),
  'referrers filtered': async (s) =>
    s.ask('GET', `/v2/${s.name}/referrers/${await referred(s)}?artifactType=application/y`),
};
