import { describe, expect, it } from 'vitest';
import { combineAnnotations, githubAnnotations } from '../../src/edges/inputs/annotations.ts';

const run = {
  GITHUB_REPOSITORY: 'acme/app',
  GITHUB_WORKFLOW: 'Release, on tag',
  GITHUB_REF: 'refs/tags/v1',
  GITHUB_SHA: 'c0ffee',
  GITHUB_RUN_ID: '42',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_ACTOR: 'octocat',
  GITHUB_TOKEN: 'secret',
};

describe('what a run says of itself', () => {
  it('has the names of the github context', () => {
    expect(githubAnnotations(run)).toEqual({
      repository: 'acme/app',
      workflow: 'Release, on tag',
      ref: 'refs/tags/v1',
      sha: 'c0ffee',
      run_id: '42',
      run_attempt: '2',
      actor: 'octocat',
    });
  });

  it('leaves out what the runner does not set', () => {
    expect([
      githubAnnotations({}),
      githubAnnotations({ GITHUB_SHA: 'c0ffee', GITHUB_ACTOR: '' }),
    ]).toEqual([{}, { sha: 'c0ffee' }]);
  });

  it('stands beside what was written', () =>
    expect(combineAnnotations({ team: 'blue' }, { sha: 'c0ffee' })).toEqual({
      team: 'blue',
      sha: 'c0ffee',
    }));

  it('is not replaced by what was written', () => {
    expect(() => combineAnnotations({ sha: 'mine' }, { sha: 'c0ffee' })).toThrow(
      'Annotation "sha" is written in annotations and also set by github-annotations.',
    );
  });

  it('is not mixed up with what objects inherit', () =>
    expect(combineAnnotations({ team: 'blue' }, { constructor: 'x' })).toEqual({
      team: 'blue',
      constructor: 'x',
    }));
});
