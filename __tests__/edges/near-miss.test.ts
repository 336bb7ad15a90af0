// Near misses of a signer: each as a person writes it, beside the stranger for whom nothing may be
// advised.
import { describe, expect, it } from 'vitest';
import { nearIdentity } from '../../src/edges/report/near-identity.ts';
import {
  identityNames,
  issuerNames,
  type NearMiss,
  nearIssuer,
  nearPattern,
} from '../../src/edges/report/near-miss.ts';
import { compilePattern } from '../../src/signature/pattern.ts';

const at = (ref: string, path = 'acme/app/.github/workflows/release.yml') =>
  `https://github.com/${path}@${ref}`;
const main = at('refs/heads/main');
const tag = at('refs/tags/v1.2.0');
const tags =
  'certificate-identity-regexp: https://github\\.com/acme/app/\\.github/workflows/release\\.yml@refs/tags/v[0-9].*';

const told = (miss: NearMiss | undefined) =>
  miss === undefined ? undefined : [miss.sentence, ...(miss.yaml ?? [])].join('\n');

describe('an exact identity', () => {
  it.each<[string, string, string, string, string?]>([
    ['has a star', main.replace('main', '*'), main, '`*` stands for itself', 'regexp: '],
    ['is a pattern', main.replaceAll('.', '\\.'), main, 'goes into `certificate-identity-regexp`'],
    ['is two', `${tag}, ${main}`, main, 'a line of its own', 'certificate-identity: |\n  https'],
    ['has no scheme', main.replace('https://', ''), main, 'the whole address', `: ${main}`],
    ['has no host', main.replace('https://github.com/', ''), main, 'the whole address'],
    ['ends with a slash', `${main}/`, main, 'nothing behind', `: ${main}`],
    ['is a repository', 'acme/app', main, 'A repository is no identity', `: ${main}`],
    ['is an address of a repository', 'https://github.com/Acme/app', tag, 'no identity', tags],
    ['has no ref', main.replace(/@.*/, ''), main, 'has none', `: ${main}`],
    ['has no ref, and a tag signed', main.replace(/@.*/, ''), tag, 'has none', tags],
    ['has a short branch', at('main'), main, '`@refs/heads/main` in place of `@main`', `: ${main}`],
    ['has a short tag', at('v1.2.0'), tag, '`@refs/tags/v1.2.0`', `: ${tag}`],
    ['has the owner in another case', main.replace('acme', 'Acme'), main, 'case', `: ${main}`],
    ['names a branch, and a tag signed', main, tag, 'names a branch', tags],
    [
      'is the address of a page',
      'https://github.com/acme/app/blob/main/.github/workflows/release.yml',
      main,
      'the address of a page',
      `: ${main}`,
    ],
    ['is the subject of a token', 'repo:acme/app:ref:refs/heads/main', main, 'the subject'],
  ])('%s', (_, written, found, sentence, yaml = '') => {
    const text = told(nearIdentity(written, found));
    expect(text).toContain(sentence);
    expect(text).toContain(yaml);
  });

  it('is the workflow that called the one that signed', () => {
    const called = at('refs/tags/v3', 'acme/shared/.github/workflows/sign.yml');
    const workflowRef = main.replace('https://github.com/', '');
    expect(nearIdentity(main, called, { workflowRef })?.yaml).toEqual([
      `certificate-identity: ${called}`,
      `github-workflow-ref: ${workflowRef}`,
    ]);
    const other = { workflowRef: workflowRef.replace('acme', 'evil') };
    expect(nearIdentity(main, called, other)).toBeUndefined();
  });

  it.each<[string, string, string]>([
    ['a stranger', main, main.replace('acme', 'evil')],
    ['an owner of a longer name', main, main.replace('acme', 'acme-evil')],
    ['another repository of the owner', main, main.replace('app', 'web')],
    ['another workflow of the repository', main, main.replace('release', 'test')],
    ['a star, and a stranger', main.replace('main', '*'), main.replace('acme', 'evil')],
    ['a repository, and one of a longer name', 'acme/app', main.replace('app', 'app-evil')],
    ['the Kelvin sign for a k', main.replace('acme', 'kilo'), main.replace('acme', '\u212ailo')],
    ['two, and a third', `${tag}, ${main}`, main.replace('acme', 'evil')],
    ['a page of another repository', 'https://github.com/a/b', main],
  ])('says nothing of %s', (_, written, found) =>
    expect(nearIdentity(written, found)).toBeUndefined(),
  );

  it.each<[string, string, string]>([
    ['another branch', main, at('refs/heads/evil')],
    ['a pull request', main, at('refs/pull/7/merge')],
    ['no ref, and a branch of anybody', main.replace(/@.*/, ''), at('refs/heads/evil')],
    ['a repository, and a branch of anybody', 'acme/app', at('refs/heads/evil')],
    ['a version, and a branch of that name', at('v1'), at('refs/heads/v1')],
    ['a tag that is no version', main, at('refs/tags/evil')],
    ['a branch in another case', main, at('refs/heads/Main')],
    ['a star alone', '*', main],
  ])('gives no YAML for %s', (_, written, found) =>
    expect(nearIdentity(written, found)?.yaml).toBeUndefined(),
  );
});

describe('a pattern', () => {
  const start = '^https://github.com/acme/';
  it.each<[string, string, string, string]>([
    ['of a habit with cosign', start, 'append `.*`', `${start}.*`],
    ['that ends with a name', '^https://github.com/acme', 'append `/.*`', '/acme/.*'],
    ['that ends with the file', main.replace(/@.*/, ''), 'append `@.*`', '.yml@.*'],
    ['with alternatives', `${start}|https://gitlab.com/acme/`, 'append', '(?:^https://github'],
    ['in slashes', `/${start}.*/`, 'slashes', `: ${start}.*`],
    ['in slashes, of a habit', `/${start}/`, 'append `.*`', `: ${start}.*`],
    ['in quotes', `"${start}.*"`, 'quotes', `: ${start}.*`],
    ['that is a glob', 'https://github.com/acme/*', 'any text is `.*`', 'acme/.*'],
  ])('%s', (_, written, sentence, yaml) => {
    const text = told(nearPattern(compilePattern(written), main, identityNames));
    expect(text).toContain(sentence);
    expect(text).toContain(yaml);
  });

  it.each<[string, string, string]>([
    ['a part in the middle', 'acme', 'must match the whole'],
    ['everybody of the issuer', '^https://github.com/', 'name the owner'],
    ['another case', 'https://github\\.com/Acme/.*', 'upper and lower case'],
    ['a longer name of an owner', '^https://github.com/ac', 'must match the whole'],
  ])('gives no YAML for %s', (_, written, sentence) => {
    const miss = nearPattern(compilePattern(written), main, identityNames);
    expect(miss?.sentence).toContain(sentence);
    expect(miss?.yaml).toBeUndefined();
  });

  it.each(['^https://gitlab.com/acme/', '(a+)+', '/x/'])('says no more of %j', (written) =>
    expect(nearPattern(compilePattern(written), main, identityNames)?.yaml).toBeUndefined(),
  );
});

describe('an issuer', () => {
  const issuer = 'https://token.actions.githubusercontent.com';
  it.each<[string, string]>([
    ['slash at the end', `${issuer}/`],
    ['`https://` in front', issuer.replace('https://', '')],
    ['upper and lower case', issuer.replace('token', 'Token')],
    ['a line of its own', `https://accounts.google.com,${issuer}`],
  ])('%s', (sentence, written) => {
    const text = told(nearIssuer(written, issuer));
    expect(text).toContain(sentence);
    expect(text).toContain(issuer);
  });

  it.each([
    ['another host', `${issuer}.evil.example`, issuer],
    ['another tenant of one server', 'https://id.example/Realm', 'https://id.example/realm'],
    ['plain http for https', 'https://id.example', 'http://id.example'],
  ])('says nothing of %s', (_, written, found) =>
    expect(nearIssuer(written, found)).toBeUndefined(),
  );

  it('as a pattern must match the whole, too', () =>
    expect(told(nearPattern(compilePattern('https://token'), issuer, issuerNames))).toContain(
      'whole',
    ));
});
