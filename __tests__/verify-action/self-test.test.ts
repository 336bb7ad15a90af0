// A machine whose cryptography says yes, or no, to everything: done to Node before the action
// starts, as settings of a job can.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDelayProxy } from '../sandbox/proxy.ts';
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
  it('runs while the signature is on its way', async () => {
    const { loaded, asked } = await keyless(registry);
    const file = join(folder, 'judging.cjs');
    const noted = join(folder, 'times');
    const noting = `(...question) => { fs.appendFileSync(${JSON.stringify(noted)}, Date.now() + '\\n'); return verify(...question); }`;
    writeFileSync(
      file,
      `const fs = require('node:fs');\nconst crypto = require('node:crypto');\nconst { verify } = crypto;\ncrypto.verify = ${noting};\nrequire('node:module').syncBuiltinESMExports();\n`,
    );
    const began = Date.now();
    const proxy = await startDelayProxy({ target: registry.host, perResponseMs: 300 });
    const images = asked.images.replace(registry.host, proxy.host);
    const result = await verify(
      { ...asked, images, 'certificate-identity': ferry },
      { env: { NODE_OPTIONS: `--require=${file}` } },
    );
    await proxy.close();
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const { start = 0, end = 0 } =
      proxy.statistics().log.find(({ path }) => path.includes(`/${loaded.repository}/blobs/`)) ??
      {};
    const times = readFileSync(noted, 'utf8')
      .trim()
      .split('\n')
      .map((time) => Number(time) - began);
    const [meanwhile, after] = [
      times.filter((time) => start - 100 < time && time < end),
      times.filter((time) => time >= end),
    ];
    // The known signature and its altered twin take more checks than the one that came.
    expect(meanwhile.length).toBeGreaterThan(after.length);
    expect(after.length).toBeGreaterThan(2);
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

  it.each([
    ['certificate', true, 'bad-signature'],
    ['certificate', false, 'verified'],
    ['key', true, 'bad-signature'],
    ['key', false, 'verified'],
  ] as const)(
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
