// Near misses that only a signature of the kind shows: a workflow that was called, and one that ran
// for a tag; each beside the stranger who looks alike.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { strangeInputs, told } from '../sandbox/told.ts';
import { type KeylessWorld, sandboxWorld, signKeyless } from '../sign-action/keyless-world.ts';
import { verify } from './gate.ts';

let world: KeylessWorld;
beforeAll(async () => {
  world = await sandboxWorld();
});
afterAll(() => world.close());

const release = 'octo-org/octo-repo/.github/workflows/release.yml';
const called = 'octo-org/shared/.github/workflows/sign.yml@refs/tags/v3';

async function judged(
  name: string,
  claims: Readonly<Record<string, string>>,
  inputs: Readonly<Record<string, string>>,
) {
  const registry = world.registries['with the referrers API'];
  const { reference } = await pushImage(registry, `near/${name}`, { tag: '1' });
  const signed = await signKeyless(world, reference, { claims });
  expect(signed.code, signed.shown).toBe(0);
  const asked = {
    images: reference,
    'trusted-root': JSON.stringify(world.sigstore.trustedRoot),
    'certificate-oidc-issuer': signed.outputs.issuer ?? '',
  };
  const run = await verify({ ...asked, ...inputs });
  expect(run.code, run.shown).toBe(1);
  expect(strangeInputs(told(run), 'verify')).toEqual([]);
  return { text: told(run), again: (more: typeof inputs) => verify({ ...asked, ...more }) };
}

const yamlIn = (text: string) =>
  Object.fromEntries(
    [...text.matchAll(/^ {2}([\w-]+): (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );

describe('the caller where the called workflow signs', () => {
  const claims = {
    job_workflow_ref: called,
    workflow_ref: `${release}@refs/heads/main`,
    ref: 'refs/heads/main',
  };

  it('is named, and what is advised lets in this caller alone', async () => {
    const { text, again } = await judged('called', claims, {
      'certificate-identity': `https://github.com/${release}@refs/heads/main`,
    });
    expect(text).toContain('a called workflow signs as itself');
    const advised = yamlIn(text);
    expect(advised).toEqual({
      'certificate-identity': `https://github.com/${called}`,
      'github-workflow-ref': `${release}@refs/heads/main`,
    });
    expect((await again(advised)).outputs.verified).toBe('true');
  });

  itInWhole('is not named where another workflow called it', async () => {
    const { text } = await judged(
      'called-by-other',
      { ...claims, workflow_ref: 'evil/evil/.github/workflows/x.yml@refs/heads/main' },
      { 'certificate-identity': `https://github.com/${release}@refs/heads/main` },
    );
    expect(text).toContain('Do not use this image');
    expect(text).not.toContain('with:');
  });
});

describe('a branch where a tag signs', () => {
  const asked = { 'certificate-identity': `https://github.com/${release}@refs/heads/main` };
  const at = (ref: string) => ({
    job_workflow_ref: `${release}@${ref}`,
    workflow_ref: `${release}@${ref}`,
    ref,
  });

  itInWhole('is named, and the versions of this workflow are advised', async () => {
    const { text, again } = await judged('tag', at('refs/tags/v1.2.0'), asked);
    expect(text).toContain('names a branch, and the workflow ran for a tag');
    const advised = yamlIn(text);
    expect(Object.keys(advised)).toEqual(['certificate-identity-regexp']);
    expect((await again(advised)).outputs.verified).toBe('true');
  });

  const others = ['refs/heads/evil', 'refs/tags/evil', 'refs/pull/7/merge'];
  it.each(sampled(others, ['refs/tags/evil']))(
    'is not: nobody is advised to trust %s',
    async (ref) => {
      const { text } = await judged(ref.replaceAll('/', '-'), at(ref), asked);
      expect(text).not.toContain('with:');
    },
  );
});
