import { describe, expect, it } from 'vitest';
import {
  commentBody,
  failureCommentBody,
  mostCommentCharacters,
  nothingCommentBody,
} from '../../src/edges/report/comment-body.ts';
import type { VerifyResult } from '../../src/engine/verify-result.ts';
import type { Digest } from '../../src/image/digest.ts';

const digest = `sha256:${'a'.repeat(64)}` as Digest;
const result = (name: string, change: Partial<VerifyResult> = {}): VerifyResult => ({
  image: `${name}@${digest}`,
  references: [name],
  digest,
  partOf: [],
  asked: true,
  verified: false,
  code: 'unsigned',
  reason: 'No signature of this image was found.',
  signatures: [],
  ...change,
});
const marker = '<!-- sign-image/verify 0 -->';
const setting = {
  env: {
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'acme/app',
    GITHUB_RUN_ID: '4711',
    GITHUB_ACTION_REPOSITORY: 'acme/sign-image',
    GITHUB_ACTION_REF: 'v1',
  },
};

describe('the comment on a pull request', () => {
  it('starts with its marker; what fails stands first, with its places', () => {
    const sources = Array.from({ length: 7 }, (_, index) => ({
      reference: 'ghcr.io/acme/bad:1',
      file: 'deploy/a.yaml',
      line: index + 1,
    }));
    const body = commentBody(
      [result('ghcr.io/acme/good', { verified: true }), result('ghcr.io/acme/bad:1', { sources })],
      marker,
      setting,
    );
    expect(body).toMatch(
      /^<!-- sign-image\/verify 0 -->\n\n### ❌ 1 of 2 images does not verify\n/,
    );
    expect(body.indexOf('acme/bad')).toBeLessThan(body.indexOf('acme/good'));
    expect(body).toContain('<code>deploy/a.yaml:5</code> · and 2 more places');
    expect(body).toContain('<summary>1 image verified</summary>');
  });

  it('a text out of a file is only text: no HTML, no Markdown, no mention, no link', () => {
    const reason =
      '`<img src=x>` says @acme/team #12 https://evil.example www.evil.example </td>\n\n# title [a](b) --> <!--';
    const body = commentBody([result('<b>@team</b>\n\n| x', { reason })], marker, setting);
    expect(body).toContain(
      '<code>&lt;img src=x&gt;</code> says <code>@acme/team</code> <code>#12</code> <code>https://evil.example</code> <code>www.evil.example</code> &lt;/td&gt;',
    );
    expect(body).toContain('<code>&lt;b&gt;@team&lt;/b&gt;\\u000a\\u000a| x</code>');
    // A blank line would end the HTML block; what follows would be Markdown.
    expect(body.split('\n\n')).toHaveLength(4);
  });

  it.each([1, 70, 300, 3000])('%i images with long texts fit into a comment', (count) => {
    const all = Array.from({ length: count }, (_, index) =>
      result(`ghcr.io/acme/${'x'.repeat(200)}${index}`, { reason: '@'.repeat(1400) }),
    );
    const body = commentBody(all, marker, setting);
    expect(body.length).toBeLessThanOrEqual(mostCommentCharacters);
    expect(body).toContain(`${count} of ${count} image`);
  });

  it('an index whose platforms do not all verify is not among the good ones', () => {
    const index = result('ghcr.io/acme/app', { verified: true });
    const platform = result('ghcr.io/acme/app', {
      image: 'ghcr.io/acme/app@sha256:b',
      asked: false,
      partOf: [index.image],
      code: 'wrong-key',
    });
    expect(commentBody([index, platform], marker, setting)).toContain('<code>wrong-key</code>');
  });

  it('says plainly that nothing was judged', () => {
    const run =
      '<p><a href="https://github.com/acme/app/actions/runs/4711">The run and its summary</a></p>';
    expect(nothingCommentBody('See @mona <b>', marker, setting)).toBe(
      `${marker}\n\n### ✅ No image to verify\n\n<p>See <code>@mona</code> &lt;b&gt;</p>\n\n${run}`,
    );
    const failure = { code: 'bad-input', message: 'No `key` by @mona.', fix: 'Add it.' };
    const chapter = 'https://github.com/acme/sign-image/blob/v1/docs/troubleshooting.md#bad-input';
    expect(failureCommentBody(failure, marker, setting)).toBe(
      `${marker}\n\n### ❌ Nothing was verified\n\n<blockquote>❌ <b>No <code>key</code> by <code>@mona</code>.</b> <a href="${chapter}"><code>bad-input</code></a><br>👉 Add it.</blockquote>\n\n${run}`,
    );
  });

  it('has no table, and whole digests nowhere in sight: it is read on a telephone', () => {
    const all = [result('ghcr.io/acme/good', { verified: true }), result('ghcr.io/acme/bad:1')];
    const body = commentBody(all, marker, setting);
    expect(body).not.toContain('<table');
    expect(body).toContain(`<code>${digest.slice(0, 19)}</code>`);
    expect(body).not.toContain(digest);
  });
});
