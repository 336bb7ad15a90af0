import type { Digest } from '../image/digest.ts';
import type { FoundAttestation } from '../signature/found.ts';
import type { AttestationPolicy, AttestationVerdict } from '../signature/judge-attestation.ts';
import type { SignaturePolicy } from '../signature/policy.ts';
import type { Kind } from '../signature/self-test.ts';
import type { Trust } from '../signature/trust.ts';
import { needsTrust } from './policy.ts';
import type { VerifyRequest } from './request.ts';
import type { VerifyingTools } from './verify-images.ts';
import type { World } from './world.ts';

export type JudgeAttestation = (
  found: FoundAttestation,
  image: Digest,
  asked: AttestationPolicy,
) => Promise<AttestationVerdict>;

/**
 * How a run judges signatures. What that needs is got while the registry is waited for: the trusted
 * root at once where these policies want one, the code when the first request has left, and the
 * self-test when there is a signature. No signature is judged before the self-tests of all kinds
 * that this run judges have passed.
 * @param required what is asked of the images of this run
 * @param signed resolves when the bytes of a signature have been asked for
 * @returns rejects with Failure `self-test-failed`, and with what `openTrust` throws
 */
export function openJudge(
  required: readonly SignaturePolicy[],
  signed: Promise<void>,
  request: VerifyRequest,
  world: World,
): { readonly judge: VerifyingTools['judge']; readonly judgeAttestation: JudgeAttestation } {
  const trust = trustOf(request, world);
  if (required.some(needsTrust)) trust();
  const loading = world.sent.then(() =>
    Promise.all([import('../signature/judge.ts'), import('../signature/self-test.ts')]),
  );
  const kinds = new Set(required.flatMap(kindsOf));
  const prove = async () => {
    const [{ judge }, { selfTest }] = await loading;
    await Promise.all([...kinds].map(selfTest));
    return judge;
  };
  loading.catch(() => {}); // these two are awaited when there is something to judge
  signed.then(prove).catch(() => {});
  const ready = async (policy: SignaturePolicy) => {
    for (const kind of kindsOf(policy)) kinds.add(kind); // of what is inside an index
    const judge = await prove(); // before the trusted root is heard: a machine that fails cannot read that either
    return { judge, trust: needsTrust(policy) ? await trust() : { material: undefined } };
  };
  return {
    judge: async (found, digest, policy) => {
      const { judge, trust: root } = await ready(policy);
      return judge(found, digest, policy, root);
    },
    judgeAttestation: async (found, digest, asked) => {
      const [{ judgeAttestation }, { trust: root }] = await Promise.all([
        import('../signature/judge-attestation.ts'),
        ready(asked.policy),
      ]);
      return judgeAttestation(found, digest, asked, root);
    },
  };
}

function kindsOf(policy: SignaturePolicy): readonly Kind[] {
  const keyed =
    policy.authorities?.at !== undefined || policy.signers.some((rule) => 'key' in rule);
  return [
    ...(keyed ? (['key'] as const) : []),
    ...(needsTrust(policy) ? (['certificate'] as const) : []),
  ];
}

/**
 * The trusted root, loaded at the first call; code and network for it only where something is
 * judged by it.
 */
function trustOf(request: VerifyRequest, world: World): () => Promise<Trust> {
  let trust: Promise<Trust> | undefined;
  return () => {
    trust ??= openTrust(request, world);
    trust.catch(() => {}); // started beside the first requests and awaited when a signature is judged; until then it must not end the process
    return trust;
  };
}

/**
 * What certificates, log entries and timestamps are judged by: `trusted-root` as given, else the
 * one of the TUF repository. Loaded only by runs that need it: with a key and the log ignored
 * nothing but the registry is contacted.
 * @throws {Failure} `bad-trusted-root`, `bad-input`, `tuf-error`
 */
async function openTrust(
  { services }: Pick<VerifyRequest, 'services'>,
  { http, deadline, files, tell }: World,
): Promise<Trust> {
  const [{ createTrust }, { loadTrust }] = await Promise.all([
    import('../signature/trust.ts'),
    import('../sigstore/trust.ts'),
  ]);
  const trusted = await loadTrust({
    ...services,
    needsSigningConfig: false,
    cacheDir: files.cache,
    http,
    retryBudget: deadline.remaining,
  });
  for (const text of trusted.notices) tell({ kind: 'notice', text });
  return createTrust(trusted.trustedRoot);
}
