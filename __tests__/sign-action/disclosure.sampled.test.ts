// Keyless signing with the public-good instance publishes the names of repository and workflow.
// From a repository whose names are not public it is refused before anything is contacted: no
// service, no issuer of tokens, no TUF repository, no registry.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createMasker } from '../../src/edges/action/masker.ts';
import { surroundingsOf } from '../../src/edges/action/run.ts';
import { readSignInputs } from '../../src/edges/inputs/sign.ts';
import { guardDisclosure } from '../../src/engine/disclosure.ts';
import { Failure } from '../../src/failure.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { sampled } from '../sampled.ts';
import { makeCertificates } from '../sandbox/certificates.ts';
import { type ConnectProxy, startConnectProxy } from '../sandbox/connect-proxy.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { newKeyPem } from './keyless-world.ts';
import { signed } from './signed.ts';

const publicConfig = JSON.stringify({
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [
    {
      url: 'https://fulcio.sigstore.dev',
      majorApiVersion: 1,
      validFor: { start: '2022-01-01T00:00:00Z' },
      operator: 'sigstore.dev',
    },
  ],
  rekorTlogUrls: [
    {
      url: 'https://rekor.sigstore.dev',
      majorApiVersion: 1,
      validFor: { start: '2022-01-01T00:00:00Z' },
      operator: 'sigstore.dev',
    },
  ],
  rekorTlogConfig: { selector: 'ANY' },
});

let sigstore: Sigstore;
let registry: SandboxRegistry;
let image: string;
/** every attempt to leave this machine */
let internet: ConnectProxy;
let api: { url: string; asked: string[]; close: () => void };

beforeAll(async () => {
  [sigstore, registry, internet, api] = await Promise.all([
    startSigstore(),
    startRegistry(),
    startInternet(),
    startApi(),
  ]);
  ({ reference: image } = await pushImage(registry.host, 'acme/app'));
});

afterAll(async () => {
  await Promise.all([sigstore.close(), registry.close(), internet.close()]);
  api.close();
});

const tufRepository = 'tuf-repo-cdn.sigstore.dev:443';

/**
 * A proxy to nowhere, but for the public TUF repository, where somebody stands whom nobody knows: a
 * certificate that is not trusted is no outage, so it ends a run at once, whatever its time.
 */
async function startInternet(): Promise<ConnectProxy> {
  const stranger = createTlsServer(makeCertificates(['tuf-repo-cdn.sigstore.dev']));
  stranger.on('tlsClientError', () => {});
  await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done));
  const { port } = stranger.address() as AddressInfo;
  const proxy = await startConnectProxy({ routes: { [tufRepository]: `127.0.0.1:${port}` } });
  const close = async () => {
    await proxy.close();
    stranger.close();
  };
  return { ...proxy, close };
}

/** GitHub's `GET /repos/{owner}/{repo}` for repositories that are named after what they are. */
async function startApi() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const visibility = /^\/repos\/acme\/(public|private|internal)$/.exec(request.url ?? '')?.[1];
    response.writeHead(visibility === undefined ? 404 : 200, {
      'content-type': 'application/json',
    });
    response.end(
      JSON.stringify(
        visibility === undefined
          ? { message: 'Not Found' }
          : { visibility, private: visibility !== 'public' },
      ),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => void server.close(),
  };
}

const eventOf = (fields: object, name = 'acme/app') => ({
  repository: { full_name: name, ...fields },
});
const schedule = { schedule: '0 3 * * *' };

/**
 * How a run knows what its repository is: the event, the repository's name, and whether it may be
 * signed for all the world to see.
 */
const repositories = [
  ['public, says the event', eventOf({ private: false, visibility: 'public' }), 'acme/app', true],
  ['private, says the event', eventOf({ private: true, visibility: 'private' }), 'acme/app', false],
  [
    'internal, says the event',
    eventOf({ private: true, visibility: 'internal' }),
    'acme/app',
    false,
  ],
  ['private, says the event of an old server', eventOf({ private: true }), 'acme/app', false],
  ['public, says the API', schedule, 'acme/public', true],
  ['private, says the API', schedule, 'acme/private', false],
  ['internal, says the API', schedule, 'acme/internal', false],
  ['unknown to the API', schedule, 'acme/secret', false],
  [
    'another one than that of the event',
    eventOf({ private: false, visibility: 'public' }, 'acme/other'),
    'acme/private',
    false,
  ],
] as const;

/** Inputs, and whether they mean the public-good instance. */
const services = (): readonly (readonly [string, Readonly<Record<string, string>>, boolean])[] => [
  ['nothing said', {}, true],
  ['a signing config of the public-good instance', { 'signing-config': publicConfig }, true],
  [
    "a public log beside a Fulcio of one's own",
    { 'fulcio-url': sigstore.fulcioUrl, 'rekor-url': 'https://rekor.sigstore.dev' },
    true,
  ],
  [
    "a public Fulcio beside a log of one's own",
    { 'rekor-url': sigstore.rekorUrl, 'fulcio-url': 'https://fulcio.sigstage.dev' },
    true,
  ],
  ["a Fulcio of one's own, and no log named", { 'fulcio-url': sigstore.fulcioUrl }, true],
  [
    'a private instance by its addresses',
    { 'fulcio-url': sigstore.fulcioUrl, 'rekor-url': sigstore.rekorUrl },
    false,
  ],
  [
    'a private instance by its signing config',
    { 'signing-config': JSON.stringify(sigstore.signingConfig.v1) },
    false,
  ],
];

describe('the guard of private repositories', () => {
  const http = createHttp({
    deadline: createDeadline(300_000, systemClock),
    clock: systemClock,
    env: {},
  });
  afterAll(() => http.close());

  it.each(repositories)(
    'decides on every choice of services for a repository that is %s',
    async (_what, event, name, mayBeKnown) => {
      const folder = await mkdtemp(join(tmpdir(), 'sign-image-event-'));
      const eventPath = join(folder, 'event.json');
      await writeFile(eventPath, JSON.stringify(event));
      for (const [choice, inputs, isPublic] of services()) {
        for (const disclose of ['', 'true']) {
          const values: Record<string, string> = {
            images: image,
            ...inputs,
            'disclose-private-repository': disclose,
            'github-token': 'ghs_x',
          };
          const mask = createMasker(
            () => [],
            () => {},
          );
          const read = readSignInputs(mask, { get: (input) => values[input] ?? '', env: {} });
          const env = {
            GITHUB_REPOSITORY: name,
            GITHUB_API_URL: api.url,
            GITHUB_EVENT_PATH: eventPath,
          };
          const world = { clock: systemClock, http, mask };
          const surroundings = surroundingsOf(env, read, world);
          const outcome = await guardDisclosure(read, { surroundings }).then(
            () => 'goes on',
            (caught: unknown) => (caught instanceof Failure ? caught.code : caught),
          );
          expect([choice, disclose, outcome]).toEqual([
            choice,
            disclose,
            mayBeKnown || !isPublic || disclose !== '' ? 'goes on' : 'private-repository',
          ]);
        }
      }
      await rm(folder, { recursive: true });
    },
  );
});

const [publicOne, privateOne] = [repositories[0], repositories[1]];

/** Claims of a token that is used in acme/app, which is public, and what they come to. */
const tokens: readonly (readonly [string, Readonly<Record<string, string>>, string | true])[] = [
  ['of this repository, public', { repository: 'acme/app', repository_visibility: 'public' }, true],
  [
    'of this repository, in capitals',
    { repository: 'ACME/App', drop: 'repository_visibility' },
    true,
  ],
  [
    'of this repository, private',
    { repository: 'acme/app', repository_visibility: 'private' },
    'the repository acme/app, which the identity token is for, is private',
  ],
  [
    'of this repository, internal',
    { repository: 'acme/app', repository_visibility: 'internal' },
    'the repository acme/app, which the identity token is for, is internal',
  ],
  [
    'of this repository, something new',
    { repository: 'acme/app', repository_visibility: 'Public ' },
    'the repository acme/app, which the identity token is for, is private',
  ],
  [
    'of another repository, public',
    { repository: 'acme/x', repository_visibility: 'public' },
    true,
  ],
  [
    'of another repository, private',
    { repository: 'acme/public', repository_visibility: 'private' },
    'the repository acme/public, which the identity token is for, is private',
  ],
  [
    'of another repository, public to GitHub',
    { repository: 'acme/public', drop: 'repository_visibility' },
    true,
  ],
  [
    'of another repository, private to GitHub',
    { repository: 'acme/private', drop: 'repository_visibility' },
    'the repository acme/private, which the identity token is for, is private',
  ],
  [
    'of another repository, unknown to GitHub',
    { repository: 'acme/secret', drop: 'repository_visibility' },
    'it could not be found out whether the repository acme/secret, which the identity token is for, is public',
  ],
  [
    'of a private project of GitLab',
    {
      project_path: 'acme/app',
      project_visibility: 'private',
      drop: 'repository,repository_visibility',
    },
    'the repository acme/app, which the identity token is for, is private',
  ],
  [
    'of a public project of GitLab',
    {
      project_path: 'acme/app',
      project_visibility: 'public',
      drop: 'repository,repository_visibility',
    },
    true,
  ],
  [
    'of a project of GitLab that says nothing',
    { project_path: 'acme/public', drop: 'repository,repository_visibility' },
    'it could not be found out whether the repository acme/public, which the identity token is for, is public',
  ],
  ['of a person', { email: 'me@example.test', drop: 'repository,repository_visibility' }, true],
];

describe('a token in a public repository', () => {
  const run = async (
    claims: Readonly<Record<string, string>>,
    from: 'given' | 'GitHub',
    inputs: Readonly<Record<string, string>> = {},
  ) => {
    internet.log.length = 0;
    const before = sigstore.requests.length;
    const tokenEnv =
      from === 'given'
        ? { SIGSTORE_ID_TOKEN: await sigstore.token(claims) }
        : {
            ACTIONS_ID_TOKEN_REQUEST_URL: `${sigstore.idTokenRequestUrl}&${new URLSearchParams(claims)}`,
            ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
          };
    const env = {
      ...tokenEnv,
      GITHUB_REPOSITORY: 'acme/app',
      GITHUB_API_URL: api.url,
      HTTPS_PROXY: internet.url,
    };
    const event = publicOne[1];
    const ended = await signed({ images: image, ...inputs }, { event, env });
    const services = sigstore.requests.slice(before).map(({ service }) => service);
    return { run: ended, services };
  };

  const sample = [
    'of this repository, public',
    'of this repository, private',
    'of another repository, unknown to GitHub',
  ];
  it.each(sampled(tokens, sample))('%s', async (_, claims, expected) => {
    for (const from of ['given', 'GitHub'] as const) {
      const { run: ended, services } = await run(claims, from);
      expect(services, from).toEqual(from === 'given' ? [] : ['oidc']);
      expect(ended.errorCodes, ended.shown).toEqual([
        expected === true ? 'tuf-error' : 'private-repository',
      ]);
      expect(internet.log.length > 0).toBe(expected === true);
      if (expected !== true)
        expect(ended.annotations.find(({ kind }) => kind === 'error')?.message).toContain(expected);
    }
  });

  it('may be used all the same where the names may be published, or stay in private', async () => {
    const claims = { repository: 'acme/app', repository_visibility: 'private' };
    const disclosed = await run(claims, 'GitHub', { 'disclose-private-repository': 'true' });
    expect(disclosed.run.errorCodes).toEqual(['tuf-error']);
    const { run: inPrivate } = await run(claims, 'GitHub', {
      'signing-config': JSON.stringify(sigstore.signingConfig.v1),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
    });
    expect(inPrivate, inPrivate.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
  });
});

describe.concurrent('the built action', () => {
  const run = async (event: object, name: string, inputs: Readonly<Record<string, string>>) => {
    const tokenRequest = {
      ACTIONS_ID_TOKEN_REQUEST_URL: sigstore.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: sigstore.idTokenRequestToken,
    };
    const env = {
      ...tokenRequest,
      GITHUB_REPOSITORY: name,
      GITHUB_API_URL: api.url,
      HTTPS_PROXY: internet.url,
    };
    return signed({ images: image, ...inputs }, { event, env });
  };

  const hidden = repositories.filter(([, , , mayBeKnown]) => !mayBeKnown);
  it.each(sampled(hidden, ['private, says the event', 'private, says the API']))(
    'contacts nobody for a repository that is %s',
    async (_what, event, name) => {
      const before = [sigstore.requests.length, registry.requests.length, internet.log.length];
      const inputs = name === 'acme/private' ? { 'signing-config': publicConfig } : {};
      const refused = await run(event, name, inputs);
      expect(refused).toMatchObject({
        code: 1,
        errorCodes: ['private-repository'],
        outputs: { verified: 'false', results: '[]' },
      });
      const said = refused.annotations.find(({ kind }) => kind === 'error')?.message ?? '';
      for (const way of [
        'key: ${{ secrets.COSIGN_PRIVATE_KEY }}',
        '`signing-config: …` and `trusted-root: …`',
        '`disclose-private-repository: true`',
      ]) {
        expect(said).toContain(way);
      }
      expect(refused.summary).toContain('Nothing was signed');
      expect([sigstore.requests.length, registry.requests.length, internet.log.length]).toEqual(
        before,
      );
    },
  );
});

describe('the built action goes on', () => {
  const goesOn = async (event: object, name: string, inputs: Readonly<Record<string, string>>) => {
    internet.log.length = 0;
    const env = {
      GITHUB_REPOSITORY: name,
      GITHUB_API_URL: api.url,
      HTTPS_PROXY: internet.url,
      SIGSTORE_ID_TOKEN: await sigstore.token({
        repository: name,
        repository_visibility: event === publicOne[1] ? 'public' : 'private',
      }),
    };
    const run = await signed({ images: image, ...inputs }, { event, env });
    return { run, targets: [...new Set(internet.log.map(({ target }) => target))] };
  };
  const ways = [
    ['from a public repository', publicOne, {}],
    [
      'from a private repository that may be disclosed',
      privateOne,
      { 'disclose-private-repository': 'true' },
    ],
    [
      'from a private repository with a key, whose log entry names nobody',
      privateOne,
      { key: newKeyPem() },
    ],
  ] as const;
  const sample = ['from a private repository with a key, whose log entry names nobody'];
  it.each(sampled(ways, sample))(
    'to the public-good instance %s',
    async (_what, [, event, name], inputs) => {
      const { run, targets } = await goesOn(event, name, inputs);
      expect(run).toMatchObject({ code: 1, errorCodes: ['tuf-error'] });
      expect(targets).toEqual([tufRepository]);
    },
  );

  it('to a private instance from a private repository, and nowhere else', async () => {
    const inputs = {
      'signing-config': JSON.stringify(sigstore.signingConfig.v1),
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
    };
    const { run, targets } = await goesOn(privateOne[1], privateOne[2], inputs);
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(targets).toEqual([]);
  });

  it('with a key and no log to the registry alone, whatever the repository is', async () => {
    const before = [sigstore.requests.length, api.asked.length];
    const { run, targets } = await goesOn(privateOne[1], privateOne[2], {
      key: newKeyPem(),
      tlog: 'false',
    });
    expect(run, run.stdout).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect([targets, sigstore.requests.length, api.asked.length]).toEqual([[], ...before]);
  });
});
