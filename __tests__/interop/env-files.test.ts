// What compose takes from a `.env`, and what the gate says that it may take. Needs COMPOSE.
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inParallel } from '../../src/image/in-parallel.ts';
import { openEnvironment } from '../../src/references/environment.ts';
import { need } from './peers.ts';
import { Dice } from './traps.ts';

const compose = need('COMPOSE');
const root = await mkdtemp(join(tmpdir(), 'sign-image-env-'));
afterAll(() => rm(root, { recursive: true }));

const file = 'services:\n  a: {image: "r.io/a:${TAG:-default}"}\n';

/** The image that compose would run; empty where it refuses. */
function imageIn(folder: string, files: Readonly<Record<string, string>>, args: string[] = []) {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const { TAG: _, ...env } = process.env;
  return new Promise<string>((resolve) =>
    execFile(compose, [...args, 'config', '--images'], { cwd: folder, env }, (_failed, printed) =>
      resolve(printed.trim()),
    ),
  );
}

describe('which .env compose reads', () => {
  const image = (name: string, files: Readonly<Record<string, string>>, ...args: string[]) =>
    imageIn(join(root, name), { 'app/compose.yaml': file, ...files }, args);
  const f = ['-f', 'app/compose.yaml'];

  it('that beside the file, and none above, below, or of the folder it is started in', async () => {
    expect(await image('a', { 'app/.env': 'TAG=1' }, ...f)).toBe('r.io/a:1');
    expect(await image('b', { '.env': 'TAG=1', 'app/sub/.env': 'TAG=2' }, ...f)).toBe(
      'r.io/a:default',
    );
  });

  it('that above, where the project is there', async () => {
    const files = { '.env': 'TAG=1' };
    expect(await image('c', files, ...f, '--project-directory', '.')).toBe('r.io/a:1');
  });
});

const signs =
  'TAG|TAG|TAG|export |export|=|=|: |:|1|x|"|\'|`|\\|#| #| |\t|\n|\n|\n|\r\n|\r|\u0085|\u2028|\u00a0|\uFEFF|A=|$|{|}|_|.|-|\n#|,|\\n|é';
const tokens = signs.split('|');
const seed = Number(process.env.SEED ?? 20_261_128);

describe('generated .env files', () => {
  it('set nothing that the gate holds for certain', { timeout: 300_000 }, async () => {
    const dice = new Dice(seed);
    const texts = Array.from({ length: 600 }, () => {
      const some = Array.from({ length: 1 + dice.below(7) }, () => dice.of(tokens)).join('');
      const front = dice.of(['', 'A=1\n', '# c\n', 'A="\n', "A='x", '\uFEFF']);
      return `${front}${some}${dice.of(['', 'TAG=2', '\nTAG=2\n', '\n"\n', '=3'])}`;
    });
    const images = await inParallel(texts, 4, (text, at) =>
      imageIn(join(root, `g${at}`), { 'compose.yaml': file, '.env': text }),
    );
    const certain = texts.map((text) => {
      const bytes = Buffer.from(text);
      return (
        openEnvironment('compose.yaml', [{ path: '.env', bytes }]).replaces('TAG') === undefined
      );
    });
    const set = images.map((image) => image !== '' && image !== 'r.io/a:default');
    expect(texts.filter((_, at) => set[at] && certain[at])).toEqual([]);
    expect(set.filter((each) => each).length).toBeGreaterThan(50);
    expect(certain.filter((each) => each).length).toBeGreaterThan(50);
  });
});
