import { Failure } from '../../failure.ts';

/**
 * Annotation name → variable of the runner. The names are those of the `github` context in
 * workflows, so a reader knows them.
 */
const sources: Readonly<Record<string, string>> = {
  repository: 'GITHUB_REPOSITORY',
  workflow: 'GITHUB_WORKFLOW',
  ref: 'GITHUB_REF',
  sha: 'GITHUB_SHA',
  run_id: 'GITHUB_RUN_ID',
  run_attempt: 'GITHUB_RUN_ATTEMPT',
  actor: 'GITHUB_ACTOR',
};

/**
 * What this run says of itself, for signing: `repository`, `workflow`, `ref`, `sha`, `run_id`,
 * `run_attempt`, `actor`; those that the runner sets.
 */
export function githubAnnotations(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const found = Object.entries(sources).map(
    ([name, variable]) => [name, env[variable] ?? ''] as const,
  );
  return Object.fromEntries(found.filter(([, value]) => value !== ''));
}

/**
 * Both kinds of annotations as one.
 * @throws {Failure} `bad-annotation` when one name would have two sources: a verifier must not read
 * a hand-written `sha` as GitHub's.
 */
export function combineAnnotations(
  written: Readonly<Record<string, string>>,
  fromGithub: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const twice = Object.keys(fromGithub).find((name) => Object.hasOwn(written, name));
  if (twice !== undefined)
    throw new Failure(
      'bad-annotation',
      `Annotation "${twice}" is written in annotations and also set by github-annotations.`,
      `Give yours another name, or leave \`github-annotations\` out.`,
    );
  return { ...written, ...fromGithub };
}
