// How a job logs in to a registry and to what keeps a key: steps, permissions, what to prepare.
import { yamlLine } from '../../src/policies/yaml-text.ts';
import type { Choice, Registry, Signer } from './choices.ts';

/** A cloud that takes the identity of the workflow in place of a password. */
export type Cloud = 'aws' | 'azure' | 'google' | 'vault';

export interface RegistryWords {
  /** as a sentence names it */
  readonly name: string;
  /** `registry/repository` that is suggested */
  readonly image: string;
  /** hosts that this registry has, and no other; absent for a program that anybody may run */
  readonly hosts?: RegExp;
  /** parts that a repository has at least */
  readonly parts?: number;
  readonly cloud?: Cloud;
  /** names of the variable and the secret of a login by password */
  readonly login?: string;
  /** heading in docs/registries.md */
  readonly guide?: string;
}

export const registryWords: Readonly<Record<Registry, RegistryWords>> = {
  ghcr: {
    name: 'ghcr.io',
    image: 'ghcr.io/acme/app',
    hosts: /^ghcr\.io$/,
    parts: 2,
    guide: 'github-ghcr',
  },
  dockerhub: {
    name: 'Docker Hub',
    image: 'docker.io/acme/app',
    hosts: /^docker\.io$/,
    parts: 2,
    login: 'DOCKERHUB',
    guide: 'docker-hub',
  },
  ecr: {
    name: 'Amazon ECR',
    image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/app',
    hosts: /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?$/,
    cloud: 'aws',
    guide: 'amazon-ecr',
  },
  acr: {
    name: 'Azure Container Registry',
    image: 'acme.azurecr.io/acme/app',
    hosts: /^[a-z0-9]+\.azurecr\.(?:io|cn|us)$/,
    cloud: 'azure',
    guide: 'azure-acr',
  },
  gar: {
    name: 'Google Artifact Registry',
    image: 'europe-west1-docker.pkg.dev/acme/images/app',
    hosts: /^[a-z0-9-]+-docker\.pkg\.dev$/,
    parts: 3,
    cloud: 'google',
    guide: 'google-artifact-registry',
  },
  quay: { name: 'Quay', image: 'quay.io/acme/app', parts: 2, login: 'QUAY', guide: 'quay' },
  harbor: {
    name: 'Harbor',
    image: 'harbor.example.com/acme/app',
    parts: 2,
    login: 'HARBOR',
    guide: 'harbor',
  },
  gitlab: {
    name: 'GitLab',
    image: 'registry.gitlab.com/acme/app',
    parts: 2,
    login: 'GITLAB',
    guide: 'gitlab',
  },
  artifactory: {
    name: 'Artifactory',
    image: 'acme.jfrog.io/docker/app',
    login: 'ARTIFACTORY',
    guide: 'jfrog-artifactory',
  },
  ttlsh: { name: 'ttl.sh', image: 'ttl.sh/acme/app', hosts: /^ttl\.sh$/ },
};

export interface ServiceWords {
  readonly name: string;
  /** the address that is suggested */
  readonly address: string;
  readonly cloud: Cloud;
}

export const serviceWords: Readonly<Record<Exclude<Signer, 'key' | 'keyless'>, ServiceWords>> = {
  awskms: { name: 'AWS KMS', address: 'awskms:///alias/release', cloud: 'aws' },
  gcpkms: {
    name: 'Google Cloud KMS',
    address: 'gcpkms://projects/acme/locations/europe-west1/keyRings/images/cryptoKeys/release',
    cloud: 'google',
  },
  azurekms: {
    name: 'Azure Key Vault',
    address: 'azurekms://acme.vault.azure.net/release',
    cloud: 'azure',
  },
  hashivault: { name: 'HashiCorp Vault', address: 'hashivault://release', cloud: 'vault' },
};

const cloudNames: Readonly<Record<Cloud, string>> = {
  aws: 'AWS',
  azure: 'Azure',
  google: 'Google Cloud',
  vault: 'Vault',
};

/** The image that is meant where none is typed: named as the repository, where that is usual. */
export function suggestedImage({ registry, repository }: Pick<Choice, 'registry' | 'repository'>) {
  return registryWords[registry].image.replace(/acme\/app$/, repository.toLowerCase());
}

/** Where the key is, for a key in a service. */
export function serviceOf({ signer }: Pick<Choice, 'signer'>): ServiceWords | undefined {
  return signer === 'keyless' || signer === 'key' ? undefined : serviceWords[signer];
}

/** The clouds that the signing job, or with `gate` the verifying one, logs in to, each once. */
export function cloudsOf(choice: Choice, gate = false): readonly Cloud[] {
  const ofKey = gate ? undefined : serviceOf(choice)?.cloud;
  const all = [registryWords[choice.registry].cloud, ofKey].filter((one) => one !== undefined);
  return [...new Set(all)];
}

/** What `id-token: write` is for, as its comment says; undefined where it is not needed. */
export function tokenReason(choice: Choice, gate = false): string | undefined {
  const reasons = [
    ...(choice.signer === 'keyless' && !gate ? ['sign as this workflow'] : []),
    ...cloudsOf(choice, gate).map((cloud) => `log in to ${cloudNames[cloud]}`),
  ];
  return reasons.length === 0 ? undefined : reasons.join(', ');
}

/**
 * The steps of a job that log in, as lines from `- uses:` on.
 * @param when the condition of each, where it has one
 */
export function loginSteps(
  choice: Choice,
  host: string,
  { when, gate = false }: { readonly when?: string; readonly gate?: boolean },
): readonly string[] {
  const condition = when === undefined ? [] : [`  if: ${when}`];
  const withCondition = ([first = '', ...rest]: readonly string[]) => [
    first,
    ...condition,
    ...rest,
  ];
  const clouds = cloudsOf(choice, gate).map((cloud) => cloudStep(cloud, choice, host, gate));
  const registry = registryStep(choice, host);
  return [...clouds, ...(registry === undefined ? [] : [registry])].flatMap(withCondition);
}

function cloudStep(cloud: Cloud, choice: Choice, host: string, gate: boolean): readonly string[] {
  switch (cloud) {
    case 'aws':
      return step('aws-actions/configure-aws-credentials@v6', {
        'role-to-assume': '${{ vars.AWS_ROLE }}',
        'aws-region': regionOf(choice, host) ?? '${{ vars.AWS_REGION }}',
      });
    case 'azure':
      return step('azure/login@v3', {
        'client-id': '${{ vars.AZURE_CLIENT_ID }}',
        'tenant-id': '${{ vars.AZURE_TENANT_ID }}',
        'subscription-id': '${{ vars.AZURE_SUBSCRIPTION_ID }}',
      });
    case 'google':
      return step(
        'google-github-actions/auth@v3',
        {
          workload_identity_provider: '${{ vars.GOOGLE_WORKLOAD_IDENTITY_PROVIDER }}',
          service_account: '${{ vars.GOOGLE_SERVICE_ACCOUNT }}',
          ...(choice.registry === 'gar' ? { token_format: 'access_token' } : {}),
          // The file is for the key; a login needs the token alone.
          ...(choice.signer === 'gcpkms' && !gate ? {} : { create_credentials_file: 'false' }),
        },
        'google',
      );
    case 'vault':
      return step('hashicorp/vault-action@v3', {
        url: '${{ vars.VAULT_ADDR }}',
        method: 'jwt',
        role: 'sign-image',
        exportToken: 'true',
      });
  }
}

/** The region of the registry, else the one that the ARN of the key names. */
function regionOf({ signer, keyAddress }: Choice, host: string): string | undefined {
  const ofKey = signer === 'awskms' ? /:kms:([a-z0-9-]+):/.exec(keyAddress)?.[1] : undefined;
  return /\.ecr\.([a-z0-9-]+)\.amazonaws\./.exec(host)?.[1] ?? ofKey;
}

function registryStep({ registry }: Choice, host: string): readonly string[] | undefined {
  const { login } = registryWords[registry];
  const action = 'docker/login-action@v4';
  if (registry === 'ttlsh') return undefined;
  if (registry === 'ghcr')
    return step(action, {
      registry: yamlLine(host),
      username: '${{ github.actor }}',
      password: '${{ secrets.GITHUB_TOKEN }}',
    });
  if (registry === 'ecr') return step(action, { registry: yamlLine(host) });
  if (registry === 'acr')
    return [
      '- name: Log in to the registry',
      `  run: az acr login --name ${host.replace(/\.azurecr\..*$/, '')}`,
    ];
  if (registry === 'gar')
    return step(action, {
      registry: yamlLine(host),
      username: 'oauth2accesstoken',
      password: '${{ steps.google.outputs.access_token }}',
    });
  return step(action, {
    ...(registry === 'dockerhub' ? {} : { registry: yamlLine(host) }),
    username: `\${{ vars.${login}_USERNAME }}`,
    password: `\${{ secrets.${login}_TOKEN }}`,
  });
}

/** A step that uses an action, as lines. @param inputs as YAML: what was typed by `yamlLine` */
export function step(
  uses: string,
  inputs: Readonly<Record<string, string>>,
  id?: string,
): readonly string[] {
  return [
    `- uses: ${uses}`,
    ...(id === undefined ? [] : [`  id: ${id}`]),
    '  with:',
    ...Object.entries(inputs).map(([name, value]) => `    ${name}: ${value}`),
  ];
}

/** What has to be there before the first run: one sentence each. */
export function preparations(choice: Choice): readonly string[] {
  const { login, name } = registryWords[choice.registry];
  const region = regionOf(choice, choice.image.split('/', 1)[0] ?? '');
  const ofClouds: Readonly<Record<Cloud, string>> = {
    aws: 'AWS: a role that trusts GitHub’s identity tokens, as the variable `AWS_ROLE`.',
    azure:
      'Azure: an application with a federated credential for this repository; its numbers as the variables `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_SUBSCRIPTION_ID`.',
    google:
      'Google Cloud: a workload identity provider and a service account, as the variables `GOOGLE_WORKLOAD_IDENTITY_PROVIDER` and `GOOGLE_SERVICE_ACCOUNT`.',
    vault:
      'Vault: a role `sign-image` of the auth method jwt that trusts GitHub’s identity tokens; the address as the variable `VAULT_ADDR`.',
  };
  return [
    ...(login === undefined
      ? []
      : [
          `${name}: the account as the variable \`${login}_USERNAME\`, a token that may push as the secret \`${login}_TOKEN\`.`,
        ]),
    ...cloudsOf(choice).map((cloud) => ofClouds[cloud]),
    ...(cloudsOf(choice).includes('aws') && region === undefined
      ? ['The region of the key as the variable `AWS_REGION`.']
      : []),
    ...(choice.signer === 'key'
      ? [
          `A key pair: run \`${choice.owner}/sign-image/keygen@v1\` once. It stores \`COSIGN_PRIVATE_KEY\` and \`COSIGN_PASSWORD\` as secrets.`,
        ]
      : []),
    ...(choice.signer !== 'keyless' && choice.gate === 'signer'
      ? ['The public key, committed as `cosign.pub`.']
      : []),
  ];
}
