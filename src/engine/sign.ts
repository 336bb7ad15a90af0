import type { TrustedRoot } from '@sigstore/protobuf-specs';
import { cosignRepositoryName, formatRepository, type RepositoryName } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import type { DerivedAhead } from '../keys/derive.ts';
import type { FoundSignature } from '../signature/found.ts';
import { judge } from '../signature/judge.ts';
import { signLegacy } from '../signature/make.ts';
import type { OwnAuthorities } from '../signature/policy.ts';
import type { ImageSigner } from '../signature/signer.ts';
import { makePayload, readPayload } from '../signature/simple-signing.ts';
import { makeStatement } from '../signature/statement.ts';
import type { Verdict } from '../signature/verdict.ts';
import type { StandIn } from '../sigstore/in-turn.ts';
import { sameAnnotations } from './existing.ts';
import type { Thing } from './formats.ts';
import { needsKeyAlone, type PreparedWriting, prepareSigning } from './prepare-writing.ts';
import type { SignRequest, WriteRequest } from './request.ts';
import type { SigningPlan } from './sign-image.ts';
import { signImages } from './sign-images.ts';
import type { Findable, Judged } from './sign-outcome.ts';
import type { SignResult } from './sign-result.ts';
import {
  formatsOf,
  type Kind,
  noServices,
  openKey,
  type Services,
  type SignatureMaker,
  signatureMaker,
} from './signer.ts';
import { type World, withTags } from './world.ts';

/** What became of a request to sign. */
export interface SignReport {
  /** in the order of the request; one that failed did not stop the others */
  readonly results: readonly SignResult[];
  /** PEM of the key that signed */
  readonly publicKey?: string;
  /** PEM of the authorities that issued the certificate of the key */
  readonly authorities?: OwnAuthorities['pem'];
  /** whether the signatures are in a log */
  readonly tlog: boolean;
  /** others than the public-good instance: a verifier needs their trusted root */
  readonly privateSigstore: boolean;
  /** absent where nothing but a key is needed to verify */
  readonly trustedRoot?: TrustedRoot;
  /** services that were used in place of others, which were down */
  readonly standIns?: readonly StandIn[];
  /** where all that was written lies, in the place of beside each image */
  readonly signatureRepository?: RepositoryName;
  /** why signatures have a timestamp in place of a log entry (`tlog-fallback`) */
  readonly logOutage?: string;
}

/**
 * Signs images, and tells each as it is done.
 * @param derived the password of the key, which is being stretched already
 * @param prepared what `prepareSigning` began for this request
 * @throws {Failure} what ends a run before the first image: of `prepareSigning`, `openServices`.
 * What happens to an image is in its result.
 */
export async function sign(
  request: SignRequest,
  world: World,
  derived?: DerivedAhead,
  prepared = prepareSigning(request, world),
): Promise<SignReport> {
  const { annotations } = request;
  const written = { kind: signatureKind(annotations), annotations };
  return write(request, world, written, prepared, derived);
}

/** What is written, and what the plan and the results say of it. */
interface Written<Found extends Findable, Told extends Judged>
  extends Pick<SigningPlan, 'annotations' | 'attested'> {
  readonly kind: Kind<Found, Told>;
  /** images at the same time, where what is written is large */
  readonly atOnce?: number;
}

/**
 * Writes one thing beside each image, a signature or an attestation, and tells each image as it is
 * done.
 * @throws {Failure} as `sign`
 */
export async function write<Found extends Findable, Told extends Judged>(
  request: WriteRequest,
  world: World,
  { kind, annotations, attested, atOnce }: Written<Found, Told>,
  { targets, open, store }: PreparedWriting,
  derived?: DerivedAhead,
): Promise<SignReport> {
  const { maker, services, publicKey } = await prepare(request, world, kind, derived);
  const about = { annotations, ...(attested === undefined ? {} : { attested }) };
  const plan = services.then((found) => ({ ...about, ...planOf(request, found, world, kind) }));
  plan.catch(() => {}); // told once the images have been looked up
  const tools = {
    ...maker,
    thing: kind.thing,
    saysSame: kind.saysSame,
    store: (image: Image) => kind.place(store(image)),
    open,
    clock: world.clock,
    sleep: world.deadline.sleep,
    recursive: request.recursive,
    describedBy: 'bytes' as const,
    mayLackLog: request.tlogFallback !== undefined,
  };
  const results = await withTags(world, targets, (onTagOnly, tell) =>
    signImages(
      targets,
      plan,
      { ...tools, onTagOnly },
      (result) => tell({ kind: 'signed', result }),
      atOnce,
    ),
  );
  const { facts, privateSigstore, trustedRoot, standIns, logOutage } = await services;
  const outage = logOutage?.()?.message;
  return {
    results,
    ...(await publicKey()),
    tlog: facts.tlog,
    privateSigstore,
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
    ...(standIns === undefined ? {} : { standIns: standIns() }),
    ...(outage === undefined ? {} : { logOutage: outage }),
    ...elsewhere(results, request.signatureRepository),
  };
}

/** Where signatures lie that do not lie beside their images: else nobody need be told a place. */
function elsewhere(
  results: readonly SignResult[],
  place: RepositoryName | undefined,
): Pick<SignReport, 'signatureRepository'> {
  if (place === undefined) return {};
  const beside = `${formatRepository(place)}@`;
  return results.every(({ image }) => image.startsWith(beside))
    ? {}
    : { signatureRepository: place };
}

/**
 * Begins what takes its time: decrypting the key, the services, the identity token, the
 * certificate. None is awaited here but what ends the run at once.
 */
async function prepare<Found extends Findable, Told extends Judged>(
  request: WriteRequest,
  world: World,
  kind: Kind<Found, Told>,
  derived: DerivedAhead | undefined,
): Promise<{
  maker: SignatureMaker<Found, Told>;
  services: Promise<Services>;
  publicKey: () => Promise<Pick<SignReport, 'publicKey' | 'authorities'>>;
}> {
  const key = request.key === undefined ? undefined : openKey(request, world, derived);
  key
    ?.then(({ warnings }) => {
      for (const text of warnings) world.tell({ kind: 'warning', text });
    })
    .catch(() => {});
  const publicKey = async () => {
    const opened = await key?.catch(() => undefined);
    const found = await opened?.publicKey();
    if (opened?.own !== undefined) return { authorities: opened.own.authorities.pem };
    return found === undefined
      ? {}
      : { publicKey: found.export({ type: 'spki', format: 'pem' }).toString() };
  };
  if (key !== undefined && needsKeyAlone(request)) {
    const services = Promise.resolve(noServices);
    return { maker: signatureMaker(key, services, kind), services, publicKey };
  }
  const { openServices } = await import('./services.ts');
  const { services, signer } = await openServices(request, world, kind.thing);
  return {
    maker: signatureMaker((key ?? signer) as Promise<ImageSigner>, services, kind),
    services,
    publicKey,
  };
}

function planOf(
  request: WriteRequest,
  services: Services,
  { tell }: World,
  { thing }: { readonly thing: Thing },
): Omit<SigningPlan, 'annotations'> {
  const { formats, notice } = formatsOf(request, services, thing);
  if (notice !== undefined) tell({ kind: 'notice', text: notice });
  const { skipExisting, verify } = request;
  const bundleOptional = request.format === 'auto' && formats.includes('legacy');
  return { formats, skipExisting, verify, bundleOptional };
}

/** A verdict, and of a good legacy signature what it calls the image. */
type Told = Verdict & { readonly dockerReference?: string };

/** Signatures of images, which say these annotations besides. */
export function signatureKind(
  annotations: Readonly<Record<string, string>>,
): Kind<FoundSignature, Told> {
  const isSame = sameAnnotations(annotations);
  const claim: NonNullable<Kind<FoundSignature, Told>['claim']> = ({ name, digest }) =>
    makePayload({ dockerReference: cosignRepositoryName(name), digest, annotations });
  return {
    thing: 'signature',
    statement: ({ digest }) => makeStatement(digest, annotations),
    claim,
    makeLegacy: (image, signer, witnesses) =>
      signLegacy({ signer, witnesses: Object.values(witnesses), payload: claim(image) }),
    asFound: (made, at) =>
      'bundle' in made
        ? { format: 'bundle', bundle: made.bundle, ...at }
        : { format: 'legacy', ...made, ...at },
    judge: (found, image, policy, trust) => {
      const verdict = judge(found, image, policy, trust);
      if (!verdict.verified || !('payload' in found)) return verdict;
      const { dockerReference } = readPayload(found.payload);
      return dockerReference === undefined ? verdict : { ...verdict, dockerReference };
    },
    // Two repositories may hold one image, and share the place of their signatures.
    saysSame: (told, { name }) =>
      isSame(told) &&
      (told.dockerReference === undefined || told.dockerReference === cosignRepositoryName(name)),
    place: (store) => store,
  };
}
