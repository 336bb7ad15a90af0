// The flags of each command: the rows of the table of inputs, in the order and the words of a command
// line. Loaded at every start, so nothing here loads more than that table.
import {
  attestTable,
  type InputRow,
  keygenTable,
  signTable,
  type Table,
  verifyTable,
} from '../inputs/table.ts';
import { inFlags } from './in-flags.ts';

export const verbs = ['sign', 'attest', 'verify', 'keygen'] as const;
export type Verb = (typeof verbs)[number];

export interface Flag {
  readonly name: string;
  /** a list is given again for each entry, or has one entry a line */
  readonly kind: 'text' | 'list' | 'switch';
  /** how help names the value; absent for a switch */
  readonly value?: string;
  /** for help */
  readonly help: string;
  /** never an argument; `variable` is read when the flag is not there */
  readonly secret?: { readonly variable?: string };
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

/** The inputs of each command; promote comes here. */
export const tables: Readonly<Record<Verb, Table>> = {
  sign: signTable,
  attest: attestTable,
  verify: verifyTable,
  keygen: keygenTable,
};

/** Inputs of the actions that only GitHub Actions can do anything with, and what to do instead. */
export const actionOnly: Readonly<Record<Verb, Readonly<Record<string, string>>>> = {
  sign: {},
  attest: {},
  verify: {
    comment: 'A comment on the pull request is written by the action sign-image/verify alone.',
    'changed-only':
      'What a pull request changes, the action sign-image/verify finds out from GitHub. Here name the files in `--files`.',
    'github-token': 'Verifying asks nothing of GitHub here: leave it out.',
  },
  keygen: {},
};

/** Variables that secrets are looked for in; the table names those that the actions have as well. */
const variables: Readonly<Record<string, string>> = {
  'registry-password': 'SIGN_IMAGE_REGISTRY_PASSWORD',
  'github-token': 'GITHUB_TOKEN',
  password: 'COSIGN_PASSWORD',
};

/** Help where the sentence of the table speaks of a workflow. */
const words: Readonly<Record<string, string>> = {
  'sign images': 'The images to sign, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'attest images': 'The images to attest, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'verify images': 'The images to verify, `registry/repository[:tag][@sha256:…]`, or a JSON array.',
  'sign digest': 'The digest of the pushed image, for references that name none.',
  'attest digest': 'The digest of the pushed image, for references that name none.',
  predicate: 'What is attested: one JSON object, as a file or as text, signed letter by letter.',
  'predicate-type':
    'The type of it: slsaprovenance1, slsaprovenance, spdx, cyclonedx, vuln, openvex or a URI.',
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
  policy: 'Policy files that say who must have signed which image.',
  files: 'Dockerfiles, compose, Kubernetes, Helm and other files to read references from.',
  fail: 'End with 1 when an image does not verify.',
  password: 'The password that encrypts the private key; without it you are asked for one.',
  'keygen repository':
    'The repository whose secrets are set, or may use those of the organisation.',
  'public-key-file': 'The path to write the public key to, beside the secrets.',
};

const registry = [
  'registry',
  'registry-username',
  'registry-password',
  'allow-http-registry',
  'allow-insecure-registry',
];
const images = ['images', 'digest', 'metadata'];

/** Titles of help, and what stands below them. What is nowhere here comes last. */
const order: Readonly<
  Record<Verb, readonly (readonly [title: string, names: readonly string[]])[]>
> = {
  sign: [
    ['What to sign', [...images, 'recursive']],
    ['With a key', ['key', 'key-password']],
    [
      'Keyless: without --key the identity of this job signs',
      ['identity-token', 'oidc-audience', 'disclose-private-repository', 'github-token'],
    ],
    [
      'How',
      ['annotations', 'github-annotations', 'format', 'tlog', 'skip-existing', 'verify', 'timeout'],
    ],
    ['Registry', registry],
  ],
  attest: [
    ['Of which images', [...images, 'recursive']],
    [
      'What to attest: an SBOM, or a predicate and its type',
      ['sbom-path', 'predicate', 'predicate-type'],
    ],
    ['With a key', ['key', 'key-password']],
    [
      'Keyless: without --key the identity of this job signs',
      ['identity-token', 'oidc-audience', 'disclose-private-repository', 'github-token'],
    ],
    ['How', ['format', 'tlog', 'skip-existing', 'verify', 'timeout']],
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
        'policy',
      ],
    ],
    ['How', ['annotations', 'tlog', 'fail', 'sarif', 'timeout']],
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

const rest: Readonly<Record<Verb, string>> = {
  sign: 'Services other than the public-good instance of Sigstore',
  attest: 'Services other than the public-good instance of Sigstore',
  verify: 'What the certificate must say besides',
  keygen: 'More',
};

/** Flags of a command that are no inputs of its action. */
const own: Readonly<Record<Verb, readonly Flag[]>> = {
  sign: [],
  attest: [],
  verify: [],
  keygen: [
    {
      name: 'output-key-prefix',
      kind: 'text',
      value: 'PATH',
      help: 'PATH.key and PATH.pub are written. (default cosign)',
    },
  ],
};

/** Flags that every command has, and that are no inputs. */
export const commonFlags: readonly Flag[] = [
  { name: 'json', kind: 'switch', help: 'Print {"outputs": …, "results": …} on stdout.' },
  { name: 'debug', kind: 'switch', help: 'Say what is asked of whom, and the causes of errors.' },
  { name: 'help', kind: 'switch', help: 'Print this.' },
];

/** All flags of a command by their name. */
export function flagsOf(verb: Verb): ReadonlyMap<string, Flag> {
  const table = tables[verb];
  const names = new Set(Object.keys(table));
  const rows = Object.entries(table)
    .filter(([name]) => !Object.hasOwn(actionOnly[verb], name))
    .map(([name, row]) => flagOf(verb, name, row, names));
  return new Map([...rows, ...own[verb], ...commonFlags].map((flag) => [flag.name, flag]));
}

/** The flags of a command under the titles of its help. */
export function groupsOf(verb: Verb): readonly FlagGroup[] {
  const flags = new Map(flagsOf(verb));
  const take = (name: string) => {
    const flag = flags.get(name);
    flags.delete(name);
    return flag ?? [];
  };
  const common = commonFlags.flatMap(({ name }) => take(name));
  const titled = order[verb].map(([title, names]) => ({ title, flags: names.flatMap(take) }));
  const groups = [...titled, { title: rest[verb], flags: [...flags.values()] }];
  return [
    ...groups.filter((group) => group.flags.length > 0),
    { title: 'Every command', flags: common },
  ];
}

function flagOf(verb: Verb, name: string, row: InputRow, names: ReadonlySet<string>): Flag {
  const { kind, sentence } = row;
  const isSecret = row.secret === 'always';
  const variable = row.variable ?? variables[name];
  const value = placeholderOf(name, row);
  // An expression of a workflow says nothing here.
  const plain = sentence.replace(/ \(`\$\{\{[^`]*`\)/g, '');
  const first = /^.+?\.(?= [A-Z`]|$)/.exec(plain)?.[0] ?? plain;
  const said = words[`${verb} ${name}`] ?? words[name] ?? inFlags(first, names);
  const fallback = isSecret || row.default === undefined ? '' : ` (default ${row.default})`;
  return {
    name,
    kind: kind === 'switch' ? 'switch' : isList(row) ? 'list' : 'text',
    ...(kind === 'switch' ? {} : { value }),
    help: `${said}${row.default === 'false' ? '' : fallback}`,
    ...(isSecret ? { secret: variable === undefined ? {} : { variable } } : {}),
  };
}

function isList({ kind }: InputRow): boolean {
  return kind === 'list' || kind === 'images' || kind === 'globs' || kind === 'annotations';
}

function placeholderOf(name: string, { kind, secret }: InputRow): string {
  if (secret === 'always') return 'env://NAME|FILE';
  if (secret !== undefined) return 'env://NAME|FILE|KMS';
  if (typeof kind !== 'string') return kind.join('|');
  if (/^(policy|sarif|sbom-path)$|-file$/.test(name)) return 'FILE';
  if (/^(trusted-root|tuf-root|signing-config|predicate)$/.test(name)) return 'FILE|JSON';
  const values: Readonly<Record<string, string>> = {
    images: 'REFERENCE',
    globs: 'GLOB',
    annotations: 'NAME=VALUE',
    duration: 'DURATION',
    digest: 'sha256:…',
    url: 'URL',
    host: 'HOST',
  };
  return values[kind] ?? 'TEXT';
}
