import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import type { RunOptions } from './runner.ts';

/** What the runner reads of an action.yml. */
export interface ActionFile {
  readonly inputs?: Record<string, { default?: unknown; required?: boolean } | null>;
  readonly outputs?: Record<string, unknown>;
  readonly runs: { readonly using: string; readonly main: string };
}

/** The action.yml whose `runs.main` is this entry. */
export async function readAction(root: string, entry: string): Promise<ActionFile> {
  const folders = ['.', 'verify', 'attest', 'promote', 'keygen'].map((folder) =>
    join(root, folder),
  );
  for (const folder of folders) {
    const file = join(folder, 'action.yml');
    if (!existsSync(file)) continue;
    const action = parseAction(await readFile(file, 'utf8'));
    if (resolve(folder, action.runs.main) === entry) return action;
  }
  throw new Error(`no action.yml below ${root} has ${relative(root, entry)} as its runs.main`);
}

const actions = new Map<string, ActionFile>();

/** Parses an action.yml once: every start of an action reads it. */
function parseAction(text: string): ActionFile {
  const action = actions.get(text) ?? (parse(text) as ActionFile);
  actions.set(text, action);
  return action;
}

/**
 * INPUT_* as the runner sets them: every declared input, with its default. @throws Error for an
 * input that is not declared.
 */
export function inputVariables(
  action: ActionFile,
  { inputs = {}, githubToken = 'ghs_sandboxsandboxsandboxsandboxsandbox' }: RunOptions,
): Record<string, string> {
  const declared = action.inputs ?? {};
  const strangers = Object.keys(inputs).filter((name) => !Object.hasOwn(declared, name));
  if (strangers.length > 0)
    throw new Error(
      `action.yml declares no input ${strangers.map((name) => `"${name}"`).join(', ')}`,
    );
  const variables = Object.entries(declared).map(([name, declaration]) => {
    const value = inputs[name] ?? evaluate(String(declaration?.default ?? ''), githubToken);
    return [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value];
  });
  return Object.fromEntries(variables);
}

function evaluate(text: string, githubToken: string): string {
  const value = text.replace(/\$\{\{\s*github\.token\s*\}\}/g, () => githubToken);
  if (value.includes('${{'))
    throw new Error(`the sandbox evaluates no expression but github.token: ${text}`);
  return value;
}

const fileCommands = {
  GITHUB_OUTPUT: 'output',
  GITHUB_STEP_SUMMARY: 'summary',
  GITHUB_ENV: 'env',
  GITHUB_STATE: 'state',
  GITHUB_PATH: 'path',
};

/** Makes the folders and files of a step; answers its environment. */
export async function prepareStep(
  folder: string,
  options: RunOptions,
): Promise<Record<string, string>> {
  const place = (name: string) => join(folder, name);
  for (const name of ['temp', 'tools', 'work', 'home', 'commands']) await mkdir(place(name));
  await writeFile(place('event.json'), JSON.stringify(options.event ?? pushEvent));
  for (const file of Object.values(fileCommands))
    await writeFile(join(folder, 'commands', file), '');
  for (const [base, files] of [
    ['home', options.home] as const,
    ['work', options.workspace] as const,
  ]) {
    for (const [name, content] of Object.entries(files ?? {})) {
      await mkdir(dirname(join(folder, base, name)), { recursive: true });
      await writeFile(join(folder, base, name), content);
    }
  }
  return {
    ...Object.fromEntries(
      Object.entries(fileCommands).map(([name, file]) => [name, join(folder, 'commands', file)]),
    ),
    ...environmentOfRun,
    ...(options.debug === true ? { RUNNER_DEBUG: '1' } : {}),
    ...(process.platform === 'win32'
      ? {
          SYSTEMROOT: process.env.SYSTEMROOT ?? '',
          USERPROFILE: place('home'),
          TEMP: place('temp'),
          TMP: place('temp'),
        }
      : {}),
    PATH: process.env.PATH ?? '',
    HOME: place('home'),
    TMPDIR: place('temp'),
    RUNNER_TEMP: place('temp'),
    RUNNER_TOOL_CACHE: place('tools'),
    GITHUB_WORKSPACE: place('work'),
    GITHUB_EVENT_PATH: place('event.json'),
  };
}

const pushEvent = {
  ref: 'refs/heads/main',
  repository: {
    full_name: 'acme/app',
    name: 'app',
    owner: { login: 'acme' },
    private: false,
    visibility: 'public',
    default_branch: 'main',
  },
};

const environmentOfRun = {
  CI: 'true',
  GITHUB_ACTIONS: 'true',
  GITHUB_ACTION: '__sandbox',
  GITHUB_ACTOR: 'octocat',
  GITHUB_API_URL: 'http://127.0.0.1:9/api',
  GITHUB_BASE_REF: '',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_GRAPHQL_URL: 'http://127.0.0.1:9/graphql',
  GITHUB_HEAD_REF: '',
  GITHUB_JOB: 'release',
  GITHUB_REF: 'refs/heads/main',
  GITHUB_REF_NAME: 'main',
  GITHUB_REF_TYPE: 'branch',
  GITHUB_REPOSITORY: 'acme/app',
  GITHUB_REPOSITORY_OWNER: 'acme',
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_RUN_ID: '4711',
  GITHUB_RUN_NUMBER: '17',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
  GITHUB_TRIGGERING_ACTOR: 'octocat',
  GITHUB_WORKFLOW: 'Release',
  GITHUB_WORKFLOW_REF: 'acme/app/.github/workflows/release.yml@refs/heads/main',
  GITHUB_WORKFLOW_SHA: '0123456789abcdef0123456789abcdef01234567',
  RUNNER_ARCH: 'X64',
  RUNNER_ENVIRONMENT: 'github-hosted',
  RUNNER_NAME: 'sandbox',
  RUNNER_OS: 'Linux',
};
