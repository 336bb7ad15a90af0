// A log that is down, through the built action: who stands in for it.
import { describe, expect, it } from 'vitest';
import { newKeyPem } from './keyless-world.ts';
import { openWorld } from './outage-world.ts';

/** Nobody listens there. */
const nobody = 'http://127.0.0.1:9';

describe.concurrent.each([
  ['keyless', () => ({})],
  ['with a key', () => ({ key: newKeyPem() })],
] as const)('a step %s whose log is down', (_who, signer) => {
  it('signs with the one that stands in, and says so in log and summary', async () => {
    await using world = await openWorld();
    const { v1 } = world.sigstore.signingConfig as { v1: { rekorTlogUrls: object[] } };
    const [known] = v1.rekorTlogUrls;
    const newer = { ...known, url: nobody, validFor: { start: '2025-01-01T00:00:00Z' } };
    const config = JSON.stringify({ ...v1, rekorTlogUrls: [newer, known] });
    const inputs = { ...signer(), 'signing-config': config, timeout: '45s' };
    const run = await world.sign('v1', inputs);
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(run.results[0]?.signatures.map(({ format }) => format)).toEqual(['bundle', 'legacy']);
    const words = `Rekor at ${world.sigstore.rekorUrl} is used in place of ${nobody}, which is down`;
    expect(run.annotations.map(({ kind, message }) => [kind, message])).toEqual([
      ['notice', expect.stringContaining(words)],
    ]);
    expect(run.summary).toContain(
      `Rekor <code>${world.sigstore.rekorUrl}</code> was used in place of <code>${nobody}</code>, which was down.`,
    );
  });
});
