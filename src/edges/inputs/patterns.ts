import { Failure } from '../../failure.ts';
import type { Matcher, Pattern } from '../../signature/policy.ts';
import { matchesAnything, strangerAmong } from '../../signature/strangers.ts';
import type { Claims } from '../claims.ts';
import { shown } from './values.ts';

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

/**
 * Looks for patterns that let in whom nobody meant.
 * @returns warnings
 * @throws {Failure} `bad-input` where strangers could sign: there is no "signed by anybody". The
 * same rule holds in policies (policies/who.ts).
 */
export function checkOpenness({
  identities,
  issuers,
  ...claims
}: Claims & {
  readonly identities: readonly Matcher[];
  readonly issuers: readonly Matcher[];
}): readonly string[] {
  for (const [name, matchers] of Object.entries({
    'certificate-identity-regexp': identities,
    'certificate-oidc-issuer-regexp': issuers,
  })) {
    if (matchers.some(matchesAnything)) throw openToAll(name, 'anybody at all', '');
  }
  const stranger = isNarrowed(claims, issuers) ? undefined : strangerAmong(identities, issuers);
  if (stranger !== undefined)
    throw openToAll(
      'certificate-identity-regexp',
      stranger.who,
      `, for example ${shown(stranger.example)}`,
    );
  return identities.flatMap((matcher) =>
    'pattern' in matcher ? (openEnd(matcher.pattern.source) ?? []) : [],
  );
}

/**
 * Claims that name a repository, or its owner. A number is one of the server that gave it: of
 * several issuers another may have given the same.
 */
function isNarrowed({ github = {}, source = {} }: Claims, issuers: readonly Matcher[]): boolean {
  const named = [github.repository, github.workflowRef, source.repository, source.buildConfig];
  const numbers = [github.repositoryId, github.repositoryOwnerId];
  const [issuer] = issuers;
  const oneServer = issuers.length === 1 && issuer !== undefined && 'exact' in issuer;
  return [...named, ...(oneServer ? numbers : [])].some((claim) => claim !== undefined);
}

function openToAll(input: string, whom: string, example: string): Failure {
  const fix =
    input === 'certificate-identity-regexp'
      ? 'Name the owner, the repository and the workflow: `certificate-identity-regexp: https://github\\.com/OWNER/REPO/\\.github/workflows/release\\.yml@refs/tags/v.*`; or, where the workflow is a reusable one, add `github-repository: OWNER/REPO`.'
      : 'Name the issuer: `certificate-oidc-issuer: https://token.actions.githubusercontent.com`.';
  return new Failure(
    'bad-input',
    `Input ${input} matches ${whom}${example}, and a signature by anybody proves nothing.`,
    fix,
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
