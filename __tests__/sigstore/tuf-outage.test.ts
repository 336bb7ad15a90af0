import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchTufTargets } from '../../src/sigstore/tuf.ts';
import { plainHttp } from './plain-http.ts';
import { signed, TufRepository } from './tuf-repository.ts';

const content = {
  'trusted_root.json': Buffer.from('{"root":1}'),
  'signing_config.v0.2.json': Buffer.from('{"config":1}'),
};
const names = Object.keys(content);

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
    retryBudget: () => 1000,
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

describe('a TUF repository that is down', () => {
  it.each([
    ['refuses connections', () => repository.stop()],
    ['answers 503', async () => repository.breakDown()],
  ])('and %s is replaced by the cache, with a notice', async (_how, breakIt) => {
    repository.rotateRoot();
    await update();
    await breakIt();
    const { notices } = await update();
    expect(notices).toEqual([
      `The TUF repository ${repository.url.href} cannot be reached; the trusted root is from the cache, where it has not expired.`,
    ]);
    expect(await textOf(update())).toEqual(first);
    repository = await new TufRepository().start();
  });

  it('is a failure without a cache, and says what to do', async () => {
    repository.breakDown();
    await expect(update()).rejects.toMatchObject({
      ...refused(/cannot be reached, and nothing is in the cache: .* answered 503\.$/),
      fix: expect.stringContaining('`trusted-root:`'),
    });
  });

  it('is a failure when what the cache holds has expired', async () => {
    await update();
    const folder = await cacheFolder();
    const { signed: fields } = JSON.parse(
      (repository.files.get('timestamp.json') as Buffer).toString(),
    );
    await writeFile(
      join(folder, 'timestamp.json'),
      signed({ ...fields, expires: '2020-01-01T00:00:00Z' }, [repository.onlineKey]),
    );
    repository.breakDown();
    await expect(update()).rejects.toMatchObject(refused('and what the cache holds has expired'));
  });

  it.each([
    ['a file is missing', async (folder: string) => rm(join(folder, 'snapshot.json'))],
    [
      'a file was changed',
      async (folder: string) => writeFile(join(folder, 'targets.json'), '{"signed":{}}'),
    ],
    [
      'a target was changed',
      async (folder: string) => {
        for (const file of await readdir(folder))
          if (file.endsWith('.target')) await writeFile(join(folder, file), '{"root":9}');
      },
    ],
  ])('is a failure when in the cache %s', async (_what, damage) => {
    await update();
    await damage(await cacheFolder());
    repository.breakDown();
    await expect(update()).rejects.toMatchObject(
      refused('and what the cache holds is not complete'),
    );
    repository.broken = undefined;
    expect(await textOf(update())).toEqual(first);
  });

  it('is not what a lie is taken for: the cache does not hide an attack', async () => {
    await update();
    repository.files.set('timestamp.json', Buffer.from('{"signed":{},"signatures":[]}'));
    await expect(update()).rejects.toMatchObject(refused('was not accepted'));
  });

  it('is not what an answer without end is taken for', async () => {
    await update();
    repository.files.set('timestamp.json', Buffer.alloc(20_000));
    await expect(update()).rejects.toMatchObject(refused('was not accepted'));
  });

  it('is waited for as long as the retry budget lasts without a cache, and 10 seconds with one', async () => {
    const retryBudget: unknown[] = [];
    const http: ReturnType<typeof plainHttp> = (request) => {
      retryBudget.push(request.retryBudget);
      return plainHttp()(request);
    };
    const options = {
      mirror: repository.url,
      root: firstRoot,
      cacheDir,
      http,
      retryBudget: () => 60_000,
    };
    await fetchTufTargets(names, options);
    expect(new Set(retryBudget)).toEqual(new Set([60_000]));
    retryBudget.length = 0;
    await fetchTufTargets(names, options);
    expect(new Set(retryBudget)).toEqual(new Set([10_000]));
  });
});

describe('the cache', () => {
  it('of one repository or first root is not used for another', async () => {
    await update();
    const other = await new TufRepository().start();
    other.publish({ targets: { 'trusted_root.json': Buffer.from('other') } });
    const root = other.files.get('1.root.json') as Buffer;
    const { targets } = await fetchTufTargets(['trusted_root.json'], {
      mirror: other.url,
      root,
      cacheDir,
      http: plainHttp(),
      retryBudget: () => 0,
    });
    await other.stop();
    expect(targets.get('trusted_root.json')?.toString()).toBe('other');
    expect(await readdir(join(cacheDir, 'sign-image', 'tuf'))).toHaveLength(2);
  });

  it('keeps newer metadata that another job has written meanwhile', async () => {
    const http: ReturnType<typeof plainHttp> = async (request) => {
      const response = await plainHttp()(request);
      if (request.url.pathname.startsWith('/targets/') && repository.version === 1) {
        repository.publish({ targets: content });
        await update();
      }
      return response;
    };
    await fetchTufTargets(['trusted_root.json'], {
      mirror: repository.url,
      root: firstRoot,
      cacheDir,
      http,
      retryBudget: () => 0,
    });
    const held = JSON.parse(await readFile(join(await cacheFolder(), 'timestamp.json'), 'utf8'));
    expect(held.signed.version).toBe(2);
  });

  it('that pretends a future version does not stay', async () => {
    await update();
    const file = join(await cacheFolder(), 'timestamp.json');
    await writeFile(file, '{"signatures":[],"signed":{"version":999999}}');
    await update();
    expect(await readFile(file)).toEqual(repository.files.get('timestamp.json'));
  });
});
