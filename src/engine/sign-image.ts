import type { Clock } from '../clock.ts';
import { asFailure } from '../failure.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Digest } from '../image/digest.ts';
import type { Image } from '../image/resolve.ts';
import type { Format } from '../signature/found.ts';
import type { SignerIdentity } from '../signature/signer.ts';
import { alreadyThere } from './existing.ts';
import type { Thing } from './formats.ts';
import {
  type About,
  type Findable,
  type Judged,
  notVerified,
  type Outcome,
  present,
  signatureOf,
  summarize,
  withoutRefusedBundle,
} from './sign-outcome.ts';
import type { SignResult } from './sign-result.ts';

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

/** How one kind of thing, a signature or an attestation, is found, made and judged. */
export interface SigningTools<Found extends Findable, Told extends Judged> {
  readonly clock: Pick<Clock, 'date'>;
  readonly store: (image: Image) => Place<Found>;
  readonly make: (format: Format, image: Image) => PendingSignature;
  /** Would a stranger who trusts exactly this signer accept it? `withoutLog`: by its timestamp */
  readonly judge: (found: Found, digest: Digest, withoutLog?: boolean) => Promise<Told>;
  /** input `tlog-fallback`: what is made may have a timestamp in place of a log entry */
  readonly mayLackLog?: boolean;
  /** Does it, being the signer's own, say what would be written? */
  readonly saysSame: (told: Told, image: Pick<Image, 'name'>) => boolean;
  /** for messages */
  readonly thing: Thing;
  readonly signer: () => Promise<SignerIdentity>;
}

export interface SigningPlan extends About {
  readonly formats: readonly Format[];
  readonly skipExisting: boolean;
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
    const write = (format: Format) =>
      writeSignature(format, { image, subject, found }, store, plan, tools);
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

const nothing: ReadonlyMap<Format, never> = new Map<Format, never>();

/** Of what was found, what already says what we would write. */
async function existing<Found extends Findable, Told extends Judged>(
  found: readonly Found[],
  image: Image,
  tools: SigningTools<Found, Told>,
  withoutLog = false,
) {
  const { github: { sha: commit } = {} } = await tools.signer();
  const verdicts = await Promise.all(
    found.map((signature) => tools.judge(signature, image.digest, withoutLog)),
  );
  return alreadyThere(verdicts, {
    saysSame: (told) => tools.saysSame(told, image),
    ...(commit === undefined ? {} : { commit }),
  });
}

/** The image that is signed, and what lies beside it. */
interface Signed<Found> {
  readonly image: Image;
  readonly subject: Descriptor;
  readonly found: readonly Found[];
}

/**
 * While the log stays down each run would add one more signature without an entry, where one is
 * there. With a log that is up, it is not complete and another one is written.
 */
async function alreadyStamped<Found extends Findable, Told extends Judged>(
  pending: PendingSignature,
  found: readonly Found[],
  image: Image,
  tools: SigningTools<Found, Told>,
): Promise<Outcome | undefined> {
  if (found.length === 0 || tools.mayLackLog !== true) return undefined;
  const { withoutLog } = await pending.verdict;
  if (withoutLog !== true) return undefined;
  const there = await existing(found, image, tools, true);
  return present(there.get(pending.format), found);
}

async function writeSignature<Found extends Findable, Told extends Judged>(
  format: Format,
  { image, subject, found }: Signed<Found>,
  store: Place<Found>,
  plan: SigningPlan,
  tools: SigningTools<Found, Told>,
): Promise<Outcome> {
  let outcome: Outcome = {};
  try {
    const pending = tools.make(format, image);
    const stamped = await alreadyStamped(pending, found, image, tools);
    if (stamped !== undefined) return stamped;
    const attachment = await attach(store, pending, subject, tools.clock.date());
    const made = await pending.verdict;
    const signature = signatureOf(made, attachment);
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
      seen.map((signature) => tools.judge(signature, image.digest, made.withoutLog)),
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
