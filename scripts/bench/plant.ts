// Signed images for measuring how they are verified: real signatures, as cosign 3 writes them, put
// into the registry past the slow proxy.
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { pushImage } from '../../__tests__/sandbox/images.ts';
import { RegistryClient } from '../../__tests__/sandbox/registry-client.ts';

const types = {
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  empty: 'application/vnd.oci.empty.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  statement: 'application/vnd.in-toto+json',
};

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const descriptor = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  size: bytes.length,
  digest: sha256(bytes),
});

/** A P-256 key pair for a whole run; the public key as PEM. */
export function plantingKey(): { readonly privateKey: KeyObject; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey,
    publicKey: String(createPublicKey(privateKey).export({ type: 'spki', format: 'pem' })),
  };
}

/**
 * Pushes a fresh image with so many signatures, each of other bytes, and without the referrers API
 * (`tag`) the list of them.
 * @returns the image's digest
 */
export async function plantSigned(
  host: string,
  repository: string,
  {
    count,
    seed,
    key,
    tag,
  }: {
    readonly count: number;
    readonly seed: string;
    readonly key: KeyObject;
    readonly tag: boolean;
  },
): Promise<string> {
  const client = new RegistryClient(host);
  const image = await pushImage(host, repository, { seed });
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.size };
  const empty = Buffer.from('{}');
  await client.pushBlob(repository, sha256(empty), empty);
  const entries: object[] = [];
  for (let first = 0; first < count; first += 20) {
    const some = Array.from({ length: Math.min(20, count - first) }, async (_, index) => {
      const bundle = bundleOf(image.digest, first + index, key);
      const manifest = bytesOf({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: { ...descriptor(types.empty, empty), artifactType: types.bundle },
        layers: [descriptor(types.bundle, bundle)],
        annotations,
        subject,
        artifactType: types.bundle,
      });
      await client.pushBlob(repository, sha256(bundle), bundle);
      await client.pushManifest(repository, sha256(manifest), manifest, types.manifest);
      return { ...descriptor(types.manifest, manifest), annotations, artifactType: types.bundle };
    });
    entries.push(...(await Promise.all(some)));
  }
  const list = bytesOf({ schemaVersion: 2, mediaType: types.index, manifests: entries });
  if (tag) await client.pushManifest(repository, image.digest.replace(':', '-'), list, types.index);
  return image.digest;
}

const annotations = {
  'dev.sigstore.bundle.content': 'dsse-envelope',
  'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
  'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
};

/**
 * A DSSE envelope (PAE: "DSSEv1", then type and body with their lengths) in a Sigstore bundle v0.3.
 */
function bundleOf(image: string, number: number, key: KeyObject): Buffer {
  const statement = bytesOf({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        digest: { sha256: image.slice('sha256:'.length) },
        annotations: { number: String(number) },
      },
    ],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  });
  const encoded = Buffer.concat([
    Buffer.from(`DSSEv1 ${types.statement.length} ${types.statement} ${statement.length} `),
    statement,
  ]);
  const hint = createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('base64');
  return bytesOf({
    mediaType: types.bundle,
    verificationMaterial: { publicKey: { hint } },
    dsseEnvelope: {
      payload: statement.toString('base64'),
      payloadType: types.statement,
      signatures: [{ sig: sign('sha256', encoded, key).toString('base64') }],
    },
  });
}
