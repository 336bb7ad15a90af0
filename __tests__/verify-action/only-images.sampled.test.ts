// Inputs `only-images` and `skip-images`: what they leave out is listed, and fails nothing; and a
// gate that is left with nothing to judge does not pass.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { told } from '../sandbox/told.ts';
import { ferry, keyless, verify } from './gate.ts';

let registry: SandboxRegistry;
let asked: Readonly<Record<string, string>>;
let image: string;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
  const { loaded, asked: inputs } = await keyless(registry);
  const { images: _, ...rest } = inputs;
  asked = { ...rest, 'certificate-identity': ferry, files: 'Dockerfile\ndeploy/*.yaml' };
  image = loaded.reference;
});
afterAll(() => registry?.close());

const pod = (name: string) =>
  `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: app\n      image: ${name}\n`;
const workspace = () => ({
  Dockerfile: 'FROM node:22\n',
  'deploy/app.yaml': pod(image),
  'deploy/other.yaml': pod('node:22'),
});
const codes = (results = '[]') =>
  (JSON.parse(results) as { reference: string; code?: string; source?: { file: string } }[]).map(
    ({ reference, code = 'verified', source }) => `${code} ${reference} ${source?.file}`,
  );

describe.concurrent('the gate', () => {
  it('judges what only-images chooses, and lists the rest with its places', async () => {
    const inputs = { ...asked, 'only-images': `${registry.host}/fixtures/**` };
    const run = await verify(inputs, { workspace: workspace() });
    expect(run.code, run.shown).toBe(0);
    expect(run.outputs).toMatchObject({
      verified: 'true',
      images: JSON.stringify([image]),
      failed: '[]',
    });
    expect(codes(run.outputs.results)).toEqual([
      `verified ${image} deploy/app.yaml`,
      'not-judged docker.io/library/node:22 Dockerfile',
      'not-judged docker.io/library/node:22 deploy/other.yaml',
    ]);
    expect(run.shown).toContain(
      '– docker.io/library/node:22: not judged (only-images, skip-images), Dockerfile:1 and 1 more',
    );
    expect(run.summary).toMatch(/1 image not judged.*docker\.io\/library\/node:22/s);
    expect(run.annotations.filter(({ kind }) => kind === 'error')).toEqual([]);
  });

  itInWhole('leaves out what skip-images says, and judges the rest', async () => {
    const inputs = { ...asked, 'skip-images': 'node' };
    const run = await verify(inputs, { workspace: workspace() });
    expect([run.code, run.outputs.verified], run.shown).toEqual([0, 'true']);
  });

  it('still fails for an image that is chosen and not signed', async () => {
    const inputs = { ...asked, 'certificate-identity': ferry.replace('ferry', 'evil') };
    const run = await verify(
      { ...inputs, 'only-images': `${registry.host}/**` },
      { workspace: workspace() },
    );
    expect(run.code).toBe(1);
    expect(codes(run.outputs.results)).toContain(`wrong-identity ${image} deploy/app.yaml`);
  });

  it('still fails for what it cannot read for certain', async () => {
    const inputs = { ...asked, 'only-images': `${registry.host}/**` };
    const run = await verify(inputs, {
      workspace: { ...workspace(), 'deploy/open.yaml': pod('${IMAGE}') },
    });
    expect(run.code).toBe(1);
    expect(codes(run.outputs.results)).toContain('unresolved ${IMAGE} deploy/open.yaml');
  });

  itInWhole('judges what `images` names, whatever the globs say', async () => {
    const inputs = { ...asked, images: image, 'only-images': 'ghcr.io/nobody/**' };
    const run = await verify(inputs, { workspace: workspace() });
    expect([run.code, run.outputs.verified], run.shown).toEqual([0, 'true']);
  });

  it('does not pass with nothing left to judge', async () => {
    const run = await verify(
      { ...asked, 'only-images': 'ghcr.io/acmee/**' },
      { workspace: workspace() },
    );
    expect([run.code, run.outputs.verified]).toEqual([1, 'false']);
    expect(told(run)).toMatch(/leave all of them out: nothing is judged\.\nCheck the globs/);
  });

  const refused = [
    ['only-images', { files: '' }, 'files is empty'],
    ['only-images', { 'only-images': 'ghcr.io/acme/app:1' }, 'without tag and digest'],
    ['skip-images', { 'skip-images': '- nginx' }, 'Remove the dash'],
  ] as const;
  it.each(sampled(refused, ['skip-images']))('refuses %s with %j', async (name, inputs, says) => {
    const given = { images: image, ...asked, [name]: 'ghcr.io/acme/**', ...inputs };
    const run = await verify(given, { workspace: workspace() });
    expect(run.code).toBe(1);
    expect(told(run)).toContain(says);
  });
});
