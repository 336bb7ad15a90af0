import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { HttpRequest } from '../../src/http/http.ts';
import { askGithubToken } from '../../src/sigstore/github-token.ts';

function provider(url: string, status = 200, body = '{"count":1,"value":"a.b.c"}') {
  const asked: HttpRequest[] = [];
  const http = async (request: HttpRequest) => {
    asked.push(request);
    return { status, headers: {}, body: Buffer.from(body), url: request.url };
  };
  const tools = { http, clock: systemClock, retryBudget: () => 1_000 };
  return { asked, tools: { ...tools, url, credential: 'the credential' } };
}

describe("GitHub's provider", () => {
  it.each([
    ['https://x.test/a//idtoken/1?api-version=2.0', '/a//idtoken/1?api-version=2.0&audience=a%20b'],
    ['https://x.test/token', '/token?audience=a%20b'],
  ])('%s is asked as the runner says, for the audience', async (url, path) => {
    const { asked, tools } = provider(url);
    expect(await askGithubToken(tools, 'a b')).toBe('a.b.c');
    expect(asked).toMatchObject([
      {
        method: 'GET',
        url: new URL(path, url),
        headers: { authorization: 'Bearer the credential', accept: 'application/json' },
        redirect: 'manual',
      },
    ]);
  });

  it('is not asked at an address that is none', async () => {
    const { asked, tools } = provider('not an address');
    await expect(askGithubToken(tools, 'a')).rejects.toMatchObject({ code: 'no-identity-token' });
    expect(asked).toEqual([]);
  });

  it('shows nothing of a credential that it sends back', async () => {
    for (const status of [200, 403, 500]) {
      const { tools } = provider('https://x.test/', status, 'no: Bearer the credential, no');
      await expect(askGithubToken(tools, 'a')).rejects.toMatchObject({
        message: expect.not.stringContaining('the credential'),
      });
    }
  });

  it.each([
    [403, 'The job is PENDING', true],
    [403, 'forbidden', false],
    [404, 'pending', false],
    [200, 'pending', false],
  ])('%i "%s" may pass: %s', async (status, body, passing) => {
    const { asked, tools } = provider('https://x.test/', status, body);
    await askGithubToken(tools, 'a').catch(() => {});
    const response = { status, headers: {}, body: Buffer.from(body), url: new URL('https://x') };
    expect(asked[0]?.mayPass?.(response)).toBe(passing);
  });
});
