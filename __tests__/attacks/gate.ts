import { type Clock, systemClock } from '../../src/clock.ts';
import { openAttested } from '../../src/engine/attested.ts';
import { readingLimits } from '../../src/engine/prepare.ts';
import { type VerifyingTools, verifyImages } from '../../src/engine/verify-images.ts';
import type { VerifyResult } from '../../src/engine/verify-result.ts';
import { Failure, type FailureCode } from '../../src/failure.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import type { RetryBudget } from '../../src/http/http.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { Image } from '../../src/image/resolve.ts';
import { openRegistry } from '../../src/registry/client.ts';
import type { Credentials } from '../../src/registry/login.ts';
import { ByteRoom } from '../../src/registry/run-memory.ts';
import { openReader, type SignatureReader } from '../../src/registry/signature-reader.ts';
import { judge } from '../../src/signature/judge.ts';
import { judgeAttestation } from '../../src/signature/judge-attestation.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { withAttestations } from '../../src/signature/requirement.ts';
import type { Trust } from '../../src/signature/trust.ts';
import type { Verdict, VerdictCode } from '../../src/signature/verdict.ts';
import type { MemoryNetwork } from '../memory-network.ts';
import type { PlantedImage } from './store.ts';

/** What the gate says of one image. */
export interface Outcome {
  readonly verified: boolean;
  /**
   * of every signature found, without repetition; of the failure where there was one; `unsigned`
   * for none at all
   */
  readonly codes: readonly (VerdictCode | FailureCode)[];
  /** every text that a person gets to see */
  readonly texts: readonly string[];
  readonly verdicts: readonly Verdict[];
  readonly milliseconds: number;
}

export interface GateOptions {
  readonly login?: Credentials;
  /** milliseconds for everything; without it the action's own 5 minutes */
  readonly budget?: number;
  /** with the registry; without it the action's own */
  readonly retryBudget?: RetryBudget;
  readonly clock?: Clock;
  /** asked for as well as the signature, or instead of it */
  readonly attestations?: {
    /** URIs */
    readonly types: readonly string[];
    readonly signature?: 'required' | 'ignore';
  };
  /** gets the predicates that are kept, by name */
  readonly kept?: Map<string, Buffer>;
  /** loopback when absent */
  readonly network?: MemoryNetwork;
}

/**
 * Asks the gate about an image, over HTTP, as a run would: nothing is shared between two questions
 * but the trusted root.
 */
export async function gate(
  image: PlantedImage,
  policy: SignaturePolicy,
  trust: Trust,
  options: GateOptions = {},
): Promise<Outcome> {
  const begin = performance.now();
  try {
    const [result, ...more] = await ask(image, policy, trust, options);
    if (result === undefined || more.length > 0) throw new Error('one image was asked for');
    const { verified, code = 'verified', reason, failure, signatures } = result;
    const codes = failure
      ? [failure.code]
      : signatures.length > 0
        ? [...new Set(signatures.map((each) => each.code))]
        : [code];
    const texts = [
      reason,
      failure?.fix,
      ...signatures.flatMap((each) => [each.reference, each.reason]),
    ].filter((each) => each !== undefined);
    return {
      verified,
      codes,
      texts,
      verdicts: signatures,
      milliseconds: performance.now() - begin,
    };
  } catch (caught) {
    if (!(caught instanceof Failure)) throw caught;
    const texts = [caught.message, caught.fix];
    return {
      verified: false,
      codes: [caught.code],
      texts,
      verdicts: [],
      milliseconds: performance.now() - begin,
    };
  }
}

/**
 * The results of `verifyImages` for one image; with `recursive` those of every manifest inside it,
 * too.
 */
export async function ask(
  image: PlantedImage,
  policy: SignaturePolicy,
  trust: Trust,
  {
    budget = 300_000,
    retryBudget,
    login,
    clock = systemClock,
    network,
    recursive = false,
    attestations,
    kept = new Map(),
  }: GateOptions & { readonly recursive?: boolean } = {},
): Promise<readonly VerifyResult[]> {
  const deadline = createDeadline(budget, clock);
  const limits = readingLimits(budget);
  const http = createHttp({
    deadline,
    clock,
    env: {},
    ...limits.network,
    ...(network === undefined ? {} : { ahead: network }),
  });
  const open = openRegistry({
    http,
    clock,
    credentials: async () => login,
    access: 'pull',
    mask: () => {},
    ...limits.registries,
    ...(retryBudget === undefined ? {} : { retryBudget }),
  });
  const stores = new Map<string, SignatureReader>();
  const storeOf = ({ name, digest }: Pick<Image, 'name' | 'digest'>) => {
    const store = stores.get(digest) ?? openReader(open(name), digest);
    stores.set(digest, store);
    return store;
  };
  const judgeSignature: VerifyingTools['judge'] = async (found, digest, wanted) =>
    judge(found, digest, wanted, trust);
  const text = `${image.reference}@${image.digest}`;
  const tools: VerifyingTools = {
    open,
    recursive,
    describedBy: 'headers' as const,
    sleep: deadline.sleep,
    onTagOnly: () => {},
    found: (each) => storeOf(each).found(['bundle', 'legacy'], 'all'),
    judge: judgeSignature,
    attested: openAttested({
      open,
      found: (each) => storeOf(each).found(['bundle', 'legacy'], 'all'),
      attestations: (each, types) => storeOf(each).attestations(types),
      judge: judgeSignature,
      judgeAttestation: async (...asked) => judgeAttestation(...asked, trust),
      keep: async (name, bytes) => {
        kept.set(name, Buffer.from(bytes));
        return { path: name, discard: async () => void kept.delete(name) };
      },
      room: new ByteRoom(32 << 20),
    }),
  };
  const requirement = withAttestations(
    { kind: 'signature', policy },
    attestations?.types ?? [],
    attestations?.signature ?? 'required',
  );
  const target = { reference: parseReference(text), digest: image.digest, references: [text] };
  try {
    return await verifyImages(
      [target],
      () => requirement,
      tools,
      () => {},
    );
  } finally {
    http.close();
  }
}
