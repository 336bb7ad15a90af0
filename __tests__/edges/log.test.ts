import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { causeChain, createLog } from '../../src/edges/action/log.ts';
import { Failure } from '../../src/failure.ts';

// The real @actions/core writes to stdout; what arrives there is what the runner parses.
let printed: string;
beforeEach(() => {
  printed = '';
  vi.stubEnv('RUNNER_DEBUG', '1');
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/**
 * The workflow commands in what was printed, found as the runner finds them: `::` after white
 * space, or `##[` anywhere.
 */
function commands(): readonly string[] {
  const lines = printed.split(/\r\n|\n|\r/);
  return lines
    .filter((line) => line.trimStart().startsWith('::') || line.includes('##['))
    .map((line) => line.trim());
}

const hostile =
  'denied\n::add-path::/evil\r::set-env name=X::y\n  ::stop-commands::t\n##[add-path]/evil\u001b[2K\u202e\n::::error::x';

describe('the log', () => {
  it('prints lines as they are', () => {
    createLog().info('Signed ghcr.io/acme/app:1\n  bundle sha256:ab :: log index 5');
    expect(printed.replaceAll('\r\n', '\n')).toBe(
      'Signed ghcr.io/acme/app:1\n  bundle sha256:ab :: log index 5\n',
    );
  });

  it('runs no command that a registry put into its answer', () => {
    createLog().info(hostile);
    expect(commands()).toEqual([]);
    expect(printed).toContain(': :add-path::/evil');
  });

  it.each(['notice', 'warning', 'debug'] as const)(
    '%s is one command, whatever the text',
    (level) => {
      createLog()[level](hostile);
      expect(commands()).toEqual([
        expect.stringMatching(new RegExp(`^::${level}::denied%0A: :add-path`)),
      ]);
    },
  );

  it('writes nothing for debugging where nobody would see it', () => {
    vi.stubEnv('RUNNER_DEBUG', '');
    createLog().debug('GET ghcr.io/v2/: 200 in 50 ms');
    expect(printed).toBe('');
  });

  it('has one code in title and text, and the chapter of the version that runs', () => {
    const error = { code: 'too-large', message: 'It is.', fix: 'Make it smaller.' };
    const env = {
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_ACTION_REPOSITORY: 'acme/sign-image',
      GITHUB_ACTION_REF: 'v1',
    };
    const page = 'https://github.com/acme/sign-image/blob/v1/docs/troubleshooting.md';
    createLog(undefined, env).error(error);
    createLog(undefined, env).error({ ...error, chapter: 'too-large-image' });
    const local = { ...env, GITHUB_ACTION_REPOSITORY: '', GITHUB_ACTION_REF: '' };
    createLog(undefined, { ...local, SIGN_IMAGE_USES: 'acme/sign-image@v1' }).error(error);
    createLog(undefined, { ...env, SIGN_IMAGE_USES: 'octocat/other@main' }).error(error);
    createLog(undefined, local).error(error);
    createLog(undefined, { ...env, GITHUB_ACTION_REF: 'v1)](x' }).error(error);
    createLog(undefined, { ...env, GITHUB_SERVER_URL: 'javascript:x' }).error(error);
    const plain = '::error title=sign-image%3A too-large::too-large: It is.%0AMake it smaller.';
    expect(commands()).toEqual([
      `${plain}%0ASee ${page}#too-large`,
      `${plain}%0ASee ${page}#too-large-image`,
      `${plain}%0ASee ${page}#too-large`,
      `${plain}%0ASee ${page}#too-large`,
      plain,
      plain,
      plain,
    ]);
  });

  it('names the actions in an advice as this workflow has to name them', () => {
    const fix =
      'Add:\n```yaml\n- uses: OWNER/sign-image@v1\n- uses: OWNER/sign-image/verify@v1\n```';
    const env = { GITHUB_ACTION_REPOSITORY: 'acme/sign-image', GITHUB_ACTION_REF: 'v1.2.0' };
    createLog(undefined, env).error({ code: 'unsigned', message: 'It is not.', fix });
    createLog(undefined, {}).error({ code: 'unsigned', message: 'It is not.', fix });
    const told = (name: string, ref: string) =>
      `::error title=sign-image%3A unsigned::unsigned: It is not.%0AAdd:%0A- uses: ${name}@${ref}%0A- uses: ${name}/verify@${ref}`;
    expect(commands()).toEqual([told('acme/sign-image', 'v1.2.0'), told('OWNER/sign-image', 'v1')]);
  });

  it('has titles that cannot end the command', () => {
    createLog().warning('text', 'a::b\n::add-path::/evil,title=x');
    expect(commands()).toEqual([
      '::warning title=a%3A%3Ab\\u000a%3A%3Aadd-path%3A%3A/evil%2Ctitle=x::text',
    ]);
  });

  it('shows an error with its fix as an annotation, and its causes in the debug log', () => {
    const cause = new Error(`HTTP 403 ${hostile}`, { cause: new TypeError('socket hang up') });
    createLog().error(
      new Failure(
        'registry-denied',
        'ghcr.io refuses the push.',
        'Add:\n```yaml\npermissions:\n  packages: write\n```',
        { cause },
      ),
      'ghcr.io/acme/app',
    );
    const [first, ...rest] = commands();
    expect(first).toBe(
      '::error title=sign-image%3A registry-denied::ghcr.io/acme/app: registry-denied: ghcr.io refuses the push.%0AAdd:%0Apermissions:%0A  packages: write',
    );
    expect(rest).toEqual([
      expect.stringMatching(/^::debug::error: Failure: ghcr\.io refuses the push\.%0A +at /),
      expect.stringMatching(/^::debug::caused by: Error: HTTP 403 denied%0A: :add-path/),
      expect.stringMatching(/^::debug::caused by: TypeError: socket hang up%0A/),
    ]);
  });
});

describe('causes', () => {
  it('end, also when one is its own cause', () => {
    const error = new Error('again');
    error.cause = error;
    expect(causeChain(error)).toHaveLength(8);
  });

  it('may be anything', () =>
    expect(causeChain(new Error('a', { cause: 'text' })).at(-1)).toBe('caused by: text'));
});
