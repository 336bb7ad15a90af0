import { describe, expect, it } from 'vitest';
import { inFlags } from '../../src/edges/command/in-flags.ts';
import { askPassword, type Keyboard } from '../../src/edges/command/password.ts';
import { openTerminal } from '../../src/edges/command/terminal.ts';
import { Failure } from '../../src/failure.ts';
import { FakeClock } from '../fake-clock.ts';

const names = new Set(['images', 'key', 'tlog', 'policy', 'certificate-identity', 'digest']);

function terminal({ isTTY = false, debug = false, env = {} as NodeJS.ProcessEnv } = {}) {
  const written = { out: '', err: '' };
  const append = (to: 'out' | 'err', text: string) => {
    written[to] += text;
    return true;
  };
  const streams = {
    stdout: { write: (text: string) => append('out', text) },
    stderr: { isTTY, write: (text: string) => append('err', text) },
  };
  const opened = openTerminal({
    streams: streams as unknown as Parameters<typeof openTerminal>[0]['streams'],
    clock: new FakeClock(),
    env,
    names,
    debug,
  });
  return { opened, written };
}

// There is no runner here that masks what is printed.
describe('what is secret', () => {
  const password = 'p"ss\\wörd/1';
  it('is in no line and in no document, in any form that it is masked in', () => {
    const { opened, written } = terminal({ debug: true });
    opened.mask.mask(password);
    opened.mask.maskBasic('me', password);
    opened.mask.mask('first line\nsecond line');
    const basic = Buffer.from(`me:${password}`).toString('base64');
    const cause = new Error(`it said ${password}`);
    opened.info(`a ${password} b ${basic} second line`);
    opened.warning(password);
    opened.debug(password);
    opened.error(new Failure('internal', password, `say ${basic}`, { cause }));
    opened.json({ outputs: { text: `x ${password}` }, results: [{ a: [basic, 1, null] }] });
    for (const text of [written.out, written.err]) {
      expect(text).not.toContain(password);
      expect(text).not.toContain(JSON.stringify(password).slice(1, -1));
      expect(text).not.toContain(basic);
      expect(text).not.toContain('second line');
    }
    expect(JSON.parse(written.out)).toEqual({
      outputs: { text: 'x ***' },
      results: [{ a: ['***', 1, null] }],
    });
  });

  it('leaves a document one, however short it is', () => {
    const { opened, written } = terminal();
    opened.mask.mask('e');
    opened.json({ outputs: { verified: 'true' }, results: [] });
    expect(JSON.parse(written.out)).toEqual({ outputs: { verified: 'tru***' }, results: [] });
  });

  it('is gone as a whole where one secret is a part of another', () => {
    const { opened, written } = terminal();
    opened.mask.mask('hunter');
    opened.mask.mask('hunter-and-gatherer');
    opened.info('hunter-and-gatherer');
    expect(written.err).toBe('***\n');
  });
});

it('prints what a registry said as text, and no sequence that moves a cursor', () => {
  const { opened, written } = terminal();
  opened.info('a\u001b[2Jb\n::add-mask::x');
  expect(written.err).toBe('a\\u001b[2Jb\n: :add-mask::x\n');
});

describe('a line of progress', () => {
  it('is on a terminal, counts, and is gone before the next line', () => {
    const { opened, written } = terminal({ isTTY: true });
    opened.progress('signing');
    opened.info('done');
    opened.close();
    expect(written.err).toBe(
      '\r\u001b[Ksigning … 0.1 s\r\u001b[Kdone\n\r\u001b[Ksigning … 0.1 s\r\u001b[K',
    );
  });

  it.each([
    ['a log', { isTTY: false }],
    ['a CI system with a terminal', { isTTY: true, env: { CI: 'true' } }],
    ['a dumb terminal', { isTTY: true, env: { TERM: 'dumb' } }],
  ])('is not in %s', (_, options) => {
    const { opened, written } = terminal(options);
    opened.progress('signing');
    opened.info('done');
    opened.close();
    expect(written.err).toBe('done\n');
  });
});

describe('sentences about inputs', () => {
  it.each([
    ['Input key is empty.', '--key is empty.'],
    [
      'Inputs key and certificate-identity are both set',
      '--key and --certificate-identity are both set',
    ],
    ['`key` is empty', '`--key` is empty'],
    [
      'Set `tlog: false`, or `policy: policies/*.yaml`',
      "Set `--tlog=false`, or `--policy 'policies/*.yaml'`",
    ],
    ['Write `key: ${{ secrets.COSIGN_PRIVATE_KEY }}`', 'Write `--key env://COSIGN_PRIVATE_KEY`'],
    ['Add `digest: ${{ steps.build.outputs.digest }}`', 'Add `--digest $DIGEST`'],
    [
      'Name it:\n```yaml\nwith:\n  images: a/b\n  key: cosign.pub\n```',
      'Name it:\n  --images a/b\n  --key cosign.pub',
    ],
    [
      'Log in:\n```yaml\n- uses: docker/login-action@v4\n  with:\n    registry: r.example\n    username: ${{ secrets.X }}\n```',
      'Log in:\n  docker login r.example',
    ],
    [
      'Sign it:\n```yaml\n- uses: OWNER/sign-image@v1\n  with:\n    images: a/b\n    key: cosign.pub\n```',
      'Sign it:\n  --images a/b\n  --key cosign.pub',
    ],
    // what is no flag stays
    ['`sbom: x` and `keys` and input foo', '`sbom: x` and `keys` and input foo'],
    [
      '```yaml\npermissions:\n  id-token: write\n```',
      '```yaml\npermissions:\n  id-token: write\n```',
    ],
  ])('%j is %j on a command line', (text, expected) => {
    expect(inFlags(text, names)).toBe(expected);
  });
});

describe('a password that is asked for', () => {
  function keyboard(...typed: string[]): Keyboard & { readonly raw: boolean[] } {
    const raw: boolean[] = [];
    return {
      raw,
      isTTY: true,
      setRawMode: (on) => raw.push(on),
      setEncoding: () => undefined,
      resume: () => undefined,
      pause: () => undefined,
      on: (_, heard) => void setImmediate(() => heard(typed.shift() ?? '')),
      off: () => undefined,
    };
  }
  const screen = () => {
    const parts: string[] = [];
    return { write: (part: string) => parts.push(part), said: () => parts.join('') };
  };

  it('is typed twice, corrected, and never shown', async () => {
    const shown = screen();
    const keys = keyboard('long enougj\u007fh secret\r', 'long enough secret\n');
    expect(await askPassword(keys, shown)).toBe('long enough secret');
    expect(shown.said()).toBe('Password for the private key: \nThe same again: \n');
    expect(keys.raw).toEqual([true, false, true, false]);
  });

  it.each([
    ['differs', keyboard('one password\r', 'another one\r'), 'bad-password'],
    ['is ended by Ctrl-C', keyboard('one\u0003'), 'cancelled'],
    ['has no terminal', { ...keyboard(), isTTY: false }, 'bad-password'],
  ])('is none where it %s', async (_, keys, code) => {
    await expect(askPassword(keys, screen())).rejects.toMatchObject({ code });
  });
});
