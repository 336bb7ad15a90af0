import type { Matcher } from './policy.ts';
import { matches } from './policy.ts';

// Who asks for "signed by anybody" seldom writes it so plainly. A pattern is tried out with
// identities that strangers could get, under names that nobody can know before; reading the
// pattern's text would miss the next way to write it.

/** A pattern with more pieces of plain text than this is a list, and the first ones tell enough. */
const mostWishes = 20;

/** Whom a pattern lets in beside those it was meant for. */
export interface Stranger {
  /** e.g. `repositories of strangers on github.com`: the end of a sentence "matches …" */
  readonly who: string;
  /** an identity of that kind */
  readonly example: string;
}

/** Names that a stranger may have. They differ from run to run. */
interface Names {
  readonly owner: string;
  readonly project: string;
}

interface PublicIssuer {
  readonly issuer: string;
  readonly who: string;
  /** what a stranger with these names can get; `wish` is text that a stranger is free to choose */
  readonly identities: (names: Names, wish: string) => readonly string[];
}

const mail = ({ owner, project }: Names, wish: string): readonly string[] => [
  `${owner}@gmail.com`,
  `${owner}.${project}@outlook.com`,
  `${owner}@${project}.com`,
  `${owner}@${project}.iam.gserviceaccount.com`,
  ...(isName(wish) ? [`${wish}.${owner}@gmail.com`, `${owner}.${wish}@gmail.com`] : []),
];
const files = ['release.yml', 'build.yaml', 'docker-publish.yml', 'ci.yml', 'main.yml'];
const refs = ['refs/heads/main', 'refs/heads/master', 'refs/tags/v1.2.3', 'refs/pull/7/merge'];

/** Issuers of the public-good Fulcio that give an identity to whoever signs up. */
const publicIssuers: readonly PublicIssuer[] = [
  {
    issuer: 'https://token.actions.githubusercontent.com',
    who: 'repositories of strangers on github.com',
    identities: ({ owner, project }, wish) => {
      const workflows = (repository: string) =>
        `https://github.com/${owner}/${repository}/.github/workflows`;
      return [
        ...files.flatMap((file) =>
          refs.map((ref) => `${workflows(isName(wish) ? wish : project)}/${file}@${ref}`),
        ),
        `${workflows(project)}/${project}.yml@refs/heads/${owner}`,
        // A branch may have a workflow's whole name: `.*acme/app/…@refs/heads/main` fits that too.
        `${workflows(project)}/${project}.yml@refs/heads/${owner}${wish}`,
        `${workflows(project)}/${project}.yml@refs/tags/${owner}${wish}`,
      ];
    },
  },
  {
    issuer: 'https://gitlab.com',
    who: 'projects of strangers on gitlab.com',
    identities: ({ owner, project }, wish) =>
      [...refs.slice(0, 3), `refs/heads/${owner}${wish}`].map(
        (ref) =>
          `https://gitlab.com/${owner}/${isName(wish) ? wish : project}//.gitlab-ci.yml@${ref}`,
      ),
  },
  {
    issuer: 'https://agent.buildkite.com',
    who: 'pipelines of strangers on buildkite.com',
    identities: ({ owner, project }, wish) => [
      `https://buildkite.com/${owner}/${isName(wish) ? wish : project}`,
    ],
  },
  ...[
    'https://accounts.google.com',
    'https://github.com/login/oauth',
    'https://login.microsoftonline.com',
    'https://oauth2.sigstore.dev/auth',
  ].map((issuer) => ({ issuer, who: 'e-mail addresses of strangers', identities: mail })),
];

/**
 * Looks for somebody whom nobody meant: an identity that a stranger could get from an issuer that
 * serves the public, and that these matchers let in. Exact texts let in nobody else. What narrows
 * the rule further, such as the repository in the certificate, is the caller's to know.
 * @returns undefined where the matchers name somebody, or only issuers that do not serve the public
 */
export function strangerAmong(
  identities: readonly Matcher[],
  issuers: readonly Matcher[],
): Stranger | undefined {
  const patterns = identities.filter((matcher) => 'pattern' in matcher);
  for (const matcher of patterns) {
    const names = [madeUp('letters'), madeUp('digits'), madeUp('dashes')];
    if (unrelated(names).every((text) => matches(matcher, text)))
      return { who: 'anybody', example: 'anybody@example.com' };
    const wishes = wishesOf(matcher.pattern.source);
    for (const { who, identities: given } of publicIssuers.filter(({ issuer }) =>
      issuers.some((one) => matches(one, issuer)),
    )) {
      for (const name of names) {
        const found = wishes
          .flatMap((wish) => given(name, wish))
          .find((text) => matches(matcher, text));
        if (found !== undefined) return { who, example: plain(found, name) };
      }
    }
  }
  return undefined;
}

/** True for a matcher of issuers, or of identities, that takes texts with nothing in common. */
export function matchesAnything(matcher: Matcher): boolean {
  return (
    'pattern' in matcher && unrelated([madeUp('letters')]).every((text) => matches(matcher, text))
  );
}

function unrelated(names: readonly Names[]): readonly string[] {
  return names.flatMap(({ owner, project }) => [
    `${owner}@${project}.invalid`,
    `https://${owner}.invalid/${project}`,
    owner,
  ]);
}

/**
 * Names that a policy's author could not know and leave out. Node's crypto is loaded here: most
 * runs have no pattern.
 */
function madeUp(kind: 'letters' | 'digits' | 'dashes'): Names {
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  const word = (length: number) =>
    [...randomBytes(length)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('');
  const number = () => 10 + (randomBytes(1)[0] ?? 0);
  if (kind === 'letters') return { owner: word(12), project: word(10) };
  if (kind === 'digits')
    return { owner: `${word(8)}${number()}`, project: `${word(6)}${number()}` };
  return { owner: `${word(5)}-${word(6)}-${number()}`, project: `${word(4)}-${word(5)}` };
}

/** An example as a person reads it: without what was made up. */
function plain(identity: string, { owner, project }: Names): string {
  return identity.replaceAll(owner, 'stranger').replaceAll(project, 'project');
}

/**
 * What the pattern asks for in plain text, piece by piece, word by word and in one: whoever may
 * choose a part of the own identity, such as a branch's name, chooses this.
 */
function wishesOf(source: string): readonly string[] {
  const pieces = source
    .split(/[.][*+]\??|\[\^?(?:[^\]\\]|\\.)*\]|(?<!\\)[\^$|()*+?]/)
    .map((piece) => piece.replace(/\\(?=\W)/g, ''))
    .filter((piece) => piece !== '' && !/[\s~^:?*[\\]|\.\.|\/\//.test(piece));
  const words = pieces.flatMap((piece) => piece.split(/[/@]/)).filter(isName);
  return ['', ...new Set([...pieces, ...words, pieces.join('/')])].slice(0, mostWishes);
}

/** What a repository, a project or a mailbox may be called. */
function isName(text: string): boolean {
  return /^\w[\w.-]*$/.test(text);
}
