// One verifying run in this process, put together as run/gate.ts and run/reading.ts do it, with the
// limits of signing-run.ts.
import { systemClock } from '../../src/clock.ts';
import { verifyImages } from '../../src/engine/verify-images.ts';
import type { VerifyResult } from '../../src/engine/verify-result.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { Image } from '../../src/image/resolve.ts';
import { openRegistry } from '../../src/registry/client.ts';
import { RunMemory } from '../../src/registry/run-memory.ts';
import { openReader } from '../../src/registry/signature-reader.ts';
import { judge } from '../../src/signature/judge.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import { createTrust } from '../../src/signature/trust.ts';
import { type RunSetting, shrunken } from './signing-run.ts';

/** Verifies images with a public key, without a log. Never throws but for what is not a Failure. */
export async function verifyingRun(
  setting: Omit<RunSetting, 'annotations' | 'env'>,
): Promise<readonly VerifyResult[]> {
  const {
    host,
    repository,
    images,
    key,
    credentials,
    place = repository,
    budget = 60_000,
  } = setting;
  const deadline = createDeadline(budget, systemClock);
  const http = createHttp({
    deadline,
    clock: systemClock,
    env: {},
    limits: shrunken.limits,
    random: () => 0.1,
  });
  const open = openRegistry({
    http,
    clock: systemClock,
    credentials: async () =>
      credentials === undefined ? undefined : { kind: 'password', ...credentials },
    access: 'pull',
    mask: () => undefined,
    retryBudget: shrunken.retryBudget,
  });
  const sleep = (milliseconds: number) => deadline.sleep(milliseconds / shrunken.slower);
  const memory = new RunMemory();
  const policy: SignaturePolicy = {
    signers: [{ key: key.publicKey }],
    annotations: {},
    tlog: 'ignore',
  };
  const trust = createTrust(undefined);
  const targets = images.map((digest) => {
    const text = `${host}/${repository}@${digest}`;
    return { reference: parseReference(text), digest: parseDigest(digest), references: [text] };
  });
  const tools = {
    open,
    sleep,
    recursive: false,
    describedBy: 'headers' as const,
    found: (image: Image) =>
      openReader(open({ registry: host, repository: place }), image.digest, { memory }).found(
        ['bundle', 'legacy'],
        'all',
      ),
    judge: async (
      ...[found, digest, asked]: [
        Parameters<typeof judge>[0],
        Parameters<typeof judge>[1],
        SignaturePolicy,
      ]
    ) => judge(found, digest, asked, trust),
    attested: async () => {
      throw new Error('no attestation is asked for');
    },
    onTagOnly: () => undefined,
  };
  try {
    return await verifyImages(
      targets,
      () => ({ kind: 'signature', policy }),
      tools,
      () => undefined,
    );
  } finally {
    http.close();
  }
}
