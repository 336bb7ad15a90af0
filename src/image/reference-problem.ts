import { hasHidden, shown as shownText } from '../text/untrusted.ts';
import { digestProblem } from './digest.ts';

/**
 * Why a text is not an image reference: the text fit for a log, the end of a sentence, and a
 * sentence with the change.
 */
export interface ReferenceProblem {
  readonly shown: string;
  readonly problem: string;
  readonly fix: string;
}

/** characters: host 253, port 6, repository 255, tag 129, digest 72, and some spaces */
export const maxReference = 800;

const example = '`images: ghcr.io/acme/app:1.2`';

type Rule = readonly [
  applies: (text: string) => boolean,
  problem: string | ((text: string) => string),
  fix: string,
];

const rules: readonly Rule[] = [
  [(text) => text === '', 'it is empty', `Write one reference a line, for example ${example}.`],
  [
    (text) => /^[-*\u2022]\s/.test(text),
    'it begins as an entry of a list, and an input is text without the "-"',
    'Remove the dash:\n  images: |\n    ghcr.io/acme/app\n    docker.io/acme/app',
  ],
  [
    (text) => /\s#/.test(text),
    'a comment follows the reference',
    'Write the comment on a line of its own, which begins with "#":\n  images: |\n    # latest\n    ghcr.io/acme/app',
  ],
  [
    (text) => text.includes('${{'),
    'the expression in it was not replaced',
    'Use the expression in a `with:` of the workflow itself, where GitHub replaces it: `images: ${{ env.IMAGE }}`.',
  ],
  [
    (text) => /[$%]/.test(text),
    'a variable in it was not replaced, the shell does not see inputs',
    'Use an expression instead of a shell variable: `images: ghcr.io/${{ github.repository }}`.',
  ],
  [(text) => /["'`]/.test(text), 'there are quotes in it', `Remove the quotes: ${example}.`],
  [
    (text) => /^[a-z][a-z0-9+.-]*:\/\//i.test(text),
    (text) => `it starts with a scheme, "${text.slice(0, text.indexOf('://') + 3)}"`,
    `Remove what stands before the host: ${example}. For a registry without TLS set \`allow-http-registry: true\`.`,
  ],
  [
    (text) => text.includes(','),
    'it is several references joined with commas',
    'Write one reference a line:\n  images: |\n    ghcr.io/acme/app\n    docker.io/acme/app',
  ],
  [
    (text) => /\s/.test(text),
    'there is a space in it',
    'Write one reference a line:\n  images: |\n    ghcr.io/acme/app\n    docker.io/acme/app',
  ],
  [
    (text) => /^(sha\d+:)?[0-9a-f]{32,}$/i.test(text),
    'it is a digest or an image id without a repository',
    'Put the digest into `digest:` and the repository into `images:`:\n  images: ghcr.io/acme/app\n  digest: ${{ steps.build.outputs.digest }}',
  ],
  [
    (text) => text.split('@').length > 2,
    'it has more than one "@"',
    'Write one digest: `images: ghcr.io/acme/app@sha256:…`.',
  ],
  [
    (text) => text.endsWith('@'),
    'there is no digest after "@"',
    'The step that gives the digest may have given none; look at its id: `images: ghcr.io/acme/app@${{ steps.build.outputs.digest }}`.',
  ],
  [
    isLonelyTag,
    'it is a tag, and the image it belongs to is missing',
    'Put registry and repository in front: `images: ghcr.io/acme/app:v1`.',
  ],
  [
    (text) => /@sha256:$/.test(text),
    'there are no digits after "@sha256:"',
    '`steps.build.outputs.digest` has "sha256:" already: `images: ghcr.io/acme/app@${{ steps.build.outputs.digest }}`.',
  ],
  [
    (text) => /@sha256:[0-9a-f]{64}.+/.test(text),
    'something follows its digest',
    'The tag comes before the digest: `images: ghcr.io/acme/app:1.2@sha256:…`.',
  ],
  [
    (text) => /@(?!sha256:[0-9a-f]{64}$)/.test(text),
    (text) => `its digest is not usable: ${digestProblem(text.slice(text.indexOf('@') + 1))}`,
    'Use the digest that the push printed: `images: ghcr.io/acme/app@${{ steps.build.outputs.digest }}`.',
  ],
  [
    (text) => /:sha256:/.test(text),
    'a digest follows "@", not ":"',
    'Write `images: ghcr.io/acme/app@sha256:…`.',
  ],
  [
    (text) => text.startsWith('@') || text.startsWith(':'),
    'there is no repository in front of it',
    'Put the repository in front: `images: ghcr.io/acme/app@${{ steps.build.outputs.digest }}`.',
  ],
  [
    (text) => /:(?=@|$)/.test(text),
    'there is no tag after ":"',
    'The expression behind the colon may be empty; remove the colon or look at the expression: `images: ghcr.io/acme/app:${{ github.sha }}`.',
  ],
  [
    (text) => /^\/|\/\/|\/(?=[:@]|$)/.test(text),
    'a part between its slashes is empty',
    'An expression in it may be empty; write registry, slash, repository: `images: ghcr.io/${{ github.repository }}`.',
  ],
  [
    (text) => /[A-Z]/.test(pathOf(text)),
    'a repository is written in lower case',
    'Write it in lower case; for a name from GitHub make it lower case in a step before:\n' +
      '  - id: name\n    run: echo "image=ghcr.io/${GITHUB_REPOSITORY,,}" >> "$GITHUB_OUTPUT"\nand use `images: ${{ steps.name.outputs.image }}`.',
  ],
  [
    (text) => middleOf(text).some((part) => part.includes(':')),
    'a tag has no slash',
    'A branch name may hold more than a tag; use for example `images: ghcr.io/acme/app:${{ github.sha }}`.',
  ],
  [
    (text) => pathOf(text).length > 255,
    'its repository is longer than 255 characters',
    `Use a shorter repository: ${example}.`,
  ],
  [
    (text) => tagOf(text).length > 128,
    'its tag is longer than 128 characters',
    'Shorten the tag: `images: ghcr.io/acme/app:${{ github.sha }}`.',
  ],
  [
    (text) => /[^\w.-]|^[.-]/.test(tagOf(text)),
    'its tag may hold letters, digits, "_", "." and "-" only and starts with a letter, a digit or "_"',
    'A branch name may hold more than a tag; use for example `images: ghcr.io/acme/app:${{ github.sha }}`.',
  ],
];

/**
 * True for a word that people give to tags and never to images: `v1`, `1.2.3`, `2024-05-01`,
 * `latest`, `main`.
 */
export function isLonelyTag(text: string): boolean {
  return /^(?:v?\d+(?:[.-]\w+)*|latest|main|master|edge|nightly)$/.test(text);
}

/**
 * Explains a text that the grammar refused. Never shows control characters, nor the user part of an
 * address (it may be a token).
 */
export function referenceProblem(entry: string): ReferenceProblem {
  const text = entry.slice(0, maxReference).trim();
  const withoutUser = text
    .replace(/\/\/[^/@\s]*@/g, '//…@')
    .replace(/^[^/@\s:]*:[^/@\s]*@(?!sha\d*:|$)/, '…@');
  const shown = shownText(withoutUser, 200);
  const fallback = `Write registry, slash, repository, and a tag or a digest: ${example}.`;
  if (entry.length > maxReference)
    return { shown, problem: `it has ${entry.length} characters`, fix: fallback };
  if (hasHidden(text)) {
    return {
      shown,
      problem: 'there is an invisible or control character in it',
      fix: `Type the reference again, one a line: ${example}.`,
    };
  }
  const rule = rules.find(([applies]) => applies(text));
  if (rule === undefined)
    return { shown, problem: 'its registry or its repository is not a valid name', fix: fallback };
  const [, problem, fix] = rule;
  return { shown, problem: typeof problem === 'string' ? problem : problem(text), fix };
}

/** The repository's part of a text that may be anything: no host, tag or digest. */
function pathOf(text: string): string {
  const name = text.replace(/@.*$/s, '').replace(/:[^/]*$/, '');
  return name.replace(/^(?:[^/]*[.:][^/]*|localhost)\//, '');
}

/** The parts between the host and the last slash. */
function middleOf(text: string): string[] {
  return (text.split('@')[0] ?? '').split('/').slice(1, -1);
}

/** What follows the last colon of the name, empty where there is none. */
function tagOf(text: string): string {
  const name = text.split('@')[0] ?? '';
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon < 0 ? '' : name.slice(colon + 1);
}
