// What a reader of the builder chooses, and all of it: the form and the tests walk these tables.

/** A value of a choice, and how the form says it. */
export interface Option<Value extends string = string> {
  readonly value: Value;
  readonly label: string;
}

export const registries = [
  { value: 'ghcr', label: 'GitHub (ghcr.io)' },
  { value: 'dockerhub', label: 'Docker Hub' },
  { value: 'ecr', label: 'Amazon ECR' },
  { value: 'acr', label: 'Azure Container Registry' },
  { value: 'gar', label: 'Google Artifact Registry' },
  { value: 'quay', label: 'Quay' },
  { value: 'harbor', label: 'Harbor' },
  { value: 'gitlab', label: 'GitLab' },
  { value: 'artifactory', label: 'JFrog Artifactory' },
  { value: 'ttlsh', label: 'ttl.sh (to try, no account)' },
] as const satisfies readonly Option[];

export const signers = [
  { value: 'keyless', label: 'Keyless: the workflow signs as itself' },
  { value: 'key', label: 'A key in the secrets of the repository' },
  { value: 'awskms', label: 'A key in AWS KMS' },
  { value: 'gcpkms', label: 'A key in Google Cloud KMS' },
  { value: 'azurekms', label: 'A key in Azure Key Vault' },
  { value: 'hashivault', label: 'A key in HashiCorp Vault' },
] as const satisfies readonly Option[];

export const platforms = [
  { value: 'one', label: 'One platform' },
  { value: 'several', label: 'linux/amd64 and linux/arm64, each signed' },
] as const satisfies readonly Option[];

export const gates = [
  { value: 'none', label: 'No gate' },
  { value: 'signer', label: 'By who signed: the workflow, or the key' },
  { value: 'policies', label: 'By the policy of the cluster' },
] as const satisfies readonly Option[];

export const clusters = [
  { value: 'none', label: 'No policy' },
  { value: 'kyverno-validating', label: 'Kyverno ImageValidatingPolicy' },
  { value: 'kyverno-cluster', label: 'Kyverno ClusterPolicy' },
  { value: 'policy-controller', label: 'policy-controller of sigstore' },
  { value: 'openshift', label: 'OpenShift ClusterImagePolicy' },
  { value: 'podman', label: 'podman, skopeo: policy.json' },
  { value: 'talos', label: 'Talos' },
  { value: 'flux', label: 'Flux' },
] as const satisfies readonly Option[];

export const releases = [
  { value: 'branch', label: 'From the branch' },
  { value: 'tags', label: 'From version tags' },
] as const satisfies readonly Option[];

type ValueOf<Options extends readonly Option[]> = Options[number]['value'];

export type Registry = ValueOf<typeof registries>;
export type Signer = ValueOf<typeof signers>;
export type Cluster = ValueOf<typeof clusters>;

/** What is chosen of the tables above. */
export interface Chosen {
  readonly registry: Registry;
  readonly signer: Signer;
  readonly platforms: ValueOf<typeof platforms>;
  readonly gate: ValueOf<typeof gates>;
  readonly cluster: Cluster;
  readonly release: ValueOf<typeof releases>;
}

/** What is typed. */
export interface Typed {
  /** the account that sign-image belongs to */
  readonly owner: string;
  /** `owner/name` of the repository whose workflow signs */
  readonly repository: string;
  readonly branch: string;
  /** `registry/repository`, without tag and digest; empty for what the registry suggests */
  readonly image: string;
  /** address of the key in a service; empty for what the service suggests */
  readonly keyAddress: string;
  /** PEM, for the policies of a key */
  readonly publicKey: string;
}

export type Choice = Chosen & Typed;

/** The tables by the name of the choice, in the order of the form. */
export const tables = {
  registry: registries,
  signer: signers,
  platforms,
  gate: gates,
  cluster: clusters,
  release: releases,
} as const satisfies { readonly [Name in keyof Chosen]: readonly Option<Chosen[Name]>[] };

export const start: Choice = {
  registry: 'ghcr',
  signer: 'keyless',
  platforms: 'one',
  gate: 'signer',
  cluster: 'kyverno-validating',
  release: 'branch',
  owner: 'OWNER',
  repository: 'acme/app',
  branch: 'main',
  image: '',
  keyAddress: '',
  publicKey: '',
};

/** Every combination of the values of these choices; the others as they are at the start. */
export function combinations(names: readonly (keyof Chosen)[]): readonly Chosen[] {
  return names.reduce<readonly Chosen[]>(
    (all, name) =>
      all.flatMap((one) => tables[name].map(({ value }) => ({ ...one, [name]: value }))),
    [start],
  );
}

/** True for a key, wherever it is; keyless has none. */
export function byKey({ signer }: Pick<Chosen, 'signer'>): boolean {
  return signer !== 'keyless';
}

/** True for a key that stays in a service. */
export function inService({ signer }: Pick<Chosen, 'signer'>): boolean {
  return byKey({ signer }) && signer !== 'key';
}
