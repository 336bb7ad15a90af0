// One suite, two worlds: the built action signs keyless in the sandbox, and with a real Fulcio,
// Rekor v1, Rekor v2 and timestamp authority.
import { bundleFromJSON } from '@sigstore/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { pushImage } from '../sandbox/images.ts';
import { parallelOf } from '../sandbox/proxy.ts';
import { judge } from '../sigstore/world.ts';
import { type KeylessWorld, newKeyPem, type RegistryKind, signKeyless } from './keyless-world.ts';
import { loggedEntry } from './logged-entry.ts';
import type { SignedRun } from './signed.ts';

/**
 * Per signing config: the formats of `auto`, log entries and times in the bundle, and what the log
 * and the certificate's time come from.
 */
const configs = [
  ['v1', { formats: ['bundle', 'legacy'], logs: 1, times: 1, log: 1, timestamps: false }],
  ['v1_tsa', { formats: ['bundle', 'legacy'], logs: 1, times: 2, log: 1, timestamps: true }],
  ['v2', { formats: ['bundle'], logs: 1, times: 1, log: 2, timestamps: true }],
  ['tsa', { formats: ['bundle', 'legacy'], logs: 0, times: 1, log: undefined, timestamps: true }],
] as const;
const registries: readonly RegistryKind[] = ['with the referrers API', 'without the referrers API'];

export function describeKeyless(name: string, start: () => Promise<KeylessWorld>): void {
  describe(`keyless signing with ${name}`, () => {
    let world: KeylessWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterAll(() => world.close());

    let count = 0;
    /**
     * A repository of its own, named after this run: real registries keep what was pushed before.
     */
    const push = async (
      kind: RegistryKind = registries[0]!,
      options: Parameters<typeof pushImage>[2] = {},
    ) => pushImage(world.registries[kind], `acme/keyless-${process.pid}-${count++}`, options);
    const signer = () => ({
      identity: world.sigstore.certificateIdentity,
      issuer: world.sigstore.issuer,
    });
    const askedOfFulcio = () =>
      world.fulcio.statistics().log.filter(({ path }) => path.endsWith('/signingCert')).length;
    const entriesAdded = () =>
      world.rekor
        .statistics()
        .log.filter(({ method, status }) => method === 'POST' && status === 201);
    const counted = <T>(work: () => Promise<T>): Promise<T> => {
      world.fulcio.reset();
      world.rekor.reset();
      return work();
    };
    const bundleOf = (run: SignedRun) => {
      const file = [...run.files].find(([path]) =>
        run.outputs.bundle?.endsWith(path.replace(/^temp/, '')),
      );
      return bundleFromJSON(JSON.parse(String(file?.[1])));
    };

    describe.each(sampled(configs, ['v1', 'v2', 'tsa']))(
      'and the signing config %s',
      (config, expected) => {
        const sample = registries[config === 'v1' ? 0 : 1]!;
        it.each(sampled(registries, [sample]))(
          'signs into a registry %s, and says all about it',
          async (kind) => {
            const image = await push(kind);
            const run = await counted(() =>
              signKeyless(world, image.reference, {
                config,
                inputs: { annotations: 'team=röcket' },
              }),
            );
            expect(run, run.stdout).toMatchObject({ code: 0, errorCodes: [] });
            const [result] = run.results;
            expect(result).toMatchObject({
              status: 'signed',
              verified: true,
              image: image.reference,
              annotations: { team: 'röcket' },
            });
            expect(result?.signer).toMatchObject({
              ...signer(),
              github: { repositoryId: run.outputs['github-repository-id'] },
              source: { repository: expect.stringMatching(/^https:/) },
            });
            expect(run.outputs['github-repository-owner-id']).toMatch(/^\d+$/);
            expect(result?.signatures.map(({ format }) => format)).toEqual(expected.formats);
            for (const signature of result?.signatures ?? []) {
              expect(signature).toMatchObject({
                tlogIndex: expected.log === undefined ? null : expect.any(Number),
                logId: expected.log === undefined ? null : expect.stringMatching(/^[0-9a-f]{64}$/),
                integratedTime: expected.log === 1 ? expect.any(Number) : null,
                timestamp: expected.timestamps ? expect.stringMatching(/^20\d\d-/) : null,
                certificate: run.outputs.certificate,
              });
            }
            expect(run.outputs).toMatchObject({
              ...signer(),
              verified: 'true',
              'tlog-index':
                expected.log === undefined ? '' : String(result?.signatures[0]?.tlogIndex),
              'tlog-url': '',
              'signature-digest': result?.signatures[0]?.digest,
              certificate: expect.stringMatching(
                /^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----\n?$/,
              ),
            });
            // Others than the action's own code accept the bundle, for this image alone.
            const bundle = bundleOf(run);
            expect(judge(bundle, world.sigstore.trustedRoot, expected)).toEqual(signer());
            expect(bundle.content).toMatchObject({ dsseEnvelope: { payload: expect.anything() } });
            expect(askedOfFulcio()).toBe(1);
            if (expected.log !== undefined) {
              const entry = await loggedEntry(
                world.sigstore,
                expected.log,
                Number(run.outputs['tlog-index']),
              );
              expect(entry).toEqual(
                bundle.verificationMaterial.tlogEntries[0]?.canonicalizedBody.toString(),
              );
            }
            expect(run.summary).toContain(
              '<p>Signed by release.yml of octo-org/octo-repo at main, ',
            );
            expect(run.summary).toContain(
              `--certificate-identity ${world.sigstore.certificateIdentity} `,
            );
            expect(run.summary).toContain(`--certificate-oidc-issuer ${world.sigstore.issuer} `);
            expect(run.summary.includes('--insecure-ignore-tlog=true')).toBe(
              expected.log === undefined,
            );
            expect(run.summary.includes('--use-signed-timestamps')).toBe(expected.log !== 1);
            expect(run.shown).toContain(`identity: ${world.sigstore.certificateIdentity}\n`);
            expect(run.shown).toMatch(/token expires: 20\d\d-.* \(in \d min\)/);
          },
        );
      },
    );

    describe('with a log of version 2 alone', () => {
      it('says in a notice why there is no legacy signature, where the format is left open', async () => {
        const run = await signKeyless(world, (await push()).reference, { config: 'v2' });
        expect(run.annotations).toMatchObject([
          { kind: 'notice', message: expect.stringContaining('Rekor v2') },
        ]);
      });

      it.each(sampled(['legacy', 'both'], ['legacy']))(
        'refuses format: %s before a certificate is asked for',
        async (format) => {
          const image = await push();
          const run = await counted(() =>
            signKeyless(world, image.reference, { config: 'v2', inputs: { format } }),
          );
          expect(run).toMatchObject({ code: 1, errorCodes: ['bad-input'], results: [] });
          expect(run.annotations[0]?.message).toContain('`format: bundle`');
          expect(askedOfFulcio()).toBe(0);
        },
      );
    });

    const formatsOf = [
      ['v1', ['bundle', 'legacy']],
      ['v2', ['bundle']],
    ] as const;
    it.each(sampled(formatsOf, ['v1']))(
      'a key records its signatures in the log of %s too, and asks Fulcio for nothing',
      async (config, formats) => {
        const image = await push();
        const run = await counted(() =>
          signKeyless(world, image.reference, { config, inputs: { key: newKeyPem() } }),
        );
        expect(run, run.stdout).toMatchObject({
          code: 0,
          results: [{ status: 'signed', verified: true, signer: { keyId: expect.any(String) } }],
        });
        expect(run.results[0]?.signatures).toEqual(
          formats.map((format) =>
            expect.objectContaining({ format, tlogIndex: expect.any(Number) }),
          ),
        );
        expect(run.outputs).toMatchObject({ identity: '', issuer: '', certificate: '' });
        expect(askedOfFulcio()).toBe(0);
      },
    );

    const sizes = [
      ['ten images of eight platforms', 10, 8],
      ['four images of two platforms', 4, 2],
    ] as const;
    it.each(sampled(sizes, ['four images of two platforms']))(
      'signs %s with one certificate and as many log entries as signatures, in parallel with a bound',
      async (_, size, platforms) => {
        const signatures = size * (1 + platforms);
        const images = await Promise.all(
          Array.from({ length: size }, (_, seed) => push(undefined, { seed, platforms })),
        );
        const run = await counted(() =>
          signKeyless(world, images.map(({ reference }) => reference).join('\n'), {
            inputs: { recursive: 'true', format: 'bundle' },
          }),
        );
        expect(run, run.stdout.slice(-2000)).toMatchObject({
          code: 0,
          outputs: { verified: 'true' },
        });
        expect(run.results).toHaveLength(signatures);
        expect(askedOfFulcio()).toBe(1);
        const indexes = run.results.flatMap(({ signatures }) =>
          signatures.map(({ tlogIndex }) => tlogIndex),
        );
        expect(new Set(indexes).size).toBe(signatures);
        expect(entriesAdded()).toHaveLength(signatures);
        expect(parallelOf(entriesAdded())).toBeGreaterThan(1);
        expect(parallelOf(entriesAdded())).toBeLessThanOrEqual(16);
        const certificates = run.results.flatMap(({ signatures }) =>
          signatures.map(({ certificate }) => certificate),
        );
        expect(new Set(certificates)).toEqual(new Set([run.outputs.certificate]));
      },
    );

    it.each(sampled(registries, ['without the referrers API']))(
      'does not write again into a registry %s what this workflow has said of this commit',
      async (kind) => {
        const image = await push(kind);
        const first = await signKeyless(world, image.reference);
        expect(first).toMatchObject({ code: 0, results: [{ status: 'signed' }] });
        const again = await counted(() => signKeyless(world, image.reference));
        expect(again).toMatchObject({
          code: 0,
          results: [{ status: 'already-signed', verified: true }],
          outputs: { verified: 'true' },
        });
        expect(again.results[0]?.signatures).toEqual(first.results[0]?.signatures);
        expect(entriesAdded()).toEqual([]);
        const sha = 'f'.repeat(40);
        const other = await signKeyless(world, image.reference, { claims: { sha } });
        expect(other).toMatchObject({ code: 0, results: [{ status: 'signed', verified: true }] });
      },
    );

    describeIdentities(() => world, push);
    describeTokens(() => world, push, askedOfFulcio);
  });
}

type Push = () => Promise<{ readonly reference: string }>;

/**
 * Who it is that signs: as the certificate says, letter by letter, and so as a verifier must state
 * it.
 */
function describeIdentities(world: () => KeylessWorld, push: Push): void {
  const called = 'acme/workflows/.github/workflows/build-and-sign.yml@refs/tags/v3';
  const branch = 'refs/heads/fünf/日本 {x}';
  const identities = [
    [
      'a reusable workflow, whose identity is its own',
      { job_workflow_ref: called },
      `https://github.com/${called}`,
    ],
    [
      'a workflow of a branch with letters of all kinds',
      {
        job_workflow_ref: `octo-org/octo-repo/.github/workflows/release.yml@${branch}`,
        ref: branch,
      },
      'https://github.com/octo-org/octo-repo/.github/workflows/release.yml@refs/heads/f%C3%BCnf/%E6%97%A5%E6%9C%AC%20%7Bx%7D',
    ],
  ] as const;
  it.each(sampled(identities, ['a workflow of a branch with letters of all kinds']))(
    '%s',
    async (_who, claims, identity) => {
      const run = await signKeyless(world(), (await push()).reference, { claims });
      expect(run, run.stdout).toMatchObject({
        code: 0,
        outputs: { identity, verified: 'true' },
        results: [{ signer: { identity } }],
      });
      expect(run.shown).toContain(`identity: ${identity}\n`);
      expect(run.summary).toContain(`--certificate-identity ${identity} `);
    },
  );

  it('an e-mail address, by a token that was given', async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url = '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } =
      world().tokenRequest({
        audience: 'sigstore',
        email: 'dev@example.com',
      });
    const mailIssuer = url.replace('127.0.0.1', 'localhost');
    const answer = await fetch(mailIssuer, { headers: { authorization: `bearer ${bearer}` } });
    const { value } = (await answer.json()) as { value: string };
    const run = await signKeyless(world(), (await push()).reference, {
      inputs: { 'identity-token': value },
      env: withoutPermission,
    });
    expect(run, run.stdout).toMatchObject({
      code: 0,
      outputs: { identity: 'dev@example.com', issuer: new URL(mailIssuer).origin },
    });
    const again = await signKeyless(world(), run.outputs.image ?? '', {
      env: { ...withoutPermission, SIGSTORE_ID_TOKEN: value },
    });
    expect(again).toMatchObject({ code: 0, results: [{ status: 'already-signed' }] });
  });
}

const withoutPermission = {
  ACTIONS_ID_TOKEN_REQUEST_URL: undefined,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: undefined,
};

/** What is wrong with a token is told before anything is asked of Fulcio. */
function describeTokens(world: () => KeylessWorld, push: Push, askedOfFulcio: () => number): void {
  const given = async (claims: Record<string, string>) => ({
    'identity-token': await world().sigstore.token(claims),
  });
  const fork = {
    pull_request: {
      head: { repo: { full_name: 'stranger/app' } },
      base: { repo: { full_name: 'acme/app' } },
    },
  };
  const mistakes = [
    [
      'no permission',
      async () => ({ env: withoutPermission }),
      'no-identity-token',
      'permissions:\n  contents: read\n  packages: write\n  id-token: write',
    ],
    [
      'a pull request from a fork',
      async () => ({
        env: { ...withoutPermission, GITHUB_EVENT_NAME: 'pull_request' },
        event: fork,
      }),
      'no-identity-token',
      "if: github.event_name != 'pull_request'",
    ],
    [
      'a token that has expired',
      async () => ({ inputs: await given({ exp: '-90' }) }),
      'bad-identity-token',
      'expired 9',
    ],
    [
      'a token for another audience',
      async () => ({ inputs: await given({ audience: 'other' }) }),
      'bad-identity-token',
      'audience "other"',
    ],
    [
      'a text that is no token',
      async () => ({ inputs: { 'identity-token': 'no-token-at-all' } }),
      'bad-identity-token',
      'not a JSON Web Token',
    ],
  ] as const;
  const sample = ['no permission', 'a token that has expired'];
  it.each(sampled(mistakes, sample))(
    'tells %s before Fulcio is asked',
    async (_what, options, code, text) => {
      const image = await push();
      world().fulcio.reset();
      const run = await signKeyless(world(), image.reference, await options());
      expect(run).toMatchObject({
        code: 1,
        errorCodes: [code],
        outputs: { verified: 'false' },
        results: [],
      });
      expect(run.annotations.find(({ kind }) => kind === 'error')?.message).toContain(text);
      expect(askedOfFulcio()).toBe(0);
    },
  );

  it('tells what Fulcio says of a token that looks right and is not', async () => {
    const run = await signKeyless(world(), (await push()).reference, { claims: { key: 'other' } });
    expect(run).toMatchObject({
      code: 1,
      errorCodes: ['bad-identity-token'],
      results: [{ status: 'failed', signatures: [] }],
    });
  });
}
