import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ActionFile, inputVariables, prepareStep, readAction } from './runner-environment.ts';
import { readFileCommands, readStepLog, type WorkflowCommand } from './runner-files.ts';

export interface RunOptions {
  /**
   * the built entry, from the root; default dist/sign.js. Its action.yml is found by its
   * `runs.main`.
   */
  readonly entry?: string;
  /**
   * where the action is checked out; default: ACTION_ROOT of the environment (another build), else
   * this repository
   */
  readonly root?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** added to the environment; undefined takes a variable away (e.g. GITHUB_OUTPUT) */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** the webhook's payload; default: a push to a public repository */
  readonly event?: object;
  /** the value of `github.token`; default: a token nobody knows */
  readonly githubToken?: string;
  readonly node?: string;
  readonly nodeArguments?: readonly string[];
  /** sent after `afterMs`, or when a line of the output matches; as the runner cancels a step */
  readonly signal?: {
    readonly name: NodeJS.Signals;
    readonly afterMs?: number;
    readonly whenLine?: RegExp;
  };
  readonly cwd?: string;
  /** RUNNER_DEBUG=1 */
  readonly debug?: boolean;
  /**
   * also measures memory and the files that were loaded (a preloaded script does it: not for
   * timings)
   */
  readonly measure?: boolean;
  /** leaves the step's folder in place */
  readonly keep?: boolean;
  /** copied into HOME before the start, e.g. { '.docker/config.json': '{}' } */
  readonly home?: Readonly<Record<string, string>>;
  /** texts with control characters are given to the step on purpose, so it writes them out */
  readonly hostile?: boolean;
  /** files of the workspace */
  readonly workspace?: Readonly<Record<string, string | Uint8Array>>;
  /** after so many milliseconds the step is killed and the call throws; default 110,000 */
  readonly limitMs?: number;
}

export interface Annotation {
  readonly kind: 'error' | 'warning' | 'notice';
  readonly message: string;
  readonly properties: Readonly<Record<string, string>>;
}

export interface RunResult {
  /** undefined: ended by a signal */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** the log as the runner shows it, masked */
  readonly shown: string;
  /** all that was printed but the masks, unmasked: where no secret may be */
  readonly said: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly masks: readonly string[];
  readonly annotations: readonly Annotation[];
  readonly commands: readonly WorkflowCommand[];
  /** what the step wrote into GITHUB_ENV, and GITHUB_STATE */
  readonly env: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
  /** files left in RUNNER_TEMP, HOME and the workspace: path from the step's folder → content */
  readonly files: ReadonlyMap<string, Buffer>;
  /** the command line of the process */
  readonly arguments: readonly string[];
  /** the step's folder; gone unless `keep` */
  readonly folder: string;
  readonly durationMs: number;
  /** with `measure`: peak resident memory, and the JavaScript that was loaded */
  readonly maxRssKb?: number;
  readonly loaded?: readonly { readonly file: string; readonly bytes: number }[];
}

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Starts the built action in a child process as GitHub's runner does: inputs as INPUT_*, with the
 * defaults of action.yml; file commands; a clean environment with nothing of this machine but PATH.
 * @throws Error for an input that action.yml does not declare, an output it does not declare, a
 * file command that the runner could not read, a step that does not end, and (but for `hostile`)
 * one that writes out a control character: that would be a line break of our own, shown as text.
 */
export async function runAction(options: RunOptions = {}): Promise<RunResult> {
  const root = resolve(options.root ?? process.env.ACTION_ROOT ?? repositoryRoot);
  const entry = resolve(root, options.entry ?? 'dist/sign.js');
  const action = await readAction(root, entry);
  const inputs = inputVariables(action, options);
  const folder = await mkdtemp(join(tmpdir(), 'sign-image-step-'));
  try {
    const env = { ...(await prepareStep(folder, options)), ...inputs };
    const given = Object.entries({ ...env, ...options.env }).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    );
    const ended = await start(entry, folder, Object.fromEntries(given), options);
    return await gather(folder, ended, action, options);
  } finally {
    if (options.keep !== true) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly arguments: readonly string[];
  readonly durationMs: number;
}

const measureScript = join(dirname(fileURLToPath(import.meta.url)), 'runner-measure.mjs');

/**
 * Without threads of its own V8 costs a short process a tenth less. The default suite starts
 * hundreds; `npm run test:whole` starts them as the runner does.
 */
const fewThreads = process.env.TABLES === 'sampled' ? ['--v8-pool-size=0'] : [];

function start(
  entry: string,
  folder: string,
  env: Record<string, string>,
  options: RunOptions,
): Promise<Ended> {
  const measure =
    options.measure === true ? ['--import', new URL(`file://${measureScript}`).href] : [];
  const command = [
    options.node ?? node24(),
    ...fewThreads,
    ...measure,
    ...(options.nodeArguments ?? []),
    entry,
  ];
  const measured =
    options.measure === true ? { SANDBOX_MEASURE_FILE: join(folder, 'measured.json') } : {};
  return new Promise((fulfil, reject) => {
    const began = performance.now();
    const child = spawn(command[0]!, command.slice(1), {
      cwd: options.cwd ?? join(folder, 'work'),
      env: { ...env, ...measured },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    const kill = () => child.kill(options.signal?.name);
    let signalled = options.signal === undefined;
    const timer =
      options.signal?.afterMs === undefined ? undefined : setTimeout(kill, options.signal.afterMs);
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (part: string) => {
        text[stream] += part;
        if (signalled || options.signal?.whenLine?.test(text[stream]) !== true) return;
        signalled = true;
        kill();
      });
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(
          `the step did not end:\n${text.stdout.slice(-2000)}\n${text.stderr.slice(-2000)}`,
        ),
      );
    }, options.limitMs ?? 110_000);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      clearTimeout(timer);
      fulfil({ code, signal, ...text, arguments: command, durationMs: performance.now() - began });
    });
  });
}

/** Node 24 or later: this process's own, or the one among the dependencies. */
function node24(): string {
  return Number(process.versions.node.split('.')[0]) >= 24
    ? process.execPath
    : join(repositoryRoot, 'node_modules/.bin/node');
}

async function gather(
  folder: string,
  ended: Ended,
  action: ActionFile,
  options: RunOptions,
): Promise<RunResult> {
  const command = (name: string) => readFile(join(folder, 'commands', name), 'utf8');
  const debug = options.debug === true || options.env?.RUNNER_DEBUG === '1';
  const log = readStepLog(ended.stdout, debug);
  const errors = readStepLog(ended.stderr, debug);
  const outputs = readFileCommands(await command('output'));
  const strangers = Object.keys(outputs).filter(
    (name) => !Object.hasOwn(action.outputs ?? {}, name),
  );
  if (strangers.length > 0)
    throw new Error(`action.yml declares no output ${strangers.join(', ')}`);
  const commands = [...log.commands, ...errors.commands];
  const summary = await command('summary');
  if (options.hostile !== true)
    refuseWrittenOut([summary, ...[ended.stdout, ended.stderr].map(withoutDebug)]);
  const measured = existsSync(join(folder, 'measured.json'))
    ? JSON.parse(await readFile(join(folder, 'measured.json'), 'utf8'))
    : {};
  return {
    code: ended.code ?? undefined,
    signal: ended.signal ?? undefined,
    stdout: ended.stdout,
    stderr: ended.stderr,
    shown: [log.shown, errors.shown].filter((text) => text !== '').join('\n'),
    said: `${log.said}\n${errors.said}`,
    outputs,
    summary,
    masks: [...log.masks, ...errors.masks],
    annotations: commands.flatMap(annotationOf),
    commands,
    env: readFileCommands(await command('env')),
    state: readFileCommands(await command('state')),
    files: await readFiles(folder, options),
    arguments: ended.arguments,
    folder,
    durationMs: ended.durationMs,
    ...measured,
  };
}

const withoutDebug = (output: string) => readStepLog(output, false).shown;

/** What `shown` of src/text/untrusted.ts makes of a control character. */
function refuseWrittenOut(texts: readonly string[]): void {
  for (const text of texts) {
    const found = /.{0,200}\\u00[01][0-9a-f].{0,50}/.exec(text)?.[0];
    if (found !== undefined)
      throw new Error(`the step shows a control character of its own as text: ${found}`);
  }
}

function annotationOf({ command, data, properties }: WorkflowCommand): Annotation[] {
  return command === 'error' || command === 'warning' || command === 'notice'
    ? [{ kind: command, message: data, properties }]
    : [];
}

/**
 * Everything that is left below RUNNER_TEMP, the tool cache, HOME and the workspace, but what the
 * test itself put there unchanged.
 */
async function readFiles(folder: string, options: RunOptions): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const base of ['temp', 'tools', 'home', 'work']) {
    for (const entry of await readdir(join(folder, base), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!entry.isFile()) continue;
      const path = relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
      const content = await readFile(join(folder, path));
      const planted =
        base === 'home' ? options.home?.[path.slice(5)] : options.workspace?.[path.slice(5)];
      if (planted === undefined || !content.equals(Buffer.from(planted))) files.set(path, content);
    }
  }
  return files;
}
