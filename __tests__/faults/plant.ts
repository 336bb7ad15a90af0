import { createPrivateKey, sign } from 'node:crypto';
import type { Digest } from '../../src/image/digest.ts';
import { loadSigner } from '../../src/keys/local.ts';
import { signBundle } from '../../src/signature/make.ts';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { makeStatement } from '../../src/signature/statement.ts';
import type { RegistryStore } from '../sandbox/registry-store.ts';

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/**
 * Puts so many different, valid signatures of one key into a registry's store: bundles as
 * referrers, and layers of the `.sig` tag, half of each.
 */
export async function plantSignatures(
  store: RegistryStore,
  repository: string,
  image: string,
  count: number,
  key: string,
): Promise<void> {
  const signer = await loadSigner({ key });
  const privateKey = createPrivateKey(key);
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: store.addBlob(repository, '{}'),
    size: 2,
  };
  const manifest = store.find(repository)?.manifests.get(image);
  const subject = { mediaType: manifest?.mediaType, digest: image, size: manifest?.bytes.length };
  const layers: object[] = [];
  for (let number = 0; number < count; number++) {
    const annotations = { number: String(number) };
    if (number % 2 === 0) {
      const { bundle } = await signBundle({
        signer,
        witnesses: [],
        statement: makeStatement(image as Digest, annotations),
      });
      const layer = {
        mediaType: bundleType,
        digest: store.addBlob(repository, bundle),
        size: bundle.length,
      };
      const text = JSON.stringify({
        schemaVersion: 2,
        mediaType: ociManifest,
        artifactType: bundleType,
        config: empty,
        layers: [layer],
        subject,
      });
      store.addManifest(repository, text, ociManifest);
    } else {
      const payload = makePayload({
        dockerReference: 'sandbox/app',
        digest: image as Digest,
        annotations,
      });
      const signature = sign('sha256', payload, privateKey).toString('base64');
      layers.push({
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        digest: store.addBlob(repository, payload),
        size: payload.length,
        annotations: { 'dev.cosignproject.cosign/signature': signature },
      });
    }
  }
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      os: '',
      config: {},
      rootfs: { type: 'layers', diff_ids: [] },
    }),
  );
  const described = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: store.addBlob(repository, config),
    size: config.length,
  };
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: described,
    layers,
  });
  store.addManifest(repository, text, ociManifest, `${image.replace(':', '-')}.sig`);
}
