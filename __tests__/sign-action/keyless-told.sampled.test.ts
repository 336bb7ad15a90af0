// A secret whose name is misspelt leaves `key` empty, and the step signs keyless: that is said
// before anything is published, and where it cannot sign, the likelier cause comes first.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { told } from '../sandbox/told.ts';
import { type KeylessWorld, sandboxWorld, signKeyless } from './keyless-world.ts';

let world: KeylessWorld;
let image: string;
beforeAll(async () => {
  world = await sandboxWorld();
  ({ reference: image } = await pushImage(
    world.registries['with the referrers API'],
    'acme/keyless',
  ));
});
afterAll(() => world.close());

const noToken = {
  ACTIONS_ID_TOKEN_REQUEST_URL: undefined,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: undefined,
};

describe('a step whose key is empty', () => {
  it('says in log and summary that it signs keyless, and as whom', async () => {
    const run = await signKeyless(world, image);
    expect(run.code, run.shown).toBe(0);
    const { identity } = run.outputs;
    expect(run.shown).toContain(
      '`key` is empty, so this step signs keyless as workflow release.yml of octo-org/octo-repo at refs/heads/main\n',
    );
    expect(run.shown).toContain(`identity: ${identity}\n`);
    expect(run.summary).toContain('<code>key</code> is empty, so this step signs keyless.');
    expect(run.summary).toContain(`<code>${identity}</code>`);
  });

  it('names the secret before the permission where there is no token', async () => {
    const run = await signKeyless(world, image, { env: noToken });
    const text = told(run);
    const [secret, permission] = ['the secret in `key:`', '  id-token: write'].map((words) =>
      text.lastIndexOf(words),
    );
    expect(secret, text).toBeGreaterThan(0);
    expect(permission, text).toBeGreaterThan(secret ?? 0);
    expect(text).toMatch(/`key` is empty, so this step signs keyless/);
    expect(text).toMatch(/publishes the names of the repository/);
    expect(run.summary).toMatch(/<code>key<\/code> is empty/);
  });

  const elsewhere = [
    ['act', { ACT: 'true' }],
    ['Gitea Actions', { GITEA_ACTIONS: 'true' }],
    ['Forgejo Actions', { GITEA_ACTIONS: 'true', FORGEJO_ACTIONS: 'true' }],
  ] as const;
  it.each(sampled(elsewhere, ['Gitea Actions']))(
    'on %s says that there is no token service, and asks for no permission',
    async (name, env) => {
      const run = await signKeyless(world, image, { env: { ...noToken, ...env } });
      expect(run.code).toBe(1);
      expect(told(run)).toContain(`runs on ${name}, without the token service of GitHub`);
      expect(told(run)).not.toContain('id-token: write');
    },
  );
});
