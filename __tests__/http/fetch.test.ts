import { getOctokit } from '@actions/github';
import { describe, expect, it } from 'vitest';
import { openGithub } from '../../src/edges/action/github-client.ts';
import { fetchOver } from '../../src/http/http.ts';
import { client, serve } from './server.ts';

describe('Octokit over the client of the run', () => {
  it('sends and reads what it would by itself', async () => {
    await using server = await serve((request, response, count) => {
      if (request.url?.startsWith('/moved'))
        return void response.writeHead(307, { location: '/repositories/1' }).end();
      if (request.method === 'DELETE') return void response.writeHead(204).end();
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.setHeader('x-count', String(count)).end(JSON.stringify({ grün: count }));
    });
    const { http } = client();
    const options = { baseUrl: server.origin };
    const clients = [
      openGithub('job-token', { env: { GITHUB_API_URL: server.origin }, fetch: fetchOver(http) }),
      getOctokit('job-token', options),
    ];
    const answers = [];
    for (const octokit of clients) {
      const seen = [];
      for (const [route, body] of [
        ['GET /plain', { q: 'a b' }],
        ['GET /moved', {}],
        ['POST /comments', { body: 'ein grüner Text' }],
        ['DELETE /comments', {}],
      ] as const) {
        const { status, data, headers } = await octokit.request(route, body);
        seen.push([status, Object.keys(Object(data)), headers['content-type']]);
      }
      answers.push(seen);
    }
    expect(answers[0]).toEqual(answers[1]);
    const asked = server.requests.map(({ method, url, headers, body }) => [
      method,
      url,
      body,
      headers.authorization,
      headers.accept,
      headers['content-type'],
    ]);
    expect(asked.slice(0, asked.length / 2)).toEqual(asked.slice(asked.length / 2));
    http.close();
  });

  it('throws the status of a refusal, and the Failure of a host that gives no answer', async () => {
    const server = await serve((_, response) => void response.writeHead(403).end('{}'));
    const { http } = client();
    const env = { GITHUB_API_URL: server.origin };
    const octokit = openGithub('job-token', { env, fetch: fetchOver(http) });
    await expect(octokit.request('GET /x')).rejects.toMatchObject({ status: 403 });
    await server[Symbol.asyncDispose]();
    await expect(octokit.request('GET /x')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('refused the connection'),
    });
    http.close();
  });

  it('ends with the signal of a request', async () => {
    await using server = await serve(() => {});
    const { http } = client();
    const controller = new AbortController();
    const asked = fetchOver(http)(server.origin, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    http.close();
  });
});
