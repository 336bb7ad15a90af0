// Whom the gate contacts, and what it needs of the runner.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startConnectProxy } from '../sandbox/connect-proxy.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, key, keyless, record, verify } from './gate.ts';

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry?.close());

describe('what is contacted', () => {
  it('is asked for each thing once: the places of signatures first, then the image and what was found', async () => {
    const { loaded, asked } = await keyless(registry);
    const before = registry.requests.length;
    const result = await verify({ ...asked, 'certificate-identity': ferry });
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    const requests = registry.requests
      .slice(before)
      .map(({ method, path }) => `${method} ${path.split('/').slice(-2).join('/')}`);
    const tag = loaded.digest.replace(':', '-');
    expect(requests.slice(0, 3).sort()).toEqual([
      `GET manifests/${tag}`,
      `GET manifests/${tag}.sig`,
      `GET referrers/${loaded.digest}`,
    ]);
    expect(requests).toContain(`HEAD manifests/${loaded.digest}`);
    expect(requests).toHaveLength(6);
    expect(new Set(requests).size).toBe(6);
  });

  it('is nothing but the registry, with a key and the log ignored; and no TUF code is loaded', async () => {
    const { reference } = await record(registry, 'keyed-bundle-nolog', 'quiet');
    const proxy = await startConnectProxy();
    const before = registry.requests.length;
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: registry.host };
    const result = await verify(
      { images: reference, tlog: 'ignore', key: key('release.pub') },
      { env, measure: true },
    );
    await proxy.close();
    expect(result, result.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(proxy.log).toEqual([]);
    expect(
      registry.requests.slice(before).every(({ method }) => method === 'GET' || method === 'HEAD'),
    ).toBe(true);
    expect(result.loaded?.filter(({ file }) => /tuf|\/trust-/i.test(file))).toEqual([]);
    // What starts, what asks, what judges and reports, and what these share.
    const files = result.loaded?.map(({ file }) => file.replace(/^.*[\\/]/, ''));
    expect(files?.sort()).toEqual(['judge.js', 'rolldown-runtime.js', 'run.js', 'verify.js']);
    const written = [...result.files.keys()].map((path) => path.replace(/-\d+\//, '/'));
    expect(written).toEqual([
      'temp/sign-image-report/badge.json',
      'temp/sign-image-report/images.md',
    ]);
  });

  it('needs neither a token of GitHub nor one of its variables', async () => {
    const { asked } = await keyless(registry);
    const env = {
      GITHUB_ACTIONS: undefined,
      GITHUB_REPOSITORY: undefined,
      GITHUB_EVENT_PATH: undefined,
      GITHUB_STEP_SUMMARY: undefined,
    };
    const result = await verify(
      { ...asked, 'certificate-identity': ferry, 'github-token': '' },
      { env },
    );
    expect(result).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});
