import { describe, expect, it } from 'vitest';
import { kyvernoWildcard } from '../../src/policies/glob.ts';
import type { PolicyNode } from '../../src/policies/node.ts';
import { quotedPattern } from '../../src/policies/signed.ts';
import { byPattern, byWildcard, signerRule } from '../../src/policies/who.ts';
import { compilePattern } from '../../src/signature/pattern.ts';
import { readKeys } from './tools.ts';

const node = (value: string): PolicyNode => ({ file: 'p.yaml', line: 7, field: 'subject', value });

function never(): never {
  throw new Error('no certificates here');
}

function reading() {
  const none = { elsewhere: new Map(), inFiles: new Map(), certificates: new Map() };
  const keys = { read: readKeys, ...none, texts: new Map(), opened: new Map() };
  return { ownTrust: false, notes: [], compilePattern, keys, readAuthorities: never };
}

describe('a pattern of a policy', () => {
  it.each([
    ['^a$', true],
    ['.*a.*', true],
    ['^a.*', true],
    ['.*a$', true],
    ['\\Aa\\z', true],
    ['(?i)^a$', true],
    ['a', false],
    ['^a', false],
    ['a$', false],
    ['^a\\$', false],
    ['^a\\\\$', true],
    ['^a\\.*', false],
    ['^a|b$', false],
    ['^(a|b)$', true],
    ['^[a|b]$', true],
    ['^[]|(]$', true],
    ['^[[:alpha:]|]$', true],
    ['^a\\|b$', true],
    ['^\\Qa|b\\E$', true],
    ['\\Q^a$', false],
  ])('%s means the whole text in the cluster too: %s', (source, whole) => {
    const reader = reading();
    byPattern(node(source), reader);
    expect(reader.notes).toHaveLength(whole ? 0 : 1);
  });

  it('is refused with what is wrong, and where', () => {
    expect(() => byPattern(node('(a)\\1'), reading())).toThrow(
      expect.objectContaining({
        code: 'bad-policy',
        message: expect.stringMatching(/^p\.yaml, line 7: `subject` has a back-reference/),
        fix: expect.stringContaining('RE2'),
      }),
    );
  });

  it('that is written for a text takes it alone', () => {
    const text = 'https://github.com/a.b/c+d/.github/workflows/x[1].yml@refs/tags/v(1)';
    const pattern = compilePattern(`^${quotedPattern(text)}$`);
    expect([text, `${text}x`, text.replace('.', 'x')].map(pattern.matches)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('wildcards of a policy', () => {
  it('are what Kyverno reads, however many there are', () => {
    const matcher = byWildcard(node('a*b*c*d*e*f*g?'));
    expect(matcher).toEqual({
      pattern: { source: 'a*b*c*d*e*f*g?', matches: expect.any(Function) },
    });
    const texts = ['abcdefgh', 'a-b-c-d-e-f-g-', 'abcdefg'];
    const fits = kyvernoWildcard('a*b*c*d*e*f*g?');
    const taken = texts.map(
      (text) => matcher && 'pattern' in matcher && matcher.pattern.matches(text),
    );
    expect(taken).toEqual([true, true, false]);
    expect(taken).toEqual(texts.map(fits));
  });
});

describe('a rule that lets in every repository of GitHub', () => {
  const who = { node: node('s'), matcher: { pattern: compilePattern('https://github.com/.*') } };
  const issuer = {
    node: node('i'),
    matcher: { exact: 'https://token.actions.githubusercontent.com' },
  };

  it('is refused', () => {
    expect(() => signerRule(who, issuer)).toThrow('matches repositories of strangers');
    expect(() => signerRule(who, issuer, { ref: 'refs/heads/main' })).toThrow('strangers');
  });

  it('is taken where it asks for the repository as well', () => {
    expect(signerRule(who, issuer, { repository: 'acme/app' })).toMatchObject({
      github: { repository: 'acme/app' },
    });
  });
});
