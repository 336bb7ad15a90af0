// Least privilege: every permission a job asks for is needed by one of its steps, and every one
// that a step needs is there.
import { type Job, needsOf, ownAction, type Step, type Workflow } from './workflow-file.ts';

type Needs = Readonly<Record<string, 'read' | 'write'>>;

/** What a step of somebody else's action needs, by its name; all the others need nothing. */
const others: Readonly<Record<string, Needs>> = {
  'actions/checkout': { contents: 'read' },
  'actions/attest': { 'id-token': 'write', attestations: 'write' },
  // They log in to a cloud as this workflow.
  'aws-actions/configure-aws-credentials': { 'id-token': 'write' },
  'azure/login': { 'id-token': 'write' },
  'google-github-actions/auth': { 'id-token': 'write' },
  'hashicorp/vault-action': { 'id-token': 'write' },
  'actions/deploy-pages': { pages: 'write', 'id-token': 'write' },
  'github/codeql-action/analyze': { 'security-events': 'write' },
  'github/codeql-action/upload-sarif': { 'security-events': 'write' },
  'ossf/scorecard-action': { 'id-token': 'write' },
};

/**
 * The permissions that the steps of a job need. A caller of a reusable workflow is judged by what
 * that workflow does with its inputs.
 */
export function neededBy(job: Job): Needs {
  const reusable = job.uses?.includes('sign-image.yml')
    ? [signs(job.with ?? {}, typeof job.secrets === 'object' ? job.secrets : {})]
    : [];
  const verifies = job.uses?.includes('verify-image.yml')
    ? [ghcr(JSON.stringify(job.with), 'read')]
    : [];
  const all = [...reusable, ...verifies, ...(job.steps ?? []).map((step) => ofStep(step, job))];
  return all.reduce((sum, more) => merge(sum, more), {});
}

function merge(one: Needs, other: Needs): Needs {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(
    names.map((name) => [
      name,
      one[name] === 'write' || other[name] === 'write' ? 'write' : 'read',
    ]),
  );
}

function ofStep(step: Step, job: Job): Needs {
  const own = ownAction(step.uses);
  if (own === 'action.yml' || own === 'attest/action.yml')
    return {
      ...signs(step.with ?? {}, step.with ?? {}),
      ...(usesGhcr(job) ? { packages: 'write' as const } : {}),
    };
  if (own !== undefined) {
    const comment =
      String(step.with?.comment) === 'true' ? { 'pull-requests': 'write' as const } : {};
    const changed =
      String(step.with?.['changed-only']) === 'true' && !Object.hasOwn(comment, 'pull-requests')
        ? { 'pull-requests': 'read' as const }
        : {};
    return { ...comment, ...changed, ...(usesGhcr(job) ? { packages: 'read' as const } : {}) };
  }
  if (/\bgh (release create|api --method)/.test(step.run ?? '')) return { contents: 'write' };
  if (/\bgh issue (?:create|close|edit|comment)/.test(step.run ?? '')) return { issues: 'write' };
  if (/\bgh run download/.test(step.run ?? '')) return { actions: 'read' };
  const pushes =
    /build-push-action|bake-action/.test(step.uses ?? '') ||
    /cosign sign|imagetools create|buildx build .*--push/s.test(step.run ?? '');
  // npm publishes as the workflow that it trusts.
  const keyless = /cosign sign|npm publish/.test(step.run ?? '')
    ? { 'id-token': 'write' as const }
    : {};
  return {
    ...keyless,
    ...(pushes && usesGhcr(job) ? { packages: 'write' as const } : {}),
    ...others[(step.uses ?? '').replace(/@.*/, '')],
  };
}

const signs = (inputs: object, secrets: object): Needs => ({
  ...('key' in secrets ? {} : { 'id-token': 'write' as const }),
  ...ghcr(JSON.stringify(inputs), 'write'),
});

const ghcr = (text: string | undefined, level: 'read' | 'write'): Needs =>
  /ghcr\.io\/|needs\.\w+\.outputs\.image/.test(text ?? '') ? { packages: level } : {};

/** The job logs in to ghcr.io with its own token. */
const usesGhcr = ({ steps = [] }: Job) =>
  steps.some(
    ({ uses, with: inputs, run }) =>
      /docker login ghcr\.io\b/.test(run ?? '') ||
      (uses?.startsWith('docker/login-action@') && inputs?.registry === 'ghcr.io'),
  );

/**
 * What is wrong with the permissions of a workflow's jobs; reusable workflows leave them to their
 * callers.
 */
export function checkPrivileges(workflow: Workflow): readonly string[] {
  const jobs = Object.entries(workflow.jobs);
  return jobs.flatMap(([id, job]) => {
    const given = job.permissions;
    if (given === undefined) return [`jobs.${id}: says nothing of permissions`];
    const needed = neededBy(job);
    const over = Object.entries(given).filter(
      ([name, level]) =>
        needed[name] === undefined || (needed[name] === 'read' && level === 'write'),
    );
    const under = Object.entries(needed).filter(
      ([name, level]) => given[name] === undefined || (given[name] === 'read' && level === 'write'),
    );
    const unknown = needsOf(job).filter((name) => workflow.jobs[name] === undefined);
    return [
      ...over.map(([name, level]) => `jobs.${id}: ${name}: ${level} is more than its steps need`),
      ...under.map(([name, level]) => `jobs.${id}: ${name}: ${level} is missing`),
      ...unknown.map((name) => `jobs.${id}: needs ${name}`),
    ];
  });
}
