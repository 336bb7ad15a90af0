// What the programs that run a file make of it, and what the gate's reader says: whatever they run
// is reported, or its file is unresolved. Needs KUBECTL and COMPOSE; no cluster, no engine.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { inParallel } from '../../src/image/in-parallel.ts';
import { formatReference, parseReference } from '../../src/image/reference.ts';
import { readGlobs } from '../../src/references/glob.ts';
import { cases, usesOf } from '../references/cases.ts';
import { need } from './peers.ts';
import { Dice, honestCompose, honestOverlay, honestPod, trapped } from './traps.ts';

const kubectl = need('KUBECTL');
const compose = need('COMPOSE');
const root = await mkdtemp(join(tmpdir(), 'sign-image-files-'));
afterAll(() => rm(root, { recursive: true }));

/** What a program printed; whether it failed does not matter, what it did not read does not run. */
function ask(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.on('error', reject);
    child.on('close', () => resolve(Buffer.concat(parts).toString()));
  });
}

/** The images of containers in what kubectl prints, JSON or YAML, one document or several. */
function containerImages(printed: string): readonly string[] {
  const images: string[] = [];
  const look = (value: unknown, key: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, child] of Object.entries(value)) {
      const inside = Array.isArray(value) ? key : name;
      if (name === 'image' && /containers$/i.test(key) && typeof child === 'string')
        images.push(child);
      look(child, inside);
    }
  };
  // kubectl prints one JSON object after the other.
  const text = printed.startsWith('{') ? printed.replaceAll(/^}\n/gm, '}\n---\n') : printed;
  for (const document of parseAllDocuments(text)) look(document.toJS(), '');
  return images;
}

const fromKubectl = async (path: string) =>
  containerImages(await ask(kubectl, ['label', '--local', '-f', path, 'zz=b', '-o', 'json']));
const fromKustomize = async (folder: string) =>
  containerImages(await ask(kubectl, ['kustomize', folder]));
/** The images of services, of volumes and models; not the names that compose gives to its builds. */
const fromCompose = async (path: string) => {
  const printed = await ask(compose, ['-f', path, 'config', '--format', 'json']);
  const { services = {}, models = {} } = (printed === '' ? {} : JSON.parse(printed)) as {
    services?: Record<
      string,
      { image?: string; volumes?: readonly { type: string; source?: string }[] }
    >;
    models?: Record<string, { model: string }>;
  };
  return [
    ...Object.values(services).flatMap(({ image, volumes = [] }) => [
      ...(image === undefined ? [] : [image]),
      ...volumes.flatMap(({ type, source }) =>
        type === 'image' && source !== undefined ? [source] : [],
      ),
    ]),
    ...Object.values(models).map(({ model }) => model),
  ];
};

type Files = ReadonlyMap<string, string | Buffer>;

function write(folder: string, files: Files): void {
  for (const [path, content] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

/** What the reader reports of files, and whether one of them is unresolved. */
async function readAll(
  files: Files,
  chosen: Iterable<string> = files.keys(),
): Promise<{ reported: ReadonlySet<string>; open: readonly string[] }> {
  const paths = new Set(chosen);
  const found = [...paths].map((path) => usesOf(path, files, (file) => paths.has(file)));
  const uses = (await Promise.all(found)).flat();
  return {
    reported: new Set(
      uses.flatMap((use) => ('reference' in use ? [formatReference(use.reference)] : [])),
    ),
    open: uses.flatMap((use) => ('why' in use ? [`${use.line} ${use.written} ${use.why}`] : [])),
  };
}

/** Images that run, are not reported, and whose files are not unresolved. */
async function hidden(
  files: Files,
  runs: readonly string[],
  chosen: Iterable<string> = files.keys(),
): Promise<readonly string[]> {
  const { reported, open } = await readAll(files, chosen);
  if (open.length > 0) return [];
  return runs.filter((image) => {
    try {
      return !reported.has(formatReference(parseReference(image.trim(), 'files')));
    } catch {
      // No reference: nothing runs.
      return false;
    }
  });
}

interface Made {
  readonly files: Files;
  readonly runs: readonly string[];
}

async function made(
  count: number,
  make: (id: number) => Files,
  askAll: (
    folders: readonly string[],
    sets: readonly Files[],
  ) => Promise<readonly (readonly string[])[]>,
): Promise<readonly Made[]> {
  const sets = Array.from({ length: count }, (_, id) => make(id));
  const base = await mkdtemp(join(root, 'set-'));
  const folders = sets.map((files, id) => {
    const folder = join(base, `f${id}`);
    write(folder, files);
    return folder;
  });
  const runs = await askAll(folders, sets);
  return sets.map((files, id) => ({ files, runs: runs[id] ?? [] }));
}

/** One call of kubectl for all: which file an image comes from, its name says. */
const askKubectl = async (folders: readonly string[]) => {
  const images = await fromKubectlAll(dirname(folders[0] ?? ''));
  return folders.map((_, id) => images.filter((image) => image.includes(`/f${id}-`)));
};
const fromKubectlAll = async (folder: string) =>
  containerImages(
    await ask(kubectl, ['label', '--local', '-R', '-f', folder, 'zz=b', '-o', 'json']),
  );
const askEach =
  (one: (folder: string) => Promise<readonly string[]>) => (folders: readonly string[]) =>
    inParallel(folders, 4, one);

const seed = Number(process.env.SEED ?? 20_261_128);
const kinds = [
  {
    name: 'kubectl',
    count: 1200,
    honest: (dice: Dice, id: number): Files => new Map([['pod.yaml', honestPod(dice, id)]]),
    trap: 'pod.yaml',
    askAll: askKubectl,
    atLeast: 2,
  },
  {
    name: 'kustomize',
    count: 400,
    honest: (dice: Dice, id: number): Files => honestOverlay(dice, id),
    trap: 'kustomization.yaml',
    askAll: askEach(fromKustomize),
    atLeast: 1,
  },
  {
    name: 'compose',
    count: 400,
    honest: (dice: Dice, id: number): Files => new Map([['compose.yaml', honestCompose(dice, id)]]),
    trap: 'compose.yaml',
    askAll: askEach((folder) => fromCompose(join(folder, 'compose.yaml'))),
    atLeast: 2,
  },
];

describe.each(kinds)('what $name runs', ({ count, honest, trap, askAll, atLeast }) => {
  it('is reported from honest files, and nothing is unresolved', { timeout: 300_000 }, async () => {
    const dice = new Dice(seed);
    for (const { files, runs } of await made(count / 10, (id) => honest(dice, id), askAll)) {
      const { reported, open } = await readAll(files);
      expect({ open, runs: runs.length >= atLeast, files }).toEqual({
        open: [],
        runs: true,
        files,
      });
      expect([...reported]).toEqual(expect.arrayContaining([...new Set(runs)]));
    }
  });

  it('does not hide in files with traps', { timeout: 600_000 }, async () => {
    const dice = new Dice(seed + 1);
    const files = await made(
      count,
      (id) => {
        const set = new Map(honest(dice, id));
        return set.set(trap, trapped(dice, String(set.get(trap)), id));
      },
      askAll,
    );
    const hiding = await Promise.all(files.map((each) => hidden(each.files, each.runs)));
    expect(files.filter((_, id) => hiding[id]?.length !== 0)).toEqual([]);
    // The traps are none if the program refuses every file.
    expect(files.filter(({ runs }) => runs.length > 0).length).toBeGreaterThan(count / 20);
  });
});

describe('the cases', () => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', async (_, each) => {
    const folder = join(root, each.name);
    write(folder, each.contents);
    const { chosen } = readGlobs(each.files.split('\n'));
    const paths = [...each.contents.keys()];
    const runs = await inParallel(paths, 2, async (path) => {
      const whole = join(folder, path);
      if (path.endsWith('kustomization.yaml')) return fromKustomize(dirname(whole));
      if (/compose[\w.]*\.yaml$/.test(path)) return fromCompose(whole);
      return /\.(?:ya?ml|json)$/.test(path) ? fromKubectl(whole) : [];
    });
    expect(await hidden(each.contents, runs.flat(), paths.filter(chosen))).toEqual([]);
  });
});
