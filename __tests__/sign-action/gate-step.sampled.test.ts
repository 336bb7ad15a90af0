// The step that the summary shows is run as it stands there: it lets through what was signed, and
// nothing else.
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { itInWhole } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import { keyedInputs, makeKey } from './keyed-world.ts';
import { sandboxWorld, signKeyless } from './keyless-world.ts';

const env = { GITHUB_ACTION_REPOSITORY: 'acme/sign-image', GITHUB_ACTION_REF: 'v1' };

/** The step of the summary: YAML out of its HTML, as a person copies it. */
function stepOf({ summary }: RunResult): { uses: string; with: Record<string, string> } {
  const html = /<pre>(- uses: .*?)<\/pre>/s.exec(summary)?.[1] ?? '';
  const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  const [step] = parse(html.replace(/&(#?\w+);/g, (_, name) => entities[name] ?? ''));
  return step;
}

const gate = (inputs: Record<string, string>, workspace: Record<string, string> = {}) =>
  runAction({ entry: 'dist/verify.js', inputs, workspace });

itInWhole(
  'by a key: two images, with annotations that YAML could take for something else',
  async () => {
    await using registry = await startRegistry({ referrersApi: true });
    const key = makeKey();
    const images = await Promise.all(
      ['app', 'web'].map((name) => pushImage(registry.host, `acme/${name}`, { seed: name })),
    );
    const annotations = 'env=true\nnote=a: b #c\nwho="x"';
    const more = { annotations, format: 'bundle' };
    const references = images.map(({ reference }) => reference);
    const run = await runAction({ env, inputs: keyedInputs(references, key, more) });
    expect(run.code, run.stdout).toBe(0);
    const step = stepOf(run);
    expect(step.uses).toBe('acme/sign-image/verify@v1');
    const passed = await gate(step.with);
    expect(passed.outputs, passed.stdout).toMatchObject({
      verified: 'true',
      images: JSON.stringify(references),
    });
    const stranger = makeKey().publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect((await gate({ ...step.with, key: stranger })).code).toBe(1);
    expect((await gate({ ...step.with, annotations: 'env=false' })).code).toBe(1);
  },
);

itInWhole('of an attestation, which is no signature', async () => {
  await using registry = await startRegistry({ referrersApi: true });
  const image = await pushImage(registry.host, 'acme/app');
  const document = { 'predicate-type': 'vuln', predicate: '{}' };
  const inputs = keyedInputs(image.reference, makeKey(), document);
  const run = await runAction({ env, entry: 'dist/attest.js', inputs });
  expect(run.code, run.stdout).toBe(0);
  const step = stepOf(run);
  expect((await gate(step.with)).outputs).toMatchObject({ verified: 'true' });
  const { signature: _, ...signed } = step.with;
  expect((await gate(signed)).code).toBe(1);
  expect((await gate({ ...step.with, 'attestation-type': 'openvex' })).code).toBe(1);
});

it('keyless, of a Sigstore of its own', async () => {
  const world = await sandboxWorld();
  try {
    const host = world.registries['with the referrers API'];
    const image = await pushImage(host, 'acme/app');
    const run = await signKeyless(world, image.reference);
    expect(run.code, run.stdout).toBe(0);
    const step = stepOf(run);
    expect(step.uses).toBe('OWNER/sign-image/verify@v1');
    const roots = { 'trusted_root.json': JSON.stringify(world.sigstore.trustedRoot) };
    const passed = await gate(step.with, roots);
    expect(passed.outputs, passed.stdout).toMatchObject({
      verified: 'true',
      identity: world.sigstore.certificateIdentity,
    });
    const other = `${step.with['certificate-identity']}x`;
    expect((await gate({ ...step.with, 'certificate-identity': other }, roots)).code).toBe(1);
    // Who takes over the names has other numbers.
    expect(step.with['github-repository-owner-id']).toMatch(/^\d+$/);
    const stranger = await gate({ ...step.with, 'github-repository-id': '999999999' }, roots);
    expect(stranger.code).toBe(1);
    expect(stranger.outputs.results).toContain('"code":"wrong-claim"');
  } finally {
    await world.close();
  }
});
