import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { blobId, listFiles, readWorkspaceFile } from '../../src/engine/workspace-files.ts';
import { readGlobs } from '../../src/references/glob.ts';

async function workspace(files: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'workspace-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const root = join(folder, 'work');
  for (const [path, content] of Object.entries({ '.keep': '', ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return { folder, root };
}

describe('files of the workspace', () => {
  it('are those that the globs choose, sorted, with dots and without what package managers unpack', async () => {
    const { root } = await workspace({
      'b/x.yaml': '',
      'a.yaml': '',
      '.github/w.yaml': '',
      'node_modules/p/x.yaml': '',
      'a.txt': '',
    });
    expect(await listFiles(root, readGlobs(['**/*.yaml']))).toEqual({
      files: ['.github/w.yaml', 'a.yaml', 'b/x.yaml'],
      linkedFolders: [],
    });
    expect((await listFiles(root, readGlobs(['node_modules/**/*.yaml']))).files).toEqual([
      'node_modules/p/x.yaml',
    ]);
  });

  it('links to files count; links to folders are told, and not followed', async () => {
    const { root } = await workspace({ 'real/x.yaml': 'x' });
    await symlink('real/x.yaml', join(root, 'link.yaml'));
    await symlink('real', join(root, 'folder'));
    await symlink('nowhere', join(root, 'broken.yaml'));
    const found = await listFiles(root, readGlobs(['**/*.yaml']));
    expect(found).toEqual({
      files: ['broken.yaml', 'link.yaml', 'real/x.yaml'],
      linkedFolders: ['folder'],
    });
    expect(await readWorkspaceFile(root, 'broken.yaml', 100)).toEqual({
      why: 'is not in the workspace',
    });
  });

  it('a link out of the workspace is not read, also not into a folder that only begins like it', async () => {
    const { root, folder } = await workspace({});
    await mkdir(`${root}-more`);
    await writeFile(`${root}-more/secret`, 'secret');
    await symlink(`${root}-more/secret`, join(root, 'a.yaml'));
    await symlink('/etc/hostname', join(root, 'b.yaml'));
    await symlink(folder, join(root, 'up'));
    expect(await readWorkspaceFile(root, 'a.yaml', 100)).toEqual({
      why: 'is a link that leads out of the workspace',
    });
    expect(await readWorkspaceFile(root, 'b.yaml', 100)).toEqual({
      why: 'is a link that leads out of the workspace',
    });
    expect(await readWorkspaceFile(root, 'up/work-more/secret', 100)).toEqual({
      why: 'is a link that leads out of the workspace',
    });
  });

  it('reads one byte more than it may, and knows the id that Git gives the content', async () => {
    const { root } = await workspace({ 'a.yaml': 'hello\n' });
    expect(await readWorkspaceFile(root, 'a.yaml', 100)).toEqual({
      bytes: Buffer.from('hello\n'),
      blob: 'ce013625030ba8dba906f756967f9e9ca394464a',
    });
    expect(await readWorkspaceFile(root, 'a.yaml', 3)).toMatchObject({
      bytes: Buffer.from('hell'),
    });
    await symlink('a.yaml', join(root, 'l.yaml'));
    expect(await readWorkspaceFile(root, 'l.yaml', 100)).toEqual({
      bytes: Buffer.from('hello\n'),
      blob: blobId(Buffer.from('a.yaml')),
    });
  });

  it.skipIf(process.platform === 'win32')('a pipe is not waited for', async () => {
    const { root } = await workspace({});
    execFileSync('mkfifo', [join(root, 'pipe.yaml')]);
    expect((await listFiles(root, readGlobs(['*.yaml']))).files).toEqual([]);
    expect(await readWorkspaceFile(root, 'pipe.yaml', 100)).toEqual({ why: 'is not a file' });
  });
});
