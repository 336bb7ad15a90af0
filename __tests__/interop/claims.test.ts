// What a real Fulcio writes into certificates is what the gate compares: numbers, and what holds for
// every CI system. (Its issuers of type `github-workflow` state no deployment environment.)
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { runAction } from '../sandbox/runner.ts';
import { type KeylessWorld, realWorld, signKeyless } from '../sign-action/keyless-world.ts';

let world: KeylessWorld;
beforeAll(async () => {
  world = await realWorld();
});
afterAll(() => world?.close());

it('numbers and sources of a run are stated, and compared', async () => {
  const image = await pushImage(
    world.registries['with the referrers API'],
    `interop/claims-${process.pid}`,
  );
  const run = await signKeyless(world, image.reference);
  expect(run, run.stdout).toMatchObject({ code: 0 });
  const { identity = '', issuer = '', github, source } = run.results[0]?.signer ?? {};
  const repository = /^https:\/\/github\.com\/[^/]+\/[^/]+/.exec(identity)?.[0];
  expect(source).toMatchObject({ repository, runnerEnvironment: 'github-hosted' });
  const right: Record<string, string | undefined> = {
    'github-repository-id': github?.repositoryId,
    'github-repository-owner-id': github?.repositoryOwnerId,
    'github-workflow-sha': github?.workflowSha,
    'source-repository': repository,
    'source-ref': source?.ref,
    'source-sha': source?.sha,
    'build-config': source?.buildConfig,
    'build-trigger': source?.buildTrigger,
    'runner-environment': source?.runnerEnvironment,
  };
  const gate = (claims: Record<string, string | undefined>) =>
    runAction({
      entry: 'dist/verify.js',
      inputs: {
        images: image.reference,
        'certificate-identity': identity,
        'certificate-oidc-issuer': issuer,
        'trusted-root': JSON.stringify(world.sigstore.trustedRoot),
        ...(claims as Record<string, string>),
      },
    });
  const passed = await gate(right);
  expect(passed, passed.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  for (const [name, value = ''] of Object.entries(right)) {
    const wrong = /^\d+$/.test(value)
      ? `1${value}`
      : value.replace(/[a-z](?=[^a-z]*$)/, (letter) => (letter === 'a' ? 'b' : 'a'));
    expect(wrong).not.toBe(value);
    const refused = await gate({ ...right, [name]: wrong });
    expect([name, refused.code, refused.outputs.results]).toEqual([
      name,
      1,
      expect.stringContaining('"code":"wrong-claim"'),
    ]);
  }
});
