import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
}

export interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly uses?: string;
  readonly if?: string;
  readonly concurrency?: unknown;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>> | 'inherit';
  readonly outputs?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

export interface CallInput {
  readonly type: string;
  readonly default?: unknown;
  readonly required?: boolean;
}

export interface WorkflowCall {
  readonly inputs?: Readonly<Record<string, CallInput>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
}

/** A workflow as far as the tests read it; `workflow-check.ts` checks the rest. */
export interface Workflow {
  readonly on: unknown;
  readonly concurrency?: unknown;
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** An action.yml, as far as a workflow can be wrong about it. */
export interface Interface {
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export const root = join(import.meta.dirname, '../..');
export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every YAML file of a folder, with its path from the root. */
export function filesIn(folder: string): readonly string[] {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.yml'));
  return names.sort().map((name) => `${folder}/${name}`);
}

/** Where workflows are that somebody else copies or calls, and those of the repository itself. */
export const workflowFolders = ['.github/workflows', 'examples', 'workflow-templates'] as const;

/** The action that a `uses:` means, when it is one of ours: the path of its action.yml. */
export function ownAction(uses: string | undefined): string | undefined {
  const match =
    /^(?:OWNER\/sign-image(\/verify|\/attest|\/promote|\/keygen)?@v1|\.(?:\/\.sign-image)?(\/verify|\/attest|\/promote|\/keygen)?\/?)$/.exec(
      uses ?? '',
    );
  return match === null
    ? undefined
    : `${(match[1] ?? match[2] ?? '').slice(1)}/action.yml`.replace(/^\//, '');
}

/** The folder that a `uses:` takes one of our actions out of, where a step has checked it out. */
export function ownCheckout(uses: string | undefined): string | undefined {
  return /^\.\/(\.sign-image)(?:\/|$)/.exec(uses ?? '')?.[1];
}

/** The reusable workflow that a job's `uses:` means, when it is one of ours: its path. */
export function ownWorkflow(uses: string | undefined): string | undefined {
  return /^OWNER\/sign-image\/(\.github\/workflows\/[\w-]+\.yml)@v1$/.exec(uses ?? '')?.[1];
}

export function readWorkflow(path: string): Workflow {
  return parse(read(path)) as Workflow;
}

export function callOf(workflow: Workflow): WorkflowCall | undefined {
  const on = workflow.on as { workflow_call?: WorkflowCall | null } | string | null;
  return typeof on === 'object' && on !== null && Object.hasOwn(on, 'workflow_call')
    ? (on.workflow_call ?? {})
    : undefined;
}

export function needsOf({ needs = [] }: Job): readonly string[] {
  return typeof needs === 'string' ? [needs] : needs;
}
