import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { builtInRoot, fetchTufTargets } from '../../src/sigstore/tuf.ts';
import { plainHttp } from './plain-http.ts';
import { newTufKey, signed, TufRepository } from './tuf-repository.ts';

const content = {
  'trusted_root.json': Buffer.from('{"root":1}'),
  'signing_config.v0.2.json': Buffer.from('{"config":1}'),
};
const names = Object.keys(content);

// A folder of its own for temporary files: other tests that run now use the machine's.
const temporary = await mkdtemp(join(tmpdir(), 'sign-image-test-'));
vi.stubEnv('TMPDIR', temporary);
vi.stubEnv('TEMP', temporary);
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

let repository: TufRepository;
let cacheDir: string;
let firstRoot: Buffer;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'sign-image-test-'));
  repository = await new TufRepository().start();
  firstRoot = repository.files.get('1.root.json') as Buffer;
  repository.publish({ targets: content });
});
afterEach(async () => {
  await repository.stop();
  await rm(cacheDir, { recursive: true, force: true });
});

const update = (wanted: readonly string[] = names) =>
  fetchTufTargets(wanted, {
    mirror: repository.url,
    root: firstRoot,
    cacheDir,
    http: plainHttp(),
    retryBudget: () => 10_000,
  });
const textOf = async (updating: ReturnType<typeof update>) =>
  Object.fromEntries(
    [...(await updating).targets].map(([name, bytes]) => [name, bytes.toString()]),
  );
const first = { 'trusted_root.json': '{"root":1}', 'signing_config.v0.2.json': '{"config":1}' };
const cacheFolder = async () =>
  join(
    cacheDir,
    'sign-image',
    'tuf',
    (await readdir(join(cacheDir, 'sign-image', 'tuf')))[0] as string,
  );
const refused = (message: string | RegExp) => ({
  name: 'Failure',
  code: 'tuf-error',
  message:
    typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
});

describe('targets of a TUF repository', () => {
  it('are fetched, and the second time only what may have changed is asked for', async () => {
    expect(await textOf(update())).toEqual(first);
    expect(repository.requests.toSorted()).toEqual(
      [
        '2.root.json',
        'timestamp.json',
        '1.snapshot.json',
        '1.targets.json',
        ...names.map((name) => repository.targetFile(name)),
      ].toSorted(),
    );
    repository.requests.length = 0;
    expect(await update()).toMatchObject({ notices: [] });
    expect(repository.requests).toEqual(['2.root.json', 'timestamp.json']);
  });

  it('are fetched anew when they changed', async () => {
    await update();
    repository.publish({ targets: { ...content, 'trusted_root.json': Buffer.from('{"root":2}') } });
    expect(await textOf(update())).toEqual({ ...first, 'trusted_root.json': '{"root":2}' });
  });

  it('are fetched without a cache where it cannot be written', async () => {
    await writeFile(join(cacheDir, 'file'), '');
    const nowhere = {
      mirror: repository.url,
      root: firstRoot,
      cacheDir: join(cacheDir, 'file'),
      http: plainHttp(),
      retryBudget: () => 0,
    };
    expect([...(await fetchTufTargets(names, nowhere)).targets.keys()]).toEqual(names);
  });

  it('leave nothing but whole files behind, and nothing in the folder for temporary files', async () => {
    const before = (await readdir(tmpdir())).filter((file) => file.startsWith('sign-image-tuf-'));
    await Promise.all([update(), update(), update()]);
    expect(
      (await readdir(await cacheFolder())).filter(
        (file) => !/^(?:(?:timestamp|snapshot|targets)\.json|[0-9a-f]{64}\.target)$/.test(file),
      ),
    ).toEqual([]);
    expect(
      (await readdir(tmpdir())).filter(
        (file) => file.startsWith('sign-image-tuf-') && !before.includes(file),
      ),
    ).toEqual([]);
  });

  it('of a longer path lie where the specification says', async () => {
    repository.publish({ targets: { 'a b+c.json': Buffer.from('x') } });
    expect(await textOf(update(['a b+c.json']))).toEqual({ 'a b+c.json': 'x' });
  });

  it('that are not there are a failure', async () => {
    await expect(update(['other.json'])).rejects.toMatchObject(refused('has no target other.json'));
  });

  it('are not looked for in metadata that would cost a parser much memory', async () => {
    repository.files.set('2.root.json', Buffer.from('['.repeat(250_000) + ']'.repeat(250_000)));
    const failure = await update().catch((caught: unknown) => caught);
    expect(failure).toMatchObject(refused('was not accepted'));
    expect((failure as Error).message).toContain('nested deeper than 32 levels');
  });

  it('that are larger than any trusted root are not fetched', async () => {
    repository.publish({ targets: { 'trusted_root.json': Buffer.alloc(1024 * 1024 + 1) } });
    await expect(update(['trusted_root.json'])).rejects.toMatchObject(
      refused('larger than 1048576 bytes'),
    );
    expect(repository.requests.filter((file) => file.startsWith('targets/'))).toEqual([]);
  });
});

describe('the root of a TUF repository', () => {
  const newKeys = () => [newTufKey('ed25519'), newTufKey('ecdsa')];

  it('may be rotated more than once, with all keys replaced; each step is fetched once', async () => {
    await update();
    repository.rotateRoot({ rootKeys: newKeys() });
    repository.onlineKey = newTufKey('ed25519');
    repository.targetsKey = newTufKey('ecdsa');
    repository.rotateRoot({ rootKeys: newKeys() });
    repository.publish({ targets: { ...content, 'trusted_root.json': Buffer.from('{"root":3}') } });
    repository.requests.length = 0;
    expect(await textOf(update())).toEqual({ ...first, 'trusted_root.json': '{"root":3}' });
    expect(
      repository.requests.filter((file) => file.endsWith('root.json') && !file.includes('/')),
    ).toEqual(['2.root.json', '3.root.json', '4.root.json']);
    repository.requests.length = 0;
    await update();
    expect(repository.requests).toEqual(['4.root.json', 'timestamp.json']);
  });

  it.each([
    [
      'is signed by the new keys only',
      () => repository.rotateRoot({ rootKeys: stranger, signers: stranger }),
      'root was signed by',
    ],
    [
      'is signed by one old key, where two are needed',
      () =>
        repository.rotateRoot({
          rootKeys: stranger,
          signers: [...repository.rootKeys.slice(1), ...stranger],
        }),
      'root was signed by',
    ],
    [
      'is not signed by its own keys',
      () => repository.rotateRoot({ rootKeys: stranger, signers: repository.rootKeys }),
      'root was signed by 0/2 keys',
    ],
    [
      'skips a version',
      () => repository.files.set('2.root.json', repository.rotateRoot() && repository.rotateRoot()),
      'version',
    ],
    ['is a page', () => repository.files.set('2.root.json', Buffer.from('<html>')), ''],
    ['has expired', () => repository.rotateRoot({ expires: -1 }), 'expired'],
    [
      'is larger than any root',
      () => repository.files.set('2.root.json', Buffer.alloc(600_000)),
      'more than 512000 bytes',
    ],
  ])('is refused when the next one %s', async (_what, attack, message) => {
    attack();
    await expect(update()).rejects.toMatchObject(refused(message));
  });
  const stranger = newKeys();

  it('is never taken from the cache: a root that was put there by somebody else is passed over', async () => {
    await update();
    repository.rotateRoot({ rootKeys: stranger });
    const attacker = await new TufRepository().start();
    await writeFile(
      join(await cacheFolder(), '2.root.json'),
      attacker.files.get('1.root.json') as Buffer,
    );
    await writeFile(
      join(await cacheFolder(), 'root.json'),
      attacker.files.get('1.root.json') as Buffer,
    );
    await attacker.stop();
    expect(await textOf(update())).toEqual(first);
    repository.requests.length = 0;
    await update();
    expect(repository.requests).toEqual(['3.root.json', 'timestamp.json']);
  });
});

describe('metadata of a TUF repository is refused when', () => {
  it.each([
    [
      'the timestamp has expired',
      () => repository.publish({ targets: content, expires: { timestamp: -1 } }),
      'timestamp.json is expired',
    ],
    [
      'the snapshot has expired',
      () => repository.publish({ targets: content, expires: { snapshot: -1 } }),
      'snapshot.json is expired',
    ],
    [
      'the targets have expired',
      () => repository.publish({ targets: content, expires: { targets: -1 } }),
      'targets.json is expired',
    ],
    [
      'the timestamp is signed by somebody else',
      () => forge('timestamp.json'),
      'timestamp was signed by 0/1 keys',
    ],
    ['the snapshot is signed by somebody else', () => forge('1.snapshot.json'), /hash|length/],
    ['the targets are signed by somebody else', () => forge('1.targets.json'), /hash|length/],
    [
      'the timestamp is larger than any',
      () => repository.files.set('timestamp.json', Buffer.alloc(20_000)),
      'more than 16384 bytes',
    ],
    [
      'the snapshot is larger than the timestamp says',
      () => repository.files.set('1.snapshot.json', Buffer.alloc(20_000)),
      'more than',
    ],
    ['the timestamp is missing', () => repository.files.delete('timestamp.json'), '404'],
    [
      'a target was exchanged',
      () =>
        repository.files.set(repository.targetFile('trusted_root.json'), Buffer.from('{"root":9}')),
      /hash/,
    ],
    [
      'a target is longer than it says',
      () => repository.files.set(repository.targetFile('trusted_root.json'), Buffer.alloc(50)),
      'more than 10 bytes',
    ],
    [
      'a target is shorter than it says',
      () => repository.files.set(repository.targetFile('trusted_root.json'), Buffer.from('{}')),
      /length/,
    ],
  ])('%s', async (_what, attack, message) => {
    attack();
    await expect(update()).rejects.toMatchObject(refused(message));
  });

  const forge = (file: string) => {
    const { signed: fields } = JSON.parse((repository.files.get(file) as Buffer).toString());
    const key = newTufKey('ed25519');
    repository.files.set(file, signed(fields, [{ ...key, id: repository.onlineKey.id }]));
  };

  it('the timestamp was rolled back to one that we have seen a newer of, although all of it is genuine', async () => {
    const old = new Map(repository.files);
    repository.publish({ targets: content });
    await update();
    for (const [file, bytes] of old) repository.files.set(file, bytes);
    await expect(update()).rejects.toMatchObject(
      refused('version 1 is less than current version 2'),
    );
  });

  it('the snapshot was rolled back below a newer timestamp', async () => {
    repository.publish({ targets: content, version: 5 });
    await update();
    repository.publish({ targets: content, version: 3 });
    const { signed: fields } = JSON.parse(
      (repository.files.get('timestamp.json') as Buffer).toString(),
    );
    repository.files.set(
      'timestamp.json',
      signed({ ...fields, version: 6 }, [repository.onlineKey]),
    );
    await expect(update()).rejects.toMatchObject(
      refused('snapshot version 3 is less than current version 5'),
    );
  });

  it('it is frozen at metadata that has expired, also with a cache', async () => {
    await update();
    repository.publish({ targets: content, expires: { timestamp: -1 } });
    await expect(update()).rejects.toMatchObject(refused('timestamp.json is expired'));
  });
});

describe('the root that is built in', () => {
  it.each(['https://tuf-repo-cdn.sigstore.dev', 'https://tuf-repo-cdn.sigstore.dev/'])(
    'is that of the public-good repository (%s)',
    (url) => {
      const root = JSON.parse(builtInRoot(new URL(url))?.toString() ?? '{}');
      expect(root.signed).toMatchObject({ _type: 'root', consistent_snapshot: true });
    },
  );

  it.each([
    'https://tuf.example',
    'https://tuf-repo-cdn.sigstore.dev/other',
    'http://tuf-repo-cdn.sigstore.dev',
    'https://constructor',
  ])('is none for %s', (url) => {
    expect(builtInRoot(new URL(url))).toBeUndefined();
  });
});
