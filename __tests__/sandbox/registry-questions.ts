import { createHash, randomBytes } from 'node:crypto';
import { manifestType, type Setting, sha256, unknown, withDigest } from './registry-asking.ts';

/** Questions about the base, blobs and uploads. */
export const questions: Record<string, (s: Setting) => Promise<Response & { said: string }>> = {
  'GET /v2/': ({ ask }) => ask('GET', '/v2/'),
  'HEAD /v2/': ({ ask }) => ask('HEAD', '/v2/'),
  'GET /v2': ({ ask }) => ask('GET', '/v2'),
  'GET /': ({ ask }) => ask('GET', '/'),
  'GET /v1/x': ({ ask }) => ask('GET', '/v1/x'),
  'PUT /v2/': ({ ask }) => ask('PUT', '/v2/'),
  'manifest of a repository that is not there': ({ ask, name }) =>
    ask('GET', `/v2/${name}/manifests/latest`),
  'HEAD manifest of a repository that is not there': ({ ask, name }) =>
    ask('HEAD', `/v2/${name}/manifests/latest`),
  'manifest of an unknown tag': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/manifests/latest`);
  },
  'manifest of an unknown digest': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/manifests/${unknown}`);
  },
  'blob of a repository that is not there': ({ ask, name }) =>
    ask('GET', `/v2/${name}/blobs/${unknown}`),
  'unknown blob': async (s) => {
    await s.blob('{}');
    return s.ask('GET', `/v2/${s.name}/blobs/${unknown}`);
  },
  'HEAD unknown blob': async (s) => {
    await s.blob('{}');
    return s.ask('HEAD', `/v2/${s.name}/blobs/${unknown}`);
  },
  'blob that is there': async (s) => s.ask('GET', `/v2/${s.name}/blobs/${await s.blob('{}')}`),
  'HEAD blob that is there': async (s) =>
    s.ask('HEAD', `/v2/${s.name}/blobs/${await s.blob('{}')}`),
  'range of a blob': async (s) =>
    s.ask('GET', `/v2/${s.name}/blobs/${await s.blob('0123456789')}`, {
      headers: { range: 'bytes=2-5' },
    }),
  'blob of another repository': async (s) =>
    s.ask(
      'GET',
      `/v2/${s.name}x/blobs/${await s.blob(`only here ${randomBytes(8).toString('hex')}`)}`,
    ),
  'blob with a bad digest': ({ ask, name }) => ask('GET', `/v2/${name}/blobs/sha256:abc`),
  'manifest with a bad digest': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/sha256:abc`),
  'name in upper case': ({ ask }) => ask('GET', '/v2/Upper/case/manifests/latest'),
  'PUT of a name in upper case': ({ ask }) =>
    ask('PUT', '/v2/Upper/case/manifests/latest', { body: '{}', type: manifestType }),
  'POST of a name in upper case': ({ ask }) => ask('POST', '/v2/Upper/case/blobs/uploads/'),
  'tag with a bad sign': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/a+b`),
  'tag of 129 letters': ({ ask, name }) => ask('GET', `/v2/${name}/manifests/${'a'.repeat(129)}`),
  'POST upload': ({ ask, name }) => ask('POST', `/v2/${name}/blobs/uploads/`),
  'POST upload without slash': ({ ask, name }) => ask('POST', `/v2/${name}/blobs/uploads`),
  'POST upload with digest and body': ({ ask, name }) =>
    ask('POST', `/v2/${name}/blobs/uploads/?digest=${sha256('one')}`, { body: 'one' }),
  'POST mount of a blob that is there': async (s) =>
    s.ask('POST', `/v2/${s.name}x/blobs/uploads/?mount=${await s.blob('mounted')}&from=${s.name}`),
  'POST mount of an unknown blob': ({ ask, name }) =>
    ask('POST', `/v2/${name}x/blobs/uploads/?mount=${unknown}&from=${name}`),
  'GET upload': async (s) => s.ask('GET', await s.session()),
  'GET upload after PATCH': async (s) => {
    const patched = await s.ask('PATCH', await s.session(), {
      body: 'abc',
      type: 'application/octet-stream',
    });
    return s.ask('GET', patched.headers.get('location') ?? '');
  },
  'PATCH upload': async (s) =>
    s.ask('PATCH', await s.session(), { body: 'abc', type: 'application/octet-stream' }),
  'PATCH from the wrong byte': async (s) =>
    s.ask('PATCH', await s.session(), {
      body: 'abc',
      type: 'application/octet-stream',
      headers: { 'content-range': '5-7' },
    }),
  'PATCH with the right range': async (s) =>
    s.ask('PATCH', await s.session(), {
      body: 'abc',
      type: 'application/octet-stream',
      headers: { 'content-range': '0-2' },
    }),
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
    ask('PATCH', `/v2/${name}/blobs/uploads/11111111-1111-4111-8111-111111111111`, {
      body: 'abc',
      type: 'application/octet-stream',
    }),
  'PUT of an unknown session': ({ ask, name }) =>
    ask(
      'PUT',
      `/v2/${name}/blobs/uploads/11111111-1111-4111-8111-111111111111?digest=${sha256('abc')}`,
      { body: 'abc' },
    ),
  'PUT without digest': async (s) => s.ask('PUT', await s.session(), { body: 'abc' }),
  'PUT with a wrong digest': async (s) =>
    s.ask('PUT', withDigest(await s.session(), unknown), { body: 'abc' }),
  'PUT with a bad digest': async (s) =>
    s.ask('PUT', withDigest(await s.session(), 'sha256:abc'), { body: 'abc' }),
  'PUT with sha512': async (s) =>
    s.ask(
      'PUT',
      withDigest(await s.session(), `sha512:${createHash('sha512').update('abc').digest('hex')}`),
      { body: 'abc' },
    ),
  'PUT in one': async (s) =>
    s.ask('PUT', withDigest(await s.session(), sha256('abc')), { body: 'abc' }),
  'PATCH then PUT': async (s) => {
    const patched = await s.ask('PATCH', await s.session(), {
      body: 'abc',
      type: 'application/octet-stream',
    });
    return s.ask('PUT', withDigest(patched.headers.get('location') ?? '', sha256('abc')));
  },
  'PUT twice in one session': async (s) => {
    const session = withDigest(await s.session(), sha256('abc'));
    await s.ask('PUT', session, { body: 'abc' });
    return s.ask('PUT', session, { body: 'abc' });
  },
  'DELETE upload': async (s) => s.ask('DELETE', await s.session()),
  'DELETE unknown upload': ({ ask, name }) =>
    ask('DELETE', `/v2/${name}/blobs/uploads/11111111-1111-4111-8111-111111111111`),
  'DELETE blob': async (s) => s.ask('DELETE', `/v2/${s.name}/blobs/${await s.blob('{}')}`),
  'DELETE unknown blob': async (s) => {
    await s.blob('{}');
    return s.ask('DELETE', `/v2/${s.name}/blobs/${unknown}`);
  },
};
