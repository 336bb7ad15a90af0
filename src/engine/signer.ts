import type { TrustedRoot } from '@sigstore/protobuf-specs';
import type { Witness } from '@sigstore/sign';
import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import type { Image } from '../image/resolve.ts';
import type { DerivedAhead } from '../keys/derive.ts';
import { loadSigner } from '../keys/local.ts';
import { isKeyReference, loadReferencedSigner } from '../keys/providers.ts';
import { readKeySource } from '../keys/source.ts';
import type { SignatureStore } from '../registry/signature-store.ts';
import type { Format, FoundSignature } from '../signature/found.ts';
import {
  isLogged,
  type LegacyWitnesses,
  type MadeBundle,
  type MadeLayer,
  signBundle,
} from '../signature/make.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import type { ImageSigner, SignerIdentity } from '../signature/signer.ts';
import { createTrust, type Trust } from '../signature/trust.ts';
import type { StandIn } from '../sigstore/in-turn.ts';
import { chooseFormats, type FormatFacts, keyAlone, type Thing } from './formats.ts';
import type { KeyWorld } from './keys.ts';
import type { WriteRequest } from './request.ts';
import type { PendingSignature, Place, SigningTools } from './sign-image.ts';
import type { Findable, Judged } from './sign-outcome.ts';

/** What witnesses a signature, and what it is judged by. */
export interface Services {
  readonly trust: Trust;
  readonly bundleWitnesses: readonly Witness[];
  readonly legacyWitnesses: LegacyWitnesses;
  /**
   * `tlog`: whether there will be a log entry; a deployment without a log has none although it is
   * asked for
   */
  readonly facts: Pick<FormatFacts, 'tlog' | 'logV1' | 'logV2' | 'timestamp'>;
  /** others than the public-good instance: a verifier needs their trusted root */
  readonly privateSigstore: boolean;
  /** absent where nothing but a key is needed to verify */
  readonly trustedRoot?: TrustedRoot;
  /** those that were used in place of others, so far */
  readonly standIns?: () => readonly StandIn[];
  /**
   * there with `tlog-fallback: timestamp`: why no log is asked any more, and signatures have a
   * timestamp only; undefined while a log answers
   */
  readonly logOutage?: () => Failure | undefined;
}

/** A key alone: no log, no timestamp, nothing but the registry is contacted. */
export const noServices: Services = {
  trust: createTrust(undefined),
  bundleWitnesses: [],
  legacyWitnesses: {},
  facts: keyAlone,
  privateSigstore: false,
};

/** A signer that is an identity, with what its certificate says of the run. */
export interface KeylessSigner extends ImageSigner {
  claims(): Promise<Pick<SignerIdentity, 'github' | 'source'>>;
}

/**
 * How one kind of thing that is written beside images, a signature or an attestation, is made,
 * recognised and judged. All else is the same for both.
 */
export interface Kind<Found extends Findable, Told extends Judged>
  extends Pick<SigningTools<Found, Told>, 'thing' | 'saysSame'> {
  /** what a bundle signs */
  statement(image: Image): Buffer;
  /** what the legacy format signs, where it claims nothing by itself: it is pushed at once */
  claim?(image: Image): Buffer;
  makeLegacy(image: Image, signer: ImageSigner, witnesses: LegacyWitnesses): Promise<MadeLayer>;
  /** what was made, as it will be found */
  asFound(made: { readonly bundle: Buffer } | MadeLayer, at: FoundAt): Found;
  judge(found: Found, image: Digest, policy: SignaturePolicy, trust: Trust): Told | Promise<Told>;
  /** where it lies in the registry */
  place(store: SignatureStore): Place<Found>;
}

type FoundAt = Pick<FoundSignature, 'digest' | 'reference'>;

/** The signer and the services of this run, as the use case needs them. */
export interface SignatureMaker<Found, Told> {
  make(format: Format, image: Image): PendingSignature;
  /**
   * Would a stranger who trusts exactly this signer accept it? `withoutLog`: one who looks at its
   * timestamp, and at no log
   */
  judge(found: Found, digest: Digest, withoutLog?: boolean): Promise<Told>;
  signer(): Promise<SignerIdentity>;
}

/** The formats of this run, and why one is left out. @throws {Failure} `bad-input` */
export function formatsOf(
  { key, own, format }: Pick<WriteRequest, 'key' | 'own' | 'format'>,
  { facts }: Services,
  thing: Thing,
): ReturnType<typeof chooseFormats> {
  const certificate = key === undefined ? 'fulcio' : own === undefined ? undefined : 'own';
  return chooseFormats(format, { ...facts, ...(certificate && { certificate }) }, thing);
}

/**
 * Opens the private key that the request names, or looks it up in the service that keeps it. That happens
 * beside the first requests of the run; await it when a signature is due.
 * @throws {Failure} `bad-key`, `bad-password`, `unsupported-key`, `bad-certificate`; for a key in a
 * service what KeyProvider says
 */
export async function openKey(
  { own, ...request }: Pick<WriteRequest, 'key' | 'keyPassword' | 'own'>,
  world: KeyWorld,
  ahead?: DerivedAhead,
): Promise<ImageSigner> {
  const signer = await bareKey(request, world, ahead);
  if (own === undefined) return signer;
  return (await import('./own-certificates.ts')).certified(signer, own, world);
}

async function bareKey(
  { key = '', keyPassword: password }: Pick<WriteRequest, 'key' | 'keyPassword'>,
  world: KeyWorld,
  ahead?: DerivedAhead,
): Promise<ImageSigner> {
  if (isKeyReference(key)) {
    const { keyTools } = await import('./keys.ts');
    return loadReferencedSigner(key, keyTools(world));
  }
  const text = await readKeySource(key, { environment: world.env, readFile: world.files.readFile });
  world.mask.maskKey(text); // what `env://` or a path brought has not been seen by the runner yet
  return loadSigner({ key: text, password, ahead });
}

/**
 * Puts signer, services and formats together: how a signature is made, and how a stranger would
 * judge it.
 */
export function signatureMaker<Found extends Findable, Told extends Judged>(
  signer: Promise<ImageSigner | KeylessSigner>,
  services: Promise<Services>,
  kind: Kind<Found, Told>,
): SignatureMaker<Found, Told> {
  signer.catch(() => {}); // awaited by every image; until then it must not end the process
  const both = Promise.all([signer, services]);
  both.catch(() => {});
  const policy = once(async () => policyFor(await signer, (await services).facts.tlog));
  const decide = async (found: Found, digest: Digest, withoutLog = false) => {
    const { trust } = await services;
    const asked = withoutLog ? byTimestamp(await policy()) : await policy();
    const told = withCertificate((await signer).own, await kind.judge(found, digest, asked, trust));
    return withoutLog ? { ...told, withoutLog } : told;
  };
  const who = once(async () => {
    const held = await signer;
    return { ...(await held.identity()), ...('claims' in held ? await held.claims() : {}) };
  });
  return {
    judge: decide,
    signer: who,
    make: (format, image) => (format === 'bundle' ? makeBundle(image) : makeLegacy(image)),
  };

  function makeBundle(image: Image): PendingSignature {
    const made = both.then(([held, { bundleWitnesses }]) =>
      signBundle({ signer: held, witnesses: bundleWitnesses, statement: kind.statement(image) }),
    );
    const verdict = made.then((bundle) => verified(bundle, image));
    return {
      format: 'bundle',
      verdict,
      bundle: heeded(verdict.then(async () => (await made).bundle)),
    };
  }

  function makeLegacy(image: Image): PendingSignature {
    const made = both.then(([held, { legacyWitnesses }]) =>
      kind.makeLegacy(image, held, legacyWitnesses),
    );
    const verdict = made.then((layer) => verified(layer, image));
    const claim = kind.claim?.(image);
    return {
      format: 'legacy',
      verdict,
      payload: heeded(
        claim === undefined
          ? verdict.then(async () => (await made).payload)
          : both.then(() => claim),
      ),
      annotations: heeded(verdict.then(async () => (await made).annotations)),
    };
  }

  /** Everything that is pushed comes through here, with all that it should carry. */
  async function verified(made: MadeBundle | MadeLayer, { digest }: Image): Promise<Judged> {
    const { trust, facts, logOutage } = await services;
    const asked = await policy();
    // Only in an outage that was seen, and only what has no entry at all: one that does not hold is
    // never looked away from.
    const withoutLog = facts.tlog && logOutage?.() !== undefined && !isLogged(made);
    const stamped = facts.timestamp ? { ...asked, timestamp: 'required' as const } : asked;
    const whole = withoutLog ? byTimestamp(asked) : stamped;
    const reference = `the new ${kind.thing}`;
    const verdict = await kind.judge(
      kind.asFound(made, { digest, reference }),
      digest,
      whole,
      trust,
    );
    if (!verdict.verified) throw unusable(kind.thing, verdict, await services);
    return withoutLog ? { ...verdict, withoutLog } : verdict;
  }
}

/** The policy of a stranger who trusts this signer and nobody else. */
async function policyFor(signer: ImageSigner, tlog: boolean): Promise<SignaturePolicy> {
  const [key, { identity = '', issuer = '' }] = await Promise.all([
    signer.publicKey(),
    signer.identity(),
  ]);
  const asked = { annotations: {}, tlog: tlog ? 'required' : 'ignore' } as const;
  if (key !== undefined) return { ...asked, signers: [{ key }] };
  const identities = [{ exact: identity }];
  if (signer.own === undefined)
    return { ...asked, signers: [{ identities, issuers: [{ exact: issuer }] }] };
  const { authorities } = signer.own;
  return { ...asked, authorities, signers: [{ identities, issuers: [], noIssuer: 'allowed' }] };
}

/**
 * An authority gives one name several certificates, one after another. What another one has signed
 * stays good for as long as that one counts, and is not what this run would write.
 */
function withCertificate<Told extends Judged>(own: ImageSigner['own'], told: Told): Told {
  if (own === undefined || !told.verified || told.certificate === own.certificate) return told;
  const reason = 'It was signed with another certificate of this name.';
  return { ...told, verified: false, code: 'wrong-identity', reason };
}

/** The same of one who looks at the timestamp in place of the log. */
function byTimestamp(policy: SignaturePolicy): SignaturePolicy {
  return { ...policy, tlog: 'ignore', timestamp: 'required' };
}

/**
 * A log, an authority or a trusted root that do not belong together show here, before anything is
 * pushed.
 */
function unusable(thing: string, verdict: Judged, services: Services): Failure {
  return new Failure(
    'not-verified',
    `The new ${verdict.format} ${thing} does not verify, so it was not pushed (${verdict.code}): ${verdict.reason ?? 'no reason given'}`,
    services.privateSigstore
      ? 'Check that `trusted-root` belongs to the Fulcio, Rekor and timestamp authority that are used.'
      : 'Services other than the public ones need their own trust: add `trusted-root: path/to/trusted_root.json`.',
  );
}

/**
 * A promise that its user may never come to await, when something else fails before: its rejection
 * must not end the process.
 */
function heeded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Runs `work` at the first call, and gives every caller its one result. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
