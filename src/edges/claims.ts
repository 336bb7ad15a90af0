import type { GithubClaims, SourceClaims } from '../signature/policy.ts';

// The inputs that ask for what a certificate says of the run, once: which claim an input is, how a
// value must look, and how a report names it.

/** One claim, as an input asks for it. */
export interface ClaimInput {
  readonly input: string;
  /** what a report calls it */
  readonly title: string;
  /** a value of another form can fit no certificate */
  readonly form: RegExp;
  /** what a value of another form is, the end of a sentence */
  readonly what: string;
  /** the value that may have been meant */
  readonly meant: (text: string) => string;
}

const commit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const notCommit = 'is not a whole commit, which has 40 digits in lower case';
const notNumber = 'is not a number';

/** Inputs `github-…`. */
export const githubInputs: Readonly<Record<keyof GithubClaims, ClaimInput>> = {
  repository: {
    input: 'github-repository',
    title: 'Repository',
    form: /^[\w.-]+\/[\w.-]+$/,
    what: 'is not owner/name',
    meant: (text) => /([\w-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(text)?.[1] ?? 'OWNER/NAME',
  },
  ref: {
    input: 'github-ref',
    title: 'Ref',
    form: /^refs\//,
    what: 'is not a whole ref',
    meant: (text) => `refs/${/^v?\d+(\.|$)/.test(text) ? 'tags' : 'heads'}/${text}`,
  },
  sha: {
    input: 'github-sha',
    title: 'Commit',
    form: commit,
    what: notCommit,
    meant: () => '${{ github.sha }}',
  },
  event: {
    input: 'github-event',
    title: 'Event',
    form: /^\w+$/,
    what: 'is not the name of an event',
    meant: () => 'push',
  },
  workflowRef: {
    input: 'github-workflow-ref',
    title: 'Started workflow',
    form: /^[\w.-]+\/[\w.-]+\/[^@]+@refs\/.+$|^[\w.-]+\/[\w.-]+\/[^@]+@[0-9a-f]{40}$/,
    what: 'is not owner/name/path@ref',
    meant: (text) => {
      const [path = '', ref = 'main'] = text.replace(/^https?:\/\/[^/]+\//, '').split('@');
      const whole = /\.ya?ml$/.test(path) && path.split('/').length > 2;
      return `${whole ? path : 'OWNER/NAME/.github/workflows/FILE.yml'}@${ref.startsWith('refs/') ? ref : `refs/heads/${ref}`}`;
    },
  },
  runnerEnvironment: {
    input: 'github-runner-environment',
    title: 'Runner',
    form: /^(?:github-hosted|self-hosted)$/,
    what: 'is not `github-hosted` or `self-hosted`',
    meant: () => 'github-hosted',
  },
  repositoryId: {
    input: 'github-repository-id',
    title: 'Repository id',
    form: /^[1-9]\d*$/,
    what: notNumber,
    meant: () => '${{ github.repository_id }}',
  },
  repositoryOwnerId: {
    input: 'github-repository-owner-id',
    title: 'Owner id',
    form: /^[1-9]\d*$/,
    what: notNumber,
    meant: () => '${{ github.repository_owner_id }}',
  },
  environment: {
    input: 'github-environment',
    title: 'Environment',
    form: /^[^\r\n]+$/,
    what: 'is not the name of an environment',
    meant: () => 'production',
  },
  workflowSha: {
    input: 'github-workflow-sha',
    title: "Workflow's commit",
    form: commit,
    what: notCommit,
    meant: () => '${{ github.workflow_sha }}',
  },
};

const address = /^[a-z][a-z0-9+.-]*:\/\/\S+$/;
const oneWord = /^\S+$/;

/** Inputs that hold for every CI system. */
export const sourceInputs: Readonly<Record<keyof SourceClaims, ClaimInput>> = {
  repository: {
    input: 'source-repository',
    title: 'Source repository',
    form: address,
    what: 'is not a whole address',
    meant: (text) => `https://${/^[\w.-]+\.\w+\//.test(text) ? text : 'gitlab.com/OWNER/NAME'}`,
  },
  ref: {
    input: 'source-ref',
    title: 'Source ref',
    form: oneWord,
    what: 'is not a ref',
    meant: () => 'refs/heads/main',
  },
  sha: {
    input: 'source-sha',
    title: 'Source commit',
    form: oneWord,
    what: 'is not a commit',
    meant: () => '${{ github.sha }}',
  },
  buildConfig: {
    input: 'build-config',
    title: 'Build config',
    form: address,
    what: 'is not a whole address',
    meant: () => 'https://gitlab.com/OWNER/NAME//.gitlab-ci.yml@refs/heads/main',
  },
  buildTrigger: {
    input: 'build-trigger',
    title: 'Build trigger',
    form: oneWord,
    what: 'is not one word',
    meant: () => 'push',
  },
  runnerEnvironment: {
    input: 'runner-environment',
    title: 'Runner environment',
    form: oneWord,
    what: 'is not one word',
    meant: () => 'gitlab-hosted',
  },
};

/** What is asked of a certificate besides who it names, or what one says. */
export interface Claims {
  readonly github?: GithubClaims;
  readonly source?: SourceClaims;
}

/** The claims that are there, each with its input, in the order of the inputs. */
export function claimEntries({ github = {}, source = {} }: Claims): readonly {
  readonly claim: ClaimInput;
  readonly value: string;
}[] {
  return [...entriesOf(githubInputs, github), ...entriesOf(sourceInputs, source)];
}

function entriesOf<Name extends string>(
  inputs: Readonly<Record<Name, ClaimInput>>,
  claims: { readonly [name in Name]?: string },
) {
  return (Object.keys(inputs) as Name[]).flatMap((name) => {
    const value = claims[name];
    return value === undefined ? [] : [{ claim: inputs[name], value }];
  });
}
