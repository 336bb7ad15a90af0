import { describe, expect, it } from 'vitest';
import {
  commentBody,
  mostCommentCharacters,
  plainCommentBody,
} from '../../src/action/comment-body.ts';
import type { Digest } from '../../src/image/digest.ts';
import type { VerifyResult } from '../../src/verifying/result.ts';

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
      undefined,
    );
    expect(body).toMatch(
      /^<!-- sign-image\/verify 0 -->\n\n### ❌ 1 of 2 images does not verify\n/,
    );
    expect(body.indexOf('acme/bad')).toBeLessThan(body.indexOf('acme/good'));
    expect(body).toContain('<code>deploy/a.yaml:5</code><br>and 2 more places');
    expect(body).toContain('<summary>1 image verified</summary>');
  });

  it('a text out of a file is only text: no HTML, no Markdown, no mention, no link', () => {
    const reason =
      '`<img src=x>` says @acme/team #12 https://evil.example www.evil.example </td>\n\n# title [a](b) --> <!--';
    const body = commentBody([result('<b>@team</b>\n\n| x', { reason })], marker, undefined);
    expect(body).toContain(
      '<code>&lt;img src=x&gt;</code> says <code>@acme/team</code> <code>#12</code> <code>https://evil.example</code> <code>www.evil.example</code> &lt;/td&gt;',
    );
    expect(body).toContain('<code>&lt;b&gt;@team&lt;/b&gt;\\u000a\\u000a| x</code>');
    // A blank line would end the HTML block; what follows would be Markdown.
    expect(body.split('\n\n')).toHaveLength(3);
  });

  it.each([1, 70, 300, 3000])('%i images with long texts fit into a comment', (count) => {
    const all = Array.from({ length: count }, (_, index) =>
      result(`ghcr.io/acme/${'x'.repeat(200)}${index}`, { reason: '@'.repeat(1400) }),
    );
    const body = commentBody(all, marker, 'https://github.com/acme/app/actions/runs/1');
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
    expect(commentBody([index, platform], marker, undefined)).toContain('<code>wrong-key</code>');
  });

  it('says plainly that nothing was judged', () => {
    expect(plainCommentBody('❌ Nothing was verified', 'See @mona <b>', marker)).toBe(
      `${marker}\n\n### ❌ Nothing was verified\n\n<p>See <code>@mona</code> &lt;b&gt;</p>`,
    );
  });
});
