// Plays a workflow: our actions run as they ship, in processes of their own, with what the workflow
// gives them; the steps of others are acted.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import { type Context, evaluateText, isMet } from './expressions.ts';
import { type Actor, type OtherStep, type Outputs, otherActions, scripts } from './others.ts';
import type { Stage } from './stage.ts';
import {
  callOf,
  type Job,
  ownAction,
  ownCheckout,
  ownWorkflow,
  read,
  readWorkflow,
  root,
  type Step,
  type Workflow,
} from './workflow-file.ts';

export interface Played {
  readonly job: string;
  /** path of the action.yml */
  readonly action: string;
  readonly run: RunResult;
}

export interface PlayOptions {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** files that actions/checkout brings */
  readonly workspace?: Readonly<Record<string, string>>;
  readonly event?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly ref?: string;
  /** the workflow's file name, where it is not that of the example */
  readonly as?: string;
  /** changes the text of the workflow first */
  readonly edit?: (text: string) => string;
  /** scripts that are played another way, by the name of their step */
  readonly scripts?: Readonly<Record<string, Actor>>;
  /** images of another seed have other digests */
  readonly seed?: string;
  readonly vars?: Readonly<Record<string, string>>;
  /** steps of others, by their action or name, that may log the job in; undefined: not this one */
  readonly logins?: Readonly<Record<string, Login>>;
}

/** Acts a step that logs in, and keeps what docker would keep. */
export type Login = (step: OtherStep, machine: Machine, stage: Stage) => Outputs | undefined;

const repository = 'acme/app';
const sha = '0123456789abcdef0123456789abcdef01234567';
/** the commit that a reusable workflow of ours is called at */
const calledSha = 'fedcba9876543210fedcba9876543210fedcba98';

/** What `github.…` is in the run that is played. */
function githubOf(path: string, stage: Stage, ref: string, event = 'push') {
  return {
    repository,
    repository_owner: 'acme',
    actor: 'octocat',
    event_name: event,
    workflow: path,
    run_id: '4711',
    sha,
    ref,
    ref_name: ref.replace(/^refs\/\w+\//, ''),
    workflow_ref: `${repository}/${path}@${ref}`,
    token: stage.secrets.GITHUB_TOKEN,
    event: {},
  };
}

/** Plays all jobs of a workflow in their order. @returns every run of ours */
export async function play(
  path: string,
  stage: Stage,
  options: PlayOptions = {},
): Promise<readonly Played[]> {
  const { as = path.replace(/.*\//, ''), edit = (text: string) => text, seed = path } = options;
  const workflow = parse(edit(existsSync(join(root, path)) ? read(path) : '')) as Workflow;
  const place = `.github/workflows/${as}`;
  const github = githubOf(
    place,
    stage,
    options.ref ?? 'refs/heads/main',
    options.env?.GITHUB_EVENT_NAME,
  );
  const context = {
    github: { ...github, event: options.event ?? {} },
    vars: options.vars ?? {},
    secrets: { ...stage.secrets, ...options.secrets },
    inputs: options.inputs ?? {},
    matrix: { arch: 'amd64', runner: 'x' },
  };
  const { played } = await playJobs(workflow, context, {
    stage,
    options,
    seed,
    identity: github.workflow_ref,
  });
  return played;
}

interface Setting {
  readonly stage: Stage;
  readonly options: PlayOptions;
  readonly seed: string;
  /** job_workflow_ref */
  readonly identity: string;
}

async function playJobs(
  workflow: Workflow,
  context: Context,
  setting: Setting,
): Promise<{ played: Played[]; needs: Context | undefined }> {
  const played: Played[] = [];
  const needs: Record<string, { outputs: Outputs }> = {};
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (!isMet(job.if, { ...context, needs })) continue;
    const run = await (job.uses === undefined ? playSteps : playCall)(
      id,
      job,
      { ...context, needs },
      setting,
    );
    played.push(...run.played);
    needs[id] = { outputs: run.outputs ?? {} };
    // The jobs after it need it, and are skipped.
    if (run.outputs === undefined) return { played, needs: undefined };
  }
  return { played, needs };
}

interface JobRun {
  readonly played: readonly Played[];
  /** undefined: the job failed */
  readonly outputs: Outputs | undefined;
}

/**
 * A reusable workflow, with the inputs and secrets that its caller gives and the permissions of the
 * calling job.
 */
async function playCall(id: string, job: Job, context: Context, setting: Setting): Promise<JobRun> {
  const path = ownWorkflow(job.uses) ?? '';
  const workflow = readWorkflow(path);
  const call = callOf(workflow);
  const given = evaluated(job.with, context);
  const inputs = Object.fromEntries(
    Object.entries(call?.inputs ?? {}).map(([name, input]) => [
      name,
      given[name] ?? input.default ?? '',
    ]),
  );
  const passed =
    job.secrets === 'inherit' ? (context.secrets as Outputs) : evaluated(job.secrets, context);
  const secrets = Object.fromEntries(
    Object.keys(call?.secrets ?? {}).map((name) => [name, passed[name] ?? '']),
  );
  const jobs = Object.fromEntries(
    Object.entries(workflow.jobs).map(([name, called]) => [
      name,
      { ...called, permissions: job.permissions ?? {} },
    ]),
  );
  const inner = {
    github: context.github,
    job: { workflow_repository: 'OWNER/sign-image', workflow_sha: calledSha },
    matrix: {},
    inputs,
    secrets,
  };
  const identity = `OWNER/sign-image/${path}@refs/tags/v1`;
  const { played, needs } = await playJobs({ ...workflow, jobs }, inner, { ...setting, identity });
  const outputs =
    needs &&
    Object.entries(call?.outputs ?? {}).map(([name, { value }]) => [
      name,
      evaluateText(value, { ...inner, jobs: needs }),
    ]);
  return {
    played: played.map((one) => ({ ...one, job: `${id}/${one.job}` })),
    outputs: outputs && Object.fromEntries(outputs),
  };
}

async function playSteps(
  id: string,
  job: Job,
  context: Context,
  setting: Setting,
): Promise<JobRun> {
  const machine: Machine = {
    auths: {},
    checkedOut: false,
    own: '',
    made: {},
    permissions: job.permissions ?? {},
  };
  const steps: Record<string, { outputs: Outputs }> = {};
  const played: Played[] = [];
  for (const step of job.steps ?? []) {
    const action = ownAction(step.uses);
    const now = { ...context, steps };
    if (!isMet(step.if, now)) continue;
    if (ownCheckout(step.uses) !== undefined && machine.own !== `OWNER/sign-image@${calledSha}`)
      throw new Error(`runs an action of ${machine.own || 'nobody'}`);
    const run =
      action === undefined ? undefined : await playOurs(action, step, now, machine, setting);
    if (action !== undefined && run !== undefined) played.push({ job: id, action, run });
    const outputs =
      run === undefined
        ? await playOther(step, now, machine, setting)
        : withEmpty(action ?? '', run.outputs);
    if (step.id !== undefined) steps[step.id] = { outputs };
    if (run !== undefined && run.code !== 0) return { played, outputs: undefined };
  }
  return { played, outputs: evaluated(job.outputs, { ...context, steps }) };
}

/**
 * The runner of a job: where it is logged in, whether the repository is there, what its token may
 * do.
 */
export interface Machine {
  auths: Record<string, { auth: string }>;
  checkedOut: boolean;
  /** `repository@commit` that was checked out to run an action of */
  own: string;
  /** files that steps have made */
  readonly made: Record<string, string>;
  readonly permissions: Readonly<Record<string, string>>;
}

const evaluated = (
  values: Readonly<Record<string, unknown>> | undefined,
  context: Context,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values ?? {}).map(([name, value]) => [name, evaluateText(value, context)]),
  );

/** Outputs that a step declares and did not write are empty. */
function withEmpty(action: string, outputs: Outputs): Outputs {
  const declared = [...read(action).matchAll(/^ {2}([\w-]+):$/gm)].map(
    ([, name = '']) => [name, ''] as const,
  );
  return { ...Object.fromEntries(declared), ...outputs };
}

async function playOther(
  step: Step,
  context: Context,
  machine: Machine,
  { stage, seed, options }: Setting,
): Promise<Outputs> {
  const name = (step.uses ?? '').replace(/@.*/, '');
  const acted = {
    name: step.name ?? name,
    with: evaluated(step.with, context),
    env: evaluated(step.env, context),
  };
  const login = options.logins?.[step.uses === undefined ? acted.name : name];
  const loggedIn = login?.({ ...acted, run: step.run ?? '' }, machine, stage);
  if (loggedIn !== undefined) return loggedIn;
  if (name === 'actions/checkout' && acted.with.repository)
    machine.own = `${acted.with.repository}@${acted.with.ref}`;
  else if (name === 'actions/checkout') machine.checkedOut = true;
  const { REGISTRY = '', REGISTRY_USERNAME = '', REGISTRY_PASSWORD = '' } = acted.env;
  const [registry, username, password] =
    name === 'docker/login-action'
      ? [acted.with.registry, acted.with.username, acted.with.password]
      : [REGISTRY, REGISTRY_USERNAME, REGISTRY_PASSWORD];
  if (name === 'docker/login-action' || acted.name === 'Log in to the registry') {
    // The job's own token opens ghcr.io only where the job says so.
    const mayUse =
      password !== stage.secrets.GITHUB_TOKEN ||
      ['read', 'write'].includes(machine.permissions.packages ?? '');
    if (password && mayUse)
      machine.auths[stage.placed(registry ?? '')] = {
        auth: Buffer.from(`${username}:${password}`).toString('base64'),
      };
    return {};
  }
  if (/^echo "[^"]*"$/.test(step.run ?? '')) return {};
  const actor =
    step.uses === undefined
      ? (options.scripts?.[acted.name] ?? scripts[acted.name])
      : otherActions[name];
  if (actor === undefined) throw new Error(`nobody plays the step ${acted.name}`);
  return actor(acted, stage, seed, machine.made);
}

async function playOurs(
  action: string,
  step: Step,
  context: Context,
  machine: Machine,
  setting: Setting,
): Promise<RunResult> {
  const { stage, options, identity } = setting;
  const github = context.github as ReturnType<typeof githubOf>;
  // An input that is given as an empty text is an input that is not given.
  const written = Object.entries(evaluated(step.with, context)).filter(([, value]) => value !== '');
  const given = Object.fromEntries(written.map(([name, value]) => [name, stage.placed(value)]));
  const gate = /^(verify|promote)\b/.test(action);
  const claims = {
    repository,
    repository_owner: 'acme',
    sha,
    ref: github.ref,
    workflow_ref: github.workflow_ref,
    job_workflow_ref: identity,
  };
  const { idTokenRequestUrl, idTokenRequestToken } = stage.sigstore;
  const token =
    machine.permissions['id-token'] === 'write'
      ? {
          ACTIONS_ID_TOKEN_REQUEST_URL: `${idTokenRequestUrl}&${new URLSearchParams(claims)}`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: idTokenRequestToken,
        }
      : {};
  return runAction({
    entry: `dist/${action === 'action.yml' ? 'sign' : action.replace('/action.yml', '')}.js`,
    inputs: { ...(gate ? trustFor(given, stage) : servicesFor(given, stage)), ...given },
    githubToken: stage.secrets.GITHUB_TOKEN ?? '',
    home: { '.docker/config.json': JSON.stringify({ auths: machine.auths }) },
    workspace: {
      ...(machine.checkedOut ? options.workspace : {}),
      ...machine.made,
      ...(machine.own === '' ? {} : ownFiles),
    },
    ...(options.event === undefined ? {} : { event: options.event }),
    env: {
      ...evaluated(step.env, context),
      GITHUB_REF: github.ref,
      GITHUB_SHA: sha,
      GITHUB_WORKFLOW_REF: github.workflow_ref,
      ...token,
      ...options.env,
    },
  });
}

/** What the checkout of a reusable workflow brings, and a file that would fail a gate. */
const ownFiles: Readonly<Record<string, string>> = {
  '.sign-image/action.yml': read('action.yml'),
  '.sign-image/dist/pod.yml': 'kind: Pod\napiVersion: v1\nspec:\n  image: ttl.sh/unsigned:1h\n',
};

/** The sandbox's Sigstore, where the public one would be used. */
function servicesFor(given: Outputs, { sigstore }: Stage): Record<string, string> {
  if (given.tlog === 'false' || given['signing-config'] !== undefined) return {};
  return {
    'signing-config': JSON.stringify(sigstore.signingConfig.v1_tsa),
    'trusted-root': JSON.stringify(sigstore.trustedRoot),
  };
}

/** Its trusted root, and its issuer where GitHub's would be meant: an own authority's has none. */
function trustFor(given: Outputs, { sigstore }: Stage): Record<string, string> {
  const keyed = Boolean(given.key);
  if (keyed && given.tlog === 'ignore') return {};
  const issuer =
    !keyed && !given['certificate-oidc-issuer'] && !given.policy && !given['ca-roots']
      ? { 'certificate-oidc-issuer': sigstore.issuer }
      : {};
  return { 'trusted-root': JSON.stringify(sigstore.trustedRoot), ...issuer };
}
