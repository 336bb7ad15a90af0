// Whom the gate is asked for: by inputs that ask for nobody or for nothing, and by policy files.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itInWhole, sampled } from '../sampled.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import {
  ferry,
  key,
  keyless,
  lantern,
  record,
  recordedIssuer,
  trustedRoot,
  verify,
} from './gate.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry?.close());

describe('inputs that ask for nobody, or for nothing', () => {
  const image = 'ghcr.io/acme/app:1';
  const refused: [string, Record<string, string>, string][] = [
    ['nobody named', { images: image }, 'Nothing says who must have signed'],
    [
      'only a repository',
      { images: image, 'github-repository': 'acme/app' },
      'no certificate-identity is set',
    ],
    [
      'key and identity',
      { images: image, key: key('release.pub'), 'certificate-identity': ferry },
      'key and certificate-identity are both set',
    ],
    [
      'anybody',
      {
        images: image,
        'certificate-identity-regexp': '.*',
        'certificate-oidc-issuer-regexp': '.*',
      },
      'anybody at all',
    ],
    ['no image', { key: key('release.pub') }, 'Nothing to verify'],
    ['a key that is not there', { images: image, key: 'cosign.pub' }, 'actions/checkout'],
  ];
  it.each(sampled(refused, ['nobody named', 'anybody']))(
    'are refused before anything is contacted: %s',
    async (_, inputs, text) => {
      const result = await verify(inputs);
      expect(result.code).toBe(1);
      expect(result.shown).toContain(text);
      expect(result.outputs).toMatchObject({
        verified: 'false',
        images: '[]',
        failed: '[]',
        results: '[]',
      });
      expect(result.summary).toMatch(/^## ❌ Nothing was verified\n/);
    },
  );
});

describe('policy files', () => {
  const clusterImagePolicy = (glob: string, authorities: string) => `
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: released
spec:
  images:
    - glob: "${glob}"
  authorities:
${authorities}`;
  const byWorkflow = (identity: string) => `    - name: workflow
      keyless:
        identities:
          - issuer: ${recordedIssuer}
            subject: ${identity}
`;

  it('let through what they allow, and refuse what they do not', async () => {
    const { loaded, asked } = await keyless(registry);
    const inputs = { images: asked.images, 'trusted-root': trustedRoot, policy: 'policies/*.yaml' };
    const run = (identity: string, glob = `${registry.host}/fixtures/**`) =>
      verify(inputs, {
        workspace: { 'policies/released.yaml': clusterImagePolicy(glob, byWorkflow(identity)) },
      });
    expect(await run(ferry)).toMatchObject({
      code: 0,
      outputs: { verified: 'true', images: JSON.stringify([loaded.reference]), identity: ferry },
    });
    const codeOf = async (result: ReturnType<typeof run>) =>
      JSON.parse((await result).outputs.results ?? '[]')[0]?.code;
    expect(await codeOf(run(lantern))).toBe('wrong-identity');
    expect(await codeOf(run(ferry, 'ghcr.io/acme/**'))).toBe('not-allowed');
  });

  itInWhole('are narrowed by annotations and `tlog: ignore` of the step', async () => {
    const loaded = await record(registry, 'annotations-legacy', 'annotated');
    const data = key('security.pub').trim().replaceAll('\n', '\n          ');
    const authority = `    - name: security\n      key:\n        data: |\n          ${data}\n`;
    const workspace = {
      'policy.yaml': clusterImagePolicy(`${registry.host}/fixtures/**`, authority),
    };
    const inputs = { images: loaded.reference, policy: 'policy.yaml', tlog: 'ignore' };
    expect(await verify({ ...inputs, annotations: 'env=prod' }, { workspace })).toMatchObject({
      code: 0,
      outputs: { verified: 'true' },
    });
    expect(await verify({ ...inputs, annotations: 'env=staging' }, { workspace })).toMatchObject({
      code: 1,
      outputs: { verified: 'false' },
    });
  });

  it('that cannot be read end the step, and name file and line', async () => {
    const workspace = {
      'policy.yaml': clusterImagePolicy('**', '    - name: nobody\n      keyles: {}\n'),
    };
    const result = await verify(
      { images: 'ghcr.io/acme/app:1', policy: 'policy.yaml' },
      { workspace },
    );
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', results: '[]' } });
    expect(result.shown).toMatch(/policy\.yaml.*\b1[12]\b/);
  });
});
