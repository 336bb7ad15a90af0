// Every workflow that this repository runs, offers or shows, checked as GitHub would, and a little
// stricter.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkPrivileges } from './privileges.ts';
import { checkWorkflow, type Known } from './workflow-check.ts';
import {
  callOf,
  filesIn,
  type Interface,
  read,
  readWorkflow,
  root,
  workflowFolders,
} from './workflow-file.ts';

const known: Known = {
  action: (path) => parse(read(path)) as Interface,
  call: (path) => callOf(readWorkflow(path)),
};

const files = workflowFolders.flatMap(filesIn);

describe.each(files)('%s', (path) => {
  it('is a workflow that GitHub accepts, and names nothing that is not there', () => {
    expect(checkWorkflow(read(path).replaceAll('$default-branch', 'main'), known)).toEqual([]);
  });

  it('gives each job what its steps need, and no more', () => {
    const workflow = readWorkflow(path);
    if (callOf(workflow) === undefined) return expect(checkPrivileges(workflow)).toEqual([]);
    // A called workflow has what its caller gives; the examples that call it are judged by what it
    // needs.
    expect(Object.values(workflow.jobs).map(({ permissions }) => permissions)).toEqual(
      Object.values(workflow.jobs).map(() => undefined),
    );
  });

  it('says why each permission to write is there', () => {
    const lines = read(path)
      .split('\n')
      .filter((line) => /^\s+[\w-]+: write\b/.test(line));
    expect(path.endsWith('before.yml') ? [] : lines.filter((line) => !/ # \w/.test(line))).toEqual(
      [],
    );
  });
});

// Examples and templates are read and copied: they name versions by tag, as the documentation of
// each action does, and ours as `@v1`. What runs in this repository is pinned by commit
// (action/workflows.test.ts).
it.each([...filesIn('examples'), ...filesIn('workflow-templates')])(
  '%s names actions by the tag of a major version',
  (path) => {
    const uses = [...read(path).matchAll(/\buses: (\S+)/g)].map(([, name = '']) => name);
    expect(uses.filter((name) => !/@v\d+$/.test(name))).toEqual([]);
    expect(
      uses.some((name) => name.startsWith('OWNER/sign-image')) || path.endsWith('before.yml'),
    ).toBe(true);
  },
);

it.each(filesIn('examples'))('%s is in the list of examples', (path) => {
  expect(read('examples/README.md')).toContain(`](${path.replace('examples/', '')})`);
});

it.each(filesIn('workflow-templates'))('%s has its properties and its icon', (path) => {
  const properties = JSON.parse(read(path.replace(/\.yml$/, '.properties.json')));
  expect(properties).toEqual({
    name: expect.stringMatching(/^.{10,60}$/),
    description: expect.stringMatching(/^.{20,120}\.$/),
    iconName: expect.any(String),
    categories: expect.arrayContaining([expect.any(String)]),
  });
  expect(properties.name).toBe((parse(read(path)) as { name: string }).name);
  expect(existsSync(join(root, 'workflow-templates', `${properties.iconName}.svg`))).toBe(true);
});

it.each(filesIn('.github/ISSUE_TEMPLATE').filter((path) => !path.endsWith('config.yml')))(
  '%s is a form',
  (path) => {
    const { name, description, body, ...rest } = parse(read(path)) as {
      name: string;
      description: string;
      body: { type: string; id?: string; attributes: object }[];
    };
    expect(Object.keys(rest)).toEqual(['labels']);
    expect([name, description]).toEqual([expect.any(String), expect.any(String)]);
    const types = ['markdown', 'textarea', 'input', 'dropdown', 'checkboxes'];
    expect(
      body.filter(
        ({ type, id }) => !types.includes(type) || (type !== 'markdown' && id === undefined),
      ),
    ).toEqual([]);
    expect(new Set(body.map(({ id }) => id)).size).toBe(body.length);
  },
);

/** A small workflow that is right, and what breaks when one text in it is replaced by another. */
const right = `
on: push
permissions: {}
jobs:
  one:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      id-token: write # sign
    outputs:
      image: \${{ steps.sign.outputs.image }}
    steps:
      - uses: actions/checkout@v7
        with:
          persist-credentials: false
      - uses: OWNER/sign-image@v1
        id: sign
        with:
          images: ttl.sh/app:1h
  two:
    needs: one
    runs-on: ubuntu-latest
    permissions: {}
    steps:
      - env:
          IMAGE: \${{ needs.one.outputs.image }}
        run: echo "$IMAGE"
`;

describe('the checks themselves', () => {
  it('find nothing in a workflow that is right', () => {
    expect([...checkWorkflow(right, known), ...checkPrivileges(parse(right))]).toEqual([]);
  });

  it.each([
    [
      'runs-on: ubuntu-latest\n    permissions: {}',
      'runs_on: ubuntu-latest\n    permissions: {}',
      "Unexpected value 'runs_on'",
    ],
    ['on: push', 'on: pushed', "Unexpected value 'pushed'"],
    [
      'permissions: {}\njobs',
      'permissions: write-all\njobs',
      'permissions: write-all gives more than is needed; name the permissions',
    ],
    ['id-token: write', 'id_token: write', "Unexpected value 'id_token'"],
    ['contents: read', 'contents: reading', "Unexpected value 'reading'"],
    ['images: ttl.sh', 'tags: ttl.sh', 'jobs.one.steps[1].with: the action has no input tags'],
    [
      'steps.sign.outputs.image',
      'steps.sign.outputs.reference',
      'jobs.one: steps.sign.outputs.reference is declared nowhere',
    ],
    [
      'steps.sign.outputs.image',
      'steps.signed.outputs.image',
      'jobs.one: steps.signed.outputs.image is declared nowhere',
    ],
    [
      'needs.one.outputs.image',
      'needs.one.outputs.digest',
      'jobs.two: needs.one.outputs.digest is declared nowhere',
    ],
    ['    needs: one\n', '', 'jobs.two: needs.one.outputs.image is declared nowhere'],
    [
      'echo "$IMAGE"',
      'echo "${{ github.head_ref }}"',
      'jobs.two.steps[0].run: an expression in a script',
    ],
    [
      'persist-credentials: false',
      'fetch-depth: 0',
      'jobs.one.steps[0]: leaves the token in the checkout',
    ],
    ['images: ttl.sh/app:1h', 'images: ${{ secret.NAME }}', "Unrecognized named-value: 'secret'"],
    ['images: ttl.sh/app:1h', "images: ${{ lower('A') }}", "Unrecognized function: 'lower'"],
    ['id: sign', 'id: sign\n        uses: a/b@v1', "'uses' is already defined"],
    ['images: ttl.sh/app:1h', 'images: ${{ job.workflow_sah }}', 'job.workflow_sah is declared'],
    [
      'OWNER/sign-image@v1',
      './.sign-image',
      'jobs.one.steps[1]: .sign-image is not what this workflow comes from',
    ],
    ['      id-token: write # sign\n', '', 'jobs.one: id-token: write is missing'],
    [
      'id-token: write # sign',
      'id-token: write # sign\n      packages: write',
      'jobs.one: packages: write is more than its steps need',
    ],
    ['    permissions: {}\n', '', 'jobs.two: says nothing of permissions'],
  ])('find %j replaced by %j', (from, to, problem) => {
    const text = right.replace(from, () => to);
    expect(text).not.toBe(right);
    const broken = [...checkWorkflow(text, known)];
    // A text that is no workflow for GitHub has no permissions to look at.
    if (broken.length === 0) broken.push(...checkPrivileges(parse(text)));
    expect(broken.join('\n')).toContain(problem);
  });
});
