// The script of examples/promote.yml with the real oras: what it copies verifies where it went.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PlayOptions, play } from '../examples/play.ts';
import { type Stage, setStage } from '../examples/stage.ts';
import { readWorkflow } from '../examples/workflow-file.ts';
import { need, run, temporaryFolder } from './peers.ts';

let stage: Stage;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  [stage, home] = await Promise.all([setStage(), temporaryFolder()]);
});
afterAll(async () => void (await Promise.all([stage.close(), home.remove()])));

/** oras as the script calls it; on loopback it has to be told that there is no TLS. */
async function installOras(): Promise<string> {
  const program = need('ORAS');
  const folder = join(home.folder, 'bin');
  await mkdir(folder);
  const copy = `copy) shift; exec '${program}' copy --from-plain-http --to-plain-http "$@" ;;`;
  await writeFile(
    join(folder, 'oras'),
    `#!/bin/sh\ncase $1 in ${copy} *) exec '${program}' "$@" --plain-http ;; esac\n`,
    { mode: 0o755 },
  );
  return folder;
}

it('examples/promote.yml copies the image with signatures of both formats', async () => {
  const folder = await installOras();
  const logins = Object.values(stage.registries).map(
    ({ dockerConfig }) => (JSON.parse(dockerConfig) as { auths?: object }).auths ?? {},
  );
  await writeFile(
    join(home.folder, 'config.json'),
    JSON.stringify({ auths: Object.assign({}, ...logins) }),
  );
  const step = readWorkflow('examples/promote.yml').jobs.promote?.steps?.find(({ run: script }) =>
    script?.includes('oras copy'),
  );
  const scripts: PlayOptions['scripts'] = {
    [step?.name ?? '']: async ({ env }) => {
      const placed = Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, stage.placed(value)]),
      );
      const surroundings = {
        ...placed,
        DOCKER_CONFIG: home.folder,
        PATH: `${folder}:${process.env.PATH}`,
      };
      expect(await run('bash', ['-e', '-c', step?.run ?? ''], surroundings)).toMatchObject({
        code: 0,
      });
      return {};
    },
  };
  await play('examples/build-push-action.yml', stage, { as: 'release.yml' });
  const played = await play('examples/promote.yml', stage, {
    inputs: { version: 'latest' },
    scripts,
  });
  const results = played.map(({ run: { code, outputs } }) => ({
    code,
    results: JSON.parse(outputs.results ?? '[]'),
  }));
  const signatures = ['bundle', 'legacy'].map((format) =>
    expect.objectContaining({ format, verified: true }),
  );
  const verified = { code: 0, results: [expect.objectContaining({ verified: true, signatures })] };
  expect(results).toEqual([verified, verified]);
});
