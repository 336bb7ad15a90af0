import { compilePattern } from '../../src/signature/pattern.ts';
import type { GithubClaims, Matcher, SourceClaims } from '../../src/signature/policy.ts';
import { extension, nameOf } from '../sandbox/sigstore/certificates.ts';
import { context, implicit, oid, sequence, tlv, utf8String } from '../sandbox/sigstore/der.ts';
import { type Attack, made } from './attack.ts';
import { leaf } from './cases-certificate.ts';
import { email, identity, issuer, issuerV1, issuerV2, uri } from './forge.ts';
import type { Wish } from './material.ts';

interface Claims {
  readonly github?: GithubClaims;
  readonly source?: SourceClaims;
}

const untrusted = 'untrusted-certificate';
const arc = '1.3.6.1.4.1.57264.1';
const username = (text: string | Buffer): Buffer =>
  context(0, oid(`${arc}.7`), context(0, Buffer.isBuffer(text) ? text : utf8String(text)));
const wanting = (
  identities: readonly Matcher[],
  issuers: readonly { exact: string }[] = [{ exact: issuer }],
) => ({
  policy: () => ({ signers: [{ identities, issuers }] as const }),
});

const claimed: Pick<Attack, 'policy'> = {
  policy: () => ({
    signers: [
      {
        identities: [{ exact: identity }],
        issuers: [{ exact: issuer }],
        github: { repository: 'acme/app' },
      },
    ],
  }),
};
/** What the certificate says, beside what is asked of it; all names are those of the honest one. */
const sameNames = (more: readonly Buffer[]): Wish => ({
  leaf: {
    more: [
      claim(12, 'https://github.com/acme/app'),
      claim(16, 'https://github.com/acme'),
      claim(18, identity),
      ...more,
    ],
  },
});
const asking = (claims: Claims): Pick<Attack, 'policy'> => ({
  policy: () => ({
    signers: [{ identities: [{ exact: identity }], issuers: [{ exact: issuer }], ...claims }],
  }),
});
const gitlab = {
  name: 'https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main',
  issuer: 'https://gitlab.com',
};
const onGitlab = (more: readonly Buffer[]): Wish => ({
  leaf: { names: [uri(gitlab.name)], issuer: [issuerV2(gitlab.issuer)], more },
});
const askingGitlab = (source: SourceClaims): Pick<Attack, 'policy'> => ({
  policy: () => ({
    signers: [
      { identities: [{ exact: gitlab.name }], issuers: [{ exact: gitlab.issuer }], source },
    ],
  }),
});
const twisted = (text: string): string => text.replace('acme', '\u0430cme');

/** Who signed: names that are nearly right, or right in the wrong place. */
export const identityCases: readonly Attack[] = [
  leaf('another identity', 'wrong-identity', { names: [uri(identity.replace('acme', 'evil'))] }),
  leaf('the identity with more behind it', 'wrong-identity', { names: [uri(`${identity}-evil`)] }),
  leaf('the identity with more before it', 'wrong-identity', {
    names: [uri(`https://evil.test/?${identity}`)],
  }),
  leaf('the identity on another branch', 'wrong-identity', {
    names: [uri(identity.replace('heads/main', 'heads/fork'))],
  }),
  leaf('the identity of a tag with the branch\u2019s name', 'wrong-identity', {
    names: [uri(identity.replace('heads/main', 'tags/main'))],
  }),
  leaf('the identity in another case', 'wrong-identity', {
    names: [uri(identity.replace('acme', 'Acme'))],
  }),
  leaf('the identity percent-encoded', 'wrong-identity', {
    names: [uri(identity.replace('acme', '%61cme'))],
  }),
  leaf('the identity with a dot segment', 'wrong-identity', {
    names: [uri(identity.replace('/acme', '/evil/../acme'))],
  }),
  leaf('the identity as an e-mail address', 'wrong-identity', {
    names: [email('release@acme.test')],
  }),
  leaf('a Cyrillic letter in a user name', 'wrong-identity', {
    names: [username(twisted(identity))],
  }),
  leaf('a Cyrillic letter in a URI', untrusted, { names: [uri(twisted(identity))] }),
  leaf('a letter with the eighth bit set', untrusted, {
    names: [uri(Buffer.from(identity.replace('acme', '\u00e1cme'), 'latin1'))],
  }),
  leaf('NUL and more behind the identity', untrusted, { names: [uri(`${identity}\0.evil.test`)] }),
  leaf('a line break in the identity', untrusted, { names: [uri(`${identity}\n`)] }),
  leaf('NUL in a user name', untrusted, { names: [username(`${identity}\0`)] }),
  leaf('a line break and a workflow command in a user name', untrusted, {
    names: [username('x\n::add-path::/tmp')],
  }),
  leaf('a user name that is not UTF-8', 'malformed', {
    names: [username(tlv(0x0c, Buffer.from([0x61, 0xff])))],
  }),
  leaf('a user name that is no text', untrusted, {
    names: [username(tlv(0x16, Buffer.from(identity)))],
  }),
  leaf('an other name of another kind', untrusted, {
    names: [context(0, oid('1.3.6.1.4.1.311.20.2.3'), context(0, utf8String(identity)))],
  }),
  leaf('the identity as a host name', untrusted, { names: [implicit(2, Buffer.from(identity))] }),
  leaf('the identity as a directory name', untrusted, {
    names: [context(4, nameOf('sandbox.test', identity))],
  }),
  leaf('the identity in the common name, another in the SAN', 'wrong-identity', {
    subject: nameOf('sandbox.test', identity),
    names: [uri('https://evil.test/x')],
  }),
  leaf('the identity in the common name alone', untrusted, {
    subject: nameOf('sandbox.test', identity),
    names: [],
  }),
  leaf('two names, the wanted first', untrusted, {
    names: [uri(identity), uri('https://evil.test/x')],
  }),
  leaf('two names, the wanted second', untrusted, {
    names: [uri('https://evil.test/x'), uri(identity)],
  }),
  leaf('the wanted name twice', untrusted, { names: [uri(identity), uri(identity)] }),
  leaf('two SAN extensions', untrusted, {
    more: [extension('2.5.29.17', sequence(uri(identity)))],
  }),
  leaf('a name of 20,000 letters', untrusted, {
    names: [uri(`https://evil.test/${'a'.repeat(20_000)}`)],
  }),
  leaf('another issuer', 'wrong-issuer', {
    issuer: [issuerV1('https://evil.test'), issuerV2('https://evil.test')],
  }),
  leaf('an issuer with more behind it', 'wrong-issuer', {
    issuer: [issuerV2(`${issuer}.evil.test`)],
  }),
  leaf('an issuer with a slash behind it', 'wrong-issuer', { issuer: [issuerV2(`${issuer}/`)] }),
  leaf('two issuers, the old field right', untrusted, {
    issuer: [issuerV1(issuer), issuerV2('https://evil.test')],
  }),
  leaf('two issuers, the new field right', untrusted, {
    issuer: [issuerV1('https://evil.test'), issuerV2(issuer)],
  }),
  leaf('no issuer', untrusted, { issuer: [] }),
  leaf('an empty issuer', untrusted, { issuer: [issuerV2('')] }),
  leaf('an issuer with control characters', untrusted, {
    issuer: [issuerV2('https://evil.test\n::error::x')],
  }),
  leaf('an issuer in another encoding', untrusted, {
    issuer: [extension(`${arc}.8`, tlv(0x1e, Buffer.from(issuer, 'utf16le').swap16()))],
  }),
  made(
    'a part of the identity for a pattern',
    'wrong-identity',
    () => ({ leaf: { names: [uri(`${identity}/evil`)] } }),
    {},
    wanting([{ pattern: compilePattern('https://github\\.com/acme/app/.*@refs/heads/main') }]),
  ),
  made(
    'an alternative in a pattern that escapes its anchors',
    'wrong-identity',
    () => ({ leaf: { names: [uri('https://evil.test/b')] } }),
    { leaf: { names: [uri('https://acme.test/a')] } },
    wanting([{ pattern: compilePattern('https://acme\\.test/a|b') }]),
  ),
  made(
    'a dot in an exact identity',
    'wrong-identity',
    () => ({ leaf: { names: [uri(identity.replace('github.com', 'githubxcom'))] } }),
    {},
    wanting([{ exact: identity }]),
  ),
  made(
    'identity of one rule and issuer of another',
    'wrong-issuer',
    () => ({ leaf: { issuer: [issuerV2('https://other.test')] } }),
    {},
    {
      policy: () => ({
        signers: [
          { identities: [{ exact: identity }], issuers: [{ exact: issuer }] },
          {
            identities: [{ exact: 'https://other.test/x' }],
            issuers: [{ exact: 'https://other.test' }],
          },
        ],
      }),
    },
  ),
  made(
    'a certificate of another repository that calls the same workflow',
    'wrong-claim',
    () => ({ leaf: { more: [claim(12, 'https://github.com/evil/app')] } }),
    { leaf: { more: [claim(12, 'https://github.com/acme/app')] } },
    claimed,
  ),
  made(
    'the same repository on another server',
    'wrong-claim',
    () => ({ leaf: { more: [claim(12, 'https://github.com.evil.test/acme/app')] } }),
    { leaf: { more: [claim(12, 'https://github.com/acme/app')] } },
    claimed,
  ),
  made(
    'no claim where one is wanted',
    'wrong-claim',
    () => ({ leaf: {} }),
    { leaf: { more: [claim(12, 'https://github.com/acme/app')] } },
    claimed,
  ),
  // Somebody takes the name of a deleted account, with a repository and a workflow of the old names.
  made(
    'an abandoned name, taken by somebody else: all names right, another repository id',
    'wrong-claim',
    () => sameNames([claim(15, '999999999'), claim(17, '42')]),
    sameNames([claim(15, '123456789'), claim(17, '42')]),
    asking({ github: { repository: 'acme/app', repositoryId: '123456789' } }),
  ),
  made(
    'an abandoned name, taken by somebody else: all names right, another owner id',
    'wrong-claim',
    () => sameNames([claim(15, '123456789'), claim(17, '9042')]),
    sameNames([claim(15, '123456789'), claim(17, '42')]),
    asking({ github: { repositoryOwnerId: '42' } }),
  ),
  made(
    'an id that only begins right',
    'wrong-claim',
    () => sameNames([claim(15, '1234567890')]),
    sameNames([claim(15, '123456789')]),
    asking({ github: { repositoryId: '123456789' } }),
  ),
  made(
    'an id with a zero in front',
    'wrong-claim',
    () => sameNames([claim(15, '0123456789')]),
    sameNames([claim(15, '123456789')]),
    asking({ github: { repositoryId: '123456789' } }),
  ),
  made(
    'no id where one is asked for',
    'wrong-claim',
    () => sameNames([]),
    sameNames([claim(15, '123456789')]),
    asking({ github: { repositoryId: '123456789' } }),
  ),
  made(
    'the id of the owner where the id of the repository is asked for',
    'wrong-claim',
    () => sameNames([claim(17, '123456789')]),
    sameNames([claim(15, '123456789')]),
    asking({ github: { repositoryId: '123456789' } }),
  ),
  made(
    'an id that stands there twice, first the right one',
    untrusted,
    () => sameNames([claim(15, '123456789'), claim(15, '999999999')]),
    sameNames([claim(15, '123456789')]),
    asking({ github: { repositoryId: '123456789' } }),
  ),
  made(
    'an id in bare bytes, as the oldest extensions are written',
    'malformed',
    () => sameNames([extension(`${arc}.15`, Buffer.from('123456789'))]),
    sameNames([claim(15, '123456789')]),
    asking({ github: { repositoryId: '123456789' } }),
  ),
  made(
    'a job of another deployment environment',
    'wrong-claim',
    () => sameNames([claim(23, 'staging')]),
    sameNames([claim(23, 'production')]),
    asking({ github: { environment: 'production' } }),
  ),
  made(
    'a workflow file of another commit',
    'wrong-claim',
    () => sameNames([claim(19, 'b'.repeat(40)), claim(13, 'a'.repeat(40))]),
    sameNames([claim(19, 'a'.repeat(40)), claim(13, 'a'.repeat(40))]),
    asking({ github: { workflowSha: 'a'.repeat(40) } }),
  ),
  made(
    'numbers of one rule and names of another',
    'wrong-claim',
    () => sameNames([claim(15, '2')]),
    sameNames([claim(15, '1')]),
    {
      policy: () => ({
        signers: [
          {
            identities: [{ exact: identity }],
            issuers: [{ exact: issuer }],
            github: { repositoryId: '1' },
          },
          {
            identities: [{ exact: 'https://other.test/x' }],
            issuers: [{ exact: issuer }],
            github: { repositoryId: '2' },
          },
        ],
      }),
    },
  ),
  ...sourceCases(),
];

/** What is asked of every issuer: each claim of a GitLab build, and a wrong one beside the right. */
function sourceCases(): readonly Attack[] {
  const rows = [
    ['repository', 12, 'https://gitlab.com/acme/app', 'https://gitlab.com/evil/app'],
    ['ref', 14, 'refs/heads/main', 'refs/heads/main2'],
    ['sha', 13, 'a'.repeat(40), 'b'.repeat(40)],
    ['buildConfig', 18, gitlab.name, gitlab.name.replace('.gitlab-ci', 'evil')],
    ['buildTrigger', 20, 'push', 'merge_request_event'],
    ['runnerEnvironment', 11, 'gitlab-hosted', 'self-hosted'],
  ] as const;
  return rows.flatMap(([name, number, right, wrong]) => [
    made(
      `a build of another ${name} on GitLab`,
      'wrong-claim',
      () => onGitlab([claim(number, wrong)]),
      onGitlab([claim(number, right)]),
      askingGitlab({ [name]: right }),
    ),
    made(
      `a build on GitLab that says nothing of its ${name}`,
      'wrong-claim',
      () => onGitlab([claim(21, right)]),
      onGitlab([claim(number, right)]),
      askingGitlab({ [name]: right }),
    ),
  ]);
}

function claim(number: number, text: string): Buffer {
  return extension(`${arc}.${number}`, utf8String(text));
}
