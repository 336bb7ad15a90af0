// Plays the examples of other CI systems: the shell commands as they stand, in the environment that
// the system sets, by the shell that it starts. What is not ours is acted: `docker` says what a push
// would say, `npm install` installs nothing, and the programs of the systems give a token.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { root } from './command.ts';

/** What one job or stage runs. */
export interface Script {
  readonly name: string;
  readonly shell: readonly [string, ...string[]];
  readonly lines: string;
  /** set by the file itself */
  readonly env: Readonly<Record<string, string>>;
}

type Values = Readonly<Record<string, unknown>>;
const texts = (value: unknown): string[] =>
  value === undefined ? [] : [value].flat().map((entry) => String(entry));
const variables = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries((value ?? {}) as Values).map(([name, text]) => [name, String(text)]),
  );

/** The jobs of a `.gitlab-ci.yml`; GitLab's runner starts `sh` and stops at the first error. */
export function gitlabScripts(text: string): readonly Script[] {
  const file = parse(text) as Record<string, Values>;
  return Object.entries(file)
    .filter(([, job]) => Array.isArray(job?.script))
    .map(([name, job]) => ({
      name,
      shell: ['sh', '-e', '-c'] as const,
      lines: [...texts(job.before_script), ...texts(job.script)].join('\n'),
      env: variables(job.variables),
    }));
}

/** A component of GitLab with these inputs; GitLab puts them in as text. */
export function gitlabComponent(
  text: string,
  inputs: Readonly<Record<string, string>>,
): readonly Script[] {
  const [head = '', body = ''] = text.split(/^---$/m);
  const { spec } = parse(head) as { spec: { inputs: Record<string, { default?: unknown }> } };
  const filled = body.replace(/\$\[\[ inputs\.([\w-]+) \]\]/g, (_, name: string) => {
    if (!Object.hasOwn(spec.inputs, name)) throw new Error(`the component has no input ${name}`);
    return inputs[name] ?? String(spec.inputs[name]?.default ?? '');
  });
  return gitlabScripts(filled);
}

/** The stages of a Jenkinsfile: `sh '…'` and `sh '''…'''`, in Groovy's single quotes. */
export function jenkinsScripts(text: string): readonly Script[] {
  const environment = /environment \{([^}]*)\}/.exec(text)?.[1] ?? '';
  const env = Object.fromEntries(
    [...environment.matchAll(/(\w+) = '([^']*)'/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  return text
    .split(/^\s*stage\('/m)
    .slice(1)
    .map((stage) => ({
      name: stage.slice(0, stage.indexOf("'")),
      shell: ['sh', '-xe', '-c'] as const, // Jenkins shows every command
      // A backslash at the end of a line is Groovy's in the triple quotes, too: it joins the lines.
      lines: [...stage.matchAll(/\bsh (?:'''([\s\S]*?)'''|'([^'\n]*)')/g)]
        .map(([, block, line]) => (block ?? line ?? '').replace(/\\\n/g, ''))
        .join('\n'),
      env,
    }));
}

/** The `run` steps of a CircleCI configuration; CircleCI starts `bash -eo pipefail`. */
export function circleciScripts(text: string): readonly Script[] {
  const { jobs } = parse(text) as {
    jobs: Record<string, { steps: unknown[]; environment: Values }>;
  };
  return Object.entries(jobs).flatMap(([job, { steps, environment }]) =>
    steps.flatMap((step) => {
      const run = typeof step === 'object' ? (step as { run?: unknown }).run : undefined;
      if (run === undefined) return [];
      const { name = job, command } = (typeof run === 'string' ? { command: run } : run) as {
        name?: string;
        command: string;
      };
      const shell = ['bash', '-eo', 'pipefail', '-c'] as const;
      return [{ name, shell, lines: command, env: variables(environment) }];
    }),
  );
}

/** The commands of a Buildkite pipeline; `$$` is a `$` that the upload does not put a value for. */
export function buildkiteScripts(text: string): readonly Script[] {
  const { steps, env } = parse(text) as {
    steps: { label: string; commands: string[] }[];
    env: Values;
  };
  return steps.map(({ label, commands }) => ({
    name: label,
    shell: ['bash', '-e', '-c'] as const,
    lines: commands.join('\n').replaceAll('$$', '$'),
    env: variables(env),
  }));
}

/** The scripts of Azure Pipelines. `$(NAME)` in `env` is a variable of the pipeline. */
export function azureScripts(
  text: string,
  secrets: Readonly<Record<string, string>>,
): readonly Script[] {
  const file = parse(text) as {
    steps: { script?: string; displayName?: string; env?: Values }[];
    variables: { name?: string; value?: string }[];
  };
  const plain = Object.fromEntries(
    file.variables.flatMap(({ name, value }) => (name === undefined ? [] : [[name, value ?? '']])),
  );
  return file.steps.flatMap(({ script, displayName = 'script', env }) => {
    if (script === undefined) return [];
    const mapped = Object.entries(variables(env)).map(([name, value]) => [
      name,
      value.replace(/^\$\((\w+)\)$/, (_, secret: string) => secrets[secret] ?? ''),
    ]);
    const shell = ['bash', '-e', '-c'] as const;
    return [
      { name: displayName, shell, lines: script, env: { ...plain, ...Object.fromEntries(mapped) } },
    ];
  });
}

/** The machine of a job. */
export interface Machine {
  /** its folder, which is the same for all jobs (artifacts, workspaces) */
  readonly folder: string;
  run(
    script: Script,
    env: Readonly<Record<string, string>>,
    edit?: (lines: string) => string,
  ): Promise<{ readonly code: number | null; readonly output: string }>;
  close(): void;
}

export interface MachineOptions {
  /** flags that stand for the public-good instance, behind those of the example */
  readonly services: { readonly sign: readonly string[]; readonly verify: readonly string[] };
  /** the digest that `docker buildx build --push` is answered with */
  readonly digest: string;
  readonly files?: Readonly<Record<string, string>>;
  /** more programs: name → text of a shell script */
  readonly programs?: Readonly<Record<string, string>>;
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A machine with `sign-image` as it ships, and what is acted. */
export function openMachine(options: MachineOptions): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'sign-image-job-'));
  const bin = join(folder, '.bin');
  mkdirSync(bin);
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  const { sign, verify } = options.services;
  const cli = `${quoted(process.execPath)} ${quoted(join(root, 'dist/cli.js'))}`;
  program(
    'sign-image',
    `case "$1 $*" in
  *--tlog=false*|*"--tlog ignore"*) exec ${cli} "$@" ;;
  "sign "*) exec ${cli} "$@" ${sign.map(quoted).join(' ')} ;;
  *) exec ${cli} "$@" ${verify.map(quoted).join(' ')} ;;
esac`,
  );
  program('npm', '[ "$*" = "install --global sign-image@1" ]');
  program('sudo', 'exec "$@"');
  program(
    'docker',
    `case $1 in
  login) [ -n "$(cat)" ] ;;
  buildx)
    while [ $# -gt 0 ]; do
      case $1 in --tag) tag=$2 ;; --metadata-file) file=$2 ;; --push) push=1 ;; esac
      shift
    done
    [ "$push" = 1 ] && printf '{"image.name":"%s","containerimage.digest":"${options.digest}"}' "$tag" > "$file" ;;
  *) exit 64 ;;
esac`,
  );
  for (const [name, text] of Object.entries(options.programs ?? {})) program(name, text);
  for (const [name, text] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, name), text);
  return {
    folder,
    run: (script, env, edit = (lines) => lines) =>
      start([...script.shell, edit(script.lines)], folder, {
        PATH: `${bin}${delimiter}${process.env.PATH}`,
        HOME: folder,
        ...script.env,
        ...env,
      }),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function start(command: readonly string[], cwd: string, env: Record<string, string>) {
  return new Promise<{ code: number | null; output: string }>((fulfil, reject) => {
    const child = spawn(command[0] ?? '', command.slice(1), { cwd, env, stdio: 'pipe' });
    child.stdin.end();
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => {
        output += part;
      });
    child.on('error', reject);
    child.on('close', (code) => fulfil({ code, output }));
  });
}
