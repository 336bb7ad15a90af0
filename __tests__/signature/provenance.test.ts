import { describe, expect, it } from 'vitest';
import {
  type CertifiedRun,
  checkProvenance,
  type Provenance,
  readProvenance,
} from '../../src/signature/provenance.ts';

const slsa1 = 'https://slsa.dev/provenance/v1';
const buildkit = (uri: unknown, builder: unknown = '') => ({
  buildDefinition: { externalParameters: { configSource: { uri, digest: { sha1: 'ab' } } } },
  runDetails: { builder: { id: builder } },
});

describe('readProvenance', () => {
  it.each([
    ['https://github.com/moby/buildkit.git#refs/tags/v0.27.0', 'refs/tags/v0.27.0'],
    ['https://github.com/moby/buildkit.git#refs/tags/v0.27.0:frontend', 'refs/tags/v0.27.0'],
    ['https://github.com/moby/buildkit.git?ref=refs/tags/v0.27.0&subdir=a', 'refs/tags/v0.27.0'],
    ['git+https://github.com/moby/buildkit@refs/tags/v0.27.0', 'refs/tags/v0.27.0'],
    ['https://github.com/moby/buildkit.git#0123456789', undefined],
    ['https://github.com/moby/buildkit/', undefined],
  ])('reads %s', (uri, ref) => {
    expect(readProvenance(slsa1, buildkit(uri))).toEqual({
      source: 'https://github.com/moby/buildkit',
      ...(ref === undefined ? {} : { ref }),
      commit: 'ab',
    });
  });

  it('reads nothing out of other types, and out of provenance that says nothing', () => {
    expect(readProvenance('https://spdx.dev/Document', buildkit('x'))).toBeUndefined();
    expect(readProvenance(slsa1, {})).toEqual({});
    expect(readProvenance(slsa1, 'text')).toEqual({});
    expect(readProvenance(slsa1, JSON.parse('{"runDetails":{"__proto__":{"builder":1}}}'))).toEqual(
      {},
    );
  });

  it.each([7, ['x'], 'a'.repeat(5000)])('refuses a builder that is no short text', (builder) => {
    expect(() => readProvenance(slsa1, buildkit('', builder))).toThrow(/not a short text/);
  });
});

describe('checkProvenance', () => {
  const identity =
    'https://github.com/docker/github-builder/.github/workflows/bake.yml@refs/heads/main';
  const run = 'https://github.com/acme/app/actions/runs/7/attempts/2';
  const github: CertifiedRun = {
    identity,
    buildConfig: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1',
    run,
    repository: 'https://github.com/acme/app',
    ref: 'refs/tags/v1',
    sha: 'ab',
    runnerEnvironment: 'github-hosted',
  };
  it.each<[Provenance, CertifiedRun]>([
    [{}, github],
    [
      {
        builder: identity,
        source: 'https://github.com/acme/app',
        ref: 'refs/tags/v1',
        commit: 'ab',
      },
      github,
    ],
    [{ builder: run }, github],
    [{ builder: 'https://github.com/acme/app/actions/runs/7' }, github],
    [{ builder: 'https://github.com/actions/runner/github-hosted' }, github],
    [{ builder: github.buildConfig ?? '' }, github],
    // Of what the certificate does not speak of, nothing can be compared.
    [{ builder: 'https://tekton.dev/chains/v2', source: 'x' }, { identity: 'build@acme.example' }],
  ])('takes %j', (stated, certified) => {
    expect(() => checkProvenance(stated, certified)).not.toThrow();
  });
  it.each<Provenance>([
    { builder: 'https://tekton.dev/chains/v2' },
    { builder: 'https://github.com/acme/app/actions/runs/71' },
    { builder: 'https://github.com/actions/runner/self-hosted' },
    { source: 'https://github.com/acme/app2' },
    { ref: 'refs/heads/v1' },
    { commit: 'abc' },
  ])('refuses %j', (stated) => {
    expect(() => checkProvenance(stated, github)).toThrow(/its certificate says/);
  });
});
