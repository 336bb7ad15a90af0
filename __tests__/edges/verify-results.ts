import type { VerifyResult } from '../../src/engine/verify-result.ts';
import { digestOf } from '../../src/image/digest.ts';
import type { Verdict, VerdictCode } from '../../src/signature/verdict.ts';
import { workflowSigner } from './results.ts';

/** A signature as the judge tells of it. */
export function verdictOf(code: VerdictCode, change: Partial<Verdict> = {}): Verdict {
  const digest = digestOf(Buffer.from(`signature ${code}`));
  const reference = `ghcr.io/acme/app@${digest}`;
  const head = { format: 'bundle' as const, digest, reference, annotations: {}, ...workflowSigner };
  if (code !== 'verified')
    return { ...head, verified: false, code, reason: `It is ${code}.`, ...change };
  return {
    ...head,
    verified: true,
    code,
    tlogIndex: 312_345_678,
    logId: publicGoodLog,
    integratedTime: 1_790_000_000,
    ...change,
  };
}

const publicGoodLog = 'c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d';

/** An image that verified. */
export function good(name = 'app', change: Partial<VerifyResult> = {}): VerifyResult {
  const digest = digestOf(Buffer.from(name));
  return {
    image: `ghcr.io/acme/${name}@${digest}`,
    references: [`ghcr.io/acme/${name}:1.2.0`],
    digest,
    asked: true,
    partOf: [],
    verified: true,
    signatures: [verdictOf('verified')],
    ...change,
  };
}

/** An image that did not, with one signature that says why (none for `unsigned`). */
export function bad(
  code: VerdictCode,
  name = 'app',
  change: Partial<VerifyResult> = {},
): VerifyResult {
  const signatures = ['unsigned', 'registry-error', 'unresolved', 'not-allowed'].includes(code)
    ? []
    : [verdictOf(code)];
  return { ...good(name), verified: false, code, reason: `It is ${code}.`, signatures, ...change };
}

/** A manifest inside an index. */
export function inside(
  index: VerifyResult,
  result: VerifyResult,
  platform = 'linux/amd64',
): VerifyResult {
  return { ...result, asked: false, partOf: [index.image], platform, references: index.references };
}
