import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/signature/pattern.ts';
import { matchesAnything, strangerAmong } from '../../src/signature/strangers.ts';

const github = 'https://token.actions.githubusercontent.com';
const google = 'https://accounts.google.com';
const byPattern = (source: string) => ({ pattern: compilePattern(source) });

describe('a pattern lets in strangers', () => {
  it.each([
    ['.*', github, 'anybody'],
    ['.+', github, 'anybody'],
    ['^[\\s\\S]*$', github, 'anybody'],
    ['[a-z].{0,999}', github, 'anybody'],
    ['.*', 'https://id.acme.example', 'anybody'],
    ['https://github.com/.*', github, 'repositories of strangers on github.com'],
    ['https://github\\.com/.+', github, 'repositories of strangers on github.com'],
    ['^https://.*$', github, 'repositories of strangers on github.com'],
    ['h.*', github, 'repositories of strangers on github.com'],
    ['\\Qhttps://github.com/\\E.*', github, 'repositories of strangers on github.com'],
    ['(?i)HTTPS://github.com/[^/]+/.*', github, 'repositories of strangers on github.com'],
    ['https://github\\.com/[a-z]+/.*', github, 'repositories of strangers on github.com'],
    [
      'https://github\\.com/[[:word:]-]{3,39}/.*',
      github,
      'repositories of strangers on github.com',
    ],
    [
      'https://github.com/acme/.*|https://github.com/.*@.*',
      github,
      'repositories of strangers on github.com',
    ],
    [
      '(?:https://github\\.com/(?:acme|[^/]+)/).*',
      github,
      'repositories of strangers on github.com',
    ],
    ['.*@refs/heads/main', github, 'repositories of strangers on github.com'],
    ['.*/release\\.yml@refs/tags/v[0-9.]+', github, 'repositories of strangers on github.com'],
    ['https://gitlab.com/.*', 'https://gitlab.com', 'projects of strangers on gitlab.com'],
    [
      'https://buildkite.com/.*',
      'https://agent.buildkite.com',
      'pipelines of strangers on buildkite.com',
    ],
    ['.*@.*', google, 'e-mail addresses of strangers'],
    ['.*@gmail\\.com', google, 'e-mail addresses of strangers'],
    ['[^@]+@[^@]+\\.com', 'https://github.com/login/oauth', 'e-mail addresses of strangers'],
    ['.*\\.iam\\.gserviceaccount\\.com', google, 'e-mail addresses of strangers'],
  ])('%s of %s: %s', (source, issuer, who) => {
    expect(strangerAmong([byPattern(source)], [{ exact: issuer }])).toMatchObject({ who });
  });

  // A stranger chooses the names of the own repository, workflow file and branch.
  it.each([
    ['https://github\\.com/[^/]+/app/.*', 'https://github.com/stranger/app/.github/workflows/'],
    ['.*acme.*', 'https://github.com/stranger/acme/.github/workflows/'],
    [
      '.*/acme/app/\\.github/workflows/release\\.yml@refs/heads/main',
      'https://github.com/stranger/project/.github/workflows/project.yml@refs/heads/stranger/acme/app/.github/workflows/release.yml@refs/heads/main',
    ],
    [
      'https://github\\.com/.+/app/\\.github/workflows/.+@refs/heads/main',
      'https://github.com/stranger/',
    ],
    ['.*@acme\\.com', 'project.yml@refs/heads/stranger@acme.com'],
  ])('%s, under names that they choose for it', (source, example) => {
    expect(strangerAmong([byPattern(source)], [{ exact: github }])).toEqual({
      who: 'repositories of strangers on github.com',
      example: expect.stringContaining(example),
    });
  });

  it('where one of several does, and with a pattern for the issuer', () => {
    expect(
      strangerAmong(
        [{ exact: 'x' }, byPattern('https://github\\.com/acme/.*'), byPattern('https://.*')],
        [byPattern('https://token\\.actions\\..*')],
      ),
    ).toMatchObject({ who: 'repositories of strangers on github.com' });
  });
});

describe('a pattern names somebody', () => {
  it.each([
    ['https://github\\.com/acme/.*', github],
    ['(?i)https://github\\.com/acme/.*', github],
    ['https://github\\.com/acme-[a-z]+/.*', github],
    ['https://github\\.com/(?:acme|octo-org)/[^/]+/\\.github/workflows/.+@refs/heads/main', github],
    ['https://github\\.com/acme/app/\\.github/workflows/release\\.yml@refs/tags/v.*', github],
    ['https://[^/]+/acme/app/.*', github],
    ['.*@acme\\.com', google],
    ['[a-z]+@my-project\\.iam\\.gserviceaccount\\.com', google],
    ['https://gitlab\\.com/acme/.*', 'https://gitlab.com'],
    // Issuers that serve one enterprise give no identity to strangers.
    ['https://acme\\.ghe\\.com/.*', 'https://token.actions.acme.ghe.com'],
    ['https://.*', 'https://id.acme.example'],
  ])('%s of %s', (source, issuer) => {
    expect(strangerAmong([byPattern(source)], [{ exact: issuer }])).toBeUndefined();
  });

  it('as an exact text always does', () => {
    expect(strangerAmong([{ exact: '.*' }], [{ exact: github }])).toBeUndefined();
    expect(strangerAmong([], [{ exact: github }])).toBeUndefined();
  });
});

it.each([
  ['.*', true],
  ['[^x]*|.*', true],
  ['https://.*', false],
  ['.*@.*', false],
])('%s matches anything: %s', (source, anything) =>
  expect(matchesAnything(byPattern(source))).toBe(anything),
);
