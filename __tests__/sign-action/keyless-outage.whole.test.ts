// The end of each budget through the built action: the step says which service, for how long, how
// often it was asked, and leaves nothing in the registry. Budgets are so wide that only a hang breaks
// them; how they are spent is measured in run/outage.test.ts.
import { describe, expect, it } from 'vitest';
import { openWorld, services } from './outage-world.ts';

describe.concurrent.each(services)('an outage of %s', (service, config, code, name) => {
  it('that lasts longer fails with its name, for how long and how often it was asked, and leaves nothing in the registry', async () => {
    await using world = await openWorld();
    world.sigstore.faults[service].inject({ kind: 'status', status: 503 });
    const before = world.registry.store.find('acme/app')?.manifests.size;
    const run = await world.sign(config, { timeout: '30s', format: 'bundle' });
    expect(run).toMatchObject({
      code: 1,
      outputs: { verified: 'false', images: '[]' },
      results: [{ status: 'failed', signatures: [] }],
    });
    expect(run.errorCodes).toEqual([code]);
    const said = run.annotations.find(({ kind }) => kind === 'error')?.message ?? '';
    expect(said).toMatch(
      new RegExp(
        `${name} at http://127.0.0.1:\\d+\\S* answered 503 for \\d+\\.\\d s, asked \\d+ times: injected fault`,
      ),
    );
    expect(said).toContain('Nothing was written to the registry.');
    expect(world.registry.store.find('acme/app')?.manifests.size).toBe(before);
  });
});

describe.concurrent("GitHub's OIDC provider", () => {
  it('that accepts and never answers costs no more than the time of the step', async () => {
    await using world = await openWorld();
    world.sigstore.faults.oidc.inject({ kind: 'hang' });
    const run = await world.sign('v1', { timeout: '30s' });
    expect(run, run.stdout).toMatchObject({ code: 1, errorCodes: ['no-identity-token'] });
    expect(run.annotations.find(({ kind }) => kind === 'error')?.message).toContain(
      "GitHub's OIDC provider",
    );
  });
});

describe.concurrent('a service that hangs', () => {
  it('does not use up the time for another try', async () => {
    await using world = await openWorld();
    for (const service of ['oidc', 'fulcio', 'rekor'] as const)
      world.sigstore.faults[service].inject({ kind: 'hang' }, { times: 1 });
    const run = await world.sign('v1', { timeout: '60s', format: 'bundle' });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});
