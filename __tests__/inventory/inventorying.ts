// Whole inventories in this process, over real sockets.
import { systemClock } from '../../src/clock.ts';
import { openWorld } from '../../src/edges/world.ts';
import { inventory } from '../../src/engine/inventory.ts';
import type { InventoryImage, Orphan } from '../../src/engine/inventory-result.ts';
import type { InventoryRequest } from '../../src/engine/request.ts';
import type { Told } from '../../src/engine/world.ts';
import { ours, publicPem, requestOf, theirs } from '../promote/promoting.ts';
import type { SandboxRegistry } from '../sandbox/registry.ts';

export const name = 'acme/app';

/** With the key of `ours`; the new key is that of `theirs`. */
export async function listing(
  { host }: SandboxRegistry,
  more: Partial<InventoryRequest> = {},
  env: NodeJS.ProcessEnv = {},
) {
  const told: Told[] = [];
  const none = () => {};
  const { to: _, include: __, ...verify } = requestOf([], ['example.com/any']);
  const request: InventoryRequest = {
    ...verify,
    key: publicPem(ours),
    repository: { registry: host, repository: name },
    prune: false,
    dryRun: true,
    ...more,
  };
  const world = openWorld(request.timeout, {
    env: { HOME: '/nonexistent', ...env },
    clock: systemClock,
    mask: { mask: none, maskKey: none, maskPrivateKey: none, maskBasic: none },
    tell: (event) => told.push(event),
    workspace: '.',
  });
  try {
    const report = await inventory(request, world);
    return { ...report, told };
  } finally {
    world.close();
  }
}

export const newKey = theirs;

/** What is told of images, short: tags, and the standing of what lies beside them. */
export function briefly(images: readonly InventoryImage[]) {
  return images.map(({ tags, signatures, attestations, resign, code }) => [
    tags.join(' '),
    signatures.map(({ format, standing, isNew }) => `${format} ${isNew ? 'new' : standing}`),
    ...(attestations.length > 0 ? [attestations.map(({ standing }) => standing)] : []),
    ...(resign === undefined ? [] : [resign]),
    ...(code === undefined ? [] : [code]),
  ]);
}

/** Of orphans: what kind of tags, and what became of them. */
export function gone(orphans: readonly Orphan[]) {
  return orphans.map(({ artifacts, state, reason }) => [
    artifacts.map(({ tag }) => tag.slice('sha256-'.length + 64)).join(' '),
    state,
    ...(reason === undefined ? [] : [reason]),
  ]);
}

/** Takes an image away, and leaves what is signed about it. */
export function lose({ store }: SandboxRegistry, digest: string): void {
  const repository = store.open(name);
  repository.manifests.delete(digest);
  for (const tag of repository.tags.keys())
    if (store.tagged(name, tag) === digest) repository.tags.delete(tag);
}

/** Tags of the repository, without the digests in them. */
export function tagsOf({ store }: SandboxRegistry): readonly string[] {
  return [...store.open(name).tags.keys()].sort();
}
