// The workflows: what signs, and the gate of pull requests. The files of workflow-templates/ are
// made of these, and a test compares them.
import { yamlLine } from '../../src/policies/yaml-text.ts';
import { byKey, type Choice } from './choices.ts';
import {
  loginSteps,
  registryWords,
  serviceOf,
  step,
  suggestedImage,
  tokenReason,
} from './logins.ts';

const push = "github.event_name != 'pull_request'";
/** What GitHub replaces in a template; nobody can type it. */
export const templateBranch = '$default-branch';
/** Forks get neither secrets nor an identity: there the gate reads without a login. */
const ownBranch = 'github.event.pull_request.head.repo.full_name == github.repository';

/** Where a choice leads: file names and names of the workflows. */
export function namesOf(choice: Choice) {
  const key = byKey(choice);
  return {
    publish: {
      file: `publish-and-sign${key ? '-with-key' : ''}.yml`,
      name: `Publish and sign a container image${key ? ' with a key' : ''}`,
    },
    gate: {
      file:
        choice.gate === 'policies'
          ? 'verify-by-policies.yml'
          : `verify-in-pull-requests${key ? '-with-key' : ''}.yml`,
      name:
        choice.gate === 'policies'
          ? 'Verify signatures by policies in pull requests'
          : `Verify signatures ${key ? 'by key ' : ''}in pull requests`,
    },
  };
}

/** True for the image that is named as its repository: GitHub says that name in a workflow. */
function isOwn(choice: Choice): boolean {
  return choice.registry === 'ghcr' && choice.image === suggestedImage(choice);
}

function imageIn(choice: Choice): string {
  return isOwn(choice) ? 'ghcr.io/${{ github.repository }}' : yamlLine(choice.image);
}

/** The branch as YAML: `1.10` would be a number, `on` a switch. */
function branchIn({ branch }: Choice): string {
  return branch === templateBranch ? branch : yamlLine(branch);
}

interface Head {
  readonly name: string;
  readonly sentences: Parameters<typeof comment>[0];
  /** lines of the event beside pull requests */
  readonly push: readonly string[];
  /** whether a new run of the same branch ends the one before, as a value of YAML */
  readonly cancels: string;
}

/** What stands above the jobs of each workflow. */
function head(choice: Choice, { name, sentences, push, cancels }: Head): readonly string[] {
  return [
    ...[`name: ${name}`, '', ...comment(sentences), ''],
    ...['on:', ...push, '  pull_request:', `    branches: [${branchIn(choice)}]`, ''],
    ...['permissions: {}', ''],
    ...['concurrency:', '  group: ${{ github.workflow }}-${{ github.ref }}'],
    ...[`  cancel-in-progress: ${cancels}`, ''],
  ];
}

/** The workflow that builds, pushes and signs. */
export function publishWorkflow(choice: Choice): string {
  const { registry } = choice;
  const several = choice.platforms === 'several';
  const token = tokenReason(choice);
  const host = choice.image.split('/', 1)[0] ?? '';
  return text([
    ...head(choice, {
      name: namesOf(choice).publish.name,
      sentences: publishSentences(choice),
      push: ['  push:', `    branches: [${branchIn(choice)}]`, "    tags: ['v*']"],
      cancels: "${{ github.event_name == 'pull_request' }}",
    }),
    'jobs:',
    '  publish:',
    '    runs-on: ubuntu-latest',
    '    timeout-minutes: 30',
    '    permissions:',
    '      contents: read',
    ...(registry === 'ghcr' ? ['      packages: write # push the image and its signatures'] : []),
    ...(token === undefined ? [] : [`      id-token: write # ${token}`]),
    '    steps:',
    ...indented(
      [
        ...checkout,
        ...loginSteps(choice, host, { when: push }),
        ...(several
          ? ['- uses: docker/setup-qemu-action@v4', '- uses: docker/setup-buildx-action@v4']
          : []),
        ...buildSteps(choice),
        ...signStep(choice),
      ],
      6,
    ),
  ]);
}

function publishSentences(choice: Choice): string {
  const { name } = registryWords[choice.registry];
  const service = serviceOf(choice);
  const how = {
    keyless: 'as this workflow (Sigstore keyless: no key to keep)',
    key: `with the key in the secrets COSIGN_PRIVATE_KEY and COSIGN_PASSWORD, which ${choice.owner}/sign-image/keygen makes`,
  };
  const signs =
    choice.signer === 'keyless' || choice.signer === 'key'
      ? how[choice.signer]
      : `with a key that stays in ${service?.name}`;
  const log = byKey(choice)
    ? '`tlog: false` keeps the name of a private repository out of the public log.'
    : 'Keyless signatures are recorded in a public log with the name of the repository; the step refuses to do that from a private one.';
  const accepts =
    choice.gate === 'none' ? '' : ` "${namesOf(choice).gate.name}" accepts what it signs.`;
  return `This workflow builds the Dockerfile of the repository. On a push it pushes the image to ${name} and signs it ${signs}. On a pull request it only builds. ${log}${accepts}`;
}

const checkout = ['- uses: actions/checkout@v7', '  with:', '    persist-credentials: false'];

function buildSteps(choice: Choice): readonly string[] {
  return [
    ...step(
      'docker/metadata-action@v6',
      {
        images: imageIn(choice),
        // There a tag is how long the image stays.
        ...(choice.registry === 'ttlsh' ? { tags: 'type=raw,value=1h' } : {}),
      },
      'names',
    ),
    ...step(
      'docker/build-push-action@v7',
      {
        push: `\${{ ${push} }}`,
        ...(choice.platforms === 'several' ? { platforms: 'linux/amd64,linux/arm64' } : {}),
        tags: '${{ steps.names.outputs.tags }}',
        labels: '${{ steps.names.outputs.labels }}',
      },
      'build',
    ),
  ];
}

function signStep(choice: Choice): readonly string[] {
  const [uses = '', ...rest] = step(`${choice.owner}/sign-image@v1`, {
    metadata: '${{ steps.build.outputs.metadata }}',
    ...(choice.platforms === 'several' ? { recursive: 'true' } : {}),
    // It has no place for bundles.
    ...(choice.registry === 'gitlab' ? { format: 'legacy' } : {}),
    ...(choice.signer === 'key'
      ? {
          key: '${{ secrets.COSIGN_PRIVATE_KEY }}',
          'key-password': '${{ secrets.COSIGN_PASSWORD }}',
        }
      : {}),
    ...(serviceOf(choice) === undefined ? {} : { key: yamlLine(choice.keyAddress) }),
    ...(byKey(choice) ? { tlog: 'false' } : {}),
  });
  const env =
    choice.signer === 'hashivault' ? ['  env:', '    VAULT_ADDR: ${{ vars.VAULT_ADDR }}'] : [];
  return [uses, `  if: ${push}`, ...env, ...rest];
}

/**
 * The workflow that refuses a pull request which names an unsigned image.
 * @param policy path of the policy in the repository, for a gate by policies
 */
export function gateWorkflow(choice: Choice, policy?: string): string {
  const { registry } = choice;
  const token = tokenReason(choice, true);
  const host = choice.image.split('/', 1)[0] ?? '';
  const when = registry === 'ghcr' ? {} : { when: `${ownBranch} # forks have no login` };
  return text([
    ...head(choice, {
      name: namesOf(choice).gate.name,
      sentences: gateSentences(choice),
      push: [],
      cancels: 'true',
    }),
    'jobs:',
    '  verify:',
    '    runs-on: ubuntu-latest',
    '    timeout-minutes: 15',
    '    permissions:',
    '      contents: read',
    ...(registry === 'ghcr' ? ['      packages: read # private images on ghcr.io'] : []),
    '      pull-requests: write # keep one comment up to date',
    ...(token === undefined ? [] : [`      id-token: write # ${token}`]),
    '    steps:',
    ...indented(
      [
        ...checkout,
        ...loginSteps(choice, host, { ...when, gate: true }),
        `- uses: ${choice.owner}/sign-image/verify@v1`,
        '  with:',
        ...indented(gateInputs(choice, policy), 4),
      ],
      6,
    ),
  ]);
}

function gateSentences(choice: Choice): string {
  const ghcr = isOwn(choice);
  const owner = ghcr ? ' of this owner' : ` below ${namespaceOf(choice)}`;
  const refuses = `This workflow refuses a pull request that makes a manifest, compose file or Dockerfile name an unsigned image${owner}.`;
  const publish = namesOf(choice).publish.name;
  if (choice.gate === 'policies')
    return `${refuses} An image counts as signed when the policies in the folder policies/ say so, which are those of the base: a pull request cannot change its own judges.`;
  if (byKey(choice))
    return `${refuses} An image counts as signed when the key signed it whose public half is committed as cosign.pub; a pull request cannot bring its own. "${publish}" signs with such a key. Leave \`tlog: ignore\` out where signing leaves \`tlog: false\` out.`;
  const signer = ghcr
    ? `a workflow publish-and-sign.yml of this owner signed it, on the branch ${choice.branch === templateBranch ? 'main' : choice.branch} or a tag v…`
    : `the workflow publish-and-sign.yml of ${choice.repository} signed it, on the branch ${choice.branch} or a tag v…`;
  return `${refuses} An image counts as signed when ${signer}; "${publish}" is that workflow. Where another workflow signs, write its file: the output \`identity\` of sign-image says it.`;
}

function namespaceOf({ image }: Choice): string {
  return image.slice(0, image.lastIndexOf('/'));
}

function gateInputs(choice: Choice, policy: string | undefined): readonly string[] {
  const ghcr = isOwn(choice);
  const chosen = ghcr ? 'ghcr.io/${{ github.repository_owner }}' : namespaceOf(choice);
  return [
    'files: |',
    '  **/*.yaml',
    '  **/*.yml',
    '  **/Dockerfile',
    '  # What a Helm chart runs is known when it is rendered: give what `helm template` prints.',
    '  !**/templates/**',
    '  !**/values*.yaml',
    `only-images: ${chosen}/** # images of others are listed, and not judged`,
    'changed-only: true',
    'comment: true',
    ...(choice.platforms === 'several' ? ['recursive: true'] : []),
    ...signerInputs(choice, policy),
  ];
}

function signerInputs(choice: Choice, policy: string | undefined): readonly string[] {
  if (choice.gate === 'policies') return [`policy: ${policy ?? 'policies/**/*.yaml'}`];
  if (byKey(choice)) return ['key: cosign.pub', 'tlog: ignore'];
  const ghcr = isOwn(choice);
  const repository = ghcr
    ? '${{ github.repository_owner }}/[^/]+'
    : choice.repository.replaceAll('.', '\\.');
  const branch = choice.branch === templateBranch ? 'main' : choice.branch.replaceAll('.', '\\.');
  return [
    `certificate-identity-regexp: https://github\\.com/${repository}/\\.github/workflows/publish-and-sign\\.yml@refs/(heads/${branch}|tags/v.+)`,
  ];
}

const indented = (lines: readonly string[], by: number): readonly string[] =>
  lines.map((line) => `${' '.repeat(by)}${line}`);

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** Sentences as lines of a comment, of at most 100 columns. */
function comment(sentences: string): readonly string[] {
  const lines: string[] = [];
  for (const word of sentences.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= 100)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}
