// What the built action signs keyless, real cosign 3 and cosign 2 accept, by exact identity and
// issuer, and refuse where they should; what they sign, the action recognises as its own.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startSigstore } from '../sandbox/sigstore/sigstore.ts';
import {
  type KeylessWorld,
  type RegistryKind,
  realWorld,
  signKeyless,
} from '../sign-action/keyless-world.ts';
import { cosign2, cosign3, need, type Ran, temporaryFolder } from './peers.ts';

let world: KeylessWorld;
let folder: string;
let cleanUp: () => Promise<void>;
let strangeRoot: string;

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  world = await realWorld();
  const stranger = await startSigstore();
  strangeRoot = join(folder, 'another_trusted_root.json');
  await writeFile(strangeRoot, JSON.stringify(stranger.trustedRoot));
  await stranger.close();
});

afterAll(async () => {
  await world?.close();
  await cleanUp?.();
});

let count = 0;
const push = (kind: RegistryKind) =>
  pushImage(world.registries[kind], `interop/keyless-${process.pid}-${count++}`);
const identity = (of = world.sigstore.certificateIdentity) => ['--certificate-identity', of];
const issuer = (of = world.sigstore.issuer) => ['--certificate-oidc-issuer', of];
const trusting = (root = need('TRUSTED_ROOT')) => ['--trusted-root', root, '--allow-http-registry'];
const otherWorkflow =
  'https://github.com/octo-org/octo-repo/.github/workflows/other.yml@refs/heads/main';
const refused = (ran: Ran) => expect(ran, ran.output).not.toMatchObject({ code: 0 });
const accepted = (ran: Ran) => expect(ran, ran.output).toMatchObject({ code: 0 });

/**
 * What cosign 3 and cosign 2 must be told beside identity and issuer; undefined: there is no legacy
 * signature.
 */
const configs = [
  ['v1', [], []],
  ['v1_tsa', ['--use-signed-timestamps'], []],
  ['v2', ['--use-signed-timestamps'], undefined],
  [
    'tsa',
    ['--use-signed-timestamps', '--insecure-ignore-tlog'],
    ['--use-signed-timestamps', '--insecure-ignore-tlog'],
  ],
] as const;

describe.each(['with the referrers API', 'without the referrers API'] as const)(
  'keyless signatures in a registry %s',
  (kind) => {
    it.each(configs)(
      'signed with the config %s, cosign accepts by exact identity and issuer alone',
      async (config, for3, for2) => {
        const { reference } = await push(kind);
        const run = await signKeyless(world, reference, { config });
        expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });

        accepted(
          await cosign3(['verify', ...identity(), ...issuer(), ...for3, ...trusting(), reference]),
        );
        refused(
          await cosign3([
            'verify',
            ...identity(otherWorkflow),
            ...issuer(),
            ...for3,
            ...trusting(),
            reference,
          ]),
        );
        refused(
          await cosign3([
            'verify',
            ...identity(),
            ...issuer('https://issuer.example'),
            ...for3,
            ...trusting(),
            reference,
          ]),
        );
        refused(
          await cosign3([
            'verify',
            ...identity(),
            ...issuer(),
            ...for3,
            ...trusting(strangeRoot),
            reference,
          ]),
        );
        if (for2 === undefined) return;
        const log = ['--rekor-url', need('REKOR_URL'), '--allow-http-registry'];
        accepted(await cosign2(['verify', ...identity(), ...issuer(), ...for2, ...log, reference]));
        refused(
          await cosign2([
            'verify',
            ...identity(otherWorkflow),
            ...issuer(),
            ...for2,
            ...log,
            reference,
          ]),
        );
        refused(
          await cosign2([
            'verify',
            ...identity(),
            ...issuer('https://issuer.example'),
            ...for2,
            ...log,
            reference,
          ]),
        );
      },
    );

    it.each(['v1', 'v1_tsa', 'v2', 'tsa'] as const)(
      'made by cosign 3 with the config %s, the action recognises as its own',
      async (config) => {
        const { reference } = await push(kind);
        const file = need(`SIGNING_CONFIG_${config.toUpperCase()}`);
        const token = ['--identity-token', await world.sigstore.token()];
        accepted(
          await cosign3([
            'sign',
            '--yes',
            ...token,
            '--signing-config',
            file,
            ...trusting(),
            reference,
          ]),
        );
        const run = await signKeyless(world, reference, { config, inputs: { format: 'bundle' } });
        expect(run, run.stdout).toMatchObject({
          code: 0,
          results: [{ status: 'already-signed', verified: true }],
        });
        const stranger = await signKeyless(world, reference, {
          config,
          inputs: { format: 'bundle' },
          claims: { sha: 'a'.repeat(40) },
        });
        expect(stranger).toMatchObject({
          code: 0,
          results: [{ status: 'signed', verified: true }],
        });
      },
    );

    it('made by cosign 2, the action recognises as its own, and keeps', async () => {
      const { reference } = await push(kind);
      const services = [
        '--fulcio-url',
        need('FULCIO_URL'),
        '--rekor-url',
        need('REKOR_URL'),
        '--allow-http-registry',
      ];
      accepted(
        await cosign2([
          'sign',
          '--yes',
          '--identity-token',
          await world.sigstore.token(),
          ...services,
          reference,
        ]),
      );
      const run = await signKeyless(world, reference, { inputs: { format: 'both' } });
      expect(run, run.stdout).toMatchObject({
        code: 0,
        results: [{ verified: true, signatures: [{ format: 'bundle' }, { format: 'legacy' }] }],
      });
      accepted(
        await cosign2([
          'verify',
          ...identity(),
          ...issuer(),
          '--rekor-url',
          need('REKOR_URL'),
          '--allow-http-registry',
          reference,
        ]),
      );
      accepted(await cosign3(['verify', ...identity(), ...issuer(), ...trusting(), reference]));
      const again = await signKeyless(world, reference, { inputs: { format: 'both' } });
      expect(again).toMatchObject({ code: 0, results: [{ status: 'already-signed' }] });
    });
  },
);

it('the command in the summary is one that cosign 3 carries out', async () => {
  const { reference } = await push('with the referrers API');
  for (const config of ['v1', 'v2', 'tsa'] as const) {
    const run = await signKeyless(world, reference, {
      config,
      inputs: { 'skip-existing': 'false', format: 'bundle' },
    });
    const command =
      /<pre>cosign (verify [\s\S]*?)<\/pre>/.exec(run.summary)?.[1]?.replaceAll('\\\n', ' ') ?? '';
    const words = command
      .split(/\s+/)
      .map((word) => (word === 'trusted_root.json' ? need('TRUSTED_ROOT') : word));
    accepted(await cosign3([...words, '--allow-http-registry']));
  }
});
