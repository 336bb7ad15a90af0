import { Failure } from '../failure.ts';
import type { HttpOptions } from '../http/client.ts';

import { type Image, imageName } from '../image/resolve.ts';
import { readTargets, type Target } from '../image/targets.ts';
import type { RegistryOptions } from '../registry/connection.ts';
import type { FoundSignature } from '../signature/found.ts';
import type { FileFindings } from './files.ts';
import { openRegistries, type Registries } from './registries.ts';
import type { VerifyRequest } from './request.ts';
import type { World } from './world.ts';

/** The images of a run that verifies, and how their registries and signatures are read. */
export interface Reading {
  readonly targets: readonly Target[];
  readonly open: Registries['open'];
  /** every signature of an image, in all formats; an error is never "no signature" */
  readonly found: (image: Image) => Promise<readonly FoundSignature[]>;
  /** Resolves when there is a signature, and its bytes have been asked for. Never rejects. */
  readonly signed: Promise<void>;
  /** Settles when what `readAhead` asked for is on its way, or has failed. */
  readonly sent: Promise<unknown>;
}

/** What is under way before a run is asked to verify: it need not wait for the code that judges. */
export interface Prepared {
  /** the images of the request, where it names all of them itself */
  readonly reading?: Reading;
  /** what files name, where these do */
  readonly findings?: Promise<FileFindings>;
}

/**
 * Begins to read what a request names. Policy files may want no signature of an image, so with them
 * no signature is asked for before they are read.
 * @throws {Failure} of `readTargets` and `openReading`
 */
export function prepare(request: VerifyRequest, world: World): Prepared {
  if (request.files.length > 0) return { findings: findingsOf(request, world) };
  const ahead = request.policy.length === 0;
  return { reading: openReading(readTargets(request), request, world, ahead) };
}

function findingsOf(request: VerifyRequest, world: World): Promise<FileFindings> {
  const findings = import('./files.ts').then(({ findReferences }) =>
    findReferences(request, world),
  );
  findings.catch(() => {}); // told by whoever verifies
  return findings;
}

/** How a run that only reads uses the network. */
export interface ReadingLimits {
  readonly network: Pick<HttpOptions, 'slowHosts'>;
  readonly registries: Required<Pick<RegistryOptions, 'retryBudget' | 'atOnce'>>;
}

/**
 * It waits more than it works: more connections than a signer, which writes. Where others write, a
 * hostile registry is the normal case, so one that is slow or fails is waited for less: with the
 * default `timeout` of 5m it is given up before 10 s are over, with a longer one in proportion. One
 * that says how long to wait (429, `Retry-After`) is only busy.
 * @param timeout of the step, in milliseconds
 */
export function readingLimits(timeout: number): ReadingLimits {
  const most = Math.max(6_500, (timeout / 300_000) * 6_500);
  return {
    network: { slowHosts: { grace: 2_000, most } },
    registries: { retryBudget: { failing: most, asked: Math.max(30_000, most) }, atOnce: 64 },
  };
}

const mostImages = 2000;
/** As many images as are worked on at once (verifying/verify-images.ts). */
const mostAhead = 24;

/**
 * Opens the registries of these images for reading.
 * @param ahead true where their signatures are needed for certain: those of images whose digest is
 * known are asked for at once
 * @throws {Failure} `too-large`; `bad-input` where `images` lie in several registries and one
 * login is given
 */
export function openReading(
  targets: readonly Target[],
  request: VerifyRequest,
  world: World,
  ahead: boolean,
): Reading {
  if (targets.length > mostImages) {
    throw new Failure(
      'too-large',
      `There are ${targets.length} images to verify; one step takes ${mostImages}.`,
      'Split them over several steps.',
    );
  }
  const { promise: signed, resolve: onSignature } = Promise.withResolvers<void>();
  const setting = {
    request: request.registry,
    targets,
    access: 'pull' as const,
    limits: readingLimits(request.timeout).registries,
    onSignature,
  };
  const { open, store } = openRegistries(setting, world);
  const begun = ahead
    ? readAhead(targets, store)
    : new Map<string, Promise<readonly FoundSignature[]>>();
  const found = (image: Image) => {
    const early = begun.get(imageName(image));
    begun.delete(imageName(image)); // read once: what many images have must not stay in memory until the last is done
    return early ?? store(image).found();
  };
  return {
    targets,
    open,
    found,
    signed,
    sent: Promise.race([world.sent, Promise.allSettled(begun.values())]),
  };
}

function readAhead(
  targets: readonly Target[],
  store: Registries['store'],
): Map<string, Promise<readonly FoundSignature[]>> {
  const begun = new Map<string, Promise<readonly FoundSignature[]>>();
  for (const { reference, digest } of targets.slice(0, mostAhead)) {
    if (digest === undefined) continue;
    const image = { name: reference, digest };
    const early = store(image).found();
    early.catch(() => {}); // awaited by whoever verifies the image; until then it must not end the process
    begun.set(imageName(image), early);
  }
  return begun;
}
