import type { TrustedRoot } from '@sigstore/protobuf-specs';
import type { Witness } from '@sigstore/sign';
import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { cosignRepositoryName } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import type { DerivedAhead } from '../keys/derive.ts';
import { loadSigner } from '../keys/local.ts';
import { isKeyReference, loadReferencedSigner } from '../keys/providers.ts';
import { readKeySource } from '../keys/source.ts';
import type { Format, FoundSignature } from '../signature/found.ts';
import { judge } from '../signature/judge.ts';
import { signBundle, signLegacy } from '../signature/make.ts';
import type { SignaturePolicy, SignerRule } from '../signature/policy.ts';
import type { ImageSigner, SignerIdentity } from '../signature/signer.ts';
import { makePayload } from '../signature/simple-signing.ts';
import { makeStatement } from '../signature/statement.ts';
import { createTrust, type Trust } from '../signature/trust.ts';
import type { Verdict } from '../signature/verdict.ts';
import { chooseFormats, type FormatFacts } from './formats.ts';
import type { KeyWorld } from './keys.ts';
import type { SignRequest } from './request.ts';
import type { PendingSignature } from './sign-image.ts';

/** What witnesses a signature, and what it is judged by. */
export interface Services {
  readonly trust: Trust;
  readonly bundleWitnesses: readonly Witness[];
  /** one log of version 1 and one authority at the most: the legacy format has room for no more */
  readonly legacyWitnesses: readonly Witness[];
  /**
   * `tlog`: whether there will be a log entry; a deployment without a log has none although it is
   * asked for
   */
  readonly facts: Pick<FormatFacts, 'tlog' | 'logV1' | 'logV2' | 'timestamp'>;
  /** others than the public-good instance: a verifier needs their trusted root */
  readonly privateSigstore: boolean;
  /** absent where nothing but a key is needed to verify */
  readonly trustedRoot?: TrustedRoot;
}

/** A key alone: no log, no timestamp, nothing but the registry is contacted. */
export const noServices: Services = {
  trust: createTrust(undefined),
  bundleWitnesses: [],
  legacyWitnesses: [],
  facts: { tlog: false, logV1: false, logV2: false, timestamp: false },
  privateSigstore: false,
};

/** A signer that is an identity, with what its certificate says of the run. */
export interface KeylessSigner extends ImageSigner {
  claims(): Promise<Pick<SignerIdentity, 'github' | 'source'>>;
}

/** The signer and the services of this run, as the use case needs them. */
export interface SignatureMaker {
  make(format: Format, image: Image): PendingSignature;
  /** Would a stranger who trusts exactly this signer accept it? */
  judge(found: FoundSignature, digest: Digest): Promise<Verdict>;
  signer(): Promise<SignerIdentity>;
}

/** The formats of this run, and why one is left out. @throws {Failure} `bad-input` */
export function formatsOf(
  { key, format }: Pick<SignRequest, 'key' | 'format'>,
  { facts }: Services,
): ReturnType<typeof chooseFormats> {
  return chooseFormats(format, { ...facts, keyless: key === undefined });
}

/**
 * Opens the private key that the request names, or looks it up in the service that keeps it. That happens
 * beside the first requests of the run; await it when a signature is due.
 * @throws {Failure} `bad-key`, `bad-password`, `unsupported-key`; for a key in a service what
 * KeyProvider says
 */
export async function openKey(
  { key = '', keyPassword: password }: Pick<SignRequest, 'key' | 'keyPassword'>,
  world: KeyWorld,
  ahead?: DerivedAhead,
): Promise<ImageSigner> {
  if (isKeyReference(key)) {
    const { keyTools } = await import('./keys.ts');
    return loadReferencedSigner(key, keyTools(world));
  }
  const text = await readKeySource(key, { environment: world.env, readFile: world.files.readKey });
  world.mask.maskKey(text); // what `env://` or a path brought has not been seen by the runner yet
  return loadSigner({ key: text, password, ahead });
}

/**
 * Puts signer, services and formats together: how a signature is made, and how a stranger would
 * judge it.
 */
export function signatureMaker(
  signer: Promise<ImageSigner | KeylessSigner>,
  services: Promise<Services>,
  annotations: Readonly<Record<string, string>>,
): SignatureMaker {
  signer.catch(() => {}); // awaited by every image; until then it must not end the process
  const both = Promise.all([signer, services]);
  both.catch(() => {});
  const policy = once(async () => policyFor(await signer, (await services).facts.tlog));
  const decide = async (found: FoundSignature, digest: Digest) =>
    judge(found, digest, await policy(), (await services).trust);
  const who = once(async () => {
    const held = await signer;
    return { ...(await held.identity()), ...('claims' in held ? await held.claims() : {}) };
  });
  return {
    judge: decide,
    signer: who,
    make: (format, image) => (format === 'bundle' ? makeBundle(image) : makeLegacy(image)),
  };

  function makeBundle({ digest }: Image): PendingSignature {
    const statement = makeStatement(digest, annotations);
    const made = both.then(([held, { bundleWitnesses }]) =>
      signBundle({ signer: held, witnesses: bundleWitnesses, statement }),
    );
    const verdict = made.then(({ bundle }) =>
      verified({ format: 'bundle', bundle, digest, reference: newSignature }, digest),
    );
    return {
      format: 'bundle',
      verdict,
      bundle: heeded(verdict.then(async () => (await made).bundle)),
    };
  }

  function makeLegacy({ name, digest }: Image): PendingSignature {
    const payload = makePayload({
      dockerReference: cosignRepositoryName(name),
      digest,
      annotations,
    });
    const made = both.then(([held, { legacyWitnesses }]) =>
      signLegacy({ signer: held, witnesses: legacyWitnesses, payload }),
    );
    const verdict = made.then((layer) =>
      verified({ format: 'legacy', ...layer, digest, reference: newSignature }, digest),
    );
    return {
      format: 'legacy',
      verdict,
      payload: heeded(both.then(() => payload)),
      annotations: heeded(verdict.then(async () => (await made).annotations)),
    };
  }

  /** Everything that is pushed comes through here, with all that it should carry. */
  async function verified(found: FoundSignature, digest: Digest): Promise<Verdict> {
    const { trust, facts } = await services;
    const whole = facts.timestamp
      ? { ...(await policy()), timestamp: 'required' as const }
      : await policy();
    const verdict = judge(found, digest, whole, trust);
    if (!verdict.verified) throw unusable(verdict, await services);
    return verdict;
  }
}

const newSignature = 'the new signature';

/** The policy of a stranger who trusts this signer and nobody else. */
async function policyFor(signer: ImageSigner, tlog: boolean): Promise<SignaturePolicy> {
  const [key, { identity = '', issuer = '' }] = await Promise.all([
    signer.publicKey(),
    signer.identity(),
  ]);
  const rule: SignerRule =
    key === undefined
      ? { identities: [{ exact: identity }], issuers: [{ exact: issuer }] }
      : { key };
  return { signers: [rule], annotations: {}, tlog: tlog ? 'required' : 'ignore' };
}

/**
 * A log, an authority or a trusted root that do not belong together show here, before anything is
 * pushed.
 */
function unusable(verdict: Verdict, services: Services): Failure {
  return new Failure(
    'not-verified',
    `The new ${verdict.format} signature does not verify, so it was not pushed (${verdict.code}): ${verdict.reason ?? 'no reason given'}`,
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
