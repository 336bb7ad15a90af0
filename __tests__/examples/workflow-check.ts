// What is wrong with a workflow: GitHub's own parser says it, and beyond that we are stricter, since
// people copy ours.
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { parse } from 'yaml';
import { expressionsIn, mentionsIn } from './expressions.ts';
import {
  callOf,
  type Interface,
  type Job,
  needsOf,
  ownAction,
  ownCheckout,
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

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** Everything that is wrong with a workflow, as sentences with the place in front. */
export function checkWorkflow(text: string, known: Known): readonly string[] {
  const { context } = parseWorkflow(
    { name: 'workflow', content: text },
    new NoOperationTraceWriter(),
  );
  const refused = context.errors.getErrors().map(({ message }) => message);
  if (refused.length > 0) return refused;
  const workflow = parse(text) as Workflow;
  return [
    ...checkPermissions('permissions', workflow.permissions),
    ...checkOutputs(callOf(workflow), workflow),
    ...Object.entries(workflow.jobs).flatMap(([id, job]) => checkJob(id, job, workflow, known)),
  ];
}

function checkPermissions(place: string, given: unknown): string[] {
  return typeof given === 'string'
    ? [`${place}: ${given} gives more than is needed; name the permissions`]
    : [];
}

/** What a called workflow gives back is an output of one of its jobs. */
function checkOutputs(call: WorkflowCall | undefined, workflow: Workflow): string[] {
  return Object.entries(call?.outputs ?? {}).flatMap(([name, { value }]) =>
    mentions(value).flatMap(([first, job = '', , output = '']) =>
      first === 'jobs' && workflow.jobs[job]?.outputs?.[output] === undefined
        ? [`output ${name}: jobs.${job}.outputs.${output} is declared nowhere`]
        : [],
    ),
  );
}

function checkJob(id: string, job: Job, workflow: Workflow, known: Known): string[] {
  const place = `jobs.${id}`;
  return [
    ...checkPermissions(`${place}.permissions`, job.permissions),
    ...checkNames(place, job, workflow, known),
    ...checkReusable(place, job, known),
    ...(job.steps ?? []).flatMap((step, index, steps) => [
      ...checkStep(`${place}.steps[${index}]`, step, known),
      ...checkOwnCheckout(`${place}.steps[${index}]`, step, steps.slice(0, index)),
    ]),
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

/** Our actions out of a checkout: of the repository and commit that the workflow comes from. */
function checkOwnCheckout(place: string, step: Step, before: readonly Step[]): string[] {
  const path = ownCheckout(step.uses);
  if (path === undefined) return [];
  const from = before.findLast(
    ({ uses, with: inputs }) => uses?.startsWith('actions/checkout@') && inputs?.path === path,
  );
  const isOwn =
    from?.with?.repository === '${{ job.workflow_repository }}' &&
    from.with.ref === '${{ job.workflow_sha }}';
  return isOwn ? [] : [`${place}: ${path} is not what this workflow comes from`];
}

function checkStep(place: string, step: Step, known: Known): string[] {
  const own = ownAction(step.uses);
  const declared = own === undefined ? undefined : fieldsOf(known.action(own).inputs);
  const stray =
    step.uses !== undefined && own === undefined && !/^[\w.-]+\/[\w./-]+@[\w.-]+$/.test(step.uses);
  const strangers =
    declared === undefined
      ? []
      : Object.keys(step.with ?? {}).filter((name) => !Object.hasOwn(declared, name));
  return [
    ...(stray ? [`${place}.uses: ${step.uses}`] : []),
    ...strangers.map((name) => `${place}.with: the action has no input ${name}`),
    // The value of an expression would be code there; as a variable of `env` it is data.
    ...(step.run?.includes('${{') ? [`${place}.run: an expression in a script`] : []),
    ...(step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false
      ? [`${place}: leaves the token in the checkout`]
      : []),
  ];
}

/** The names that all expressions in a value mention; a condition is one without the brackets. */
function mentions(value: unknown, bare = false): readonly (readonly string[])[] {
  if (value === undefined) return [];
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const found = bare && !text.includes('${{') ? [text] : expressionsIn(text);
  return found.flatMap(mentionsIn);
}

/** What `job` has, in a called workflow too: there `workflow_…` say where that one comes from. */
const jobProperties = (
  'status check_run_id container services ' +
  'workflow_ref workflow_sha workflow_repository workflow_file_path'
).split(' ');

/**
 * Every name that a job mentions is declared: outputs of steps before, of jobs it needs, of the
 * matrix, of the workflow.
 */
function checkNames(place: string, job: Job, workflow: Workflow, known: Known): string[] {
  const inputs =
    callOf(workflow)?.inputs ?? fieldsOf(fieldsOf(workflow.on).workflow_dispatch).inputs;
  const secrets = callOf(workflow)?.secrets;
  const before = new Map<string, Step>();
  const { steps = [], if: condition, ...rest } = job as Job & Fields;
  const matrix = JSON.stringify(fieldsOf(fieldsOf(rest.strategy).matrix));
  const isDeclared = ([context, name = '', part, output = '']: readonly string[]): boolean => {
    if (context === 'steps')
      return (
        before.has(name) && (part !== 'outputs' || declaresOutput(before.get(name), output, known))
      );
    if (context === 'needs')
      return (
        needsOf(job).includes(name) &&
        (part !== 'outputs' || jobDeclares(workflow.jobs[name], output, known))
      );
    if (context === 'matrix') return matrix.includes(`"${name}":`);
    if (context === 'inputs') return Object.hasOwn(fieldsOf(inputs), name);
    if (context === 'job') return jobProperties.includes(name);
    if (context === 'secrets')
      return (
        callOf(workflow) === undefined ||
        Object.hasOwn(fieldsOf(secrets), name) ||
        name === 'GITHUB_TOKEN'
      );
    return true;
  };
  const check = (value: unknown, bare = false) =>
    mentions(value, bare)
      .filter((parts) => !isDeclared(parts))
      .map((parts) => `${place}: ${parts.join('.')} is declared nowhere`);
  const inSteps = steps.flatMap((step) => {
    const { if: when, ...others } = step;
    const found = [...check(when, true), ...check(others)];
    if (step.id !== undefined) before.set(step.id, step);
    return found;
  });
  return [...inSteps, ...check(condition, true), ...check(rest)];
}

/**
 * For our own actions the outputs are known; a script must write the name into GITHUB_OUTPUT; of
 * others it is believed.
 */
function declaresOutput(step: Step | undefined, name: string, known: Known): boolean {
  const own = ownAction(step?.uses);
  if (own !== undefined) return Object.hasOwn(fieldsOf(known.action(own).outputs), name);
  const { run } = step ?? {};
  return run === undefined || (run.includes(`${name}=`) && run.includes('GITHUB_OUTPUT'));
}

function jobDeclares(job: Job | undefined, name: string, known: Known): boolean {
  const path = ownWorkflow(job?.uses);
  const outputs = path === undefined ? job?.outputs : known.call(path)?.outputs;
  return Object.hasOwn(fieldsOf(outputs), name);
}
