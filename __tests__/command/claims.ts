// What the tokens of other CI systems say, as their documentation shows them.

const sha = '0123456789abcdef0123456789abcdef01234567';

export const gitlabIdentity =
  'https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main';

/** docs.gitlab.com/ci/secrets/id_token_authentication */
export const gitlabClaims: Readonly<Record<string, string>> = {
  sub: 'project_path:my-group/my-project:ref_type:branch:ref:main',
  namespace_id: '72',
  namespace_path: 'my-group',
  project_id: '20',
  project_path: 'my-group/my-project',
  project_visibility: 'public',
  user_login: 'sample-user',
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'main',
  ref_type: 'branch',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  runner_id: '1',
  runner_environment: 'gitlab-hosted',
  sha,
  ci_config_ref_uri: 'gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main',
  ci_config_sha: sha,
};

const uuid = (digit: string) =>
  `${digit.repeat(8)}-${digit.repeat(4)}-4${digit.repeat(3)}-8${digit.repeat(3)}-${digit.repeat(12)}`;

export const circleciIdentity = `https://circleci.com/api/v2/projects/${uuid('2')}/pipeline-definitions/${uuid('3')}`;

/** circleci.com/docs/oidc-tokens-with-custom-claims */
export const circleciClaims: Readonly<Record<string, string>> = {
  sub: `org/${uuid('1')}/project/${uuid('2')}/user/${uuid('9')}`,
  'oidc.circleci.com/project-id': uuid('2'),
  'oidc.circleci.com/pipeline-definition-id': uuid('3'),
  'oidc.circleci.com/pipeline-id': uuid('4'),
  'oidc.circleci.com/workflow-id': uuid('5'),
  'oidc.circleci.com/job-id': uuid('6'),
  'oidc.circleci.com/ssh-rerun': 'false',
  'oidc.circleci.com/vcs-origin': 'github.com/acme/app',
  'oidc.circleci.com/vcs-ref': 'refs/heads/main',
};

export const buildkiteIdentity = 'https://buildkite.com/acme-inc/super-duper-app';

/** buildkite.com/docs/agent/v3/cli-oidc */
export const buildkiteClaims: Readonly<Record<string, string>> = {
  sub: 'organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:0123456:step:build',
  organization_slug: 'acme-inc',
  pipeline_slug: 'super-duper-app',
  build_number: '1',
  build_branch: 'main',
  build_commit: sha,
  build_source: 'webhook',
  runner_environment: 'self-hosted',
  job_id: '0184990a-477b-4fa8-9968-496074483cee',
};

/** Claims of the sandbox's default workflow of GitHub, which other systems do not have. */
export const dropped =
  'repository,repository_id,repository_owner,repository_owner_id,repository_visibility,event_name,environment,actor,actor_id,workflow,workflow_ref,workflow_sha,job_workflow_ref,job_workflow_sha,run_id,run_number,run_attempt,head_ref,base_ref';

/** The environment that GitLab gives a job. @param token of `id_tokens: { SIGSTORE_ID_TOKEN: … }` */
export const gitlabJob = (token?: string): Record<string, string> => ({
  CI: 'true',
  GITLAB_CI: 'true',
  CI_PROJECT_PATH: 'my-group/my-project',
  CI_PROJECT_VISIBILITY: 'public',
  CI_COMMIT_SHA: sha,
  CI_COMMIT_REF_NAME: 'main',
  ...(token === undefined ? {} : { SIGSTORE_ID_TOKEN: token }),
});
