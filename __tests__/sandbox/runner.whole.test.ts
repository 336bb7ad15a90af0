import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampled } from '../sampled.ts';
import { type RunOptions, runAction } from './runner.ts';
import { findSecrets, formsOf } from './secrets.ts';

let root: string;
let scripts = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sandbox-runner-'));
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs an action of these few lines, with inputs and outputs of its own. */
async function run(script: string, options: RunOptions = {}) {
  const folder = join(root, `action${scripts++}`);
  await mkdir(join(folder, 'dist'), { recursive: true });
  const action = {
    name: 'test',
    inputs: {
      'key-password': {},
      'two words': { default: 'three' },
      token: { default: '${{ github.token }}' },
      flag: { default: false },
    },
    outputs: { out: {}, more: {} },
    runs: { using: 'node24', main: 'dist/sign.js' },
  };
  await writeFile(join(folder, 'action.yml'), JSON.stringify(action));
  await writeFile(
    join(folder, 'dist/sign.js'),
    `import { appendFileSync, writeFileSync } from 'node:fs';\nconst { env } = process;\n${script}`,
  );
  return runAction({ root: folder, ...options });
}

describe('the runner', () => {
  it.each([
    ['the summary', "appendFileSync(env.GITHUB_STEP_SUMMARY, 'a\\\\u000ab\\n')"],
    ['the log', "console.log('a\\\\u001bb')"],
    ['an annotation', "console.log('::error::a\\\\u0009b')"],
  ])(
    'refuses a step that shows a control character of its own as text in %s',
    async (_, script) => {
      await expect(run(script)).rejects.toThrow(
        /shows a control character of its own as text: .*a/,
      );
      await expect(run(script, { hostile: true })).resolves.toMatchObject({ code: 0 });
    },
  );

  it('gives inputs as INPUT_*, with the defaults of action.yml', async () => {
    const { stdout } = await run(
      "console.log(JSON.stringify(Object.fromEntries(Object.entries(env).filter(([n]) => n.startsWith('INPUT_')))))",
      {
        inputs: { 'key-password': 'multi\nline' },
        githubToken: 'ghs_given',
      },
    );
    expect(JSON.parse(stdout)).toEqual({
      'INPUT_KEY-PASSWORD': 'multi\nline',
      INPUT_TWO_WORDS: 'three',
      INPUT_TOKEN: 'ghs_given',
      INPUT_FLAG: 'false',
    });
  });

  it('gives a clean environment: nothing of this machine but PATH', async () => {
    process.env.SANDBOX_SECRET_OF_THE_MACHINE = 'x';
    const { stdout, folder } = await run('console.log(JSON.stringify([env, process.cwd()]))', {
      env: { EXTRA: '1', GITHUB_STATE: undefined },
    });
    delete process.env.SANDBOX_SECRET_OF_THE_MACHINE;
    const [env, cwd] = JSON.parse(stdout) as [Record<string, string>, string];
    const strangers = Object.keys(env).filter(
      (name) => !/^(GITHUB|RUNNER|INPUT)_|^(PATH|HOME|TMPDIR|CI|EXTRA)$|^__CF/.test(name),
    );
    expect([
      strangers,
      env.GITHUB_STATE,
      env.EXTRA,
      env.HOME?.startsWith(folder),
      cwd.endsWith('work'),
    ]).toEqual([[], undefined, '1', true, true]);
    expect(existsSync(folder)).toBe(false);
  });

  it('reads outputs, summary, annotations and masks, and shows the log as a person sees it', async () => {
    const script = `
      appendFileSync(env.GITHUB_OUTPUT, 'out<<E\\n1\\n2\\nE\\n'); appendFileSync(env.GITHUB_STEP_SUMMARY, '# Done');
      console.log('::add-mask::hunter22'); console.log('password hunter22'); console.log('::warning title=T::careful');
      console.error('to stderr'); process.exitCode = 3;`;
    expect(await run(script)).toMatchObject({
      code: 3,
      outputs: { out: '1\n2' },
      summary: '# Done',
      masks: ['hunter22'],
      annotations: [{ kind: 'warning', message: 'careful', properties: { title: 'T' } }],
      shown: expect.stringMatching(/^password \*\*\*\nWarning: careful\n[\s\S]*to stderr/),
      stderr: 'to stderr\n',
    });
  });

  it.each([
    [
      'an input that action.yml does not have',
      '',
      { inputs: { tipo: 'x' } },
      'declares no input "tipo"',
    ],
    [
      'an output that action.yml does not have',
      "appendFileSync(env.GITHUB_OUTPUT, 'tipo=x\\n')",
      {},
      'declares no output tipo',
    ],
    [
      'a file command that no runner reads',
      "appendFileSync(env.GITHUB_OUTPUT, 'no sense\\n')",
      {},
      'the runner cannot read',
    ],
    ['a step that does not end', 'setInterval(() => {}, 1000)', { limitMs: 300 }, 'did not end'],
    ['an entry that no action.yml names', '', { entry: 'dist/other.js' }, 'runs.main'],
  ])('refuses %s', async (_name, script, options, message) => {
    await expect(run(script, options)).rejects.toThrow(message);
  });

  it('cancels a step with a signal once it has said something', async () => {
    const script =
      "process.on('SIGTERM', () => { console.log('stopping'); process.exit(7) }); console.log('ready'); setInterval(() => {}, 1000);";
    expect(await run(script, { signal: { name: 'SIGTERM', whenLine: /ready/ } })).toMatchObject({
      code: 7,
      stdout: 'ready\nstopping\n',
    });
  });

  it('measures memory and what was loaded, when asked', async () => {
    const result = await run("await import('node:http')", { measure: true });
    expect(result.loaded?.map(({ file }) => file.split('/').at(-1))).toContain('sign.js');
    expect(result.maxRssKb).toBeGreaterThan(10_000);
  });

  it('plants files in HOME and the workspace, and shows those that the step left', async () => {
    const script =
      "writeFileSync(env.RUNNER_TEMP + '/left', 'L'); writeFileSync(env.HOME + '/new', 'N');";
    const { files } = await run(script, {
      home: { '.docker/config.json': '{}' },
      workspace: { 'a.txt': 'A' },
    });
    expect([...files].map(([path, content]) => [path, content.toString()])).toEqual([
      ['temp/left', 'L'],
      ['home/new', 'N'],
    ]);
  });
});

describe('the search for secrets', () => {
  const secret = 'correct horse???battery>>>staple~~~';
  const base64 = Buffer.from(`octocat:${secret}`).toString('base64');

  const places: [form: string, script: string, where: string][] = [
    ['plain', `console.log('x${secret}x')`, 'output'],
    ['base64', `console.error('Basic ${base64}')`, 'output'],
    [
      'base64url',
      `appendFileSync(env.GITHUB_OUTPUT, 'out=' + Buffer.from('ab' + ${JSON.stringify(secret)} + '??>').toString('base64url') + '\\n')`,
      'outputs',
    ],
    ['URL', `appendFileSync(env.GITHUB_STEP_SUMMARY, encodeURIComponent('${secret}'))`, 'summary'],
    [
      'hexadecimal',
      `writeFileSync(env.RUNNER_TEMP + '/f', Buffer.from('${secret}').toString('hex'))`,
      'file temp/f',
    ],
    ['plain', `appendFileSync(env.GITHUB_ENV, 'A=${secret}\\n')`, 'GITHUB_ENV'],
  ];
  const sample = ['base64url outputs', 'hexadecimal file temp/f'];
  it.each(sampled(places, sample, ([form, , where]) => `${form} ${where}`))(
    'finds it in %s: %s',
    async (form, script, where) => {
      const found = findSecrets(await run(script), ['another secret', secret]);
      expect(found).toContainEqual({ secret: 1, where, form });
    },
  );

  it('finds single lines of a key, also base64 at any offset', async () => {
    const key = `-----BEGIN KEY-----\n${'A1b2C3d4'.repeat(8)}\n${'Zz9y8x7W'.repeat(4)}\n-----END KEY-----\n`;
    expect(findSecrets(await run(`console.log('${'Zz9y8x7W'.repeat(4)}')`), [key])).toContainEqual({
      secret: 0,
      where: 'output',
      form: 'line 3, plain',
    });
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const text = Buffer.from(`${before}${key.trim()}tail`).toString('base64');
      expect(formsOf(key).some(([form, core]) => form === 'base64' && text.includes(core))).toBe(
        true,
      );
    }
  });

  it('finds nothing where a step only asked for the mask', async () => {
    expect(
      findSecrets(
        await run(`console.log('::add-mask::${secret}'); console.log('fine -----BEGIN KEY-----')`),
        [secret],
      ),
    ).toEqual([]);
    expect(() => formsOf('short')).toThrow('found by chance');
  });
});
