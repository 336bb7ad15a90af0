// A machine whose cryptography says yes, or no, to everything: done to Node before the action starts, as settings of a job can.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, key, keyless, record, verify } from './gate.ts';

const folder = mkdtempSync(join(tmpdir(), 'sign-image-self-test-'));
let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await registry?.close();
});

/** Settings under which every check of a signature in the step answers `verdict`. */
function crooked(verdict: boolean): { NODE_OPTIONS: string } {
  const file = join(folder, `${verdict}.cjs`);
  writeFileSync(file, `require('node:crypto').verify = () => ${verdict};\nrequire('node:module').syncBuiltinESMExports();\n`);
  return { NODE_OPTIONS: `--require=${file}` };
}

describe('a machine that cannot judge', () => {
  const asks = {
    certificate: async () => ({ ...(await keyless(registry)).asked, 'certificate-identity': ferry }),
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
  ] as const)('by %s, and says %s to every signature, is told so, and nothing is verified', async (by, verdict, expected) => {
    const result = await verify(await asks[by](), { env: crooked(verdict) });
    expect(result, result.stdout).toMatchObject({ code: 1, outputs: { verified: 'false' } });
    expect(result.annotations).toMatchObject([{ kind: 'error', properties: { title: 'sign-image: self-test-failed' } }]);
    expect(result.annotations[0]?.message).toContain(`and that is ${expected}`);
    expect(result.annotations[0]?.message).toContain('NODE_OPTIONS: ""');
  });
});
