// A real Sigstore and a registry in memory, on a clock of the test's own, and runs of the engine that
// sign an image there.
import { createMasker } from '../../src/edges/action/masker.ts';
import { readSignInputs } from '../../src/edges/inputs/sign.ts';
import { openWorld as openEngineWorld } from '../../src/edges/world.ts';
// Loaded beforehand: no clock of a test waits for a file that is read.
import '../../src/engine/own-certificates.ts';
import '../../src/engine/services.ts';
import '../../src/engine/stand-ins.ts';
import { sign as signImages } from '../../src/engine/sign.ts';
import type { Told } from '../../src/engine/world.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryNetwork } from '../memory-network.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { sha256 } from '../sandbox/registry-store.ts';
import { startSigstore } from '../sandbox/sigstore/sigstore.ts';

const manifestOf = (name: string) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: sha256('{}'),
      size: 2,
    },
    layers: [],
    annotations: { name },
  });

/** A Sigstore, a registry with images `v1` and `v2`, and runs that sign the first. */
export async function openWorld(start = new Date()) {
  const clock = new FakeClock(start);
  const network = new MemoryNetwork();
  const [sigstore, registry] = await Promise.all([
    startSigstore({ clock, network }),
    startRegistry({ referrersApi: true, ociSubject: true, clock, network }),
  ]);
  await sigstore.token(); // its key takes a while to be made, and must not be overtaken
  registry.store.addBlob('acme/app', '{}');
  const images = ['v1', 'v2'].map((tag) => {
    const manifest = manifestOf(tag);
    const type = 'application/vnd.oci.image.manifest.v1+json';
    registry.store.addManifest('acme/app', manifest, type, tag);
    return `${registry.host}/acme/app@${sha256(manifest)}`;
  }) as [string, string];
  /** @param config a signing config, as JSON */
  const sign = async (config: object, given: Readonly<Record<string, string>> = {}) => {
    const values: Readonly<Record<string, string>> = {
      images: images[0],
      'signing-config': JSON.stringify(config),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
      'identity-token': given.key === undefined ? await sigstore.token() : '',
      ...given,
    };
    const masker = createMasker(
      () => [],
      () => {},
    );
    const inputs = readSignInputs(masker, { get: (name) => values[name] ?? '', env: {} });
    const told: Told[] = [];
    const world = openEngineWorld(
      inputs.timeout,
      {
        env: { HOME: '/nowhere' },
        clock,
        mask: masker,
        tell: (one) => void told.push(one),
        workspace: '/nowhere',
        surroundings: () => ({
          asksForIdentity: false,
          identityToken: () => Promise.reject(new Error('a token is given')),
          visibility: async () => ({ visibility: 'private', from: 'event' }),
          tokenVisibility: async () => undefined,
        }),
      },
      { ahead: network },
    );
    const begin = clock.now();
    const report = await clock.run(() => signImages(inputs, world).finally(world.close));
    const texts = told.flatMap((one) => ('text' in one && one.kind !== 'debug' ? [one] : []));
    const identities = told.filter(({ kind }) => kind === 'identity').length;
    return {
      report,
      result: report.results[0],
      took: clock.now() - begin,
      told: texts,
      identities,
    };
  };
  const stored = () => registry.store.find('acme/app')?.manifests.size;
  return { clock, network, sigstore, registry, images, sign, stored };
}

export const minute = 60_000;
