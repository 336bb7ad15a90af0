import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Workflow {
  readonly on: unknown;
  readonly permissions?: unknown;
  readonly jobs: Record<
    string,
    {
      permissions?: Record<string, string>;
      'timeout-minutes'?: number;
      steps: { uses?: string; run?: string; with?: Record<string, unknown> }[];
    }
  >;
}

const folder = new URL('../../.github/workflows/', import.meta.url);
const workflows = readdirSync(folder).map(
  (name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const,
);

describe.each(workflows)('the workflow %s', (_, text) => {
  const { on, permissions, jobs } = parse(text) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);

  it('uses other actions by commit, with the version beside it', () => {
    // A reusable workflow runs the action out of a checkout of its own commit (`./.sign-image`).
    const own = /uses: \.\//;
    const lines = text.split('\n').filter((line) => /^[^#]*\buses:/.test(line) && !own.test(line));
    expect(
      lines.filter((line) => !/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([]);
  });

  it('gives each job its own permissions, and none by default; a reusable workflow leaves them to its caller', () => {
    if (Object.hasOwn(Object(on), 'workflow_call'))
      return expect(text).not.toMatch(/^ *permissions:/m);
    expect(permissions).toEqual({});
    expect(Object.entries(jobs).filter(([, job]) => job.permissions === undefined)).toEqual([]);
  });

  it('leaves no credentials in the checkout', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkouts.filter((step) => step.with?.['persist-credentials'] !== false)).toEqual([]);
  });

  it('writes no expression into a script, where its value would be code', () => {
    expect(steps.filter(({ run }) => run?.includes('${{'))).toEqual([]);
  });

  it('ends', () =>
    expect(Object.values(jobs).filter((job) => job['timeout-minutes'] === undefined)).toEqual([]));
});
