import { asFailure } from '../failure.ts';
import { isDigest } from '../image/digest.ts';
import type { InventoryImage, InventorySignature } from './inventory-result.ts';
import type { InventoryRequest, SignRequest } from './request.ts';
import { sign } from './sign.ts';
import type { SignResult } from './sign-result.ts';
import type { World } from './world.ts';

/** Images that one call signs: each of them is held until all are done. */
const batch = 200;

/**
 * Signs again, with the new key, what the run has just verified by the old one. An image is signed by
 * the digest that was judged, with the annotations and in the formats of its verified signatures.
 * What nobody who is asked for has signed is never signed: that would make a stranger's image ours.
 */
export async function resignImages(
  images: readonly InventoryImage[],
  request: InventoryRequest,
  world: World,
): Promise<readonly InventoryImage[]> {
  const { resignWith, dryRun } = request;
  if (resignWith === undefined) return images;
  const planned = images.map((image) => ({ ...image, resign: fateOf(image) }));
  const results = dryRun ? new Map() : await signAll(planned, resignWith, request, world);
  return planned.map((image) => {
    const done = withResults(image, results.get(image.image) ?? []);
    world.tell({ kind: 'resigned', image: done });
    return done;
  });
}

function fateOf({ signatures }: InventoryImage): NonNullable<InventoryImage['resign']> {
  const old = signatures.filter(isVerified);
  if (old.length === 0) return 'not-verified';
  const fresh = new Set(signatures.filter(({ isNew }) => isNew === true).map(saying));
  return old.every((one) => fresh.has(saying(one))) ? 'already-signed' : 'would-sign';
}

/** Equal for two signatures of one format that say the same. */
function saying({ format, annotations }: InventorySignature): string {
  return JSON.stringify([format, sorted(annotations)]);
}

function sorted(annotations: Readonly<Record<string, string>> = {}) {
  return Object.entries(annotations).sort(([one], [other]) => (one < other ? -1 : 1));
}

function isVerified({ standing }: InventorySignature): boolean {
  return standing === 'verified';
}

async function signAll(
  images: readonly InventoryImage[],
  key: string,
  request: InventoryRequest,
  world: World,
): Promise<ReadonlyMap<string, readonly SignResult[]>> {
  const due = images.filter(({ resign, digest }) => resign === 'would-sign' && isDigest(digest));
  const jobs = due.flatMap(jobsOf);
  const groups = Map.groupBy(jobs, ({ format, annotations }) =>
    JSON.stringify([format, annotations]),
  );
  const results = new Map<string, SignResult[]>();
  const quiet: World = {
    ...world,
    tell: (told) => {
      if (told.kind !== 'signed') world.tell(told);
    },
  };
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const { format, annotations } = first;
    for (let at = 0; at < group.length; at += batch) {
      const part = group.slice(at, at + batch).map(({ image }) => image);
      const asked = requestOf(part, { key, format, annotations }, request);
      for (const result of (await sign(asked, quiet)).results)
        results.set(result.image, [...(results.get(result.image) ?? []), result]);
      world.tell({ kind: 'progress', words: `signed ${results.size} of ${due.length} images` });
    }
  }
  return results;
}

interface Job {
  readonly image: string;
  readonly format: 'bundle' | 'legacy' | 'both';
  readonly annotations: readonly (readonly [string, string])[];
}

/** What has to be signed of one image: one job for each set of annotations. */
function jobsOf({ image, signatures }: InventoryImage): readonly Job[] {
  const sets = Map.groupBy(signatures.filter(isVerified), ({ annotations }) =>
    JSON.stringify(sorted(annotations)),
  );
  return [...sets.values()].map((same) => {
    const formats = new Set(same.map(({ format }) => format));
    const format = formats.size === 2 ? 'both' : formats.has('legacy') ? 'legacy' : 'bundle';
    return { image, format, annotations: sorted(same[0]?.annotations) };
  });
}

function requestOf(
  images: readonly string[],
  { key, format, annotations }: Omit<Job, 'image'> & { readonly key: string },
  { registry, timeout, services, keyPassword, tlog }: InventoryRequest,
): SignRequest {
  return {
    images,
    recursive: false,
    registry,
    timeout,
    key,
    ...(keyPassword === undefined ? {} : { keyPassword }),
    format,
    annotations: Object.fromEntries(annotations),
    tlog: tlog === 'required',
    skipExisting: true,
    verify: true,
    oidcAudience: 'sigstore',
    services,
    disclosePrivateRepository: false,
  };
}

function withResults(image: InventoryImage, results: readonly SignResult[]): InventoryImage {
  const [failed] = results.flatMap(({ error }) => error ?? []);
  if (failed !== undefined) {
    const { code, message, failure } = failed;
    return { ...image, resign: 'failed', code, reason: message, failure: asFailure(failure) };
  }
  return results.length === 0 ? image : { ...image, resign: 'signed' };
}
