// A machine whose cryptography says yes, or no, to everything: done to Node before the action
// starts, as settings of a job can.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, key, keyless, record, recordedIssuer, trustedRoot, verify } from './gate.ts';

const folder = mkdtempSync(join(tmpdir(), 'sign-image-self-test-'));
let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await registry?.close();
});

/** How often the self-test by certificate, alone in a process, calls `verify`. */
function checksOfSelfTest(counting: string, noted: string): number {
  const module = new URL('../../src/signature/self-test.ts', import.meta.url).href;
  const script = `await (await import(${JSON.stringify(module)})).selfTest('certificate');`;
  execFileSync(process.execPath, ['--require', counting, '--input-type=module', '-e', script]);
  const checks = readFileSync(noted, 'utf8').length;
  writeFileSync(noted, '');
  return checks;
}

/** Settings under which something of Node's cryptography is `instead` in the step. */
function crooked(what: 'verify' | 'X509Certificate', instead: string): { NODE_OPTIONS: string } {
  const file = join(mkdtempSync(join(folder, 'settings-')), 'crooked.cjs');
  writeFileSync(
    file,
    `require('node:crypto').${what} = ${instead};\nrequire('node:module').syncBuiltinESMExports();\n`,
  );
  return { NODE_OPTIONS: `--require=${file}` };
}

describe('the self-test', () => {
  // The registry keeps the signature back until the self-test is over: it would never come to a step
  // that tests itself when it has it.
  it('runs while the signature is on its way', async () => {
    const { loaded, asked } = await keyless(registry);
    const file = join(folder, 'judging.cjs');
    const noted = join(folder, 'checks');
    writeFileSync(noted, '');
    writeFileSync(
      file,
      `const fs = require('node:fs');\nconst crypto = require('node:crypto');\nconst { verify } = crypto;\ncrypto.verify = (...question) => { fs.appendFileSync(${JSON.stringify(noted)}, '.'); return verify(...question); };\nrequire('node:module').syncBuiltinESMExports();\n`,
    );
    const checks = () => readFileSync(noted, 'utf8').length;
    const ofSelfTest = checksOfSelfTest(file, noted);
    expect(ofSelfTest).toBeGreaterThan(2);
    let meanwhile = 0;
    let over = false;
    registry.set({
      override: async ({ path }) => {
        if (path.includes(`/${loaded.repository}/blobs/`)) {
          while (!over && checks() < ofSelfTest) await wait(5);
          meanwhile = checks();
        }
        return undefined;
      },
    });
    const result = await verify(
      // A timeout this long makes the step patient with a registry that keeps it waiting.
      { ...asked, 'certificate-identity': ferry, timeout: '1h' },
      { env: { NODE_OPTIONS: `--require=${file}` } },
    );
    over = true;
    registry.set({});
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    // The trusted root is prepared beside it, which may take a check or two by then.
    expect(meanwhile).toBeGreaterThanOrEqual(ofSelfTest);
    expect(checks()).toBeGreaterThan(meanwhile);
  });
});

describe('a machine that cannot judge', () => {
  const asks = {
    certificate: async () => ({
      ...(await keyless(registry)).asked,
      'certificate-identity': ferry,
    }),
    key: async () => ({
      images: (await record(registry, 'keyed-bundle-nolog', 'keyed')).reference,
      key: key('release.pub'),
      tlog: 'ignore',
    }),
  };

  const machines = [
    ['certificate', true, 'bad-signature'],
    ['certificate', false, 'verified'],
    ['key', true, 'bad-signature'],
    ['key', false, 'verified'],
  ] as const;
  const sample = ['certificate true', 'key false'];
  it.each(sampled(machines, sample, ([by, verdict]) => `${by} ${verdict}`))(
    'by %s, and says %s to every signature, is told so, and nothing is verified',
    async (by, verdict, expected) => {
      const result = await verify(await asks[by](), { env: crooked('verify', `() => ${verdict}`) });
      expect(result, result.stdout).toMatchObject({ code: 1, outputs: { verified: 'false' } });
      expect(result.annotations).toMatchObject([
        { kind: 'error', properties: { title: 'sign-image: self-test-failed' } },
      ]);
      expect(result.annotations[0]?.message).toContain(`, and "${expected}" is right`);
      expect(result.annotations[0]?.message).toContain('NODE_OPTIONS: ""');
    },
  );

  it('by one of two kinds judges by neither, and `fail: false` does not help', async () => {
    const images = [
      await record(registry, 'keyed-bundle-nolog', 'one/keyed'),
      await record(registry, 'keyless-bundle-rekor1', 'two/keyless'),
    ];
    const policy = (name: string, glob: string, authority: string) =>
      `apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: { name: ${name} }\nspec:\n  images: [{ glob: "${registry.host}/fixtures/${glob}/**" }]\n  authorities:\n    - ${authority}\n`;
    const data = JSON.stringify(key('release.pub'));
    const workspace = {
      'keyed.yaml': policy('keyed', 'one', `{ key: { data: ${data} } }`),
      'keyless.yaml': policy(
        'keyless',
        'two',
        `{ keyless: { identities: [{ issuer: "${recordedIssuer}", subject: "${ferry}" }] } }`,
      ),
    };
    const inputs = {
      images: images.map(({ reference }) => reference).join('\n'),
      policy: '*.yaml',
      tlog: 'ignore',
      'trusted-root': trustedRoot,
      fail: 'false',
    };
    const env = crooked(
      'X509Certificate',
      "class { constructor() { throw new Error('no certificates here'); } }",
    );
    const result = await verify(inputs, { workspace, env });
    expect(result, result.stdout).toMatchObject({
      code: 1,
      outputs: { verified: 'false', images: '[]' },
    });
    expect(result.annotations).toMatchObject([
      { kind: 'error', properties: { title: 'sign-image: self-test-failed' } },
    ]);
    expect(result.stdout).not.toContain('✓');
  });
});
