// Every input of every action and command, once: what parses and masks them goes through these
// rows, and a test compares them with the action.yml files.

/** One input. */
export interface InputRow {
  readonly kind: Kind;
  /** as it is written; of a switch or a choice the value that counts when it is empty */
  readonly default?: string;
  /** masked before anything that can fail: always; a key, unless it is a path or an address; … */
  readonly secret?: 'always' | 'key' | 'unless-public';
  /** the variable that counts when the input is empty */
  readonly variable?: string;
  /** what it is for, in sentences, as Markdown */
  readonly sentence: string;
}

/**
 * How an input is read. `text`: one text; `repository`: `registry/repository`; `password`: one with its spaces and line breaks; `list`:
 * one entry a line; `images`, `globs`: also split at commas; `switch`: true or false; a list of
 * words: one of them.
 */
export type Kind =
  | 'text'
  | 'password'
  | 'list'
  | 'images'
  | 'globs'
  | 'annotations'
  | 'switch'
  | 'duration'
  | 'digest'
  | 'url'
  | 'host'
  | 'repository'
  | readonly [string, ...string[]];

export type Table = Readonly<Record<string, InputRow>>;

const shared = {
  metadata: {
    kind: 'text',
    sentence:
      'The `metadata` output of docker/build-push-action or docker/bake-action. The step reads image names and digests from it.',
  },
  'registry-username': {
    kind: 'text',
    sentence:
      'The user name for `registry`. The step sends it to no other host. Every other registry gets the docker login on the machine; so does this one without a user name.',
  },
  'registry-password': {
    kind: 'password',
    secret: 'always',
    sentence: 'The password or token that belongs to `registry-username`.',
  },
  'allow-http-registry': {
    kind: 'switch',
    default: 'false',
    sentence: 'Speak plain http to the registry. Registries on loopback may always be http.',
  },
  'allow-insecure-registry': {
    kind: 'switch',
    default: 'false',
    sentence: "Do not verify the registry's TLS certificate.",
  },
  timeout: {
    kind: 'duration',
    default: '5m',
    sentence: 'The time for the whole step, retries included, such as `90s`, `5m` or `1h30m`.',
  },
} as const satisfies Table;

/** The inputs of sign-image. */
export const signTable = {
  images: {
    kind: 'images',
    sentence:
      'The images to sign, `registry/repository[:tag][@sha256:…]`, one a line or separated by commas; or a JSON array of them, such as the output `images` of another step. The step expands short names of Docker Hub as Docker does, and takes `oci://` in front (Helm charts) off.',
  },
  digest: {
    kind: 'digest',
    sentence:
      'The digest of the pushed image, for example the output `digest` of the step that built it. It counts for every entry of `images` that names no digest. An entry with another digest is an error.',
  },
  metadata: shared.metadata,
  recursive: {
    kind: 'switch',
    default: 'false',
    sentence:
      'Also sign every manifest inside an image index, that is platform images and attestation manifests.',
  },
  key: {
    kind: 'text',
    secret: 'key',
    sentence:
      "The private key to sign with: the text of a PEM (encrypted cosign key, PKCS#8, SEC1 or PKCS#1; RSA or EC), `env://NAME`, a path, or a KMS reference. Without it the workflow's own identity signs (keyless).",
  },
  'key-password': {
    kind: 'password',
    secret: 'always',
    variable: 'COSIGN_PASSWORD',
    sentence:
      'The password of an encrypted key. When this is empty, the variable `COSIGN_PASSWORD` counts.',
  },
  certificate: {
    kind: 'text',
    secret: 'unless-public',
    sentence:
      'A certificate of `key` by an authority of your own: the text of a PEM, `env://NAME`, or a path. Verifiers ask for the name in it, not for the key. It needs `certificate-chain`.',
  },
  'certificate-chain': {
    kind: 'text',
    secret: 'unless-public',
    sentence:
      'The authorities above `certificate`, who issued it first and the root last, in the same forms.',
  },
  annotations: {
    kind: 'annotations',
    sentence:
      'Annotations to sign with the image, one `name=value` a line. The value may contain `=`. The step keeps quotes as they are.',
  },
  'github-annotations': {
    kind: 'switch',
    default: 'false',
    sentence:
      'Also sign the annotations `repository`, `workflow`, `ref`, `sha`, `run_id`, `run_attempt` and `actor` of this run.',
  },
  format: {
    kind: ['auto', 'bundle', 'legacy', 'both'],
    default: 'auto',
    sentence:
      'How to store signatures: `bundle` (Sigstore bundle as an OCI referrer), `legacy` (the tag `sha256-….sig` of cosign 1 and 2), `both`, or `auto`, which is the bundle, and the legacy signature wherever the log can give it what legacy verifiers need.',
  },
  tlog: {
    kind: 'switch',
    default: 'true',
    sentence:
      'Record the signatures in the transparency log. Keyless signing without a timestamp does not allow `false`.',
  },
  'tlog-fallback': {
    kind: ['timestamp'],
    sentence:
      'With `timestamp`, sign with a timestamp only while every log is down. Many verifiers refuse that.',
  },
  'skip-existing': {
    kind: 'switch',
    default: 'true',
    sentence:
      'Do not write again what a valid signature of the same signer with the same annotations and format already says.',
  },
  verify: {
    kind: 'switch',
    default: 'true',
    sentence:
      'Read the signatures back from the registry and verify them as a stranger would. The step fails when they do not verify.',
  },
  'identity-token': {
    kind: 'text',
    secret: 'always',
    variable: 'SIGSTORE_ID_TOKEN',
    sentence:
      "An OIDC token to sign with instead of GitHub's. When this is empty, the variable `SIGSTORE_ID_TOKEN` counts.",
  },
  'oidc-audience': {
    kind: 'text',
    default: 'sigstore',
    sentence: "The audience to ask GitHub's OIDC provider for. A given token must have it too.",
  },
  'fulcio-url': {
    kind: 'url',
    sentence:
      'The address of the certificate authority, in place of the one that the signing config names.',
  },
  'rekor-url': {
    kind: 'url',
    sentence:
      'The address of the transparency log, in place of the one that the signing config names.',
  },
  'timestamp-url': {
    kind: 'url',
    sentence:
      'The address of the timestamp authority (RFC 3161), in place of the one that the signing config names.',
  },
  'rekor-version': {
    kind: ['1', '2'],
    sentence:
      'The API version of `rekor-url` (when empty, the step asks), or of the log that signs: `1` or `2`.',
  },
  'signing-config': {
    kind: 'text',
    sentence: 'A Sigstore SigningConfig, as a path or as the JSON itself.',
  },
  'trusted-root': {
    kind: 'text',
    sentence: 'A Sigstore TrustedRoot, as a path or as the JSON itself.',
  },
  'tuf-mirror': {
    kind: 'url',
    sentence:
      'The address of another TUF repository to get the trusted root and the signing config from.',
  },
  'tuf-root': {
    kind: 'text',
    sentence: 'The first `root.json` of `tuf-mirror`, as a path or as the JSON itself.',
  },
  'disclose-private-repository': {
    kind: 'switch',
    default: 'false',
    sentence:
      'Keyless signing against the public-good instance publishes the names of the repository and the workflow. The step refuses that from a private or internal repository, before it contacts any service, unless this is `true`.',
  },
  registry: {
    kind: 'host',
    sentence:
      'The host that `registry-username` and `registry-password` are for, such as `ghcr.io`. By default it is the registry that all entries of `images` are on. A name that comes out of `metadata` never decides it: with `metadata` alone, a login needs this input.',
  },
  'registry-username': shared['registry-username'],
  'registry-password': shared['registry-password'],
  'signature-repository': {
    kind: 'repository',
    variable: 'COSIGN_REPOSITORY',
    sentence:
      'The repository to keep what is signed in, `registry/repository`, instead of the one of the image. When this is empty, the variable `COSIGN_REPOSITORY` counts.',
  },
  'allow-http-registry': shared['allow-http-registry'],
  'allow-insecure-registry': shared['allow-insecure-registry'],
  timeout: shared.timeout,
  'github-token': {
    kind: 'text',
    default: '${{ github.token }}',
    secret: 'always',
    sentence:
      "The token to ask for the repository's visibility with, when the event does not tell it.",
  },
} as const satisfies Table;

const { annotations: _, 'github-annotations': __, ...written } = signTable;

/** The inputs of sign-image/attest. */
export const attestTable = {
  'predicate-type': {
    kind: 'text',
    sentence:
      "The type of `predicate`: one of cosign's names, `slsaprovenance1`, `slsaprovenance`, `spdx`, `cyclonedx`, `vuln`, `openvex`, or the URI of a predicate type.",
  },
  predicate: {
    kind: 'text',
    sentence:
      'What is attested: one JSON object, as text or as a path; at most 16 MiB, and as text 100 KB. The step signs it letter by letter, as you give it.',
  },
  'sbom-path': {
    kind: 'text',
    sentence:
      'The path of an SBOM in JSON (SPDX 2 or 3, or CycloneDX), in place of `predicate`. The step reads the type from it.',
  },
  ...written,
  images: {
    ...written.images,
    sentence: written.images.sentence.replace('The images to sign', 'The images to attest'),
  },
  recursive: {
    ...written.recursive,
    sentence:
      'Also attest every manifest inside an image index, that is platform images and attestation manifests.',
  },
  format: {
    ...written.format,
    sentence:
      'How to store attestations: `bundle` (Sigstore bundle as an OCI referrer), `legacy` (the tag `sha256-….att` of cosign 1 and 2), `both`, or `auto`, which is the bundle, and the legacy attestation wherever the log can give it what legacy verifiers need.',
  },
  tlog: {
    ...written.tlog,
    sentence: written.tlog.sentence.replace('the signatures', 'the attestations'),
  },
  'skip-existing': {
    ...written['skip-existing'],
    sentence:
      'Do not write again what a valid attestation of the same signer with the same type, predicate and format already says.',
  },
  verify: {
    ...written.verify,
    sentence: written.verify.sentence.replace('the signatures', 'the attestations'),
  },
} as const satisfies Table;

/** The inputs of sign-image/verify. */
export const verifyTable = {
  images: {
    kind: 'images',
    sentence:
      'The images to verify, `registry/repository[:tag][@sha256:…]`, one a line or separated by commas; or a JSON array of them, such as the output `images` of another step. The step expands short names of Docker Hub as Docker does, and takes `oci://` in front (Helm charts) off.',
  },
  digest: {
    kind: 'digest',
    sentence:
      'The digest of the image. It counts for every entry of `images` that names no digest. An entry with another digest is an error.',
  },
  metadata: shared.metadata,
  recursive: {
    kind: 'switch',
    default: 'false',
    sentence:
      'Every manifest inside an image index must verify as well, that is platform images and attestation manifests.',
  },
  key: {
    kind: 'text',
    secret: 'unless-public',
    sentence:
      'The public key that must have signed: the text of a PEM, `env://NAME`, a path, or a KMS reference. Several PEM blocks mean any of them. In a pull request a path is the file that it brings; with `changed-only` the gate reads it from the base.',
  },
  'certificate-identity': {
    kind: 'list',
    sentence:
      'The identity that must have signed (keyless), exactly, such as `https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/heads/main`. Several lines mean any of them.',
  },
  'certificate-identity-regexp': {
    kind: 'list',
    sentence:
      'A regular expression of Go (RE2) that must match the whole identity, in place of `certificate-identity`. Several lines mean any of them.',
  },
  'certificate-oidc-issuer': {
    kind: 'list',
    sentence:
      "The issuer of that identity, exactly. Several lines mean any of them. Without any issuer it is GitHub's, `https://token.actions.githubusercontent.com`, also on GitHub Enterprise Server.",
  },
  'certificate-oidc-issuer-regexp': {
    kind: 'list',
    sentence:
      'A regular expression of Go (RE2) that must match the whole issuer, in place of `certificate-oidc-issuer`. Several lines mean any of them.',
  },
  'ca-roots': {
    kind: 'text',
    secret: 'unless-public',
    sentence:
      "Roots of your own certificate authorities, in the place of Fulcio's: the text of PEM blocks, `env://NAME`, or a path. Something must prove when a certificate was used.",
  },
  'ca-intermediates': {
    kind: 'text',
    secret: 'unless-public',
    sentence: 'Authorities between a certificate and `ca-roots`, in the same forms.',
  },
  'github-repository': {
    kind: 'text',
    sentence:
      "The repository (`owner/name`) whose workflow run signed, as the certificate says it. With a reusable workflow this differs from the identity, which names the workflow's file.",
  },
  'github-ref': {
    kind: 'text',
    sentence:
      'The ref that the signing run was started for, such as `refs/heads/main`, as the certificate says it.',
  },
  'github-sha': {
    kind: 'text',
    sentence: 'The commit that the signing run was started for, as the certificate says it.',
  },
  'github-event': {
    kind: 'text',
    sentence: 'The event that started the signing run, such as `push`, as the certificate says it.',
  },
  'github-workflow-ref': {
    kind: 'text',
    sentence: 'The workflow that was started, `owner/name/path@ref`, as the certificate says it.',
  },
  'github-runner-environment': {
    kind: 'text',
    sentence:
      'Where the signing run ran, `github-hosted` or `self-hosted`, as the certificate says it.',
  },
  'github-repository-id': {
    kind: 'text',
    sentence:
      'The number of the repository whose workflow run signed (`github.repository_id`), as the certificate says it. It survives a rename, and whoever takes an abandoned name has another one.',
  },
  'github-repository-owner-id': {
    kind: 'text',
    sentence:
      'The number of the account or organization that owns that repository (`github.repository_owner_id`), as the certificate says it.',
  },
  'github-environment': {
    kind: 'text',
    sentence:
      'The deployment environment that the signing job ran in, such as `production`, as the certificate says it.',
  },
  'github-workflow-sha': {
    kind: 'text',
    sentence:
      "The commit of the file of the workflow that was started (`github.workflow_sha`), as the certificate says it. cosign's flag of that name means `github-sha`.",
  },
  'source-repository': {
    kind: 'text',
    sentence:
      'The address of the repository that was built, such as `https://gitlab.com/acme/app`, as the certificate says it. This and the next ones are for every issuer: GitHub, GitLab, CircleCI, Buildkite.',
  },
  'source-ref': {
    kind: 'text',
    sentence: 'The ref that was built, such as `refs/heads/main`, as the certificate says it.',
  },
  'source-sha': {
    kind: 'text',
    sentence: 'The commit that was built, as the certificate says it.',
  },
  'build-config': {
    kind: 'text',
    sentence:
      'The address of the file that says how to build, such as `https://gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main`, as the certificate says it.',
  },
  'build-trigger': {
    kind: 'text',
    sentence: 'What started the build, such as `push`, as the certificate says it.',
  },
  'runner-environment': {
    kind: 'text',
    sentence:
      'Where the build ran, such as `gitlab-hosted` or `self-hosted`, as the certificate says it.',
  },
  annotations: {
    kind: 'annotations',
    sentence:
      'Annotations that the signature must carry, one `name=value` a line. The value may contain `=`.',
  },
  'attestation-type': {
    kind: 'list',
    sentence:
      "Attestations that the image must carry as well, by the same signer, one a line; all of them: `slsaprovenance1`, `slsaprovenance`, `spdx`, `cyclonedx`, `vuln`, `openvex` (cosign's names), or the URI of a predicate type.",
  },
  signature: {
    kind: ['required', 'ignore'],
    default: 'required',
    sentence:
      'Whether the image must be signed: `required`; or `ignore`, so that only the attestations count, for images of builders that sign nothing else. `ignore` needs `attestation-type`.',
  },
  policy: {
    kind: 'list',
    sentence:
      'Policy files that say who must have signed which image, as paths or globs: of Kyverno, sigstore or OpenShift, a `policy.json`, or a list of signers (`KnownSigners`). A line with `!` in front takes out what an earlier line chose. In a pull request they are the files that it brings; with `changed-only` the gate reads them from the base.',
  },
  'known-signers': {
    kind: 'switch',
    default: 'false',
    sentence:
      'Images of well-known publishers must be signed by them, as the list of this action says. The gate lists one that the list knows as unsigned, or does not know, as `not-judged`; it does not fail. An identity, key or policy of your own comes first.',
  },
  files: {
    kind: 'globs',
    sentence:
      'Files to read image references from, as globs: Dockerfile, compose, Kubernetes, kustomize, Helm values, workflow files. A line with `!` in front takes out what an earlier line chose.',
  },
  'changed-only': {
    kind: 'switch',
    default: 'false',
    sentence:
      'Read only those of `files` that the pull request changes, as its head has them. What a link or a submodule that it changes may bring in is unresolved. The gate reads files that `key`, `ca-roots`, `policy`, `trusted-root` and others name from its base.',
  },
  'only-images': {
    kind: 'globs',
    sentence:
      'Globs over the images that `files` name, such as `ghcr.io/acme/**`. The gate judges only these. It lists the others as `not-judged`; they do not fail. Globs fit names without tag and digest. The gate always judges an image that `images` names.',
  },
  'skip-images': {
    kind: 'globs',
    sentence:
      'Globs over the images that `files` name. The gate lists these as `not-judged`; they do not fail.',
  },
  tlog: {
    kind: ['required', 'ignore'],
    default: 'required',
    sentence:
      'What the transparency log must say: `required`, an entry that holds; or `ignore`, the gate does not look at log entries. A keyless signature must then carry a timestamp of a trusted authority.',
  },
  fail: {
    kind: 'switch',
    default: 'true',
    sentence:
      'An image that does not verify fails the step. With `false` the step only reports it. A step that cannot look at its images still fails.',
  },
  comment: {
    kind: 'switch',
    default: 'false',
    sentence: 'Keep one comment on the pull request up to date.',
  },
  sarif: { kind: 'text', sentence: 'The path to write the findings to, for code scanning.' },
  'trusted-root': {
    kind: 'text',
    sentence:
      'A Sigstore TrustedRoot, as a path or as the JSON itself. Without it the one of the public instance counts. In a pull request a path is the file that it brings; with `changed-only` the gate reads it from the base.',
  },
  'tuf-mirror': {
    kind: 'url',
    sentence: 'The address of another TUF repository to get the trusted root from.',
  },
  'tuf-root': {
    kind: 'text',
    sentence:
      'The first `root.json` of `tuf-mirror`, as a path or as the JSON itself. In a pull request a path is the file that it brings; with `changed-only` the gate reads it from the base.',
  },
  registry: {
    kind: 'host',
    sentence:
      'The host that `registry-username` and `registry-password` are for, such as `ghcr.io`. By default it is the registry that all entries of `images` are on. A name that comes out of `files` or `metadata` never decides it: with these alone, a login needs this input.',
  },
  'registry-username': shared['registry-username'],
  'registry-password': shared['registry-password'],
  'signature-repository': {
    kind: 'repository',
    variable: 'COSIGN_REPOSITORY',
    sentence:
      'The repository to read signatures and attestations from, `registry/repository`, instead of the one of the image. Policies that name one, and known signers, come first. When this is empty, the variable `COSIGN_REPOSITORY` counts.',
  },
  'allow-http-registry': shared['allow-http-registry'],
  'allow-insecure-registry': shared['allow-insecure-registry'],
  timeout: shared.timeout,
  'github-token': {
    kind: 'text',
    default: '${{ github.token }}',
    secret: 'always',
    sentence:
      'The token to ask for the files of the pull request and to write the comment with. Not needed for anything else.',
  },
} as const satisfies Table;

/** The inputs of sign-image/keygen. */
export const keygenTable = {
  repository: {
    kind: 'text',
    variable: 'GITHUB_REPOSITORY',
    sentence:
      'The repository whose secrets are set, `owner/name`; by default the one that this workflow is in. With `organization` it is the repository that may use the secrets.',
  },
  environment: {
    kind: 'text',
    sentence:
      'The environment of the repository whose secrets are set, so that only jobs in it can sign.',
  },
  organization: {
    kind: 'text',
    sentence: "The organisation whose secrets are set, in place of the repository's.",
  },
  'github-token': {
    kind: 'text',
    secret: 'always',
    sentence:
      'A token that may write secrets: of a GitHub App, or a fine-grained personal access token, with the permission Secrets (of an environment Environments) set to write. The `GITHUB_TOKEN` of a workflow never may.',
  },
  'secret-prefix': {
    kind: 'text',
    default: 'COSIGN',
    sentence:
      'What the names of the secrets begin with. `COSIGN` makes `COSIGN_PRIVATE_KEY`, `COSIGN_PASSWORD` and `COSIGN_PUBLIC_KEY`.',
  },
  password: {
    kind: 'password',
    secret: 'always',
    sentence:
      'The password that the private key is encrypted with. One of 256 random bits is made when this is empty.',
  },
  overwrite: {
    kind: 'switch',
    default: 'false',
    sentence:
      'Replace secrets that exist. What the old key has signed can then be verified with the old public key only.',
  },
  'public-key-file': {
    kind: 'text',
    sentence: 'The path to write the public key to, in the workspace, for example `cosign.pub`.',
  },
} as const satisfies Table;
