// Copies between sandbox registries as a promotion does, without judging anything.
import { systemClock } from '../../src/clock.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import type { Digest } from '../../src/image/digest.ts';
import { openRegistry } from '../../src/registry/client.ts';
import { Copier, copyRoom, nothingCopied } from '../../src/registry/copy.ts';
import { AttachedCopier, type Included } from '../../src/registry/copy-attached.ts';
import type { Credentials } from '../../src/registry/login.ts';
import { RunMemory } from '../../src/registry/run-memory.ts';
import { client } from '../http/server.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { sha256 } from '../sandbox/registry-store.ts';

export interface Place {
  readonly host: string;
  readonly repository: string;
  readonly login?: Credentials;
}

const empty = Buffer.from('{}');
const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
};

/** One run: a source, a target, and what is kept of both. */
export function copying(from: Place, to: Place, include: readonly Included[] = ['all']) {
  const { http } = client({ random: () => 0 });
  const deadline = createDeadline(60_000, systemClock);
  const open = ({ host, repository, login }: Place, access: 'pull' | 'pull,push') =>
    openRegistry({
      http,
      clock: systemClock,
      credentials: async () => login,
      access,
      mask: () => {},
      retryBudget: 5_000,
    })({ registry: host, repository });
  const tools = { sleep: deadline.sleep, random: () => 0 };
  const copier = new Copier(open(from, 'pull'), open(to, 'pull,push'), tools, copyRoom());
  const tally = nothingCopied();
  const left: string[] = [];
  const attached = new AttachedCopier(
    copier,
    {
      clock: systemClock,
      deadline,
      random: () => 0,
      memories: { source: new RunMemory(), target: new RunMemory() },
      include: new Set(include),
      onLeft: (what, why) => left.push(`${what}: ${why}`),
    },
    tally,
  );
  const run = async (digest: string) => {
    await copier.image(digest as Digest, tally, (one, there) => attached.copy(one, there));
    return { tally, left };
  };
  return { run, copier, tally };
}

/** A registry with an image, or the image of another one. */
export function start(more: Parameters<typeof startRegistry>[0] = {}): Promise<SandboxRegistry> {
  return startRegistry(more);
}

/** A referrer of `subject`, listed under the referrers tag as well where the registry has no API. */
export function plantReferrer(
  { store }: SandboxRegistry,
  repository: string,
  subject: { readonly digest: string; readonly size: number; readonly mediaType: string },
  note: string,
  more: {
    readonly predicateType?: string;
    readonly artifactType?: string;
    readonly tag?: boolean;
    readonly about?: string;
  } = {},
): string {
  const { artifactType = types.bundle, predicateType } = more;
  store.addBlob(repository, empty);
  const blob = Buffer.from(JSON.stringify({ note }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      artifactType,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2, digest: sha256(empty) },
      layers: [
        { mediaType: artifactType, size: blob.length, digest: store.addBlob(repository, blob) },
      ],
      subject: {
        mediaType: subject.mediaType,
        size: subject.size,
        digest: more.about ?? subject.digest,
      },
      ...(predicateType === undefined
        ? {}
        : { annotations: { 'dev.sigstore.bundle.predicateType': predicateType } }),
    }),
  );
  const digest = store.addManifest(repository, manifest, types.manifest);
  if (more.tag !== false)
    list(store, repository, subject.digest, {
      mediaType: types.manifest,
      digest,
      size: manifest.length,
    });
  return digest;
}

function list(
  store: SandboxRegistry['store'],
  repository: string,
  subject: string,
  entry: object,
): void {
  const tag = subject.replace(':', '-');
  const before = store.json(repository, tag) as { manifests: object[] } | undefined;
  const index = {
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [...(before?.manifests ?? []), entry],
  };
  store.addManifest(repository, JSON.stringify(index), types.index, tag);
}

/** Layers under `sha256-….sig` or `.att`. */
export function plantLayers(
  { store }: SandboxRegistry,
  repository: string,
  subject: string,
  kind: 'sig' | 'att' | 'sbom',
  notes: readonly string[],
): void {
  const mediaType = {
    sig: 'application/vnd.dev.cosign.simplesigning.v1+json',
    att: 'application/vnd.dsse.envelope.v1+json',
    sbom: 'text/spdx+json',
  }[kind];
  const layers = notes.map((note) => {
    const payload = Buffer.from(JSON.stringify({ note }));
    return {
      mediaType,
      size: payload.length,
      digest: store.addBlob(repository, payload),
      annotations: { 'dev.cosignproject.cosign/signature': `${note}==` },
    };
  });
  const config = Buffer.from(JSON.stringify({ notes }));
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      size: config.length,
      digest: store.addBlob(repository, config),
    },
    layers,
  };
  store.addManifest(
    repository,
    JSON.stringify(manifest),
    types.manifest,
    `${subject.replace(':', '-')}.${kind}`,
  );
}

/** What notes lie in the layers under a tag of the image. */
export function notesOf(
  { store }: SandboxRegistry,
  repository: string,
  subject: string,
  kind: 'sig' | 'att' | 'sbom',
) {
  const manifest = store.json(repository, `${subject.replace(':', '-')}.${kind}`) as
    | { layers: { digest: string }[] }
    | undefined;
  return manifest?.layers
    .map(({ digest }) => JSON.parse(String(store.find(repository)?.blobs.get(digest))).note)
    .sort();
}

/** Digests that are listed for a subject: under the tag. */
export function listed({ store }: SandboxRegistry, repository: string, subject: string) {
  const index = store.json(repository, subject.replace(':', '-')) as
    | { manifests: { digest: string }[] }
    | undefined;
  return index?.manifests.map(({ digest }) => digest).sort();
}
