// The sandbox's registry against the recorded answers of docker-registry 2.8.3
// (registry-conformance.ts asks both again).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import recorded from './docker-registry-2.8.json' with { type: 'json' };
import { type SandboxRegistry, startRegistry } from './registry.ts';
import { behaviours } from './registry-behaviours.ts';
import { answer, questions } from './registry-conformance.ts';

/**
 * Where the sandbox differs on purpose: it refuses in words what the real one answers with a server
 * error, or takes though the spec forbids it.
 */
const stricter: Record<string, string> = {
  'GET /': '404',
  'manifest with a bad digest': '400 DIGEST_INVALID',
  'name in upper case': '400 NAME_INVALID',
  'PUT of a name in upper case': '400 NAME_INVALID',
  'POST of a name in upper case': '400 NAME_INVALID',
  'PATCH from the wrong byte': '416 BLOB_UPLOAD_INVALID',
  'PUT again after a wrong digest': '404 BLOB_UPLOAD_UNKNOWN',
  'PUT manifest, schemaVersion 1': '400 MANIFEST_INVALID',
  'PUT manifest without config': '400 MANIFEST_INVALID',
  'PUT index, child that is a blob': '400 MANIFEST_BLOB_UNKNOWN',
  'PUT index, child of the wrong size': '400 SIZE_INVALID',
  'tags, n=x': '400 PAGINATION_NUMBER_INVALID',
};

let registry: SandboxRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.close());

describe('the sandbox answers as docker-registry 2.8 does', () => {
  it('and every question has a recorded answer', () => {
    expect(Object.keys(recorded)).toEqual(Object.keys(questions));
  });

  it.each(Object.entries({ ...recorded, ...stricter }))('%s: %s', async (question, wanted) => {
    const line = await answer(registry.url, question);
    expect(/^\d+( [A-Z_]+\b(?!=))?/.exec(line)?.[0]).toBe(wanted);
  });
});

describe('as go-containerregistry does, where it differs', () => {
  it.each([
    [
      'manifest of a repository that is not there',
      '404 NAME_UNKNOWN content-type=text/plain; charset=utf-8',
    ],
    ['POST manifest', '400 METHOD_UNKNOWN content-type=text/plain; charset=utf-8'],
    ['POST upload with digest and body', '201 docker-content-digest=DIGEST'],
    ['PUT index, child missing', '404 MANIFEST_UNKNOWN content-type=text/plain; charset=utf-8'],
    ['DELETE manifest by tag', '202'],
    [
      'referrers in a repository that is not there',
      '404 NAME_UNKNOWN content-type=text/plain; charset=utf-8',
    ],
  ])('%s: %s', async (question, wanted) => {
    await using ggcr = await startRegistry(behaviours.ggcr.switches);
    expect(await answer(ggcr.url, question)).toMatch(
      new RegExp(`^${wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`),
    );
  });
});
