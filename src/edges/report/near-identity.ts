import { kyvernoWildcard } from '../../policies/glob.ts';
import { quotedPattern } from '../../policies/signed.ts';
import type { GithubClaims } from '../../signature/policy.ts';
import { identityNames, isPlain, type NearMiss, severalInOne, yamlFor } from './near-miss.ts';

// How an exact identity nearly names the workflow that signed. Who signs chooses what is found:
// YAML with a part of it is made only where it can be no other workflow than the one that was meant.

interface Workflow {
  /** https://HOST */
  readonly host: string;
  /** owner/name */
  readonly repository: string;
  /** path of the file */
  readonly file: string;
  readonly ref: string;
}

function workflowOf(identity: string): Workflow | undefined {
  const [, host, repository, file, ref] =
    /^(https:\/\/[^/]+)\/([^/]+\/[^/]+)\/(\.\w+\/workflows\/[^@/]+)@(.+)$/.exec(identity) ?? [];
  return host === undefined || repository === undefined || file === undefined || ref === undefined
    ? undefined
    : { host, repository, file, ref };
}

type Rule = (written: string, found: string, claims: GithubClaims) => NearMiss | undefined;

/** How an exact identity nearly names a workflow; the first that holds tells. */
const exactRules: readonly Rule[] = [
  aPattern,
  (written, found) => severalInOne(written, found, identityNames),
  sameWithoutScheme,
  theCaller,
  otherCase,
  noRef,
  shortRef,
  branchForTag,
  onlyRepository,
  browserAddress,
  subjectClaim,
  otherRef,
];

/** @param written an identity that must be equal, letter by letter */
export function nearIdentity(
  written: string,
  found: string,
  claims: GithubClaims = {},
): NearMiss | undefined {
  for (const rule of exactRules) {
    const miss = rule(written, found, claims);
    if (miss !== undefined) return miss;
  }
  return undefined;
}

/** Text with `*` or in the syntax of a pattern, where every letter stands for itself. */
function aPattern(written: string, found: string): NearMiss | undefined {
  if (written === found || !/[*\\^$]/.test(written)) return undefined;
  const bare = written.replace(/^\^|\$$/g, '');
  const regexp = bare.includes('\\') || bare.includes('.*') || bare !== written;
  const glob = regexp ? bare.replace(/\.[*+]/g, '*').replace(/\\(.)/g, '$1') : bare;
  const matches = kyvernoWildcard(glob);
  if (!matches(found)) return undefined;
  const source = regexp ? written : quotedPattern(glob).replace(/(?:\\\*)+/g, '.*');
  const yaml = yamlFor(identityNames, { source, matches });
  return {
    sentence: `\`certificate-identity\` is compared letter by letter, so ${regexp ? 'a pattern fits nothing' : '`*` stands for itself'}: a pattern goes into \`certificate-identity-regexp\`.`,
    ...(yaml === undefined ? {} : { yaml }),
  };
}

function sameWithoutScheme(written: string, found: string): NearMiss | undefined {
  const address = /^(?:\w+:\/\/)?(.*?)\/?$/s.exec(written)?.[1];
  const same = [`https://${address}`, `https://github.com/${address}`].includes(found);
  return same && written !== found
    ? {
        sentence:
          'An identity is the whole address of the workflow, with `https://` in front and nothing behind.',
        yaml: [`certificate-identity: ${found}`],
      }
    : undefined;
}

/** A reusable workflow signs as itself; what called it stands in another part of the certificate. */
function theCaller(
  written: string,
  found: string,
  { workflowRef }: GithubClaims,
): NearMiss | undefined {
  const { host } = workflowOf(found) ?? {};
  if (workflowRef === undefined || written !== `${host}/${workflowRef}`) return undefined;
  return {
    sentence:
      'The workflow in `certificate-identity` called the one that signed: a called workflow signs as itself, and `github-workflow-ref` asks for the one that called it.',
    ...(isPlain(workflowRef)
      ? { yaml: [`certificate-identity: ${found}`, `github-workflow-ref: ${workflowRef}`] }
      : {}),
  };
}

function otherCase(written: string, found: string): NearMiss | undefined {
  // ASCII alone: to Unicode the Kelvin sign is a k, and a look-alike is somebody else.
  if (![written, found].every(isPlain) || written.toLowerCase() !== found.toLowerCase())
    return undefined;
  const [one, other] = [workflowOf(written), workflowOf(found)];
  const sentence = 'The two differ in upper and lower case alone, which counts.';
  // GitHub's names of owners and repositories differ in more than case; files and branches do not.
  return one?.file === other?.file && one?.ref === other?.ref && one !== undefined
    ? { sentence, yaml: [`certificate-identity: ${found}`] }
    : { sentence };
}

function noRef(written: string, found: string): NearMiss | undefined {
  const workflow = workflowOf(found);
  if (workflow === undefined || !found.startsWith(`${written}@`) || written.includes('@'))
    return undefined;
  return {
    sentence:
      'An identity ends with "@" and the branch or tag that the workflow ran at, and `certificate-identity` has none.',
    ...steadyYaml(workflow, found),
  };
}

function shortRef(written: string, found: string): NearMiss | undefined {
  const { ref } = workflowOf(written) ?? {};
  const start = written.slice(0, written.length - (ref?.length ?? 0));
  // A branch that is called as a version is nobody's release: who may push branches made it.
  const branches = /^v?\d/.test(ref ?? '') ? [] : [`${start}refs/heads/${ref}`];
  const long = [...branches, `${start}refs/tags/${ref}`];
  return ref !== undefined && long.includes(found)
    ? {
        sentence: `An identity has the branch or tag in full: \`@${found.slice(start.length)}\` in place of \`@${ref}\`.`,
        yaml: [`certificate-identity: ${found}`],
      }
    : undefined;
}

function branchForTag(written: string, found: string): NearMiss | undefined {
  const [one, other] = [workflowOf(written), workflowOf(found)];
  const branch = one?.ref.startsWith('refs/heads/') && other?.ref.startsWith('refs/tags/');
  return branch && other !== undefined && sameFile(one, other)
    ? {
        sentence:
          '`certificate-identity` names a branch, and the workflow ran for a tag. If its releases are the tags, ask for them, and let nobody else push such tags.',
        ...steadyYaml(other, found),
      }
    : undefined;
}

function onlyRepository(written: string, found: string): NearMiss | undefined {
  const workflow = workflowOf(found);
  const name = written.replace(/^(?:https?:\/\/)?(?:[\w-]+\.[\w.-]+\/)?/, '').replace(/\/$/, '');
  return workflow !== undefined && name.toLowerCase() === workflow.repository.toLowerCase()
    ? {
        sentence:
          'A repository is no identity: the workflow that signs is one, `https://github.com/OWNER/NAME/.github/workflows/FILE@REF`.',
        ...steadyYaml(workflow, found),
      }
    : undefined;
}

function browserAddress(written: string, found: string): NearMiss | undefined {
  const [, start, ref, file] =
    /^(https:\/\/[^/]+\/[^/]+\/[^/]+)\/blob\/(.+?)\/(\.\w+\/workflows\/[^/@]+)$/.exec(written) ??
    [];
  if (start === undefined) return undefined;
  const sentence =
    'This is the address of a page; an identity has the ref behind the file: `…/.github/workflows/FILE@refs/heads/BRANCH`.';
  return found === `${start}/${file}@refs/heads/${ref}`
    ? { sentence, yaml: [`certificate-identity: ${found}`] }
    : { sentence };
}

function subjectClaim(written: string): NearMiss | undefined {
  return /^repo:[^:]+:/.test(written)
    ? {
        sentence:
          'This is the subject of a GitHub token; the identity in a certificate is the address of the workflow, `https://github.com/OWNER/NAME/.github/workflows/FILE@REF`.',
      }
    : undefined;
}

/** The right workflow at another branch is not what was asked for: nothing to copy. */
function otherRef(written: string, found: string): NearMiss | undefined {
  const [one, other] = [workflowOf(written), workflowOf(found)];
  return sameFile(one, other)
    ? { sentence: 'The workflow is the right one, and it ran at another branch or tag.' }
    : undefined;
}

function sameFile(one: Workflow | undefined, other: Workflow | undefined): boolean {
  return (
    one !== undefined &&
    other !== undefined &&
    one.host === other.host &&
    one.repository === other.repository &&
    one.file === other.file
  );
}

/**
 * The workflow at the ref that releases are made of, as far as its name tells: versions, or the
 * main branch. Whoever may push any branch could have chosen another one.
 */
function steadyYaml({ ref }: Workflow, found: string): Pick<NearMiss, 'yaml'> {
  if (/^refs\/heads\/(main|master)$/.test(ref)) return { yaml: [`certificate-identity: ${found}`] };
  const start = quotedPattern(found.slice(0, found.length - ref.length));
  const [version] = /^refs\/tags\/v(?=\d)/.exec(ref) ?? [];
  return version === undefined
    ? {}
    : { yaml: [`certificate-identity-regexp: ${start}${version}[0-9].*`] };
}
