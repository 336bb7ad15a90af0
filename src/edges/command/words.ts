// The commands, and what help says of their flags.

export const verbs = [
  'sign',
  'attest',
  'verify',
  'promote',
  'inventory',
  'policy',
  'signers',
  'keygen',
] as const;
export type Verb = (typeof verbs)[number];

/** Help where the sentence of the table of inputs speaks of a workflow. */
const words: Readonly<Record<string, string>> = {
  'sign images': 'The images to sign, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'attest images': 'The images to attest, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'verify images': 'The images to verify, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'sign digest': 'The digest of the pushed image, for references that name none.',
  'attest digest': 'The digest of the pushed image, for references that name none.',
  predicate: 'What is attested: one JSON object, as a file or as text, signed letter by letter.',
  'predicate-type':
    'The type of it: slsaprovenance1, slsaprovenance, spdx, cyclonedx, vuln, openvex or a URI.',
  'promote images':
    'The images to promote, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'promote digest': 'The digest of the image, for references that name none.',
  to: 'Where to: registry/repository[:tag], or registry/prefix/ to keep the name of the repository.',
  include: 'What goes along: signatures, attestations, or all.',
  'promote key': 'The public key, or several in one file: any of them.',
  'verify digest': 'The digest of the image, for references that name none.',
  metadata: 'What `docker buildx build --metadata-file` wrote: image names and digests.',
  'sign key': 'The private key: a variable, a file, or a key in a service (awskms://… and others).',
  'attest key':
    'The private key: a variable, a file, or a key in a service (awskms://… and others).',
  'verify key': 'The public key, or several in one file: any of them.',
  'key-password': 'The password of an encrypted key.',
  annotations: 'An annotation that is signed, or asked for, with the image.',
  'github-annotations': 'On GitHub: also sign what GitHub Actions knows of this run.',
  format: 'How they are stored.',
  'identity-token': 'An OIDC token; without it the job itself is asked for one.',
  'oidc-audience': 'The audience of the token.',
  'disclose-private-repository':
    'Publish the names of repository and pipeline for ever, though they may be private.',
  registry: 'The registry that user name and password are for.',
  'registry-username': 'The user name there; without it the docker login on this machine is used.',
  'sign github-token': "On GitHub: the token to ask for the repository's visibility with.",
  'attest github-token': "On GitHub: the token to ask for the repository's visibility with.",
  timeout: 'The time for everything, retries included.',
  'certificate-identity':
    'The identity that must have signed (keyless), exactly; or any of several.',
  'only-images': 'Globs over the images that files name; only these are judged.',
  'policy policy': 'The policies to read: files or globs. They may also stand without a flag.',
  'signers policy': 'Lists of your own, in the place of the one that comes with this program.',
  policy: 'Policy files that say who must have signed which image.',
  files: 'Dockerfiles, compose, Kubernetes, Helm and other files to read references from.',
  fail: 'End with 1 when an image does not verify.',
  password: 'The password that encrypts the private key; without it you are asked for one.',
  'keygen repository':
    'The repository whose secrets are set, or may use those of the organisation.',
  'public-key-file': 'The path to write the public key to, beside the secrets.',
};

/** The words of help for a flag; undefined where the table's own sentence will do. */
export function wordsFor(verb: string, name: string): string | undefined {
  return words[`${verb} ${name}`] ?? words[name];
}

const registry = [
  'registry',
  'registry-username',
  'registry-password',
  'allow-http-registry',
  'allow-insecure-registry',
];
const images = ['images', 'digest', 'metadata'];

/** Titles of help, and what stands below them. What is nowhere here comes last. */
export const order: Readonly<
  Record<Verb, readonly (readonly [title: string, names: readonly string[]])[]>
> = {
  sign: [
    ['What to sign', [...images, 'recursive']],
    ['With a key', ['key', 'key-password', 'certificate', 'certificate-chain']],
    [
      'Keyless: without --key the identity of this job signs',
      ['identity-token', 'oidc-audience', 'disclose-private-repository', 'github-token'],
    ],
    [
      'How',
      [
        ...['annotations', 'github-annotations', 'format', 'tlog', 'tlog-fallback'],
        ...['skip-existing', 'verify', 'output-folder', 'timeout'],
      ],
    ],
    ['Registry', registry],
  ],
  attest: [
    ['Of which images', [...images, 'recursive']],
    [
      'What to attest: an SBOM, or a predicate and its type',
      ['sbom-path', 'predicate', 'predicate-type'],
    ],
    ['With a key', ['key', 'key-password', 'certificate', 'certificate-chain']],
    [
      'Keyless: without --key the identity of this job signs',
      ['identity-token', 'oidc-audience', 'disclose-private-repository', 'github-token'],
    ],
    [
      'How',
      ['format', 'tlog', 'tlog-fallback', 'skip-existing', 'verify', 'output-folder', 'timeout'],
    ],
    ['Registry', registry],
  ],
  verify: [
    ['What to verify', [...images, 'files', 'only-images', 'skip-images', 'recursive']],
    [
      'Who must have signed: one of key, certificate-identity and policy',
      [
        'key',
        'certificate-identity',
        'certificate-identity-regexp',
        'certificate-oidc-issuer',
        'certificate-oidc-issuer-regexp',
        'ca-roots',
        'ca-intermediates',
        'policy',
      ],
    ],
    ['How', ['annotations', 'tlog', 'fail', 'sarif', 'timeout']],
    ['Registry', registry],
    ['Services other than the public-good instance', ['trusted-root', 'tuf-mirror', 'tuf-root']],
  ],
  signers: [
    ['Of which list', ['policy']],
    ['How', ['timeout']],
    ['Registry', registry],
    ['Services other than the public-good instance', ['trusted-root', 'tuf-mirror', 'tuf-root']],
  ],
  policy: [
    ['What to read, and what to write', ['policy', 'to']],
    ['How', ['timeout']],
    ['Services other than the public-good instance', ['trusted-root', 'tuf-mirror', 'tuf-root']],
  ],
  promote: [
    ['What, and where to', [...images, 'to', 'include', 'recursive']],
    [
      'Who must have signed: one of key, certificate-identity and policy',
      [
        'key',
        'certificate-identity',
        'certificate-identity-regexp',
        'certificate-oidc-issuer',
        'certificate-oidc-issuer-regexp',
        'ca-roots',
        'ca-intermediates',
        'policy',
      ],
    ],
    ['How', ['annotations', 'tlog', 'timeout']],
    ['The registry that images come from', registry],
    ['Services other than the public-good instance', ['trusted-root', 'tuf-mirror', 'tuf-root']],
  ],
  inventory: [
    ['What to list', ['repository', 'recursive']],
    [
      'Whose signatures are verified; of all others is told what they claim',
      [
        'key',
        'certificate-identity',
        'certificate-identity-regexp',
        'certificate-oidc-issuer',
        'certificate-oidc-issuer-regexp',
        'tlog',
      ],
    ],
    ['What to do about it', ['resign-with', 'key-password', 'prune', 'dry-run', 'timeout']],
    ['Registry', registry],
    ['Services other than the public-good instance', ['trusted-root', 'tuf-mirror', 'tuf-root']],
  ],
  keygen: [
    ['Into files, as cosign does', ['output-key-prefix', 'password', 'overwrite']],
    [
      'Into secrets of GitHub',
      [
        'repository',
        'environment',
        'organization',
        'secret-prefix',
        'public-key-file',
        'github-token',
      ],
    ],
  ],
};

/** The title of what `order` does not name. */
export const rest: Readonly<Record<Verb, string>> = {
  sign: 'Services other than the public-good instance of Sigstore',
  attest: 'Services other than the public-good instance of Sigstore',
  verify: 'What the certificate must say besides',
  policy: 'More',
  signers: 'More',
  promote: 'What the certificate must say besides',
  inventory: 'Where signing again is recorded',
  keygen: 'More',
};
