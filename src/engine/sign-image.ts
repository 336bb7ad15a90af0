import type { Clock } from '../clock.ts';
import { asFailure, BundlesRefused, Failure } from '../failure.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import { formatRepository } from '../image/reference.ts';
import type { Image } from '../image/resolve.ts';
import type { Format, FoundSignature } from '../signature/found.ts';
import type { SignerIdentity } from '../signature/signer.ts';
import type { Verdict } from '../signature/verdict.ts';
import { alreadyThere } from './existing.ts';
import type { Thing } from './formats.ts';
import type { Attested, ResultError, SignatureResult, SignResult } from './sign-result.ts';

/**
 * A signature of ours in the registry. `kept` settles when it has been seen to stay, or rejects
 * with Failure `signature-lost`.
 */
export interface Attachment {
  readonly format: Format;
  readonly digest: Digest;
  readonly reference: string;
  readonly kept: Promise<void>;
}

/** What signing needs of the place where the signatures of one image lie, or its attestations. */
export interface Place<Found> {
  /**
   * `listed`: only what the registry lists itself; enough to know whether our own signature is
   * there
   */
  found(formats: readonly Format[], reach: 'listed'): Promise<readonly Found[]>;
  attachBundle(subject: Descriptor, bundle: Promise<Buffer>, created: Date): Promise<Attachment>;
  attachLegacy(
    payload: Promise<Buffer>,
    annotations: Promise<Readonly<Record<string, string>>>,
  ): Promise<Attachment>;
  /** fetched again from the registry, where a stranger looks for it */
  readBack(attachment: Attachment): Promise<readonly Found[]>;
}

/**
 * A signature that is being made, with its log entry and timestamp. Its parts come when it has
 * verified: what does not verify is never pushed. Only the payload of a legacy signature, which
 * claims nothing by itself, comes as soon as there is a signer.
 */
export type PendingSignature = { readonly verdict: Promise<Judged> } & (
  | { readonly format: 'bundle'; readonly bundle: Promise<Buffer> }
  | {
      readonly format: 'legacy';
      readonly payload: Promise<Buffer>;
      readonly annotations: Promise<Readonly<Record<string, string>>>;
    }
);

/** What is told of a signature and of an attestation alike. */
export type Judged = Omit<Verdict, 'annotations'>;

/** What both are, as they are found. */
export type Findable = Pick<FoundSignature, 'format' | 'digest' | 'reference'>;

/** How one kind of thing, a signature or an attestation, is found, made and judged. */
export interface SigningTools<Found extends Findable, Told extends Judged> {
  readonly clock: Pick<Clock, 'date'>;
  readonly store: (image: Image) => Place<Found>;
  readonly make: (format: Format, image: Image) => PendingSignature;
  /** Would a stranger who trusts exactly this signer accept it? */
  readonly judge: (found: Found, digest: Digest) => Promise<Told>;
  /** Does it, being the signer's own, say what would be written? */
  readonly saysSame: (told: Told) => boolean;
  /** for messages */
  readonly thing: Thing;
  readonly signer: () => Promise<SignerIdentity>;
}

export interface SigningPlan {
  readonly formats: readonly Format[];
  /** those that are signed; of attestations none */
  readonly annotations: Readonly<Record<string, string>>;
  /** of attestations */
  readonly attested?: Attested;
  readonly skipExisting: boolean;
  readonly verify: boolean;
  /** `format: auto`: where the registry takes no bundle, the legacy signature is enough */
  readonly bundleOptional?: boolean;
}

/**
 * Signs one image in every format of the plan that is not there yet, pushes what has verified, and
 * reads it back. Never throws: what failed is in the result, beside everything that is true all the
 * same.
 */
export async function signImage<Found extends Findable, Told extends Judged>(
  image: Image,
  plan: SigningPlan,
  tools: SigningTools<Found, Told>,
): Promise<SignResult> {
  const outcomes: Outcome[] = [];
  // Under way from the beginning, awaited where it is needed: decrypting the key and getting the
  // certificate take their time.
  const signer = tools.signer();
  // A run that has failed at the registry tells who signs where it knows it, and does not wait for
  // a Fulcio that is down.
  let identity: SignerIdentity = {};
  signer.then((who) => (identity = who)).catch(() => {});
  try {
    const store = tools.store(image);
    const [found, subject] = await Promise.all([
      plan.skipExisting ? store.found(plan.formats, 'listed') : [],
      image.subject,
    ]);
    const there = found.length === 0 ? nothing : await existing(found, image, tools);
    const write = (format: Format) => writeSignature(format, image, subject, store, plan, tools);
    outcomes.push(
      ...(await Promise.all(
        plan.formats.map((format) => present(there.get(format), found) ?? write(format)),
      )),
    );
    await signer;
  } catch (caught) {
    outcomes.push({ failure: asFailure(caught) });
  }
  return summarize(image, plan, identity, withoutRefusedBundle(outcomes, plan));
}

/**
 * Of a registry that takes no bundle, what the legacy signature came to. Where that has failed too,
 * its failure is told: "write the legacy signature" would lead nowhere.
 */
function withoutRefusedBundle(outcomes: readonly Outcome[], plan: SigningPlan): readonly Outcome[] {
  if (plan.bundleOptional !== true || outcomes.length < 2) return outcomes;
  const refused = outcomes.find(({ failure }) => failure instanceof BundlesRefused)?.failure;
  if (refused === undefined) return outcomes;
  return outcomes
    .filter(({ failure }) => failure !== refused)
    .map((outcome) => ({ ...outcome, withoutBundle: refused }));
}

const nothing: ReadonlyMap<Format, never> = new Map<Format, never>();

/** Of what was found, what already says what we would write. */
async function existing<Found extends Findable, Told extends Judged>(
  found: readonly Found[],
  image: Image,
  tools: SigningTools<Found, Told>,
) {
  const { github: { sha: commit } = {} } = await tools.signer();
  const verdicts = await Promise.all(
    found.map((signature) => tools.judge(signature, image.digest)),
  );
  return alreadyThere(verdicts, {
    saysSame: tools.saysSame,
    ...(commit === undefined ? {} : { commit }),
  });
}

/**
 * What became of one format of one image. `signature` is there as soon as it is true, whatever
 * failed afterwards.
 */
interface Outcome {
  readonly status?: 'signed' | 'already-signed';
  readonly signature?: SignatureResult;
  readonly bundle?: Buffer;
  readonly verified?: boolean;
  readonly failure?: Failure;
  /** the bundle that should be beside it was refused by the registry */
  readonly withoutBundle?: Failure;
}

function present(
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

async function writeSignature<Found extends Findable, Told extends Judged>(
  format: Format,
  image: Image,
  subject: Descriptor,
  store: Place<Found>,
  plan: SigningPlan,
  tools: SigningTools<Found, Told>,
): Promise<Outcome> {
  let outcome: Outcome = {};
  try {
    const pending = tools.make(format, image);
    const attachment = await attach(store, pending, subject, tools.clock.date());
    const signature = signatureOf(await pending.verdict, attachment);
    outcome = {
      status: 'signed',
      signature,
      ...(pending.format === 'bundle' ? { bundle: await pending.bundle } : {}),
    };
    // The second look that a shared tag needs waits a while; the read-back runs beside it.
    const [seen] = await Promise.all([
      plan.verify ? store.readBack(attachment) : undefined,
      attachment.kept,
    ]);
    if (seen === undefined) return outcome;
    const verdicts = await Promise.all(
      seen.map((signature) => tools.judge(signature, image.digest)),
    );
    if (verdicts.length > 0 && verdicts.every(({ verified }) => verified))
      return { ...outcome, verified: true };
    throw notVerified(
      tools.thing,
      attachment,
      verdicts.find(({ verified }) => !verified),
    );
  } catch (caught) {
    return { ...outcome, ...(plan.verify ? { verified: false } : {}), failure: asFailure(caught) };
  }
}

function attach<Found>(
  store: Place<Found>,
  pending: PendingSignature,
  subject: Descriptor,
  created: Date,
): Promise<Attachment> {
  return pending.format === 'bundle'
    ? store.attachBundle(subject, pending.bundle, created)
    : store.attachLegacy(pending.payload, pending.annotations);
}

function notVerified(
  thing: string,
  { format, reference }: Attachment,
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
function signatureOf(
  verdict: Judged,
  place: { digest: Digest; reference: string },
): SignatureResult {
  const { format, tlogIndex, logId, integratedTime, timestamp, certificate, keyId } = verdict;
  const proven = Object.entries({
    tlogIndex,
    logId,
    integratedTime,
    timestamp,
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

function summarize(
  image: Image,
  plan: SigningPlan,
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
