import type { Digest } from '../image/digest.ts';
import { hexOf } from '../image/digest.ts';
import { inParallel } from '../image/in-parallel.ts';
import type { Image } from '../image/resolve.ts';
import { furthest, seenBy } from '../signature/evaluation.ts';
import type { FoundAttestation } from '../signature/found.ts';
import type { AttestationPolicy, AttestationVerdict } from '../signature/judge-attestation.ts';
import { signPredicateType } from '../signature/statement.ts';
import type { InsideTools } from './attestations-inside.ts';
import type { JudgeAttestation } from './judging.ts';
import type { Reading } from './prepare.ts';
import { placeOf, type VerifyingTools } from './verify-images.ts';
import type { AttestationResult } from './verify-result.ts';
import type { KeptFile, World } from './world.ts';

/** What verifying attestations needs of the world. */
export interface AttestedTools extends InsideTools {
  readonly attestations: Reading['attestations'];
  readonly judgeAttestation: JudgeAttestation;
  readonly keep: World['files']['keep'];
}

/** Judged at the same time, most of them while the bytes of others are on their way. */
const atOnce = 64;

/**
 * Reads the attestations of images, from beside the image and, where these do not do, from inside an
 * index. Predicates of those that verify are kept in files, so that memory does not grow with their
 * number.
 */
export function openAttested(tools: AttestedTools): VerifyingTools['attested'] {
  return async (image, asked) => {
    const kept: KeptFile[] = [];
    try {
      // Attestations lie where the signatures of a policy do.
      const groups = await Promise.all(
        [...Map.groupBy(asked, ({ policy }) => placeOf(policy)).values()].map(async (group) => ({
          group,
          lists: await judgeAll(image, group, tools, kept),
        })),
      );
      return {
        by: new Map(
          groups.flatMap(({ group, lists }) =>
            group.map(({ policy }, index) => [policy, lists[index] ?? []] as const),
          ),
        ),
        settled: (verified) =>
          settle(
            groups.flatMap(({ lists }) => furthest(lists)),
            verified,
            kept,
          ),
      };
    } catch (caught) {
      await settle([], false, kept);
      throw caught;
    }
  };
}

/** What each policy says of each attestation: the same ones in the same order. */
async function judgeAll(
  image: Image,
  asked: readonly AttestationPolicy[],
  tools: AttestedTools,
  kept: KeptFile[],
): Promise<readonly (readonly AttestationResult[])[]> {
  const types = [...new Set(asked.flatMap((one) => one.types))];
  const keepFile = (name: string, bytes: Uint8Array) =>
    tools.keep(`${hexOf(image.digest).slice(0, 12)}-${name}`, bytes);
  const judge = async (found: FoundAttestation, about: Digest) =>
    Promise.all(
      asked.map(async (one) =>
        keep(await tools.judgeAttestation(found, about, one), keepFile, kept),
      ),
    );
  const leads = await tools.attestations(image, types, asked[0]?.policy.repository);
  const beside = await inParallel(leads, atOnce, (lead) =>
    'use' in lead ? lead.use((found) => judge(found, image.digest)) : judge(lead, image.digest),
  );
  // A signature is listed among the signatures.
  const rows: (readonly AttestationResult[])[] = beside.filter(
    ([first]) => first?.type !== signPredicateType,
  );
  const column = (index: number) => rows.flatMap((row) => row[index] ?? []);
  if (!asked.every((one, index) => isSatisfied(one, column(index)))) {
    const { attestationsInside } = await import('./attestations-inside.ts');
    rows.push(...(await attestationsInside(image, asked, judge, tools)));
  }
  const hasBundle = leads.some(({ format }) => format === 'bundle');
  return asked.map(({ policy }, index) => seenBy(policy, column(index), hasBundle));
}

async function settle(
  told: readonly AttestationResult[],
  verified: boolean,
  kept: readonly KeptFile[],
): Promise<readonly AttestationResult[]> {
  const counts = told.filter((one) => verified && one.verified);
  const used = new Set(counts.flatMap(({ path }) => path ?? []));
  await Promise.all(kept.map((file) => (used.has(file.path) ? undefined : file.discard())));
  return told.map(({ path, ...result }) =>
    path !== undefined && result.verified && used.has(path) ? { ...result, path } : result,
  );
}

function isSatisfied({ types }: AttestationPolicy, results: readonly AttestationResult[]): boolean {
  return types.every((type) => results.some((one) => one.verified && one.type === type));
}

/** A file of the same name holds the same predicate: it is named after its bytes. */
async function keep(
  { predicate, ...verdict }: AttestationVerdict,
  keepFile: World['files']['keep'],
  kept: KeptFile[],
): Promise<AttestationResult> {
  if (!verdict.verified || predicate === undefined) return verdict;
  const { createHash } = process.getBuiltinModule('node:crypto');
  const hash = createHash('sha256').update(predicate).digest('hex').slice(0, 16);
  const file = await keepFile(`${hexOf(verdict.digest).slice(0, 16)}-${hash}.json`, predicate);
  kept.push(file);
  return { ...verdict, path: file.path };
}
