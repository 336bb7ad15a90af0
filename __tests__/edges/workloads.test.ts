// What runs in a cluster, by workload; and the files of output `report`.
import { describe, expect, it } from 'vitest';
import { reportFiles } from '../../src/edges/report/report-files.ts';
import {
  workloadBlocks,
  workloadLines,
  workloadReports,
} from '../../src/edges/report/workloads.ts';
import type { Source, VerifyResult } from '../../src/engine/verify-result.ts';
import { bad, good, inside } from './verify-results.ts';

const run = (result: VerifyResult, ...names: string[]): VerifyResult => {
  const [reference = ''] = result.references;
  const sources = names.map(
    (name): Source => ({
      reference,
      file: 'cluster.json',
      line: 1,
      workload: { namespace: 'shop', kind: 'Deployment', name },
    }),
  );
  return { ...result, sources };
};
const states = (results: readonly VerifyResult[]) =>
  workloadReports(results, []).map(({ workload, state }) => `${state} ${workload}`);

describe('a workload', () => {
  it('passes with all of its images, and is denied for one of them', () =>
    expect(states([run(good(), 'a', 'b'), run(bad('unsigned', 'side'), 'b')])).toEqual([
      'passes shop/Deployment/a',
      'denied shop/Deployment/b',
    ]));

  it('is denied where a manifest inside an image is', () => {
    const index = run(good(), 'a');
    expect(states([index, inside(index, bad('wrong-identity', 'arm'))])).toEqual([
      'denied shop/Deployment/a',
    ]);
  });

  it.each([
    ['registry-error', 'unknown'],
    ['unresolved', 'unknown'],
    ['unsigned', 'denied'],
    ['malformed', 'denied'],
    ['not-allowed', 'denied'],
  ] as const)(
    'with an image that is %s is %s: a registry that is silent changes nothing',
    (code, state) => expect(states([run(bad(code), 'a')])).toEqual([`${state} shop/Deployment/a`]),
  );

  it('is denied where one image is bad and the registry of another is silent', () =>
    expect(states([run(bad('registry-error'), 'a'), run(bad('unsigned', 'side'), 'a')])).toEqual([
      'denied shop/Deployment/a',
    ]));

  it('says which policy refuses it, and which step would sign it', () => {
    const refused = bad('unsigned', 'app', { reason: 'ClusterPolicy check, rule signed: none.' });
    const [report] = workloadReports([run(refused, 'a')], []);
    expect(report?.images).toEqual([
      {
        reference: 'ghcr.io/acme/app:1.2.0',
        state: 'denied',
        code: 'unsigned',
        reason: 'ClusterPolicy check, rule signed: none.',
        fix: expect.stringContaining('images: ghcr.io/acme/app'),
      },
    ]);
  });

  it('is not told to sign what somebody else publishes', () => {
    const foreign = bad('unsigned', 'app', {
      reason: 'Known signers, Kubernetes: No signature of this image was found.',
    });
    const [report] = workloadReports([run(foreign, 'a')], []);
    expect(report?.images[0]?.fix).toMatch(/^Do not use this image before its publisher says/);
  });

  it('with an image that is not judged is unknown, for its reason', () => {
    const sources = run(good(), 'a').sources ?? [];
    const notJudged = [{ reference: 'x', sources, reason: 'Nobody is known to sign x.' }];
    expect(workloadReports([], notJudged)).toMatchObject([
      { state: 'unknown', images: [{ code: 'not-judged', reason: 'Nobody is known to sign x.' }] },
    ]);
  });

  it('is there only for what runs in a cluster', () => {
    expect(workloadReports([good()], [])).toEqual([]);
    expect(workloadBlocks([])).toEqual([]);
  });
});

it('the log has a line for what does not pass, and how many there are', () => {
  const results = [
    run(good(), 'a', 'b'),
    run(bad('unsigned', 'side'), 'b'),
    run(bad('registry-error', 'far'), 'c'),
  ];
  expect(workloadLines(workloadReports(results, []))).toEqual([
    '✗ shop/Deployment/b: ghcr.io/acme/side:1.2.0 unsigned',
    '? shop/Deployment/c: ghcr.io/acme/far:1.2.0 registry-error',
    '3 workloads: 1 would be denied, 1 cannot be judged, 1 pass',
  ]);
  expect(workloadLines([])).toEqual([]);
});

it('the summary opens what would be denied, and names its images', () => {
  const blocks = workloadBlocks(
    workloadReports([run(good(), 'a'), run(bad('unsigned', 'b'), 'b')], []),
  );
  expect(blocks).toHaveLength(3);
  expect(blocks[1]).toMatch(
    /<details open>.*1 workload would be denied.*ghcr\.io\/acme\/b:1\.2\.0/s,
  );
  expect(blocks[2]).toMatch(/1 workload pass/);
});

describe('the files', () => {
  const badge = (...results: VerifyResult[]) =>
    JSON.parse(reportFiles({ results, notJudged: [] })['badge.json'] ?? '');

  it.each([
    ['all 1', 'brightgreen', [good()]],
    ['1 of 2 not', 'red', [good(), bad('unsigned', 'b')]],
    ['no answer', 'lightgrey', [good(), bad('registry-error', 'b')]],
    ['1 of 2 not', 'red', [bad('unsigned', 'a'), bad('registry-error', 'b')]],
    ['none judged', 'lightgrey', []],
  ] as const)('have a badge that says "%s" in %s', (message, color, results) =>
    expect(badge(...results)).toEqual({
      schemaVersion: 1,
      label: 'signed images',
      message,
      color,
    }),
  );

  it('have a table in which nothing of a registry is Markdown', () => {
    const evil = good('app', { references: ['evil|<b>@team</b>[x](y):1'] });
    const text = reportFiles({
      results: [evil, bad('unsigned', 'b')],
      notJudged: [{ reference: 'docker.io/library/node:22', sources: [] }],
    })['images.md'];
    expect(text?.split('\n')).toEqual([
      '| image | digest | signed by | result |',
      '|---|---|---|---|',
      expect.stringMatching(
        /^\| evil&#124;&lt;b>&#64;team&lt;\/b>&#91;x&#93;\(y\):1 \| sha256:\w+ \| release\.yml of acme\/app at tag v1\.2\.0 \| verified \|$/,
      ),
      expect.stringMatching(/^\| ghcr\.io\/acme\/b:1\.2\.0 \| sha256:\w+ \| – \| unsigned \|$/),
      '| docker.io/library/node:22 | – | – | not judged |',
      '',
    ]);
  });

  it('have the workloads of a cluster', () => {
    const files = reportFiles({ results: [run(good(), 'a')], notJudged: [] });
    expect(JSON.parse(files['workloads.json'] ?? '')).toMatchObject({
      workloads: [{ workload: 'shop/Deployment/a', state: 'passes' }],
    });
    expect(Object.keys(reportFiles({ results: [good()], notJudged: [] }))).toEqual([
      'badge.json',
      'images.md',
    ]);
  });
});
