import { describe, expect, it } from 'vitest';
import { namesInWords, tagNotice, tagWarning } from '../../src/edges/report/image-words.ts';
import { secondsInWords } from '../../src/edges/report/list-words.ts';
import { shortSigner, signedBy, signerInWords } from '../../src/edges/report/signer-words.ts';

const at = (ref: string, host = 'github.com') =>
  `https://${host}/acme/app/.github/workflows/release.yml@${ref}`;

describe('a signer in words', () => {
  it.each([
    [at('refs/heads/main'), 'release.yml of acme/app at main'],
    [at('refs/tags/v1.2.0'), 'release.yml of acme/app at tag v1.2.0'],
    [at('refs/pull/7/merge'), 'release.yml of acme/app at refs/pull/7/merge'],
    [at('refs/heads/refs/tags/v1'), 'release.yml of acme/app at refs/heads/refs/tags/v1'],
    ['release@acme.example', 'release@acme.example'],
  ])('%s', (identity, words) => expect(shortSigner({ identity })).toBe(words));

  it('is of another server where it is, and never shows a path that reads like a sentence', () => {
    expect(signerInWords({ identity: at('refs/heads/main', 'evil.example') })).toBe(
      'workflow release.yml of evil.example/acme/app at refs/heads/main',
    );
    const spoken = 'https://github.com/x/y/.github/workflows/a.yml of acme/app at main, as@r';
    expect(signerInWords({ identity: spoken })).toBe(spoken);
  });

  it('is said once for many images', () => {
    const main = { identity: at('refs/heads/main'), issuer: 'i' };
    const key = { keyId: 'hXQ0Gm3m0sZ3rJ2pF1oH1m0pW4qPZt2b8d0y7c9uM5A=' };
    expect([[main, main], [key], [main, key], []].map(signedBy)).toEqual([
      'Signed by release.yml of acme/app at main',
      'Signed with key hXQ0Gm3m0sZ3…',
      'Signed by 2 signers',
      'Signed',
    ]);
  });
});

it('all names of a digest stand in one line, the repository once', () => {
  const names = ['r.io/a/b:1@sha256:00', 'r.io/a/b:2', 'r.io/a/b:1', 'r.io:5000/c', 'r.io/a/b:3'];
  expect(namesInWords(names, 'x')).toBe('r.io/a/b:1, :2, r.io:5000/c, r.io/a/b:3');
  const many = Array.from({ length: 30 }, (_, tag) => `r.io/a/b:${tag}`);
  expect(namesInWords(many, 'x')).toMatch(/:19 and 10 more$/);
  expect(namesInWords([], 'r.io/a/b@sha256:00')).toBe('r.io/a/b');
});

it('ten bare tags are one warning', () => {
  const tags = Array.from({ length: 10 }, (_, tag) => ({ reference: `a:${tag}`, digest: 'd' }));
  expect(tagWarning(tags)).toMatch(/^a:0, a:1, a:2 and 7 more are tags, and tags can move/);
  expect(tagNotice(tags)).toMatch(/^a:0, a:1, a:2 and 7 more are tags, and tags can move/);
  expect(tagWarning(tags.slice(0, 1))).toMatch(/^a:0 is a tag, .* it was d just now\. Add `digest/);
});

it.each([
  [40, '0.1 s'],
  [430, '0.4 s'],
  [2_600, '3 s'],
  [125_000, '2 min 5 s'],
])('%i ms is %s', (milliseconds, words) => expect(secondsInWords(milliseconds)).toBe(words));
