import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseReference } from '../../src/image/reference.ts';
import { isBefore, openList } from '../../src/signers/choose.ts';
import { isSignerList, readSignerLists } from '../../src/signers/own-lists.ts';
import { identityPattern, openKnownSigners } from '../../src/signers/require.ts';
import { growth } from '../growth.ts';

const github = 'https://token.actions.githubusercontent.com';
const head = 'apiVersion: sign-image/v1\nkind: KnownSigners\npublisher: Acme\n';
const signer = `identity: release@acme.example\n        issuer: ${github}`;
const entry = (fields: string, images = 'ghcr.io/acme/**') =>
  `${head}entries:\n  - images: ["${images}"]\n    ${fields}\n`;
const signed = (more = '') => entry(`${more}signers:\n      - ${signer}`);
const read = (...texts: string[]) =>
  readSignerLists(texts.map((text, index) => ({ path: `list-${index}.yaml`, text })));
const key = readFileSync(
  new URL('../fixtures/keys/release.pub', import.meta.url),
  'utf8',
).trimEnd();

describe('a list of one’s own', () => {
  it('is told apart from policies', () => {
    expect([signed(), 'kind: "KnownSigners"', '{"kind":"KnownSigners"}'].map(isSignerList)).toEqual(
      [true, true, true],
    );
    expect(
      ['kind: ClusterPolicy # KnownSigners', '# kind: KnownSigners'].map(isSignerList),
    ).toEqual([false, false]);
  });

  it('is read with all its fields', () =>
    expect(
      read(
        signed('since: v1.2.0\n    tags: ["v*"]\n    tlog: ignore\n    '),
        entry(`unsigned: It has none`, 'docker.io/library/*'),
      ).entries,
    ).toEqual([
      {
        publisher: 'Acme',
        images: ['ghcr.io/acme/**'],
        tags: ['v*'],
        since: 'v1.2.0',
        signers: [{ identity: 'release@acme.example', issuer: github }],
        tlog: 'ignore',
        sources: [],
      },
      {
        publisher: 'Acme',
        images: ['docker.io/library/*'],
        reason: 'It has none',
        sources: [],
      },
    ]));

  it.each([
    ['an unknown field', signed('sinse: v1\n    '), /line 6: `entries\[0\].sinse` is not a field/],
    ['a list of another version', signed().replace('/v1', '/v2'), /is "sign-image\/v2"/],
    ['no publisher', signed().replace('publisher: Acme\n', ''), /has no `publisher`/],
    ['nothing in it', head, /neither `entries` nor `mirrors`/],
    ['an entry without signers', entry('since: v1.0'), /says nothing of signatures/],
    ['an entry that says two things', signed('unsigned: none\n    '), /both signers and unsigned/],
    ['an empty list of signers', entry('signers: []'), /`entries\[0\].signers` is empty/],
    ['an empty field', signed('since:\n    '), /`entries\[0\].since` is empty/],
    ['a version that is none', signed('since: latest\n    '), /is no version/],
    ['a short name', signed().replace('ghcr.io/acme/**', 'acme/**'), /begins with no registry/],
    ['all registries', signed().replace('ghcr.io/acme/**', '**/app'), /does not begin with/],
    ['a name with a tag', signed().replace('acme/**', 'acme/app:v1'), /no glob of names/],
    ['an identity with a wildcard', signed().replace('release@', 're*@'), /has a wildcard/],
    ['no issuer', signed().replace(/\n +issuer.*/, ''), /has no issuer/],
    ['a claim without a value', `${signed()}        github-ref:\n`, /github-ref` is empty/],
    [
      'a claim that is none',
      `${signed()}        github-repo: a/b\n`,
      /github-repo` is not a field/,
    ],
    [
      'a key that is none',
      entry('signers:\n      - key: nonsense'),
      /key` holds no public key that can be used/,
    ],
    ['a mirror of nowhere', `${head}mirrors:\n  - at: r.example\n`, /has no `of`/],
    [
      'a mirror that is a glob',
      `${head}mirrors:\n  - at: r.example/**\n    of: docker.io\n`,
      /is no registry, or path/,
    ],
    [
      'a repository without registry',
      signed('signatures:\n      repository: acme/sigs\n    '),
      /whole name/,
    ],
    ['YAML that readers differ about', `${signed()}? *x : y\n`, /list-0.yaml, line/],
  ])('with %s is refused', (_, text, message) =>
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'bad-policy', message: expect.stringMatching(message) }),
    ),
  );

  it.each([
    ['anybody on GitHub', 'https://github.com/*/app/.github/workflows/release.yml@refs/heads/main'],
    ['a mailbox of anybody', '*@gmail.com'],
    [
      'a builder that all may use',
      'https://github.com/docker/github-builder/.github/workflows/bake.yml@refs/tags/v*',
    ],
  ])('that lets in %s is refused, unless a claim binds it', (_, identity) => {
    const issuer = identity.startsWith('*') ? 'https://accounts.google.com' : github;
    const text = entry(
      `signers:\n      - identity-pattern: "${identity}"\n        issuer: ${issuer}`,
    );
    expect(() => read(text)).toThrow(/matches .* of strangers|everybody may use/);
    expect(() => read(`${text}        github-repository: acme/app\n`)).not.toThrow();
  });
});

describe('a pattern', () => {
  const workflow = 'https://github.com/acme/app/.github/workflows/a.yml@refs/tags/v';
  const pattern = identityPattern(`${workflow}*`);
  it.each([
    [`${workflow}1.2.3-rc.1`, true],
    [workflow, false],
    [`${workflow}1/x`, false],
    [`${workflow}1@x`, false],
    [`${workflow}1\n`, false],
    [`x${workflow}1`, false],
    [workflow.replace('a.yml', 'aXyml').concat('1'), false],
  ])('takes %j: %s', (text, fits) => expect(pattern.matches(text)).toBe(fits));

  it('takes time in proportion to an identity that a stranger made', () =>
    expect(
      growth((size) => identityPattern('a*a*a*a*b').matches('a'.repeat(size)), 1_000),
    ).toBeLessThan(3));
});

it.each([
  ['v1.25.9', 'v1.26.0', true],
  ['v1.26.0', 'v1.26.0', false],
  ['1.26.0-rc.1', 'v1.26.0', false],
  ['v1.9.0', 'v1.26.0', true],
  ['1', '1.21', false],
  ['latest', 'v1.26.0', false],
  ['v2', 'v1.26', false],
])('%s is before %s: %s', (tag, since, expected) => expect(isBefore(tag, since)).toBe(expected));

describe('an image', () => {
  const image = (...references: string[]) => ({
    name: parseReference(references[0] ?? ''),
    references,
  });
  const digest = `@sha256:${'a'.repeat(64)}`;

  it('that is older than the signatures is left open, unless it is pinned', () => {
    const asked = openKnownSigners(read(signed('since: v1.2.0\n    ')));
    const kinds = (...references: string[]) => asked(image(...references))?.kind;
    expect(kinds('ghcr.io/acme/app:v1.1.0')).toBe('open');
    expect(kinds('ghcr.io/acme/app:v1.2.0')).toBe('signature');
    expect(kinds('ghcr.io/acme/app:latest')).toBe('signature');
    expect(kinds('ghcr.io/acme/app')).toBe('signature');
    // Nobody checks a tag in front of a digest: with an old one, any image would be left open.
    expect(kinds(`ghcr.io/acme/app:v1.1.0${digest}`)).toBe('signature');
    expect(kinds('ghcr.io/acme/app:v1.1.0', 'ghcr.io/acme/app:v1.3.0')).toBe('signature');
    expect(kinds('ghcr.io/other/app')).toBeUndefined();
  });

  it('of a tag has the entry for that tag; pinned, that of any of them', () => {
    const byKey = `signers:\n      - key: |\n          ${key.replaceAll('\n', '\n          ')}`;
    const find = openList(read(signed('tags: [main]\n    '), entry(byKey)));
    const signers = (reference: string) => find(image(reference))?.entry.signers ?? [];
    const kinds = (reference: string) => signers(reference).map((one) => 'key' in one);
    expect(kinds('ghcr.io/acme/app:main')).toEqual([false]);
    expect(kinds('ghcr.io/acme/app:v1')).toEqual([true]);
    expect(kinds(`ghcr.io/acme/app${digest}`)).toEqual([false, true]);
    expect(find(image(`ghcr.io/acme/app${digest}`))?.entry).toBe(
      find(image(`ghcr.io/acme/web${digest}`))?.entry,
    );
  });

  it('in a mirror is the one that was copied, with its signatures there', () => {
    const mirrors = `mirrors:\n  - at: registry.acme.example/hub\n    of: docker.io\n`;
    const text = entry(
      `signatures:\n      repository: docker.io/acme/sigs\n    signers:\n      - ${signer}`,
      'docker.io/acme/**',
    );
    const asked = openKnownSigners(read(text + mirrors));
    expect(asked(image('registry.acme.example/hub/acme/app:v1'))).toMatchObject({
      kind: 'signature',
      policy: { repository: { registry: 'registry.acme.example', repository: 'hub/acme/sigs' } },
    });
    expect(asked(image('acme/app:v1'))).toMatchObject({
      policy: { repository: { registry: 'docker.io', repository: 'acme/sigs' } },
    });
    // Another path of that registry, and a name that only begins like the mirror, are no copies.
    expect(asked(image('registry.acme.example/hubby/acme/app:v1'))).toBeUndefined();
    expect(asked(image('registry.acme.example/acme/app:v1'))).toBeUndefined();
  });
});
