import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyFileLimits, readPolicyFiles } from '../../src/policies/files.ts';

let outside: string;
let root: string;

beforeAll(() => {
  outside = realpathSync(mkdtempSync(join(tmpdir(), 'policy-files-')));
  root = join(outside, 'workspace');
  for (const folder of ['policies/deep', 'node_modules/x', 'many'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const name of ['a.yaml', 'b.yml', 'deep/c.yaml'])
    writeFileSync(join(root, 'policies', name), `# ${name}`);
  writeFileSync(join(root, 'node_modules/x/d.yaml'), '# d');
  writeFileSync(join(outside, 'secret.yaml'), '# secret');
  writeFileSync(join(root, 'large.yaml'), 'x'.repeat(policyFileLimits.bytes + 1));
  writeFileSync(join(root, 'latin.yaml'), Buffer.from([0x23, 0xe4, 0x0a]));
  symlinkSync(join(outside, 'secret.yaml'), join(root, 'link.yaml'));
  symlinkSync(join(root, 'policies/a.yaml'), join(root, 'same.yaml'));
  for (let index = 0; index <= policyFileLimits.files; index++)
    writeFileSync(join(root, 'many', `${index}.yaml`), '#');
  execFileSync('mkfifo', [join(root, 'pipe.yaml')]);
});

afterAll(() => rmSync(outside, { recursive: true, force: true }));

describe('the files of a policy', () => {
  it.each([
    ['a path', ['policies/a.yaml'], ['policies/a.yaml']],
    [
      'several entries',
      ['policies/b.yml', 'policies/a.yaml'],
      ['policies/b.yml', 'policies/a.yaml'],
    ],
    ['a glob', ['policies/*.yaml'], ['policies/a.yaml']],
    [
      'a deep glob',
      ['**/*.y{a,}ml'].map((glob) => `policies/${glob}`),
      ['policies/a.yaml', 'policies/b.yml', 'policies/deep/c.yaml'],
    ],
    [
      'a file named twice',
      ['policies/a.yaml', './policies/a.yaml', 'policies/*.yaml', 'same.yaml'],
      ['policies/a.yaml'],
    ],
    [
      'a glob with files left out',
      ['policies/**/*', '!policies/*.yml', '!**/deep/**'],
      ['policies/a.yaml'],
    ],
    [
      'a line behind the one that leaves out',
      ['!policies/a.yaml', 'policies/a.yaml', '!policies/b*'],
      ['policies/a.yaml'],
    ],
    ['a path that is left out', ['policies/a.yaml', '!policies/*'], []],
  ])('are found by %s', async (_, entries, paths) => {
    expect((await readPolicyFiles(entries, root)).map(({ path }) => path)).toEqual(paths);
  });

  it('are read, also when they lie elsewhere and are named outright', async () => {
    const path = join(outside, 'secret.yaml');
    expect(await readPolicyFiles(['policies/a.yaml', path], root)).toEqual([
      { path: 'policies/a.yaml', text: '# a.yaml', entry: 'policies/a.yaml' },
      { path, text: '# secret', entry: path },
    ]);
  });

  it.each([
    ['a file that is not there', 'gone.yaml', 'There is no file "gone.yaml"'],
    ['a glob that fits nothing', 'gone/*.yaml', 'No file fits "gone/*.yaml"'],
    ['installed packages', 'node_modules/**/*.yaml', 'No file fits'],
    ['a link that leads out', 'link.yaml', '"link.yaml" is a link that leads out of the workspace'],
    [
      'a link that leads out, by glob',
      'l*k.yaml',
      '"link.yaml" is a link that leads out of the workspace',
    ],
    ['a glob that leads out', '../*.yaml', 'leads out of the workspace'],
    ['an absolute glob', '/etc/*.yaml', 'leads out of the workspace'],
    ['a folder', 'policies', '"policies" in `policy` is not a file'],
    ['a pipe', 'pipe.yaml', '"pipe.yaml" in `policy` is not a file'],
    ['a large file', 'large.yaml', '"large.yaml" has more than 1048576 bytes'],
    ['other bytes than UTF-8', 'latin.yaml', '"latin.yaml" in `policy` is not UTF-8 text'],
    ['too many files', 'many/*.yaml', 'fits more than 100 files'],
  ])('are refused for %s', async (_, entry, message) => {
    await expect(readPolicyFiles([entry], root)).rejects.toMatchObject({
      code: 'bad-policy',
      message: expect.stringContaining(message),
    });
  });
});
