import { asFailure } from '../failure.ts';
import { inOrder, inParallel } from '../image/in-parallel.ts';
import { formatReference } from '../image/reference.ts';
import {
  type Image,
  type ImageTarget,
  imageName,
  type ResolveTools,
  resolveTarget,
  uniqueImages,
} from '../image/resolve.ts';
import { type SigningPlan, type SigningTools, signImage } from './sign-image.ts';
import { errorOf, type Findable, type Judged } from './sign-outcome.ts';
import type { SignResult } from './sign-result.ts';

/**
 * Images that are worked on at the same time: enough to hide the waiting (while the password
 * of a key is stretched, all of them are looked up and their uploads begun), few enough that memory
 * does not grow with their number.
 */
const usualAtOnce = 64;

/**
 * Signs everything the targets stand for. One image that fails does not stop the others; each has
 * its result, in the order of the targets. Ten tags of one digest are one image.
 * @param plan may still be under way (what the services can do decides the formats): the images are
 * looked up beside it
 * @param atOnce images at the same time, where what is written is large
 * @param onResult told in this order, each as soon as it and all before it are done
 */
export async function signImages<Found extends Findable, Told extends Judged>(
  targets: readonly ImageTarget[],
  plan: SigningPlan | Promise<SigningPlan>,
  tools: SigningTools<Found, Told> & ResolveTools,
  onResult: (result: SignResult) => void,
  atOnce = usualAtOnce,
): Promise<readonly SignResult[]> {
  const resolved = await inParallel(targets, usualAtOnce, (target) => resolveOrFail(target, tools));
  const images = uniqueImages(resolved.flatMap((entry) => ('images' in entry ? entry.images : [])));
  const decided = await plan;
  const results = new Map<string, SignResult>();
  const keys = resolved.flatMap<string | SignResult>((entry) =>
    'failed' in entry ? [entry.failed] : entry.images.map(imageName),
  );
  const tell = inOrder(keys, onResult);
  for (const entry of resolved) if ('failed' in entry) tell(entry.failed, entry.failed);
  await inParallel(images, atOnce, async (image) => {
    const result = await signImage(image, decided, tools);
    results.set(imageName(image), result);
    tell(imageName(image), result);
  });
  const ordered = resolved.flatMap((entry) =>
    'failed' in entry ? [entry.failed] : entry.images.map((image) => results.get(imageName(image))),
  );
  return [...new Set(ordered)].filter((result) => result !== undefined);
}

async function resolveOrFail(
  target: ImageTarget,
  tools: ResolveTools,
): Promise<{ images: readonly Image[] } | { failed: SignResult }> {
  try {
    return { images: await resolveTarget(target, tools) };
  } catch (caught) {
    const image = formatReference(target.reference);
    const nothing = { signatures: [], signer: {}, annotations: {}, verified: false } as const;
    return {
      failed: {
        image,
        references: target.references,
        status: 'failed',
        ...nothing,
        error: errorOf(asFailure(caught)),
      },
    };
  }
}
