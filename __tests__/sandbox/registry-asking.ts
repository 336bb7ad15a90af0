import { createHash, randomBytes } from 'node:crypto';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';
export const dockerType = 'application/vnd.docker.distribution.manifest.v2+json';
export const listType = 'application/vnd.docker.distribution.manifest.list.v2+json';

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

export const sha256 = (bytes: string | Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
export const unknown = `sha256:${'0'.repeat(64)}`;
export const json = (value: unknown) => JSON.stringify(value);

export function image(
  config: string,
  extra: Record<string, unknown> = {},
  layers: unknown[] = [],
): string {
  const descriptor = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: config,
    size: 2,
  };
  return json({ schemaVersion: 2, mediaType: manifestType, config: descriptor, layers, ...extra });
}

export const index = (children: unknown[], extra: Record<string, unknown> = {}) =>
  json({ schemaVersion: 2, mediaType: indexType, manifests: children, ...extra });

export const put = async (
  { ask, name }: Setting,
  reference: string,
  body: string,
  type = manifestType,
  headers = {},
) => ask('PUT', `/v2/${name}/manifests/${reference}`, { body, type, headers });

/** Pushes an image; its descriptor. */
export async function child(s: Setting, reference?: string) {
  const body = image(await s.blob('{}'));
  const digest = sha256(body);
  await put(s, reference ?? digest, body);
  return { mediaType: manifestType, digest, size: body.length };
}

/** Pushes an image and a referrer of it; the image's digest. */
export async function referred(s: Setting): Promise<string> {
  const subject = await child(s);
  const body = image(await s.blob('{}'), {
    subject,
    artifactType: 'application/x',
    annotations: { a: 'b' },
  });
  await put(s, sha256(body), body);
  return subject.digest;
}

export const accept = (...types: string[]) => ({
  headers: { accept: (types.length > 0 ? types : [manifestType, indexType]).join(', ') },
});

/** An upload's Location with the digest that ends it. */
export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
}
/** Asks the registry at `base`, in a repository that nobody has used. */
export function setting(base: string): Setting {
  const ask: Ask = async (method, path, { body, type, headers = {} } = {}) => {
    const sent = { ...headers, ...(type === undefined ? {} : { 'content-type': type }) };
    const response = await fetch(new URL(path, base), {
      method,
      headers: sent,
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    return Object.assign(response, { said: await response.text() });
  };
  const name = `conformance/r${randomBytes(8).toString('hex')}`;
  const session = async (repository = name) => {
    const { headers } = await ask('POST', `/v2/${repository}/blobs/uploads/`);
    return headers.get('location') ?? '';
  };
  const blob = async (text: string) => {
    await ask('PUT', withDigest(await session(), sha256(text)), {
      body: text,
      type: 'application/octet-stream',
    });
    return sha256(text);
  };
  return { ask, name, blob, session };
}
