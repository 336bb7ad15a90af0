// Starts the command as it ships, dist/cli.js, in a process of its own with a clean environment.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** files of the working folder */
  readonly files?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** counts the JavaScript that is loaded */
  readonly measure?: boolean;
  /** what is started; default: dist/cli.js of this repository */
  readonly entry?: string;
}

export interface CommandRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** of stdout, with `--json` */
  readonly json: {
    readonly outputs: Readonly<Record<string, string>>;
    // biome-ignore lint/suspicious/noExplicitAny: whatever was printed
    readonly results: readonly any[];
    readonly error?: { readonly code: string; readonly message: string; readonly fix: string };
  };
  readonly loaded?: readonly { readonly file: string; readonly bytes: number }[];
}

const measureScript = new URL(`file://${join(root, '__tests__/sandbox/runner-measure.mjs')}`).href;

/** Runs `sign-image ARGS`. */
export async function command(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandRun> {
  const folder = await mkdtemp(join(tmpdir(), 'sign-image-command-'));
  try {
    for (const [name, text] of Object.entries(options.files ?? {}))
      await writeFile(join(folder, name), text);
    const measured = join(folder, 'measured.json');
    const node = [...(options.measure === true ? ['--import', measureScript] : [])];
    const entry = options.entry ?? join(root, 'dist/cli.js');
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      TMPDIR: folder,
      ...(process.platform === 'win32'
        ? { SYSTEMROOT: process.env.SYSTEMROOT ?? '', USERPROFILE: folder, TEMP: folder }
        : {}),
      ...(options.measure === true ? { SANDBOX_MEASURE_FILE: measured } : {}),
      ...options.env,
    };
    const ended = await start([...node, entry, ...args], env, options.cwd ?? folder);
    const json = args.includes('--json') && ended.stdout !== '' ? JSON.parse(ended.stdout) : {};
    const counts = options.measure === true ? JSON.parse(await readFile(measured, 'utf8')) : {};
    return { ...ended, json, ...counts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function start(args: readonly string[], env: Record<string, string>, cwd: string) {
  return new Promise<Pick<CommandRun, 'code' | 'stdout' | 'stderr'>>((fulfil, reject) => {
    const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (part: string) => {
        text[stream] += part;
      });
    child.on('error', reject);
    child.on('close', (code) => fulfil({ code, ...text }));
  });
}
