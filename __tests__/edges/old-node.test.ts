// Runners that are not GitHub's start an action with the Node that they have. One below 24 is told
// by its number what it lacks, before anything that it cannot read or does not have.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transformSync } from 'rolldown/utils';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const entries = ['dist/sign.js', 'dist/verify.js', 'dist/keygen.js'];

/** Makes this Node look like an old one, without what it does not have yet. */
const pretend = (version: string) =>
  `data:text/javascript,${encodeURIComponent(`
    Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    delete process.getBuiltinModule;
    delete Map.groupBy;
    delete Promise.withResolvers;
  `)}`;

async function start(entry: string, version: string) {
  const env = { PATH: process.env.PATH, INPUT_IMAGES: 'ghcr.io/acme/app:1' };
  const command = ['--import', pretend(version), join(root, entry)];
  const run = promisify(execFile)(process.execPath, command, { env, timeout: 60_000 });
  return run.then(
    () => ({ code: 0, stdout: '', stderr: '' }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

describe.each(entries)('%s', (entry) => {
  it.each(['16.20.2', '18.20.8', '20.20.2', '22.21.0'])(
    'tells Node %s what to do',
    async (version) => {
      const { code, stdout, stderr } = await start(entry, version);
      expect([code, stderr]).toEqual([1, '']);
      expect(stdout).toBe(
        `::error title=sign-image%3A old-node::old-node: sign-image runs on Node 24, and this runner has started it with Node ${version}: use runner 2.327.1 or later, or on act, Gitea and Forgejo an image that has Node 24.\n`,
      );
    },
  );
});

describe.each([...entries, 'dist/cli.js'])('%s', (entry) => {
  it('is in the syntax of Node 16 (ES2022)', () => {
    const code = readFileSync(join(root, entry), 'utf8');
    const as = (target: string) => transformSync(entry, code, { target }).code;
    // Where a syntax is newer, it would be written in another way.
    expect(as('es2022')).toBe(as('esnext'));
  });
});

describe('dist/cli.js', () => {
  it.each(['18.20.8', '22.21.0'])('tells who starts it with Node %s', async (version) => {
    expect(await start('dist/cli.js', version)).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: old-node: sign-image needs Node 24, and this is Node ${version}.\n`,
    });
  });
});
