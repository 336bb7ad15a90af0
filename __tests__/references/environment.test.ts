import { describe, expect, it } from 'vitest';
import { mostEnvBytes, openEnvironment } from '../../src/references/environment.ts';

const inEnv = (text: string | Buffer) =>
  openEnvironment('compose.yaml', [{ path: '.env', bytes: Buffer.from(text) }]);

describe('a .env may set a name', () => {
  it.each<[string, string | Buffer]>([
    ['plain', 'TAG=1\n'],
    ['exported', 'A=1\r\nexport\tTAG="1" # c\r\n'],
    ['in YAML style', 'TAG: 1\n'],
    ['with blanks', ' TAG = 1\n'],
    ['behind a byte order mark', '\uFEFFTAG=1\n'],
    ['behind a blank that is no ASCII', '\u00a0TAG=1\n'],
    ['behind a line separator', '# c\u2028TAG=1\n'],
    ['behind a carriage return', '# c\rTAG=1\n'],
    ['behind a value of several lines', 'A="\n# " \nTAG=1\n'],
    ['that looks like a value of several lines', `A='\nTAG=1\n'\n`],
    ['behind an escaped quote', 'A="\\"\n# TAG=1\n'],
    ['without a value', 'TAG\n'],
    ['to readers that take export off everything', 'exportTAG=1\n'],
    ['in other letters, on Windows', 'tag=1\n'],
    ['not in UTF-8', Buffer.from([0xff, 0x0a])],
    ['in UTF-16', Buffer.from('\uFEFFTAG=1', 'utf16le')],
    ['behind NUL', 'A\0TAG=1\n'],
    ['somewhere in what is too long', 'A=1\n'.padEnd(mostEnvBytes + 1, '#')],
  ])('%s', (_, text) => {
    expect(inEnv(text).replaces('TAG')).toContain('.env');
  });

  it('that cannot be read', () => {
    const environment = openEnvironment('a/c.yaml', [{ path: 'a/.env', why: 'is a link' }]);
    expect(environment.replaces('TAG')).toBe(
      'and `a/.env`, which may set `TAG`, is a link; write the image without a variable',
    );
  });

  it('whatever stands in it, where compose sets the name itself', () => {
    expect(openEnvironment('c.yaml', []).replaces('COMPOSE_PROJECT_NAME')).toContain('is set');
    expect(openEnvironment('c.yaml', []).replaces('HOME')).toContain('is set');
  });

  it('and the line is told', () => {
    expect(inEnv('# TAG\n\nTAG=1\n').replaces('TAG')).toContain('and `.env` line 3 may set `TAG`');
  });
});

describe('a .env cannot set a name', () => {
  it.each<[string, string]>([
    ['empty', ''],
    ['other names', 'A=1\nMY_TAG=2\nTAGS=3\n'],
    ['in a comment', '# TAG=1\n  # export TAG=2 "\'\n'],
    ['in a value', 'A=TAG=1\nB="TAG=1" # TAG=2\nC=\'TAG=1\'\nD=x # TAG=3\n'],
    ['with line ends of Windows', 'A=1\r\n# TAG=1\r\n'],
  ])('%s', (_, text) => expect(inEnv(text).replaces('TAG')).toBeUndefined());
});

describe('COMPOSE_FILE', () => {
  const files = (text: string) =>
    openEnvironment('app/compose.yaml', [{ path: 'app/.env', bytes: Buffer.from(text) }])
      .composeFiles()
      .map(({ paths }) => paths);

  it.each<[string, readonly (readonly string[] | undefined)[]]>([
    ['A=1\n', []],
    ['COMPOSE_FILE=a.yaml:../b.yaml\n', [['app/a.yaml', 'b.yaml']]],
    ['COMPOSE_FILE="a.yaml;b.yaml"\n', [['app/a.yaml', 'app/b.yaml']]],
    ['COMPOSE_FILE=a.yaml\nCOMPOSE_FILE=b.yaml\n', [undefined]],
    ['COMPOSE_FILE=a.yaml,b.yaml\nCOMPOSE_PATH_SEPARATOR=,\n', [undefined]],
    ['COMPOSE_FILE=$A\n', [undefined]],
    ['COMPOSE_FILE=a.yaml:/srv/b.yaml\n', [undefined]],
    ['COMPOSE_FILE="a\n.yaml"\n', [undefined]],
    ['COMPOSE_FILE: a.yaml\n', [undefined]],
  ])('%j', (text, paths) => expect(files(text)).toEqual(paths));
});
