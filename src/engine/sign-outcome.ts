import { BundlesRefused, Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { formatRepository } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import type { FoundSignature } from '../signature/found.ts';
import type { SignerIdentity } from '../signature/signer.ts';
import type { Verdict } from '../signature/verdict.ts';
import type { Attested, ResultError, SignatureResult, SignResult } from './sign-result.ts';

// What came of one image, format by format, and the result that is made of it.

/** What is told of a signature and of an attestation alike. */
export type Judged = Omit<Verdict, 'annotations'> & {
  /** judged by its timestamp, in place of the log that was down */
  readonly withoutLog?: boolean;
};

/** What both are, as they are found. */
export type Findable = Pick<FoundSignature, 'format' | 'digest' | 'reference'>;

/**
 * What became of one format of one image. `signature` is there as soon as it is true, whatever
 * failed afterwards.
 */
export interface Outcome {
  readonly status?: 'signed' | 'already-signed';
  readonly signature?: SignatureResult;
  readonly bundle?: Buffer;
  readonly verified?: boolean;
  readonly failure?: Failure;
  /** the bundle that should be beside it was refused by the registry */
  readonly withoutBundle?: Failure;
}

/** What the results say of the whole run. */
export interface About {
  /** those that are signed; of attestations none */
  readonly annotations: Readonly<Record<string, string>>;
  /** of attestations */
  readonly attested?: Attested;
  readonly verify: boolean;
  /** `format: auto`: where the registry takes no bundle, the legacy signature is enough */
  readonly bundleOptional?: boolean;
}

/**
 * Of a registry that takes no bundle, what the legacy signature came to. Where that has failed too,
 * its failure is told: "write the legacy signature" would lead nowhere.
 */
export function withoutRefusedBundle(
  outcomes: readonly Outcome[],
  plan: About,
): readonly Outcome[] {
  if (plan.bundleOptional !== true || outcomes.length < 2) return outcomes;
  const refused = outcomes.find(({ failure }) => failure instanceof BundlesRefused)?.failure;
  if (refused === undefined) return outcomes;
  return outcomes
    .filter(({ failure }) => failure !== refused)
    .map((outcome) => ({ ...outcome, withoutBundle: refused }));
}

/** What is there already, as if it had been written. */
export function present(
  verdict: Judged | undefined,
  found: readonly (Findable | (Findable & { readonly bundle: Buffer }))[],
): Outcome | undefined {
  if (verdict === undefined) return undefined;
  const signature = found.find(
    ({ format, digest }) => format === verdict.format && digest === verdict.digest,
  );
  const bundle =
    signature !== undefined && 'bundle' in signature ? { bundle: signature.bundle } : {};
  return {
    status: 'already-signed',
    signature: signatureOf(verdict, verdict),
    verified: true,
    ...bundle,
  };
}

/** Failure for what was written and does not come back as it should. */
export function notVerified(
  thing: string,
  { format, reference }: Pick<FoundSignature, 'format' | 'reference'>,
  verdict: Judged | undefined,
): Failure {
  // A registry that does not answer says nothing about the signature.
  if (verdict?.code === 'registry-error') {
    return new Failure(
      'registry-error',
      `The ${format} ${thing} was written to ${reference}, but could not be read back: ${verdict.reason ?? 'no reason given'}`,
      'Run the job again: what is there already is not written twice.',
    );
  }
  const why =
    verdict === undefined
      ? 'nothing was there'
      : `${verdict.code}: ${verdict.reason ?? 'no reason given'}`;
  return new Failure(
    'not-verified',
    `The ${format} ${thing} that was read back from ${reference} does not verify (${why}).`,
    'Somebody or something changed it between writing and reading: look at the registry, and run the step again.',
  );
}

/** What a verdict has proven, at the place where the signature lies. */
export function signatureOf(
  verdict: Judged,
  place: { digest: Digest; reference: string },
): SignatureResult {
  const { format, tlogIndex, logId, integratedTime, timestamp, certificate, keyId } = verdict;
  const withoutLog = verdict.withoutLog === true ? true : undefined;
  const proven = Object.entries({
    tlogIndex,
    logId,
    integratedTime,
    timestamp,
    withoutLog,
    certificate,
    keyId,
  });
  return {
    format,
    digest: place.digest,
    reference: place.reference,
    ...Object.fromEntries(proven.filter(([, value]) => value !== undefined)),
  };
}

/** The result of one image. */
export function summarize(
  image: Image,
  plan: About,
  signer: SignerIdentity,
  outcomes: readonly Outcome[],
): SignResult {
  const failure = outcomes.find((outcome) => outcome.failure !== undefined)?.failure;
  const bundle = outcomes.find((outcome) => outcome.bundle !== undefined)?.bundle;
  const refused = outcomes.find(({ withoutBundle }) => withoutBundle !== undefined)?.withoutBundle;
  const allThere = outcomes.every(({ status }) => status === 'already-signed');
  return {
    image: `${formatRepository(image.name)}@${image.digest}`,
    references: image.references,
    digest: image.digest,
    ...(image.platform === undefined ? {} : { platform: image.platform }),
    ...(image.partOf === undefined ? {} : { partOf: image.partOf }),
    status: failure ? 'failed' : allThere ? 'already-signed' : 'signed',
    signatures: outcomes.flatMap(({ signature }) => signature ?? []),
    signer,
    annotations: plan.annotations,
    ...(plan.attested === undefined ? {} : { attested: plan.attested }),
    ...(plan.verify
      ? { verified: failure === undefined && outcomes.every(({ verified }) => verified === true) }
      : {}),
    ...(bundle === undefined ? {} : { bundle }),
    ...(refused === undefined ? {} : { withoutBundle: refused }),
    ...(failure === undefined ? {} : { error: errorOf(failure) }),
  };
}

/** A failure as data, its cause kept for the debug log. */
export function errorOf(failure: Failure): ResultError {
  return { code: failure.code, message: failure.message, fix: failure.fix, failure };
}
