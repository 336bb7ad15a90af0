import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { parseEvent, readEvent } from '../../src/edges/action/event.ts';
import { askGithub } from '../../src/edges/action/github-client.ts';
import { type AskRepository, repositoryVisibility } from '../../src/edges/action/visibility.ts';

const env = { GITHUB_REPOSITORY: 'acme/app' };
const never: AskRepository = () => Promise.reject(new Error('must not be asked'));
const says =
  (answer: { visibility?: string; private?: boolean }): AskRepository =>
  async () =>
    answer;

describe('the visibility of the repository', () => {
  it.each([
    ['public', { visibility: 'public', private: false }, 'public'],
    ['public, as older servers say it', { private: false }, 'public'],
    ['private', { visibility: 'private', private: true }, 'private'],
    ['private, as older servers say it', { private: true }, 'private'],
    ['internal', { visibility: 'internal', private: true }, 'internal'],
    ['internal, and not private', { visibility: 'internal', private: false }, 'internal'],
    ['two answers that differ', { visibility: 'public', private: true }, 'private'],
    ['a word nobody knows', { visibility: 'PUBLIC', private: false }, 'private'],
  ])('%s', async (_, fields, visibility) => {
    const event = { repository: { fullName: 'acme/app', ...fields } };
    expect(await repositoryVisibility(env, never, event)).toEqual({ visibility, from: 'event' });
    expect(await repositoryVisibility(env, says(fields), {})).toEqual({ visibility, from: 'api' });
  });

  it('is asked for when the event tells of another repository', async () => {
    const event = { repository: { fullName: 'fork/app', visibility: 'public' } };
    expect(await repositoryVisibility(env, says({ visibility: 'private' }), event)).toEqual({
      visibility: 'private',
      from: 'api',
    });
  });

  it('is asked for by name', async () => {
    const asked: string[] = [];
    await repositoryVisibility(
      env,
      async (name) => {
        asked.push(name);
        return {};
      },
      {},
    );
    expect(asked).toEqual(['acme/app']);
  });

  it.each<[string, NodeJS.ProcessEnv, AskRepository | undefined]>([
    ['nobody can be asked', env, undefined],
    ['the answer is an error', env, never],
    ['the answer says nothing', env, says({})],
    ['the run has no repository', {}, says({ visibility: 'public' })],
  ])('is private when %s', async (_, variables, ask) => {
    expect(await repositoryVisibility(variables, ask, {})).toEqual({
      visibility: 'private',
      from: 'unknown',
    });
  });
});

describe("GitHub's API", () => {
  it.each([
    [
      'answers',
      200,
      { visibility: 'internal', private: true, name: 'app' },
      { visibility: 'internal', from: 'api' },
    ],
    ['refuses', 403, { message: 'no' }, { visibility: 'private', from: 'unknown' }],
    [
      'knows no such repository',
      404,
      { message: 'Not Found' },
      { visibility: 'private', from: 'unknown' },
    ],
  ])('%s', async (_, status, answer, expected) => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      seen.push([request.url, request.headers.authorization]);
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      const ask = askGithub('job-token', {
        env: {
          GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        },
        clock: systemClock,
        fetch,
      });
      expect(await repositoryVisibility(env, ask, {})).toEqual(expected);
      expect(seen).toEqual([['/repos/acme/app', 'token job-token']]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

describe('the event', () => {
  const folder = mkdtempSync(join(tmpdir(), 'event-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const written = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return { GITHUB_EVENT_PATH: join(folder, name) };
  };

  it('is read from its file', async () => {
    const payload = {
      repository: { full_name: 'acme/app', visibility: 'public', private: false },
      pull_request: {
        head: { repo: { full_name: 'fork/app' } },
        base: { repo: { full_name: 'acme/app' } },
      },
    };
    expect(await readEvent(written('a.json', JSON.stringify(payload)))).toEqual({
      repository: { fullName: 'acme/app', visibility: 'public', private: false },
      headRepository: 'fork/app',
      baseRepository: 'acme/app',
    });
  });

  it('knows a fork that was deleted', () =>
    expect(parseEvent({ pull_request: { head: { repo: null } } })).toEqual({
      headRepository: null,
    }));

  it.each([
    null,
    'x',
    5,
    [],
    {},
    { repository: null },
    { repository: 'acme' },
    { pull_request: { head: 'x', base: 5 } },
    JSON.parse('{"__proto__":{"repository":{"visibility":"public"}}}'),
  ])('says nothing of %j', (payload) => expect(parseEvent(payload)).toEqual({}));

  it('keeps no field of the wrong type', () => {
    expect(
      parseEvent({ repository: { full_name: 1, visibility: ['public'], private: 'false' } }),
    ).toEqual({ repository: {} });
  });

  it.each([
    ['there is no variable', {}],
    ['there is no file', { GITHUB_EVENT_PATH: join(folder, 'missing') }],
    ['it is no JSON', written('b.json', '{')],
  ])('is empty when %s', async (_, variables) => expect(await readEvent(variables)).toEqual({}));
});
