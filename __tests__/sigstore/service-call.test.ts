import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Failure } from '../../src/failure.ts';
import type { Http, HttpRequest, HttpResponse } from '../../src/http/http.ts';
import {
  badAnswer,
  below,
  callService,
  jsonAnswer,
  refusalText,
} from '../../src/sigstore/service-call.ts';

const response = (status: number, body: string, attempts?: number): HttpResponse => ({
  status,
  headers: {},
  body: Buffer.from(body),
  url: new URL('https://rekor.example'),
  ...(attempts === undefined ? {} : { attempts }),
});
const serviceWith = (http: Http, retryBudget = () => 100) =>
  ({
    name: 'the log',
    code: 'rekor-error',
    url: new URL('https://rekor.example/base/'),
    http,
    clock: systemClock,
    retryBudget,
  }) as const;
const get = {
  method: 'GET',
  path: 'api/v1/log',
  accept: 'application/json',
  maxBytes: 10,
} as const;

describe('a call of a service', () => {
  it('goes below its address, is never redirected, and never waits a negative time', async () => {
    const asked: HttpRequest[] = [];
    const http: Http = async (request) => {
      asked.push(request);
      return response(204, '');
    };
    const service = serviceWith(http, () => -5);
    await callService(service, get);
    await callService(service, {
      method: 'POST',
      accept: 'a/b',
      contentType: 'c/d',
      body: Buffer.of(1),
      maxBytes: 1,
      timeout: 7,
    });
    expect(asked).toEqual([
      {
        method: 'GET',
        url: new URL('https://rekor.example/base/api/v1/log'),
        headers: { accept: 'application/json' },
        maxBytes: 10,
        retryBudget: 0,
        redirect: 'manual',
      },
      {
        method: 'POST',
        url: new URL('https://rekor.example/base/'),
        headers: { accept: 'a/b', 'content-type': 'c/d' },
        maxBytes: 1,
        retryBudget: 0,
        redirect: 'manual',
        body: Buffer.of(1),
        timeout: 7,
      },
    ]);
  });

  it.each([200, 201, 302, 400, 401, 404, 409, 422])(
    'gives an answer with status %i to the caller',
    async (status) => {
      expect(
        (
          await callService(
            serviceWith(async () => response(status, 'x')),
            get,
          )
        ).status,
      ).toBe(status);
    },
  );

  it.each([
    [408, undefined, /^The log at https:\/\/rekor\.example answered 408 for 0\.0 s: busy$/],
    [429, 1, /answered 429 for 0\.0 s, asked once: busy$/],
    [500, 3, /answered 500 for 0\.0 s, asked 3 times: busy$/],
    [503, 12, /answered 503 for 0\.0 s, asked 12 times: busy$/],
  ])('fails with status %i, and says how often it was tried', async (status, attempts, message) => {
    await expect(
      callService(
        serviceWith(async () => response(status, 'busy', attempts)),
        get,
      ),
    ).rejects.toMatchObject({ code: 'rekor-error', message: expect.stringMatching(message) });
  });

  it('fails with its own code where there is no answer, and keeps the cause', async () => {
    const cause = new Failure(
      'timeout',
      'The time of the step is used up (300 s).',
      'Give it more.',
    );
    await expect(
      callService(
        serviceWith(() => Promise.reject(cause)),
        get,
      ),
    ).rejects.toMatchObject({
      code: 'rekor-error',
      message:
        'The log at https://rekor.example gave no usable answer in 0.0 s: The time of the step is used up (300 s).',
      cause,
    });
  });
});

it.each([
  ['https://a.example', 'https://a.example/x/y'],
  ['https://a.example/', 'https://a.example/x/y'],
  ['https://a.example/base', 'https://a.example/base/x/y'],
  ['https://a.example/base//', 'https://a.example/base/x/y'],
])('below %s lies %s', (base, expected) => {
  expect(below(new URL(base), 'x/y').href).toBe(expected);
});

describe('what a service says about a refusal', () => {
  const jwt = `${'h'.repeat(30)}.${'p'.repeat(200)}.${'s'.repeat(40)}`;
  it.each([
    ['is the message of its JSON', '{"code":3,"message":"bad request"}', 'bad request'],
    ['is its text', 'page not found\n', 'page not found'],
    [
      'is one line without control characters',
      'a\n::error::b\u001b[31m\u0000c',
      'a ::error::b\\u001b[31m\\u0000c',
    ],
    ['is cut', 'word '.repeat(100), `${'word '.repeat(40)}…`],
    ['never holds a token', `token ${jwt} is bad`, 'token … is bad'],
    ['never holds half a token', `token ${'p'.repeat(100)}`, 'token …'],
    ['may be nothing', '', ''],
    ['is the JSON itself where it has no message', '{"error":7}', '{"error":7}'],
  ])('%s', (_what, body, expected) => {
    expect(refusalText(response(400, body))).toBe(expected);
  });
});

it('an answer that cannot be used is told with what to check', () => {
  const service = serviceWith(async () => response(200, ''));
  expect(jsonAnswer(service, response(200, '{"a":1}'))).toEqual({ a: 1 });
  expect(() => jsonAnswer(service, response(200, '{"a":1,"a":2}'))).toThrow(
    'the key "a" stands in one object twice',
  );
  expect(badAnswer(service, 'it is a poem.').message).toBe(
    'The answer of the log at https://rekor.example cannot be used: it is a poem.',
  );
});
