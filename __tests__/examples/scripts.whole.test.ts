// The scripts of workflows, run by bash as the runner runs them, with programs beside them that
// note what they were asked.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readWorkflow } from './workflow-file.ts';

/** The script of the step with this name. */
function scriptOf(path: string, name: string): string {
  const steps = Object.values(readWorkflow(path).jobs).flatMap(({ steps: all = [] }) => all);
  const script = steps.find((step) => step.name === name)?.run;
  if (script === undefined) throw new Error(`${path} has no script "${name}"`);
  return script;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sign-image-script-'));
  mkdirSync(join(folder, 'bin'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

/** A program that notes its arguments, one call a line, then does `body`. */
function program(name: string, body = ''): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s|' "$@" >> "$CALLS"\necho >> "$CALLS"\n${body}\n`);
  chmodSync(file, 0o755);
}

/** Runs a script with `bash -e`. @returns whether it succeeded, and the calls of the programs */
function run(
  script: string,
  env: Readonly<Record<string, string>>,
  cwd = folder,
): { readonly passed: boolean; readonly calls: readonly string[] } {
  const calls = join(folder, 'calls');
  const PATH = `${join(folder, 'bin')}${delimiter}${process.env.PATH ?? ''}`;
  const attempt = () =>
    execFileSync('bash', ['-e', '-c', script], {
      cwd,
      env: { ...git, ...env, PATH, CALLS: calls, HOME: folder },
      stdio: 'pipe',
    });
  let passed = true;
  try {
    attempt();
  } catch {
    passed = false;
  }
  const lines = existsSync(calls) ? readFileSync(calls, 'utf8').split('\n') : [];
  return {
    passed,
    calls: lines
      .filter((line) => line !== '')
      .map((line) => line.replace(/\|$/, '').replaceAll('|', ' ')),
  };
}

const git = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
};
const inGit = (...words: string[]) =>
  execFileSync('git', words, { cwd: folder, env: { ...process.env, ...git }, stdio: 'pipe' })
    .toString()
    .trim();

describe.skipIf(process.platform === 'win32')('the login of the reusable workflows', () => {
  it.each(['sign-image', 'verify-image'])(
    '%s.yml hands the password over where nobody sees it, to the named registry',
    (name) => {
      const script = scriptOf(`.github/workflows/${name}.yml`, 'Log in to the registry');
      program('docker', 'cat > "$HOME/stdin"');
      const env = {
        REGISTRY: 'ghcr.io',
        REGISTRY_USERNAME: 'octo$(touch hacked)cat',
        REGISTRY_PASSWORD: '-n $HOME',
      };
      expect(run(script, env)).toEqual({
        passed: true,
        calls: ['login ghcr.io --username octo$(touch hacked)cat --password-stdin'],
      });
      expect(readFileSync(join(folder, 'stdin'), 'utf8')).toBe('-n $HOME');
      expect(existsSync(join(folder, 'hacked'))).toBe(false);
    },
  );

  it('is left out where there is no password', () => {
    program('docker');
    const script = scriptOf('.github/workflows/sign-image.yml', 'Log in to the registry');
    expect(
      run(script, { REGISTRY: 'ttl.sh', REGISTRY_USERNAME: 'x', REGISTRY_PASSWORD: '' }),
    ).toEqual({ passed: true, calls: [] });
  });
});

describe.skipIf(process.platform === 'win32')('the reusable workflows', () => {
  const scripts = ['sign-image', 'verify-image'].map((name) =>
    scriptOf(`.github/workflows/${name}.yml`, 'Find the action of this workflow'),
  );
  const commit = 'a'.repeat(40);

  it('find their action the same way', () => expect(scripts[0]).toBe(scripts[1]));

  it('go on where the server says which commit they come from', () =>
    expect(run(scripts[0] ?? '', { REPOSITORY: 'acme/sign-image', COMMIT: commit }).passed).toBe(
      true,
    ));

  // Without these names actions/checkout would bring the repository of the caller, and with it what
  // a pull request wants to run.
  it.each([
    ['', ''],
    ['acme/sign-image', ''],
    ['', commit],
    ['acme/sign-image', 'main'],
    ['acme/sign-image\nacme/other', commit],
  ])('refuse %j at %j', (REPOSITORY, COMMIT) =>
    expect(run(scripts[0] ?? '', { REPOSITORY, COMMIT }).passed).toBe(false),
  );

  it.each<[string, () => void]>([
    ['a folder', () => mkdirSync(join(folder, '.sign-image'))],
    ['a link to the repository itself', () => symlinkSync('.', join(folder, '.sign-image'))],
    ['a link to nothing', () => symlinkSync('nowhere', join(folder, '.sign-image'))],
  ])('refuse %s in the place of their action', (_, make) => {
    make();
    const env = { REPOSITORY: 'acme/sign-image', COMMIT: commit };
    expect(run(scripts[0] ?? '', env).passed).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('examples/helm-chart.yml', () => {
  const script = scriptOf('examples/helm-chart.yml', 'Push the chart');
  const digest = `sha256:${'d'.repeat(64)}`;
  const helm = (push: string) =>
    program(
      'helm',
      `case "$1" in package) mkdir packaged; echo chart > packaged/app-1.4.2.tgz;; push) ${push};; esac`,
    );

  it('hands on the digest that helm prints', () => {
    const output = join(folder, 'output');
    helm(`echo 'Pushed: ghcr.io/acme/charts/app:1.4.2' >&2; echo 'Digest: ${digest}' >&2`);
    const env = { CHARTS: 'oci://ghcr.io/acme/charts', GITHUB_OUTPUT: output };
    expect(run(script, env)).toEqual({
      passed: true,
      calls: [
        'package charts/app --destination packaged',
        'push packaged/app-1.4.2.tgz oci://ghcr.io/acme/charts',
      ],
    });
    expect(readFileSync(output, 'utf8')).toBe(`digest=${digest}\n`);
  });

  it('fails where helm does', () => {
    helm('echo denied >&2; exit 1');
    const env = { CHARTS: 'oci://ghcr.io/acme/charts', GITHUB_OUTPUT: join(folder, 'output') };
    expect(run(script, env).passed).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('examples/gate-rendered.yml', () => {
  const script = scriptOf('examples/gate-rendered.yml', 'Render what the cluster would get');
  const files = () => ({
    overlay: readFileSync(join(folder, 'rendered/overlay-production.yaml'), 'utf8'),
    chart: readFileSync(join(folder, 'rendered/chart-values-production.yaml'), 'utf8'),
  });
  beforeEach(() => {
    for (const path of ['overlays/production', 'charts/app', 'elsewhere'])
      mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, 'charts/app/values-production.yaml'), 'a: 1\n');
    program('kubectl', 'echo "kind: Overlay"');
    program('helm', 'echo "kind: Chart"');
  });

  it('renders each overlay and the chart with each of its values', () => {
    expect(run(script, {})).toEqual({
      passed: true,
      calls: [
        'kustomize overlays/production/',
        'template app charts/app --values charts/app/values-production.yaml',
      ],
    });
    expect(files()).toEqual({ overlay: 'kind: Overlay\n', chart: 'kind: Chart\n' });
  });

  it('keeps nothing that the pull request has put there', () => {
    symlinkSync('elsewhere', join(folder, 'rendered'));
    writeFileSync(join(folder, 'elsewhere/old.yaml'), 'kind: Old\n');
    expect(run(script, {}).passed).toBe(true);
    expect(lstatSync(join(folder, 'rendered')).isDirectory()).toBe(true);
    expect(existsSync(join(folder, 'rendered/old.yaml'))).toBe(false);
  });

  it.each(['kubectl', 'helm'])('fails where %s does', (name) => {
    program(name, 'exit 1');
    expect(run(script, {}).passed).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('examples/matrix-merge.yml', () => {
  it('merges every digest that a builder handed on', () => {
    const digests = join(folder, 'digests');
    const hand = scriptOf('examples/matrix-merge.yml', 'Hand the digest on');
    for (const digit of ['a', 'b']) {
      rmSync(digests, { recursive: true, force: true });
      expect(run(hand, { DIGEST: `sha256:${digit.repeat(64)}` }).passed).toBe(true);
      expect(existsSync(join(digests, digit.repeat(64)))).toBe(true);
    }
    writeFileSync(join(digests, 'a'.repeat(64)), '');
    program('docker', `case "$3" in inspect) echo '{"digest":"sha256:${'c'.repeat(64)}"}';; esac`);
    program('jq', 'cat > /dev/null; echo "sha256:merged"');
    const output = join(folder, 'output');
    const env = { IMAGE: 'ghcr.io/acme/app', TAG: 'v1.2.0', GITHUB_OUTPUT: output };
    const { passed, calls } = run(
      scriptOf('examples/matrix-merge.yml', 'Merge the platforms into one index'),
      env,
      digests,
    );
    expect(passed).toBe(true);
    const images = ['a', 'b'].map((digit) => `ghcr.io/acme/app@sha256:${digit.repeat(64)}`);
    expect(calls[0]).toBe(
      `buildx imagetools create --tag ghcr.io/acme/app:v1.2.0 ${images.join(' ')}`,
    );
    expect(readFileSync(output, 'utf8')).toBe('digest=sha256:merged\n');
  });
});

describe.skipIf(process.platform === 'win32')('examples/audit-cluster.yml', () => {
  const script = scriptOf('examples/audit-cluster.yml', 'Compare, and keep one issue');
  type State = 'passes' | 'denied' | 'silent';
  const workloads = (states: Readonly<Record<string, State>>) => ({
    workloads: Object.entries(states).map(([workload, state]) => ({
      workload,
      state: state === 'silent' ? 'unknown' : state,
      images: [
        {
          reference: `ghcr.io/acme/${workload}\`:1`,
          state: state === 'silent' ? 'unknown' : state,
          code: { passes: undefined, denied: 'unsigned', silent: 'registry-error' }[state],
        },
      ],
    })),
  });
  const put = (path: string, content: object) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(content));
  };
  /** One night: what was known, what the gate says now, the issue that is open. */
  const night = (
    last: Readonly<Record<string, State>>,
    now: Readonly<Record<string, State>>,
    issue = '',
  ) => {
    put('last/workloads.json', workloads(last));
    put('now/workloads.json', workloads(now));
    program('gh', `case "$1 $2" in 'issue list') echo "$ISSUE";; esac`);
    rmSync(join(folder, 'calls'), { force: true });
    const { passed, calls } = run(script, { REPORT: 'now', RUN: 'https://run', ISSUE: issue });
    expect(passed).toBe(true);
    const kept = JSON.parse(readFileSync(join(folder, 'report/workloads.json'), 'utf8')) as {
      workloads: { workload: string; state: string }[];
    };
    return {
      done: calls.map((call) => call.split(' ').slice(0, 3).join(' ')).slice(1),
      kept: Object.fromEntries(kept.workloads.map(({ workload, state }) => [workload, state])),
      body: readFileSync(join(folder, 'issue.md'), 'utf8'),
    };
  };

  it('does nothing where nothing would be denied', () =>
    expect(night({}, { web: 'passes' }).done).toEqual([]));

  it('opens an issue for what would be denied, and names it as text', () => {
    const { done, body } = night({ web: 'passes' }, { web: 'denied', db: 'passes' });
    expect(done).toEqual(['label create audit-cluster', 'issue create --label']);
    expect(body).toContain('deny: 1 (1 of them new)');
    expect(body).toContain('```text\nweb\n  ghcr.io/acme/web:1: unsigned\n```');
    expect(body).not.toContain('db');
  });

  it('keeps that one up to date, and says when there is more', () => {
    expect(night({ web: 'denied' }, { web: 'denied' }, '7').done).toEqual(['issue edit 7']);
    expect(night({ web: 'denied' }, { web: 'denied', db: 'denied' }, '7').done).toEqual([
      'issue edit 7',
      'issue comment 7',
    ]);
  });

  it('closes it when none is left', () =>
    expect(night({ web: 'denied' }, { web: 'passes' }, '7').done).toEqual(['issue close 7']));

  it('takes no silent registry for a change: what was known still counts', () => {
    expect(night({ web: 'passes' }, { web: 'silent' })).toMatchObject({
      done: [],
      kept: { web: 'passes' },
    });
    expect(night({ web: 'denied' }, { web: 'silent' }, '7')).toMatchObject({
      done: ['issue edit 7'],
      kept: { web: 'denied' },
    });
    expect(night({}, { web: 'silent' })).toMatchObject({ done: [], kept: { web: 'unknown' } });
  });
});

describe.skipIf(process.platform === 'win32')('the check of known signers', () => {
  const workflow = '.github/workflows/known-signers.yml';
  /** One week: how publishers sign, and the issue that is open. */
  const week = (states: readonly string[], issue = '') => {
    const results = states.map((state, index) => ({
      publisher: `P${index}`,
      image: 'r/x',
      state,
      code: 'wrong-identity',
      reason: '`x`',
    }));
    writeFileSync(join(folder, 'checked.json'), JSON.stringify({ results }));
    program('gh', `case "$1 $2" in 'issue list') echo "$ISSUE";; esac`);
    const { passed, calls } = run(scriptOf(workflow, 'Keep one issue'), { ISSUE: issue, RUN: 'u' });
    return [passed, ...calls.slice(1).map((call) => call.split(' ').slice(0, 3).join(' '))];
  };

  it.each([
    [['verified', 'verified'], '', [true]],
    [['verified', 'changed'], '', [true, 'label create known-signers', 'issue create --label']],
    [['changed', 'changed'], '7', [true, 'issue edit 7']],
    [['verified'], '7', [true, 'issue close 7']],
    [['verified', 'no-answer'], '7', [true]],
    [['no-answer'], '', [true]],
    [[], '', [false]],
  ] as const)('with %j and the issue "%s" does %j', (states, issue, expected) =>
    expect(week(states, issue)).toEqual(expected),
  );

  it.each([
    [0, true],
    [1, true],
    [2, false],
  ])('goes on after exit code %d: %s', (code, passes) => {
    program('node', `echo '{}'; exit ${code}`);
    const script = scriptOf(workflow, 'Verify an image of each publisher');
    expect(run(script, {}).passed).toBe(passes);
  });
});

describe.skipIf(process.platform === 'win32')('a release', () => {
  const release = '.github/workflows/release.yml';
  const commit = () => {
    inGit('commit', '--quiet', '--allow-empty', '--message', 'more');
    return inGit('rev-parse', 'HEAD');
  };
  beforeEach(() => {
    inGit('init', '--quiet', '--initial-branch=main');
    writeFileSync(join(folder, 'package.json'), '{"version":"1.2.0"}');
    inGit('update-ref', 'refs/remotes/origin/main', commit());
  });

  it('is of a commit on main, under the version of package.json', () => {
    const script = scriptOf(release, 'The tag is on main, and names the version of package.json');
    const onMain = inGit('rev-parse', 'HEAD');
    expect(run(script, { TAG: 'v1.2.0', GITHUB_SHA: onMain }).passed).toBe(true);
    expect(run(script, { TAG: 'v1.3.0', GITHUB_SHA: onMain }).passed).toBe(false);
    expect(run(script, { TAG: 'v1.2.0', GITHUB_SHA: commit() }).passed).toBe(false);
  });

  it.each([
    [
      'v1.2.0',
      ['v1.1.9', 'v1.2.0'],
      ['api --method POST repos/acme/app/git/refs --field ref=refs/tags/v1 --field sha=SHA'],
    ],
    [
      'v1.2.0',
      ['v1', 'v1.1.9', 'v1.2.0'],
      ['api --method PATCH repos/acme/app/git/refs/tags/v1 --field sha=SHA --field force=true'],
    ],
    [
      'v1.10.0',
      ['v1', 'v1.9.0', 'v1.10.0', 'v1.11.0-rc.1'],
      ['api --method PATCH repos/acme/app/git/refs/tags/v1 --field sha=SHA --field force=true'],
    ],
    ['v1.1.10', ['v1', 'v1.1.10', 'v1.2.0'], []],
    [
      'v1.9.0',
      ['v1', 'v1.9.0', 'v10.0.0'],
      ['api --method PATCH repos/acme/app/git/refs/tags/v1 --field sha=SHA --field force=true'],
    ],
  ])('%s among %j moves the tag of its major version, never backwards', (tag, tags, calls) => {
    for (const name of tags) inGit('tag', name);
    program('gh');
    const script = scriptOf(release, 'Move the tag of the major version');
    expect(run(script, { TAG: tag, GITHUB_SHA: 'SHA', GITHUB_REPOSITORY: 'acme/app' })).toEqual({
      passed: true,
      calls,
    });
  });

  describe('is published', () => {
    const changelog = `# Changelog

## [Unreleased]

- Not yet.

## [1.2.0] - 2026-11-01

### Added

- Promotion ([how](docs/promotion.md)).

## [1.2.0-rc.1]

- Tried.

## [1.1.0]

- Old.

[1.1.0]: https://example.com
`;
    const publish = (tag: string) => {
      program('gh');
      writeFileSync(join(folder, 'CHANGELOG.md'), changelog);
      const env = { TAG: tag, GITHUB_REPOSITORY: 'acme/sign-image' };
      return run(scriptOf(release, 'Publish the release'), env);
    };
    const notes = () => readFileSync(join(folder, 'notes.md'), 'utf8').trim();

    it('with its archive, and what CHANGELOG.md says of it', () => {
      expect(publish('v1.2.0')).toEqual({
        passed: true,
        calls: [
          'release create v1.2.0 --verify-tag --notes-file notes.md --title v1.2.0 sign-image-v1.2.0.tar.gz',
        ],
      });
      expect(notes()).toBe(
        '### Added\n\n- Promotion ([how](https://github.com/acme/sign-image/blob/v1.2.0/docs/promotion.md)).',
      );
    });

    it('before a version is done, not as the latest', () => {
      expect(publish('v1.2.0-rc.1').calls).toEqual([
        'release create v1.2.0-rc.1 --verify-tag --notes-file notes.md --title v1.2.0-rc.1 --latest=false --prerelease sign-image-v1.2.0-rc.1.tar.gz',
      ]);
      expect(notes()).toBe('- Tried.');
    });

    it('with the notes of the last version as well', () => {
      expect(publish('v1.1.0').passed).toBe(true);
      expect(notes()).toBe('- Old.');
    });

    it('not at all where CHANGELOG.md says nothing of it', () =>
      expect(publish('v1.2')).toEqual({ passed: false, calls: [] }));
  });

  it('packs the same bytes twice', () => {
    const pack = () => {
      expect(
        run(scriptOf(release, 'Pack'), { TAG: 'v1.2.0', GITHUB_SHA: inGit('rev-parse', 'HEAD') })
          .passed,
      ).toBe(true);
      return readFileSync(join(folder, 'sign-image-v1.2.0.tar.gz'));
    };
    expect(pack().equals(pack())).toBe(true);
  });
});
