// The gate as it ships: dist/verify.js in a child process, against the sandbox's registry, on some recorded signatures of real cosign
// (verify-recorded.whole.test.ts has them all).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error a plain script, which the recordings come with
import { loadCase } from './fixtures/load.mjs';
import { startConnectProxy } from './sandbox/connect-proxy.ts';
import { pushImage } from './sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from './sandbox/registry.ts';
import { type RunOptions, runAction } from './sandbox/runner.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const trustedRoot = join(fixtures, 'trusted_root.json');
const ferry = 'https://github.com/harbor-lights/ferry/.github/workflows/release.yml@refs/heads/main';
const lantern = 'https://github.com/harbor-lights/lantern/.github/workflows/publish.yml@refs/heads/main';
const recordedIssuer = 'http://127.0.0.1:8180';
const key = (file: string) => readFileSync(join(fixtures, 'keys', file), 'utf8');

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry?.close());

const verify = (inputs: Record<string, string>, options: RunOptions = {}) => runAction({ entry: 'dist/verify.js', inputs, ...options });

const keyless = async (name = 'keyless-bundle-rekor1') => {
  const loaded = await loadCase(join(fixtures, name), registry.host, `fixtures/${name}`);
  const asked = { images: loaded.reference, 'trusted-root': trustedRoot, 'certificate-oidc-issuer': recordedIssuer };
  return { loaded, asked };
};

describe('the report of a good image', () => {
  it('says who signed, when, and where in the log; in log, outputs and summary', async () => {
    const { loaded, asked } = await keyless();
    const result = await verify({ ...asked, 'certificate-identity': ferry });
    expect(result.annotations).toEqual([]);
    expect(result.outputs).toMatchObject({ verified: 'true', identity: ferry, issuer: recordedIssuer, image: loaded.reference });
    const [{ signatures }] = JSON.parse(result.outputs.results ?? '');
    expect(signatures).toEqual([
      expect.objectContaining({
        format: 'bundle',
        verified: true,
        code: 'verified',
        identity: ferry,
        tlogIndex: Number(result.outputs['tlog-index']),
        github: expect.objectContaining({ repository: 'harbor-lights/ferry', ref: 'refs/heads/main' }),
      }),
    ]);
    const line = `✓ ${loaded.host}/${loaded.repository} ${loaded.digest}: signed by workflow release.yml of harbor-lights/ferry at refs/heads/main, 2026-11-20 `;
    expect(result.shown).toContain(line);
    expect(result.shown).toMatch(/UTC, log index \d+$/m);
    expect(result.summary).toMatch(/^## ✅ 1 image verified\n/);
    expect(result.summary).toContain('workflow release.yml of harbor-lights/ferry at refs/heads/main');
  });

  it('takes the digest from `digest`, and names and digests from `metadata`', async () => {
    const { loaded, asked } = await keyless();
    const name = `${loaded.host}/${loaded.repository}`;
    const byDigest = await verify({ ...asked, images: `${name}:some-tag`, digest: loaded.digest, 'certificate-identity': ferry });
    expect(byDigest.outputs).toMatchObject({ verified: 'true', images: JSON.stringify([loaded.reference]) });
    const metadata = JSON.stringify({ 'image.name': `${name}:some-tag`, 'containerimage.digest': loaded.digest });
    const byMetadata = await verify({ ...asked, images: '', metadata, 'certificate-identity': ferry });
    expect(byMetadata.outputs).toMatchObject({ verified: 'true', images: JSON.stringify([loaded.reference]) });
  });

  it('accepts any line of several identities, and any key of several', async () => {
    const { asked } = await keyless();
    expect((await verify({ ...asked, 'certificate-identity': `${lantern}\n${ferry}` })).outputs.verified).toBe('true');
    const keyed = await loadCase(join(fixtures, 'keyed-bundle-nolog'), registry.host, 'fixtures/keyed-bundle-nolog');
    const both = { images: keyed.reference, tlog: 'ignore', key: `${key('stranger.pub')}${key('release.pub')}` };
    expect((await verify(both)).outputs.verified).toBe('true');
  });
});

describe('the report of a bad image', () => {
  it('says what was found instead and what was wanted', async () => {
    const { loaded, asked } = await keyless();
    const result = await verify({ ...asked, 'certificate-identity': lantern });
    expect(result.code).toBe(1);
    const sentence = `wrong-identity: It was signed by ${ferry} (issuer ${recordedIssuer}); the policy wants ${lantern}.`;
    expect(result.shown).toContain(`✗ ${loaded.host}/${loaded.repository} ${loaded.digest}: ${sentence}`);
    expect(result.annotations).toEqual([
      expect.objectContaining({ kind: 'error', message: expect.stringContaining(`${loaded.reference}: ${sentence}`) }),
    ]);
    expect(result.summary).toMatch(/^## ❌ 1 of 1 image does not verify\n/);
    expect(result.summary).toContain('instead: workflow release.yml of harbor-lights/ferry at refs/heads/main');
  });

  it('is only told with `fail: false`', async () => {
    const { asked } = await keyless();
    const result = await verify({ ...asked, 'certificate-identity': lantern, fail: 'false' });
    expect(result).toMatchObject({ code: 0, outputs: { verified: 'false', images: '[]' } });
    expect(result.annotations.map(({ kind }) => kind)).toEqual(['warning']);
    expect(result.summary).toMatch(/^## ⚠️ /);
  });

  it('lists a provenance by a stranger beside a good signature, and is not disturbed by it', async () => {
    const { reference } = await loadCase(join(fixtures, 'legacy-key1-provenance-key2'), registry.host, 'fixtures/beside');
    const result = await verify({ images: reference, tlog: 'ignore', key: key('release.pub') });
    const [{ signatures }] = JSON.parse(result.outputs.results ?? '');
    expect(signatures.map(({ format, code }: { format: string; code: string }) => [format, code])).toEqual([
      ['bundle', 'wrong-predicate'],
      ['legacy', 'verified'],
    ]);
    expect(result.summary).toContain('1 signature of');
  });

  it('lets only the good one of two images through', async () => {
    const { loaded, asked } = await keyless();
    const unsigned = await loadCase(join(fixtures, 'unsigned'), registry.host, 'fixtures/unsigned');
    const result = await verify({ ...asked, images: `${unsigned.reference}\n${loaded.reference}`, 'certificate-identity': ferry });
    expect(result).toMatchObject({
      code: 1,
      outputs: { verified: 'false', images: JSON.stringify([loaded.reference]), failed: JSON.stringify([unsigned.reference]) },
    });
  });

  it('fails an index whose platform is not signed, and does not hand it on', async () => {
    const loaded = await loadCase(join(fixtures, 'index-recursive-legacy'), registry.host, 'fixtures/half-signed');
    const [platform] = loaded.platforms;
    registry.set({
      override: ({ path }) =>
        path.endsWith(`${platform.digest.replace(':', '-')}.sig`) ? { status: 404, headers: {}, body: '{}' } : undefined,
    });
    const asked = { images: loaded.reference, tlog: 'ignore', key: key('release.pub') };
    const [alone, whole] = [await verify(asked), await verify({ ...asked, recursive: 'true' })];
    registry.set({ override: () => undefined });
    expect(alone.outputs.verified).toBe('true');
    expect(whole).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]', failed: JSON.stringify([loaded.reference]) } });
    const codesFound = JSON.parse(whole.outputs.results ?? '[]').map(({ code }: { code?: string }) => code ?? 'verified');
    expect(codesFound.toSorted()).toEqual(['unsigned', 'verified', 'verified']);
  });
});

describe('a registry that gives no answer', () => {
  const asked = (reference: string) => ({ images: reference, tlog: 'ignore', key: key('release.pub'), timeout: '4s' });

  it.each([
    ['refuses the referrers', /\/referrers\//, 500],
    ['refuses the signature tag', /\.sig$/, 503],
    ['refuses the signature itself', /\/blobs\//, 500],
    ['wants a login', /\/manifests\//, 403],
  ])('is a registry error, never "unsigned": it %s', async (_, path, code) => {
    const { reference } = await loadCase(join(fixtures, 'keyed-bundle-nolog'), registry.host, 'fixtures/no-answer');
    registry.set({ faults: (request) => (path.test(request.path) ? { kind: 'status', code } : undefined) });
    const result = await verify(asked(reference));
    registry.set({ faults: () => undefined });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([expect.objectContaining({ verified: false, code: 'registry-error' })]);
  });

  it('hangs: the step ends in its time', async () => {
    const { reference } = await loadCase(join(fixtures, 'keyed-bundle-nolog'), registry.host, 'fixtures/hanging');
    registry.set({ faults: ({ path }) => (path.endsWith('.sig') ? { kind: 'hang' } : undefined) });
    const result = await verify({ ...asked(reference), timeout: '2s' });
    registry.set({ faults: () => undefined });
    expect(result.durationMs).toBeLessThan(6_000);
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]' } });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([expect.objectContaining({ verified: false, code: 'registry-error' })]);
  });

  it('does not know the image: unresolved', async () => {
    const nowhere = `${registry.host}/fixtures/nowhere:1.0`;
    const result = await verify({ ...asked(nowhere), timeout: '10s' });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({ image: nowhere, reference: nowhere, digest: null, verified: false, code: 'unresolved', signatures: [] }),
    ]);
  });
});

describe('what is contacted', () => {
  it('is nothing but the registry, with a key and the log ignored; and no TUF code is loaded', async () => {
    const { reference } = await loadCase(join(fixtures, 'keyed-bundle-nolog'), registry.host, 'fixtures/quiet');
    const proxy = await startConnectProxy();
    const before = registry.requests.length;
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: registry.host };
    const result = await verify({ images: reference, tlog: 'ignore', key: key('release.pub') }, { env, measure: true });
    await proxy.close();
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(proxy.log).toEqual([]);
    expect(registry.requests.slice(before).every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
    expect(result.loaded?.filter(({ file }) => /tuf|\/trust-/i.test(file))).toEqual([]);
    expect([...result.files.keys()]).toEqual([]);
  });

  it('needs neither a token of GitHub nor one of its variables', async () => {
    const { asked } = await keyless();
    const env = { GITHUB_ACTIONS: undefined, GITHUB_REPOSITORY: undefined, GITHUB_EVENT_PATH: undefined, GITHUB_STEP_SUMMARY: undefined };
    const result = await verify({ ...asked, 'certificate-identity': ferry, 'github-token': '' }, { env });
    expect(result).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

describe('a run without a trusted root', () => {
  const nowhere = { 'tuf-mirror': 'http://127.0.0.1:9', 'tuf-root': '{}', 'trusted-root': '', timeout: '5s' };

  it('fails as a whole where a signature has to be judged by it', async () => {
    const { asked } = await keyless();
    const result = await verify({ ...asked, ...nowhere, 'certificate-identity': ferry });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', images: '[]', results: '[]' } });
    expect(result.annotations.map(({ kind }) => kind)).toEqual(['error']);
  });

  it('fails as a whole with `fail: false` too: nothing was looked at', async () => {
    const { asked } = await keyless();
    expect((await verify({ ...asked, ...nowhere, 'certificate-identity': ferry, fail: 'false' })).code).toBe(1);
  });

  it('still says that an image is unsigned', async () => {
    const { reference } = await loadCase(join(fixtures, 'unsigned'), registry.host, 'fixtures/unsigned');
    const result = await verify({ ...nowhere, images: reference, 'certificate-identity': ferry });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([expect.objectContaining({ code: 'unsigned' })]);
  });
});

describe('inputs that ask for nobody, or for nothing', () => {
  const image = 'ghcr.io/acme/app:1';
  it.each<[string, Record<string, string>, string]>([
    ['nobody named', { images: image }, 'Nothing says who must have signed'],
    ['only a repository', { images: image, 'github-repository': 'acme/app' }, 'no certificate-identity is set'],
    [
      'key and identity',
      { images: image, key: key('release.pub'), 'certificate-identity': ferry },
      'key and certificate-identity are both set',
    ],
    ['anybody', { images: image, 'certificate-identity-regexp': '.*', 'certificate-oidc-issuer-regexp': '.*' }, 'anybody at all'],
    ['no image', { key: key('release.pub') }, 'Nothing to verify'],
    ['a key that is not there', { images: image, key: 'cosign.pub' }, 'actions/checkout'],
  ])('are refused before anything is contacted: %s', async (_, inputs, text) => {
    const result = await verify(inputs);
    expect(result.code).toBe(1);
    expect(result.shown).toContain(text);
    expect(result.outputs).toMatchObject({ verified: 'false', images: '[]', failed: '[]', results: '[]' });
    expect(result.summary).toMatch(/^## ❌ Nothing was verified\n/);
  });
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
    const { loaded, asked } = await keyless();
    const inputs = { images: asked.images, 'trusted-root': trustedRoot, policy: 'policies/*.yaml' };
    const run = (identity: string, glob = `${registry.host}/fixtures/**`) =>
      verify(inputs, { workspace: { 'policies/released.yaml': clusterImagePolicy(glob, byWorkflow(identity)) } });
    expect(await run(ferry)).toMatchObject({
      code: 0,
      outputs: { verified: 'true', images: JSON.stringify([loaded.reference]), identity: ferry },
    });
    const codeOf = async (result: ReturnType<typeof run>) => JSON.parse((await result).outputs.results ?? '[]')[0]?.code;
    expect(await codeOf(run(lantern))).toBe('wrong-identity');
    expect(await codeOf(run(ferry, 'ghcr.io/acme/**'))).toBe('not-allowed');
  });

  it('are narrowed by annotations and `tlog: ignore` of the step', async () => {
    const loaded = await loadCase(join(fixtures, 'annotations-bundle'), registry.host, 'fixtures/annotated');
    const data = key('security.pub').trim().replaceAll('\n', '\n          ');
    const authority = `    - name: security\n      key:\n        data: |\n          ${data}\n`;
    const workspace = { 'policy.yaml': clusterImagePolicy(`${registry.host}/fixtures/**`, authority) };
    const inputs = { images: loaded.reference, policy: 'policy.yaml', tlog: 'ignore' };
    expect(await verify({ ...inputs, annotations: 'env=prod' }, { workspace })).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(await verify({ ...inputs, annotations: 'env=staging' }, { workspace })).toMatchObject({
      code: 1,
      outputs: { verified: 'false' },
    });
  });

  it('that cannot be read end the step, and name file and line', async () => {
    const workspace = { 'policy.yaml': clusterImagePolicy('**', '    - name: nobody\n      keyles: {}\n') };
    const result = await verify({ images: 'ghcr.io/acme/app:1', policy: 'policy.yaml' }, { workspace });
    expect(result).toMatchObject({ code: 1, outputs: { verified: 'false', results: '[]' } });
    expect(result.shown).toMatch(/policy\.yaml.*\b1[12]\b/);
  });
});

describe('a tag', () => {
  it('is resolved once, and its digest is what is handed on', async () => {
    const image = await pushImage(registry.host, 'acme/tagged', { tag: '1.0' });
    const result = await verify({ images: `${registry.host}/acme/tagged:1.0`, tlog: 'ignore', key: key('release.pub') });
    expect(JSON.parse(result.outputs.results ?? '[]')).toEqual([
      expect.objectContaining({
        image: image.reference,
        reference: `${registry.host}/acme/tagged:1.0`,
        digest: image.digest,
        code: 'unsigned',
        reason: 'No signature of this image was found.',
      }),
    ]);
    expect(result.annotations.map(({ kind }) => kind)).toEqual(['notice', 'error']);
  });
});
