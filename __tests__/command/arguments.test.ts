import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readArguments, WrongUse } from '../../src/edges/command/arguments.ts';
import { actionOnly, commonFlags, flagsOf } from '../../src/edges/command/flags.ts';
import { sourceOf } from '../../src/edges/command/given.ts';
import { helpText } from '../../src/edges/command/help.ts';
import type { Verb } from '../../src/edges/command/words.ts';
import { asFailure } from '../../src/failure.ts';
import { root } from './command.ts';

const read = (line: string) => readArguments(line.split(' '));
const values = (line: string) => {
  const asked = read(line);
  return 'words' in asked ? asked : Object.fromEntries(asked.values);
};
const wrong = (args: readonly string[]) => {
  try {
    readArguments(args);
  } catch (caught) {
    if (caught instanceof WrongUse) return `${caught.message} ${caught.fix}`;
    throw caught;
  }
  return 'taken';
};

describe('flags', () => {
  it.each([
    ['sign', 'action.yml'],
    ['attest', 'attest/action.yml'],
    ['verify', 'verify/action.yml'],
    ['promote', 'promote/action.yml'],
    ['keygen', 'keygen/action.yml'],
  ] as const)('of %s are the inputs of %s', (verb: Verb, file) => {
    const action = parse(readFileSync(join(root, file), 'utf8')) as { inputs: object };
    const common = commonFlags.map(({ name }) => name);
    const own = [...flagsOf(verb).keys()].filter((name) => !common.includes(name));
    const files = { keygen: ['output-key-prefix'], verify: [], promote: [] } as const;
    const more = Object.hasOwn(files, verb) ? files[verb as keyof typeof files] : ['output-folder'];
    expect([...own, ...Object.keys(actionOnly[verb])].sort()).toEqual(
      [...Object.keys(action.inputs), ...more].sort(),
    );
  });

  it.each(['sign', 'attest', 'verify', 'promote', 'keygen', undefined] as const)(
    'help of %s names every flag, in lines that fit a terminal',
    (verb) => {
      const help = helpText(verb, { flagsOf, commonFlags });
      expect(help.split('\n').filter((line) => line.length > 110)).toEqual([]);
      for (const name of verb === undefined ? [] : flagsOf(verb).keys())
        expect(help).toContain(`\n  --${name}`);
    },
  );

  it('have values behind a space or an equals sign, lists more than once, switches none', () => {
    expect(values('sign --images a/b:1 --images=c/d:2 --tlog=false --recursive')).toEqual({
      images: 'a/b:1\nc/d:2',
      tlog: 'false',
      recursive: 'true',
    });
    expect(read('verify --json --debug=false')).toMatchObject({ json: true, debug: false });
    expect(read('--help')).toEqual({ words: 'help' });
    expect(read('help verify')).toEqual({ words: 'help', verb: 'verify' });
    expect(read('sign --help')).toEqual({ words: 'help', verb: 'sign' });
    expect(read('--version')).toEqual({ words: 'version' });
    expect(readArguments([])).toEqual({ words: 'help' });
  });

  it.each([
    [['sing'], '`sign-image sign …`'],
    [['hunter2'], 'Commands are `sign`'],
    [['--images', 'a/b'], 'The command comes first'],
    [['sign', '--iamges', 'a/b'], '`--iamges` is no flag of `sign-image sign`. Write `--images`'],
    [['sign', '--recursiv'], 'Write `--recursive`'],
    [['sign', '--allow_http_registry'], 'Write `--allow-http-registry`'],
    // what cosign calls it
    [['sign', '--tlog-upload=false'], 'Write `--tlog`'],
    [['sign', '--yes'], 'Remove it: this command asks no questions'],
    [['verify', '--certificate-github-workflow-repository=a/b'], 'Write `--github-repository`'],
    [['verify', '--deny-self-hosted-runners'], '`--github-runner-environment github-hosted`'],
    // only GitHub Actions can do these
    [['verify', '--comment'], 'by the action sign-image/verify alone'],
    [['verify', '--changed-only'], 'Here name the files in `--files`'],
    [['sign', '--images'], '`--images` has no value'],
    [['sign', '--key', '--images', 'a/b'], '`--key` has no value'],
    [['sign', '--images', ''], '`--images` is given and empty'],
    [['sign', '--key='], '`--key` is given and empty'],
    [['verify', '--certificate-identity', ' '], '`--certificate-identity` is given and empty'],
    [['sign', '--key', 'a', '--key', 'b'], '`--key` is given twice'],
    [['sign', 'ghcr.io/acme/app'], 'Name images with `--images`'],
    [['sign', '--recursive', 'false'], 'a switch `--tlog=false`'],
    [['sign', '-k', 'x'], 'is no flag'],
    [['sign', '--json=maybe'], 'neither true nor false'],
  ])('%j is wrong use', (args, says) => {
    expect(wrong(args)).toContain(says);
  });
});

// A command line is read by every process of the machine, and kept by shells and logs.
describe('a secret that is an argument', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n';
  it.each([
    ['sign', '--key', pem],
    ['sign', '--key', Buffer.from(pem).toString('base64')],
    ['sign', '--images', pem],
    ['verify', `--key=${pem}`],
    ['verify', '--key', pem.replace('PRIVATE', 'ENCRYPTED SIGSTORE PRIVATE')],
    // what is left of a password with a space in it
    ['sign', '--registry-password', 'correct', 'horsebattery'],
    ['sign', '--passwrod=horsebattery'],
  ])('%s %s is refused while the line is read, and not repeated', (...args) => {
    const told = wrong(args);
    expect(told).not.toBe('taken');
    expect(told).not.toMatch(/MIGHAg|horsebattery|LS0t/);
  });

  const given = (verb: Verb, flag: string, value: string, env: NodeJS.ProcessEnv = {}) => {
    const asked = readArguments([verb, `--${flag}`, value]);
    if ('words' in asked) throw new Error('words');
    try {
      return sourceOf(asked, env).get(flag, { trimWhitespace: false });
    } catch (caught) {
      const { code, message, fix } = asFailure(caught);
      return `${code}: ${message} ${fix}`;
    }
  };

  it.each([
    ['sign', 'key-password', 'COSIGN_PASSWORD'],
    ['sign', 'registry-password', 'SIGN_IMAGE_REGISTRY_PASSWORD'],
    ['sign', 'identity-token', 'SIGSTORE_ID_TOKEN'],
    ['sign', 'github-token', 'GITHUB_TOKEN'],
    ['verify', 'registry-password', 'SIGN_IMAGE_REGISTRY_PASSWORD'],
    ['keygen', 'password', 'COSIGN_PASSWORD'],
    ['keygen', 'github-token', 'GITHUB_TOKEN'],
  ] as const)('%s --%s: is refused, and the variable is named', (verb, flag, variable) => {
    const told = given(verb, flag, 'hunter2-hunter2');
    expect(told).toContain('bad-input');
    expect(told).toContain(variable);
    expect(told).toContain(`--${flag} env://NAME`);
    expect(told).not.toContain('hunter2');
    // its honest twins
    expect(given(verb, flag, 'env://MINE', { MINE: ' the value ' })).toBe(' the value ');
    expect(given(verb, flag, join(root, '.node-version'))).toBe('24\n');
    const without = readArguments([verb]);
    expect(
      sourceOf(without as Exclude<typeof without, { words: string }>, { [variable]: 'v' }).get(
        flag,
      ),
    ).toBe('v');
  });

  it.each(['env://UNSET', 'env://EMPTY'])('%s is told, for there would be none', (place) => {
    expect(given('sign', 'registry-password', place, { EMPTY: '' })).toMatch(
      /bad-input: The variable \w+, which `--registry-password` names, is (not set|empty) here/,
    );
    // Signed without it, the signature would be keyless, in a public log.
    expect(given('sign', 'key', place, { EMPTY: ' ' })).toContain('so there is no key');
  });

  it.each([
    'cosign.key',
    '/run/secrets/cosign key.pem',
    'C:\\keys\\cosign.key',
    'clés/à moi.pem',
    `/home/builder/${'a-long-folder/'.repeat(8)}cosign.key`,
    'awskms:///alias/signing',
    'pkcs11:token=yubi;object=sign?module-path=/usr/lib/opensc.so',
    '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----\n',
  ])('--key %j is the place of a key, or no secret', (value) => {
    expect(given('verify', 'key', value)).toBe(value);
  });

  it.each([
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2OF2NxApJCzGCEDdfSp6VQO30hy'.repeat(
      2,
    ),
    '{"kdf":{"name":"scrypt"}}',
    'MIGHAgEA\nMBMGByqG\n',
  ])('--key %j may be one, and is refused', (value) => {
    expect(given('sign', 'key', value)).toMatch(/^bad-input: (?!.*MIGH)/s);
  });

  it('is not taken from the inputs of another action in the same job', () => {
    const asked = readArguments(['sign']);
    if ('words' in asked) throw new Error('words');
    const source = sourceOf(asked, { INPUT_IMAGES: 'a/b', OTHER: 'x' });
    expect([source.get('images'), source.env]).toEqual(['', { OTHER: 'x' }]);
  });
});

it.each(['docs/other-ci.md', 'README.md', 'docs/keys.md'])(
  'every command line in %s is one',
  (file) => {
    const text = readFileSync(join(root, file), 'utf8').replaceAll('\\\n', ' ');
    const lines = [...text.matchAll(/^ {4}sign-image (.+)$/gm)].map(([, line = '']) => line);
    if (file === 'docs/other-ci.md') expect(lines.length).toBeGreaterThan(8);
    for (const line of lines) {
      const asked = readArguments(
        line.trim().replaceAll('"$IMAGE"', 'r.example/app:1').split(/ +/),
      );
      expect(asked, line).not.toHaveProperty('words');
    }
  },
);
