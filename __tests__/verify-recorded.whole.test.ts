// Every recorded signature of real cosign, with every question that was recorded with it, through
// the gate as it ships.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error a plain script, which the recordings come with
import { cases, loadCase } from './fixtures/load.mjs';
import { type SandboxRegistry, startRegistry } from './sandbox/registry.ts';
import { key, trustedRoot, verify } from './verify-action/gate.ts';

interface Question {
  verify: {
    key?: string;
    identity?: string;
    issuer?: string;
    tlog?: string;
    recursive?: boolean;
    github?: Record<string, string>;
  };
  annotations?: Record<string, string>;
  expected: 'pass' | 'fail' | 'unspecified';
  why: string;
}

/** What the gate answers to each recorded question that must fail: the code. */
const codes: Readonly<Record<string, readonly string[]>> = {
  'annotations-bundle': ['annotation-mismatch', 'annotation-mismatch'],
  'annotations-legacy': ['annotation-mismatch', 'annotation-mismatch'],
  'both-formats-keyed': ['wrong-key', 'annotation-mismatch'],
  'both-formats-keyless': ['wrong-identity'],
  'index-recursive-bundle': ['wrong-identity'],
  'index-recursive-legacy': ['wrong-key'],
  'keyed-bundle-nolog': ['wrong-key', 'no-log-entry'],
  'keyed-bundle-rekor1': ['wrong-key'],
  'keyed-bundle-rekor1-tsa': ['wrong-key'],
  'keyed-bundle-rekor2-tsa': ['wrong-key'],
  'keyed-legacy-nolog': ['wrong-key', 'no-log-entry'],
  'keyed-legacy-rekor1': ['wrong-key'],
  'keyless-bundle-rekor1': ['wrong-identity', 'wrong-issuer', 'wrong-claim'],
  'keyless-bundle-rekor1-tsa': ['wrong-identity'],
  'keyless-bundle-rekor2-tsa': ['wrong-identity', 'wrong-issuer'],
  'keyless-bundle-tsa-only': ['no-log-entry', 'wrong-identity'],
  'keyless-legacy-cosign2': ['wrong-identity', 'wrong-issuer'],
  'keyless-legacy-cosign3': ['wrong-identity'],
  'keyless-legacy-rekor1-tsa': ['wrong-identity'],
  'keyless-legacy-tsa-only': ['no-log-entry', 'wrong-identity'],
  'legacy-key1-provenance-key2': ['wrong-key'],
  'provenance-only': ['wrong-predicate'],
  'provenance-only-keyless': ['wrong-predicate'],
  'referrers-api': ['annotation-mismatch', 'wrong-key'],
  'referrers-api-and-tag': ['annotation-mismatch', 'wrong-key'],
  'referrers-tag': ['annotation-mismatch', 'wrong-key'],
  unsigned: ['unsigned'],
};

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry({ referrersApi: true });
});
afterAll(() => registry?.close());

function inputsFor(
  reference: string,
  { verify: asked, annotations = {} }: Question,
  first: Question['verify'],
): Record<string, string> {
  const lines = Object.entries(annotations).map(([name, value]) => `${name}=${value}`);
  const github = Object.entries(asked.github ?? {}).map(([name, value]) => [
    `github-${name}`,
    value,
  ]);
  return {
    images: reference,
    'trusted-root': trustedRoot,
    tlog: asked.tlog ?? first.tlog ?? 'required',
    recursive: String(asked.recursive ?? false),
    annotations: lines.join('\n'),
    ...(asked.key === undefined
      ? {
          'certificate-identity': asked.identity ?? '',
          'certificate-oidc-issuer': asked.issuer ?? '',
        }
      : { key: key(asked.key) }),
    ...Object.fromEntries(github),
  };
}

describe('signatures of real cosign', () => {
  it('are all there', () => expect(cases()).toEqual(Object.keys(codes).sort()));

  it.each(Object.keys(codes))('%s', async (name) => {
    const loaded = await loadCase(
      join(import.meta.dirname, 'fixtures', name),
      registry.host,
      `fixtures/${name}`,
    );
    const wrong = [...(codes[name] ?? [])];
    for (const question of [loaded, ...(loaded.also ?? [])] as Question[]) {
      const result = await verify(inputsFor(loaded.reference, question, loaded.verify));
      const results = JSON.parse(result.outputs.results ?? '[]') as {
        verified: boolean;
        code?: string;
        platform?: string;
      }[];
      const manifests = question.verify.recursive ? 1 + (loaded.platforms?.length ?? 0) : 1;
      expect(results, question.why).toHaveLength(manifests);
      if (question.expected === 'pass') {
        expect(result, result.stdout).toMatchObject({
          code: 0,
          outputs: {
            verified: 'true',
            images: JSON.stringify([loaded.reference]),
            failed: '[]',
            digest: loaded.digest,
          },
        });
      } else {
        expect(result, question.why).toMatchObject({
          code: 1,
          outputs: { verified: 'false', images: '[]', failed: JSON.stringify([loaded.reference]) },
        });
        const code = wrong.shift();
        expect(results.map((entry) => entry.code)).toEqual(Array(manifests).fill(code));
      }
    }
    expect(wrong).toEqual([]);
  });
});
