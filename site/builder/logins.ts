// How a job logs in to a registry and to what keeps a key: steps, permissions, what to prepare.
import type { Choice, Registry, Signer } from './choices.ts';

/** A cloud that takes the identity of the workflow in place of a password. */
export type Cloud = 'aws' | 'azure' | 'google' | 'vault';

export interface RegistryWords {
  /** as a sentence names it */
  readonly name: string;
  /** `registry/repository` that is suggested */
  readonly image: string;
  readonly cloud?: Cloud;
  /** names of the variable and the secret of a login by password */
  readonly login?: string;
}

export const registryWords: Readonly<Record<Registry, RegistryWords>> = {
  ghcr: { name: 'ghcr.io', image: 'ghcr.io/acme/app' },
  dockerhub: { name: 'Docker Hub', image: 'docker.io/acme/app', login: 'DOCKERHUB' },
  ecr: {
    name: 'Amazon ECR',
    image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/app',
    cloud: 'aws',
  },
  acr: { name: 'Azure Container Registry', image: 'acme.azurecr.io/acme/app', cloud: 'azure' },
  gar: {
    name: 'Google Artifact Registry',
    image: 'europe-west1-docker.pkg.dev/acme/images/app',
    cloud: 'google',
  },
  quay: { name: 'Quay', image: 'quay.io/acme/app', login: 'QUAY' },
  harbor: { name: 'Harbor', image: 'harbor.example.com/acme/app', login: 'HARBOR' },
  gitlab: { name: 'GitLab', image: 'registry.gitlab.com/acme/app', login: 'GITLAB' },
  artifactory: {
    name: 'Artifactory',
    image: 'acme.jfrog.io/docker/app',
    login: 'ARTIFACTORY',
  },
  ttlsh: { name: 'ttl.sh', image: 'ttl.sh/acme/app' },
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
    case 'aws': {
      const region = /\.ecr\.([a-z0-9-]+)\.amazonaws\./.exec(host)?.[1] ?? 'eu-central-1';
      return step('aws-actions/configure-aws-credentials@v6', {
        'role-to-assume': '${{ vars.AWS_ROLE }}',
        'aws-region': region,
      });
    }
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

function registryStep({ registry }: Choice, host: string): readonly string[] | undefined {
  const { login } = registryWords[registry];
  const action = 'docker/login-action@v4';
  if (registry === 'ttlsh') return undefined;
  if (registry === 'ghcr')
    return step(action, {
      registry: host,
      username: '${{ github.actor }}',
      password: '${{ secrets.GITHUB_TOKEN }}',
    });
  if (registry === 'ecr') return step(action, { registry: host });
  if (registry === 'acr')
    return [
      '- name: Log in to the registry',
      `  run: az acr login --name ${host.replace(/\.azurecr\..*$/, '')}`,
    ];
  if (registry === 'gar')
    return step(action, {
      registry: host,
      username: 'oauth2accesstoken',
      password: '${{ steps.google.outputs.access_token }}',
    });
  return step(action, {
    ...(registry === 'dockerhub' ? {} : { registry: host }),
    username: `\${{ vars.${login}_USERNAME }}`,
    password: `\${{ secrets.${login}_TOKEN }}`,
  });
}

/** A step that uses an action, as lines. */
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
