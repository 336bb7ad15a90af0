import { Failure } from '../../failure.ts';
import { breaksLine } from '../../text/untrusted.ts';
import { parseList, shown } from './values.ts';

// Bounds far above what a person writes: annotations go into every signature of the step.
const mostAnnotations = 100;
const longestName = 256;
const longestValue = 4096;

/** Annotations as an input gives them, and what a person should know about them. */
export interface Annotations {
  readonly annotations: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * Reads `name=value` lines. The value starts after the first `=` and may contain more; nothing is
 * unquoted, but a value wrapped in quotes gives a warning, since YAML block text keeps them and a
 * verifier would have to state them.
 * @returns the annotations, without prototype, in the order written, and the warnings.
 * @throws {Failure} `bad-annotation`: no `=`, no name, a name twice, control characters, too many
 * or too long.
 */
export function parseAnnotations(text: string): Annotations {
  const annotations: Record<string, string> = Object.create(null);
  const warnings: string[] = [];
  for (const line of parseList(text, 'keep-commas')) {
    const { name, value } = splitLine(line);
    if (Object.hasOwn(annotations, name))
      throw refused(`names "${shown(name)}" twice`, 'Keep one line for each name.');
    annotations[name] = value;
    warnings.push(...quotesIn(name, value), ...othersIn(name, value));
  }
  if (Object.keys(annotations).length > mostAnnotations)
    throw refused(
      `has more than ${mostAnnotations} entries`,
      'Sign what a verifier asks for, and leave the rest to provenance.',
    );
  return { annotations, warnings };
}

/**
 * `a="b"` and `"a=b"`: YAML's block text and this action take quotes as they are, and a verifier
 * would have to state them.
 */
function quotesIn(name: string, value: string): readonly string[] {
  const around =
    /^(["']).*\1$/s.test(value) && value.length > 1
      ? 'value'
      : /^["']/.test(name)
        ? 'line'
        : undefined;
  if (around === undefined) return [];
  const bare = name.replace(/^["']/, '');
  const meant = `${bare}=${value.replace(/^["']|["']$/g, '')}`;
  return [
    `The quotes around the ${around} of annotation "${shown(bare)}" are signed as part of it. Leave them out if they are not meant: \`${shown(meant)}\`.`,
  ];
}

/**
 * `env=prod,team=core` is one annotation, and so is a line with a comment behind it: both are
 * rarely meant.
 */
function othersIn(name: string, value: string): readonly string[] {
  const [comment] = /\s#\s.*$/.exec(value) ?? [];
  if (comment !== undefined)
    return [
      `The text "${shown(comment.trim())}" is signed as part of annotation "${shown(name)}". A comment stands on a line of its own, which begins with "#".`,
    ];
  const parts = value.split(',');
  if (parts.length < 2 || !parts.slice(1).every((part) => /^\s*[\w./-]+\s*=/.test(part))) return [];
  const lines = [`${name}=${parts[0]}`, ...parts.slice(1)].map((line) => `\`${shown(line)}\``);
  return [
    `Annotation "${shown(name)}" has the value "${shown(value)}": a comma does not begin another one. Write one a line if they are meant apart: ${lines.join(', ')}.`,
  ];
}

function splitLine(line: string): { name: string; value: string } {
  if (/^[-*]\s/.test(line))
    throw refused(
      `has the line "${shown(line)}", which begins as an entry of a list`,
      'Remove the dash: write one `name=value` a line.',
    );
  const at = line.indexOf('=');
  if (at < 0)
    throw refused(`has the line "${shown(line)}" without "="`, 'Write one `name=value` a line.');
  const name = line.slice(0, at).trim();
  const value = line.slice(at + 1).trim();
  if (name === '')
    throw refused(`has the line "${shown(line)}" without a name`, 'Write one `name=value` a line.');
  // These could forge or turn round a line of the log or of a report that shows the annotation.
  if (breaksLine(name) || breaksLine(value))
    throw refused(`has control characters at "${shown(name)}"`, 'Use printable text.');
  if (name.length > longestName || value.length > longestValue)
    throw refused(
      `has an entry too long, "${shown(name)}"`,
      `A name has at most ${longestName} characters, a value ${longestValue}.`,
    );
  return { name, value };
}

function refused(what: string, fix: string): Failure {
  return new Failure('bad-annotation', `Input annotations ${what}.`, fix);
}

/**
 * Annotation name → variable of the runner. The names are those of the `github` context in
 * workflows, so a reader knows them.
 */
const sources: Readonly<Record<string, string>> = {
  repository: 'GITHUB_REPOSITORY',
  workflow: 'GITHUB_WORKFLOW',
  ref: 'GITHUB_REF',
  sha: 'GITHUB_SHA',
  run_id: 'GITHUB_RUN_ID',
  run_attempt: 'GITHUB_RUN_ATTEMPT',
  actor: 'GITHUB_ACTOR',
};

/**
 * What this run says of itself, for signing: `repository`, `workflow`, `ref`, `sha`, `run_id`,
 * `run_attempt`, `actor`; those that the runner sets.
 */
export function githubAnnotations(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const found = Object.entries(sources).map(
    ([name, variable]) => [name, env[variable] ?? ''] as const,
  );
  return Object.fromEntries(found.filter(([, value]) => value !== ''));
}

/**
 * Both kinds of annotations as one.
 * @throws {Failure} `bad-annotation` when one name would have two sources: a verifier must not read
 * a hand-written `sha` as GitHub's.
 */
export function combineAnnotations(
  written: Readonly<Record<string, string>>,
  fromGithub: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const twice = Object.keys(fromGithub).find((name) => Object.hasOwn(written, name));
  if (twice !== undefined)
    throw new Failure(
      'bad-annotation',
      `Annotation "${twice}" is written in annotations and also set by github-annotations.`,
      `Give yours another name, or leave \`github-annotations\` out.`,
    );
  return { ...written, ...fromGithub };
}
