// What is typed, read: it stands in YAML, in commands and in patterns, so it is held against narrow
// forms first. What does not fit is told in a sentence, and nothing is written.
import { Failure } from '../../src/failure.ts';
import { formatRepository, parseReference } from '../../src/image/reference.ts';
import { byKey, type Choice, inService, type Registry, registries, type Typed } from './choices.ts';
import { registryWords, serviceOf, suggestedImage } from './logins.ts';

/** What is wrong with what was typed, by the name of the field. */
export type Mistakes = Partial<Record<keyof Typed, string>>;

/** The choice without blanks around what was typed, and lines of a key that end as lines do. */
export function trimmed(choice: Choice): Choice {
  const { owner, repository, branch, image, keyAddress, publicKey } = choice;
  return {
    ...choice,
    owner: owner.trim(),
    repository: repository.trim(),
    branch: branch.trim(),
    image: image.trim(),
    keyAddress: keyAddress.trim(),
    publicKey: pemOf(publicKey),
  };
}

function pemOf(text: string): string {
  const lines = text.replace(/[ \t]*\r?\n|\r/g, '\n').trim();
  return lines === '' ? '' : `${lines}\n`;
}

/** The choice with what the registry and the service suggest in place of what was left empty. */
export function completed(choice: Choice): Choice {
  const typed = trimmed(choice);
  return {
    ...typed,
    image: formatRepository(parseReference(typed.image || suggestedImage(typed))),
    keyAddress: typed.keyAddress || (serviceOf(typed)?.address ?? ''),
  };
}

/** Of a choice that is trimmed. */
export function mistakesIn(choice: Choice): Mistakes {
  const { owner, repository, branch, image, keyAddress, publicKey } = choice;
  const found: Record<keyof Typed, string | undefined> = {
    owner: isAccount(owner) ? undefined : 'An account of GitHub: letters, digits and "-".',
    repository: repositoryMistake(repository),
    branch: branchMistake(branch),
    image:
      image === '' && repositoryMistake(repository) !== undefined
        ? undefined
        : imageMistake(image || suggestedImage(choice), choice.registry),
    keyAddress:
      inService(choice) && keyAddress !== '' && !isAddress(keyAddress, choice)
        ? `An address like ${serviceOf(choice)?.address}.`
        : undefined,
    publicKey: byKey(choice) ? keyMistake(publicKey) : undefined,
  };
  return Object.fromEntries(
    Object.entries(found).filter(([, sentence]) => sentence !== undefined),
  ) as Mistakes;
}

function isAccount(text: string): boolean {
  return /^[A-Za-z0-9](?:[\w-]{0,37}\w)?$/.test(text);
}

function repositoryMistake(text: string): string | undefined {
  const [owner = '', name = '', ...more] = text.split('/');
  const fits =
    isAccount(owner) &&
    more.length === 0 &&
    /^[\w.-]{1,100}$/.test(name) &&
    !/^\.\.?$|\.git$/.test(name);
  return fits ? undefined : 'The repository as owner/name, as GitHub writes it.';
}

/** What `git check-ref-format` allows, without what is special to patterns, YAML and shells. */
function branchMistake(text: string): string | undefined {
  if (/^refs\//.test(text)) return 'The name of the branch alone, without refs/heads/.';
  const isPart = (part: string) => /^[\w.-]*[\w-]$/.test(part) && !/^\.|\.\.|\.lock$/.test(part);
  return /^\w/.test(text) && text.length <= 100 && text.split('/').every(isPart)
    ? undefined
    : 'A branch of letters, digits and "-", "_", ".", "/".';
}

function imageMistake(image: string, registry: Registry): string | undefined {
  try {
    const named = parseReference(image, 'image');
    if (named.tag !== undefined || named.digest !== undefined)
      return 'The name without a tag or digest: the workflow makes the tags.';
    return placeMistake(named, registry);
  } catch (caught) {
    if (caught instanceof Failure) return caught.message.replace(' in `image`', '');
    throw caught;
  }
}

/** The login of one registry must go to no other one: a token would. */
function placeMistake(
  { registry: host, repository }: { readonly registry: string; readonly repository: string },
  registry: Registry,
): string | undefined {
  const { name, hosts, parts = 1, image } = registryWords[registry];
  const owner = registries.find(({ value }) => registryWords[value].hosts?.test(host));
  if (hosts !== undefined && !hosts.test(host))
    return `This image is on ${host}, and ${name} has names like ${image}.`;
  if (hosts === undefined && owner !== undefined && owner.value !== registry)
    return `This image is on ${host}: choose ${owner.label} as the registry.`;
  // Brackets are a pattern to the gate, which would then judge no image at all.
  if (host.startsWith('[')) return 'The registry by its name: runners of GitHub reach no address.';
  return repository.split('/').length < parts || repository.startsWith('library/')
    ? `${name} has names like ${image}.`
    : undefined;
}

const awsId =
  '(?:mrk-)?[A-Fa-f0-9]{8}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{12}';
const awsAlias = 'alias/[\\w/-]{1,250}';
const part = '(?!\\.+(?:/|$))[A-Za-z0-9_.:-]{1,200}';

/** The addresses that `key` takes; a test holds them against the providers of the engine. */
const addresses: Readonly<Record<string, RegExp>> = {
  awskms: new RegExp(
    `^awskms://(?:[A-Za-z0-9.-]+(?::\\d{1,5})?)?/(?:${awsId}|${awsAlias}|arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{3,40}:\\d{12}:(?:key/${awsId}|${awsAlias}))$`,
  ),
  gcpkms: new RegExp(
    `^gcpkms://projects/${part}/locations/${part}/keyRings/${part}/cryptoKeys/${part}(?:/(?:cryptoKeyVersions|versions)/\\d{1,9})?$`,
  ),
  azurekms:
    /^azurekms:\/\/[a-z0-9-]+\.(?:vault|managedhsm)\.(?:azure\.net|azure\.cn|usgovcloudapi\.net)\/[A-Za-z0-9-]{1,127}(?:\/[a-z0-9]{1,64})?$/,
  hashivault: /^hashivault:\/\/\w(?:[\w.-]{0,200}\w)?$/,
};

function isAddress(text: string, { signer }: Choice): boolean {
  return addresses[signer]?.test(text) === true;
}

function keyMistake(pem: string): string | undefined {
  if (pem === '') return undefined;
  if (/PRIVATE KEY/.test(pem))
    return 'This is a private key. Nobody else may see it; here belongs the public one, cosign.pub.';
  const [, base64] =
    /^-----BEGIN PUBLIC KEY-----\n((?:[A-Za-z0-9+/]{1,64}={0,2}\n)+)-----END PUBLIC KEY-----\n$/.exec(
      pem,
    ) ?? [];
  return base64 !== undefined && isSequence(base64.replaceAll('\n', ''))
    ? undefined
    : 'The text of cosign.pub, from -----BEGIN PUBLIC KEY----- to its end.';
}

/** True for one whole SEQUENCE in DER: a key that was cut, or has more behind it, is none. */
function isSequence(base64: string): boolean {
  if (!/^(?:[^=]{4})*(?:[^=]{2}==|[^=]{3}=)?$/.test(base64)) return false;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const [tag, first = 0] = bytes;
  const more = first > 0x80 ? first - 0x80 : 0;
  const length =
    more === 0 ? first : bytes.slice(2, 2 + more).reduce((sum, byte) => sum * 256 + byte, 0);
  return tag === 0x30 && more <= 2 && first !== 0x80 && bytes.length === 2 + more + length;
}
