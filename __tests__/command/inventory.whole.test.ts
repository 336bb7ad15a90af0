// `sign-image inventory` as it ships: lists, signs again, removes; a dry run unless told otherwise.
import { describe, expect, it } from 'vitest';
import { signingRun } from '../faults/signing-run.ts';
import { lose, name, newKey, tagsOf } from '../inventory/inventorying.ts';
import { ours, publicPem, pushSigned, theirs } from '../promote/promoting.ts';
import { pushImage } from '../sandbox/images.ts';
import { startRegistry } from '../sandbox/registry.ts';
import { command } from './command.ts';

const files = {
  'old.pub': publicPem(ours),
  'new.pub': publicPem(theirs),
  'new.key': newKey.pem,
};
const ignoring = ['--tlog', 'ignore'];

async function filled() {
  const registry = await startRegistry();
  await pushSigned(registry, name, { tag: 'v1', seed: 1 });
  await pushImage(registry.host, name, { tag: 'v2', seed: 2 });
  const lost = await pushSigned(registry, name, { tag: 'v0', seed: 3 });
  lose(registry, lost.digest);
  const place = `${registry.host}/${name}`;
  const list = (...args: string[]) =>
    command(['inventory', place, ...ignoring, ...args], { files });
  return { registry, list };
}

describe('inventory', () => {
  it('one line an image; what is verified, and what only says so', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    const { code, stderr, stdout } = await list('--key', 'old.pub');
    expect(code).toBe(0);
    expect(stdout).toBe('');
    const lines = stderr.trim().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^✓ :v1 sha256:\S+: legacy verified: key .*, bundle verified: key /),
      expect.stringMatching(/^– :v2 sha256:\S+: nothing is signed$/),
      expect.stringMatching(/^– sha256-…, sha256-….sig of sha256:\S+, which is gone: orphaned$/),
      expect.stringMatching(
        /^2 images: 1 verified, 0 with other signatures, 1 without; 1 orphan; /,
      ),
    ]);
    const bare = await list();
    expect(bare.code).toBe(0);
    expect(bare.stderr).not.toContain(' verified: ');
    expect(bare.stderr).toMatch(/bundle says to be by key \S+…, not verified/);
  });

  it('--json has numbers and everything that was found', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    const { code, json } = await list('--key', 'old.pub', '--json');
    expect(code).toBe(0);
    expect(json.outputs).toEqual({
      complete: 'true',
      images: '2',
      verified: '1',
      signed: '1',
      unsigned: '1',
      resigned: '0',
      orphans: '1',
      pruned: '0',
    });
    expect(json.results.map(({ kind, tags, state }) => [kind, tags ?? state])).toEqual([
      ['image', ['v1']],
      ['image', ['v2']],
      ['orphan', 'orphaned'],
    ]);
  });

  it('signs again and removes only without a dry run', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    const asked = ['--key', 'old.pub', '--resign-with', 'new.key', '--prune'];
    const before = tagsOf(registry);
    registry.requests.length = 0;
    const dry = await list(...asked);
    expect(dry.code).toBe(0);
    expect(dry.stderr).toContain('would be signed with the new key');
    expect(dry.stderr).toContain('would be removed');
    expect(dry.stderr).toContain('Nothing was changed. Add `--dry-run=false` to do it.');
    expect(registry.requests.filter(({ method }) => !/GET|HEAD/.test(method))).toEqual([]);
    const done = await list(...asked, '--dry-run=false');
    expect(done.stderr).toContain('signed with the new key, read back and verified');
    expect(done.stderr).toContain('which is gone: removed');
    expect(done.code).toBe(0);
    expect(tagsOf(registry)).toHaveLength(before.length - 2);
    const after = await list('--key', 'new.pub', '--json');
    expect(after.json.outputs).toMatchObject({ verified: '1', orphans: '0' });
  });

  it('a rotation warns of attestations that nobody makes again', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    const run = { host: registry.host, repository: name, document: '{}' };
    await signingRun({
      ...run,
      images: [...registry.store.open(name).manifests.keys()].slice(0, 1),
      key: ours,
    });
    const warning = /^warning: 1 attestation \(\S+\) beside 1 image verified by the old key/m;
    expect((await list('--key', 'old.pub')).stderr).not.toMatch(warning);
    expect((await list('--key', 'old.pub', '--resign-with', 'new.key')).stderr).toMatch(warning);
  });

  it('wrong use is told, and nobody is asked', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    registry.requests.length = 0;
    const { code, stderr } = await list('--resign-with', 'new.key', '--dry-run=false');
    expect(code).toBe(2);
    expect(stderr).toContain('nothing says whose signatures count');
    expect((await list('a', 'b')).code).toBe(2);
    expect((await list('--resign-with', newKey.pem, '--key', 'old.pub')).stderr).not.toContain(
      newKey.pem.split('\n')[1],
    );
    expect(registry.requests).toEqual([]);
  });

  it('what could not be read ends with 1', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    registry.store.open(name).tags.set('v9', [{ digest: `sha256:${'0'.repeat(64)}`, at: 0 }]);
    const { code, stderr } = await list('--key', 'old.pub');
    expect(code).toBe(1);
    expect(stderr).toContain('v9: image-not-found: ');
  });

  it('what a registry writes is printed as text alone', async () => {
    const { registry, list } = await filled();
    await using _registry = registry;
    registry.set({
      override: ({ url }) =>
        /\.sig$/.test(url.pathname) && url.pathname.includes('manifests')
          ? {
              status: 400,
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({
                errors: [{ code: 'X', message: '\u001b[31m\n::error::red' }],
              }),
            }
          : undefined,
    });
    const { stderr } = await list('--key', 'old.pub');
    expect(stderr).not.toContain('\u001b');
    expect(stderr).not.toMatch(/^::/m);
  });
});
