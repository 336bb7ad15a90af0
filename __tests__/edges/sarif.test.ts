import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sarifLog, sarifPath, writeSarif } from '../../src/edges/report/sarif.ts';
import type { VerifyResult } from '../../src/engine/verify-result.ts';
import { type VerdictCode, verdictCodes } from '../../src/signature/verdict.ts';

const result = (code: VerdictCode, sources?: VerifyResult['sources']): VerifyResult => ({
  image: 'ghcr.io/acme/app:1',
  references: ['ghcr.io/acme/app:1'],
  partOf: [],
  asked: true,
  verified: code === 'verified',
  ...(code === 'verified' ? {} : { code, reason: 'Because.' }),
  signatures: [],
  ...(sources === undefined ? {} : { sources }),
});

interface Log {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: {
        readonly name: string;
        readonly rules: readonly {
          readonly id: string;
          readonly helpUri?: string;
          readonly shortDescription: { readonly text: string };
        }[];
      };
    };
    readonly results: readonly {
      readonly ruleId: string;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly partialFingerprints: Record<string, string>;
      readonly locations: readonly {
        readonly physicalLocation: {
          readonly artifactLocation: { readonly uri: string };
          readonly region: { readonly startLine: number };
        };
      }[];
    }[];
  }[];
}

describe('SARIF', () => {
  it('has the chapter of each rule, and advice without the fences of Markdown', () => {
    const env = {
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_ACTION_REPOSITORY: 'acme/sign-image',
      GITHUB_ACTION_REF: 'v1',
    };
    const { runs } = sarifLog([result('unsigned'), result('too-large')], env) as Log;
    const pages = runs[0]?.tool.driver.rules.map(({ helpUri }) => helpUri?.split('/').pop());
    expect(pages).toEqual(['troubleshooting.md#unsigned', 'troubleshooting.md#too-large-image']);
    const text = runs[0]?.results[0]?.message.text ?? '';
    expect(text).toContain('\n- uses: acme/sign-image@v1\n  with:\n    images: ');
    expect(text).not.toContain('```');
    const plain = sarifLog([result('unsigned')], {}) as Log;
    expect(plain.runs[0]?.tool.driver.rules[0]).not.toHaveProperty('helpUri');
  });

  it('keeps the rules of the format for every code: rules are declared, messages are there, places are relative and start at line 1', () => {
    const source = { reference: 'ghcr.io/acme/app:1', file: 'deploy/ä b.yaml', line: 3 };
    const log = sarifLog(
      verdictCodes.map((code) => result(code, [source])),
      {},
    ) as Log;
    expect(log.version).toBe('2.1.0');
    const [run] = log.runs;
    const ids = run?.tool.driver.rules.map(({ id }) => id) ?? [];
    expect(ids).toEqual(verdictCodes.filter((code) => code !== 'verified'));
    expect(new Set(ids).size).toBe(ids.length);
    expect(run?.results).toHaveLength(ids.length);
    for (const { ruleId, level, message, locations } of run?.results ?? []) {
      expect(ids).toContain(ruleId);
      expect(level).toBe('error');
      expect(message.text).toMatch(/^ghcr\.io\/acme\/app:1: Because\.\n\S/);
      expect(
        locations.map(({ physicalLocation: { artifactLocation, region } }) => [
          artifactLocation.uri,
          region.startLine,
        ]),
      ).toEqual([['deploy/%C3%A4%20b.yaml', 3]]);
    }
  });

  it('a finding keeps its fingerprint when it moves to another line; two of them in one file differ', () => {
    const at = (...lines: number[]) =>
      (
        sarifLog(
          [
            result(
              'unsigned',
              lines.map((line) => ({ reference: 'a', file: 'x', line })),
            ),
          ],
          {},
        ) as Log
      ).runs[0]?.results.map(({ partialFingerprints }) => partialFingerprints['imageReference/v1']);
    expect(at(3, 9)).toEqual(at(4, 10));
    expect(new Set(at(3, 9)).size).toBe(2);
  });

  it('an image that stands in no file is shown at the workflow', () => {
    const env = { GITHUB_WORKFLOW_REF: 'acme/app/.github/workflows/gate.yml@refs/heads/main' };
    const log = sarifLog([result('unsigned')], env) as Log;
    expect(log.runs[0]?.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(
      '.github/workflows/gate.yml',
    );
  });
});

describe('the file of SARIF', () => {
  const folders = async () => {
    const root = await mkdtemp(join(tmpdir(), 'sarif-'));
    onTestFinished(() => rm(root, { recursive: true }));
    const env = { GITHUB_WORKSPACE: join(root, 'work'), RUNNER_TEMP: join(root, 'temp') };
    await Promise.all(
      [env.GITHUB_WORKSPACE, env.RUNNER_TEMP, join(root, 'other')].map((folder) => mkdir(folder)),
    );
    return { root, env };
  };

  it('lies in the workspace or RUNNER_TEMP', async () => {
    const { root, env } = await folders();
    expect(sarifPath('a/b.sarif', env)).toBe(join(root, 'work/a/b.sarif'));
    expect(sarifPath(join(root, 'temp/b.sarif'), env)).toBe(join(root, 'temp/b.sarif'));
    for (const path of ['../b.sarif', join(root, 'other/b.sarif'), '.', '/etc/passwd'])
      expect(() => sarifPath(path, env)).toThrow('outside');
  });

  it('is not written through a link of the checkout', async () => {
    const { root, env } = await folders();
    await symlink(join(root, 'other'), join(root, 'work/folder'));
    await writeFile(join(root, 'other/target'), 'precious');
    await symlink(join(root, 'other/target'), join(root, 'work/file.sarif'));
    await expect(writeSarif(join(root, 'work/folder/deep/x.sarif'), {}, env)).rejects.toThrow(
      'could not be written',
    );
    await expect(writeSarif(join(root, 'work/file.sarif'), {}, env)).rejects.toThrow(
      'could not be written',
    );
    expect(await readFile(join(root, 'other/target'), 'utf8')).toBe('precious');
    await writeSarif(join(root, 'work/new/x.sarif'), { a: 1 }, env);
    expect(await readFile(join(root, 'work/new/x.sarif'), 'utf8')).toBe('{\n  "a": 1\n}\n');
  });
});
