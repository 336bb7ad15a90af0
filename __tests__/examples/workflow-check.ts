// A compact checker of GitHub's workflow syntax: what it does not know is a problem, so that a
// misspelt key cannot pass for a setting.
import { parseDocument } from 'yaml';
import { expressionsIn, mentionsIn, type Place, wrongMentions } from './expressions.ts';
import {
  callOf,
  type Interface,
  type Job,
  needsOf,
  ownAction,
  ownWorkflow,
  type Step,
  type Workflow,
  type WorkflowCall,
} from './workflow-file.ts';

/** Where the interfaces of our actions and reusable workflows come from. */
export interface Known {
  action(path: string): Interface;
  call(path: string): WorkflowCall | undefined;
}

const keys = {
  workflow: 'name run-name on permissions env defaults concurrency jobs',
  job: 'name permissions needs if runs-on environment concurrency outputs env defaults steps timeout-minutes strategy continue-on-error container services uses with secrets',
  step: 'id if name uses run working-directory shell with env continue-on-error timeout-minutes',
  strategy: 'matrix fail-fast max-parallel',
  service: 'image credentials env ports volumes options',
  call: 'inputs secrets outputs',
  input: 'description type default required options deprecationMessage',
} as const;
const events =
  'push pull_request pull_request_target workflow_call workflow_dispatch schedule branch_protection_rule release workflow_run merge_group';
const filters =
  'branches branches-ignore tags tags-ignore paths paths-ignore types workflows inputs secrets outputs cron';
const permissions =
  'actions attestations checks contents deployments discussions id-token issues models packages pages pull-requests security-events statuses';

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** Everything that is wrong with a workflow, as sentences with the place in front. */
export function checkWorkflow(text: string, known: Known): readonly string[] {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) return document.errors.map(({ message }) => message);
  const workflow = document.toJS() as Workflow;
  const jobs = Object.entries(fieldsOf(workflow.jobs)) as [string, Job][];
  return [
    ...unknownKeys('workflow', workflow, keys.workflow),
    ...(jobs.length === 0 ? ['jobs: there are none'] : []),
    ...checkTriggers(workflow.on),
    ...checkPermissions('permissions', workflow.permissions),
    ...checkCall(callOf(workflow), workflow),
    ...jobs.flatMap(([id, job]) => checkJob(id, job, workflow, known)),
  ];
}

function unknownKeys(place: string, value: unknown, allowed: string): string[] {
  const names = allowed.split(' ');
  return Object.keys(fieldsOf(value)).flatMap((key) =>
    names.includes(key) ? [] : [`${place}: there is no key ${key}`],
  );
}

function checkTriggers(on: unknown): string[] {
  const names =
    typeof on === 'string' ? [on] : Array.isArray(on) ? on.map(String) : Object.keys(fieldsOf(on));
  if (names.length === 0) return ['on: no event'];
  const settings = Object.entries(fieldsOf(on)).filter(([name]) => name !== 'schedule');
  return [
    ...names.flatMap((name) =>
      events.split(' ').includes(name) ? [] : [`on: there is no event ${name}`],
    ),
    ...settings.flatMap(([name, setting]) => unknownKeys(`on.${name}`, setting, filters)),
  ];
}

function checkPermissions(place: string, given: unknown): string[] {
  if (typeof given === 'string')
    return [`${place}: ${given} gives more than is needed; name the permissions`];
  return Object.entries(fieldsOf(given)).flatMap(([name, level]) => {
    if (!permissions.split(' ').includes(name)) return [`${place}: there is no permission ${name}`];
    return ['read', 'write', 'none'].includes(String(level)) &&
      !(name === 'id-token' && level === 'read')
      ? []
      : [`${place}.${name}: ${level}`];
  });
}

function checkCall(call: WorkflowCall | undefined, workflow: Workflow): string[] {
  if (call === undefined) return [];
  const inputs = Object.entries(call.inputs ?? {});
  return [
    ...unknownKeys('on.workflow_call', call, keys.call),
    ...inputs.flatMap(([name, input]) => unknownKeys(`input ${name}`, input, keys.input)),
    ...inputs.flatMap(([name, { type }]) =>
      ['string', 'boolean', 'number'].includes(type) ? [] : [`input ${name}: type ${type}`],
    ),
    ...Object.entries(call.outputs ?? {}).flatMap(([name, { value }]) => [
      ...checkExpressions(`output ${name}`, value, 'callOutput'),
      ...mentions(value).flatMap(({ text, parts: [first, job = '', , output = ''] }) =>
        first === 'jobs' && workflow.jobs[job]?.outputs?.[output] === undefined
          ? [`output ${name}: ${text} is declared nowhere`]
          : [],
      ),
    ]),
  ];
}

function checkJob(id: string, job: Job, workflow: Workflow, known: Known): string[] {
  const place = `jobs.${id}`;
  const fields = fieldsOf(job);
  const missing = needsOf(job).filter((name) => workflow.jobs[name] === undefined);
  return [
    ...unknownKeys(place, job, keys.job),
    ...checkPermissions(`${place}.permissions`, job.permissions),
    ...unknownKeys(`${place}.strategy`, fields.strategy, keys.strategy),
    ...Object.entries(fieldsOf(fields.services)).flatMap(([name, service]) =>
      unknownKeys(`${place}.services.${name}`, service, keys.service),
    ),
    ...missing.map((name) => `${place}.needs: there is no job ${name}`),
    ...(job.uses === undefined && fields['runs-on'] === undefined ? [`${place}: no runs-on`] : []),
    ...(job.uses === undefined && (job.steps ?? []).length === 0 ? [`${place}: no steps`] : []),
    ...checkExpressions(`${place}.if`, fields.if, 'jobIf', true),
    ...['name', 'runs-on', 'strategy', 'timeout-minutes', 'with'].flatMap((key) =>
      checkExpressions(`${place}.${key}`, fields[key], 'job'),
    ),
    ...checkExpressions(`${place}.secrets`, fields.secrets, 'jobSecrets'),
    ...checkExpressions(`${place}.env`, fields.env, 'jobEnv'),
    ...checkExpressions(`${place}.outputs`, fields.outputs, 'jobOutputs'),
    ...checkNames(place, job, workflow, known),
    ...checkReusable(place, job, known),
    ...(job.steps ?? []).flatMap((step, index) =>
      checkStep(`${place}.steps[${index}]`, step, known),
    ),
  ];
}

function checkReusable(place: string, job: Job, known: Known): string[] {
  if (job.uses === undefined) return [];
  const path = ownWorkflow(job.uses);
  const call = path === undefined ? undefined : known.call(path);
  if (call === undefined) return [`${place}.uses: ${job.uses} is no reusable workflow of ours`];
  const strangers = (given: unknown, declared: unknown, what: string) =>
    Object.keys(fieldsOf(given)).flatMap((name) =>
      Object.hasOwn(fieldsOf(declared), name) ? [] : [`${place}.${what}: there is no ${name}`],
    );
  return [
    ...strangers(job.with, call.inputs, 'with'),
    ...strangers(job.secrets, call.secrets, 'secrets'),
  ];
}

function checkStep(place: string, step: Step, known: Known): string[] {
  const fields = fieldsOf(step);
  const own = ownAction(step.uses);
  const declared = own === undefined ? undefined : fieldsOf(known.action(own).inputs);
  return [
    ...unknownKeys(place, step, keys.step),
    ...((step.uses === undefined) === (step.run === undefined)
      ? [`${place}: either uses or run`]
      : []),
    ...(step.uses !== undefined &&
    own === undefined &&
    !/^[\w.-]+\/[\w./-]+@[\w.-]+$/.test(step.uses)
      ? [`${place}.uses: ${step.uses}`]
      : []),
    ...(declared === undefined
      ? []
      : Object.keys(step.with ?? {}).flatMap((name) =>
          Object.hasOwn(declared, name) ? [] : [`${place}.with: the action has no input ${name}`],
        )),
    // The value of an expression would be code there; as a variable of `env` it is data.
    ...(step.run?.includes('${{') ? [`${place}.run: an expression in a script`] : []),
    ...(step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false
      ? [`${place}: leaves the token in the checkout`]
      : []),
    ...checkExpressions(`${place}.if`, step.if, 'stepIf', true),
    ...['name', 'with', 'env', 'working-directory'].flatMap((key) =>
      checkExpressions(`${place}.${key}`, fields[key], 'step'),
    ),
  ];
}

function checkExpressions(place: string, value: unknown, where: Place, bare = false): string[] {
  return expressionsOf(value, bare).flatMap((expression) =>
    wrongMentions(expression, where).map((problem) => `${place}: ${problem}`),
  );
}

function expressionsOf(value: unknown, bare = false): readonly string[] {
  if (value === undefined) return [];
  const text = JSON.stringify(value);
  return bare && !text.includes('${{') ? [String(value)] : expressionsIn(text);
}

const mentions = (value: unknown, bare = false) => expressionsOf(value, bare).flatMap(mentionsIn);

/**
 * Every name that a job mentions is declared: outputs of steps before, of jobs it needs, of the
 * matrix, of the workflow.
 */
function checkNames(place: string, job: Job, workflow: Workflow, known: Known): string[] {
  const call = callOf(workflow);
  const dispatch = fieldsOf(fieldsOf(workflow.on).workflow_dispatch);
  const fields = fieldsOf(job);
  const before = new Map<string, Step>();
  const check = (value: unknown, bare = false) =>
    mentions(value, bare).flatMap(
      ({ text, parts: [first = '', second = '', third = '', fourth = ''] }) => {
        const fine =
          first === 'steps'
            ? before.has(second) &&
              (third !== 'outputs' || declaresOutput(before.get(second), fourth, known))
            : first === 'needs'
              ? needsOf(job).includes(second) &&
                (third !== 'outputs' || jobDeclares(workflow.jobs[second], fourth, known))
              : first === 'matrix'
                ? JSON.stringify(fieldsOf(fields.strategy).matrix ?? {}).includes(`"${second}":`)
                : first === 'inputs'
                  ? Object.hasOwn(fieldsOf(call?.inputs ?? dispatch.inputs), second)
                  : first === 'secrets'
                    ? call === undefined ||
                      Object.hasOwn(fieldsOf(call.secrets), second) ||
                      second === 'GITHUB_TOKEN'
                    : true;
        return fine ? [] : [`${place}: ${text} is declared nowhere`];
      },
    );
  const inSteps = (job.steps ?? []).flatMap((step) => {
    const { if: condition, ...rest } = step;
    const found = [...check(condition, true), ...check(rest)];
    if (step.id !== undefined) before.set(step.id, step);
    return found;
  });
  const { steps: _, if: condition, ...rest } = fields;
  return [...inSteps, ...check(condition, true), ...check(rest)];
}

/**
 * For our own actions the outputs are known; a script must write the name into GITHUB_OUTPUT; of
 * others it is believed.
 */
function declaresOutput(step: Step | undefined, name: string, known: Known): boolean {
  const own = ownAction(step?.uses);
  if (own !== undefined) return Object.hasOwn(fieldsOf(known.action(own).outputs), name);
  return (
    step?.run === undefined || (step.run.includes(`${name}=`) && step.run.includes('GITHUB_OUTPUT'))
  );
}

function jobDeclares(job: Job | undefined, name: string, known: Known): boolean {
  const path = ownWorkflow(job?.uses);
  return Object.hasOwn(
    fieldsOf(path === undefined ? job?.outputs : known.call(path)?.outputs),
    name,
  );
}
