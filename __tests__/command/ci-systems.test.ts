import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCiSystem } from '../../src/edges/command/ci-systems.ts';
import { expectedIdentity } from '../../src/edges/report/token-words.ts';
import type { ProgramEnd } from '../../src/engine/world.ts';
import { asFailure, type Failure } from '../../src/failure.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/http.ts';
import { FakeClock } from '../fake-clock.ts';
import {
  circleciClaims,
  circleciIdentity,
  gitlabClaims,
  gitlabIdentity,
  gitlabJob,
} from './claims.ts';

const token = (claims: object = {}) =>
  [
    { alg: 'RS256' },
    { iss: 'https://i.example', sub: 's', aud: 'sigstore', exp: 2e9, ...claims },
    'x',
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');

interface Setting {
  readonly env?: NodeJS.ProcessEnv;
  readonly given?: string;
  readonly programs?: (line: string) => ProgramEnd | Error;
  readonly http?: (request: HttpRequest) => Partial<HttpResponse>;
  readonly tokenFile?: string;
}

function open({ env = {}, given, programs, http, tokenFile = '/nowhere/token' }: Setting) {
  const masked: string[] = [];
  const lines: string[] = [];
  const asked: HttpRequest[] = [];
  const mask = (text = '') => void masked.push(text);
  const system = openCiSystem(
    env,
    given === undefined ? {} : { identityToken: given },
    {
      clock: new FakeClock(),
      mask: { mask, maskKey: mask, maskPrivateKey: mask, maskBasic: mask },
      http: async (request) => {
        asked.push(request);
        const answer = http?.(request) ?? { status: 404 };
        return { status: 200, headers: {}, body: Buffer.alloc(0), url: request.url, ...answer };
      },
      programs: async (command, args) => {
        lines.push([command, ...args].join(' '));
        const end = programs?.(lines.at(-1) ?? '') ?? new Error('ENOENT');
        if (end instanceof Error) throw end;
        return end;
      },
    },
    tokenFile,
  );
  return { system, masked, lines, asked };
}

const printed = (text: string, exitCode = 0): ProgramEnd => ({
  exitCode,
  stdout: Buffer.from(text),
  stderr: '',
});
const failure = (work: Promise<unknown>): Promise<Failure> =>
  work.then(() => Promise.reject(new Error('it did not fail')), asFailure);
const ask = ({ system }: ReturnType<typeof open>) => system.identityToken('sigstore', () => 60_000);

describe('an identity token', () => {
  it.each([
    ['CIRCLECI', 'circleci run oidc get --claims {"aud":"sigstore"}'],
    ['BUILDKITE', 'buildkite-agent oidc request-token --audience sigstore'],
  ])(
    'is asked for where %s is set, by the program of the system, and masked',
    async (name, line) => {
      const opened = open({ env: { [name]: 'true' }, programs: () => printed(`${token()}\n`) });
      expect(await ask(opened)).toMatchObject({ token: token(), fresh: true });
      expect([opened.lines, opened.masked]).toEqual([[line], [token()]]);
    },
  );

  it.each([
    ['is not there', () => new Error('spawn circleci ENOENT'), 'cannot be run'],
    ['fails', () => printed(token(), 1), 'ended with 1'],
    ['prints nothing', () => printed('\n'), 'printed nothing'],
    ['does not end', () => ({ stopped: 'did not end' }), 'did not end'],
  ] as const)(
    'is told to be none where the program %s, and nothing it printed is told',
    async (_, programs, why) => {
      const { code, message, fix } = await failure(
        ask(open({ env: { CIRCLECI: 'true', CIRCLE_OIDC_TOKEN: 'x' }, programs })),
      );
      expect([code, message]).toEqual(['no-identity-token', expect.stringContaining(why)]);
      expect(fix).toContain('CIRCLE_OIDC_TOKEN is of no use');
      expect(message + fix).not.toContain(token());
    },
  );

  it('for another audience is refused', async () => {
    const programs = () => printed(token({ aud: 'org-id' }));
    const { code } = await failure(ask(open({ env: { CIRCLECI: 'true' }, programs })));
    expect(code).toBe('bad-identity-token');
  });

  describe('of Google', () => {
    const env = { GCE_METADATA_HOST: 'metadata.google.internal' };
    it("is asked of the metadata server, with Google's header", async () => {
      const opened = open({ env, http: () => ({ body: Buffer.from(token({ email: 'a@b.c' })) }) });
      expect(await ask(opened)).toMatchObject({ claims: { email: 'a@b.c' } });
      expect(
        opened.asked.map(({ url, headers }) => [url.href, headers?.['metadata-flavor']]),
      ).toEqual([
        [
          'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=sigstore&format=full',
          'Google',
        ],
      ]);
    });

    it('is that of the account to impersonate, with its address', async () => {
      const account = 'signer@acme.iam.gserviceaccount.com';
      const opened = open({
        env: { ...env, GOOGLE_SERVICE_ACCOUNT_NAME: account },
        http: ({ method, headers }) =>
          method === 'GET'
            ? { body: Buffer.from('{"access_token":"ya29.secret"}') }
            : headers?.authorization === 'Bearer ya29.secret'
              ? { body: Buffer.from(JSON.stringify({ token: token({ email: account }) })) }
              : { status: 401 },
      });
      expect(await ask(opened)).toMatchObject({ claims: { email: account } });
      expect(opened.masked).toContain('ya29.secret');
      expect(opened.asked[1]).toMatchObject({
        url: new URL(
          'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/signer%40acme.iam.gserviceaccount.com:generateIdToken',
        ),
        body: Buffer.from('{"audience":"sigstore","includeEmail":true}'),
      });
    });

    it('is none where it is refused', async () => {
      const { code, message } = await failure(ask(open({ env, http: () => ({ status: 404 }) })));
      expect([code, message]).toEqual(['no-identity-token', expect.stringContaining('(404')]);
    });
  });

  describe('of a pod', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'projected-'));
      await writeFile(join(folder, 'token'), `${token()}\n`);
    });
    afterAll(() => rm(folder, { recursive: true }));

    it('is in the file that is projected, before what else there may be', async () => {
      const opened = open({ tokenFile: join(folder, 'token'), env: { CIRCLECI: 'true' } });
      expect(await ask(opened)).toMatchObject({ token: token() });
      expect(opened.lines).toEqual([]);
    });
  });

  it.each([
    [gitlabJob(), 'id_tokens:\n  SIGSTORE_ID_TOKEN:\n    aud: sigstore'],
    [{ TF_BUILD: 'True' }, 'azurekms://'],
    [{ JENKINS_URL: 'https://jenkins.example.com/' }, 'Or use a Fulcio of your own'],
    [{ BITBUCKET_BUILD_NUMBER: '1' }, 'hashivault://'],
    [{ CF_BUILD_ID: '1' }, 'obtain-oidc-id-token'],
    [{}, 'identity-token: env://NAME'],
  ])('is none in %j, and the way out is told; a key comes first', async (env, way) => {
    const { code, message, fix } = await failure(ask(open({ env })));
    expect([code, message]).toEqual([
      'no-identity-token',
      expect.stringMatching(/^`key` is empty/),
    ]);
    expect(fix).toMatch(/^Sign with a key: /);
    expect(fix).toContain(way);
  });
});

// With the public-good instance the names are published for ever.
describe('whether names are public', () => {
  const visibility = (env: NodeJS.ProcessEnv, given?: string) =>
    open({ env, ...(given === undefined ? {} : { given }) }).system.visibility();
  const project = (visible: string) => token({ ...gitlabClaims, project_visibility: visible });

  it.each([
    ['GitLab says public', gitlabJob(), undefined, 'public', 'variable'],
    [
      'GitLab says private',
      { ...gitlabJob(), CI_PROJECT_VISIBILITY: 'private' },
      project('public'),
      'private',
      'variable',
    ],
    [
      'GitLab says internal',
      { ...gitlabJob(), CI_PROJECT_VISIBILITY: 'internal' },
      undefined,
      'internal',
      'variable',
    ],
    [
      'GitLab says nothing known',
      { ...gitlabJob(), CI_PROJECT_VISIBILITY: '' },
      token({ ...gitlabClaims, project_visibility: undefined }),
      'private',
      'unknown',
    ],
    ['CircleCI says nothing', { CIRCLECI: 'true' }, token(circleciClaims), 'private', 'unknown'],
    ['the given token says public', {}, project('public'), 'public', 'token'],
    ['the given token says private', {}, project('private'), 'private', 'token'],
    ['the given token is none', {}, 'x.y.z', 'private', 'unknown'],
  ])('is known where %s', async (_, env, given, visible, from) => {
    expect(await visibility(env, given)).toEqual({ visibility: visible, from });
  });

  it('is not the question where nobody can sign keyless: then there is no identity', async () => {
    // That variable means something in GitLab alone.
    for (const env of [{ TF_BUILD: 'True' }, { CI_PROJECT_VISIBILITY: 'public' }])
      expect((await failure(visibility(env))).code).toBe('no-identity-token');
  });

  it('is asked of every token again', async () => {
    const { system } = open({ env: gitlabJob() });
    const base = { iss: 'i', sub: 's' };
    expect(await system.tokenVisibility({ ...base, project_path: 'a/b' })).toMatchObject({
      visibility: 'private',
    });
    expect(
      await system.tokenVisibility({ ...base, project_path: 'a/b', project_visibility: 'public' }),
    ).toEqual({ visibility: 'public', from: 'token' });
    expect(await system.tokenVisibility(base)).toBeUndefined();
  });
});

describe('who will have signed', () => {
  it.each([
    [gitlabIdentity, { iss: 'https://gitlab.com', ...gitlabClaims }],
    [circleciIdentity, { iss: 'https://oidc.circleci.com/org/1', ...circleciClaims }],
    [
      'https://buildkite.com/acme-inc/super-duper-app',
      {
        iss: 'https://agent.buildkite.com',
        organization_slug: 'acme-inc',
        pipeline_slug: 'super-duper-app',
      },
    ],
    [
      'https://kubernetes.io/namespaces/ci/serviceaccounts/builder',
      { iss: 'https://oidc.eks.x.amazonaws.com/id/1', sub: 'system:serviceaccount:ci:builder' },
    ],
    ['a@b.c', { iss: 'https://accounts.google.com', email: 'a@b.c' }],
    ['https://issuer.enforce.dev/s', { iss: 'https://issuer.enforce.dev' }],
  ])('is %s', (identity, claims) => {
    expect(expectedIdentity({ sub: 's', ...claims })).toBe(identity);
  });
});
