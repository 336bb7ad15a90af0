import { afterEach, describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/edges/action/event.ts';
import { githubIdentity, type TokenTools } from '../../src/edges/action/github-identity.ts';
import { describeToken, expectedIdentity } from '../../src/edges/report/token-words.ts';
import { identitySource } from '../../src/engine/identity.ts';
import { Failure } from '../../src/failure.ts';
import { checkToken } from '../../src/sigstore/identity-token.ts';

const now = Date.UTC(2026, 10, 20, 12, 0, 0);
const seconds = now / 1000;
const github = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:acme/app:ref:refs/heads/main',
  aud: 'sigstore',
  exp: seconds + 300,
  nbf: seconds - 300,
  repository: 'acme/app',
  ref: 'refs/heads/main',
  sha: 'c0ffee',
  event_name: 'push',
  job_workflow_ref: 'acme/workflows/.github/workflows/release.yml@refs/heads/main',
};

const given = { what: 'The identity token', fresh: false };

function jwt(claims: unknown, header: unknown = { alg: 'RS256', typ: 'JWT' }): string {
  const part = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${Buffer.from('signature').toString('base64url')}`;
}

function refusal(error: unknown): string {
  return error instanceof Failure
    ? `${error.code}: ${error.message} | ${error.fix}`
    : `not a Failure: ${error}`;
}

function check(token: string): string {
  try {
    return `accepted for ${checkToken(token, 'sigstore', given).claims.sub}`;
  } catch (error) {
    expect(
      JSON.stringify([refusal(error), (error as Error).cause, (error as Error).stack]),
    ).not.toContain(token.slice(0, 200) || 'x'.repeat(99));
    return refusal(error);
  }
}

describe('a token, before Fulcio is asked', () => {
  it.each([
    ['GitHub', github],
    ['several audiences', { ...github, aud: ['other', 'sigstore'] }],
    [
      'an e-mail',
      { iss: 'https://accounts.example.com', sub: '1', aud: 'sigstore', exp: seconds + 1 },
    ],
    ['yesterday: whether its times fit is told later', { ...github, exp: seconds - 86_400 }],
  ])('is taken from %s', (_, claims) => expect(check(jwt(claims))).toMatch(/^accepted/));

  it.each([
    [
      'without expiry',
      { ...github, exp: undefined },
      'bad-identity-token: The identity token has no expiry.',
    ],
    [
      'with an expiry that is text',
      { ...github, exp: '9999999999' },
      'bad-identity-token: The identity token has no expiry.',
    ],
    [
      'for another audience',
      { ...github, aud: 'aws' },
      'bad-identity-token: The identity token is for audience "aws", and "sigstore" is asked for.',
    ],
    [
      'for a longer audience',
      { ...github, aud: 'sigstore.example' },
      'bad-identity-token: The identity token is for audience "sigstore.example"',
    ],
    [
      'for no audience',
      { ...github, aud: undefined },
      'bad-identity-token: The identity token is for audience (none), and "sigstore" is asked for.',
    ],
    [
      'with an audience that is an object',
      { ...github, aud: { sigstore: 1 } },
      'bad-identity-token: The identity token is for audience (none)',
    ],
    [
      'without subject',
      { ...github, sub: undefined },
      'bad-identity-token: The identity token names no subject.',
    ],
    [
      'with an empty subject',
      { ...github, sub: '' },
      'bad-identity-token: The identity token names no subject.',
    ],
    [
      'without issuer',
      { ...github, iss: undefined },
      'bad-identity-token: The identity token names no issuer.',
    ],
  ])('is refused: %s', (_, claims, message) => expect(check(jwt(claims))).toContain(message));

  it.each([
    ['empty', ''],
    ['a word', 'not-a-token-at-all'],
    ['two parts', 'a.b'],
    ['four parts', `${jwt(github)}.x`],
    ['with spaces', `${jwt(github)} x`],
    ['two tokens', `${jwt(github)}\n${jwt(github)}`],
    ['a payload that is no JSON', jwt('{')],
    ['a payload that is a list', jwt([])],
    ['a payload that is null', jwt('null')],
    ['as long as a book', jwt({ ...github, x: 'y'.repeat(70_000) })],
  ])('is refused as malformed: %s', (_, token) =>
    expect(check(token)).toMatch(
      /^bad-identity-token: The identity token is not a JSON Web Token\. \| Pass the token itself/,
    ),
  );
});

describe('where the token comes from', () => {
  const granted = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'y',
  };
  const order: string[] = [];
  afterEach(() => void order.splice(0));
  const mask = (secret: string | undefined) =>
    void order.push(
      secret === granted.ACTIONS_ID_TOKEN_REQUEST_TOKEN
        ? 'mask the credential'
        : `mask ${secret?.split('.').length}`,
    );
  /** The first token of a run that was given one, in surroundings that have none. */
  const first = async (given: string) => {
    const surroundings = {
      asksForIdentity: true,
      identityToken: () => Promise.reject(new Error('asked')),
    };
    const world = { surroundings, mask: { mask }, tell: () => order.push('tell') } as never;
    const request = { identityToken: given, oidcAudience: 'sigstore' };
    const accept = async () => void order.push('accept');
    return (await identitySource(request, world, { retryBudget: () => 0, accept })).first;
  };
  it.each([
    ['the same again is told once', { jti: 'another' }, ['accept', 'tell', 'accept']],
    ['another is told, too', { sub: 'repo:acme/other' }, ['accept', 'tell', 'accept', 'tell']],
  ])('of two tokens of a run, %s', async (_what, change, expected) => {
    const tokens = [{}, change].map((more) => jwt({ ...github, aud: 'sigstore', ...more }));
    const given = { what: 'The token', fresh: true };
    const surroundings = {
      asksForIdentity: true,
      identityToken: async () => checkToken(tokens.shift() ?? '', 'sigstore', given),
    };
    const world = { surroundings, mask: { mask }, tell: () => order.push('tell') } as never;
    const accept = async () => void order.push('accept');
    const request = { oidcAudience: 'sigstore' };
    const next = await identitySource(request, world, { retryBudget: () => 0, accept });
    await next();
    await next();
    expect(order).toEqual(expected);
  });

  const sources = (change: Partial<TokenTools> = {}): TokenTools => ({
    audience: 'sigstore',
    fetchToken: async ({ url, credential }, audience) => {
      order.push(`ask ${url} as ${credential} for ${audience}`);
      return jwt({ ...github, aud: audience });
    },
    env: granted,
    event: {},
    mask,
    ...change,
  });

  it('GitHub, masked', async () => {
    const { token, claims, expires } = await githubIdentity(sources({ audience: 'inside' }));
    const { aud: _, exp, nbf: __, ...rest } = github;
    expect([token, claims, expires]).toEqual([jwt({ ...github, aud: 'inside' }), rest, exp * 1000]);
    expect(order).toEqual(['mask the credential', 'ask https://x as y for inside', 'mask 3']);
  });

  it('what was given, and GitHub is not asked', async () => {
    expect((await first(jwt(github))).claims.sub).toBe(github.sub);
    expect(order).toEqual(['mask 3', 'accept', 'tell']);
  });

  it('masks a token before it is refused', async () => {
    await expect(first('a.b')).rejects.toThrow(
      'The identity token that was given is not a JSON Web Token.',
    );
    expect(order).toEqual(['mask 2']);
  });

  it('keeps the reason when GitHub gives none', async () => {
    const cause = new Failure('no-identity-token', 'It answered 503.', 'Again.');
    const refused = githubIdentity(sources({ fetchToken: () => Promise.reject(cause) }));
    await expect(refused).rejects.toBe(cause);
  });

  const actions = {
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'pull_request',
    GITHUB_REPOSITORY: 'acme/app',
    GITHUB_ACTOR: 'octocat',
  };
  const fork: RunEvent = { headRepository: 'fork/app', baseRepository: 'acme/app' };
  const own: RunEvent = { headRepository: 'acme/app', baseRepository: 'acme/app' };
  it.each<[string, NodeJS.ProcessEnv, RunEvent, string, string]>([
    [
      'the permission is missing',
      { ...actions, GITHUB_EVENT_NAME: 'push' },
      {},
      'it lacks the permission `id-token: write`',
      'permissions:\n  contents: read\n  packages: write\n  id-token: write',
    ],
    [
      'the same on a pull request of the repository itself',
      actions,
      own,
      'it lacks the permission `id-token: write`',
      'id-token: write',
    ],
    [
      'only the address is there',
      { ...actions, ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x' },
      own,
      'it lacks the permission',
      'id-token: write',
    ],
    [
      'a pull request from a fork',
      actions,
      fork,
      'this pull request comes from a fork: GitHub gives such runs neither secrets nor',
      "if: github.event_name != 'pull_request'",
    ],
    [
      'a fork that was deleted',
      actions,
      { headRepository: null, baseRepository: 'acme/app' },
      'this pull request comes from a fork: GitHub gives such runs neither secrets nor',
      'after the merge',
    ],
    [
      'a fork, by the name of the repository',
      actions,
      { headRepository: 'fork/app' },
      'this pull request comes from a fork: GitHub gives such runs neither secrets nor',
      'after the merge',
    ],
    [
      'pull_request_target runs for the base',
      { ...actions, GITHUB_EVENT_NAME: 'pull_request_target' },
      fork,
      'it lacks the permission',
      'id-token: write',
    ],
    [
      'Dependabot',
      { ...actions, GITHUB_ACTOR: 'dependabot[bot]' },
      own,
      'this run was started by Dependabot',
      "if: github.actor != 'dependabot[bot]'",
    ],
    ...(
      [
        ['ACT', 'act'],
        ['GITEA_ACTIONS', 'Gitea Actions'],
        ['FORGEJO_ACTIONS', 'Forgejo Actions'],
      ] as const
    ).map(([variable, name]): [string, NodeJS.ProcessEnv, RunEvent, string, string] => [
      `a runner of ${name}`,
      { ...actions, [variable]: 'true', ...(name === 'act' ? {} : { GITEA_ACTIONS: 'true' }) },
      fork,
      `this job runs on ${name}, without the token service of GitHub`,
      'key: ${{ secrets.COSIGN_PRIVATE_KEY }}',
    ]),
    ['no GitHub at all', {}, {}, 'this is not a GitHub Actions run', '`identity-token`'],
  ])('says why there is none: %s', async (_, env, event, message, fix) => {
    const refused = await githubIdentity(sources({ env, event })).catch((error: unknown) => error);
    expect(refusal(refused)).toMatch(/^no-identity-token: /);
    expect((refused as Failure).message).toContain(message);
    expect((refused as Failure).fix).toContain(fix);
    expect(order).toEqual([]);
  });
});

describe('the token in words', () => {
  it('has what a verifier must state, and never the token', () => {
    const token = checkToken(jwt(github), 'sigstore', given);
    expect(describeToken(token, undefined, now)).toEqual([
      'identity: https://github.com/acme/workflows/.github/workflows/release.yml@refs/heads/main',
      'issuer: https://token.actions.githubusercontent.com',
      'repository: acme/app',
      'ref: refs/heads/main',
      'event: push',
      'token expires: 2026-11-20T12:05:00.000Z (in 5 min)',
    ]);
  });

  it.each([
    [
      'the called workflow',
      { ...github },
      'https://github.com/acme/workflows/.github/workflows/release.yml@refs/heads/main',
    ],
    [
      'a ref with letters beyond ASCII, as Go writes URLs',
      { ...github, job_workflow_ref: 'a/b/.github/workflows/c.yml@refs/heads/grün' },
      'https://github.com/a/b/.github/workflows/c.yml@refs/heads/gr%C3%BCn',
    ],
    [
      'a ref with brackets alone',
      { ...github, job_workflow_ref: 'a/b/c.yml@refs/heads/(x)!' },
      'https://github.com/a/b/c.yml@refs/heads/(x)!',
    ],
    [
      'a ref with brackets and more',
      { ...github, job_workflow_ref: 'a/b/c.yml@refs/heads/(ü)' },
      'https://github.com/a/b/c.yml@refs/heads/%28%C3%BC%29',
    ],
    [
      'another server',
      { ...github, iss: 'https://ghe.corp/_services/token' },
      'https://ghe.corp/acme/workflows/.github/workflows/release.yml@refs/heads/main',
    ],
    [
      'an e-mail address',
      { iss: 'https://accounts.example.com', sub: '1', email: 'me@example.com' },
      'me@example.com',
    ],
    ['a subject', { iss: 'https://spiffe.example.com', sub: 'spiffe://x/y' }, 'spiffe://x/y'],
  ])('states as identity %s', (_, claims, identity) =>
    expect(expectedIdentity(claims, 'https://ghe.corp')).toBe(identity),
  );
});
