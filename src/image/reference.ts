import { Failure } from '../failure.ts';
import { shown } from '../text/untrusted.ts';
import { type Digest, isDigest } from './digest.ts';
import { isLonelyTag, maxReference, referenceProblem } from './reference-problem.ts';

/**
 * A repository of one registry, parsed. Docker Hub is always `docker.io` here, whichever of its
 * names was written.
 */
export interface RepositoryName {
  /** host[:port] in lower case, e.g. `ghcr.io`, `docker.io`, `127.0.0.1:5000`, `[::1]:5000` */
  readonly registry: string;
  /** path, e.g. `acme/app`, `library/nginx` */
  readonly repository: string;
}

/** An image reference, parsed once: `registry/repository[:tag][@digest]`. */
export interface ImageReference extends RepositoryName {
  readonly tag?: string;
  readonly digest?: Digest;
}

const component = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const hostLabel = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const maxRepository = 255;

/**
 * Reads an image reference as Docker does (grammar of distribution/reference; short names mean
 * Docker Hub, `nginx` is `docker.io/library/nginx`), without inventing a tag. Hosts are compared in
 * lower case; digests must be canonical sha256.
 * @param where the input the text came from, for the message
 * @throws {Failure} `bad-reference` that shows the entry and says what to change.
 */
export function parseReference(text: string, where = 'images'): ImageReference {
  const reference = text.length <= maxReference ? read(text.trim()) : undefined;
  if (reference !== undefined) return reference;
  const { shown, problem, fix } = referenceProblem(text);
  throw new Failure(
    'bad-reference',
    `"${shown}" in \`${where}\` is not an image reference: ${problem}.`,
    fix,
  );
}

/**
 * Reads what a workflow names: a reference, or the address of an OCI artifact as Helm and Flux write
 * it, `oci://` and a reference. Behind it the first part is always a host, which Docker may read as
 * a name on Docker Hub (`oci://acme/app`): such an address is refused.
 * @throws {Failure} `bad-reference`
 */
export function parseNamed(text: string, where = 'images'): ImageReference {
  const address = text.trim();
  if (!address.startsWith(ociScheme)) return parseReference(text, where);
  const rest = address.slice(ociScheme.length);
  const host = rest.split('/', 1)[0] ?? '';
  if (rest.includes('/') && !isHost(host))
    throw new Failure(
      'bad-reference',
      `"${shown(address, 200)}" in \`${where}\` is not the address of an artifact: behind oci:// stands a registry, and "${shown(host, 100)}" is none.`,
      `Name the registry: \`${where}: oci://ghcr.io/acme/charts/app\`.`,
    );
  return parseReference(rest, where);
}

const ociScheme = 'oci://';

/** As Docker tells a host from the first part of a name on Docker Hub. */
function isHost(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first);
}

/**
 * Reads the name of a repository alone, where signatures are kept: `ghcr.io/acme/signatures`; of
 * Docker Hub also `acme/signatures`. A name that Docker and cosign read differently is refused, or
 * one of them would look where the other has not written.
 * @param where the input the text came from, for the message
 * @throws {Failure} `bad-reference`
 */
export function parseRepository(text: string, where: string): RepositoryName {
  const written = text.trim();
  const reference = text.length <= maxReference ? read(written) : undefined;
  const problem = /[\r\n]/.test(written)
    ? 'it has several lines, and there is one place for all images'
    : reference === undefined
      ? referenceProblem(text).problem
      : placeProblem(written, reference);
  if (reference !== undefined && problem === undefined)
    return { registry: reference.registry, repository: reference.repository };
  throw new Failure(
    'bad-reference',
    `"${referenceProblem(text).shown}" in \`${where}\` is not the name of a repository: ${problem}.`,
    `Write registry and repository: \`${where}: ghcr.io/acme/signatures\`; a registry on this machine with its port, \`localhost:5000/acme/signatures\`.`,
  );
}

function placeProblem(written: string, { tag, digest }: ImageReference): string | undefined {
  if (tag !== undefined || digest !== undefined) return 'it has a tag or a digest';
  if (!written.includes('/')) return 'it has no slash, so registry or repository is missing';
  return written.startsWith('localhost/')
    ? 'cosign reads it as a repository on Docker Hub'
    : undefined;
}

/**
 * Reads the host of a registry alone, as it stands in front of a reference: `ghcr.io`,
 * `127.0.0.1:5000`; in lower case, Docker Hub always `docker.io`.
 * @returns undefined for anything else: an address, a path, a name that Docker reads as a
 * repository of Docker Hub
 */
export function parseRegistry(text: string): string | undefined {
  return readName(`${text}/name`)?.registry === canonicalHost(text)
    ? canonicalHost(text)
    : undefined;
}

/** `registry/repository[:tag][@digest]`; `parseReference` reads it back to the same value. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${formatRepository(reference)}${tag}${digest}`;
}

/** True where both name one repository. */
export function isSameRepository(one: RepositoryName, other: RepositoryName): boolean {
  return one.registry === other.registry && one.repository === other.repository;
}

/** `registry/repository` as Docker, podman and skopeo print it; Docker Hub is `docker.io`. */
export function formatRepository(name: RepositoryName): string {
  return `${name.registry}/${name.repository}`;
}

/**
 * `registry/repository` as cosign writes it into `docker-reference` of a simple-signing payload;
 * Docker Hub is `index.docker.io` (go-containerregistry's name). podman's `matchRepository` reads
 * it as `docker.io` (distribution/reference treats both names as one).
 */
export function cosignRepositoryName(name: RepositoryName): string {
  return name.registry === 'docker.io'
    ? `index.docker.io/${name.repository}`
    : formatRepository(name);
}

/**
 * host[:port] that is contacted: Docker Hub's API is at `registry-1.docker.io`, everybody else's
 * under the name itself.
 */
export function registryHost(name: RepositoryName): string {
  return name.registry === 'docker.io' ? 'registry-1.docker.io' : name.registry;
}

function read(text: string): ImageReference | undefined {
  // "sha256:…" alone would be a tag of docker.io/library/sha256; whoever writes it means a digest.
  if (/^sha\d+:/.test(text)) return undefined;
  // "v1" alone would be docker.io/library/v1, an image that nobody means and that only Docker could
  // push.
  if (isLonelyTag(text)) return undefined;
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) return undefined;
  const named = at < 0 ? text : text.slice(0, at);
  // A tag has no slash and a host's port is always followed by one.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !tagPattern.test(tag)) return undefined;
  const name = readName(colon < 0 ? named : named.slice(0, colon));
  if (name === undefined) return undefined;
  return { ...name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function readName(text: string): RepositoryName | undefined {
  // 64 hexadecimal digits are an image id, never a name (distribution/reference).
  if (/^[0-9a-f]{64}$/.test(text)) return undefined;
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const hasHost = isHost(first);
  const registry = hasHost ? canonicalHost(first) : 'docker.io';
  let repository = hasHost ? text.slice(slash + 1) : text;
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`;
  if (
    repository.length > maxRepository ||
    !repository.split('/').every((part) => component.test(part))
  )
    return undefined;
  return isRegistry(registry) ? { registry, repository } : undefined;
}

/** Lower case, and one name for Docker Hub. */
function canonicalHost(host: string): string {
  const name = host.toLowerCase();
  return name === 'index.docker.io' ? 'docker.io' : name;
}

function isRegistry(text: string): boolean {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::(\d{1,5}))?$/.exec(text);
  if (parts === null) return false;
  const [, ipv6, host, port] = parts;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return false;
  if (ipv6 !== undefined) return URL.canParse(`http://[${ipv6}]`);
  return (
    host !== undefined &&
    host.length <= 253 &&
    host.split('.').every((label) => hostLabel.test(label))
  );
}
