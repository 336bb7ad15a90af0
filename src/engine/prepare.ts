import { Failure } from '../failure.ts';
import type { HttpOptions } from '../http/client.ts';
import type { RepositoryName } from '../image/reference.ts';
import { type Image, imageName } from '../image/resolve.ts';
import { readTargets, type Target } from '../image/targets.ts';
import { type RegistryOptions, silentBudget } from '../registry/connection.ts';
import { openReader, type SignatureReader } from '../registry/signature-reader.ts';
import type { FileFindings } from './files.ts';
import { openRegistries, type Registries, type RegistrySetting } from './registries.ts';
import type { VerifyRequest } from './request.ts';
import type { VerifyingTools } from './verify-images.ts';
import type { World } from './world.ts';

/** The images of a run that verifies, and how their registries and signatures are read. */
export interface Reading {
  readonly targets: readonly Target[];
  readonly open: Registries['open'];
  /** every signature of an image, in all formats; an error is never "no signature" */
  readonly found: VerifyingTools['found'];
  /**
   * Every attestation of an image there may be, read together with `found` where both are given the
   * same `Image`
   */
  readonly attestations: (
    image: Image,
    types: readonly string[],
    repository?: RepositoryName,
  ) => ReturnType<SignatureReader['attestations']>;
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
 * @param how more than a gate needs
 * @throws {Failure} of `readTargets` and `openReading`
 */
export function prepare(request: VerifyRequest, world: World, how: ReadingOptions = {}): Prepared {
  if (request.files.length > 0) return { findings: findingsOf(request, world) };
  const ahead = request.policy.length === 0 && request.knownSigners !== true;
  return { reading: openReading(readTargets(request), request, world, ahead, how) };
}

function findingsOf(request: VerifyRequest, world: World): Promise<FileFindings> {
  const findings = import('./files.ts').then(({ findReferences }) =>
    findReferences(request, world),
  );
  findings.catch(() => {}); // told by whoever verifies
  return findings;
}

/** How a run reads that does more than judge. */
export interface ReadingOptions extends Pick<RegistrySetting, 'around'> {
  /** connections to one registry, at most */
  readonly atOnce?: number;
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
    registries: {
      retryBudget: {
        failing: most,
        asked: Math.max(30_000, most),
        // Of a promotion, which knows no slow hosts: one lost connection must not end it.
        silent: Math.max(silentBudget, most),
      },
      atOnce: 64,
    },
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
  { around, atOnce }: ReadingOptions = {},
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
    limits: {
      ...readingLimits(request.timeout).registries,
      ...(atOnce === undefined ? {} : { atOnce }),
    },
    ...(around === undefined ? {} : { around }),
    onSignature,
  };
  const { open, store } = openRegistries(setting, world, openReader);
  const begun = ahead ? readAhead(targets, store, request) : { stores: new Map(), reading: [] };
  const stores = new WeakMap<Image, Map<string, SignatureReader>>();
  const storeOf = (image: Image, place: RepositoryName = image.name) => {
    const known = stores.get(image) ?? new Map<string, SignatureReader>();
    stores.set(image, known);
    const name = imageName({ name: place, digest: image.digest });
    const opened = known.get(name) ?? begun.stores.get(name) ?? store(image, place);
    begun.stores.delete(name); // what many images have must not stay in memory until the last is done
    known.set(name, opened);
    return opened;
  };
  return {
    targets,
    open,
    found: (image, repository) => storeOf(image, repository).found(),
    attestations: (image, types, repository) => storeOf(image, repository).attestations(types),
    signed,
    sent: Promise.race([world.sent, Promise.allSettled(begun.reading)]),
  };
}

function readAhead(
  targets: readonly Target[],
  store: Registries<SignatureReader>['store'],
  {
    attestationTypes,
    signature,
    signatureRepository,
  }: Pick<VerifyRequest, 'attestationTypes' | 'signature' | 'signatureRepository'>,
): { stores: Map<string, SignatureReader>; reading: readonly Promise<unknown>[] } {
  const stores = new Map<string, SignatureReader>();
  const reading: Promise<unknown>[] = [];
  for (const { reference, digest } of targets.slice(0, mostAhead)) {
    if (digest === undefined) continue;
    const place = signatureRepository ?? reference;
    const name = imageName({ name: place, digest });
    if (stores.has(name)) continue; // of one image in several repositories
    const opened = store({ name: reference, digest }, place);
    if (signature === 'required') reading.push(opened.found());
    if (attestationTypes.length > 0) reading.push(opened.attestations(attestationTypes));
    stores.set(name, opened);
  }
  for (const early of reading) early.catch(() => {}); // whoever verifies the image asks again; until then it must not end the process
  return { stores, reading };
}
