import { createHash, randomBytes } from 'node:crypto';
import type { Switches } from './registry-behaviours.ts';
import { type Asked, type Reply, refusal } from './registry-http.ts';
import { methodUnknown, place } from './registry-manifests.ts';
import type { RegistryStore, StoredRepository, Upload } from './registry-store.ts';

const digestGrammar = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/**
 * What a blob or upload is answered with needs more than the store: where the other hosts are, and
 * what the client may read.
 */
export interface BlobSetting {
  readonly store: RegistryStore;
  readonly switches: Switches;
  /**
   * http://127.0.0.1:PORT of the storage host, and a signature that it will take for this digest
   */
  readonly storageUrl: (name: string, digest: string) => string;
  /** origin of the host that takes uploads */
  readonly uploadOrigin: string;
  readonly mayPull: (name: string) => boolean;
}

/** GET, HEAD and DELETE of /v2/<name>/blobs/<digest>. */
export function answerBlob(
  asked: Asked,
  name: string,
  digest: string,
  { store, switches, storageUrl }: BlobSetting,
): Reply {
  if (!digestGrammar.test(digest))
    return refusal(
      400,
      switches.dialect === 'ggcr' ? 'NAME_INVALID' : 'DIGEST_INVALID',
      'invalid digest',
    );
  const blobs = store.find(name)?.blobs;
  const bytes = blobs?.get(digest);
  if (!['GET', 'HEAD', 'DELETE'].includes(asked.method)) return methodUnknown(switches);
  if (bytes === undefined) return refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  if (asked.method === 'DELETE') {
    blobs?.delete(digest);
    return { status: 202 };
  }
  if (switches.blobRedirect && asked.method === 'GET')
    return { status: 307, headers: { location: storageUrl(name, digest) } };
  return blobReply(asked, digest, bytes);
}

/** A blob, or the range of it that was asked for. */
export function blobReply(asked: Asked, digest: string, bytes: Buffer): Reply {
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(asked.headers.range ?? '') ?? [];
  if (from === undefined) return { status: 200, headers, body: bytes };
  const last =
    to === '' || to === undefined ? bytes.length - 1 : Math.min(Number(to), bytes.length - 1);
  if (Number(from) > last)
    return { status: 416, headers: { 'content-range': `bytes */${bytes.length}` } };
  const range = `bytes ${from}-${last}/${bytes.length}`;
  return {
    status: 206,
    headers: { ...headers, 'content-range': range },
    body: bytes.subarray(Number(from), last + 1),
  };
}

/** POST of /v2/<name>/blobs/uploads/: begins an upload, or mounts a blob, or takes it whole. */
export function beginUpload(asked: Asked, name: string, setting: BlobSetting): Reply {
  const { store, switches } = setting;
  if (asked.method !== 'POST') return methodUnknown(switches);
  const query = asked.url.searchParams;
  const from = query.get('from') ?? '';
  const mounted = query.get('mount') ?? '';
  const bytes = setting.mayPull(from) ? store.find(from)?.blobs.get(mounted) : undefined;
  if (bytes !== undefined) return created(asked, name, mounted, bytes, setting);
  const digest = query.get('digest');
  if (digest !== null && switches.singlePost)
    return finish(asked, name, digest, asked.body, setting);
  const id = store.beginUpload(name);
  return { status: 202, headers: uploadHeaders(asked, id, store.uploads.get(id)!, setting) };
}

/**
 * GET, PATCH, PUT and DELETE of an upload's Location. Each PATCH makes a new Location: the old one
 * is then refused.
 */
export function answerUpload(asked: Asked, name: string, id: string, setting: BlobSetting): Reply {
  const { store, switches } = setting;
  const upload = store.uploads.get(id);
  const state = asked.url.searchParams.get('_state');
  if (upload === undefined || upload.repository !== name)
    return refusal(
      404,
      state === null ? 'BLOB_UPLOAD_INVALID' : 'BLOB_UPLOAD_UNKNOWN',
      'blob upload unknown to registry',
    );
  if (switches.dialect !== 'ggcr' && state !== upload.state)
    return refusal(404, 'BLOB_UPLOAD_INVALID', 'this Location is not the newest one of the upload');
  switch (asked.method) {
    case 'GET':
      return { status: 204, headers: uploadHeaders(asked, id, upload, setting) };
    case 'PATCH':
      return append(asked, id, upload, setting);
    case 'PUT': {
      if (switches.putNeedsPatch && asked.body.length > 0)
        return refusal(400, 'BLOB_UPLOAD_INVALID', 'send the content with PATCH');
      const misplaced = outOfRange(asked, upload);
      if (misplaced !== undefined) return misplaced;
      const reply = finish(
        asked,
        name,
        asked.url.searchParams.get('digest') ?? '',
        Buffer.concat([upload.bytes, asked.body]),
        setting,
      );
      // docker-registry forgets an upload that ended, well or not
      store.uploads.delete(id);
      return reply;
    }
    case 'DELETE':
      store.uploads.delete(id);
      return { status: 204 };
    default:
      return methodUnknown(switches);
  }
}

function append(asked: Asked, id: string, upload: Upload, setting: BlobSetting): Reply {
  const misplaced = outOfRange(asked, upload);
  if (misplaced !== undefined) return misplaced;
  upload.bytes = Buffer.concat([upload.bytes, asked.body]);
  upload.state = randomBytes(12).toString('base64url');
  return {
    status: setting.switches.dialect === 'ggcr' ? 204 : 202,
    headers: uploadHeaders(asked, id, upload, setting),
  };
}

function outOfRange(asked: Asked, upload: Upload): Reply | undefined {
  const range = asked.headers['content-range'];
  if (range === undefined) return undefined;
  const [, from, to] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  if (
    Number(from) === upload.bytes.length &&
    Number(to) === upload.bytes.length + asked.body.length - 1
  )
    return undefined;
  return refusal(
    416,
    'BLOB_UPLOAD_INVALID',
    `the upload has ${upload.bytes.length} bytes; Content-Range says ${range}`,
  );
}

function uploadHeaders(
  asked: Asked,
  id: string,
  upload: Upload,
  setting: BlobSetting,
): Record<string, string> {
  const { switches, uploadOrigin } = setting;
  const path = `/v2/${upload.repository}/blobs/uploads/${id}?_state=${upload.state}`;
  const location =
    switches.uploadLocation === 'other-host'
      ? `${uploadOrigin}${path}`
      : place(asked, switches, path);
  return { location, range: `0-${Math.max(upload.bytes.length - 1, 0)}`, 'docker-upload-uuid': id };
}

function finish(
  asked: Asked,
  name: string,
  digest: string,
  bytes: Buffer,
  setting: BlobSetting,
): Reply {
  if (!digestGrammar.test(digest))
    return refusal(400, 'DIGEST_INVALID', 'no digest, or none that can be read');
  const algorithm = digest.slice(0, 6);
  if (`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` !== digest)
    return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  return created(asked, name, digest, bytes, setting);
}

function created(
  asked: Asked,
  name: string,
  digest: string,
  bytes: Buffer,
  { store, switches }: BlobSetting,
): Reply {
  const repository: StoredRepository = store.open(name);
  repository.blobs.set(digest, bytes);
  return {
    status: 201,
    headers: {
      'docker-content-digest': digest,
      location: place(asked, switches, `/v2/${name}/blobs/${digest}`),
    },
  };
}
