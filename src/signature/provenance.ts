import { shown } from '../text/untrusted.ts';
import { isObject, Refusal } from './refusal.ts';

/** What SLSA provenance says of a build. Absent = it says nothing. */
export interface Provenance {
  /** URI of what built */
  readonly builder?: string;
  /** URI of the repository that was built, without git's prefixes and suffixes */
  readonly source?: string;
  readonly ref?: string;
  /** hexadecimal */
  readonly commit?: string;
}

/** What a certificate says of the run that signed; texts as Fulcio's extensions have them. */
export interface CertifiedRun {
  /** the subject's name: with a CI system the workflow that signed */
  readonly identity: string;
  /** the workflow that was started */
  readonly buildConfig?: string | undefined;
  readonly run?: string | undefined;
  readonly repository?: string | undefined;
  readonly ref?: string | undefined;
  readonly sha?: string | undefined;
  readonly runnerEnvironment?: string | undefined;
}

const slsa1 = 'https://slsa.dev/provenance/v1';
const slsa02 = 'https://slsa.dev/provenance/v0.2';

/**
 * Reads builder and source out of SLSA provenance, v1 or v0.2, as GitHub, slsa-github-generator and
 * BuildKit write them.
 * @returns undefined for another predicate type
 * @throws {Refusal} `malformed` where these are no texts
 */
export function readProvenance(type: string, predicate: unknown): Provenance | undefined {
  if (type !== slsa1 && type !== slsa02) return undefined;
  const read = type === slsa1 ? readV1 : readV02;
  const { builder, uri, ref, commit } = read(predicate);
  const source = sourceOf(textAt(uri, 'source'));
  const stated = {
    builder: textAt(builder, 'builder'),
    source: source?.repository,
    ref: textAt(ref, 'ref') ?? source?.ref,
    commit: textAt(commit, 'commit'),
  };
  return Object.fromEntries(
    Object.entries(stated).filter(([, value]) => value !== undefined && value !== ''),
  );
}

interface Stated {
  readonly builder: unknown;
  readonly uri: unknown;
  readonly ref?: unknown;
  readonly commit: unknown;
}

/** slsa.dev/spec/v1.0/provenance; buildType decides how parameters name the source. */
function readV1(predicate: unknown): Stated {
  const parameters = at(predicate, 'buildDefinition', 'externalParameters');
  const workflow = at(parameters, 'workflow');
  const config = at(parameters, 'configSource');
  const builder = at(predicate, 'runDetails', 'builder', 'id');
  // GitHub's build types name the workflow's repository and ref, and its commit among the materials.
  const repository = at(workflow, 'repository');
  if (repository !== undefined)
    return {
      builder,
      uri: repository,
      ref: at(workflow, 'ref'),
      commit: commitOf(predicate, repository),
    };
  const source = at(parameters, 'source');
  return {
    builder,
    uri:
      at(config, 'uri') ?? at(source, 'uri') ?? (typeof source === 'string' ? source : undefined),
    commit: digestOf(at(config, 'digest') ?? at(source, 'digest')),
  };
}

/** slsa.dev/spec/v0.2/provenance */
function readV02(predicate: unknown): Stated {
  const config = at(predicate, 'invocation', 'configSource');
  return {
    builder: at(predicate, 'builder', 'id'),
    uri: at(config, 'uri'),
    commit: digestOf(at(config, 'digest')),
  };
}

/** The commit of the one dependency that is the repository itself. */
function commitOf(predicate: unknown, repository: unknown): unknown {
  const dependencies = at(predicate, 'buildDefinition', 'resolvedDependencies');
  if (!Array.isArray(dependencies)) return undefined;
  const own = dependencies.filter((dependency: unknown) => {
    const uri = at(dependency, 'uri');
    return (
      typeof uri === 'string' &&
      typeof repository === 'string' &&
      sourceOf(uri)?.repository === sourceOf(repository)?.repository
    );
  });
  return own.length === 1 ? digestOf(at(own[0], 'digest')) : undefined;
}

function digestOf(digest: unknown): unknown {
  return at(digest, 'gitCommit') ?? at(digest, 'sha1');
}

/**
 * `git+https://HOST/OWNER/REPO.git@REF` (pip and SLSA), `…#REF` or `…?ref=REF` (BuildKit), taken
 * apart. Of a fragment `REF:FOLDER` the folder is no part of the ref.
 */
function sourceOf(uri: string | undefined): { repository: string; ref?: string } | undefined {
  if (uri === undefined || uri === '') return undefined;
  const [, address = uri, query, behind] =
    /^(?:git\+)?([^#?@]*)(?:\?([^#]*))?(?:[#@](.*))?$/s.exec(uri) ?? [];
  const repository = address.replace(/\/$/, '').replace(/\.git$/, '');
  const named = new URLSearchParams(query).get('ref') ?? behind?.replace(/:.*$/s, '');
  return { repository, ...(named?.startsWith('refs/') ? { ref: named } : {}) };
}

/**
 * Holds what provenance says against the certificate that it was signed with. A predicate alone
 * proves nothing: whoever may sign in one workflow could name another builder, or other sources.
 * What the certificate does not speak of is not compared.
 * @throws {Refusal} `wrong-claim`
 */
export function checkProvenance(stated: Provenance, certified: CertifiedRun): void {
  const { builder, source, ref, commit } = stated;
  const isRun = certified.repository !== undefined || certified.run !== undefined;
  if (builder !== undefined && isRun && !buildersOf(certified).includes(builder))
    throw disagrees('builder', builder, certified.identity);
  const repository = certified.repository;
  if (source !== undefined && repository !== undefined && source !== repository)
    throw disagrees('source', source, repository);
  if (ref !== undefined && certified.ref !== undefined && ref !== certified.ref)
    throw disagrees('ref', ref, certified.ref);
  if (commit !== undefined && certified.sha !== undefined && commit !== certified.sha)
    throw disagrees('commit', commit, certified.sha);
}

/** The names that builders of a CI run give themselves, each of which the certificate has. */
function buildersOf(certified: CertifiedRun): readonly string[] {
  const { identity, buildConfig, run, runnerEnvironment } = certified;
  const server = URL.parse(identity)?.origin ?? '';
  return [
    identity,
    ...(buildConfig === undefined ? [] : [buildConfig]),
    ...(run === undefined ? [] : [run, run.replace(/\/attempts\/\d+$/, '')]),
    ...(runnerEnvironment === undefined
      ? []
      : [`${server}/actions/runner`, `${server}/actions/runner/${runnerEnvironment}`]),
  ];
}

function disagrees(what: string, said: string, certified: string): Refusal {
  return new Refusal(
    'wrong-claim',
    `The provenance names the ${what} "${shown(said)}", and its certificate says "${shown(certified)}".`,
  );
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const name of path) {
    if (!isObject(current) || !Object.hasOwn(current, name)) return undefined;
    current = current[name];
  }
  return current;
}

function textAt(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > 4096)
    throw new Refusal('malformed', `The ${what} in the provenance is not a short text.`);
  return value;
}
