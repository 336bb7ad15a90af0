import { formatRepository, type RepositoryName } from '../image/reference.ts';
import { imageName, type ManifestSource } from '../image/resolve.ts';
import { readTargets, type Target } from '../image/targets.ts';
import { openStore, type SignatureStore } from '../registry/store.ts';
import type { Format } from '../signature/found.ts';
import { chooseFormats, keyAlone } from './formats.ts';
import { type Predicate, readPredicateInput } from './predicate.ts';
import { openRegistries, type Registries } from './registries.ts';
import type { AttestRequest, SignRequest, WriteRequest } from './request.ts';
import type { World } from './world.ts';

// What a run that signs or attests begins before the code that makes signatures is loaded: that is
// large, and loading it stops everything else.

/** The images of such a run, and how their registries are reached. */
export interface PreparedWriting {
  readonly targets: readonly Target[];
  readonly open: (name: RepositoryName) => ManifestSource;
  /** where the signatures of an image lie; ask once for each image */
  readonly store: Registries<SignatureStore>['store'];
  /** Settles when what is asked ahead is on its way, or has failed. */
  readonly sent: Promise<unknown>;
}

export interface PreparedAttesting extends PreparedWriting {
  readonly predicate: Predicate;
  /** images at the same time: the predicate of each is held several times over */
  readonly atOnce: number;
}

/**
 * Opens the registries of a request to sign. Where a key is enough, the images and what is there of
 * their signatures are asked for at once; a keyless run may still be refused before it contacts
 * anybody.
 * @throws {Failure} of `readTargets` and `openRegistries`
 */
export function prepareSigning(request: SignRequest, world: World): PreparedWriting {
  return prepareWriting(request, world, mostAtOnce, (store, formats) =>
    store.found(formats, 'listed'),
  );
}

/** Bytes of predicates that are worked on at the same time. */
const mostPredicateBytes = 16 << 20;

/**
 * The same for a request to attest. The predicate is read, and refused, before anything is
 * contacted.
 * @throws {Failure} of `readPredicateInput` and `prepareSigning`
 */
export async function prepareAttesting(
  request: AttestRequest,
  world: World,
): Promise<PreparedAttesting> {
  const predicate = await readPredicateInput(request, world.files);
  const many = Math.floor(mostPredicateBytes / Buffer.byteLength(predicate.text));
  const atOnce = Math.max(1, Math.min(mostAtOnce, many));
  const prepared = prepareWriting(request, world, atOnce, (store, formats) =>
    store.attestations([predicate.type], formats),
  );
  return { ...prepared, predicate, atOnce };
}

/** As many images as are worked on at once (sign-images.ts), and connections to one registry. */
const mostAtOnce = 64;

function prepareWriting(
  request: WriteRequest,
  world: World,
  most: number,
  lookUp: (store: SignatureStore, formats: readonly Format[]) => Promise<unknown>,
): PreparedWriting {
  const targets = readTargets(request);
  const setting = {
    request: request.registry,
    targets,
    access: 'pull,push' as const,
    signatureRepository: request.signatureRepository,
    limits: { atOnce: mostAtOnce },
  };
  const { open, store } = openRegistries(setting, world, openStore);
  const manifests = new Map<string, ReturnType<ManifestSource['getManifest']>>();
  const stores = new Map<string, SignatureStore>();
  const reading: Promise<unknown>[] = [];
  const ahead = needsKeyAlone(request) ? targets.slice(0, most) : [];
  for (const { reference, digest } of ahead) {
    if (digest === undefined) continue;
    const image = { name: reference, digest };
    const name = imageName(image);
    if (manifests.has(name)) continue;
    const manifest = open(reference).getManifest(digest);
    manifests.set(name, manifest);
    reading.push(manifest);
    if (!request.skipExisting) continue;
    const { formats } = chooseFormats(request.format, keyAlone);
    const opened = store(image);
    stores.set(name, opened);
    reading.push(lookUp(opened, formats));
  }
  for (const early of reading) early.catch(() => {}); // told by whoever asks again
  return {
    targets,
    open: (name) => {
      const repository = open(name);
      const getManifest: ManifestSource['getManifest'] = (reference) =>
        take(manifests, `${formatRepository(name)}@${reference}`) ??
        repository.getManifest(reference);
      return { ...repository, getManifest };
    },
    store: (image) => take(stores, imageName(image)) ?? store(image),
    sent:
      reading.length === 0
        ? Promise.resolve()
        : Promise.race([world.sent, Promise.allSettled(reading)]),
  };
}

/** True for a request that a key alone is enough for. */
export function needsKeyAlone({ key, tlog, services, own }: WriteRequest): boolean {
  return key !== undefined && !tlog && services.timestampUrl === undefined && own === undefined;
}

/** What was begun is given out once: whoever asks again wants a new answer. */
function take<T>(begun: Map<string, T>, name: string): T | undefined {
  const found = begun.get(name);
  begun.delete(name);
  return found;
}
