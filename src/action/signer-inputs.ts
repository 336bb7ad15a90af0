import { Failure } from '../failure.ts';
import { matches } from '../signature/matcher.ts';
import type { GithubClaims, Matcher, Pattern } from '../signature/policy.ts';
import { shown } from './input-values.ts';

// Who may sign, as patterns say it. A pattern that lets strangers in looks like one that does not:
// so it is tried out.

/**
 * Compiles the patterns of one input; each matches the whole text only.
 * @param compile signature/pattern.ts
 * @throws {Failure} `bad-input`
 */
export function parsePatterns(
  name: string,
  lines: readonly string[],
  compile: (source: string) => Pattern,
): readonly Matcher[] {
  return lines.map((line) => {
    try {
      return { pattern: compile(line) };
    } catch (error) {
      throw new Failure(
        'bad-input',
        `Input ${name}: "${shown(line)}" ${error instanceof Error ? error.message : String(error)}.`,
        `Write a regular expression of Go (RE2), as for cosign, that matches the whole text, such as \`${name}: ${examples[name] ?? 'https://example\\.com/.*'}\`.`,
        { cause: error },
      );
    }
  });
}

const examples: Readonly<Record<string, string>> = {
  'certificate-identity-regexp':
    'https://github\\.com/acme/app/\\.github/workflows/release\\.yml@refs/tags/v.*',
  'certificate-oidc-issuer-regexp': 'https://token\\.actions\\.[a-z0-9-]+\\.ghe\\.com',
};

const strangers = [
  'https://github.com/stranger-7d1f/evil/.github/workflows/x.yml@refs/heads/main',
  'https://github.com/acme-7d1f/evil/.github/workflows/x.yml@refs/pull/1/merge',
];
const strangeIssuers = ['https://stranger-7d1f.example/login', 'https://stranger-7d1f.example'];

/**
 * Looks for patterns that let in whom nobody meant.
 * @returns warnings
 * @throws {Failure} `bad-input` where any identity of any issuer would do: that is "signed by
 * anybody"
 */
export function checkOpenness(
  identities: readonly Matcher[],
  issuers: readonly Matcher[],
  github: GithubClaims,
): readonly string[] {
  const anyIdentity = lets(identities, strangers);
  if (anyIdentity && lets(issuers, strangeIssuers)) {
    throw new Failure(
      'bad-input',
      'The patterns for identity and issuer match everything, so anybody at all could have signed.',
      'Name the workflow that signs: `certificate-identity: https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/heads/main`.',
    );
  }
  if (anyIdentity && github.repository === undefined && github.workflowRef === undefined) {
    return [
      'certificate-identity-regexp matches the workflows of repositories that nobody meant: every repository of the issuer can sign. Name the owner in the pattern, or add `github-repository: owner/name`.',
    ];
  }
  return identities.flatMap((matcher) =>
    'pattern' in matcher ? (openEnd(matcher.pattern.source) ?? []) : [],
  );
}

function lets(matchers: readonly Matcher[], texts: readonly string[]): boolean {
  return matchers.some(
    (matcher) => 'pattern' in matcher && texts.some((text) => matches(matcher, text)),
  );
}

/**
 * `github.com/acme.*` also takes the owner `acme-evil`, and `github.com/acme/app.*` the repository
 * `app-evil`.
 */
function openEnd(source: string): string | undefined {
  const plain = source.replaceAll('\\', '');
  const [, owner, repository] = /github\.com\/([\w-]+)(\/[\w-]+)?\.[*+]/.exec(plain) ?? [];
  if (owner === undefined) return undefined;
  const what =
    repository === undefined ? `owner "${owner}-evil"` : `repository "${owner}${repository}-evil"`;
  return `certificate-identity-regexp does not end the name before its ".*", so it also takes the ${what}. Put a "/" before the ".*".`;
}
