import { type Table, verifyTable } from './table.ts';

// The inputs of sign-image/promote: what it needs itself, and all that the gate takes to say whose
// signature counts. Loaded at every start of the command, so nothing here loads more than the table.

/** Inputs of the gate that promote has no use for: what reads files, and how a gate reports. */
const ofGateAlone = [
  'files',
  'changed-only',
  'only-images',
  'skip-images',
  'fail',
  'comment',
  'sarif',
  'github-token',
] as const;

type OfGateAlone = (typeof ofGateAlone)[number];
type Shared = Omit<typeof verifyTable, OfGateAlone>;

const shared = Object.fromEntries(
  Object.entries(verifyTable).filter(
    ([name]) => !(ofGateAlone as readonly string[]).includes(name),
  ),
) as unknown as Shared;

/** The inputs of sign-image/promote. */
export const promoteTable = {
  images: {
    kind: 'images',
    sentence:
      'The images to promote, `registry/repository[:tag][@sha256:…]`, one a line or separated by commas; or a JSON array of them, such as the output `images` of another step. The step resolves a tag once, and verifies and copies the digest.',
  },
  digest: shared.digest,
  metadata: shared.metadata,
  to: {
    kind: 'list',
    sentence:
      'Where to, one target a line: `registry/repository[:tag]`, or `registry/prefix/` to put each image under its own repository name there. Without a tag an image keeps those that `images` names it with. The step uses the docker login on the machine for every target.',
  },
  include: {
    kind: 'list',
    default: 'all',
    sentence:
      'What goes along: `signatures`, `attestations`, both (one a line), or `all`, that is every referrer and the tags `sha256-….sig`, `.att` and `.sbom`.',
  },
  'to-signature-repository': {
    kind: 'repository',
    sentence:
      'The repository at the targets to put signatures in, `registry/repository`, instead of beside each image.',
  },
  recursive: {
    kind: 'switch',
    default: 'false',
    sentence:
      'Every manifest inside an image index must verify as well, at the source and at the target. The step copies the index whole either way.',
  },
  ...(({ images: _, digest: __, metadata: ___, recursive: ____, ...rest }: Shared) => rest)(shared),
  key: {
    kind: 'text',
    secret: 'unless-public',
    sentence:
      'The public key that must have signed: the text of a PEM, `env://NAME`, a path, or a KMS reference. Several PEM blocks mean any of them.',
  },
  policy: {
    kind: 'list',
    sentence:
      'Policy files that say who must have signed which image, as paths or globs: of Kyverno, sigstore or OpenShift, or a `policy.json`. The step judges the copies under the names of their sources. A line with `!` in front takes out what an earlier line chose.',
  },
  'known-signers': {
    kind: 'switch',
    default: 'false',
    sentence:
      'Images of well-known publishers must be signed by them, as the list of this action says. The step does not promote an image that the list does not know, or knows as unsigned. An identity, key or policy of your own comes first.',
  },
  'trusted-root': {
    kind: 'text',
    sentence:
      'A Sigstore TrustedRoot, as a path or as the JSON itself. Without it the one of the public instance counts.',
  },
  'tuf-root': {
    kind: 'text',
    sentence: 'The first `root.json` of `tuf-mirror`, as a path or as the JSON itself.',
  },
  registry: {
    kind: 'host',
    sentence:
      'The host that `registry-username` and `registry-password` are for, such as `ghcr.io`: a registry that images come from. By default it is the registry that all entries of `images` are on. A name that comes out of `metadata` never decides it: with `metadata` alone, a login needs this input.',
  },
  'registry-username': {
    kind: 'text',
    sentence:
      'The user name for `registry`, to read from. The step sends it to no other host and to no target. These get the docker login on the machine; so does this one without a user name.',
  },
  'signature-repository': {
    ...shared['signature-repository'],
    sentence:
      'The repository to read and copy signatures of the sources from, `registry/repository`, instead of the one of each image. When this is empty, the variable `COSIGN_REPOSITORY` counts.',
  },
  timeout: {
    kind: 'duration',
    default: '15m',
    sentence: 'The time for the whole step, retries included, such as `90s`, `15m` or `1h30m`.',
  },
} as const satisfies Table;
