import type { InputSource } from './read.ts';
import type { Table } from './table.ts';

// Names of inputs and variables that people bring along from cosign and from other actions. The
// runner hands undeclared inputs on, after a warning that is easy to miss.

/** Something that is set and means nothing here, and what was meant. */
export interface Mistake {
  /** as it is written in the workflow */
  readonly wrong: string;
  /** the input that was meant, where it is one */
  readonly right?: string;
  /** one sentence: what to write instead */
  readonly fix: string;
  /** true where nothing else is signed, published or trusted than was meant */
  readonly harmless: boolean;
}

/** An input of this action, or a sentence that says what to do. */
type Meaning = string;
type Names = Readonly<Record<string, Meaning>>;

const noProgram = 'Remove it: no program is installed, the action signs and verifies by itself.';
const noQuestion = 'Remove it: the action asks no questions.';
const alwaysPushed =
  'Remove it: signatures are always pushed, beside the image or to `signature-repository`.';
const harmlessSentences: readonly Meaning[] = [noProgram, noQuestion, alwaysPushed];

const everywhere: Names = {
  image: 'images',
  tag: 'images',
  tags: 'images',
  'image-name': 'images',
  'image-ref': 'images',
  'image-uri': 'images',
  reference: 'images',
  'subject-name': 'images',
  'image-digest': 'digest',
  'subject-digest': 'digest',
  user: 'registry-username',
  username: 'registry-username',
  password: 'registry-password',
  'registry-token': 'registry-password',
  'k8s-keychain': 'Remove it: run docker/login-action before this step.',
  'github-auth-token': 'github-token',
  token: 'github-token',
  annotation: 'annotations',
  platforms: 'Write `recursive: true` to include every platform.',
  'tuf-url': 'tuf-mirror',
  'trusted-root-path': 'trusted-root',
  'allow-http': 'allow-http-registry',
  'allow-insecure': 'allow-insecure-registry',
  'cosign-repository': 'signature-repository',
  'signature-repo': 'signature-repository',
  'attestation-repository': 'signature-repository',
  'cosign-release': noProgram,
  'cosign-version': noProgram,
  'install-dir': noProgram,
  'use-sudo': noProgram,
  yes: noQuestion,
};

const signing: Names = {
  'private-key': 'key',
  'signing-key': 'key',
  'cosign-key': 'key',
  'cosign-private-key': 'key',
  'kms-key': 'key',
  'cosign-password': 'key-password',
  'key-pass': 'key-password',
  'key-passphrase': 'key-password',
  passphrase: 'key-password',
  cert: 'certificate',
  'signing-certificate': 'certificate',
  'cert-chain': 'certificate-chain',
  chain: 'certificate-chain',
  'tlog-upload': 'tlog',
  'upload-tlog': 'tlog',
  'transparency-log': 'tlog',
  'no-tlog-upload': 'Write `tlog: false`.',
  'skip-tlog': 'Write `tlog: false`.',
  'timestamp-server-url': 'timestamp-url',
  'tsa-url': 'timestamp-url',
  'oidc-client-id': 'oidc-audience',
  audience: 'oidc-audience',
  'id-token': 'identity-token',
  'oidc-issuer':
    'Remove it: the token says its issuer. A token of another issuer goes into `identity-token`.',
  'new-bundle-format': 'Write `format: bundle`, or `format: legacy` in place of `false`.',
  'registry-referrers-mode': 'Write `format: bundle`.',
  'use-signing-config': 'Remove it: the signing config of the instance is always used.',
  'push-to-registry': alwaysPushed,
  'subject-path': 'Remove it: this action signs images. Name them in `images`.',
  'subject-checksums': 'Remove it: this action signs images. Name them in `images`.',
  'sign-container-identity':
    'Remove it: the name that is signed is that of the repository in `images`.',
};

const verifying: Names = {
  identity: 'certificate-identity',
  'cert-identity': 'certificate-identity',
  'signer-workflow': 'certificate-identity',
  'certificate-identity-regex': 'certificate-identity-regexp',
  'cert-identity-regex': 'certificate-identity-regexp',
  'identity-regexp': 'certificate-identity-regexp',
  issuer: 'certificate-oidc-issuer',
  'cert-oidc-issuer': 'certificate-oidc-issuer',
  'certificate-issuer': 'certificate-oidc-issuer',
  'oidc-issuer': 'certificate-oidc-issuer',
  'certificate-oidc-issuer-regex': 'certificate-oidc-issuer-regexp',
  'public-key': 'key',
  'cosign-key': 'key',
  'cosign-public-key': 'key',
  'private-key': 'key',
  'certificate-github-workflow-repository': 'github-repository',
  'certificate-github-workflow-ref': 'github-ref',
  'certificate-github-workflow-sha': 'github-sha',
  'certificate-github-workflow-trigger': 'github-event',
  'certificate-github-workflow-name':
    "Write `github-workflow-ref: owner/name/.github/workflows/FILE@REF`: a workflow's title proves nothing.",
  repo: 'github-repository',
  repository: 'github-repository',
  owner:
    'Write `certificate-identity-regexp: https://github\\.com/OWNER/REPO/\\.github/workflows/FILE@.*`.',
  ref: 'github-ref',
  sha: 'github-sha',
  event: 'github-event',
  'deny-self-hosted-runners': 'Write `github-runner-environment: github-hosted`.',
  policies: 'policy',
  'policy-file': 'policy',
  file: 'files',
  paths: 'files',
  'insecure-ignore-tlog': 'Write `tlog: ignore`.',
  'insecure-ignore-sct': 'Remove it: certificates are always checked whole.',
  'rekor-url': 'Remove it: what logs are trusted stands in `trusted-root`.',
  'certificate-chain':
    'Put its last certificate into `ca-roots`, and the others into `ca-intermediates`.',
  certificate:
    'Remove it: signatures carry their certificate. Name who must have signed in `certificate-identity`.',
  cert: 'Remove it: signatures carry their certificate. Name who must have signed in `certificate-identity`.',
  'ca-root': 'ca-roots',
  'root-cert': 'ca-roots',
  'ca-cert': 'ca-roots',
  'timestamp-certificate-chain':
    'Put the chain into a trusted root: `trusted-root: trusted_root.json`.',
  offline: 'Remove it, and set `trusted-root:`: nothing but the registry is contacted then.',
  'fail-on-error': 'fail',
};

const attesting: Names = {
  ...signing,
  sbom: 'sbom-path',
  'sbom-file': 'sbom-path',
  bom: 'sbom-path',
  'predicate-path': 'predicate',
  'predicate-file': 'predicate',
  type: 'predicate-type',
  'attestation-type': 'predicate-type',
  annotations: 'Remove it: an attestation says its predicate and nothing besides.',
  'subject-path': 'Remove it: this action attests images. Name them in `images`.',
  'subject-checksums': 'Remove it: this action attests images. Name them in `images`.',
  statement: 'Write its predicate to a file, and name that in `predicate`.',
  'bundle-path': 'Remove it: the path of the bundle is the output `bundle`.',
};

const promoting: Names = {
  target: 'to',
  targets: 'to',
  destination: 'to',
  destinations: 'to',
  dest: 'to',
  'target-image': 'to',
  source: 'images',
  'source-image': 'images',
  only: 'include',
  platform: 'Remove it: an index is copied whole, so that its digest and signatures stay.',
  platforms: 'Remove it: an index is copied whole, so that its digest and signatures stay.',
};

/** What is looked for in the inputs of each action. */
const tables = {
  sign: { ...everywhere, ...signing },
  attest: { ...everywhere, ...attesting },
  verify: { ...everywhere, ...verifying },
  promote: { ...everywhere, ...verifying, ...promoting },
} as const satisfies Record<string, Names>;

/**
 * The inputs that this step sets and the action does not have, as far as it is known what was
 * meant: names of other tools, `_` for `-`, and slips of the pen.
 * @param inputs every input that the action has
 */
export function otherNames(
  source: InputSource,
  action: keyof typeof tables,
  inputs: Table,
): readonly Mistake[] {
  const names = new Set(Object.keys(inputs));
  return Object.entries(source.env).flatMap(([variable, value]) => {
    const wrong = /^INPUT_(.+)$/.exec(variable)?.[1]?.toLowerCase();
    if (wrong === undefined || names.has(wrong) || !value?.trim()) return [];
    return mistakeOf(wrong, tables[action], names) ?? [];
  });
}

function mistakeOf(wrong: string, table: Names, names: ReadonlySet<string>): Mistake | undefined {
  const plain = wrong.replaceAll('_', '-');
  const meant = names.has(plain)
    ? plain
    : Object.hasOwn(table, plain)
      ? table[plain]
      : [...names].find((name) => isSlip(plain, name));
  if (meant === undefined) return undefined;
  return names.has(meant)
    ? { wrong, right: meant, fix: `Rename \`${wrong}\` to \`${meant}\`.`, harmless: false }
    : { wrong, fix: meant, harmless: harmlessSentences.includes(meant) };
}

/**
 * True where two names differ as a slip of the pen makes them: one letter more, less or other, or
 * two neighbours exchanged. Short words are too near to each other for that.
 */
function isSlip(written: string, name: string): boolean {
  if (name.length < 5 || Math.abs(written.length - name.length) > 1) return false;
  let start = 0;
  while (start < name.length && written[start] === name[start]) start++;
  const [left, right] = [written.slice(start), name.slice(start)];
  return (
    left.slice(1) === right.slice(1) ||
    left.slice(1) === right ||
    left === right.slice(1) ||
    (left[0] === right[1] && left[1] === right[0] && left.slice(2) === right.slice(2))
  );
}

/** Variables of cosign that say what is trusted and where things are recorded. */
const trustVariables: Names = {
  TUF_MIRROR: 'Write `tuf-mirror:` and `tuf-root:`.',
  TUF_ROOT_JSON: 'Write `tuf-mirror:` and `tuf-root:`.',
  SIGSTORE_ROOT_FILE: 'Write `trusted-root:`, with a TrustedRoot as JSON.',
  SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: 'Write `trusted-root:`, with a TrustedRoot as JSON.',
  SIGSTORE_REKOR_PUBLIC_KEY: 'Write `trusted-root:`, with a TrustedRoot as JSON.',
  SIGSTORE_TSA_CERTIFICATE_FILE: 'Write `trusted-root:`, with a TrustedRoot as JSON.',
};

/**
 * cosign's variables that this step sets and that mean nothing here. Left unread, they would let a
 * step publish or trust what its author had ruled out.
 * @param ownTrust true where inputs say what is trusted, or where nothing is trusted or published
 */
export function otherVariables(env: InputSource['env'], ownTrust: boolean): readonly Mistake[] {
  if (ownTrust) return [];
  return Object.entries(trustVariables).flatMap(([wrong, fix]) =>
    env[wrong]?.trim() ? [{ wrong, fix, harmless: false }] : [],
  );
}
