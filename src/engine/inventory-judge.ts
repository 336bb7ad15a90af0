import type { Digest } from '../image/digest.ts';
import { formatRepository } from '../image/reference.ts';
import type { CopyRepository } from '../registry/repository.ts';
import { RunMemory } from '../registry/run-memory.ts';
import { openReader } from '../registry/signature-reader.ts';
import {
  type Claimed,
  claimsOfAttestation,
  claimsOfSignature,
  type Reading,
} from '../signature/claimed.ts';
import type { FoundAttestation, FoundSignature } from '../signature/found.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import type { Verdict, VerdictCode } from '../signature/verdict.ts';
import type { InventoryImage, InventorySignature } from './inventory-result.ts';
import { openJudge } from './judging.ts';
import { openPolicy } from './policy.ts';
import type { InventoryRequest } from './request.ts';
import type { World } from './world.ts';

/** An image that is there. */
export interface Present {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly partOf: readonly string[];
}

/** What a verdict and an attestation's have in common. */
type Told = Omit<Verdict, 'annotations'> & Partial<Pick<Verdict, 'annotations'>>;
type JudgedBy = (policy: SignaturePolicy) => Promise<Told>;

/** A genuine signature of somebody who was not asked for; nothing was found wrong with it. */
const strangers: readonly VerdictCode[] = ['wrong-identity', 'wrong-issuer', 'wrong-key'];

/**
 * Prepares to read what lies beside images. What the run asks for is judged as the gate does it.
 * Where there is a trusted root, whoever else signed with a certificate is proven as well; what
 * cannot be proven is told as what it claims.
 */
export async function openInventoryJudge(
  repository: CopyRepository,
  request: InventoryRequest,
  world: World,
): Promise<(image: Present) => Promise<InventoryImage>> {
  const { policy: asked } = await openPolicy(request, world);
  const { trustedRoot, tufMirror } = request.services;
  const hasTrust =
    trustedRoot !== undefined || tufMirror !== undefined || request.identities.length > 0;
  // Nobody is named, so nothing is verified by it; but it says who a certificate proves.
  const anybody: SignaturePolicy = {
    signers: [{ identities: [], issuers: [] }],
    annotations: {},
    tlog: request.tlog,
  };
  const fresh = await newKeyOf(request, world);
  const policies = [asked, hasTrust ? anybody : undefined, fresh].filter(
    (one) => one !== undefined,
  );
  const judges = openJudge(policies, Promise.resolve(), request, world);
  const memory = new RunMemory();
  const standing = (by: JudgedBy, claims: Reading, digest: Digest) =>
    settle(by, claims, digest, { asked, fresh, anybody: hasTrust ? anybody : undefined });
  const signature = async (found: FoundSignature, digest: Digest) =>
    told(
      found,
      await standing(
        (policy) => judges.judge(found, digest, policy),
        claimsOfSignature(found),
        digest,
      ),
    );
  const attestation = async (found: FoundAttestation, digest: Digest) => {
    const claims = claimsOfAttestation(found);
    const type = 'type' in claims ? claims.type : undefined;
    // What cannot be read is told as a signature: a broken one must never look like none.
    const isSignature = 'code' in claims ? found.format === 'bundle' : type === undefined;
    if (isSignature) return { kind: 'signature' as const, found };
    const types = type === undefined ? [] : [type];
    const by: JudgedBy = (policy) => judges.judgeAttestation(found, digest, { policy, types });
    const settled = await standing(by, claims, digest);
    return {
      kind: 'attestation' as const,
      one: { ...told(found, settled), ...(type === undefined ? {} : { type }) },
    };
  };
  return async ({ digest, tags, partOf }) => {
    const store = openReader(repository, digest, { memory });
    const [found, attested] = await Promise.all([store.found(), store.attestations()]);
    const signatures: InventorySignature[] = [];
    const attestations: InventorySignature[] = [];
    for (const one of found)
      if (one.format === 'legacy') signatures.push(await signature(one, digest));
    for (const one of attested) {
      const read = (given: FoundAttestation) => attestation(given, digest);
      const result = await ('use' in one ? one.use(read) : read(one));
      if (result.kind === 'attestation') attestations.push(result.one);
      else signatures.push(await signature(result.found as FoundSignature, digest));
    }
    const image = `${formatRepository(repository.name)}@${digest}`;
    return { image, digest, tags, partOf, signatures, attestations };
  };
}

/** What the key signs that images are signed again with. */
async function newKeyOf(
  { resignWith, keyPassword, tlog }: InventoryRequest,
  world: World,
): Promise<SignaturePolicy | undefined> {
  if (resignWith === undefined) return undefined;
  const { openKey } = await import('./signer.ts');
  const signer = await openKey(
    { key: resignWith, ...(keyPassword === undefined ? {} : { keyPassword }) },
    world,
  );
  const key = await signer.publicKey();
  if (key === undefined) throw new Error('a key has a public half');
  return { signers: [{ key }], annotations: {}, tlog };
}

type Settled =
  | {
      readonly standing: 'verified' | 'genuine';
      readonly verdict: Told;
      readonly isNew?: true;
    }
  | { readonly standing: 'claimed'; readonly claims: Claimed }
  | {
      readonly standing: 'rejected';
      readonly code: VerdictCode;
      readonly reason: string;
      readonly claims?: Claimed;
    };

async function settle(
  by: JudgedBy,
  claims: Reading,
  digest: Digest,
  policies: {
    readonly asked: SignaturePolicy | undefined;
    readonly anybody: SignaturePolicy | undefined;
    readonly fresh: SignaturePolicy | undefined;
  },
): Promise<Settled> {
  if ('code' in claims) return { standing: 'rejected', ...claims };
  if (!claims.about.includes(digest.slice('sha256:'.length)))
    return {
      standing: 'rejected',
      code: 'wrong-subject',
      reason: 'It says to be about another image.',
      claims,
    };
  const { asked, anybody, fresh } = policies;
  const byNew = fresh === undefined ? undefined : await by(fresh);
  if (byNew?.verified === true) return { standing: 'genuine', verdict: byNew, isNew: true };
  const verdict = asked === undefined ? undefined : await by(asked);
  if (verdict?.verified === true) return { standing: 'verified', verdict };
  if (anybody !== undefined && claims.identity !== undefined) {
    const proven = await by(anybody);
    // Whoever signed is proven before it is found that nobody asked for them.
    if (proven.code === 'wrong-identity' && proven.identity !== undefined)
      return { standing: 'genuine', verdict: proven };
    return rejected(proven, claims);
  }
  if (verdict === undefined || strangers.includes(verdict.code))
    return { standing: 'claimed', claims };
  return rejected(verdict, claims);
}

function rejected({ code, reason = 'no reason given' }: Told, claims: Claimed): Settled {
  return { standing: 'rejected', code, reason, claims };
}

function told(
  { format, digest, reference }: Pick<FoundSignature, 'format' | 'digest' | 'reference'>,
  settled: Settled,
): InventorySignature {
  const place = { format, digest, reference, standing: settled.standing };
  if ('verdict' in settled) {
    const { identity, issuer, keyId, tlogIndex, logId, annotations } = settled.verdict;
    const facts = Object.entries({ identity, issuer, keyId, tlogIndex, logId, annotations });
    const proven = Object.fromEntries(facts.filter(([, value]) => value !== undefined));
    return { ...place, ...proven, ...(settled.isNew === true ? { isNew: true } : {}) };
  }
  const { claims, ...rest } = settled;
  if (claims === undefined) return { ...place, ...rest };
  const { about: _, type: __, ...said } = claims;
  return { ...place, ...rest, claims: said };
}
